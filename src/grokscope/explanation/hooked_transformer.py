"""Weights with TransformerLens's names, run without TransformerLens.

A `HookedTransformer` without LayerNorm (normalization_type None) becomes a plain module whose
parameters and hook points keep their names, such as `blocks.0.mlp.hook_pre`. The code released with
arXiv 2301.05217 and 2306.17844 has the same names for transposed weights, and is read as well: its
embedding is (d_model, token), and its `W_O` a matrix that holds all heads.
"""

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from grokscope.core.errors import SettingError, UsageError
from grokscope.explanation.module_subject import ModuleSubject
from grokscope.explanation.operands import Inputs
from grokscope.models.base import Activation
from grokscope.tasks import Task

Weights = Mapping[str, object]
"""A state dict, before it is known that its values are tensors."""

_IGNORED = ("mask", "IGNORE")
"""Constants that TransformerLens saves beside the weights."""
_ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "square": torch.square,
}


class PlainTransformer(nn.Module):
    """Attention and an MLP per layer around one residual stream, without LayerNorm.

    Attention is rate · softmax + (1 − rate) · 1, as in arXiv 2306.17844; rate 1 is ordinary.

    Raises:
        UsageError: a weight is missing, unknown, or has another shape than the others ask for.
        SettingError: `attention_rate` is outside [0, 1], or `activation` is unknown.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        activation: Activation = "relu",
        causal: bool = True,
        attention_rate: float = 1.0,
    ) -> None:
        super().__init__()
        if activation not in _ACTIVATIONS:
            raise SettingError("activation", f"one of {', '.join(_ACTIVATIONS)}", activation)
        if not 0 <= attention_rate <= 1:
            raise SettingError("attention_rate", "in [0, 1]", attention_rate)
        complete = _complete(_oriented(_required(weights)))
        self.embed, self.pos_embed, self.unembed = _Weights(), _Weights(), _Weights()
        self.blocks = nn.ModuleList(
            _Block(_Attention(causal, attention_rate), _MLP(_ACTIVATIONS[activation]))
            for _ in range(_n_layers(complete))
        )
        for name, value in complete.items():
            owner, _, leaf = name.rpartition(".")
            parameter = nn.Parameter(value.detach().clone(), requires_grad=False)
            self.get_submodule(owner).register_parameter(leaf, parameter)

    def forward(self, tokens: Int[Tensor, "row pos"]) -> Float[Tensor, "row pos n_outputs"]:
        """Logits at every position."""
        stream = self.embed["W_E"][tokens] + self.pos_embed["W_pos"][: tokens.shape[1]]
        for block in self.blocks:
            stream = block(stream)
        return stream @ self.unembed["W_U"] + self.unembed["b_U"]


class _Weights(nn.Module):
    """Parameters by name; the network registers them."""

    def __getitem__(self, name: str) -> Tensor:
        # not get_parameter: a longer table may stand in for the parameter
        return cast(Tensor, getattr(self, name))


class _Block(nn.Module):
    def __init__(self, attn: nn.Module, mlp: nn.Module) -> None:
        super().__init__()
        self.attn, self.mlp = attn, mlp

    def forward(self, stream: Float[Tensor, "row pos d_model"]) -> Float[Tensor, "row pos d_model"]:
        stream = stream + self.attn(stream)
        return stream + self.mlp(stream)


class _Attention(_Weights):
    def __init__(self, causal: bool, rate: float) -> None:
        super().__init__()
        self.hook_pattern = nn.Identity()
        self._causal, self._rate = causal, rate

    def forward(self, stream: Float[Tensor, "row pos d_model"]) -> Float[Tensor, "row pos d_model"]:
        q, k, v = (
            torch.einsum("rpd,hde->rphe", stream, self[f"W_{letter}"]) + self[f"b_{letter}"]
            for letter in "QKV"
        )
        scores = torch.einsum("rqhe,rkhe->rhqk", q, k) / q.shape[-1] ** 0.5
        visible = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device)
        visible = visible.tril() if self._causal else visible
        shares = scores.masked_fill(~visible, -torch.inf).softmax(-1)
        pattern = self.hook_pattern(self._rate * shares + (1 - self._rate) * visible.to(shares))
        z = torch.einsum("rhqk,rkhe->rqhe", pattern, v)
        return torch.einsum("rqhe,hed->rqd", z, self["W_O"]) + self["b_O"]


class _MLP(_Weights):
    def __init__(self, activated: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.hook_pre = nn.Identity()
        self._activated = activated

    def forward(self, stream: Float[Tensor, "row pos d_model"]) -> Float[Tensor, "row pos d_model"]:
        pre = self.hook_pre(stream @ self["W_in"] + self["b_in"])
        return self._activated(pre) @ self["W_out"] + self["b_out"]


def from_hooked_transformer(  # noqa: PLR0913 (a state dict says little of its network)
    weights: Weights | str | PathLike[str],
    task: Task,
    *,
    inputs: Inputs | None = None,
    activation: Activation = "relu",
    causal: bool = True,
    attention_rate: float = 1.0,
    name: str = "",
) -> ModuleSubject:
    """A transformer's state dict with TransformerLens's names as a subject.

    Args:
        weights: a state dict, or a file that `torch.save` made of one; it is read as data, and code
            in it is refused. For a safetensors file, give what `safetensors.torch.load_file` gives.
        task: whose table it answers.
        inputs: as in `ModuleSubject`; where it is not given, tokens are `a b`, followed by the last
            token of the vocabulary as `=` if there are three positions.
        activation: behind the pre-activations; a state dict does not say it.
        causal: whether positions see earlier ones only.
        attention_rate: share of softmax attention, as in arXiv 2306.17844.
        name: for people.

    Raises:
        UsageError: the file holds no state dict or cannot be read; weights are missing, unknown or
            of the wrong shape; or as in `ModuleSubject`.
        SettingError: `attention_rate` is outside [0, 1], or `activation` is unknown.
    """
    held = weights if isinstance(weights, Mapping) else _loaded(Path(weights))
    network = PlainTransformer(
        held, activation=activation, causal=causal, attention_rate=attention_rate
    )
    layers = range(len(network.blocks))
    return ModuleSubject(
        network,
        task,
        embeddings="embed.W_E",
        pre=[f"blocks.{i}.mlp.hook_pre" for i in layers],
        patterns=[f"blocks.{i}.attn.hook_pattern" for i in layers],
        inputs=inputs or _usual_inputs(network, task.table().d_vocab),
        name=name,
    )


def _usual_inputs(network: PlainTransformer, d_vocab: int) -> Inputs:
    n_tokens, n_ctx = len(network.embed["W_E"]), len(network.pos_embed["W_pos"])
    if n_ctx not in (2, 3) or n_tokens != d_vocab + (n_ctx == 3):
        raise UsageError(
            f"`inputs` is needed: the network has {n_ctx} positions and {n_tokens} tokens, neither "
            f"`a b` with {d_vocab} tokens nor `a b =` with {d_vocab + 1}."
        )

    def inputs(rows: Int[Tensor, "row 2"]) -> Int[Tensor, "row pos"]:
        return F.pad(rows, (0, n_ctx - 2), value=n_tokens - 1)

    return inputs


def _loaded(path: Path) -> Weights:
    if path.suffix == ".safetensors":
        raise UsageError(
            f"{path} is a safetensors file: read it with `safetensors.torch.load_file` and give "
            "the state dict."
        )
    if not path.is_file():
        raise UsageError(f"{path} is no file.")
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # broken pickles raise nearly anything
        raise UsageError(
            f"{path} is no file of tensors alone, so it is not loaded: save `model.state_dict()`."
        ) from error
    if not isinstance(held, Mapping):
        raise UsageError(f"{path} holds no state dict but {type(held).__name__}.")
    return cast(Weights, held)


def _required(weights: Weights) -> dict[str, Tensor]:
    """The weights without constants; no other name and no gap is let through."""
    inside = [k for k, v in weights.items() if isinstance(v, Mapping)]
    if inside:
        raise UsageError(f"The state dict is one level deeper: give what is under {inside[0]!r}.")
    given = {str(k): v for k, v in weights.items() if str(k).rpartition(".")[2] not in _IGNORED}
    n_layers = max((int(k.split(".")[1]) for k in given if _is_layer(k)), default=0) + 1
    needed, optional = _expected_names(n_layers)
    for kind, names in (
        ("lacks", [name for name in needed if name not in given]),
        ("has the unknown", [name for name in given if name not in needed + optional]),
        ("has no tensor as", [k for k, v in given.items() if not isinstance(v, Tensor)]),
    ):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise UsageError(
                f"The state dict {kind} {', '.join(names[:3])}{more}; what can be read is a "
                "HookedTransformer without LayerNorm."
            )
    return cast(dict[str, Tensor], given)


def _is_layer(name: str) -> bool:
    parts = name.split(".")
    return len(parts) > 2 and parts[0] == "blocks" and parts[1].isdecimal()


def _n_layers(weights: Mapping[str, Tensor]) -> int:
    return len([name for name in weights if name.endswith(".W_Q")])


def _expected_names(n_layers: int) -> tuple[list[str], list[str]]:
    needed, optional = ["embed.W_E", "pos_embed.W_pos", "unembed.W_U"], ["unembed.b_U"]
    for i in range(n_layers):
        needed += [f"blocks.{i}.attn.W_{letter}" for letter in "QKVO"]
        needed += [f"blocks.{i}.mlp.{leaf}" for leaf in ("W_in", "b_in", "W_out", "b_out")]
        optional += [f"blocks.{i}.attn.b_{letter}" for letter in "QKVO"]
    return needed, optional


def _oriented(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights as TransformerLens lays them out, where they are of the older release."""
    if weights["blocks.0.attn.W_O"].ndim != 2:
        return weights
    turned = {"W_E", "W_in", "W_out", "W_Q", "W_K", "W_V"}
    laid = {
        name: value.mT if name.rpartition(".")[2] in turned and value.ndim > 1 else value
        for name, value in weights.items()
    }
    for i in range(_n_layers(weights)):
        heads, d_head = weights[f"blocks.{i}.attn.W_Q"].shape[:2]
        w_o = weights[f"blocks.{i}.attn.W_O"]
        if w_o.ndim == 2 and w_o.shape[1] == heads * d_head:
            laid[f"blocks.{i}.attn.W_O"] = w_o.T.unflatten(0, (heads, d_head))
    return laid


