"""The engine: steps many networks at once, knows nothing of measures, files or screens."""

from grokscope.engine.job import Divergence, Job, Lane, Setup
from grokscope.engine.loss import CrossEntropy
from grokscope.engine.optimizer import AdamW
from grokscope.engine.population import Population
from grokscope.engine.precision import MatmulPrecision
from grokscope.engine.schedule import log_spaced, thin

OPTIMIZERS: dict[str, type[AdamW]] = {"adamw": AdamW}
LOSSES: dict[str, type[CrossEntropy]] = {"cross_entropy": CrossEntropy}

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "AdamW",
    "CrossEntropy",
    "Divergence",
    "Job",
    "Lane",
    "MatmulPrecision",
    "Population",
    "Setup",
    "log_spaced",
    "thin",
]
