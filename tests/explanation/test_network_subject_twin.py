"""One network seen through both doors: grokscope's own subject and the adapter for any module."""

# ruff: noqa: D102 (what `forward` does is what its class says)

import pytest
import torch
from torch import nn

from grokscope.explanation.hooked_transformer import from_hooked_transformer
from grokscope.explanation.module_subject import ModuleSubject
from grokscope.explanation.network_subject import NetworkSubject
from grokscope.explanation.subject import Edit, Subject, Trace
from grokscope.models import EmbeddingMLP, OneLayerTransformer, Parameters, Vocab
from grokscope.tasks import ModularArithmetic

P = 7
TASK = ModularArithmetic(operation="subtract", p=P)
VOCAB = Vocab(d_vocab=P, n_classes=P)
CLOSE = {"rtol": 0, "atol": 1e-11}


def doubled(model: OneLayerTransformer | EmbeddingMLP) -> Parameters:
    params = model.init(VOCAB, seeds=[4]) | model.constants([model])
    return {name: value.double() for name, value in params.items()}


def hooked(params: Parameters) -> dict[str, torch.Tensor]:
    """The same weights with TransformerLens's names."""
    names = {
        "embed.W_E": "W_E",
        "pos_embed.W_pos": "W_pos",
        "unembed.W_U": "W_U",
        **{f"blocks.0.attn.W_{letter}": f"W_{letter}" for letter in "QKVO"},
        **{f"blocks.0.mlp.{leaf}": leaf for leaf in ("W_in", "b_in", "W_out", "b_out")},
    }
    return {name: params[own][0] for name, own in names.items()}


def assert_same(own: Trace, foreign: Trace) -> None:
    """Grokscope's transformers leave out what their last layer does where nobody reads it."""
    torch.testing.assert_close(foreign.logits, own.logits, **CLOSE)
    for one, other in zip(foreign.pre.values(), own.pre.values(), strict=True):
        seen = one if one.ndim == 2 else one[:, -1:]
        torch.testing.assert_close(seen, other, **CLOSE)
    for one, other in zip(foreign.patterns.values(), own.patterns.values(), strict=True):
        torch.testing.assert_close(one[:, :, -1:], other, **CLOSE)


def assert_twins(own: Subject, foreign: Subject) -> None:
    assert torch.equal(own.embeddings, foreign.embeddings)
    trace, other = own.run(reads=True), foreign.run(reads=True)
    assert_same(trace, other)
    stream = torch.Generator().manual_seed(0)
    tables = torch.randn(own.embeddings.shape, generator=stream).double()
    both = Edit(embeddings=tables, is_rectified=True)
    assert_same(own.run(both, reads=True), foreign.run(both, reads=True))
    for layer, site in zip(own.layers, foreign.layers, strict=True):
        flipped = trace.pre[layer].flip(0), other.pre[site].flip(0)
        edits = Edit(pre={layer: flipped[0]}), Edit(pre={site: flipped[1]})
        assert_same(own.run(edits[0]), foreign.run(edits[1]))
    for layer, site in zip(own.attention, foreign.attention, strict=True):
        flipped = trace.patterns[layer].flip(0), other.patterns[site].flip(0)
        edits = Edit(patterns={layer: flipped[0]}), Edit(patterns={site: flipped[1]})
        assert_same(own.run(edits[0]), foreign.run(edits[1]))
    rows = torch.randint(P * P, (30,), generator=stream)
    classes = torch.randint(P, (30,), generator=stream)
    torch.testing.assert_close(
        own.gradients(rows, classes), foreign.gradients(rows, classes), **CLOSE
    )


@pytest.mark.parametrize("equals", [True, False])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("rate", [1.0, 0.3, 0.0])
def test_transformers_are_twins(equals: bool, causal: bool, rate: float):
    model = OneLayerTransformer(
        d_model=8, n_heads=2, equals_token=equals, causal=causal, attention_rate=rate
    )
    params = doubled(model)
    foreign = from_hooked_transformer(hooked(params), TASK, causal=causal, attention_rate=rate)
    assert_twins(NetworkSubject(model, params, TASK.table()), foreign)


def test_separate_vocabularies_are_twins():
    model = OneLayerTransformer(d_model=8, n_heads=2, separate_vocab=True, activation="gelu")
    params = doubled(model)
    foreign = from_hooked_transformer(
        hooked(params),
        TASK,
        activation="gelu",
        inputs=lambda rows: torch.nn.functional.pad(
            rows + torch.tensor([0, P]), (0, 1), value=2 * P
        ),
    )
    assert_twins(NetworkSubject(model, params, TASK.table()), foreign)


class PlainMLP(nn.Module):
    """The MLP of a stack of one, as modules."""

    def __init__(self, params: Parameters) -> None:
        super().__init__()
        self.embed = nn.Embedding.from_pretrained(params["W_E"][0])
        self.hidden = nn.Linear(16, 10).double()
        self.deeper = nn.Linear(10, 10).double()
        self.out = nn.Linear(10, P, bias=False).double()
        pairs = ((self.hidden, "W_in", "b_in"), (self.deeper, "W_hidden_1", "b_hidden_1"))
        for layer, weight, bias in pairs:
            layer.weight.data, layer.bias.data = params[weight][0].T, params[bias][0]
        self.out.weight.data = params["W_U"][0].T

    def forward(self, rows):
        x = self.hidden(self.embed(rows).flatten(1)).relu()
        return self.out(self.deeper(x).relu_())


def test_multilayer_perceptrons_are_twins():
    model = EmbeddingMLP(d_model=8, d_hidden=10, n_hidden_layers=2, combine="concat")
    params = doubled(model)
    foreign = ModuleSubject(
        PlainMLP(params), TASK, embeddings="embed.weight", pre=("hidden", "deeper")
    )
    assert_twins(NetworkSubject(model, params, TASK.table()), foreign)
