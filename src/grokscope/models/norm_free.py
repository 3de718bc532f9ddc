"""What the transformers of arXiv 2301.05217 (Nanda et al.) and 2306.17844 (Zhong et al.) share.

Tokens are `a b =` or `a b`, there is no LayerNorm, only the MLPs have biases, and the answer is
read at the last position. Attention is rate · softmax + (1 − rate) · 1: rate 1 is ordinary
attention, rate 0 sums the values of all positions.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.core.settings import require_at_least
from grokscope.models.base import (
    Activation,
    Hook,
    Model,
    Parameters,
    Shape,
    Vocab,
    activate,
    embedded,
    normal,
    observed,
    require_heads,
)

_LAYER = ("W_Q", "W_K", "W_V", "W_O", "W_in", "b_in", "W_out", "b_out")


@dataclass(frozen=True, kw_only=True)
class NormFreeTransformer(Model):
    """Layers of attention and MLP around one residual stream; the defaults are Nanda et al.'s."""

    CONSTANTS: ClassVar[frozenset[str]] = frozenset({"attention_rate"})

    d_model: int = 128
    n_heads: int = 4
    d_mlp: int | None = None
    """Width of a hidden layer; 4 · d_model where none is given."""
    activation: Activation = "relu"
    attention_rate: float = 1.0
    """Share of softmax attention, in [0, 1]; the rest is a constant 1 on every position."""
    equals_token: bool = True
    """Append `=` and read the answer there; otherwise read it at the second operand."""
    causal: bool = True
    """Mask later positions. The read-out is last, so in one layer it changes other positions."""
    separate_vocab: bool = False
    """Give each operand slot tokens of its own."""
    init_like: Literal["nanda2023", "zhong2023"] = "nanda2023"
    """Published initialisation: they differ in W_in, 1/√d_model against 1/√d_mlp."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_heads(self.d_model, self.n_heads)
        require_at_least(1, self, "d_mlp")
        if not 0 <= self.attention_rate <= 1:
            raise SettingError("attention_rate", "in [0, 1]", self.attention_rate)

    @property
    @abstractmethod
    def suffixes(self) -> Sequence[str]:
        """What the names of each layer's parameters and activations end in."""

    @property
    def n_ctx(self) -> int:
        """Positions of a row."""
        return 2 + self.equals_token

    def init(self, vocab: Vocab, seeds: Sequence[int]) -> Parameters:
        """Gaussian weights of variance 1/d_model (W_U: 1/vocabulary), biases 0."""
        tokens = vocab.d_vocab * (2 if self.separate_vocab else 1) + self.equals_token
        d, std = self.d_model, self.d_model**-0.5
        params = {
            "W_E": normal("W_E", (tokens, d), std, seeds),
            "W_pos": normal("W_pos", (self.n_ctx, d), std, seeds),
        }
        for suffix in self.suffixes:
            params |= self._init_layer(suffix, seeds)
        return params | {"W_U": normal("W_U", (d, tokens), tokens**-0.5, seeds)}

    def forward(
        self, params: Parameters, inputs: Int[Tensor, "model row slot"], hook: Hook | None = None
    ) -> Float[Tensor, "model row n_outputs"]:
        """Every position that the read-out can see, plainly.

        Activations are (model row pos …), patterns (… head q k). From its queries on the last layer
        has one position, the last.
        """
        x = embedded(params, self._tokens(params, inputs), hook) + params["W_pos"][:, None]
        for suffix, layer in zip(self.suffixes, self.layers(params), strict=True):
            n_queries = 1 if suffix == self.suffixes[-1] else self.n_ctx
            plain = _Plain(layer, params["attention_rate"], self.causal, n_queries, hook, suffix)
            x = plain.mlp(plain.attention(x), self.activation)
        logits = torch.einsum("mrpd,mdv->mrpv", x, params["W_U"])
        return observed(hook, "logits", logits)[:, :, -1]

    def neuron_to_logit(self, params: Parameters) -> Float[Tensor, "model neuron n_outputs"]:
        """W_out · W_U, of the last layer's W_out."""
        return torch.bmm(params[f"W_out{self.suffixes[-1]}"], params["W_U"])

    def operand_embeddings(
        self, params: Parameters, d_vocab: int
    ) -> Float[Tensor, "model slot d_vocab d_model"]:
        """Rows of W_E that belong to each operand slot."""
        first = params["W_E"][:, :d_vocab]
        second = params["W_E"][:, d_vocab : 2 * d_vocab] if self.separate_vocab else first
        return torch.stack([first, second], 1)

    def layers(self, params: Parameters) -> list[Parameters]:
        """Each layer's parameters under the names of the first."""
        return [{name: params[f"{name}{suffix}"] for name in _LAYER} for suffix in self.suffixes]

    def position_tables(self, params: Parameters) -> list[Float[Tensor, "model _ d_model"]]:
        """The residual stream before attention: per position, for each token it can hold."""
        tokens = params["W_E"].shape[1] - self.equals_token
        d_vocab = tokens // 2 if self.separate_vocab else tokens
        first, second = self.operand_embeddings(params, d_vocab).unbind(1)
        tables = [first, second] + ([params["W_E"][:, -1:]] if self.equals_token else [])
        return [table + params["W_pos"][:, i : i + 1] for i, table in enumerate(tables)]

    def _init_layer(self, suffix: str, seeds: Sequence[int]) -> Parameters:
        d, h, dh = self.d_model, self.n_heads, self.d_model // self.n_heads
        d_mlp, std = self.d_mlp or 4 * d, d**-0.5
        shapes: dict[str, Shape] = {
            "W_Q": (h, d, dh),
            "W_K": (h, d, dh),
            "W_V": (h, d, dh),
            "W_O": (h, dh, d),
            "W_in": (d, d_mlp),
            "b_in": (d_mlp,),
            "W_out": (d_mlp, d),
            "b_out": (d,),
        }
        stds = {"W_in": std if self.init_like == "nanda2023" else d_mlp**-0.5}
        return {
            f"{name}{suffix}": normal(f"{name}{suffix}", shape, stds.get(name, std), seeds)
            if name.startswith("W_")
            else torch.zeros(len(seeds), *shape)
            for name, shape in shapes.items()
        }

    def _tokens(
        self, params: Parameters, inputs: Int[Tensor, "model row slot"]
    ) -> Int[Tensor, "model row pos"]:
        n_tokens = params["W_E"].shape[1]
        if self.separate_vocab:
            shift = torch.tensor([0, (n_tokens - self.equals_token) // 2], device=inputs.device)
            inputs = inputs + shift
        if not self.equals_token:
            return inputs
        return torch.cat([inputs, torch.full_like(inputs[..., :1], n_tokens - 1)], -1)


@dataclass(frozen=True)
class _Plain:
    """One layer at its last positions, as many as are asked for; the hook sees each activation."""

    params: Parameters
    rate: Float[Tensor, " model"]
    causal: bool
    n_queries: int
    hook: Hook | None
    suffix: str

    def attention(
        self, x: Float[Tensor, "model row pos d_model"]
    ) -> Float[Tensor, "model row query d_model"]:
        """The residual stream behind attention."""
        x = self._see("resid_pre", x)
        seeing = x[:, :, -self.n_queries :]
        q, k, v = (
            self._see(name, torch.einsum("mrpd,mhde->mrphe", at, self.params[f"W_{name.upper()}"]))
            for name, at in (("q", seeing), ("k", x), ("v", x))
        )
        scores = torch.einsum("mrqhe,mrkhe->mrhqk", q, k) / q.shape[-1] ** 0.5
        visible = torch.ones(x.shape[2], x.shape[2], dtype=torch.bool, device=x.device)
        visible = (visible.tril() if self.causal else visible)[-self.n_queries :]
        scores = self._see("attn_scores", scores.masked_fill(~visible, -torch.inf))
        rate = self.rate.to(x.dtype)[:, None, None, None, None]
        mixed = rate * scores.softmax(-1) + (1 - rate) * visible.to(x.dtype)
        pattern = self._see("pattern", mixed)
        z = self._see("z", torch.einsum("mrhqk,mrkhe->mrqhe", pattern, v))
        attn_out = self._see("attn_out", torch.einsum("mrqhe,mhed->mrqd", z, self.params["W_O"]))
        return self._see("resid_mid", seeing + attn_out)

    def mlp(
        self, x: Float[Tensor, "model row query d_model"], activation: Activation
    ) -> Float[Tensor, "model row query d_model"]:
        """The residual stream behind the MLP."""
        b_in, b_out = (self.params[name][:, None, None] for name in ("b_in", "b_out"))
        pre = self._see("pre", torch.einsum("mrpd,mdn->mrpn", x, self.params["W_in"]) + b_in)
        # clone: the ReLU works in place and a hook may keep `pre`
        post = self._see("post", activate(pre.clone(), activation))
        mlp_out = torch.einsum("mrpn,mnd->mrpd", post, self.params["W_out"]) + b_out
        return self._see("resid_post", x + self._see("mlp_out", mlp_out))

    def _see(self, name: str, value: Tensor) -> Tensor:
        return observed(self.hook, f"{name}{self.suffix}", value)
