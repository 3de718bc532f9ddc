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
from torch.nn import functional as F

from grokscope.core.errors import SettingError
from grokscope.models.base import (
    Activation,
    Hook,
    Model,
    Parameters,
    Vocab,
    activate,
    embedded,
    normal,
    observed,
)
from grokscope.models.columns import LINE, padded, shown
from grokscope.models.lookup import look_up, weighted_look_up
from grokscope.models.relu_block import relu_block
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
        embed = embedded(params, tokens, hook)
        resid_pre = observed(hook, "resid_pre", embed + params["W_pos"][:, None])
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
        """Logits of the last position only; what depends on one token is computed once per token.

        A row's residual stream is a sum of token vectors weighted by attention, so everything
        linear in it is such a sum too. It is looked up in tables of all tokens, without a product
        over the rows. W_out is multiplied into W_U first where that is less work.
        """
        w_u, w_out, b_out = padded(params["W_U"]), params["W_out"], params["b_out"]
        n_outputs = params["W_U"].shape[2]
        attended = self._attended(params, rows)
        if folds := w_u.shape[2] < self.d_model:
            to_base, w_out = w_u, torch.bmm(w_out, w_u)
            b_out = torch.bmm(b_out.unsqueeze(1), w_u).squeeze(1)
        else:
            to_base = torch.eye(self.d_model).to(w_u).expand(len(w_u), -1, -1)
        linear = torch.cat([params["W_in"], to_base], 2)
        bias = torch.cat([params["b_in"], b_out], 1)
        # rows of whole cache lines: a look-up of 626 columns takes several times that of 640
        unused = (0, -linear.shape[2] % LINE)
        linear, bias = F.pad(linear, unused), F.pad(bias, unused)
        summed = self._through(attended.through(linear, bias), w_out)
        return shown(summed if folds else torch.bmm(summed, w_u), n_outputs)

    def neurons(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row neuron"]:
        """MLP activations after the nonlinearity at the last position."""
        pre = self._attended(params, rows).through(params["W_in"], params["b_in"])
        return activate(pre, self.activation)

    def observe(
        self, params: Parameters, rows: Rows
    ) -> tuple[Float[Tensor, "model row n_outputs"], Float[Tensor, "model row neuron"]]:
        """The hidden layer once, W_out · W_U before the product over the rows, outputs first."""
        attended, w_u = self._attended(params, rows), params["W_U"]
        post = activate(attended.through(params["W_in"], params["b_in"]), self.activation)
        direct = attended.through(w_u, torch.bmm(params["b_out"].unsqueeze(1), w_u).squeeze(1))
        return torch.baddbmm(direct.mT, self.neuron_to_logit(params).mT, post.mT).mT, post

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
        pre_and_base: Float[Tensor, "model row neuron_and_d_out_and_more"],
        w_out: Float[Tensor, "model neuron d_out"],
    ) -> Float[Tensor, "model row d_out"]:
        """Compute base + activation(pre) · w_out."""
        if self.activation == "relu":
            return relu_block(pre_and_base, w_out)
        pre, base = pre_and_base[..., : sum(w_out.shape[1:])].split(list(w_out.shape[1:]), 2)
        return torch.baddbmm(base, activate(pre, self.activation), w_out)

    def _attended(self, params: Parameters, rows: Rows) -> "_Attended":
        """The residual stream after attention at the read-out.

        A row's attention shares sum to the same total whatever the row. So with `=`, the value at
        `=` enters once for all rows, and the operands by their difference from it.
        """
        positions = self._position_tables(params, self._d_vocab(params))
        shares = self._scores(params, positions, rows).softmax(0)
        rate = params["attention_rate"].to(shares.dtype)[:, None, None]
        w_o, w_v = params["W_O"], self._merged(params, "W_V")
        values = [torch.bmm(position, w_v) for position in positions]
        own = positions[-1]
        if self.equals_token:
            total = rate + len(positions) * (1 - rate)
            own = own + total * torch.bmm(values[-1], w_o.flatten(1, 2))
            own = own.expand(-1, positions[0].shape[1], -1)
            values = [value - values[-1] for value in values[:-1]]
        return _Attended(
            rows=rows,
            values=[value.unflatten(2, (self.n_heads, -1)).transpose(1, 2) for value in values],
            weights=list((rate * shares + (1 - rate))[: len(values)]),
            W_O=w_o,
            own=own,
        )

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
        rows: Rows,
    ) -> Float[Tensor, "pos model row head"]:
        """Attention scores of the read-out on each position, row by row."""
        w_k, w_q = self._merged(params, "W_K"), self._merged(params, "W_Q")
        heads = (self.n_heads, -1)
        q = torch.bmm(positions[-1], w_q) * (self.d_model // self.n_heads) ** -0.5
        q = q.unflatten(2, heads)
        keys = [torch.bmm(position, w_k).unflatten(2, heads) for position in positions]
        own = (keys[-1] * q).sum(-1)  # the read-out position looking at itself
        if not self.equals_token:
            pairs = torch.einsum("mahe,mbhe->mabh", keys[0], q).flatten(1, 2)
            return torch.stack([look_up(rows, [((0, 1), pairs)]), look_up(rows, [((1,), own)])])
        seen = [look_up(rows, [((slot,), (key * q).sum(-1))]) for slot, key in enumerate(keys[:-1])]
        return torch.stack([*seen, own.expand_as(seen[0])])


@dataclass(frozen=True, kw_only=True)
class _Attended:
    """The residual stream after attention at the read-out, as what a row looks up.

    It is own[token] + Σ over slots and heads of weight · value · W_O, where `own` belongs to the
    last slot's token (with `=` it is the same for every token).
    """

    rows: Rows
    values: list[Float[Tensor, "model head token d_head"]]
    """Per operand slot."""
    weights: list[Float[Tensor, "model row head"]]
    """Per operand slot, what the read-out gives to its position."""
    W_O: Float[Tensor, "model head d_head d_model"]
    own: Float[Tensor, "model token d_model"]

    def through(
        self,
        linear: Float[Tensor, "model d_model d_out"],
        bias: Float[Tensor, "model d_out"],
    ) -> Float[Tensor, "model row d_out"]:
        """The stream after a linear map and a bias."""
        own = torch.baddbmm(bias.unsqueeze(1), self.own, linear)
        w_o = self.W_O @ linear.unsqueeze(1)
        tables = [(value @ w_o).transpose(1, 2) for value in self.values]
        tables[-1] = torch.cat([tables[-1], own.unsqueeze(2)], 2)
        weights = [*self.weights]
        weights[-1] = F.pad(weights[-1], (0, 1), value=1.0)
        return weighted_look_up(self.rows, tables, weights)
