"""What is replaced: the positions that the read-out can see, and nothing else."""

from dataclasses import fields

import pytest
import torch
from benchmarks.explainer.planted import plant

from grokscope.explanation import NetworkSubject
from grokscope.explanation.form import Form, Terms, fit
from grokscope.explanation.hooked_transformer import from_hooked_transformer
from grokscope.explanation.mechanism import (
    Mechanism,
    seen_positions,
    variance_kept,
    write_back,
)
from grokscope.explanation.subject import Subject
from grokscope.models import DeepTransformer, OneLayerTransformer, Parameters, Vocab
from grokscope.models.norm_free import NormFreeTransformer
from grokscope.tasks import ModularArithmetic

TASK = ModularArithmetic(operation="add", p=7)
ONE = OneLayerTransformer(d_model=8, n_heads=2, equals_token=True, causal=False)


def drawn(model: NormFreeTransformer) -> Parameters:
    table = TASK.table()
    params = model.init(Vocab(d_vocab=table.d_vocab, n_classes=table.n_classes), [0])
    return params | model.constants([model])


def foreign(model: NormFreeTransformer) -> Subject:
    """The same network as TransformerLens stores it: all of its positions are there."""
    params, state = drawn(model), {}
    for i, layer in enumerate(model.layers(params)):
        for name, weights in layer.items():
            part = "attn" if name in ("W_Q", "W_K", "W_V", "W_O") else "mlp"
            state[f"blocks.{i}.{part}.{name}"] = weights[0]
    for name in ("embed.W_E", "pos_embed.W_pos", "unembed.W_U"):
        state[name] = params[name.split(".")[1]][0]
    return from_hooked_transformer(state, TASK, causal=False)


def test_one_layer_is_seen_where_it_is_read_out():
    network = foreign(ONE)
    trace = network.run(reads=True)
    (site,) = network.layers
    assert trace.pre[site].shape[1] == 3
    assert seen_positions(network, trace) == {site: [2]}


def test_a_first_layer_is_seen_everywhere_and_the_last_where_it_is_read_out():
    shared = {field.name: getattr(ONE, field.name) for field in fields(ONE)}
    deep = DeepTransformer(n_layers=2, **shared)
    network = foreign(deep)
    seen = seen_positions(network, network.run(reads=True))
    first, last = network.layers
    assert seen == {first: [0, 1, 2], last: [2]}
    own = NetworkSubject(deep, drawn(deep), TASK.table())
    assert seen_positions(own, own.run(reads=True)) == {"pre": [0, 1, 2], "pre_1": [0]}


def test_positions_out_of_sight_keep_what_they_have():
    network = foreign(ONE)
    trace = network.run(reads=True)
    form = Form(terms={1: Terms.FIRST}, offsets={})
    (site,) = network.layers
    written = write_back(network, trace, {site: form}, seen_positions(network, trace)).pre[site]
    assert torch.equal(written[:, :2], trace.pre[site][:, :2])
    assert not torch.allclose(written[:, 2], trace.pre[site][:, 2])


def test_neurons_without_positions_are_replaced_whole():
    planted = plant("pizza", seed=0)
    network = NetworkSubject(planted.model, planted.params, planted.task.table())
    trace = network.run(reads=True)
    (site,) = network.layers
    assert trace.pre[site].ndim == 2
    seen = seen_positions(network, trace)
    assert seen == {}
    form = Form(terms={1: Terms.FIRST}, offsets={})
    written = write_back(network, trace, {site: form}, seen).pre[site]
    expected = fit(trace.pre[site], network.symmetry, form).pre
    assert torch.equal(written, expected)


def test_variance_that_is_kept():
    draws = torch.Generator().manual_seed(0)
    logits = torch.randn(50, 7, generator=draws)
    assert variance_kept(logits, logits + 3.0) == pytest.approx(1)
    assert variance_kept(logits, logits.mean(0, keepdim=True).expand_as(logits)) == pytest.approx(0)


def test_the_gain_over_principal_components():
    found = Mechanism(
        accuracy=1.0,
        cross_entropy_rise=0.0,
        random=0.0,
        variance=0.98,
        principal=0.9,
        n_parameters=1,
    )
    assert found.gain == pytest.approx(0.8)  # it leaves a fifth of what they leave
