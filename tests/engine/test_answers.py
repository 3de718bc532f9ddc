"""Mirror images merged: fewer rows, the same loss and the same gradient."""

import pytest
import torch

from engine.populations import MLP, Network, World, distance, trained, weights
from grokscope.engine import CrossEntropy, population
from grokscope.engine.answers import Answers, merged, n_distinct
from grokscope.models import Rows, Vocab
from grokscope.tasks import ModularArithmetic
from grokscope.tasks.modular import Operation

P = 7


def some_rows(n_models: int, operation: Operation) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and labels of different training rows of each network."""
    task = ModularArithmetic(p=P, operation=operation, train_fraction=0.6)
    table = task.table()
    rows = torch.stack([task.make_split(table, seed).train for seed in range(n_models)])
    return table.inputs[rows], table.labels[rows]


def as_sets(inputs: torch.Tensor, answers: Answers) -> list[dict[tuple[int, int], float]]:
    """Of each network, unordered pair and label: the share in the mean."""
    found: list[dict[tuple[int, int], float]] = []
    for pairs, labels, shares in zip(inputs, answers.labels, answers.shares, strict=True):
        total: dict[tuple[int, int], float] = {}
        for (a, b), own_labels, own_shares in zip(
            pairs.tolist(), labels.tolist(), shares.tolist(), strict=True
        ):
            for label, share in zip(own_labels, own_shares, strict=True):
                if share:
                    key = (min(a, b) * P + max(a, b), label)
                    total[key] = total.get(key, 0.0) + share
        found.append(total)
    return found


@pytest.mark.parametrize("operation", ["add", "subtract"])
@pytest.mark.parametrize("spare", [0, 3])
def test_every_answer_is_still_asked_for_with_its_share(operation: Operation, spare: int):
    inputs, labels = some_rows(4, operation)
    n_rows = n_distinct(inputs) + spare
    rows, answers = merged(inputs, labels, n_rows, torch.float64)
    assert rows.shape == (4, n_rows, 2)
    for own, pairs, own_labels in zip(as_sets(rows, answers), inputs, labels, strict=True):
        wanted: dict[tuple[int, int], float] = {}
        for (a, b), label in zip(pairs.tolist(), own_labels.tolist(), strict=True):
            key = (min(a, b) * P + max(a, b), label)
            wanted[key] = wanted.get(key, 0.0) + 1 / len(pairs)
        assert own == pytest.approx(wanted)


def test_distinct_rows_are_the_unordered_pairs_of_the_network_that_has_most():
    inputs, _ = some_rows(5, "add")
    pairs = [{tuple(sorted(pair)) for pair in own.tolist()} for own in inputs]
    assert n_distinct(inputs) == max(map(len, pairs)) < inputs.shape[1]


@pytest.mark.parametrize("operation", ["add", "subtract"])
def test_loss_and_gradient_are_those_of_all_rows(operation: Operation):
    inputs, labels = some_rows(3, operation)
    values = MLP.init(Vocab(d_vocab=P, n_classes=P), [0, 1, 2])
    params = {name: value.double().requires_grad_() for name, value in values.items()}
    rows, answers = merged(inputs, labels, n_distinct(inputs) + 2, torch.float64)
    found = []
    for own_rows, own_answers in ((inputs, labels), (rows, answers)):
        loss = CrossEntropy(precision="float64")(MLP.readout(params, Rows(own_rows)), own_answers)
        found.append([loss, *torch.autograd.grad(loss.sum(), list(params.values()))])
    for plain, ours in zip(*found, strict=True):
        assert torch.allclose(plain, ours, rtol=1e-10, atol=1e-13)


def test_a_population_trains_as_without_merging(monkeypatch: pytest.MonkeyPatch):
    networks = [Network(model=MLP, seed=seed) for seed in range(5)]
    together = trained(World(capacity=2).population(networks), 12)
    monkeypatch.setattr(population.Population, "_rows_when_merged", lambda *_: {})
    apart = trained(World(capacity=2).population(networks), 12)
    for some in (together, apart):
        some.retire({0})  # a newcomer has other pairs, and more or fewer of them
        trained(some, 12)
    assert all(distance(weights(together, i), weights(apart, i)) < 1e-10 for i in range(2))
