"""The decoder-only transformer of arXiv 2201.02177 (Power et al.), in which grokking was found.

Tokens are `a op b =`, with `op` and `=` after the operands in one vocabulary. The published code
(github.com/openai/grok) puts an end token before and behind each equation as well, and learns to
predict the one behind; both are left out here, so `a` has position 0 instead of 1.
LayerNorm comes after each sublayer, x ← LN(x + sublayer(x)), nothing else has a bias, positions are
fixed sinusoids, attention is causal, and the answer is read at `=`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from grokscope.core.settings import require_at_least
from grokscope.models.base import (
    Hook,
    Model,
    Parameters,
    Vocab,
    embedded,
    normal,
    observed,
    require_heads,
    uniform,
)
from grokscope.models.decoder_stream import N_CTX, Stream
from grokscope.models.post_norm import EPS
from grokscope.models.rows import Rows


@dataclass(frozen=True, kw_only=True)
class Decoder(Model):
    """Attention and ReLU layers, each with a LayerNorm behind it; the defaults are Power et al.'s.

    The parameters of the first layer have plain names, such as `W_Q`; those of layer i > 0 end in
    its number, `W_Q_1`, and so do the activations.
    """

    d_model: int = 128
    n_heads: int = 4
    n_layers: int = 2
    d_mlp: int | None = None
    """Width of the hidden layers; 4 · d_model where none is given."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_heads(self.d_model, self.n_heads)
        require_at_least(1, self, "n_layers", "d_mlp")

    @property
    def name(self) -> str:
        """Such as `decoder, 2 layers`."""
        return f"decoder, {self.n_layers} layer{'s' if self.n_layers > 1 else ''}"

    def init(self, vocab: Vocab, seeds: Sequence[int]) -> Parameters:
        """As the published code, which leaves torch's defaults as they are.

        Embeddings are standard Gaussian, linear maps uniform in ±1/√(fan in), LayerNorm starts as
        the identity. We know of no initial values in the paper's own text.
        """
        d, h, dh = self.d_model, self.n_heads, self.d_model // self.n_heads
        d_mlp, tokens = self.d_mlp or 4 * d, vocab.d_vocab + 2
        linear = {
            "W_Q": (h, d, dh),
            "W_K": (h, d, dh),
            "W_V": (h, d, dh),
            "W_O": (h, dh, d),
            "W_in": (d, d_mlp),
            "W_out": (d_mlp, d),
        }
        params = {"W_E": normal("W_E", (tokens, d), 1.0, seeds)}
        for suffix in self._suffixes():
            for weight, shape in linear.items():
                name, fan_in = f"{weight}{suffix}", d_mlp if weight == "W_out" else d
                params[name] = uniform(name, shape, fan_in**-0.5, seeds)
            for norm in ("ln1", "ln2"):
                params[f"{norm}_w{suffix}"] = torch.ones(len(seeds), d)
                params[f"{norm}_b{suffix}"] = torch.zeros(len(seeds), d)
        params["W_U"] = uniform("W_U", (d, tokens), d**-0.5, seeds)
        return params

    def forward(
        self, params: Parameters, inputs: Int[Tensor, "model row slot"], hook: Hook | None = None
    ) -> Float[Tensor, "model row n_outputs"]:
        """Every position, plainly. Activations are (model row pos …), patterns (… head q k)."""
        embed = embedded(params, _tokens(params, inputs), hook)
        x = embed + positions_like(params["W_E"])
        for suffix, layer in zip(self._suffixes(), self._layers(params), strict=True):
            x = _Plain(layer, hook, suffix).layer(x)
        logits = torch.einsum("mrpd,mdv->mrpv", x, params["W_U"])
        return observed(hook, "logits", logits)[:, :, -1]

    def readout(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row n_outputs"]:
        """Logits at `=` only.

        No position sees a later one, so all that happens at `a` and `op` depends on one token and
        happens once per token. The last layer is left out everywhere but at `=`.
        """
        return self._stream(params, rows).read_out(params["W_U"])

    def neurons(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row neuron"]:
        """The last layer's activations after the ReLU, at `=`."""
        return self._stream(params, rows).last_hidden()

    def neuron_to_logit(self, params: Parameters) -> Float[Tensor, "model neuron n_outputs"]:
        """The last layer's W_out, centred and weighted as the last LayerNorm does, times W_U.

        It is the map to the logits up to a factor per row: LayerNorm's division by the standard
        deviation of the row's residual stream is left out.
        """
        layer = self._layers(params)[-1]
        w_out = layer["W_out"]
        centred = w_out - w_out.mean(-1, keepdim=True)
        return torch.bmm(centred * layer["ln2_w"].unsqueeze(1), params["W_U"])

    def operand_embeddings(
        self, params: Parameters, d_vocab: int
    ) -> Float[Tensor, "model slot d_vocab d_model"]:
        """Rows of W_E; both operands share them."""
        first = params["W_E"][:, :d_vocab]
        return torch.stack([first, first], 1)

    def _suffixes(self) -> list[str]:
        return [f"_{i}" if i else "" for i in range(self.n_layers)]

    def _layers(self, params: Parameters) -> list[Parameters]:
        """Each layer's parameters under the names of the first."""
        names = ("W_Q", "W_K", "W_V", "W_O", "W_in", "W_out", "ln1_w", "ln1_b", "ln2_w", "ln2_b")
        return [{name: params[f"{name}{suffix}"] for name in names} for suffix in self._suffixes()]

    def _stream(self, params: Parameters, rows: Rows) -> Stream:
        return Stream(
            W_E=params["W_E"],
            positions=positions_like(params["W_E"]),
            layers=self._layers(params),
            rows=rows,
        )


def positions(d_model: int, n_ctx: int = N_CTX) -> Float64[Tensor, "pos d_model"]:
    """Sines in even columns and cosines in odd ones, of wavelength 2π · 10000^(column/d_model)."""
    column = torch.arange(d_model, dtype=torch.float64)
    even = column - column % 2
    angle = torch.arange(n_ctx).unsqueeze(1) / 10_000 ** (even / d_model)
    return torch.where(column == even, angle.sin(), angle.cos())


def positions_like(
    w_e: Float[Tensor, "model token d_model"], n_ctx: int = N_CTX
) -> Float[Tensor, "pos d_model"]:
    """The same in the type of some embeddings, and where they are."""
    return _positions_on(w_e.shape[2], n_ctx, w_e.dtype, w_e.device)


@cache  # a step may not copy anything from another device, and a CUDA graph keeps nothing
def _positions_on(
    d_model: int, n_ctx: int, dtype: torch.dtype, device: torch.device
) -> Float[Tensor, "pos d_model"]:
    return positions(d_model, n_ctx).to(device, dtype)


def _tokens(
    params: Parameters, inputs: Int[Tensor, "model row slot"]
) -> Int[Tensor, "model row pos"]:
    a, b = inputs.unbind(-1)
    equals = torch.full_like(a, params["W_E"].shape[1] - 1)
    return torch.stack([a, equals - 1, b, equals], -1)


@dataclass(frozen=True)
class _Plain:
    """One layer at every position, each activation shown to the hook."""

    params: Parameters
    hook: Hook | None
    suffix: str

    def layer(self, x: Float[Tensor, "model row pos d_model"]) -> Tensor:
        resid_pre = self._see("resid_pre", x)
        resid_mid = self._see("resid_mid", resid_pre + self._attention(resid_pre))
        x = self._layer_norm("ln1", resid_mid)
        pre = self._see("pre", torch.einsum("mrpd,mdn->mrpn", x, self.params["W_in"]))
        post = self._see("post", pre.relu())
        mlp_out = torch.einsum("mrpn,mnd->mrpd", post, self.params["W_out"])
        resid_post = self._see("resid_post", x + self._see("mlp_out", mlp_out))
        return self._layer_norm("ln2", resid_post)

    def _attention(self, x: Float[Tensor, "model row pos d_model"]) -> Tensor:
        q, k, v = (
            self._see(name, torch.einsum("mrpd,mhde->mrphe", x, self.params[f"W_{name.upper()}"]))
            for name in "qkv"
        )
        scores = torch.einsum("mrqhe,mrkhe->mrhqk", q, k) / q.shape[-1] ** 0.5
        visible = torch.ones(x.shape[2], x.shape[2], dtype=torch.bool, device=x.device).tril()
        scores = self._see("attn_scores", scores.masked_fill(~visible, -torch.inf))
        pattern = self._see("pattern", scores.softmax(-1))
        z = self._see("z", torch.einsum("mrhqk,mrkhe->mrqhe", pattern, v))
        return self._see("attn_out", torch.einsum("mrqhe,mhed->mrqd", z, self.params["W_O"]))

    def _layer_norm(self, norm: str, x: Float[Tensor, "model row pos d_model"]) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        variance = centred.square().mean(-1, keepdim=True)
        scale = self._see(f"{norm}_scale", (variance + EPS).sqrt())
        weight, bias = (self.params[f"{norm}_{which}"][:, None, None] for which in "wb")
        return self._see(f"{norm}_normalized", centred / scale * weight + bias)

    def _see(self, name: str, value: Tensor) -> Tensor:
        return observed(self.hook, f"{name}{self.suffix}", value)
