"""Fourier spectra of weights."""

import pytest
import torch

from grokscope.algebra.cyclic import CyclicStructure, additive, multiplicative
from grokscope.algebra.fourier import fourier_basis, frequency_rows
from grokscope.measures.spectrum import (
    coordinate_embeddings,
    embedding_gini,
    embedding_norms,
    embedding_spectrum,
    gini,
    logit_map_gini,
)
from reference import watching
from reference.fourier import slow_basis, slow_gini


def planted_embeddings(structure: CyclicStructure, k: int, d_vocab: int) -> torch.Tensor:
    """One slot after the other, each with the waves of frequency k over its coordinates."""
    rows = fourier_basis(structure.order)[frequency_rows(k, structure.order)]
    tables = torch.full((structure.n_slots, d_vocab, len(rows)), 99.0, dtype=torch.float64)
    for slot in range(structure.n_slots):
        tables[slot, structure.operands(slot)] = rows.T
    return tables.unsqueeze(0)


@pytest.mark.parametrize("values", [[1.0, 2.0, 4.0], [3.0, 0.0, 0.0, 1.0], [0.1]])
def test_gini_is_the_mean_difference_of_all_pairs(values: list[float]):
    assert gini(torch.tensor(values)).item() == pytest.approx(slow_gini(values))


def test_gini_of_equal_one_hot_and_no_numbers():
    assert gini(torch.ones(5)).item() == 0.0
    assert gini(torch.tensor([0.0, 0.0, 0.0, 7.0])).item() == pytest.approx(0.75)
    assert gini(torch.zeros(4)).isnan()


@pytest.mark.parametrize(
    ("structure", "k"),
    [(additive(7), 3), (additive(7, -1), 2), (multiplicative(11), 4), (multiplicative(11, -1), 5)],
)
def test_a_planted_frequency_is_all_of_the_spectrum(structure: CyclicStructure, k: int):
    embeddings = planted_embeddings(structure, k, d_vocab=len(structure.answer_coordinates))
    norms = embedding_norms(embeddings, structure)
    spectrum = embedding_spectrum(norms)[0]
    expected = torch.zeros(structure.order // 2, dtype=torch.float64)
    waves = range(structure.order)[frequency_rows(k, structure.order)]
    expected[k - 1] = len(waves) ** 0.5
    torch.testing.assert_close(spectrum, expected)
    n = structure.order
    assert embedding_gini(norms).item() == pytest.approx((n - len(waves)) / n)


@pytest.mark.parametrize("n", [7, 8])
def test_spectrum_agrees_with_explicit_loops(n: int):
    embeddings = torch.randn(1, 2, n, 3, dtype=torch.float64)
    basis = torch.tensor(slow_basis(n), dtype=torch.float64)
    structure = additive(n, -1)
    slots = []
    for slot in range(2):
        table = embeddings[0, slot, structure.operands(slot)]
        waves = [[float(row @ table[:, d]) for d in range(3)] for row in basis]
        slots.append([sum(v * v for v in wave) ** 0.5 for wave in waves])
    expected = [
        sum(sum(row[r] ** 2 for r in range(2 * k - 1, min(2 * k + 1, n))) ** 0.5 for row in slots)
        / 2
        for k in range(1, n // 2 + 1)
    ]
    norms = embedding_norms(embeddings, structure)
    assert embedding_spectrum(norms)[0].tolist() == pytest.approx(expected)
    ginis = sum(slow_gini(row) for row in slots) / 2
    assert embedding_gini(norms).item() == pytest.approx(ginis)


@pytest.mark.parametrize("structure", [additive(23), additive(24, -1), multiplicative(23, -1)])
def test_a_stack_is_measured_like_its_networks_one_by_one(structure: CyclicStructure):
    d_vocab = structure.operand_coordinates.shape[1]
    embeddings = torch.randn(3, 2, d_vocab, 5, generator=torch.Generator().manual_seed(0))
    norms = embedding_norms(embeddings, structure)
    spectra, ginis = embedding_spectrum(norms), embedding_gini(norms)
    for i in range(3):
        tables = [embeddings[i, slot, structure.operands(slot)] for slot in range(2)]
        own = [watching.embedding_norms(table) for table in tables]
        rows = zip(*(watching.spectrum(row) for row in own), strict=True)
        assert spectra[i].tolist() == pytest.approx([sum(row) / 2 for row in rows], rel=1e-5)
        expected = sum(slow_gini(row.tolist()) for row in own) / 2
        assert ginis[i].item() == pytest.approx(expected, rel=1e-5)


def test_the_token_outside_the_group_does_not_count():
    structure = multiplicative(7)
    embeddings = torch.randn(2, 2, 7, 4)
    other = embeddings.clone()
    other[:, :, 0] = 1e6
    assert torch.equal(embedding_norms(embeddings, structure), embedding_norms(other, structure))
    assert coordinate_embeddings(embeddings, structure).shape == (2, 2, 6, 4)


def test_gini_of_the_logit_map_sees_frequencies_over_the_classes():
    structure = multiplicative(11)
    weights = torch.zeros(1, 5, 12, dtype=torch.float64)
    wave = fourier_basis(10)[3]
    weights[0, :, structure.answers()] = torch.randn(5, 1, dtype=torch.float64) * wave
    assert logit_map_gini(weights, structure).item() == pytest.approx(0.9)
    assert logit_map_gini(torch.randn(1, 500, 12), structure).item() < 0.1
