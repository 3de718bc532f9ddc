"""The logits' parts against explicit loops."""

import numpy as np
import pytest
import torch

from grokscope.explanation.closed_form import EquivariantForm, Term, certify, compare, cosine, fit
from grokscope.explanation.output import by_error, differences, mean_by_difference, shares, waves
from reference.logits import slow_certified, slow_errors, slow_shares

N = 7


def logits(seed: int, n: int = N):
    return torch.randn(n * n, n + 2, generator=torch.Generator().manual_seed(seed))


def test_logits_by_error():
    table = logits(0)
    inside = table[:, :N].double().reshape(N, N, N).numpy()
    assert by_error(table, N).numpy() == pytest.approx(slow_errors(inside), abs=1e-12)


def test_parts_of_the_logits():
    errors = by_error(logits(1), N)
    assert shares(errors) == pytest.approx(slow_shares(errors.numpy()), abs=1e-12)


@pytest.mark.parametrize("n", [6, 7])
def test_waves_are_coefficients(n):
    """What is made of cosines and sines of u is taken apart into them."""
    u = np.arange(n)
    signal = 2.0 * np.cos(2 * np.pi * u / n) - 0.5 * np.sin(4 * np.pi * u / n)
    cosines, sines = waves(torch.from_numpy(signal))
    assert cosines[0] == pytest.approx(2)
    assert sines[1] == pytest.approx(-0.5)
    others = [*cosines[1:].tolist(), float(sines[0]), *sines[2:].tolist()]
    assert others == pytest.approx([0] * len(others), abs=1e-12)


def test_the_highest_frequency_of_an_even_order():
    cosines, _ = waves(torch.tensor([3.0, -3, 3, -3, 3, -3], dtype=torch.float64))
    assert cosines[2] == pytest.approx(3)


def known_form(n: int = 11) -> EquivariantForm:
    flat = torch.ones(n, dtype=torch.float64)
    tilt = cosine(n, 3)
    terms = (
        Term(circle=2, k=2, profile=flat, coefficient=1.5),
        Term(circle=6, k=3, profile=tilt, coefficient=-0.7),
        Term(circle=3, k=3, profile=flat, coefficient=2.0),
    )
    return EquivariantForm(order=n, terms=terms, n_parameters=3)


def test_coefficients_are_recovered():
    form = known_form()
    found = fit(form.errors(), form.terms)
    assert {(t.circle, t.k): round(t.coefficient, 9) for t in found.terms} == {
        (2, 2): 1.5,
        (6, 3): -0.7,
        (3, 3): 2.0,
    }
    agreement = compare(form.errors(), found)
    assert (agreement.share, agreement.variance) == pytest.approx((1, 1))


def test_a_formula_is_the_sum_of_its_terms():
    """Against the formula written out row by row."""
    form, n = known_form(), 11
    errors = form.errors()
    for x, y, u in [(0, 0, 0), (3, 9, 4), (10, 1, 7)]:
        d = (x - y) % n
        wave = [np.cos(2 * np.pi * k * u / n) for k in (2, 3)]
        by_hand = 1.5 * wave[0] + (2 - 0.7 * np.cos(2 * np.pi * 3 * d / n)) * wave[1]
        assert errors[x, y, u] == pytest.approx(by_hand)


def test_shifting_an_operand_is_the_formula_at_another_row():
    """With x larger by t, d and s are; the answer that it speaks for moves by t too."""
    form, n, t = known_form(), 11, 4
    moved, still = form.shifted(t), form.errors()
    for x, y, u in [(0, 0, 0), (3, 9, 4), (10, 1, 7)]:
        assert moved[x, y, u] == pytest.approx(still[(x + t) % n, y, (u - t) % n])


def test_the_gap_is_what_both_are_sure_of_where_they_differ():
    """Against loops over the rows."""
    form = known_form().errors()
    errors = form + 2.0 * torch.randn(form.shape, generator=torch.Generator().manual_seed(3))
    own, formula, worst = errors.numpy(), form.numpy(), 0.0
    for x in range(11):
        for y in range(11):
            one, other = own[x, y].argmax(), formula[x, y].argmax()
            lead = (own[x, y, one] - own[x, y, other]) / own.std(ddof=1)
            against = (formula[x, y, other] - formula[x, y, one]) / formula.std(ddof=1)
            worst = max(worst, lead + against)
    assert worst > 1
    assert compare(errors, known_form()).gap == pytest.approx(worst)
    assert compare(form, known_form()).gap == 0


@pytest.mark.parametrize("noise", [0.01, 0.3, 1.0])
def test_certificates_against_loops(noise):
    form = known_form().errors()
    errors = form + noise * torch.randn(form.shape, generator=torch.Generator().manual_seed(1))
    expected = slow_certified(errors.numpy(), form.numpy())
    assert certify(errors, form).tolist() == expected


def test_a_certified_row_is_right():
    form = known_form().errors()
    errors = form + 0.2 * torch.randn(form.shape, generator=torch.Generator().manual_seed(2))
    certified = certify(errors, form)[differences(11)]
    assert certified.any()
    assert (errors.argmax(2)[certified] == 0).all()


def test_means_by_difference():
    errors = by_error(logits(5), N).numpy()
    by_hand = [np.mean([errors[x, (x - d) % N] for x in range(N)], axis=0) for d in range(N)]
    assert mean_by_difference(torch.from_numpy(errors)).numpy() == pytest.approx(np.array(by_hand))
