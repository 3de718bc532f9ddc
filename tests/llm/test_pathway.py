"""Which experts are kept, and pathways as strings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.llm.pathway import kept, layer_strings, length, published_strings, token_strings
from llm.planted import drawn, pathways, unseen
from reference.pathway_measures import slow_kept

ONE = np.array([[[0.1, 0.5, 0.4, 0.0]], [[0.25, 0.25, 0.25, 0.25]]])


def test_a_pathway_by_hand():
    """.5 + .4 exceeds .7; of equal weights the smaller numbers come first, and .75 exceeds .7."""
    assert published_strings(ONE) == ["1,2-0,1,2"]
    assert kept(ONE)[:, 0].tolist() == [[False, True, True, False], [True, True, True, False]]
    assert length(ONE).tolist() == [[2.0], [3.0]]
    assert [ord(c) - 1 for c in token_strings(ONE)[0]] == [1, 2, 4, 5, 6]
    assert layer_strings(ONE) == [["\2\3"], ["\1\2\3"]]


def test_the_sum_must_exceed_the_threshold_and_not_merely_reach_it():
    assert published_strings(ONE, 0.75) == ["1,2-0,1,2,3"]
    assert published_strings(ONE, 0.5) == ["1,2-0,1,2"]
    assert published_strings(ONE, 0.0) == ["1-0"]


@given(pathways, st.sampled_from([0.0, 0.5, 0.7, 0.8, 0.99]))
def test_strings_and_lengths_are_those_of_the_slow_reference(weights, threshold: float):
    slow = [
        [slow_kept(own, threshold) for own in weights[:, sample].tolist()]
        for sample in range(weights.shape[1])
    ]
    experts = weights.shape[2]
    assert published_strings(weights, threshold) == [
        "-".join(",".join(map(str, layer)) for layer in own) for own in slow
    ]
    assert [[ord(c) - 1 for c in own] for own in token_strings(weights, threshold)] == [
        [number * experts + expert for number, layer in enumerate(own) for expert in layer]
        for own in slow
    ]
    assert length(weights, threshold).T.tolist() == [[len(layer) for layer in own] for own in slow]
    assert (kept(weights, threshold).sum(-1) == length(weights, threshold)).all()


def test_of_many_equal_weights_the_smallest_numbers_come_first():
    weights = np.tile([1.0, 2.0], 32)[None, None] / 96
    expected = [*range(1, 64, 2), *range(0, 64, 2)]
    assert published_strings(weights, 0.999) == [",".join(map(str, expected))]


def test_what_is_kept_weighs_more_than_the_threshold_and_would_not_without_its_last():
    weights = drawn(0, (2, 20, 16))
    chosen = np.where(kept(weights), weights, 0)
    least = np.where(kept(weights), weights, 1).min(-1)
    assert (chosen.sum(-1) > 0.7).all()
    assert (chosen.sum(-1) - least <= 0.7).all()


def test_a_sample_that_was_not_seen_has_no_pathway_and_changes_no_other():
    weights = drawn(1)
    holed = unseen(weights, 2)
    for strings in (token_strings, published_strings):
        expected = strings(weights)
        expected[2] = ""
        assert strings(holed) == expected
    assert np.isnan(length(holed)[:, 2]).all()
    assert not kept(holed)[:, 2].any()


def test_characters_leave_out_the_surrogates_and_stay_different():
    """Eighty layers of 768 experts: 61,440 characters, which straddle the gap."""
    weights = np.full((80, 1, 768), 1 / 768)
    (string,) = token_strings(weights, 0.999)
    assert len(set(string)) == len(string) == 80 * 768
    assert not any(0xD800 <= ord(c) < 0xE000 for c in string)


def test_single_precision_will_do():
    weights = drawn(2).astype(np.float32)
    assert token_strings(weights) == token_strings(weights.astype(np.float64))


def test_no_samples_have_no_strings():
    assert token_strings(drawn(0)[:, :0]) == published_strings(drawn(0)[:, :0]) == []


@pytest.mark.parametrize("threshold", [1.0, -0.1, float("nan")])
def test_a_threshold_out_of_range_is_refused(threshold: float):
    with pytest.raises(SettingError, match="`threshold` must be at least 0 and below 1"):
        kept(ONE, threshold)


def test_more_experts_than_characters_are_refused():
    with pytest.raises(SettingError, match="must be of at most 1112063 layers × experts"):
        token_strings(np.broadcast_to(np.float32(1e-6), (2, 1, 600_000)))
