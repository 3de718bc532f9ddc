"""How much less the seen samples of a domain lose than its twins, with what chance leaves open.

Samples and twins are resampled independently: the interval holds whether or not twins are listed
in the order of their samples, and is wider than that of pairs. It is about samples like these in
this one network.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64, Int

from grokscope.core.errors import UsageError
from grokscope.llm.monitor_run import MonitorRun
from grokscope.statistics.bootstrap import counts_of, interval_of_resamples
from grokscope.statistics.interval import Interval
from grokscope.store import RunDirectory
from grokscope.views.monitor_curves import Series

PROBE_GROUPS = "probe_group"
"""Name of the tensor among a run's splits: the place of each probe's group in its header."""
Losses = Float[np.ndarray, "step sample"]
Gaps = dict[str, list[Interval]]
"""By domain, at every measurement."""


def memory_gaps(run: RunDirectory) -> Gaps:
    """Of every domain that has twins; empty where it is not on disk which probes are whose.

    Raises:
        VerificationError: a file of the run is damaged.
    """
    monitor = MonitorRun(run)
    numbers = run.splits().get(PROBE_GROUPS)
    if numbers is None:
        return {}
    try:
        losses = monitor.losses()
    except UsageError:  # the routing weights were deleted, and the losses with them
        return {}
    return _by_domain(losses, numbers.numpy(), list(monitor.header["groups"]))


def gap_intervals(seen: Losses, twins: Float[np.ndarray, "step twin"]) -> list[Interval]:
    """Mean loss of the seen less that of the twins, nats; samples with a NaN are left out."""
    own = [_complete(losses) for losses in (seen, twins)]
    if not all(part.shape[1] for part in own):
        return [Interval(value=None, low=None, high=None)] * len(seen)
    fewest = min(part.shape[1] for part in own)
    if fewest < 2:
        gaps = own[0].mean(1) - own[1].mean(1)
        return [Interval(value=gap, low=None, high=None) for gap in gaps.tolist()]
    found = _resampled(own[0], "seen samples") - _resampled(own[1], "their twins")
    return [interval_of_resamples(column, fewest) for column in found.T]


def ends_of(intervals: Sequence[Interval]) -> tuple[Series, Series]:
    """Lower and upper ends, NaN where they are not known."""
    low, high = (
        np.array([np.nan if end is None else end for end in ends], dtype=np.float64)
        for ends in ([i.low for i in intervals], [i.high for i in intervals])
    )
    return low, high


def _by_domain(losses: Losses, numbers: Int[np.ndarray, " sample"], groups: Sequence[str]) -> Gaps:
    rows = {group: np.flatnonzero(numbers == i) for i, group in enumerate(groups)}
    return {
        name: gap_intervals(losses[:, own], losses[:, rows[f"{name}/twin"]])
        for name, own in rows.items()
        if f"{name}/twin" in rows
    }


def _complete(losses: Losses) -> Float64[np.ndarray, "step known"]:
    return losses[:, np.isfinite(losses).all(0)].astype(np.float64)


def _resampled(
    losses: Float64[np.ndarray, "step sample"], purpose: str
) -> Float64[np.ndarray, "resample step"]:
    samples = losses.shape[1]
    blocks = [counts @ losses.T / samples for counts in counts_of(samples, purpose)]
    return np.concatenate(blocks)
