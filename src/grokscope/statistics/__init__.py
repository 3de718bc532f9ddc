"""Statistics over runs: shares, survival and ratios, each with its interval."""

from grokscope.statistics.accelerated_failure import AcceleratedFailure, accelerated_failure
from grokscope.statistics.curvature import Curvature, curvature
from grokscope.statistics.exponents import Exponent, compare_exponents
from grokscope.statistics.interval import Interval, Outcome
from grokscope.statistics.latency import Family
from grokscope.statistics.mean import mean_of
from grokscope.statistics.naive_slope import LeastSquares, Naive, naive_slopes
from grokscope.statistics.resample import BySeed, geometric_ratio, log_slope, median_ratio
from grokscope.statistics.runs import Runs
from grokscope.statistics.share import Share, share_of
from grokscope.statistics.survival import Survival, kaplan_meier
from grokscope.statistics.wait import NEVER, Wait

__all__ = [
    "NEVER",
    "AcceleratedFailure",
    "BySeed",
    "Curvature",
    "Exponent",
    "Family",
    "Interval",
    "LeastSquares",
    "Naive",
    "Outcome",
    "Runs",
    "Share",
    "Survival",
    "Wait",
    "accelerated_failure",
    "compare_exponents",
    "curvature",
    "geometric_ratio",
    "kaplan_meier",
    "log_slope",
    "mean_of",
    "median_ratio",
    "naive_slopes",
    "share_of",
]
