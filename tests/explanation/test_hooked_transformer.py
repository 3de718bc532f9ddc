"""State dicts with TransformerLens's names, of this library's layout and of the older release's."""

import math
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from grokscope.core.errors import SettingError, UsageError
from grokscope.explanation.hooked_transformer import PlainTransformer, from_hooked_transformer
from grokscope.tasks import ModularArithmetic

P, D, HEADS, D_HEAD, D_MLP, LAYERS = 5, 6, 2, 3, 4, 2
ADD = ModularArithmetic(operation="add", p=P)


def weights(n_ctx: int = 3, n_tokens: int = P + 1) -> dict[str, torch.Tensor]:
    """Two layers with all biases, and the constants that TransformerLens saves."""
    stream = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=stream, dtype=torch.float64) / 2

    held = {"embed.W_E": draw(n_tokens, D), "pos_embed.W_pos": draw(n_ctx, D)}
    for i in range(LAYERS):
        attn, mlp = f"blocks.{i}.attn", f"blocks.{i}.mlp"
        held |= {f"{attn}.W_{letter}": draw(HEADS, D, D_HEAD) for letter in "QKV"}
        held |= {f"{attn}.b_{letter}": draw(HEADS, D_HEAD) for letter in "QKV"}
        held |= {f"{attn}.W_O": draw(HEADS, D_HEAD, D), f"{attn}.b_O": draw(D)}
        held |= {f"{mlp}.W_in": draw(D, D_MLP), f"{mlp}.b_in": draw(D_MLP)}
        held |= {f"{mlp}.W_out": draw(D_MLP, D), f"{mlp}.b_out": draw(D)}
        held |= {f"{attn}.mask": torch.ones(n_ctx, n_ctx).tril().bool()}
        held |= {f"{attn}.IGNORE": torch.tensor(-torch.inf)}
    return held | {"unembed.W_U": draw(D, n_tokens), "unembed.b_U": draw(n_tokens)}


