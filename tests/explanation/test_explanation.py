"""Verdicts in words."""

import pytest

from grokscope.explanation.explanation import Explanation, percent_down


@pytest.mark.parametrize(
    ("share", "shown"),
    [(960 / 961, "99.89%"), (0.99899999, "99.89%"), (0.29, "29.00%"), (1.0, "100.00%")],
)
def test_a_share_below_a_threshold_is_not_shown_as_reaching_it(share: float, shown: str):
    assert percent_down(share) == shown


def test_a_network_that_is_nearly_accurate_does_not_contradict_itself():
    sentence = Explanation(verdict="not_accurate", accuracy=960 / 961).sentence
    assert sentence == "Not accurate (right on 99.89% of the rows, 99.9% are needed)."
