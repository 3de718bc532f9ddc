"""Random numbers by counter: distribution, independence, and the same again when asked again."""

import math

import numpy as np
import pytest
import torch

from grokscope.models.noise import gaussian, step_key, uniform, uniform_bits

N = 200_000
KEYS = step_key(torch.tensor([1, 2, 3]), torch.tensor([0, 0, 0]))
MASK = 2**64 - 1


def mixed(z: int) -> int:
    """SplitMix64's output function in whole numbers."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def test_it_is_splitmix64():
    """Its first numbers from seed 1234567, as they are known (rosettacode.org)."""
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    golden = 0x9E3779B97F4A7C15
    assert [mixed((1234567 + i * golden) & MASK) for i in (1, 2, 3)] == known
    key = mixed((7 + golden) & MASK)
    expected = mixed((key + 5 * golden) & MASK)
    assert int(step_key(torch.tensor([7]), torch.tensor([5]))) & MASK == expected
    start = mixed((expected + (2 * 3 + 1) * 0x94D049BB133111EB) & MASK)
    drawn = uniform_bits(step_key(torch.tensor([7]), torch.tensor([5])), 4, 3)[0].tolist()
    assert [z & MASK for z in drawn] == [mixed((start + i * golden) & MASK) for i in (1, 2, 3, 4)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_moments_of_uniform_numbers(dtype: torch.dtype):
    u = uniform(KEYS, N, 0, dtype).double()
    assert u.dtype == torch.float64
    assert 0 <= u.min() <= u.max() < 1
    for power in (1, 2, 3, 4):
        error = (u**power).mean(1) - 1 / (power + 1)
        assert (error.abs() < 5 * 0.3 / math.sqrt(N)).all()
    counts = torch.histc(u[0], 100, 0, 1)
    assert float(((counts - N / 100) ** 2 / (N / 100)).sum()) < 160  # 99 degrees of freedom


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_moments_of_gaussian_numbers(dtype: torch.dtype):
    z = gaussian(KEYS, N, 0, dtype).double()
    assert torch.isfinite(z).all()
    for power, (moment, spread) in enumerate(((0, 1), (1, 1.5), (0, 3.9), (3, 9.8)), start=1):
        assert (((z**power).mean(1) - moment).abs() < 5 * spread / math.sqrt(N)).all(), power
    expected = torch.special.ndtri((torch.arange(N, dtype=torch.float64) + 0.5) / N)
    inner = slice(N // 1000, -N // 1000)
    assert float((z[0].sort().values - expected)[inner].abs().max()) < 0.06


def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(np.corrcoef(a.double().numpy(), b.double().numpy())[0, 1])


@pytest.mark.parametrize("draw", [uniform, gaussian])
def test_neighbours_are_independent_of_each_other(draw):
    """Neighbours by index, network, stream, seed and step; also in their squares."""
    seeds, steps = torch.tensor([5, 6, 5]), torch.tensor([9, 9, 10])
    a = draw(step_key(seeds, steps), N, 1)
    b = draw(step_key(seeds, steps), N, 2)
    half = N // 2
    pairs = [(a[0], a[1]), (a[0], a[2]), (a[0], b[0]), (a[0], b[1])]
    pairs += [(a[0, :-lag], a[0, lag:]) for lag in (1, 2, 3, half)]
    for one, other in pairs:
        centred = one - one.mean(), other - other.mean()
        assert abs(correlation(*centred)) < 5 / math.sqrt(half)
        assert abs(correlation(*(x.square() for x in centred))) < 5 / math.sqrt(half)


def test_no_lattice_in_two_or_three_dimensions():
    """Cells of pairs and triples of neighbours are equally full, to what chance allows."""
    u = uniform(KEYS, N, 0)[0].double().numpy()
    for dimension, bins in ((2, 30), (3, 10)):
        points = np.lib.stride_tricks.sliding_window_view(u, dimension)[::dimension]
        counts, _ = np.histogramdd(points, bins=bins, range=[(0, 1)] * dimension)
        expected = len(points) / bins**dimension
        excess = ((counts - expected) ** 2 / expected).sum() - bins**dimension
        assert abs(excess) < 5 * math.sqrt(2 * bins**dimension)


def test_every_bit_is_as_often_on_as_off():
    bits = uniform_bits(KEYS, N, 0)[0]
    on = torch.stack([(bits >> place) & 1 for place in range(64)]).double().mean(1)
    assert ((on - 0.5).abs() < 5 * 0.5 / math.sqrt(N)).all()


def test_a_number_depends_on_its_own_key_and_place_alone():
    alone, both = gaussian(KEYS[:1], 11, 4), gaussian(KEYS, 11, 4)
    assert torch.equal(alone[0], both[0])
    assert torch.equal(gaussian(KEYS, 11, 4), both)
    assert torch.equal(uniform_bits(KEYS, 20, 4)[:, :11], uniform_bits(KEYS, 11, 4))
