"""Statistics over runs: shares, survival and ratios, each with its interval."""

from grokscope.statistics.accelerated_failure import AcceleratedFailure, accelerated_failure
from grokscope.statistics.budget_test import Budget, BudgetTest, budget_test
from grokscope.statistics.curvature import Curvature, curvature
from grokscope.statistics.exponents import Exponent, compare_exponents
from grokscope.statistics.hysteresis import Hysteresis, hysteresis_of
from grokscope.statistics.interval import Interval, Outcome
from grokscope.statistics.latency import Family
from grokscope.statistics.mean import mean_of
from grokscope.statistics.naive_slope import LeastSquares, Naive, naive_slopes
from grokscope.statistics.resample import BySeed, geometric_ratio, log_slope, median_ratio
from grokscope.statistics.runs import Runs
from grokscope.statistics.share import Share, share_of
from grokscope.statistics.survival import Survival, kaplan_meier
from grokscope.statistics.threshold import Threshold, threshold_of
from grokscope.statistics.wait import NEVER, Wait
from grokscope.statistics.window import Window, window_of

__all__ = [
    "NEVER",
    "AcceleratedFailure",
    "Budget",
    "BudgetTest",
    "BySeed",
    "Curvature",
    "Exponent",
    "Family",
    "Hysteresis",
    "Interval",
    "LeastSquares",
    "Naive",
    "Outcome",
    "Runs",
    "Share",
    "Survival",
    "Threshold",
    "Wait",
    "Window",
    "accelerated_failure",
    "budget_test",
    "compare_exponents",
    "curvature",
    "geometric_ratio",
    "hysteresis_of",
    "kaplan_meier",
    "log_slope",
    "mean_of",
    "median_ratio",
    "naive_slopes",
    "share_of",
    "threshold_of",
    "window_of",
]
