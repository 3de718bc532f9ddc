"""The latest training batches, in the place of probes: no forward is run for the monitor.

Routing is read while the model trains on a batch, and only in the updates shortly before a
measurement: as many as hold the wanted number of sequences. What is measured is of other samples
each time, so nothing can be said about memory or change. The weights of an update or a few lie
between the first and the last sequence.
"""

import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from grokscope.core.errors import SettingError
from grokscope.llm.measurement import Groups
from grokscope.llm.pathways import Pathways
from grokscope.llm.probe import require_domain, require_names
from grokscope.llm.reading import BySample, Reading, lost, whole_pathways
from grokscope.llm.recording import Recording
from grokscope.llm.segments import NOBODY, token_samples
from grokscope.llm.tap import RouterTap

RECENT = 256
"""Sequences of a measurement."""
ALL = "train"
"""The group of samples without a domain."""
_CHUNK = 8
_IGNORED = -100


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """What was read of some training sequences.

    Attributes:
        reading: of them.
        domains: of each.
    """

    reading: Reading
    domains: tuple[str, ...]

    @property
    def groups(self) -> Groups:
        """The sequences of each domain, by name."""
        names = np.array(self.domains)
        return {name: np.flatnonzero(names == name) for name in sorted(set(self.domains))}


class WatchedBatch:
    """A training batch whose routing is read; outside of the updates before a measurement, none."""

    def __init__(
        self,
        recording: Recording | None,
        samples: Int64[Tensor, "batch sequence"],
        domains: Sequence[str] | None,
        troubled: Callable[[Exception], None],
    ) -> None:
        self._samples, self._troubled = samples, troubled
        self.recording = recording
        self.count = max(int(samples.max()) + 1, 0) if samples.numel() else 0
        self.domains = tuple(domains) if domains is not None else (ALL,) * self.count
        self._nats: Float[Tensor, " row"] | None = None
        self._counted: Float[Tensor, " row"] | None = None

    def score(self, logits: Tensor, labels: Tensor) -> None:
        """Add the loss of each sequence, so that it stands beside its routing.

        Args:
            logits: (batch, sequence, d_vocab), as the model returns them.
            labels: (batch, sequence), the token at each position; −100 counts for nothing. The
                token after a position is what its logits predict.
        """
        if self.recording is None:
            return
        try:
            self._score(logits, labels)
        except Exception as error:  # the training must go on whatever happens here
            self._troubled(error)

    def _score(self, logits: Tensor, labels: Tensor) -> None:
        samples = self._samples.to(logits.device)
        labels = labels.to(logits.device)
        same = (samples[:, 1:] == samples[:, :-1]) & (samples[:, 1:] != NOBODY)
        targets = labels[:, 1:].masked_fill(~same, _IGNORED)
        rows = samples[:, 1:].masked_fill(~same, self.count).flatten()
        nats = torch.cat([part.flatten() for part in _nats(logits.detach()[:, :-1], targets)])
        zeros = torch.zeros(self.count + 1, device=logits.device)
        self._nats = zeros.index_add(0, rows, nats)
        self._counted = zeros.index_add(0, rows, (targets != _IGNORED).flatten().float())

    def sequences(self) -> Sequences | None:
        """What was read; this waits for the device. None where no token was.

        Raises:
            UsageError: a router did not return what can be read.
        """
        if self.recording is None:
            return None
        tokens = whole_pathways(self.recording, np.zeros(0, dtype=np.int64))
        known = tokens.tokens > 0
        if not known.any():
            return None
        loss, scored = self._losses()
        reading = Reading(
            pathways=tokens,
            loss=loss,
            correct=np.full(self.count, np.nan, dtype=np.float32),
            problems=(*self.recording.problems, *lost(loss[scored])),
            seconds=0.0,
        )
        return _of(Sequences(reading=reading, domains=self.domains), np.flatnonzero(known))

    def _losses(self) -> tuple[BySample, Bool[np.ndarray, " sample"]]:
        """Mean loss of each sequence, and which have one."""
        if self._nats is None or self._counted is None:
            nothing = np.full(self.count, np.nan, dtype=np.float32)
            return nothing, np.zeros(self.count, dtype=bool)
        counted = self._counted[: self.count]
        loss = torch.where(counted > 0, self._nats[: self.count] / counted, torch.nan)
        return loss.cpu().numpy(), (counted > 0).cpu().numpy()


