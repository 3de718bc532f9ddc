"""The area under the curve against all pairs, and margins by hand."""

import math

import pytest
import torch

from grokscope.explanation.pruning import area_under_curve


def slow_area(margin: list[float], is_wrong: list[bool]) -> float:
    """Every pair of a wrong and a right row; ties count half."""
    wrong = [m for m, bad in zip(margin, is_wrong, strict=True) if bad]
    right = [m for m, bad in zip(margin, is_wrong, strict=True) if not bad]
    won = [1.0 if w < r else 0.5 if w == r else 0.0 for w in wrong for r in right]
    return sum(won) / len(won)


@pytest.mark.parametrize("seed", range(4))
def test_against_all_pairs(seed: int):
    draws = torch.Generator().manual_seed(seed)
    margin = torch.randint(8, (40,), generator=draws).double()  # many ties
    is_wrong = torch.rand(40, generator=draws) < 0.3
    expected = slow_area(margin.tolist(), is_wrong.tolist())
    assert area_under_curve(margin, is_wrong) == pytest.approx(expected)


def test_its_ends():
    margin = torch.tensor([-1.0, -0.5, 2.0, 3.0])
    below = margin < 0
    assert area_under_curve(margin, below) == 1
    assert area_under_curve(-margin, below) == 0
    assert math.isnan(area_under_curve(margin, torch.ones(4, dtype=torch.bool)))
