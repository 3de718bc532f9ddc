"""The log-rank test in the plainest form."""

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations

from grokscope.statistics import Wait


def slow_log_rank(
    groups: Mapping[str, Sequence[Wait]], strata: Mapping[str, Sequence[Hashable]]
) -> tuple[list[Fraction], list[list[Fraction]]]:
    """Excess of each group and its covariance, by counting every way to deal out the events.

    At each time of each stratum every choice of d networks of those at risk is as likely; the
    excess is what happened less the mean over choices, and the covariance that over choices.
    """
    names = list(groups)
    excess = [Fraction(0)] * len(names)
    covariance = [[Fraction(0)] * len(names) for _ in names]
    rows = [
        (j, wait, one)
        for j, name in enumerate(names)
        for wait, one in zip(groups[name], strata[name], strict=True)
    ]
    for stratum in {one for _, _, one in rows}:
        own = [(j, wait) for j, wait, one in rows if one == stratum]
        for time in {wait.least for _, wait in own if wait.was_seen}:
            at_risk = [j for j, wait in own if wait.least >= time]
            happened = [j for j, wait in own if wait.was_seen and wait.least == time]
            ways = [
                [choice.count(j) for j in range(len(names))]
                for choice in combinations(at_risk, len(happened))
            ]
            mean = [Fraction(sum(way[j] for way in ways), len(ways)) for j in range(len(names))]
            for j in range(len(names)):
                excess[j] += happened.count(j) - mean[j]
                for k in range(len(names)):
                    products = (way[j] * way[k] for way in ways)
                    covariance[j][k] += Fraction(sum(products), len(ways)) - mean[j] * mean[k]
    return excess, covariance
