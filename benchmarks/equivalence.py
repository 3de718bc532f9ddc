"""Does another arithmetic change when networks grok?

`python -m benchmarks.equivalence [--seeds N]` trains the same networks (same initial values, same
splits) with full, TF32 and bfloat16 products and compares their grokked steps pair by pair. Two
arithmetics are called equivalent when the 90 % interval of the mean ratio lies within [1/1.1, 1.1]:
two one-sided tests at 5 %. That no difference was found would not be enough.

For a change of the code, `--save FILE` keeps the grokked steps of full products before it, and
`--against FILE` compares those after it with them.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch

from benchmarks.arguments import Parser, whole
from grokscope.core.seeds import EVALUATION_SEEDS
from grokscope.engine import (
    AdamW,
    CrossEntropy,
    Job,
    MatmulPrecision,
    Population,
    Setup,
    log_spaced,
)
from grokscope.measures.curve import Curve
from grokscope.measures.grokdef import grokked_step_so_far
from grokscope.models import EmbeddingMLP, Model, OneLayerTransformer, Rows
from grokscope.tasks import ModularArithmetic

LARGEST_RATIO = 1.1
ROUNDED: tuple[MatmulPrecision, ...] = ("tf32", "bf16")
_LOOK_RATIO, _RESAMPLES, _FEWEST_PAIRS = 1.02, 10_000, 2
Steps = list[int | None]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Networks that grok within a minute or two for dozens of seeds."""

    task: ModularArithmetic
    model: Model
    optimizer: AdamW
    steps: int


SUBJECTS = {
    "mlp": Subject(
        task=ModularArithmetic(p=31, train_fraction=0.5),
        model=EmbeddingMLP(d_model=48, d_hidden=128),
        optimizer=AdamW(lr=3e-3, weight_decay=1.0),
        steps=3000,
    ),
    "transformer": Subject(
        task=ModularArithmetic(p=47, train_fraction=0.45),
        model=OneLayerTransformer(
            d_model=64, equals_token=False, causal=False, init_like="zhong2023"
        ),
        optimizer=AdamW(lr=3e-3, weight_decay=2.0),
        steps=2000,
    ),
}


def grokked_steps(
    subject: Subject, seeds: Sequence[int], precision: MatmulPrecision, device: str = "cpu"
) -> Steps:
    """Grokked step of every seed's network; None where it had not grokked by the last step."""
    task = subject.task
    table = task.table()
    splits = [task.make_split(table, seed) for seed in seeds]
    jobs = [
        Job(index=i, seed=seed, model=subject.model, optimizer=subject.optimizer, rows=split.train)
        for i, (seed, split) in enumerate(zip(seeds, splits, strict=True))
    ]
    setup = Setup(table=table, loss=CrossEntropy(), device=device, matmul_precision=precision)
    population = Population(setup, jobs)
    everything = Rows(table.inputs.to(device).expand(len(seeds), -1, -1))
    looks, train, novel = log_spaced(subject.steps, _LOOK_RATIO), [], []
    for before, look in zip((0, *looks), looks, strict=False):
        population.advance(look - before)
        with torch.no_grad():
            logits = population.model.readout(population.parameters(), everything).cpu()
        right = (logits.argmax(-1) == table.labels).double()
        train.append([float(row[s.train].mean()) for row, s in zip(right, splits, strict=True)])
        novel.append([float(row[s.novel].mean()) for row, s in zip(right, splits, strict=True)])
    steps = np.array(looks)
    curves = zip(np.array(train).T, np.array(novel).T, splits, strict=True)
    return [
        grokked_step_so_far(
            Curve(
                step=steps,
                train_acc=train_acc,
                test_acc=test_acc,
                train_loss=np.full(len(steps), np.nan),
                test_loss=np.full(len(steps), np.nan),
                n_test=len(split.novel),
                chance=table.chance,
            )
        )
        for train_acc, test_acc, split in curves
    ]


def compare(ours: Steps, theirs: Steps) -> dict[str, object]:
    """Ratio of grokked steps over pairs that both grokked: geometric mean and 90 % interval.

    Raises:
        SystemExit: fewer than two networks grokked in both; one says nothing of the spread.
    """
    both = list(zip(ours, theirs, strict=True))
    pairs = [(a, b) for a, b in both if a is not None and b is not None]
    if len(pairs) < _FEWEST_PAIRS:
        raise SystemExit(
            f"equivalence: at least {_FEWEST_PAIRS} networks must grok both times, "
            f"got {len(pairs)} of {len(both)}; give them more steps"
        )
    logs = np.log([a / b for a, b in pairs])
    draws = np.random.default_rng(0).choice(logs, (_RESAMPLES, len(logs))).mean(1)
    low, high = np.exp(np.quantile(draws, [0.05, 0.95]))
    return {
        "pairs": len(pairs),
        "only_one_grokked": sum((a is None) != (b is None) for a, b in both),
        "ratio": round(float(np.exp(logs.mean())), 4),
        "interval_90": [round(float(low), 4), round(float(high), 4)],
        "spread_of_log_ratio": round(float(logs.std(ddof=1)), 4),
        "equivalent": bool(high < LARGEST_RATIO and low > 1 / LARGEST_RATIO),
    }


def _kept(name: str) -> Steps:
    try:
        steps = json.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"cannot be read: {error}") from None
    if not isinstance(steps, list):
        raise argparse.ArgumentTypeError(f"{name} is not a list of grokked steps")
    return cast(Steps, steps)


def main() -> None:
    """Compare the precisions, or this code with other code, and print JSON."""
    parser = Parser(prog="python -m benchmarks.equivalence", description=__doc__)
    parser.add_argument("--subject", default="mlp", choices=list(SUBJECTS))
    parser.add_argument(
        "--seeds", type=whole(_FEWEST_PAIRS), default=64, help="networks per arithmetic"
    )
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--save", type=Path, metavar="FILE", help="keep the grokked steps here")
    parser.add_argument("--against", type=_kept, metavar="FILE", help="what --save has kept")
    options = parser.parse_args()
    if options.against and len(options.against) != options.seeds:
        parser.error(f"--against: it holds {len(options.against)} networks, not {options.seeds}")
    seeds = list(EVALUATION_SEEDS)[: options.seeds]

    def steps(precision: MatmulPrecision) -> Steps:
        print(f"training {len(seeds)} networks with {precision} products ...", file=sys.stderr)
        return grokked_steps(SUBJECTS[options.subject], seeds, precision, options.device)

    full = steps("full")
    if options.save:
        options.save.write_text(json.dumps(full), encoding="utf-8")
    elif options.against:
        print(json.dumps(compare(full, options.against)))
    else:
        print(json.dumps({name: compare(steps(name), full) for name in ROUNDED}, indent=2))


if __name__ == "__main__":
    main()