def released(held: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same in the layout of the older release, which has no biases but the MLP's."""
    turned: dict[str, torch.Tensor] = {}
    for name, value in held.items():
        leaf = name.rpartition(".")[2]
        if leaf in ("W_E", "W_in", "W_out"):
            turned[name] = value.T
        elif leaf in ("W_Q", "W_K", "W_V"):
            turned[name] = value.transpose(1, 2)
        elif leaf == "W_O":
            turned[name] = value.flatten(0, 1).T
        elif leaf not in ("b_Q", "b_K", "b_V", "b_O", "b_U", "IGNORE"):
            turned[name] = value
    return turned


def slow_logits(held: dict[str, torch.Tensor], tokens: list[int]) -> torch.Tensor:
    """One row, one head and one query at a time."""
    stream = [held["embed.W_E"][t] + held["pos_embed.W_pos"][i] for i, t in enumerate(tokens)]
    for i in range(LAYERS):
        part = {n.rpartition(".")[2]: v for n, v in held.items() if n.startswith(f"blocks.{i}.")}
        middle = [x + part["b_O"] for x in stream]
        for h in range(HEADS):
            q, k, v = ([x @ part[f"W_{c}"][h] + part[f"b_{c}"][h] for x in stream] for c in "QKV")
            for place in range(len(tokens)):
                scores = [
                    float(q[place] @ k[seen]) / math.sqrt(D_HEAD) for seen in range(place + 1)
                ]
                total = sum(math.exp(score) for score in scores)
                for seen, score in enumerate(scores):
                    middle[place] = (
                        middle[place] + math.exp(score) / total * v[seen] @ part["W_O"][h]
                    )
        stream = [
            x + (x @ part["W_in"] + part["b_in"]).relu() @ part["W_out"] + part["b_out"]
            for x in middle
        ]
    return stream[-1] @ held["unembed.W_U"] + held["unembed.b_U"]


@pytest.mark.parametrize("n_ctx", [2, 3])
def test_logits_are_the_transformers(n_ctx: int):
    held = weights(n_ctx, P + (n_ctx == 3))
    found = from_hooked_transformer(held, ADD).run().logits
    rows = [[a, b, P][:n_ctx] for a in range(P) for b in range(P)]
    expected = torch.stack([slow_logits(held, row) for row in rows])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def test_the_released_layout_gives_the_same_network():
    held = weights()
    for name in held:
        if name.rpartition(".")[2] in ("b_Q", "b_K", "b_V", "b_O", "b_U"):
            held[name] = torch.zeros_like(held[name])
    own = from_hooked_transformer(held, ADD)
    older = from_hooked_transformer(released(held), ADD)
    torch.testing.assert_close(older.run().logits, own.run().logits, rtol=0, atol=1e-12)
    torch.testing.assert_close(older.embeddings, own.embeddings, rtol=0, atol=0)


def test_it_keeps_the_names_of_the_hook_points():
    subject = from_hooked_transformer(weights(), ADD, name="mine")
    assert subject.layers == ("blocks.0.mlp.hook_pre", "blocks.1.mlp.hook_pre")
    assert subject.attention == ("blocks.0.attn.hook_pattern", "blocks.1.attn.hook_pattern")
    assert subject.name == "mine"
    trace = subject.run(reads=True)
    assert trace.pre["blocks.1.mlp.hook_pre"].shape == (P * P, 3, D_MLP)
    pattern = trace.patterns["blocks.1.attn.hook_pattern"]
    assert pattern.triu(1).eq(0).all()  # causal
    torch.testing.assert_close(pattern.sum(-1), torch.ones_like(pattern[..., 0]))


def test_weights_are_copied():
    held = weights()
    subject = from_hooked_transformer(held, ADD)
    before = subject.run().logits
    held["embed.W_E"].zero_()
    assert torch.equal(subject.run().logits, before)


def test_a_saved_state_dict_is_read(tmp_path: Path):
    held = weights()
    torch.save(held, tmp_path / "model.pt")
    found = from_hooked_transformer(tmp_path / "model.pt", ADD).run().logits
    assert torch.equal(found, from_hooked_transformer(held, ADD).run().logits)
    assert torch.equal(from_hooked_transformer(str(tmp_path / "model.pt"), ADD).run().logits, found)


class Opens:
    """What a pickle that runs code looks like."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_code_in_a_file_is_refused_and_not_run(tmp_path: Path):
    trace = tmp_path / "it ran"
    torch.save(weights() | {"extra": Opens(trace)}, tmp_path / "model.pt")
    with pytest.raises(
        UsageError, match="is no file of tensors alone, so it is not loaded"
    ) as error:
        from_hooked_transformer(tmp_path / "model.pt", ADD)
    assert not trace.exists()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.pt", None, "is no file"),
        ("noise.pt", b"not a pickle at all", "no file of tensors alone"),
        ("empty.pt", b"", "no file of tensors alone"),
        ("model.safetensors", b"", "safetensors.torch.load_file"),
    ],
)
def test_files_that_hold_no_state_dict(tmp_path: Path, name: str, content: Any, message: str):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message) as error:
        from_hooked_transformer(tmp_path / name, ADD)
    assert "\n" not in str(error.value)


def test_a_file_with_something_else(tmp_path: Path):
    torch.save([torch.zeros(2)], tmp_path / "list.pt")
    with pytest.raises(UsageError, match="holds no state dict but list"):
        from_hooked_transformer(tmp_path / "list.pt", ADD)


def without(name: str) -> dict[str, torch.Tensor]:
    return {key: value for key, value in weights().items() if key != name}


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({}, "lacks embed.W_E, pos_embed.W_pos, unembed.W_U and 8 more"),
        ({"epoch": 3, "model": weights()}, "one level deeper: give what is under 'model'"),
        (without("blocks.1.attn.W_K"), "lacks blocks.1.attn.W_K; what can be read is"),
        (weights() | {"blocks.0.ln1.w": torch.ones(D)}, "has the unknown blocks.0.ln1.w;"),
        (weights() | {"embed.W_E": 3}, "has no tensor as embed.W_E"),
        (weights() | {"blocks.0.mlp.W_in": torch.zeros(D)}, "W_in must have 2 axes"),
        (
            weights() | {"blocks.0.mlp.b_out": torch.zeros(D + 1)},
            r"b_out has shape \(7,\); beside the other weights it must be \(6,\)",
        ),
        (weights() | {"unembed.b_U": torch.zeros(P + 1).long()}, "of torch.int64"),
        (weights(n_ctx=4), "`inputs` is needed: the network has 4 positions and 6 tokens"),
        (weights(3, 2 * P + 1), "`inputs` is needed: the network has 3 positions and 11 tokens"),
    ],
    ids=[
        "empty",
        "nested",
        "missing",
        "LayerNorm",
        "number",
        "axes",
        "shape",
        "integers",
        "long",
        "vocab",
    ],
)
def test_other_networks_are_refused_in_one_line(held: Any, message: str):
    with pytest.raises(UsageError, match=message) as error:
        from_hooked_transformer(held, ADD)
    assert "\n" not in str(error.value)


def test_rates_outside_the_unit_interval_are_refused():
    with pytest.raises(SettingError, match="`attention_rate` must be in"):
        PlainTransformer(weights(), attention_rate=1.5)
