"""Layers behind layers, beside an implementation that adds number by number."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from grokscope.core.errors import SettingError
from grokscope.models import DeepTransformer, OneLayerTransformer, Parameters, Rows, Vocab
from reference import deep_transformer as slow

P = 5
VOCAB = Vocab(d_vocab=P, n_classes=P)
RATES = (0.0, 0.3, 1.0)
ZHONG = DeepTransformer(d_model=8, n_heads=2, d_mlp=11)
MODELS = {
    "zhong2023": ZHONG,
    "3 layers, gelu": replace(ZHONG, n_layers=3, activation="gelu"),
    "4 layers, separate": replace(ZHONG, n_layers=4, separate_vocab=True),
    "equals": replace(ZHONG, equals_token=True),
    "equals, 3 layers, square": replace(ZHONG, equals_token=True, n_layers=3, activation="square"),
    "causal": replace(ZHONG, causal=True),
    "causal, equals, separate": replace(
        ZHONG, causal=True, equals_token=True, separate_vocab=True, n_layers=3
    ),
    "fewer outputs than d_model": replace(ZHONG, d_model=12, n_heads=3),
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())


def parameters(model: DeepTransformer) -> Parameters:
    """Trained parameters of a network per rate, with biases that are not 0."""
    stream = torch.Generator().manual_seed(0)
    return {
        name: (value + 0.1 * torch.randn(value.shape, generator=stream)).double().requires_grad_()
        for name, value in model.init(VOCAB, range(len(RATES))).items()
    }


def constants(model: DeepTransformer) -> Parameters:
    return model.constants([replace(model, attention_rate=rate) for rate in RATES])


def some_rows(n_rows: int = 7) -> torch.Tensor:
    """Among them the same operand twice."""
    stream = torch.Generator().manual_seed(1)
    inputs = torch.randint(0, P, (len(RATES), n_rows, 2), generator=stream)
    inputs[:, 0] = 3
    return inputs


def slowly(model: DeepTransformer, params: Parameters, inputs: torch.Tensor) -> torch.Tensor:
    """Network by network, row by row."""
    found = np.zeros((*inputs.shape[:2], params["W_U"].shape[2]))
    suffixes = ["", "_1", "_2", "_3"][: model.n_layers]
    for i, rate in enumerate(RATES):
        weights = {name: value[i].detach().numpy() for name, value in params.items()}
        for j, (a, b) in enumerate(inputs[i].tolist()):
            tokens = [a, b + P if model.separate_vocab else b]
            tokens += [len(weights["W_E"]) - 1] if model.equals_token else []
            found[i, j] = slow.logits(
                weights,
                tokens,
                suffixes,
                rate=rate,
                causal=model.causal,
                activation=model.activation,
            )
    return torch.from_numpy(found)


@every_model
def test_both_paths_give_the_logits_of_the_slow_reference(model: DeepTransformer):
    params, inputs = parameters(model), some_rows()
    expected = slowly(model, params, inputs)
    everything = params | constants(model)
    assert torch.allclose(model.forward(everything, inputs), expected, rtol=1e-10, atol=1e-11)
    found = model.readout(everything, Rows(inputs))
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-11)
    seen, _ = model.observe(everything, Rows(inputs))
    assert torch.allclose(seen, expected, rtol=1e-10, atol=1e-11)


@every_model
def test_both_paths_have_the_same_gradients_at_every_rate(model: DeepTransformer):
    params, inputs = parameters(model), some_rows()
    gradients = [
        torch.autograd.grad(logits.tanh().square().sum(), list(params.values()))
        for logits in (
            model.forward(params | constants(model), inputs),
            model.readout(params | constants(model), Rows(inputs)),
        )
    ]
    for name, plain, fast in zip(params, *gradients, strict=True):
        assert torch.allclose(fast, plain, rtol=1e-9, atol=1e-11), name


def test_every_activation_has_a_name_per_layer_and_can_be_replaced():
    model, inputs = replace(ZHONG, attention_rate=0.5), some_rows()
    params = parameters(model) | model.constants([model] * len(RATES))
    names: list[str] = []
    shapes: dict[str, torch.Size] = {}

    def look(name: str, value: torch.Tensor) -> None:
        names.append(name)
        shapes[name] = value.shape

    plain = model.forward(params, inputs, look)
    layer = "resid_pre q k v attn_scores pattern z attn_out resid_mid pre post mlp_out resid_post"
    first = layer.split()
    assert names == ["embed", *first, *(f"{name}_1" for name in first), "logits"]
    assert shapes["embed"] == shapes["resid_post"] == shapes["resid_pre_1"] == (3, 7, 2, 8)
    assert shapes["k_1"] == (3, 7, 2, 2, 4)
    assert shapes["pattern"] == (3, 7, 2, 2, 2)
    # the read-out sees the last layer at the last position alone
    assert shapes["q_1"] == (3, 7, 1, 2, 4)
    assert shapes["pattern_1"] == (3, 7, 2, 1, 2)
    assert shapes["resid_post_1"] == (3, 7, 1, 8)
    for name in names:
        changed = model.forward(
            params, inputs, lambda key, value, name=name: 2 * value + 1 if key == name else None
        )
        # softmax does not see that 1 was added, but that scores are twice what they were
        assert not torch.allclose(changed, plain), name


def test_a_seed_draws_the_same_first_layer_as_in_the_shallow_transformer():
    shallow = OneLayerTransformer(
        d_model=8, n_heads=2, equals_token=False, causal=False, init_like="zhong2023"
    )
    one = shallow.init(VOCAB, [3])
    deep = DeepTransformer(d_model=8, n_heads=2, n_layers=3).init(VOCAB, [3])
    assert all(torch.equal(deep[name], value) for name, value in one.items())
    assert deep["W_in_2"].shape == one["W_in"].shape
    assert not torch.equal(deep["W_in_1"], deep["W_in_2"])


def test_layers_that_add_nothing_leave_the_shallow_network():
    model = replace(ZHONG, n_layers=4)
    shallow = OneLayerTransformer(d_model=8, n_heads=2, d_mlp=11, equals_token=False, causal=False)
    params, inputs = parameters(model), some_rows()
    silent = {
        name: torch.zeros_like(value)
        for name, value in params.items()
        if name.startswith(("W_O_", "W_out_", "b_out_"))
    }
    found = model.readout(params | silent | constants(model), Rows(inputs))
    expected = shallow.readout(params | constants(model), Rows(inputs))
    assert torch.allclose(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("n_layers", [1, 5])
def test_one_layer_is_the_other_class(n_layers: int):
    message = f"`n_layers` must be 2, 3 or 4 .a single layer is `OneLayerTransformer`.*{n_layers}"
    with pytest.raises(SettingError, match=message):
        DeepTransformer(n_layers=n_layers)


def test_other_bad_settings_are_refused_as_in_the_shallow_transformer():
    with pytest.raises(SettingError, match="`d_model` must be a positive multiple of `n_heads`"):
        DeepTransformer(d_model=30)
    with pytest.raises(SettingError, match=r"`attention_rate` must be in \[0, 1\]"):
        DeepTransformer(attention_rate=1.5)


def test_it_has_a_name_for_people():
    assert DeepTransformer(n_layers=3, attention_rate=0.5).name == (
        "transformer, 3 layers, attention rate 0.5"
    )
