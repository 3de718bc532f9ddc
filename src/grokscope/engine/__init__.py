"""The engine: steps many networks at once, knows nothing of measures, files or screens."""

from grokscope.engine.adamw import AdamW
from grokscope.engine.cross_entropy import CrossEntropy
from grokscope.engine.hinge import Hinge
from grokscope.engine.job import Divergence, Job, Lane, Setup
from grokscope.engine.loss import Loss
from grokscope.engine.mean_square import MeanSquare
from grokscope.engine.muon import Muon
from grokscope.engine.optimizer import Optimizer
from grokscope.engine.population import Population
from grokscope.engine.precision import MatmulPrecision
from grokscope.engine.schedule import log_spaced, thin
from grokscope.engine.sgd import SGD
from grokscope.engine.stablemax import StableMax

OPTIMIZERS: dict[str, type[Optimizer]] = {"adamw": AdamW, "muon": Muon, "sgd": SGD}
LOSSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropy,
    "hinge": Hinge,
    "mean_square": MeanSquare,
    "stablemax": StableMax,
}

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "SGD",
    "AdamW",
    "CrossEntropy",
    "Divergence",
    "Hinge",
    "Job",
    "Lane",
    "Loss",
    "MatmulPrecision",
    "MeanSquare",
    "Muon",
    "Optimizer",
    "Population",
    "Setup",
    "StableMax",
    "log_spaced",
    "thin",
]
