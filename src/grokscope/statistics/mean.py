"""A mean with its interval."""

import math
from collections.abc import Sequence

from grokscope.core.errors import SettingError
from grokscope.statistics.interval import Interval
from grokscope.statistics.share import CONFIDENCE


def mean_of(values: Sequence[float]) -> Interval:
    """The mean, with Student's interval; of a single value there is none.

    Raises:
        SettingError: no values.
    """
    from scipy import stats  # training needs no scipy

    if not values:
        raise SettingError("values", "at least one", 0)
    count = len(values)
    mean = math.fsum(values) / count
    if count == 1:
        return Interval(value=mean, low=None, high=None)
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * math.sqrt(variance / count)
    return Interval(value=mean, low=mean - reach, high=mean + reach)
