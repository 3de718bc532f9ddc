"""A causal decoder at every position, plainly, each activation shown to a hook."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from grokscope.models.base import Hook, Parameters, embedded, observed
from grokscope.models.causal_settings import CausalSettings, norm_name
from grokscope.models.decoder import positions_like
from grokscope.models.post_norm import EPS
from grokscope.models.rotary import rotated, turns

Stream = Float[Tensor, "model row pos _"]


@dataclass(frozen=True, kw_only=True)
class Plain:
    """Networks of one shape, and who looks at them."""

    settings: CausalSettings
    params: Parameters
    hook: Hook | None

    def logits(
        self, inputs: Int[Tensor, "model row slot"]
    ) -> Float[Tensor, "model row pos n_outputs"]:
        """Of every position."""
        settings, params = self.settings, self.params
        tokens = settings.sequence(params)(inputs)
        x = embedded(params, tokens, self.hook) * settings.embed_scale()
        if settings.positions == "learned":
            x = x + params["W_pos"][:, None]
        elif settings.positions == "sinusoidal":
            x = x + positions_like(params["W_E"], tokens.shape[2])
        for suffix in settings.suffixes:
            x = self._layer(x, suffix)
        if settings.norm_place == "pre":
            x = self._norm("ln_final", x)
        logits = torch.einsum("mrpd,mdv->mrpv", x, settings.unembedding(params))
        if "b_U" in params:
            logits = logits + params["b_U"][:, None, None]
        return observed(self.hook, "logits", logits)

    def _layer(self, x: Stream, suffix: str) -> Stream:
        pre, post = (self.settings.norm_place == place for place in ("pre", "post"))
        ln1, ln2 = f"ln1{suffix}", f"ln2{suffix}"
        resid_pre = self._see("resid_pre", suffix, x)
        read = self._norm(ln1, resid_pre) if pre else resid_pre
        mid = self._see("resid_mid", suffix, resid_pre + self._attention(read, suffix))
        mid = self._norm(ln1, mid) if post else mid
        read = self._norm(ln2, mid) if pre else mid
        resid_post = self._see("resid_post", suffix, mid + self._mlp(read, suffix))
        return self._norm(ln2, resid_post) if post else resid_post

    def _attention(self, x: Stream, suffix: str) -> Stream:
        own = self.settings.layer(self.params, suffix)
        q, k, v = (
            self._see(
                name.lower(),
                suffix,
                torch.einsum("mrpd,mhde->mrphe", x, own[f"W_{name}"])
                + (own[f"b_{name}"][:, None, None] if self.settings.bias else 0),
            )
            for name in "QKV"
        )
        if self.settings.positions == "rotary":
            angles = turns(x.shape[2], q.shape[-1], self.settings.rotary_base, q.dtype, q.device)
            q = self._see("rot_q", suffix, rotated(q, angles))
            k = self._see("rot_k", suffix, rotated(k, angles))
        scores = torch.einsum("mrqhe,mrkhe->mrhqk", q, k) / q.shape[-1] ** 0.5
        visible = torch.ones(x.shape[2], x.shape[2], dtype=torch.bool, device=x.device).tril()
        scores = self._see("attn_scores", suffix, scores.masked_fill(~visible, -torch.inf))
        pattern = self._see("pattern", suffix, scores.softmax(-1))
        z = self._see("z", suffix, torch.einsum("mrhqk,mrkhe->mrqhe", pattern, v))
        attn_out = torch.einsum("mrqhe,mhed->mrqd", z, own["W_O"])
        return self._see("attn_out", suffix, self._with_bias(attn_out, own, "b_O"))

    def _mlp(self, x: Stream, suffix: str) -> Stream:
        own = self.settings.layer(self.params, suffix)
        into = self._with_bias(torch.einsum("mrpd,mdn->mrpn", x, own["W_in"]), own, "b_in")
        if self.settings.activation == "swiglu":
            gate = torch.einsum("mrpd,mdn->mrpn", x, own["W_gate"])
            gate = self._see("pre", suffix, self._with_bias(gate, own, "b_gate"))
            post = F.silu(gate) * self._see("pre_linear", suffix, into)
        else:
            pre = self._see("pre", suffix, into)
            post = pre.relu() if self.settings.activation == "relu" else F.gelu(pre)
        post = self._see("post", suffix, post)
        mlp_out = torch.einsum("mrpn,mnd->mrpd", post, own["W_out"])
        return self._see("mlp_out", suffix, self._with_bias(mlp_out, own, "b_out"))

    def _norm(self, norm: str, x: Stream) -> Stream:
        kind = self.settings.norm
        if kind == "none":
            return x
        centred = x - x.mean(-1, keepdim=True) if kind == "layer" else x
        size = (centred.square().mean(-1, keepdim=True) + EPS).sqrt()
        scale = observed(self.hook, norm_name(norm, "scale"), size)
        out = centred / scale * self.params[norm_name(norm, "w")][:, None, None]
        if kind == "layer":
            out = out + self.params[norm_name(norm, "b")][:, None, None]
        return observed(self.hook, norm_name(norm, "normalized"), out)

    def _with_bias(self, value: Stream, own: Parameters, bias: str) -> Stream:
        return value + own[bias][:, None, None] if self.settings.bias else value

    def _see(self, name: str, suffix: str, value: Tensor) -> Tensor:
        return observed(self.hook, f"{name}{suffix}", value)
