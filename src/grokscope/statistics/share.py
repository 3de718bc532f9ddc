"""A share of networks with the exact interval of Clopper and Pearson (Biometrika 26, 1934).

The interval holds every share under which the count would not be surprising: at its lower end as
many successes or more have probability (1 − confidence)/2, at its upper end as many or fewer. It
covers the true share at least as often as it says, whatever the share and however few the networks,
as long as they are independent draws from one population; it is wider than it need be for some.
"""

from dataclasses import dataclass

from grokscope.core.errors import SettingError

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many of how many, and between which shares the population's may lie.

    Attributes:
        count: k, successes.
        total: n, trials, at least 1.
        low: lower end of the interval, in [0, k/n].
        high: upper end, in [k/n, 1].
    """

    count: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """k/n, in [0, 1]."""
        return self.count / self.total


def share_of(count: int, total: int, confidence: float = CONFIDENCE) -> Share:
    """The share `count`/`total` with its exact two-sided interval.

    Args:
        count: of successes.
        total: of trials.
        confidence: least probability with which the interval covers the true share.

    Raises:
        SettingError: there are no trials, fewer than none or more than all are successes, or the
            confidence is not between 0 and 1.
    """
    require_share(count, total, confidence)
    from scipy.special import betaincinv  # training needs no scipy

    tail = (1 - confidence) / 2
    # the binomial's tails are incomplete beta functions of the share; at the ends one is empty
    low = float(betaincinv(count, total - count + 1, tail)) if count > 0 else 0.0
    high = float(betaincinv(count + 1, total - count, 1 - tail)) if count < total else 1.0
    return Share(count=count, total=total, low=low, high=high)


def require_share(count: int, total: int, confidence: float) -> None:
    """Refuse what is no share, for intervals of every kind.

    Raises:
        SettingError: as in `share_of`.
    """
    if total < 1:
        raise SettingError("total", "at least 1", total)
    if not 0 <= count <= total:
        raise SettingError("count", f"at least 0 and at most the total, {total}", count)
    if not 0 < confidence < 1:
        raise SettingError("confidence", "between 0 and 1, both excluded", confidence)
