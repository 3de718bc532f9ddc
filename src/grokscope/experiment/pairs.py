"""The branches of a fork against the untouched one, network by network."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grokscope.core.errors import UsageError
from grokscope.experiment.run import Run
from grokscope.statistics import Interval, mean_of

METRIC = "test/acc_novel"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One network in two branches, at the last evaluation that both have."""

    branch: str
    network: int
    """Number within the run that was forked."""
    seed: int
    step: int
    untouched: float
    changed: float

    @property
    def difference(self) -> float:
        """Changed less untouched."""
        return self.changed - self.untouched


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a branch does to a metric, over its networks."""

    branch: str
    metric: str
    pairs: Sequence[Pair]
    difference: Interval
    """Mean of changed less untouched, with Student's interval."""

    def __str__(self) -> str:
        found, ends = self.difference, (self.difference.low, self.difference.high)
        low, high = ("?" if end is None else f"{end:+.3g}" for end in ends)
        return (
            f"{self.branch}: {self.metric} {found.value:+.3g} [{low}, {high}], "
            f"{len(self.pairs)} pairs"
        )


def paired(run: Run, metric: str = METRIC, step: int | None = None) -> list[Effect]:
    """Compare every branch of a fork with the untouched one.

    Args:
        run: made by `fork`.
        metric: a column of the curves.
        step: of the comparison, the last evaluation until then; the last of all where None.

    Raises:
        UsageError: the run is no fork, or has no such metric.
    """
    origin = run.plan.origin
    if origin is None:
        raise UsageError(f"{run.id} is no fork, so it has no branches to compare.")
    curves = run.curves
    if metric not in curves:
        raise UsageError(f"{run.id} has no metric `{metric}`.")
    names = list(dict.fromkeys(origin.branches))
    count = len(origin.branches) // len(names)
    effects: list[Effect] = []
    for i, branch in enumerate(names[1:], start=1):
        couples = [(k, i * count + k) for k in range(count)]
        pairs = [_pair(run, curves, metric, couple, step) for couple in couples]
        found = mean_of([pair.difference for pair in pairs])
        effects.append(Effect(branch=branch, metric=metric, pairs=pairs, difference=found))
    return effects


def _pair(
    run: Run,
    curves: dict[str, np.ndarray],
    metric: str,
    couple: tuple[int, int],
    step: int | None,
) -> Pair:
    origin = run.plan.origin
    assert origin is not None
    steps, values = zip(*(_curve(curves, metric, network) for network in couple), strict=True)
    common = np.intersect1d(*steps)
    common = common if step is None else common[common <= step]
    if not len(common):
        raise UsageError(f"{run.id}: no evaluation that both branches have until step {step}.")
    last = common[-1]
    untouched, changed = (
        float(own[np.searchsorted(at, last)]) for at, own in zip(steps, values, strict=True)
    )
    network = couple[1]
    return Pair(
        branch=origin.branches[network],
        network=origin.networks[network],
        seed=run.plan.networks[network].seed,
        step=int(last),
        untouched=untouched,
        changed=changed,
    )


def _curve(
    curves: dict[str, np.ndarray], metric: str, network: int
) -> tuple[np.ndarray, np.ndarray]:
    own = curves["network"] == network
    return curves["step"][own], curves[metric][own]
