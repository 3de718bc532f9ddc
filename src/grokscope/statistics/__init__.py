"""Statistics over runs: shares, times, ratios and variances with intervals, and what differs."""

from grokscope.statistics.crossed import Component, Crossed, crossed_components
from grokscope.statistics.ending import Ending
from grokscope.statistics.incidence import Incidence, aalen_johansen
from grokscope.statistics.interval import Interval, Outcome
from grokscope.statistics.log_rank import LogRank, log_rank
from grokscope.statistics.mean import mean_of
from grokscope.statistics.neighbourhood import Grid, Neighbourhood, pool_neighbours
from grokscope.statistics.resample import BySeed, geometric_ratio, log_slope, median_ratio
from grokscope.statistics.restricted_mean import (
    restricted_mean_difference,
    restricted_mean_interval,
)
from grokscope.statistics.share import Share, share_of
from grokscope.statistics.survival import Survival, kaplan_meier
from grokscope.statistics.wait import NEVER, Wait
from grokscope.statistics.wilson import wilson

__all__ = [
    "NEVER",
    "BySeed",
    "Component",
    "Crossed",
    "Ending",
    "Grid",
    "Incidence",
    "Interval",
    "LogRank",
    "Neighbourhood",
    "Outcome",
    "Share",
    "Survival",
    "Wait",
    "aalen_johansen",
    "crossed_components",
    "geometric_ratio",
    "kaplan_meier",
    "log_rank",
    "log_slope",
    "mean_of",
    "median_ratio",
    "pool_neighbours",
    "restricted_mean_difference",
    "restricted_mean_interval",
    "share_of",
    "wilson",
]
