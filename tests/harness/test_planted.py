"""Planted networks are right on their whole table, for the reason that their label gives.

Everything is measured anew here, from weights and logits, with numpy and the papers' formulas.
"""

from functools import cache
from math import gcd, pi

import numpy as np
import pytest
import torch
from benchmarks.explainer.planted import LABELS, NOISE_LEVELS, Planted, plant
from jaxtyping import Float, Float64
from numpy import ndarray

from grokscope.core.errors import SettingError
from grokscope.models import OneLayerTransformer, Rows, Vocab

SEEDS = (0, 1)
HIGHEST = NOISE_LEVELS[-1]
PIZZA = ("pizza", "pizza-transformer", "pizza-offset", "companion", "line", "collapsed")
FLAT = ("clock", "ensemble", "coset")

every_label = pytest.mark.parametrize("label", LABELS)
every_seed = pytest.mark.parametrize("seed", SEEDS)
no_noise_and_most = pytest.mark.parametrize("noise", [0.0, HIGHEST])

planted = cache(plant)


def n_residues(network: Planted) -> int:
    return network.task.p


def plain_logits(network: Planted, hook=None) -> Float[ndarray, "a b c"]:
    """Logits of the plain forward, centred over the classes."""
    p = n_residues(network)
    inputs = network.task.table().inputs
    logits = network.model.forward(network.params, inputs[None], hook)[0].double().numpy()
    return (logits - logits.mean(1, keepdims=True)).reshape(p, p, -1)


def accuracy(logits: Float[ndarray, "a b c"]) -> float:
    p = len(logits)
    a, b = np.divmod(np.arange(p * p), p)
    return float((logits.reshape(p * p, -1).argmax(1) == (a + b) % p).mean())


def only(network: Planted, *frequencies: int) -> Planted:
    """The network with an embedding of the mean and some frequencies, for each operand's tokens."""
    p = n_residues(network)
    tables = network.params["W_E"][0].double().numpy().reshape(-1, p, network.model.d_model)
    spectrum = np.fft.fft(tables, axis=1)
    kept = {0, *frequencies, *(p - k for k in frequencies)}
    spectrum[:, [k for k in range(p) if k not in kept]] = 0
    w_e = np.fft.ifft(spectrum, axis=1).real.reshape(1, -1, network.model.d_model)
    params = network.params | {"W_E": torch.tensor(w_e, dtype=torch.float32)}
    return Planted(**{**vars(network), "params": params})


def amplitude(logits: Float[ndarray, "a b c"], k: int) -> Float64[ndarray, " d"]:
    """A_k(d): the part cos w_k(a+b−c) of the logits at each distance d = a − b."""
    p = len(logits)
    a, b, c = np.ogrid[:p, :p, :p]
    part = 2 * (logits * np.cos(2 * pi * k * (a + b - c) / p)).mean(2)
    first = np.arange(p)
    return np.array([part[(first + d) % p, first].mean() for d in range(p)])


def circle_amplitude(network: Planted, circle: int, k: int) -> Float64[ndarray, " d"]:
    return amplitude(plain_logits(only(network, circle)), k)


def angles(network: Planted, k: int) -> Float64[ndarray, " d"]:
    """w_k d, counted from the circle's offset where it has one."""
    p = n_residues(network)
    return 2 * pi * k * (np.arange(p) - network.offsets.get(k, 0.0)) / p


def circles_of(network: Planted, *labels: str) -> list[int]:
    return [k for k, label in network.circles.items() if label in labels]


def correlation(x: Float64[ndarray, " d"], y: Float64[ndarray, " d"]) -> float:
    return float(np.corrcoef(x, y)[0, 1])


def additive(values: Float[ndarray, "a b neuron"]) -> Float[ndarray, "a b neuron"]:
    """The first-order part: a function of a plus a function of b."""
    by_a, by_b = values.mean(1, keepdims=True), values.mean(0, keepdims=True)
    return by_a + by_b - values.mean((0, 1), keepdims=True)


def is_transformer(network: Planted) -> bool:
    return isinstance(network.model, OneLayerTransformer)


def pre_activations(network: Planted) -> Float[ndarray, "a b neuron"]:
    """What the first layer's neurons read, at the read-out."""
    p = n_residues(network)
    seen: dict[str, torch.Tensor] = {}
    plain_logits(network, lambda name, value: seen.update({name: value}))
    pre = seen["pre"][0]
    pre = pre[:, -1] if is_transformer(network) else pre
    return pre.double().numpy().reshape(p, p, -1)


@every_label
@every_seed
@pytest.mark.parametrize("noise", NOISE_LEVELS)
def test_the_whole_table_is_right_on_both_paths(label: str, seed: int, noise: float):
    network = planted(label, seed=seed, noise=noise)
    table = network.task.table()
    fast = network.model.readout(network.params, Rows(table.inputs[None]))[0]
    plain = network.model.forward(network.params, table.inputs[None])[0]
    assert (fast.argmax(1) == table.labels).all()
    assert (plain.argmax(1) == table.labels).all()