class TrainingBatches:
    """Reads the latest sequences that a model trains on.

    Args:
        tap: on the model's routers.
        recent: sequences to keep.
        troubled: gets what goes wrong, since no training stops for it.
    """

    def __init__(self, tap: RouterTap, recent: int, troubled: Callable[[Exception], None]) -> None:
        if recent < 2:
            raise SettingError("recent", "at least 2", recent)
        self._tap, self._recent, self._troubled = tap, recent, troubled
        self._batches: deque[WatchedBatch] = deque()
        self._since_update = 0
        self._per_update = 0.0
        self._handles: list[Any] = []
        self._held = ExitStack()
        self._watched: WatchedBatch | None = None
        self.is_open = True

    def updated(self, updates: int, until_due: int | None) -> None:
        """Some updates were made, and the next measurement comes after so many more.

        Args:
            updates: since the last call.
            until_due: None if no measurement comes any more.
        """
        if self.is_open and self._since_update:
            self._per_update = self._since_update / max(updates, 1)
        self._since_update = 0
        after_next = 0.0 if until_due is None else (until_due - 1) * self._per_update
        self.is_open = until_due is not None and after_next < self._recent
        if not self.is_open:
            self._batches.clear()

    @contextmanager
    def watch(
        self, tokens: Mapping[str, Tensor | None], domains: Sequence[str] | None
    ) -> Generator[WatchedBatch]:
        """Read what the model does with a batch until the block is left."""
        with ExitStack() as stack:
            batch = self._entered(stack, tokens, domains)
            yield batch
        self._keep(batch)

    def taken(self) -> Sequences | None:
        """The latest sequences, which are then forgotten; None where there are none."""
        started = time.monotonic()
        found = [batch.sequences() for batch in self._batches]
        self._batches.clear()
        joined_ = joined([own for own in found if own is not None])
        if joined_ is None:
            return None
        count = len(joined_.domains)
        latest = _of(joined_, np.arange(max(count - self._recent, 0), count))
        seconds = time.monotonic() - started
        return replace(latest, reading=replace(latest.reading, seconds=seconds))

    def listen(self, model: nn.Module) -> None:
        """Watch every training forward of a model, for loops that are not the user's own."""
        self.detach()
        self._handles = [
            model.register_forward_pre_hook(self._before, with_kwargs=True),
            model.register_forward_hook(self._after, with_kwargs=True),
        ]

    def detach(self) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._held.close()

    def _before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        # what is compiled would break at this point, so it is left alone
        if torch.compiler.is_compiling() or not (self.is_open and module.training):
            return
        self._held.close()  # a forward that raised did not come to its end
        try:
            tokens = _tokens_of(args, kwargs)
        except Exception as error:
            self._troubled(error)
            return
        self._watched = self._entered(self._held, tokens, None)

    def _after(
        self,
        module: nn.Module,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        output: Any,  # noqa: ANN401
    ) -> None:
        if torch.compiler.is_compiling() or self._watched is None:
            return
        self._held.close()
        batch, self._watched = self._watched, None
        labels, logits = kwargs.get("labels"), getattr(output, "logits", None)
        if isinstance(logits, Tensor) and isinstance(labels, Tensor):
            batch.score(logits, labels)
        self._keep(batch)

    def _entered(
        self, stack: ExitStack, tokens: Mapping[str, Tensor | None], domains: Sequence[str] | None
    ) -> WatchedBatch:
        nothing = WatchedBatch(None, torch.zeros(0, 0, dtype=torch.long), None, self._troubled)
        if not self.is_open:
            return nothing
        try:
            samples = token_samples(**tokens).cpu()
            given = next(one for one in tokens.values() if one is not None)
            samples = samples.view(given.shape)
            batch = WatchedBatch(None, samples, domains, self._troubled)
            _require_domains(batch)
            batch.recording = stack.enter_context(
                self._tap.record(samples=max(batch.count, 1), segments=samples)
            )
        except Exception as error:
            self._troubled(error)
            return nothing
        return batch

    def _keep(self, batch: WatchedBatch) -> None:
        """The latest batches that hold the wanted sequences."""
        if batch.recording is None:
            return
        self._batches.append(batch)
        self._since_update += batch.count
        total = sum(one.count for one in self._batches)
        while total - self._batches[0].count >= self._recent:
            total -= self._batches.popleft().count


def joined(parts: Sequence[Sequences]) -> Sequences | None:
    """Sequences of several batches or processes, one after another; None where there are none."""
    if not parts:
        return None
    readings = [part.reading for part in parts]
    paths = [reading.pathways for reading in readings]
    return Sequences(
        reading=Reading(
            pathways=Pathways(
                weights=np.concatenate([path.weights for path in paths], 1),
                tokens=np.concatenate([path.tokens for path in paths]),
                layers=paths[0].layers,
            ),
            loss=np.concatenate([reading.loss for reading in readings]),
            correct=np.concatenate([reading.correct for reading in readings]),
            problems=tuple(dict.fromkeys(one for own in readings for one in own.problems)),
            seconds=max(reading.seconds for reading in readings),
        ),
        domains=tuple(name for part in parts for name in part.domains),
    )


def _of(sequences: Sequences, rows: Int64[np.ndarray, " row"]) -> Sequences:
    reading = sequences.reading
    chosen = replace(
        reading,
        pathways=reading.pathways.of(rows),
        loss=reading.loss[rows],
        correct=reading.correct[rows],
    )
    return Sequences(reading=chosen, domains=tuple(sequences.domains[int(row)] for row in rows))


def _nats(logits: Tensor, targets: Tensor) -> Generator[Tensor]:
    """Few rows at a time: float32 logits are the largest tensor there is."""
    for start in range(0, len(logits), _CHUNK):
        own = logits[start : start + _CHUNK].float().transpose(1, 2)
        rows = targets[start : start + _CHUNK]
        yield nn.functional.cross_entropy(own, rows, reduction="none", ignore_index=_IGNORED)


def _tokens_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Tensor | None]:
    """What says whose the tokens of a call are; a row is a sample where nothing does."""
    ids = kwargs.get("input_ids", args[0] if args else None)
    if ids is None:
        ids = kwargs["inputs_embeds"][..., 0]
    found: dict[str, Tensor | None] = {}
    for name in ("attention_mask", "position_ids"):
        given = kwargs.get(name)
        fits = isinstance(given, Tensor) and given.shape == ids.shape
        found[name] = given if fits else None
    if all(one is None for one in found.values()):
        found["attention_mask"] = torch.ones(ids.shape, dtype=torch.long)
    return found


def _require_domains(batch: WatchedBatch) -> None:
    if len(batch.domains) < batch.count:
        raise SettingError("domains", f"one for each of {batch.count} samples", len(batch.domains))
    for name in set(batch.domains):
        require_domain(name)
    require_names(batch.domains)
