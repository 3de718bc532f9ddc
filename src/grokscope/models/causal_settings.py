"""What defines a causal decoder, its initial values, and how its parameters are named."""

from collections.abc import Sequence as Several
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.core.settings import require_at_least
from grokscope.models.base import (
    Model,
    Parameters,
    Shape,
    Vocab,
    normal,
    refused,
    require_heads,
    uniform,
)
from grokscope.models.sequence import Sequence


@dataclass(frozen=True, kw_only=True)
class CausalSettings(Model):
    """Settings of a decoder-only transformer; the defaults are a small GPT-2's."""

    d_model: int = 128
    n_heads: int = 4
    n_layers: int = 2
    d_mlp: int | None = None
    """Width of the hidden layers; 4 · d_model where none is given."""
    positions: Literal["learned", "sinusoidal", "rotary"] = "learned"
    rotary_base: float = 10_000.0
    """Rotary positions turn the slowest pair of columns about this many times more slowly than the
    fastest."""
    norm: Literal["layer", "rms", "none"] = "layer"
    norm_place: Literal["pre", "post"] = "pre"
    """Before each sublayer and once before the unembedding, or behind each sublayer's sum."""
    activation: Literal["relu", "gelu", "swiglu"] = "gelu"
    bias: bool = True
    """Of every linear map, a tied unembedding excepted; LayerNorm has its own in any case."""
    unembed: Literal["tied", "tokens", "classes"] = "tied"
    """Logits of all tokens by the transposed embedding, of all tokens by weights of their own, or
    of the classes alone."""
    scale_embeddings: bool = False
    """Multiply embeddings by √d_model in every step, as arXiv 1706.03762 does."""
    operator_token: bool = False
    """Put `op` between two operands."""
    equals_token: bool = False
    """Append `=` to a row; the answer is read at its last token in any case."""
    dropout: float = 0.0
    """Share of numbers that a training step sets to 0, in [0, 1)."""
    dropout_at: Literal["residual", "hidden", "all"] = "residual"
    """`residual`: embeddings, attention patterns and what sublayers add, as in GPT-2; `hidden`:
    activations of the MLPs; or `all` of these."""
    init_like: Literal["gpt2", "torch"] = "gpt2"
    """`gpt2`: Gaussian with σ = 0.02, W_O and W_out over √(2 · n_layers), biases 0. `torch`:
    embeddings standard Gaussian, linear maps and their biases uniform in ±1/√(fan in)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_heads(self.d_model, self.n_heads)
        require_at_least(1, self, "n_layers", "d_mlp")
        if self.positions == "rotary" and self.d_head % 2:
            rule = f"an even multiple of `n_heads` = {self.n_heads} for rotary positions"
            raise SettingError("d_model", rule, self.d_model)
        if not 0 <= self.dropout < 1:
            raise SettingError("dropout", "in [0, 1)", self.dropout)
        if not self.rotary_base > 0:
            raise SettingError("rotary_base", "greater than 0", self.rotary_base)

    @property
    def name(self) -> str:
        """Such as `causal decoder, 2 layers`."""
        return f"causal decoder, {self.n_layers} layer{'s' if self.n_layers > 1 else ''}"

    @property
    def needs_noise(self) -> bool:
        """For dropout."""
        return self.dropout > 0

    @property
    def d_head(self) -> int:
        """Columns of a head."""
        return self.d_model // self.n_heads

    @property
    def suffixes(self) -> list[str]:
        """What the names of each layer's parameters and activations end in."""
        return [f"_{i}" if i else "" for i in range(self.n_layers)]

    @property
    def final_norm(self) -> str:
        """The norm before the unembedding."""
        return "ln_final" if self.norm_place == "pre" else f"ln2{self.suffixes[-1]}"

    def require(self, vocab: Vocab) -> None:
        """Takes tokens in rows of any lengths; two where `op` is to stand between them."""
        is_pair = vocab.n_slots == 2 and not vocab.is_padded
        if vocab.d_vocab == 0:
            raise refused("tokens", vocab)
        if self.operator_token and not is_pair:
            raise refused("two tokens, as `operator_token` is set", vocab)
        if self.unembed != "classes" and vocab.n_classes > vocab.d_vocab:
            rule = f"`classes` where there are more of them than tokens ({vocab.d_vocab})"
            raise SettingError("unembed", rule, self.unembed)

    def init(self, vocab: Vocab, seeds: Several[int]) -> Parameters:
        """Values as `init_like` says; norms start as the identity."""
        added = self.operator_token + self.equals_token
        d, tokens = self.d_model, vocab.d_vocab + added
        params = {"W_E": self._embedding("W_E", tokens, seeds)}
        if self.positions == "learned":
            params["W_pos"] = self._embedding("W_pos", vocab.n_slots + added, seeds)
        for suffix in self.suffixes:
            for weight, shape in self._linear().items():
                params |= self._map(weight, suffix, shape, seeds)
            params |= self._norm(f"ln1{suffix}", seeds) | self._norm(f"ln2{suffix}", seeds)
        if self.norm_place == "pre":
            params |= self._norm("ln_final", seeds)
        if self.unembed != "tied":
            width = tokens if self.unembed == "tokens" else vocab.n_classes
            params |= self._map("W_U", "", (d, width), seeds)
        return params

    def sequence(self, params: Parameters) -> Sequence:
        """How rows are spelled."""
        added = self.operator_token + self.equals_token
        return Sequence(params["W_E"].shape[1] - added, self.operator_token, self.equals_token)

    def layer(self, params: Parameters, suffix: str) -> Parameters:
        """A layer's parameters under the names of the first, its norms without `_w` and `_b`."""
        weights = [*self._linear(), *(_bias_of(w) for w in self._linear() if self.bias)]
        return {name: params[f"{name}{suffix}"] for name in weights}

    def unembedding(self, params: Parameters) -> Float[Tensor, "model d_model n_outputs"]:
        """W_U, or W_E transposed where they are tied."""
        return params["W_E"].mT if self.unembed == "tied" else params["W_U"]

    def embed_scale(self) -> float:
        """What embeddings are multiplied by."""
        return self.d_model**0.5 if self.scale_embeddings else 1.0

    def neuron_to_logit(self, params: Parameters) -> Float[Tensor, "model neuron n_outputs"]:
        """The last layer's W_out as the norm behind it weights (and centres) it, times W_U.

        It is the map to the logits up to a factor per row: the norm's division by the size of the
        row's residual stream is left out.
        """
        w_out = params[f"W_out{self.suffixes[-1]}"]
        if self.norm == "layer":
            w_out = w_out - w_out.mean(-1, keepdim=True)
        if self.norm != "none":
            w_out = w_out * params[norm_name(self.final_norm, "w")].unsqueeze(1)
        return torch.bmm(w_out, self.unembedding(params))

    def operand_embeddings(
        self, params: Parameters, d_vocab: int
    ) -> Float[Tensor, "model slot d_vocab d_model"]:
        """Rows of W_E; all operands share them."""
        return torch.stack([params["W_E"][:, :d_vocab]] * 2, 1)

    def _linear(self) -> dict[str, Shape]:
        d, h, dh = self.d_model, self.n_heads, self.d_head
        d_mlp = self.d_mlp or 4 * d
        attention: dict[str, Shape] = {f"W_{name}": (h, d, dh) for name in "QKV"}
        mlp: dict[str, Shape] = {"W_gate": (d, d_mlp)} if self.activation == "swiglu" else {}
        return attention | {"W_O": (h, dh, d)} | mlp | {"W_in": (d, d_mlp), "W_out": (d_mlp, d)}

    def _embedding(self, name: str, n_tokens: int, seeds: Several[int]) -> Tensor:
        std = 0.02 if self.init_like == "gpt2" else 1.0
        return normal(name, (n_tokens, self.d_model), std, seeds)

    def _map(self, weight: str, suffix: str, shape: Shape, seeds: Several[int]) -> Parameters:
        """A linear map's weight and bias."""
        name, bias = f"{weight}{suffix}", f"{_bias_of(weight)}{suffix}"
        fan_in = shape[0] * shape[1] if weight == "W_O" else shape[-2]
        bias_shape = (shape[0], shape[2]) if weight in ("W_Q", "W_K", "W_V") else shape[-1:]
        if self.init_like == "gpt2":
            rest = (2 * self.n_layers) ** -0.5 if weight in ("W_O", "W_out") else 1.0
            made = {name: normal(name, shape, 0.02 * rest, seeds)}
            return made | ({bias: torch.zeros(len(seeds), *bias_shape)} if self.bias else {})
        made = {name: uniform(name, shape, fan_in**-0.5, seeds)}
        return made | ({bias: uniform(bias, bias_shape, fan_in**-0.5, seeds)} if self.bias else {})

    def _norm(self, norm: str, seeds: Several[int]) -> Parameters:
        parts = {"layer": "wb", "rms": "w", "none": ""}[self.norm]
        starts = {"w": torch.ones, "b": torch.zeros}
        return {norm_name(norm, part): starts[part](len(seeds), self.d_model) for part in parts}


def norm_name(norm: str, part: str) -> str:
    """The name of a norm's weight or bias, such as `ln1_w_2` of the norm `ln1_2`."""
    head, _, suffix = norm.partition("_")
    return f"{norm}_{part}" if norm == "ln_final" else f"{head}_{part}{suffix and '_'}{suffix}"


def _bias_of(weight: str) -> str:
    return f"b{weight[1:]}"
