"""Whether groups of networks generalise at the same times, with those that had not by their budget.

The log-rank test (Mantel, Cancer Chemotherapy Reports 50, 1966; k groups and strata as in Peto and
Peto, JRSS A 135, 1972). At each event time the d events are dealt out among the n networks at risk
as if the groups did not matter: a group with n_j of them expects d n_j/n. The differences between
observed and expected, summed over times, are compared with their covariance, a sum of
hypergeometric ones. With strata (by split seed, say) only networks of one stratum are compared with
each other, and the sums go on over strata, so that what a stratum's networks share cancels out.

A network that diverged stays at risk for ever, as in `kaplan_meier`: what is compared is when *all*
networks generalise, as in Gray's test (Annals of Statistics 16, 1988). That is right where budgets
are equal; where they differ, it counts as watched for longer than its budget would have been.

The distribution is that of many events. With four networks a group the p-value is rough, with fewer
it says little, and strata in which a group has no partner count for nothing.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from grokscope.core.errors import SettingError
from grokscope.statistics.wait import Wait, require_right_censored

Counts = Int[np.ndarray, "time group"]
Strata = Mapping[str, Sequence[Hashable]]
"""For each group the stratum of each of its waits, in the same order."""


@dataclass(frozen=True, kw_only=True)
class LogRank:
    """The test's result.

    Attributes:
        statistic: distributed as χ² where the groups are alike.
        degrees: of freedom; one less than there are groups, or fewer where some were never at risk
            together. At 0 there was nothing to compare.
        p_value: probability of a statistic as large or larger where the groups are alike; 1 where
            there was nothing to compare.
        observed: events in each group.
        expected: events in each group if they were alike; the sums of both are equal.
    """

    statistic: float
    degrees: int
    p_value: float
    observed: Mapping[str, int]
    expected: Mapping[str, float]


def log_rank(groups: Mapping[str, Sequence[Wait]], strata: Strata | None = None) -> LogRank:
    """Compares waits that were seen, or are right-censored, between two groups or more.

    Args:
        groups: the waits of each.
        strata: within which to compare; without them all networks are of one.

    Raises:
        SettingError: there are fewer than two groups, one is empty, a wait is known to lie between
            two bounds only, or the strata do not go with the groups.
    """
    from scipy.special import chdtrc  # training needs no scipy

    _require_groups(groups, strata)
    observed = np.zeros(len(groups))
    expected = np.zeros(len(groups))
    covariance = np.zeros((len(groups), len(groups)))
    for stratum in _split(groups, strata):
        at_risk, events = _counts(stratum)
        shares = at_risk / at_risk.sum(1, keepdims=True)
        observed += events.sum(0)
        expected += (events.sum(1, keepdims=True) * shares).sum(0)
        covariance += _hypergeometric(at_risk, events)
    statistic, degrees = _distance(observed - expected, covariance)
    return LogRank(
        statistic=statistic,
        degrees=degrees,
        p_value=float(chdtrc(degrees, statistic)) if degrees else 1.0,
        observed=dict(zip(groups, observed.astype(int).tolist(), strict=True)),
        expected=dict(zip(groups, expected.tolist(), strict=True)),
    )


def _require_groups(groups: Mapping[str, Sequence[Wait]], strata: Strata | None) -> None:
    if len(groups) < 2:
        raise SettingError("groups", "at least two", len(groups))
    for waits in groups.values():
        require_right_censored(waits)
    sizes = {name: len(waits) for name, waits in groups.items()}
    if strata is not None and {name: len(own) for name, own in strata.items()} != sizes:
        raise SettingError("strata", "one for each wait of each group", dict(strata))


def _split(
    groups: Mapping[str, Sequence[Wait]], strata: Strata | None
) -> Iterator[list[list[Wait]]]:
    """The groups' waits within one stratum after the other."""
    if strata is None:
        yield [list(waits) for waits in groups.values()]
        return
    # in the order in which they come, which makes sums the same for the same data
    for stratum in dict.fromkeys(one for name in groups for one in strata[name]):
        yield [
            [wait for wait, one in zip(waits, strata[name], strict=True) if one == stratum]
            for name, waits in groups.items()
        ]


def _counts(stratum: Sequence[Sequence[Wait]]) -> tuple[Counts, Counts]:
    """How many of each group are at risk at each time of an event, and how many events it has."""
    ends = [np.sort([wait.least for wait in waits]) for waits in stratum]
    seen = [np.sort([wait.least for wait in waits if wait.was_seen]) for waits in stratum]
    times = np.unique(np.concatenate(seen))
    at_risk = [len(own) - np.searchsorted(own, times, "left") for own in ends]
    before = [np.searchsorted(own, times, "left") for own in seen]
    until = [np.searchsorted(own, times, "right") for own in seen]
    return np.stack(at_risk, 1), np.stack(until, 1) - np.stack(before, 1)


def _hypergeometric(at_risk: Counts, events: Counts) -> Float64[np.ndarray, "group group"]:
    """Covariance of the events among groups where so many are drawn from all at risk, summed."""
    total, drawn = at_risk.sum(1), events.sum(1)
    shares = at_risk / total[:, None]
    scale = drawn * (total - drawn) / np.maximum(total - 1, 1)  # one alone does not vary
    return np.diag(scale @ shares) - (shares * scale[:, None]).T @ shares


def _distance(
    excess: Float64[np.ndarray, " group"], covariance: Float64[np.ndarray, "group group"]
) -> tuple[float, int]:
    """The square of the excess in units of its covariance, and the rank of that.

    The excesses sum to 0, and so do those of groups that were at risk only among themselves: what
    is left out is known to be 0.
    """
    values, vectors = np.linalg.eigh(covariance)
    kept = values > 1e-9 * max(float(values.max()), 1e-9)
    along = vectors.T @ excess
    return float((along[kept] ** 2 / values[kept]).sum()), int(kept.sum())
