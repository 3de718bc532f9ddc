"""The decoder beside an ordinary module, and what its fast path may rely on."""

import pytest
import torch
from benchmarks import textbook
from benchmarks.cases import textbook_module, textbook_tokens
from torch.nn import functional as F

from grokscope.models import Decoder, Parameters, Rows, Vocab
from grokscope.models.decoder import positions
from grokscope.tasks import ModularArithmetic

P = 7
TABLE = ModularArithmetic(operation="divide", p=P).table()
MODELS = {
    "power2022": Decoder(d_model=16),
    "1 layer": Decoder(d_model=8, n_heads=2, n_layers=1, d_mlp=5),
    "3 layers": Decoder(d_model=12, n_heads=3, n_layers=3),
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())


def parameters(model: Decoder, n_models: int = 1) -> Parameters:
    """Networks whose LayerNorms are not the identity."""
    drawn = model.init(Vocab(d_vocab=P, n_classes=P), range(n_models))
    stream = torch.Generator().manual_seed(0)
    return {
        name: (value + 0.1 * torch.randn(value.shape, generator=stream)).double().requires_grad_()
        for name, value in drawn.items()
    }


@every_model
@pytest.mark.parametrize("path", ["forward", "readout"])
def test_logits_and_gradients_are_those_of_an_ordinary_module(model: Decoder, path: str):
    module = textbook_module(model, TABLE).double()
    params = parameters(model)
    textbook.load(module, {name: value.detach()[0] for name, value in params.items()})
    rows = torch.randperm(len(TABLE.labels), generator=torch.Generator().manual_seed(1))[:30]
    theirs = module(textbook_tokens(model, TABLE)[rows])[:, -1]
    inputs = TABLE.inputs[rows].unsqueeze(0)
    ours = (
        model.forward(params, inputs) if path == "forward" else model.readout(params, Rows(inputs))
    )
    assert torch.allclose(ours[0], theirs, rtol=1e-10, atol=1e-11)
    torch.autograd.backward(F.cross_entropy(theirs, TABLE.labels[rows]))
    named = dict(module.named_parameters())
    assert named.keys() == params.keys()
    loss = F.cross_entropy(ours[0], TABLE.labels[rows])
    gradients = torch.autograd.grad(loss, list(params.values()), allow_unused=True)
    for (name, value), gradient in zip(params.items(), gradients, strict=True):
        expected = named[name].grad
        assert expected is not None, name
        found = torch.zeros_like(value) if gradient is None else gradient
        assert torch.allclose(found[0], expected, rtol=1e-8, atol=1e-11), name


@every_model
@pytest.mark.parametrize("n_rows", [1, P - 1, P, P + 1])
def test_a_batch_may_have_fewer_rows_than_there_are_tokens(model: Decoder, n_rows: int):
    params = parameters(model, 2)
    stream = torch.Generator().manual_seed(2)
    inputs = torch.randint(0, P, (2, n_rows, 2), generator=stream)
    plain, fast = model.forward(params, inputs), model.readout(params, Rows(inputs))
    assert torch.allclose(fast, plain, rtol=1e-10, atol=1e-12)
    pairs = zip(
        torch.autograd.grad(plain.tanh().sum(), list(params.values()), allow_unused=True),
        torch.autograd.grad(fast.tanh().sum(), list(params.values())),
        strict=True,
    )
    for plainly, fast in pairs:
        expected = torch.zeros_like(fast) if plainly is None else plainly
        assert torch.allclose(fast, expected, rtol=1e-9, atol=1e-11)


def test_no_position_sees_a_later_one():
    """What the tables of `a` and `op` rely on: they are the same whatever `b` is."""
    model = MODELS["3 layers"]
    inputs = torch.tensor([[[3, b] for b in range(P)]])
    seen: dict[str, torch.Tensor] = {}
    model.forward(parameters(model), inputs, lambda key, value: seen.__setitem__(key, value))
    for key in ("resid_pre", "ln2_normalized", "ln2_normalized_1", "ln2_normalized_2"):
        early = seen[key][0, :, :2]
        assert torch.allclose(early, early[:1].expand_as(early), rtol=1e-12, atol=1e-13)
        assert not torch.allclose(seen[key][0, 0, 2], seen[key][0, 1, 2])
    assert torch.equal(seen["pattern_1"], seen["pattern_1"].tril())


def test_every_activation_has_a_name_per_layer_and_can_be_replaced():
    model, inputs = MODELS["power2022"], TABLE.inputs.unsqueeze(0)
    params = parameters(model)
    names: list[str] = []
    model.forward(params, inputs, lambda key, _: names.append(key))
    layer = [
        "resid_pre q k v attn_scores pattern z attn_out resid_mid ln1_scale ln1_normalized",
        "pre post mlp_out resid_post ln2_scale ln2_normalized",
    ]
    first = " ".join(layer).split()
    assert names == ["embed", *first, *(f"{name}_1" for name in first), "logits"]
    plain = model.forward(params, inputs)
    for name in names:
        changed = model.forward(
            params, inputs, lambda key, value, name=name: 2 * value + 1 if key == name else None
        )
        assert not torch.allclose(changed, plain), name


def test_published_positions():
    table = positions(128)
    assert table.shape == (4, 128)
    assert torch.equal(table[0, ::2], torch.zeros(64, dtype=torch.float64))
    assert torch.equal(table[0, 1::2], torch.ones(64, dtype=torch.float64))
    assert table[3, 0] == pytest.approx(0.1411200081)  # sin 3
    assert table[2, 65] == pytest.approx(0.9998000067)  # cos(2 / 10000^(64/128))
    assert positions(5).shape == (4, 5)


def test_the_published_network_has_about_400_000_parameters_beside_its_embeddings():
    drawn = Decoder().init(Vocab(d_vocab=97, n_classes=97), [0])
    inner = {name: value for name, value in drawn.items() if name not in ("W_E", "W_U")}
    assert sum(value.numel() for value in inner.values()) == pytest.approx(4e5, rel=0.02)
