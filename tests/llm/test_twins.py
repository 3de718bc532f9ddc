"""Memory as the gap between samples and their twins."""

import numpy as np
import pytest

from grokscope.core.errors import SettingError
from grokscope.llm.twins import gap_by_exposures, twin_gap


def test_the_gap_is_seen_less_twin():
    seen = np.array([[3.0, 2.0], [1.0, 1.0]])
    twins = np.array([[3.0, 2.0], [2.0, 1.5]])
    found = twin_gap(seen, twins)
    assert [gap.value for gap in found.gaps] == [0, pytest.approx(-0.75)]
    assert (found.samples, found.left_out) == (2, 0)
    ends = found.gaps[1].low, found.gaps[1].high
    assert ends == (pytest.approx(-1), pytest.approx(-0.5))


def test_easy_samples_are_not_remembered_and_remembered_ones_are():
    """Low losses of both say nothing; a difference does."""
    stream = np.random.default_rng(0)
    level = stream.uniform(0, 4, size=(1, 200))
    noise = stream.normal(scale=0.1, size=(2, 3, 200))
    memory = np.array([0.0, 0.0, 0.3])[:, None]
    found = twin_gap(level + noise[0] - memory, level + noise[1])
    for gap, is_remembered in zip(found.gaps, (False, False, True), strict=True):
        assert gap.high is not None
        assert (gap.high < 0) == is_remembered


def test_the_interval_covers_the_gap_of_the_population():
    covered = 0
    for seed in range(200):
        stream = np.random.default_rng(seed)
        gap = twin_gap(stream.normal(size=(1, 25)) - 1, stream.normal(size=(1, 25))).gaps[0]
        assert gap.low is not None
        assert gap.high is not None
        covered += gap.low <= -1 <= gap.high
    assert 0.90 <= covered / 200 <= 0.99


def test_more_exposures_make_a_deeper_gap():
    stream = np.random.default_rng(1)
    exposures = np.repeat([1, 4, 16, 64], 50)
    twins = stream.normal(3, 0.2, size=(2, 200))
    seen = twins - np.log2(exposures) * np.array([[0.0], [0.2]]) + stream.normal(0, 0.1, (2, 200))
    found = gap_by_exposures(seen, twins, exposures)
    assert list(found) == [1, 4, 16, 64]
    last = [own.gaps[1].value for own in found.values()]
    assert last == pytest.approx([0, -0.4, -0.8, -1.2], abs=0.1)
    assert all(own.samples == 50 for own in found.values())


def test_a_pair_with_a_missing_loss_is_left_out_and_counted():
    seen, twins = np.ones((2, 4)), np.full((2, 4), 2.0)
    seen[1, 0] = twins[0, 2] = np.nan
    found = twin_gap(seen, twins)
    assert (found.samples, found.left_out) == (2, 2)
    assert [gap.value for gap in found.gaps] == [-1, -1]


def test_of_one_pair_there_is_no_interval_and_of_none_no_value():
    one = twin_gap(np.ones((2, 1)), np.zeros((2, 1)))
    assert [(gap.value, gap.low, gap.high) for gap in one.gaps] == [(1, None, None)] * 2
    none = twin_gap(np.ones((2, 0)), np.zeros((2, 0)))
    assert [gap.value for gap in none.gaps] == [None, None]


def test_a_sample_without_a_twin_is_refused():
    with pytest.raises(SettingError, match=r"`twins` must be of as many steps and samples, \(1, 2"):
        twin_gap(np.ones((1, 2)), np.ones((1, 1)))


def test_a_canary_that_was_never_seen_is_refused():
    with pytest.raises(SettingError, match="`exposures` must be at least 1, got 0"):
        gap_by_exposures(np.ones((1, 2)), np.ones((1, 2)), np.array([0, 1]))
