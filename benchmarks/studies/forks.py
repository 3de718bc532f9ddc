"""Study (c), from above: networks that have generalised go on with fewer rows.

    python -m benchmarks.studies.forks --out runs/study-forks
    python -m benchmarks.studies.forks --out runs/study-forks-fine --fine

Trains the parents (85 % of the rows, three weight decays, the seeds of `critical.toml`) and forks
them, or goes on with what was begun. The budget after the fork is that of the study from scratch:
B = 20,000 steps, and twice as many.
"""

import argparse
from pathlib import Path

import torch

from grokscope.core.settings import with_settings
from grokscope.experiment import Plan, Run, fork, plan_seeds, resume_run, start_run
from grokscope.recipes import find_recipe
from grokscope.store import find_runs

DECAYS = (0.1, 0.3, 1.0)
FRACTIONS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
PARENT_STEPS, BUDGET = 15_000, 20_000
SEED, SEEDS = 12_000, 8
FINE_FRACTIONS = (0.15, 0.17, 0.19, 0.21, 0.23, 0.25, 0.27, 0.29, 0.31, 0.33, 0.35)
FINE_SEED, FINE_SEEDS = 12_100, 20
"""As in `critical-fine.toml`."""
_SETTINGS = {
    "task.p": 31,
    "task.train_fraction": 0.85,
    "model.d_model": 32,
    "model.d_hidden": 64,
    "optimizer.lr": 0.01,
    "optimizer.warmup_steps": 0,
    "training.steps": PARENT_STEPS,
    "training.stop_when_grokked": False,
    "training.checkpoint_ratio": 1e9,
}


def parents(device: str, *, fine: bool) -> Plan:
    """The networks that generalise, on most of the rows."""
    own = {"seed": FINE_SEED if fine else SEED, "training.device": device}
    config = with_settings(find_recipe("quick-mlp").config, _SETTINGS | own)
    variants = [{"optimizer.weight_decay": decay} for decay in DECAYS]
    return plan_seeds("study-forks-parents", config, variants, FINE_SEEDS if fine else SEEDS)


def train(out: Path, device: str = "cpu", *, fine: bool = False) -> Run:
    """The finished fork."""
    forked = [run for run in find_runs(out) if "origin" in run.config]
    if forked:
        return resume_run(forked[0])
    plan = parents(device, fine=fine)
    begun = [run for run in find_runs(out) if run.config["recipe"] == plan.recipe]
    parent = resume_run(begun[0]) if begun else start_run(plan, out)
    fractions = FINE_FRACTIONS if fine else FRACTIONS
    changes = {f"{fraction:g}": {"train_fraction": fraction} for fraction in fractions}
    return fork(parent, PARENT_STEPS, changes, out=out, steps=PARENT_STEPS + 2 * BUDGET)


def main() -> None:
    """Train, say where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/study-forks"))
    parser.add_argument("--fine", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(train(options.out, options.device, fine=options.fine).path)


if __name__ == "__main__":
    main()
