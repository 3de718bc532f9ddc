"""Bands: medians over seeds whose curves end at different steps."""

import numpy as np
import pytest

from grokscope.views.band import Series, band_of, band_words, series_of


def series(network: int, step: list[int], value: list[float]) -> Series:
    return Series(network=network, step=np.array(step), value=np.array(value))


def test_with_few_seeds_the_band_is_the_range():
    band = band_of([series(i, [0, 10], [i, 2.0 * i]) for i in range(3)])
    assert band is not None
    assert band.middle.tolist() == [1, 2]
    assert band.low.tolist() == [0, 0]
    assert band.high.tolist() == [2, 4]
    assert band.count.tolist() == [3, 3]


def test_with_many_seeds_the_band_is_the_middle_half():
    band = band_of([series(i, [1], [float(i)]) for i in range(9)])
    assert band is not None
    assert (band.low[0], band.middle[0], band.high[0]) == (2, 4, 6)


def test_a_network_that_ended_keeps_its_value_only_when_carried():
    some = [series(0, [1, 10], [0.0, 1.0]), series(1, [1, 10, 100], [0.0, 0.5, 0.6])]
    kept, left = band_of(some, {0}), band_of(some)
    assert kept is not None
    assert left is not None
    assert kept.high[-1] == 1
    assert (left.high[-1], left.count[-1]) == (0.6, 1)


def test_values_between_evaluations_are_interpolated_over_log_step():
    band = band_of([series(0, [1, 100], [0.0, 1.0]), series(1, [10], [0.5])])
    assert band is not None
    assert band.middle[1] == pytest.approx(0.5)


def test_nothing_gives_no_band():
    assert band_of([]) is None
    table = {"network": [0, 0], "step": [0, 1], "x": [np.nan, np.nan]}
    assert series_of(table, "x", [0]) == series_of(table, "missing", [0]) == []


def test_a_caption_says_what_the_band_is():
    assert "no band" in band_words(1)
    assert "lowest to the highest" in band_words(3)
    assert "middle half" in band_words(50)
