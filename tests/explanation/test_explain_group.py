"""Networks on groups that are not cyclic: planted ones, ones of the wrong group, lookups."""

import json
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from grokscope.algebra.coset import left_cosets, right_cosets
from grokscope.algebra.group import Group
from grokscope.algebra.group_name import group_named
from grokscope.algebra.real_irrep import real_irreps
from grokscope.algebra.subgroup import subgroups
from grokscope.core.seeds import generator
from grokscope.explanation.coset_circuit import proper_cosets, read_cosets, scrambled
from grokscope.explanation.explain import explain
from grokscope.explanation.group_form import by_miss, character_form
from grokscope.explanation.network_subject import NetworkSubject
from grokscope.explanation.symmetry import group_symmetry, symmetry_of
from grokscope.models import EmbeddingMLP, Parameters
from grokscope.tasks import GroupComposition, Table

GROUPS = ["S3", "D7", "D10", "Q8", "A4", "S4", "Z2xZ6", "F20"]


def table_of(name: str) -> Table:
    return GroupComposition(group=name).table()


def subject(table: Table, params: Parameters) -> NetworkSubject:
    """A concatenating MLP with tokens of its own for each operand."""
    (_, d), (_, h) = params["W_E"].shape, params["W_in"].shape
    model = EmbeddingMLP(d_model=d, d_hidden=h, combine="concat", separate_vocab=True)
    stack = {name: value.double().unsqueeze(0) for name, value in params.items()}
    return NetworkSubject(model, stack, table, "planted")


def points(group: Group) -> Tensor:
    """Permutation matrices of a group of permutations, as (element, image, point)."""
    assert group.permutations is not None
    n = group.permutations.shape[1]
    return torch.nn.functional.one_hot(group.permutations, n).transpose(1, 2).double()


def standard(group: Group) -> Parameters:
    """ρ of a permutation group: neurons are ReLU([y: k → j] + [x: j → i] − mean), c: k → i.

    With the mean of ρ removed from both embeddings, a neuron is positive by 1 more where both hold:
    then x∘y sends k to i, as the answer does.
    """
    rho = points(group) - points(group).mean(0)
    m = rho.shape[1]
    triples = torch.cartesian_prod(*[torch.arange(m)] * 3)
    i, j, k = triples.unbind(1)
    neurons = torch.zeros(2 * m * m, len(triples), dtype=torch.float64)
    each = torch.arange(len(triples))
    neurons[i * m + j, each] = 1
    neurons[m * m + j * m + k, each] = 1
    return {
        "W_E": rho.flatten(1).repeat(2, 1),
        "W_in": neurons,
        "b_in": torch.zeros(len(triples)),
        "W_U": 10 * points(group)[:, i, k].T,
    }


def lookup(table: Table) -> Parameters:
    """One neuron per row, whatever the labels are."""
    n = table.d_vocab
    x, y = table.inputs.unbind(1)
    neurons = torch.zeros(2 * n, len(x))
    neurons[x, torch.arange(len(x))] = 1
    neurons[n + y, torch.arange(len(x))] = 1
    return {
        "W_E": torch.eye(n).repeat(2, 1),
        "W_in": neurons,
        "b_in": -torch.ones(len(x)),
        "W_U": 20 * torch.nn.functional.one_hot(table.labels, n).double(),
    }


@pytest.mark.parametrize("name", GROUPS)
def test_the_components_of_a_group_are_complete_and_belong_to_its_irreps(name: str):
    table = table_of(name)
    layout = symmetry_of(table)
    assert layout is not None
    symmetry, group = layout.symmetry, table.group
    assert group is not None
    assert symmetry.name == name
    assert not symmetry.is_cyclic
    assert torch.equal(symmetry.products, group.table)
    assert torch.equal(layout.labels, group.table.flatten())
    assert torch.equal(table.inputs[layout.rows, 1], layout.coordinates(1))
    basis = symmetry.basis([component.key for component in symmetry.components])
    whole = torch.cat([torch.full((1, group.order), group.order**-0.5).double(), basis])
    torch.testing.assert_close(whole @ whole.T, torch.eye(group.order).double())
    for component in symmetry.components:
        irrep = real_irreps(group)[component.key]
        assert len(component.basis) == irrep.rank
        kept = component.basis.T @ (component.basis @ irrep.character)
        torch.testing.assert_close(kept, irrep.character)


@pytest.mark.parametrize("name", ["Q8", "S4"])
def test_logits_that_are_a_sum_of_characters_are_found_to_be_one(name: str):
    group = group_named(name)
    irreps = real_irreps(group)
    key = len(irreps) - 1
    quotient = group.table[group.inverses][:, group.table]  # c⁻¹∘(x∘y) as (c, x, y)
    character = 3 * irreps[key].character + 0.5 * irreps[1].character
    logits = character[quotient].permute(1, 2, 0).flatten(0, 1)
    form = character_form(logits, group_symmetry(group), group, [key])
    assert form.agreement == 1
    assert form.coefficients[key] == pytest.approx(3)
    assert form.coefficients[1] == pytest.approx(0.5)
    assert form.shares["u"] == pytest.approx(1)
    assert form.shares["character"] == pytest.approx(1)
    weights = [9 * irreps[key].character.square().sum(), 0.25 * irreps[1].character.square().sum()]
    assert form.shares["key"] == pytest.approx(float(weights[0] / sum(weights)))


