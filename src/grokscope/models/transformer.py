"""The one-layer transformer of arXiv 2301.05217 (Nanda et al.) and 2306.17844 (Zhong et al.)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.models.base import Parameters, activate
from grokscope.models.columns import padded, shown
from grokscope.models.feed_forward import FeedForward
from grokscope.models.first_layer import Attended, FirstLayer
from grokscope.models.norm_free import NormFreeTransformer
from grokscope.models.rows import Rows


@dataclass(frozen=True, kw_only=True)
class OneLayerTransformer(NormFreeTransformer):
    """Attention and an MLP around one residual stream; the defaults are Nanda et al.'s."""

    @property
    def name(self) -> str:
        """Such as `transformer, attention rate 0`."""
        return f"transformer, attention rate {self.attention_rate:g}"

    @property
    def suffixes(self) -> Sequence[str]:
        """The names of a single layer are plain."""
        return ("",)

    def readout(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row n_outputs"]:
        """Logits of the last position only; what depends on one token is computed once per token.

        W_out is multiplied into W_U first where that is less work.
        """
        w_u = padded(params["W_U"])
        n_outputs = params["W_U"].shape[2]
        attended = self._attended(params, rows)
        folds = w_u.shape[2] < self.d_model
        mlp = FeedForward.of(params, self.activation, behind=w_u if folds else None)
        summed = mlp.behind(attended.through(mlp.linear, mlp.bias))
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

    def _attended(self, params: Parameters, rows: Rows) -> Attended:
        """The residual stream after attention at the read-out."""
        tables = self.position_tables(params)
        layer = FirstLayer(params=params, tables=tables, rows=rows, causal=self.causal)
        return layer.attended(self.n_ctx - 1)