@every_label
def test_parameters_are_those_of_the_model(label: str):
    network, table = planted(label, seed=0), planted(label, seed=0).task.table()
    vocab = Vocab(d_vocab=table.d_vocab, n_classes=table.n_classes)
    expected = network.model.init(vocab, [0]) | network.model.constants([network.model])
    assert {k: v.shape for k, v in network.params.items()} == {
        k: v.shape for k, v in expected.items()
    }
    assert {k: v.dtype for k, v in network.params.items()} == {
        k: v.dtype for k, v in expected.items()
    }


@every_label
def test_noise_is_in_units_of_each_tensors_rms(label: str):
    clean, noisy = planted(label, seed=0), planted(label, seed=0, noise=HIGHEST)
    assert noisy.noise == HIGHEST
    for name in clean.params.keys() - {"attention_rate"}:
        size = clean.params[name].square().mean().sqrt()
        change = (noisy.params[name] - clean.params[name]).square().mean().sqrt()
        assert float(change) == pytest.approx(HIGHEST * float(size), rel=0.35), name


@every_label
def test_a_seed_gives_the_same_network_again_and_another_seed_another(label: str):
    again, other = plant(label, seed=0), planted(label, seed=1)
    for name, weight in planted(label, seed=0).params.items():
        assert torch.equal(again.params[name], weight)
    same_shape = again.params["W_E"].shape == other.params["W_E"].shape
    assert not same_shape or not torch.equal(again.params["W_E"], other.params["W_E"])