@pytest.mark.parametrize("noise", [0.0, 1.5, 3.0])
def test_certificates_against_loops(noise: float):
    """A first operand is certified if no logit of its rows strays half the formula's margin."""
    group = group_named("S4")
    symmetry, irreps = group_symmetry(group), real_irreps(group)
    key = next(key for key, irrep in enumerate(irreps) if irrep.dimension == 3)
    quotient = group.table[group.inverses][:, group.table]
    logits = 3 * irreps[key].character[quotient].permute(1, 2, 0)
    spread = torch.linspace(0, noise, group.order).double()[:, None, None]
    draws = torch.randn(logits.shape, generator=generator(0, "noise")).double()
    logits = (logits + spread * draws).flatten(0, 1)
    misses = by_miss(logits, group)
    basis = symmetry.basis([key])
    kept = basis.T @ (basis @ misses.mean((0, 1)))
    margin = float(kept[group.identity] - kept[1:].max())
    expected = [bool((row - kept).abs().max() < margin / 2) for row in misses]
    form = character_form(logits, symmetry, group, [key])
    assert form.certified == sum(expected) / group.order
    assert form.certified == 1 if noise == 0 else form.certified < 1


def test_the_right_class_misses_by_the_identity():
    group = group_named("D7")
    logits = torch.nn.functional.one_hot(group.table.flatten(), group.order).double()
    misses = by_miss(logits, group)
    assert (misses.argmax(2) == group.identity).all()


def test_neurons_on_cosets_are_told_by_the_largest_subgroup():
    group = group_named("S4")
    cosets = proper_cosets(group)
    chosen = [subgroup for subgroup in subgroups(group) if subgroup.name == "S3"][1]
    of_x = torch.rand(8, 1, generator=generator(0, "x")).double()[left_cosets(chosen)]
    of_y = torch.rand(8, 1, generator=generator(0, "y")).double()[right_cosets(chosen)]
    noise = torch.randn(group.order, 1, generator=generator(0, "noise")).double()
    pre = torch.cat([of_x.unsqueeze(1) + of_y, noise.unsqueeze(1) + noise], 2).flatten(0, 1)
    reading = read_cosets("pre", pre, cosets, 0.05)
    assert reading.below(0.05).tolist() == [True, False]
    assert [cosets[i].subgroup.label for i in reading.chosen[:, 0]] == [chosen.label] * 2
    assert float(reading.at_chosen[:, 0].max()) == pytest.approx(0, abs=1e-12)
    wrong = read_cosets("pre", pre, scrambled(cosets, 0), 0.05)
    assert not wrong.below(0.05).any()


@pytest.mark.parametrize("name", ["A4", "S4"])
def test_a_network_of_matrices_of_one_irrep_is_explained(name: str):
    answer = explain(subject(table_of(name), standard(group_named(name))))
    assert answer.verdict == "explained", repr(answer)
    assert [irrep.name for irrep in answer.components] == ["standard"]
    assert answer.components[0].dimension == 3
    assert answer.components[0].necessary
    assert answer.circles == ()
    assert answer.label.startswith("irreps")
    assert 0 <= answer.certified_share <= 1
    assert answer.certified == (answer.certified_share == 1)
    assert "standard of dimension 3" in answer.sentence
    assert "standard" in repr(answer)
    json.dumps(answer.to_dict(), allow_nan=False)


def test_a_claim_of_other_irreps_is_refuted():
    own = subject(table_of("S4"), standard(group_named("S4")))
    found = explain(own).components[0].key
    wrong = [component.key for component in own.symmetry.components if component.key != found]
    answer = explain(own, keys=wrong)
    assert answer.verdict == "unexplained"
    assert {"sufficiency", "necessity", "control", "mechanism"} <= {t.name for t in answer.failed}


def test_neurons_of_permutation_matrices_tell_cosets_of_a_point_stabiliser_apart():
    answer = explain(subject(table_of("S4"), standard(group_named("S4"))))
    assert answer.has_coset_circuits
    assert [(role.order, role.n_conjugates) for role in answer.subgroups] == [(6, 4)]
    assert answer.subgroups[0].n_neurons == 64
    assert answer.neurons["constant"] == 1


def test_lookups_are_not_explained_whatever_they_look_up():
    table = table_of("A4")
    shuffled = torch.randint(12, table.labels.shape, generator=generator(0, "labels"))
    for each in (table, replace(table, labels=shuffled)):
        answer = explain(subject(each, lookup(each)))
        assert answer.accuracy == 1
        assert answer.verdict == "unexplained"
        assert answer.label == "lookup"
        assert "sparsity" in [test.name for test in answer.failed]


@pytest.mark.parametrize("seed", range(3))
def test_a_network_of_another_order_of_the_elements_is_not_explained(seed: int):
    table, group = table_of("S4"), group_named("S4")
    order = torch.randperm(24, generator=generator(seed, "order"))
    params = standard(group)
    params["W_E"] = params["W_E"][:24][order].repeat(2, 1)
    x, y = order[table.inputs].unbind(1)
    answer = explain(subject(replace(table, labels=group.table[x, y]), params))
    assert answer.accuracy == 1
    assert answer.verdict == "unexplained"


def test_a_network_that_errs_is_given_no_algorithm():
    params = standard(group_named("A4"))
    params["W_U"] = params["W_U"].roll(1, 0)
    answer = explain(subject(table_of("A4"), params))
    assert answer.verdict == "not_accurate"
    assert answer.components == ()
    assert answer.group == "A4"


def test_composition_in_a_cyclic_group_is_addition():
    layout = symmetry_of(table_of("Z12"))
    assert layout is not None
    assert layout.symmetry.is_cyclic
