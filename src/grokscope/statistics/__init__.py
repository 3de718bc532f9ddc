"""Statistics over runs: shares, times, ratios, exponents and variances, and what differs."""

from grokscope.statistics.accelerated_failure import AcceleratedFailure, accelerated_failure
from grokscope.statistics.budget_test import Budget, BudgetTest, budget_test
from grokscope.statistics.crossed import Component, Crossed, crossed_components
from grokscope.statistics.curvature import Curvature, curvature
from grokscope.statistics.ending import Ending
from grokscope.statistics.exponents import Exponent, compare_exponents
from grokscope.statistics.hysteresis import Hysteresis, hysteresis_of
from grokscope.statistics.incidence import Incidence, aalen_johansen
from grokscope.statistics.interval import Interval, Outcome
from grokscope.statistics.latency import Family
from grokscope.statistics.log_rank import LogRank, log_rank
from grokscope.statistics.mean import mean_of
from grokscope.statistics.naive_slope import LeastSquares, Naive, naive_slopes
from grokscope.statistics.neighbourhood import Grid, Neighbourhood, pool_neighbours
from grokscope.statistics.resample import BySeed, geometric_ratio, log_slope, median_ratio
from grokscope.statistics.restricted_mean import (
    restricted_mean_difference,
    restricted_mean_interval,
)
from grokscope.statistics.runs import Runs
from grokscope.statistics.share import Share, share_of
from grokscope.statistics.survival import Survival, kaplan_meier
from grokscope.statistics.threshold import Threshold, threshold_of
from grokscope.statistics.wait import NEVER, Wait
from grokscope.statistics.wilson import wilson
from grokscope.statistics.window import Window, window_of

__all__ = [
    "NEVER",
    "AcceleratedFailure",
    "Budget",
    "BudgetTest",
    "BySeed",
    "Component",
    "Crossed",
    "Curvature",
    "Ending",
    "Exponent",
    "Family",
    "Grid",
    "Hysteresis",
    "Incidence",
    "Interval",
    "LeastSquares",
    "LogRank",
    "Naive",
    "Neighbourhood",
    "Outcome",
    "Runs",
    "Share",
    "Survival",
    "Threshold",
    "Wait",
    "Window",
    "aalen_johansen",
    "accelerated_failure",
    "budget_test",
    "compare_exponents",
    "crossed_components",
    "curvature",
    "geometric_ratio",
    "hysteresis_of",
    "kaplan_meier",
    "log_rank",
    "log_slope",
    "mean_of",
    "median_ratio",
    "naive_slopes",
    "pool_neighbours",
    "restricted_mean_difference",
    "restricted_mean_interval",
    "share_of",
    "threshold_of",
    "wilson",
    "window_of",
]
