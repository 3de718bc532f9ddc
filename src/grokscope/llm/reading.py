"""One look at a model: the pathways, losses and answers of all probes.

The look changes nothing: no gradient is kept, the model's mode and random state are as before.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, Int64
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from grokscope.core.errors import SettingError, UsageError
from grokscope.llm.pathways import Pathways
from grokscope.llm.probe import ProbeSet
from grokscope.llm.recording import Recording
from grokscope.llm.tap import RouterTap

Forward = Callable[[Int[Tensor, "batch sequence"], Int[Tensor, "batch sequence"]], Tensor]
"""Token ids and attention mask to logits (batch, sequence, d_vocab)."""

Batch = Int64[np.ndarray, " _"]
BySample = Float32[np.ndarray, " sample"]
_CHUNK = 8
"""Rows whose logits become float32 at once: with large vocabularies these are the largest."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the probes looked like to a model.

    Attributes:
        pathways: of each probe.
        loss: mean over the predicted tokens of each probe, in nats; NaN of those that were not
            read here.
        correct: 1 where the answer of a probe is right in every token, 0 where not, NaN without
            an answer.
        problems: what keeps the pathways from being whole.
        seconds: that the look took.
    """

    pathways: Pathways
    loss: BySample
    correct: BySample
    problems: tuple[str, ...]
    seconds: float


class Reader:
    """Looks at the same probes of the same model, whenever it is asked.

    Args:
        model: any module that `tap` is on.
        tap: on its routers.
        probes: to look at.
        batch: probes in a forward.
        forward: how logits are got from the model; its call with `input_ids` and
            `attention_mask` unless given.

    Raises:
        UsageError: a token id that the model does not have.
        SettingError: `batch` is below 1.
    """

    def __init__(
        self,
        model: nn.Module,
        tap: RouterTap,
        probes: ProbeSet,
        *,
        batch: int = 64,
        forward: Forward | None = None,
    ) -> None:
        self.tap, self.probes = tap, probes
        self._model, self._batch, self._forward = model, batch, forward or _call_of(model)
        if batch < 1:
            raise SettingError("batch", "at least 1", batch)
        require_vocabulary(model, probes)

    def read(self, batches: Sequence[Batch] | None = None) -> Reading:
        """One look.

        Args:
            batches: indices of the probes to read; all of them unless given.

        Raises:
            UsageError: a router did not return what the tap can read.
        """
        started = time.monotonic()
        device = device_of(self._model)
        chosen = self.probes.batches(self._batch) if batches is None else batches
        loss = np.full(len(self.probes), np.nan, dtype=np.float32)
        correct = loss.copy()
        with self._quietly(), self.tap.record(samples=len(self.probes)) as recording:
            for rows in chosen:
                ids, mask = map(torch.from_numpy, self.probes.padded(rows))
                places = torch.from_numpy(rows)[:, None].expand(ids.shape)
                recording.batch(segments=torch.where(mask.bool(), places, -1))
                ids, mask = ids.to(device), mask.to(device)
                logits = self._forward(ids, mask)
                counted = torch.from_numpy(self.probes.counted(rows, ids.shape[1])).to(device)
                loss[rows], hits = _scores(logits, ids, counted)
                correct[rows] = self._answers(rows, hits)
        own = np.unique(np.concatenate(chosen))
        return Reading(
            pathways=whole_pathways(recording, own),
            loss=loss,
            correct=correct,
            problems=(*recording.problems, *lost(loss[own])),
            seconds=time.monotonic() - started,
        )

    def _answers(self, rows: Batch, hits: Bool[np.ndarray, "probe _"]) -> BySample:
        """Whether every token of the answers was the most likely one; hits[i] is of token i + 1."""
        found = np.full(len(rows), np.nan, dtype=np.float32)
        for row, index in enumerate(rows):
            probe = self.probes.probes[int(index)]
            if probe.answer is not None:
                found[row] = hits[row, probe.answer - 1 : len(probe.tokens) - 1].all()
        return found

    @contextmanager
    def _quietly(self) -> Generator[None]:
        modes = {module: module.training for module in self._model.modules()}
        self._model.eval()
        try:
            with torch.no_grad(), torch.random.fork_rng(devices=_rng_devices(self._model)):
                yield
        finally:
            for module, training in modes.items():
                module.training = training


def whole_pathways(recording: Recording, rows: Batch) -> Pathways:
    """What a recording holds.

    Raises:
        UsageError: a router did not return what can be read, or none ran on some of the rows.
    """
    if recording.broken:
        raise UsageError(recording.broken[0])
    pathways = recording.pathways()
    if not (pathways.tokens[rows] > 0).all():
        raise UsageError("No router ran: `forward` does not run the model that is monitored.")
    return pathways


def require_vocabulary(model: nn.Module, probes: ProbeSet) -> None:
    """Refuse probes that another tokenizer made.

    Raises:
        UsageError: a token id that the model does not have.
    """
    size = _vocabulary(model)
    if size is not None and probes.largest_token >= size:
        raise UsageError(
            f"The probes have token {probes.largest_token}, but the model's vocabulary has "
            f"{size:,} tokens: the tokenizer is not the model's."
        )


def unwrapped(model: nn.Module) -> nn.Module:
    """The module itself, out of what compiles it or averages its gradients.

    What shards it stays: it is needed for a forward.
    """
    inner: Any = model
    while isinstance(inner, DistributedDataParallel) or hasattr(inner, "_orig_mod"):
        inner = inner.module if isinstance(inner, DistributedDataParallel) else inner._orig_mod
    return inner


def _vocabulary(model: nn.Module) -> int | None:
    get: Any = getattr(model, "get_input_embeddings", None)
    try:
        table: Any = get() if get is not None else None
    except (NotImplementedError, AttributeError):
        return None
    return getattr(table, "num_embeddings", None)


def _call_of(model: nn.Module) -> Forward:
    """The usual call; models of transformers are asked for nothing that costs more."""
    config: Any = getattr(model, "config", None)
    extras: dict[str, Any] = {}
    if config is not None:
        extras["use_cache"] = False
    if hasattr(config, "output_router_logits"):
        extras["output_router_logits"] = False  # no balancing loss is computed from probes

    def call(ids: Tensor, mask: Tensor) -> Tensor:
        output: Any = model(input_ids=ids, attention_mask=mask, **extras)
        return getattr(output, "logits", output)

    return call


def _scores(
    logits: Float[Tensor, "probe position d_vocab"],
    ids: Int[Tensor, "probe position"],
    counted: Float[Tensor, "probe position"],
) -> tuple[BySample, Bool[np.ndarray, "probe _"]]:
    """Mean loss of each row, and which tokens were the most likely ones; token 0 is not asked."""
    ids, counted = ids.to(logits.device), counted.to(logits.device)
    losses, hits = zip(*_by_chunk(logits, ids, counted), strict=True)
    return torch.cat(losses).cpu().numpy(), torch.cat(hits).cpu().numpy()


def _by_chunk(logits: Tensor, ids: Tensor, counted: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, len(ids), _CHUNK):
        rows = slice(start, start + _CHUNK)
        target, weight = ids[rows, 1:], counted[rows, 1:].float()
        own = logits[rows, :-1].float()
        nats = nn.functional.cross_entropy(own.transpose(1, 2), target, reduction="none")
        nats = torch.where(weight > 0, nats, 0.0)
        yield nats.sum(1) / weight.sum(1), own.argmax(-1) == target


def device_of(model: nn.Module) -> torch.device:
    """Where its first parameter is."""
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def _rng_devices(model: nn.Module) -> list[int]:
    devices = {parameter.device for parameter in model.parameters()}
    return sorted({device.index or 0 for device in devices if device.type == "cuda"})


def lost(loss: BySample) -> tuple[str, ...]:
    """What to say of losses that should be finite; nothing where all are."""
    bad = int((~np.isfinite(loss)).sum())
    return (f"The loss is not finite for {bad} of {len(loss)} samples.",) if bad else ()


def float_mean(values: Float[np.ndarray, " sample"]) -> float:
    """Mean of the values that are known; NaN where none is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
