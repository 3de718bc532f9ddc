"""A causal decoder's fast path: few large products, the last layer at the read-out alone."""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from grokscope.models.base import Parameters
from grokscope.models.causal_settings import CausalSettings, norm_name
from grokscope.models.columns import padded, shown
from grokscope.models.decoder import positions_like
from grokscope.models.dropout import Dropout
from grokscope.models.lookup import look_up
from grokscope.models.post_norm import EPS
from grokscope.models.rotary import rotated, turns
from grokscope.models.rows import Rows

_SITES = ("pattern", "attn_out", "post", "mlp_out")
"""Of a layer, where numbers may be dropped."""

Entries = Float[Tensor, "model _ _"]
"""Vectors of positions: of all of them, row after row, or of every row's last alone."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """What the residual stream is computed from."""

    settings: CausalSettings
    params: Parameters
    rows: Rows

    def read_out(self) -> Float[Tensor, "model row n_outputs"]:
        """Logits of every row at its last token."""
        mid = self._last_mid()
        suffix = self.settings.suffixes[-1]
        return self.logits(mid, self._post(self._mlp_input(mid, suffix), suffix))

    def last_hidden(self) -> Entries:
        """The last layer's activations behind the nonlinearity, of every row at its last token."""
        suffix = self.settings.suffixes[-1]
        return self._post(self._mlp_input(self._last_mid(), suffix), suffix)

    def both(self) -> tuple[Entries, Entries]:
        """Logits and activations, computed once."""
        mid, suffix = self._last_mid(), self.settings.suffixes[-1]
        post = self._post(self._mlp_input(mid, suffix), suffix)
        return self.logits(mid, post), post

    def logits(self, mid: Entries, post: Entries) -> Float[Tensor, "model row n_outputs"]:
        """From the last layer's neurons and the stream before its MLP."""
        settings, params, suffix = self.settings, self.params, self.settings.suffixes[-1]
        x = self._norm(settings.final_norm, self._add_mlp(mid, post, suffix))
        w_u = settings.unembedding(params)
        wide = padded(w_u)
        if "b_U" not in params:
            return shown(torch.bmm(x, wide), w_u.shape[2])
        bias = F.pad(params["b_U"], (0, wide.shape[2] - w_u.shape[2]))
        return shown(torch.baddbmm(bias.unsqueeze(1), x, wide), w_u.shape[2])

    @property
    def n_ctx(self) -> int:
        """Positions of a row."""
        settings = self.settings
        return self.rows.inputs.shape[2] + settings.operator_token + settings.equals_token

    def _last_mid(self) -> Entries:
        """The stream before the last layer's MLP, of every row at its last token."""
        x = self._embedded()
        *below, last = self.settings.suffixes
        for suffix in below:
            mid = self._attended(x, suffix)
            post = self._post(self._mlp_input(mid, suffix), suffix)
            x = self._add_mlp(mid, post, suffix)
            x = self._norm(f"ln2{suffix}", x) if self._is_post else x
        return self._attended(x, last, self.settings.sequence(self.params).last(self.rows.inputs))

    def _embedded(self) -> Entries:
        settings, w_e = self.settings, self.params["W_E"]
        tokens = self.rows.spelled(settings.sequence(self.params).flat)
        scaled = w_e * settings.embed_scale() if settings.scale_embeddings else w_e
        x = look_up(tokens, [((0,), scaled)])
        if settings.positions == "learned":
            x = (self._by_row(x) + self.params["W_pos"].unsqueeze(1)).flatten(1, 2)
        elif settings.positions == "sinusoidal":
            x = (self._by_row(x) + positions_like(w_e, self.n_ctx)).flatten(1, 2)
        return self._dropped(x, "embed")

    def _dropped(self, x: Tensor, site: str, suffix: str = "") -> Tensor:
        """What is left by dropout, if there is some at such a site."""
        settings = self.settings
        if settings.dropout_at not in ("all", "hidden" if site == "post" else "residual"):
            return x
        layer = settings.suffixes.index(suffix)
        number = 0 if site == "embed" else 1 + len(_SITES) * layer + _SITES.index(site)
        return Dropout(settings.dropout, self.params.get("noise_key"))(x, number)

    @property
    def _is_post(self) -> bool:
        return self.settings.norm_place == "post"

    def _attended(
        self, x: Entries, suffix: str, at: Int[Tensor, "model row"] | None = None
    ) -> Entries:
        """The stream behind attention; only of one position per row if it is said which."""
        own = self.settings.layer(self.params, suffix)
        ln1 = f"ln1{suffix}"
        read = x if self._is_post else self._norm(ln1, x)
        asking, x = (read, x) if at is None else (self._picked(read, at), self._picked(x, at))
        q = self._heads(_linear(asking, own, "W_Q"), at)
        k, v = (self._heads(_linear(read, own, name)) for name in ("W_K", "W_V"))
        if self.settings.positions == "rotary":
            angles = turns(self.n_ctx, q.shape[-1], self.settings.rotary_base, q.dtype, q.device)
            position = None if at is None else at.unsqueeze(2)
            q, k = rotated(q, angles, position), rotated(k, angles)
        hidden = _hidden(self.n_ctx, q.device) if at is None else self._unseen(at)
        pattern = self._dropped(_pattern(q, k, hidden), "pattern", suffix)
        z = torch.matmul(pattern, v.transpose(2, 3)).transpose(2, 3).flatten(3)
        added = _linear(z.flatten(1, 2), own, "W_O")
        mid = x + self._dropped(added, "attn_out", suffix)
        return self._norm(ln1, mid) if self._is_post else mid

    def _mlp_input(self, mid: Entries, suffix: str) -> Entries:
        return mid if self._is_post else self._norm(f"ln2{suffix}", mid)

    def _post(self, x: Entries, suffix: str) -> Entries:
        own = self.settings.layer(self.params, suffix)
        pre = _linear(x, own, "W_in")
        if self.settings.activation == "swiglu":
            post = F.silu(_linear(x, own, "W_gate")) * pre
        else:
            post = pre.relu_() if self.settings.activation == "relu" else F.gelu(pre)
        return self._dropped(post, "post", suffix)

    def _add_mlp(self, mid: Entries, post: Entries, suffix: str) -> Entries:
        own = self.settings.layer(self.params, suffix)
        return mid + self._dropped(_linear(post, own, "W_out"), "mlp_out", suffix)

    def _norm(self, norm: str, x: Entries) -> Entries:
        kind, params = self.settings.norm, self.params
        if kind == "none":
            return x
        weight = params[norm_name(norm, "w")].unsqueeze(1)
        if kind == "layer":
            bias = params[norm_name(norm, "b")].unsqueeze(1)
            return torch.addcmul(bias, F.layer_norm(x, x.shape[-1:], eps=EPS), weight)
        return x * (x.square().mean(-1, keepdim=True) + EPS).rsqrt() * weight

    def _by_row(self, x: Entries) -> Float[Tensor, "model row pos _"]:
        return x.unflatten(1, (self.rows.n_rows, -1))

    def _heads(
        self, x: Entries, at: Tensor | None = None
    ) -> Float[Tensor, "model row pos head d_head"]:
        by_row = self._by_row(x) if at is None else x.unsqueeze(2)
        return by_row.unflatten(3, (self.settings.n_heads, -1))

    def _picked(self, x: Entries, at: Int[Tensor, "model row"]) -> Entries:
        """Of every row one position; backward each entry gets one vector, so nothing is summed."""
        first = torch.arange(self.rows.n_rows, device=at.device) * self.n_ctx
        return x.gather(1, (first + at).unsqueeze(2).expand(-1, -1, x.shape[2]))

    def _unseen(self, at: Int[Tensor, "model row"]) -> Tensor:
        position = torch.arange(self.n_ctx, device=at.device)
        return position > at[..., None, None, None]


@cache  # for ever: a CUDA graph does not keep what it reads
def _hidden(n_ctx: int, device: torch.device) -> Tensor:
    """Which positions come later than each."""
    return torch.ones(n_ctx, n_ctx, dtype=torch.bool, device=device).triu(1)


def _pattern(
    q: Float[Tensor, "model row query head d_head"],
    k: Float[Tensor, "model row key head d_head"],
    hidden: Tensor,
) -> Float[Tensor, "model row head query key"]:
    """Softmax attention to what is not hidden."""
    scores = torch.matmul(q.transpose(2, 3) * q.shape[-1] ** -0.5, k.permute(0, 1, 3, 4, 2))
    return scores.masked_fill(hidden, -torch.inf).softmax(-1)


def _linear(x: Entries, own: Parameters, name: str) -> Entries:
    """A linear map with its bias where it has one, heads side by side."""
    weight, bias = own[name], own.get(f"b{name[1:]}")
    if weight.dim() == 4:
        weight = weight.flatten(1, 2) if name == "W_O" else weight.transpose(1, 2).flatten(2)
    if bias is None:
        return torch.bmm(x, weight)
    return torch.baddbmm(bias.flatten(1).unsqueeze(1), x, weight)
