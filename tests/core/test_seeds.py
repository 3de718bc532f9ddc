"""Random streams: a function of seed and purpose alone; ranges of seeds that never mix."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.seeds import (
    DEVELOPMENT_SEEDS,
    EVALUATION_SEEDS,
    SEALED_SEEDS,
    generator,
    stream_seed,
)

RANGES = (DEVELOPMENT_SEEDS, EVALUATION_SEEDS, SEALED_SEEDS)


def test_the_ranges_follow_each_other_without_overlap():
    assert all(len(seeds) > 0 and seeds.step == 1 for seeds in RANGES)
    for earlier, later in pairwise(RANGES):
        assert earlier.stop <= later.start


@given(st.integers(0, 2**40), st.text(max_size=20))
def test_a_stream_is_a_function_of_seed_and_purpose(seed: int, purpose: str):
    first, second = (torch.rand(4, generator=generator(seed, purpose)) for _ in range(2))
    assert torch.equal(first, second)
    assert 0 <= stream_seed(seed, purpose) < 2**63


@given(
    st.tuples(st.integers(0, 10**6), st.text("abc/12", max_size=5)),
    st.tuples(st.integers(0, 10**6), st.text("abc/12", max_size=5)),
)
def test_another_seed_or_purpose_is_another_stream(one: tuple[int, str], other: tuple[int, str]):
    assert (stream_seed(*one) == stream_seed(*other)) == (one == other)


@pytest.mark.parametrize("pair", [((3, "init/W_E"), (3, "init/W_U")), ((3, "split"), (4, "split"))])
def test_two_streams_are_uncorrelated(pair: tuple[tuple[int, str], tuple[int, str]]):
    draws = torch.stack([torch.randn(20_000, generator=generator(*key)) for key in pair])
    assert abs(float(torch.corrcoef(draws)[0, 1])) < 5 / 20_000**0.5


def test_no_stream_touches_the_global_generator():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    torch.rand(5, generator=generator(1, "anything"))
    assert torch.equal(torch.rand(3), expected)
