"""The composition root: one config is a task, a model, an optimizer, measures and a store."""

from grokscope.experiment.config import Config, Origin, Plan, Training, plan_seeds
from grokscope.experiment.fork import fork
from grokscope.experiment.listener import Listener, NetworkProgress, Silence, TrainingProgress
from grokscope.experiment.pairs import Effect, Pair, paired
from grokscope.experiment.probe import Estimate, estimate
from grokscope.experiment.run import Run, load, resume_run, start_run

__all__ = [
    "Config",
    "Effect",
    "Estimate",
    "Listener",
    "NetworkProgress",
    "Origin",
    "Pair",
    "Plan",
    "Run",
    "Silence",
    "Training",
    "TrainingProgress",
    "estimate",
    "fork",
    "load",
    "paired",
    "plan_seeds",
    "resume_run",
    "start_run",
]
