"""Sums of routing weights by sample and expert, on the device, while a model runs.

A mean over the tokens of a sample (arXiv 2506.21551) needs no token to be kept: each layer adds the
weights of its tokens to a row for each sample, and those of padding to one more row that nobody
reads. That is 4 bytes for each layer, sample and expert, and nothing that waits for the device.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.llm.pathways import Pathways
from grokscope.llm.router import Router
from grokscope.llm.scoring import (
    are_distributions,
    disagree,
    kept_weights,
    own_weights,
    recorded,
    sigmoid_weights,
    topk_softmax_weights,
)
from grokscope.llm.segments import token_samples


@dataclass(kw_only=True)
class LayerSums:
    """What one router adds to.

    Attributes:
        router: of which layer.
        is_decoder: whether its tokens are those of a decoder that reads an encoder.
        weights: (samples + 1, experts), summed over tokens.
        tokens: (samples + 1), how many.
        is_distribution: whether all rows that the router ever returned were probabilities.
        disagrees: whether its own weights were ever at odds with its scoring.
    """

    router: Router
    is_decoder: bool
    weights: Float[Tensor, "row expert"]
    tokens: Int64[Tensor, " row"]
    is_distribution: Bool[Tensor, ""]
    disagrees: Bool[Tensor, ""]


class Recording:
    """The pathways of what ran while `RouterTap.record` was open.

    Forwards add up. `batch` says whose tokens the next ones hold.
    """

    def __init__(self, layers: Sequence[LayerSums], samples: int) -> None:
        self._layers = list(layers)
        self._samples = samples
        self._rows: list[Int64[Tensor, " token"]] = []
        self.broken: list[str] = []

    def batch(
        self,
        *,
        attention_mask: Tensor | None = None,
        segments: Tensor | None = None,
        position_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
    ) -> None:
        """Says which sample each token of the next forwards belongs to; see `RouterTap.record`.

        Raises:
            SettingError: none is given, their shapes differ, or there are more samples than the
                recording has.
        """
        samples = token_samples(
            attention_mask=attention_mask, segments=segments, position_ids=position_ids
        )
        rows = self._bins(samples)
        rows_of_decoder = rows
        if decoder_attention_mask is not None:
            rows_of_decoder = self._bins(token_samples(attention_mask=decoder_attention_mask))
        self._rows = [
            (rows_of_decoder if layer.is_decoder else rows).to(layer.tokens.device)
            for layer in self._layers
        ]

    def _bins(self, samples: Int64[Tensor, " token"]) -> Int64[Tensor, " token"]:
        last = int(samples.max()) if samples.numel() else -1
        if last >= self._samples:
            raise SettingError("samples", f"more than {last}, a sample of the batch", self._samples)
        return samples.masked_fill(samples < 0, self._samples)

    def add(self, position: int, output: object) -> str | None:
        """Adds the output of one of the routers; returns what is wrong if it cannot be added."""
        layer = self._layers[position]
        router = layer.router
        raw = recorded(output, router.output)
        if not isinstance(raw, Tensor) or not raw.is_floating_point():
            return f"`{router.name}` must return numbers at {router.output}, got {type(raw)}."
        problem = self._misfit(position, raw.shape)
        if problem is not None:
            return problem
        raw = raw.detach().reshape(-1, router.experts)
        weights = _weights(layer, raw, output)
        if weights is None:
            return f"`{router.name}` returns no weights of its own: `scoring` cannot be 'kept'."
        rows = self._rows[position]
        layer.weights.index_add_(0, rows, weights)
        layer.tokens.index_add_(0, rows, torch.ones_like(rows))
        return None

    def _misfit(self, position: int, shape: torch.Size) -> str | None:
        router = self._layers[position].router
        if len(shape) < 2 or shape[-1] != router.experts:
            return (
                f"`{router.name}` must return a row of {router.experts} experts for each token, "
                f"got {tuple(shape)}."
            )
        if not self._rows:
            return "a forward ran before `batch` said whose tokens it holds."
        tokens, expected = math.prod(shape[:-1]), len(self._rows[position])
        if tokens == expected:
            return None
        return f"`{router.name}` saw {tokens} tokens where the batch was said to have {expected}."

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps the pathways from being whole, or right; empty where nothing does.

        This waits for the device.
        """
        return (*self.broken, *self._not_finite(), *self._at_odds())

    def _not_finite(self) -> list[str]:
        found: list[str] = []
        for layer in self._layers:
            bad = int((~layer.weights[: self._samples].isfinite()).any(-1).sum())
            if bad:
                found.append(
                    f"`{layer.router.name}`: not finite for {bad} of {self._samples} samples."
                )
        return found

    def _at_odds(self) -> list[str]:
        return [
            f"`{layer.router.name}` weighs its experts in another way than a softmax of what it "
            f"returns: set `scoring` to 'kept'."
            for layer in self._layers
            if bool(layer.disagrees)
        ]

    def pathways(self) -> Pathways:
        """The means over tokens seen so far; this waits for the device.

        A sample of which a layer saw no token is NaN there, and so is one whose routing was not
        finite; all are where the tap had to switch itself off. Tokens are those of the layer that
        saw most: layers differ only where a decoder reads an encoder.
        """
        n = self._samples
        sums = np.stack([layer.weights[:n].cpu().numpy() for layer in self._layers])
        tokens = np.stack([layer.tokens[:n].cpu().numpy() for layer in self._layers])
        seen = (tokens > 0) & np.isfinite(sums).all(-1) & (not self.broken)
        means = np.where(seen[..., None], sums, np.nan) / np.maximum(tokens, 1)[..., None]
        return Pathways(
            weights=means.astype(np.float32),
            tokens=tokens.max(0),
            layers=tuple(layer.router.name for layer in self._layers),
        )


def _weights(
    layer: LayerSums, raw: Float[Tensor, "token expert"], output: object
) -> Float[Tensor, "token expert"] | None:
    """Routing weights over all experts; None where the output lacks what the kind needs."""
    router = layer.router
    if router.scoring == "probabilities":
        return raw.float()
    own = own_weights(output, router.output, len(raw))
    if router.scoring == "kept":
        return None if own is None else kept_weights(own, router.experts)
    if router.scoring == "topk_softmax":
        return topk_softmax_weights(raw.float(), router.top_k or router.experts)
    if router.scoring == "sigmoid":
        bias = getattr(router.module, "e_score_correction_bias", None)
        return sigmoid_weights(raw.float(), router.top_k or router.experts, bias)
    layer.is_distribution.logical_and_(are_distributions(raw))
    weights = torch.where(layer.is_distribution, raw.float(), raw.float().softmax(-1))
    if own is not None:
        layer.disagrees.logical_or_(disagree(weights, own))
    return weights