def _complete(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights with biases of 0 where there are none, once their shapes fit together."""
    shapes = _shapes(weights)
    zeros = {name: torch.zeros(shape).to(weights["embed.W_E"]) for name, shape in shapes.items()}
    for name, shape in shapes.items():
        value = weights.get(name, zeros[name])
        if tuple(value.shape) != shape or not value.is_floating_point():
            kind = "" if value.is_floating_point() else f" of {value.dtype}"
            raise UsageError(
                f"{name} has shape {tuple(value.shape)}{kind}; beside the other weights it must "
                f"be {shape} and of floating point."
            )
    return zeros | weights


def _shapes(weights: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Shape of every weight, from the embedding, the unembedding and each layer's W_Q and W_in."""
    n_tokens, d = _sizes(weights, "embed.W_E", 2)
    n_ctx, _ = _sizes(weights, "pos_embed.W_pos", 2)
    _, n_outputs = _sizes(weights, "unembed.W_U", 2)
    shapes: dict[str, tuple[int, ...]] = {
        "embed.W_E": (n_tokens, d),
        "pos_embed.W_pos": (n_ctx, d),
        "unembed.W_U": (d, n_outputs),
        "unembed.b_U": (n_outputs,),
    }
    for i in range(_n_layers(weights)):
        heads, _, d_head = _sizes(weights, f"blocks.{i}.attn.W_Q", 3)
        _, d_mlp = _sizes(weights, f"blocks.{i}.mlp.W_in", 2)
        shapes |= {f"blocks.{i}.attn.W_{letter}": (heads, d, d_head) for letter in "QKV"}
        shapes |= {f"blocks.{i}.attn.b_{letter}": (heads, d_head) for letter in "QKV"}
        shapes |= {f"blocks.{i}.attn.W_O": (heads, d_head, d), f"blocks.{i}.attn.b_O": (d,)}
        shapes |= {f"blocks.{i}.mlp.W_in": (d, d_mlp), f"blocks.{i}.mlp.b_in": (d_mlp,)}
        shapes |= {f"blocks.{i}.mlp.W_out": (d_mlp, d), f"blocks.{i}.mlp.b_out": (d,)}
    return shapes


def _sizes(weights: dict[str, Tensor], name: str, ndim: int) -> tuple[int, ...]:
    shape = tuple(weights[name].shape)
    if len(shape) != ndim:
        raise UsageError(f"{name} must have {ndim} axes, got shape {shape}.")
    return shape
