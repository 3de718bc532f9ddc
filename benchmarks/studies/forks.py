"""Study (c), from above: networks that have generalised go on with fewer rows.

    python -m benchmarks.studies.forks --out runs/study-forks

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
    "seed": SEED,
}


def parents() -> Plan:
    """The networks that generalise, on most of the rows."""
    config = with_settings(find_recipe("quick-mlp").config, _SETTINGS)
    variants = [{"optimizer.weight_decay": decay} for decay in DECAYS]
    return plan_seeds("study-forks-parents", config, variants, SEEDS)


def train(out: Path) -> Run:
    """The finished fork."""
    forked = [run for run in find_runs(out) if "origin" in run.config]
    if forked:
        return resume_run(forked[0])
    begun = [run for run in find_runs(out) if run.config["recipe"] == parents().recipe]
    parent = resume_run(begun[0]) if begun else start_run(parents(), out)
    changes = {f"{fraction:g}": {"train_fraction": fraction} for fraction in FRACTIONS}
    return fork(parent, PARENT_STEPS, changes, out=out, steps=PARENT_STEPS + 2 * BUDGET)


def main() -> None:
    """Train, say where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/study-forks"))
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(train(arguments.out).path)


if __name__ == "__main__":
    main()