@every_label
@every_seed
def test_the_embedding_has_the_planted_circles_and_no_other(label: str, seed: int):
    network = planted(label, seed=seed)
    p = n_residues(network)
    tables = network.params["W_E"][0].double().numpy().reshape(-1, p, network.model.d_model)
    power = (np.abs(np.fft.fft(tables, axis=1)) ** 2).sum((0, 2))[1 : p // 2 + 1]
    found = {k for k, share in enumerate(power / power.sum(), start=1) if share > 1e-6}
    everything = set(range(1, p // 2 + 1))
    assert found == (everything if label == "lookup" else set(network.circles))


@pytest.mark.parametrize("label", PIZZA)
@every_seed
@no_noise_and_most
def test_pizza_circles_alone_give_the_half_angle(label: str, seed: int, noise: float):
    network = planted(label, seed=seed, noise=noise)
    for k in circles_of(network, "pizza", "line"):
        expected = np.abs(np.cos(angles(network, k) / 2))
        assert correlation(circle_amplitude(network, k, k), expected) > 0.97


def test_offset_circles_are_not_centred_on_equal_operands():
    network = planted("pizza-offset", seed=0)
    p = n_residues(network)
    centred = [
        correlation(circle_amplitude(network, k, k), np.abs(np.cos(pi * k * np.arange(p) / p)))
        for k in network.circles
    ]
    assert min(centred) < 0.9


@pytest.mark.parametrize("label", FLAT)
@every_seed
@no_noise_and_most
def test_flat_circles_do_not_depend_on_the_distance(label: str, seed: int, noise: float):
    network = planted(label, seed=seed, noise=noise)
    for k in network.circles:
        alone = circle_amplitude(network, k, k)
        assert alone.std() < 0.1 * alone.mean()


@pytest.mark.parametrize("label", ["companion", "collapsed"])
@every_seed
@no_noise_and_most
def test_companions_cancel_what_is_left_of_the_distance(label: str, seed: int, noise: float):
    network = planted(label, seed=seed, noise=noise)
    p = n_residues(network)
    for k in circles_of(network, "pizza"):
        double = min(2 * k, p - 2 * k)
        assert network.circles[double] == "companion"
        alone = circle_amplitude(network, double, k)
        assert correlation(alone, -np.cos(angles(network, k))) > 0.97
        whole, pizza = amplitude(plain_logits(network), k), circle_amplitude(network, k, k)
        assert whole.std() / whole.mean() < 0.5 * pizza.std() / pizza.mean()


@every_seed
@no_noise_and_most
def test_mixtures_hold_the_stated_fraction_of_pizza(seed: int, noise: float):
    network = planted("mixture", seed=seed, noise=noise)
    for k, fraction in network.fractions.items():
        half = np.abs(np.cos(angles(network, k) / 2))
        design = np.stack([np.full_like(half, 2 / pi), half], 1)
        alone = circle_amplitude(network, k, k)
        independent, aligned = np.linalg.lstsq(design, alone, rcond=None)[0]
        assert 0.35 <= fraction <= 0.65
        assert aligned / (independent + aligned) == pytest.approx(fraction, abs=0.06)


@every_seed
@no_noise_and_most
def test_a_line_is_degenerate_and_the_other_circles_are_not(seed: int, noise: float):
    network = planted("line", seed=seed, noise=noise)
    w_e = network.params["W_E"][0].double().numpy()
    for k, label in network.circles.items():
        wave = np.fft.fft(w_e, axis=0)[k]
        longest, other = np.linalg.svd(np.stack([wave.real, wave.imag]), compute_uv=False)
        assert (other / longest < 0.3) == (label == "line")
        assert label == "line" or other / longest > 0.8


@pytest.mark.parametrize("label", ["ensemble", "mixture", "coset", "pizza"])
@every_seed
def test_phases_of_the_operands_are_aligned_where_they_should_be(label: str, seed: int):
    network = planted(label, seed=seed)
    p = n_residues(network)
    w_e, w_in = network.params["W_E"][0].double().numpy(), network.params["W_in"][0].double()
    first, second = np.split(w_in.numpy(), 2) if label != "pizza" else [w_in.numpy()] * 2
    for k in (k for k in network.circles if 2 * k != p):
        waves = [np.fft.fft(w_e @ slot, axis=0)[k] for slot in (first, second)]
        strength = np.abs(waves[0])
        mine = strength > 0.8 * np.quantile(strength, 0.95)
        resultant = np.abs(np.exp(1j * np.angle(waves[0][mine] / waves[1][mine])).mean())
        expected = network.fractions.get(k, 1.0 if label == "pizza" else 0.0)
        assert resultant == pytest.approx(expected, abs=0.15)


@every_seed
@no_noise_and_most
def test_a_collapsed_network_ends_as_an_uneven_function_of_the_sum(seed: int, noise: float):
    logits = plain_logits(planted("collapsed", seed=seed, noise=noise))
    p = len(logits)
    s, d, u = np.ogrid[:p, :p, :p]
    b = (s - d) * (p + 1) // 2 % p  # 2b = s − d
    turned = logits[(s - b) % p, b, (s + u) % p]
    even = turned.mean((0, 1))
    by_sum = turned.mean(1) - even
    total = (turned**2).mean()
    assert 0.1 < (by_sum**2).mean() / total < 0.4
    assert ((by_sum**2).mean() + (even**2).mean()) / total > (0.93 if noise else 0.95)


@every_seed
def test_a_collapsed_networks_first_layer_is_of_first_order_in_the_operands(seed: int):
    pre = pre_activations(planted("collapsed", seed=seed))
    np.testing.assert_allclose(pre, additive(pre), atol=1e-4)


@every_seed
@no_noise_and_most
def test_a_clock_needs_its_attention(seed: int, noise: float):
    network = planted("clock", seed=seed, noise=noise)
    even = plain_logits(
        network, lambda name, value: torch.full_like(value, 0.5) if name == "pattern" else None
    )
    assert accuracy(plain_logits(network)) == 1
    assert accuracy(even) < 0.2


@every_seed
@no_noise_and_most
def test_a_clock_needs_the_small_second_order_part_of_its_pre_activations(seed: int, noise: float):
    network = planted("clock", seed=seed, noise=noise)
    p = n_residues(network)
    pre = pre_activations(network)
    centred = pre - pre.mean((0, 1))
    first_order = torch.tensor(additive(pre).reshape(p * p, -1), dtype=torch.float32)
    assert (additive(centred) ** 2).sum() / (centred**2).sum() > 0.7

    def replace(name: str, value: torch.Tensor) -> torch.Tensor | None:
        if name != "pre":
            return None
        value = value.clone()
        value[0, :, -1] = first_order
        return value

    assert accuracy(plain_logits(network, replace)) < 0.2


@every_seed
def test_a_pizza_transformer_multiplies_nothing_in_attention(seed: int):
    pre = pre_activations(planted("pizza-transformer", seed=seed))
    np.testing.assert_allclose(pre, additive(pre), atol=1e-4)


@pytest.mark.parametrize("seed", [*SEEDS, 3])
def test_cosets_are_exact(seed: int):
    network = planted("coset", seed=seed)
    p = n_residues(network)
    orders = [p // gcd(k, p) for k in network.circles]
    assert all(order < p for order in orders)
    assert np.prod(orders) == p
    for k, order in zip(network.circles, orders, strict=True):
        pre = pre_activations(only(network, k))
        moved = np.roll(np.roll(pre, order, 0), order, 1)
        np.testing.assert_allclose(pre, moved, atol=1e-4)


@every_seed
def test_a_lookup_has_a_neuron_for_every_pair(seed: int):
    network = planted("lookup", seed=seed)
    p = n_residues(network)
    fires = pre_activations(network).reshape(p * p, -1) > 1e-3
    for_one_pair = fires[:, fires.sum(0) == 1]
    assert (for_one_pair.sum(1) >= 1).all()
    assert network.circles == {}


@every_label
def test_a_sixth_of_the_neurons_is_junk_that_writes_little(label: str):
    network = planted(label, seed=0)
    to_logits = network.model.neuron_to_logit(network.params)[0].double().numpy()
    size = np.linalg.norm(to_logits, axis=1)
    assert (size > 0).all()
    small = (size < 0.3 * np.sqrt((size**2).mean())).mean()
    assert small >= 0.15


def test_an_unknown_label_is_refused():
    with pytest.raises(SettingError, match="label"):
        plant("donut", seed=0)
