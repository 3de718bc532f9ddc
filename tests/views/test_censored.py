"""Medians of what was not always reached."""

import math

import pytest

from grokscope.views.censored import Waiting, censored_median, never


def reached(*values: float) -> list[Waiting]:
    return [Waiting(value=value, reached=True) for value in values]


@pytest.mark.parametrize(
    ("waits", "median"),
    [
        (reached(3, 1, 2), 2),
        (reached(1, 2, 3, 4), 2),
        ([*reached(1, 2), never()], 2),
        ([*reached(1), never()], 1),
        ([*reached(1), never(), never()], None),
        ([], None),
        # Two were watched until 5 and lost from sight: the rest carry their share.
        ([*reached(1, 6, 7), *[Waiting(value=5, reached=False)] * 2], 6),
        ([*reached(4), Waiting(value=4, reached=False)], 4),
    ],
)
def test_a_median_counts_the_censored_as_longer(waits: list[Waiting], median: float | None):
    assert censored_median(waits) == median


def test_never_is_longer_than_everything():
    assert never() == Waiting(value=math.inf, reached=False)
