"""The one-layer transformers of arXiv 2301.05217 (Nanda et al.) and 2306.17844 (Zhong et al.).

Tokens are `a b =` or `a b`, there is no LayerNorm, only the MLP has biases, and the answer is read
at the last position. Attention is rate · softmax + (1 − rate) · 1: rate 1 is ordinary attention,
rate 0 sums the values of all positions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.models.base import (
    Activation,
    Hook,
    Model,
    Parameters,
    Vocab,
    activate,
    normal,
    observed,
    select_rows,
)
from grokscope.models.relu_block import ReluLayer, relu_block
from grokscope.models.rows import Rows


@dataclass(frozen=True, kw_only=True)
class OneLayerTransformer(Model):
    """Attention and an MLP around one residual stream; the defaults are Nanda et al.'s."""

    PER_NETWORK: ClassVar[frozenset[str]] = frozenset({"init_scale", "attention_rate"})

    d_model: int = 128
    n_heads: int = 4
    d_mlp: int | None = None
    """Width of the hidden layer; 4 · d_model where none is given."""
    activation: Activation = "relu"
    attention_rate: float = 1.0
    """Share of softmax attention, in [0, 1]; the rest is a constant 1 on every position."""
    equals_token: bool = True
    """Append `=` and read the answer there; otherwise read it at the second operand."""
    causal: bool = True
    """Mask later positions. The read-out is last, so it changes other positions only."""
    separate_vocab: bool = False
    """Give each operand slot tokens of its own."""
    init_like: Literal["nanda2023", "zhong2023"] = "nanda2023"
    """Published initialisation: they differ in W_in, 1/√d_model against 1/√d_mlp."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.d_model < 1 or self.n_heads < 1 or self.d_model % self.n_heads:
            rule = f"a positive multiple of `n_heads` = {self.n_heads}"
            raise SettingError("d_model", rule, self.d_model)
        if self.d_mlp is not None and self.d_mlp < 1:
            raise SettingError("d_mlp", "at least 1", self.d_mlp)
        if not 0 <= self.attention_rate <= 1:
            raise SettingError("attention_rate", "in [0, 1]", self.attention_rate)

    @property
    def name(self) -> str:
        """Such as `transformer, attention rate 0`."""
        return f"transformer, attention rate {self.attention_rate:g}"

    def init(self, vocab: Vocab, seeds: Sequence[int]) -> Parameters:
        """Gaussian weights of variance 1/d_model (W_U: 1/vocabulary), biases 0."""
        d, h, dh = self.d_model, self.n_heads, self.d_model // self.n_heads
        d_mlp = self.d_mlp or 4 * d
        tokens = vocab.d_vocab * (2 if self.separate_vocab else 1) + self.equals_token
        n_ctx = 2 + self.equals_token
        model_std = d**-0.5
        in_std = model_std if self.init_like == "nanda2023" else d_mlp**-0.5

        def zeros(width: int) -> Float[Tensor, "model width"]:
            return torch.zeros(len(seeds), width)

        return {
            "W_E": normal("W_E", (tokens, d), model_std, seeds),
            "W_pos": normal("W_pos", (n_ctx, d), model_std, seeds),
            "W_Q": normal("W_Q", (h, d, dh), model_std, seeds),
            "W_K": normal("W_K", (h, d, dh), model_std, seeds),
            "W_V": normal("W_V", (h, d, dh), model_std, seeds),
            "W_O": normal("W_O", (h, dh, d), model_std, seeds),
            "W_in": normal("W_in", (d, d_mlp), in_std, seeds),
            "b_in": zeros(d_mlp),
            "W_out": normal("W_out", (d_mlp, d), model_std, seeds),
            "b_out": zeros(d),
            "W_U": normal("W_U", (d, tokens), tokens**-0.5, seeds),
        }

    def forward(
        self, params: Parameters, inputs: Int[Tensor, "model row slot"], hook: Hook | None = None
    ) -> Float[Tensor, "model row n_outputs"]:
        """Every position, plainly. Activations are (model row pos …), patterns (… head q k)."""
        tokens = self._tokens(params, inputs)
        which = torch.arange(len(tokens), device=tokens.device)[:, None, None]
        embed = params["W_E"][which, tokens] + params["W_pos"][:, None]
        resid_pre = observed(hook, "resid_pre", embed)
        attn_out = self._attention(params, resid_pre, hook)
        resid_mid = observed(hook, "resid_mid", resid_pre + attn_out)
        pre = torch.einsum("mrpd,mdn->mrpn", resid_mid, params["W_in"])
        pre = observed(hook, "pre", pre + params["b_in"][:, None, None])
        # clone: the ReLU works in place and a hook may keep `pre`
        post = observed(hook, "post", activate(pre.clone(), self.activation))
        mlp_out = torch.einsum("mrpn,mnd->mrpd", post, params["W_out"])
        mlp_out = observed(hook, "mlp_out", mlp_out + params["b_out"][:, None, None])
        resid_post = observed(hook, "resid_post", resid_mid + mlp_out)
        logits = torch.einsum("mrpd,mdv->mrpv", resid_post, params["W_U"])
        return observed(hook, "logits", logits)[:, :, -1]

    def readout(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row n_outputs"]:
        """Logits of the last position only; keys, values and scores once per token.

        Maps that follow each other without a nonlinearity are multiplied first wherever that makes
        the product over the rows smaller.
        """
        own, z = self._attended(params, rows)
        w_o, w_u, b_out = self._w_o(params), params["W_U"], params["b_out"].unsqueeze(1)
        layer = ReluLayer(params["W_in"], params["b_in"], params["W_out"])
        if w_u.shape[2] >= self.d_model:
            mid = torch.baddbmm(own, z, w_o)
            return torch.bmm(self._through(layer, mid, mid + b_out), w_u)
        to_logits = layer._replace(W_out=torch.bmm(layer.W_out, w_u))
        if not self.equals_token:
            mid = torch.baddbmm(own, z, w_o)
            return self._through(to_logits, mid, torch.baddbmm(torch.bmm(b_out, w_u), mid, w_u))
        # at `=` all that depends on the row is z, so W_O too can go into what reads the stream
        b_in = layer.b_in + torch.bmm(own, layer.W_in).squeeze(1)
        from_z = to_logits._replace(W_in=torch.bmm(w_o, layer.W_in), b_in=b_in)
        base = torch.baddbmm(torch.bmm(own + b_out, w_u), z, torch.bmm(w_o, w_u))
        return self._through(from_z, z, base)

    def neurons(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row neuron"]:
        """MLP activations after the nonlinearity at the last position."""
        return self._hidden(params, rows)[1]

    def observe(
        self, params: Parameters, rows: Rows
    ) -> tuple[Float[Tensor, "model row n_outputs"], Float[Tensor, "model row neuron"]]:
        """The hidden layer once, W_out · W_U before the product over the rows, outputs first."""
        mid, post = self._hidden(params, rows)
        direct = torch.bmm(params["W_U"].mT, (mid + params["b_out"].unsqueeze(1)).mT)
        return torch.baddbmm(direct, self.neuron_to_logit(params).mT, post.mT).mT, post

    def _hidden(
        self, params: Parameters, rows: Rows
    ) -> tuple[Float[Tensor, "model row d_model"], Float[Tensor, "model row neuron"]]:
        """The residual stream before the MLP, and the MLP's activations."""
        own, z = self._attended(params, rows)
        mid = torch.baddbmm(own, z, self._w_o(params))
        pre = torch.baddbmm(params["b_in"].unsqueeze(1), mid, params["W_in"])
        return mid, activate(pre, self.activation)

    def neuron_to_logit(self, params: Parameters) -> Float[Tensor, "model neuron n_outputs"]:
        """W_out · W_U."""
        return torch.bmm(params["W_out"], params["W_U"])

    def operand_embeddings(
        self, params: Parameters, d_vocab: int
    ) -> Float[Tensor, "model slot d_vocab d_model"]:
        """Rows of W_E that belong to each operand slot."""
        first = params["W_E"][:, :d_vocab]
        second = params["W_E"][:, d_vocab : 2 * d_vocab] if self.separate_vocab else first
        return torch.stack([first, second], 1)

    def _tokens(
        self, params: Parameters, inputs: Int[Tensor, "model row slot"]
    ) -> Int[Tensor, "model row pos"]:
        if self.separate_vocab:
            inputs = inputs + torch.tensor([0, self._d_vocab(params)], device=inputs.device)
        if not self.equals_token:
            return inputs
        last = params["W_E"].shape[1] - 1
        return torch.cat([inputs, torch.full_like(inputs[..., :1], last)], -1)

    def _d_vocab(self, params: Parameters) -> int:
        tokens = params["W_E"].shape[1] - self.equals_token
        return tokens // 2 if self.separate_vocab else tokens

    def _attention(
        self, params: Parameters, x: Float[Tensor, "model row pos d_model"], hook: Hook | None
    ) -> Float[Tensor, "model row pos d_model"]:
        q, k, v = (
            observed(
                hook, letter, torch.einsum("mrpd,mhde->mrphe", x, params[f"W_{letter.upper()}"])
            )
            for letter in "qkv"
        )
        scores = torch.einsum("mrqhe,mrkhe->mrhqk", q, k) / q.shape[-1] ** 0.5
        visible = torch.ones(x.shape[2], x.shape[2], dtype=torch.bool, device=x.device)
        visible = visible.tril() if self.causal else visible
        scores = observed(hook, "attn_scores", scores.masked_fill(~visible, -torch.inf))
        rate = params["attention_rate"].to(x.dtype)[:, None, None, None, None]
        mixed = rate * scores.softmax(-1) + (1 - rate) * visible.to(x.dtype)
        pattern = observed(hook, "pattern", mixed)
        z = observed(hook, "z", torch.einsum("mrhqk,mrkhe->mrqhe", pattern, v))
        return observed(hook, "attn_out", torch.einsum("mrqhe,mhed->mrqd", z, params["W_O"]))

    def _through(
        self,
        layer: ReluLayer,
        x: Float[Tensor, "model row d_in"],
        base: Float[Tensor, "model row d_out"],
    ) -> Float[Tensor, "model row d_out"]:
        """Compute base + activation(x · W_in + b_in) · W_out."""
        if self.activation == "relu":
            return relu_block(x, base, layer)
        pre = torch.baddbmm(layer.b_in.unsqueeze(1), x, layer.W_in)
        return torch.baddbmm(base, activate(pre, self.activation), layer.W_out)

    def _attended(
        self, params: Parameters, rows: Rows
    ) -> tuple[Float[Tensor, "model _ d_model"], Float[Tensor, "model row head_d_head"]]:
        """The residual stream after attention at the read-out, as own + z · W_O.

        A row's attention shares sum to the same total whatever the row, so the value of the
        read-out's own position enters once per token (with `=`, one row of `own` for all), and
        other positions by their difference from it.
        """
        positions = self._position_tables(params, self._d_vocab(params))
        a, b = rows.inputs.unbind(-1)
        shares = self._scores(params, positions, [a, b]).softmax(0)[:-1].unsqueeze(-1)
        rate = params["attention_rate"].to(shares.dtype)[:, None, None]
        total = rate + len(positions) * (1 - rate)
        shares = rate.unsqueeze(-1) * shares + (1 - rate.unsqueeze(-1))
        w_v = self._merged(params, "W_V")
        values = [torch.bmm(position, w_v) for position in positions]
        own = positions[-1] + total * torch.bmm(values[-1], self._w_o(params))
        if self.equals_token:
            differences = [
                select_rows(value - values[-1], row)
                for value, row in zip(values, (a, b), strict=False)
            ]
        else:
            differences = [select_rows(values[0], a) - select_rows(values[1], b)]
            own = select_rows(own, b)
        terms = [
            share * difference.unflatten(2, (self.n_heads, -1))
            for share, difference in zip(shares, differences, strict=True)
        ]
        z = terms[0] if len(terms) == 1 else terms[0] + terms[1]
        return own, z.flatten(2)

    def _w_o(self, params: Parameters) -> Float[Tensor, "model head_d_head d_model"]:
        return params["W_O"].flatten(1, 2)

    def _position_tables(
        self, params: Parameters, d_vocab: int
    ) -> list[Float[Tensor, "model _ d_model"]]:
        """The residual stream before attention: per position, for each token it can hold."""
        first, second = self.operand_embeddings(params, d_vocab).unbind(1)
        tables = [first, second] + ([params["W_E"][:, -1:]] if self.equals_token else [])
        return [table + params["W_pos"][:, i : i + 1] for i, table in enumerate(tables)]

    def _merged(self, params: Parameters, name: str) -> Float[Tensor, "model d_model head_d_head"]:
        return params[name].transpose(1, 2).flatten(2)

    def _scores(
        self,
        params: Parameters,
        positions: list[Float[Tensor, "model _ d_model"]],
        rows: list[Int[Tensor, "model row"]],
    ) -> Float[Tensor, "pos model row head"]:
        """Attention scores of the read-out on each position, row by row."""
        w_k, w_q = self._merged(params, "W_K"), self._merged(params, "W_Q")
        heads = (self.n_heads, -1)
        q = (
            torch.bmm(positions[-1], w_q).unflatten(2, heads)
            * (self.d_model // self.n_heads) ** -0.5
        )
        keys = [torch.bmm(position, w_k).unflatten(2, heads) for position in positions]
        own = (keys[-1] * q).sum(-1)  # the read-out position looking at itself
        if not self.equals_token:
            pairs = torch.einsum("mahe,mbhe->mabh", keys[0], q)
            index = rows[0] * pairs.shape[2] + rows[1]
            return torch.stack([select_rows(pairs.flatten(1, 2), index), select_rows(own, rows[1])])
        seen = [select_rows((key * q).sum(-1), row) for key, row in zip(keys, rows, strict=False)]
        return torch.stack([*seen, own.expand_as(seen[0])])
