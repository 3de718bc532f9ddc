"""A sweep of tiny networks, trained in seconds."""

from pathlib import Path

from grokscope.sweep import Sweep, Worker, plan_sweep
from grokscope.sweep.start import extend

AXES = {"weight_decay": "log:0.01:1:3", "train_fraction": "0.5,0.7"}
TINY = {"p": 7, "d_model": 8, "d_hidden": 8, "steps": 40}


def trained_sweep(root: Path, name: str = "tiny", seeds: int = 2, *, train: bool = True) -> Sweep:
    """Twelve networks over two settings."""
    plan = plan_sweep("quick-mlp", AXES, settings=TINY, seeds=seeds, name=name)
    sweep = Sweep.create(root, plan, threads=1)
    extend(sweep, plan)
    if train:
        Worker(sweep=sweep).work()
    return sweep
