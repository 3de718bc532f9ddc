"""The composition root: one config is a task, a model, an optimizer, measures and a store."""

from grokscope.experiment.config import Config, Plan, Training, plan_seeds
from grokscope.experiment.listener import Listener, NetworkProgress, Silence, TrainingProgress
from grokscope.experiment.probe import Estimate, estimate
from grokscope.experiment.run import Run, load, resume_run, start_run

__all__ = [
    "Config",
    "Estimate",
    "Listener",
    "NetworkProgress",
    "Plan",
    "Run",
    "Silence",
    "Training",
    "TrainingProgress",
    "estimate",
    "load",
    "plan_seeds",
    "resume_run",
    "start_run",
]
