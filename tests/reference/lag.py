"""The lag of a group by a plain loop over resamples."""

from statistics import median

import numpy as np


def slow_group_lags(converged, generalized, budget, count: int, seed: int) -> list[tuple]:
    """Least and most of the lag of each resample, in no order that matters."""
    stream = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        first = median(stream.choice(converged, len(converged)).tolist())
        own = stream.choice(generalized, len(generalized)).tolist()
        found.append((median([min(date, budget) for date in own]) - first, median(own) - first))
    return found
