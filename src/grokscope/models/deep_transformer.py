"""The transformers of two to four layers of arXiv 2306.17844 (Zhong et al.).

They are `OneLayerTransformer`'s layers, one behind another. In the fast path each position's
residual stream is a tensor (model, row, d_model): the first layer is looked up in tables of tokens,
the others are products over the rows, and the last is left out everywhere but at the read-out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.models.base import Parameters, activate
from grokscope.models.columns import padded, shown
from grokscope.models.feed_forward import FeedForward
from grokscope.models.first_layer import FirstLayer, merged
from grokscope.models.norm_free import NormFreeTransformer
from grokscope.models.row_attention import Differences, Stream, attend_in_row
from grokscope.models.rows import Rows

_DEPTHS = range(2, 5)


@dataclass(frozen=True, kw_only=True)
class DeepTransformer(NormFreeTransformer):
    """Two to four layers around one residual stream; the defaults are Zhong et al.'s.

    The parameters of the first layer have plain names, such as `W_Q`; those of layer i > 0 end in
    its number, `W_Q_1`, and so do the activations.
    """

    equals_token: bool = False
    """Append `=` and read the answer there; otherwise read it at the second operand."""
    causal: bool = False
    """Mask later positions."""
    init_like: Literal["nanda2023", "zhong2023"] = "zhong2023"
    """Published initialisation: they differ in W_in, 1/√d_model against 1/√d_mlp."""
    n_layers: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_layers not in _DEPTHS:
            rule = "2, 3 or 4 (a single layer is `OneLayerTransformer`)"
            raise SettingError("n_layers", rule, self.n_layers)

    @property
    def name(self) -> str:
        """Such as `transformer, 2 layers, attention rate 0`."""
        return f"transformer, {self.n_layers} layers, attention rate {self.attention_rate:g}"

    @property
    def suffixes(self) -> Sequence[str]:
        """Nothing for the first layer, its number for a later one."""
        return ["", *(f"_{i}" for i in range(1, self.n_layers))]

    def readout(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row n_outputs"]:
        """Logits of the last position; W_out is multiplied into W_U where that is less work."""
        w_u = padded(params["W_U"])
        folds = w_u.shape[2] < self.d_model
        last = self.layers(params)[-1]
        mlp = FeedForward.of(last, self.activation, behind=w_u if folds else None)
        summed = mlp(self._last_mid(params, rows))
        return shown(summed if folds else torch.bmm(summed, w_u), params["W_U"].shape[2])

    def neurons(self, params: Parameters, rows: Rows) -> Float[Tensor, "model row neuron"]:
        """Activations of the last layer's MLP after the nonlinearity, at the last position."""
        return self._last_post(params, self._last_mid(params, rows))

    def observe(
        self, params: Parameters, rows: Rows
    ) -> tuple[Float[Tensor, "model row n_outputs"], Float[Tensor, "model row neuron"]]:
        """The layers once, W_out · W_U before the product over the rows, outputs first."""
        mid, w_u, last = self._last_mid(params, rows), params["W_U"], self.layers(params)[-1]
        post = self._last_post(params, mid)
        constant = torch.bmm(last["b_out"].unsqueeze(1), w_u)
        direct = torch.baddbmm(constant.mT, w_u.mT, mid.mT)
        return torch.baddbmm(direct, self.neuron_to_logit(params).mT, post.mT).mT, post

    def _last_post(self, params: Parameters, mid: Stream) -> Float[Tensor, "model row neuron"]:
        last = self.layers(params)[-1]
        pre = torch.baddbmm(last["b_in"].unsqueeze(1), mid, last["W_in"])
        return activate(pre, self.activation)

    def _last_mid(self, params: Parameters, rows: Rows) -> Stream:
        """The stream between attention and MLP of the last layer, at the last position."""
        first, *inner, last = self.layers(params)
        x = self._first(params, FeedForward.of(first, self.activation), rows)
        everywhere = range(self.n_ctx)
        for layer in inner:
            mlp = FeedForward.of(layer, self.activation)
            x = [mlp(mid) for mid in self._attended(params, layer, x, everywhere)]
        return self._attended(params, last, x, everywhere[-1:])[0]

    def _first(self, params: Parameters, mlp: FeedForward, rows: Rows) -> list[Stream]:
        """The stream behind the first layer, at every position."""
        tables = self.position_tables(params)
        layer = FirstLayer(params=params, tables=tables, rows=rows, causal=self.causal)
        attended = [layer.attended(position) for position in range(self.n_ctx)]
        return [mlp.behind(one.through(mlp.linear, mlp.bias)) for one in attended]

    def _attended(
        self, params: Parameters, layer: Parameters, x: Sequence[Stream], positions: range
    ) -> list[Stream]:
        """The stream behind a later layer's attention, at some positions."""
        rate, w_q, w_o = params["attention_rate"], merged(layer, "W_Q"), layer["W_O"].flatten(1, 2)
        together = [[position] for position in positions] if self.causal else [list(positions)]
        found: list[Stream] = []
        for some in together:
            seen = _differences(layer, x[: some[-1] + 1], rate)
            queries = [torch.bmm(x[position], w_q) for position in some]
            z = attend_in_row(queries, seen, rate, self.n_heads)
            found += [torch.baddbmm(x[i], one, w_o) for i, one in zip(some, z, strict=True)]
        return found


def _differences(
    layer: Parameters, seen: Sequence[Stream], rate: Float[Tensor, " model"]
) -> Differences:
    """What is seen of some positions, the last of them left out."""
    w_k, w_v = merged(layer, "W_K"), merged(layer, "W_V")
    *others, last = seen
    total = (rate + len(seen) * (1 - rate)).to(last.dtype)[:, None, None]
    differences = [other - last for other in others]
    return Differences(
        keys=[torch.bmm(difference, w_k) for difference in differences],
        values=[torch.bmm(difference, w_v) for difference in differences],
        base=torch.bmm(last, w_v * total),
    )
