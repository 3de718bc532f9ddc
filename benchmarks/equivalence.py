"""Does rounding the factors of products change when networks grok?

`python -m benchmarks.equivalence [--seeds N]` trains the same networks (same initial values, same
splits) with full, TF32 and bfloat16 products and compares their grokked steps pair by pair. Two
arithmetics are called equivalent when the 90 % interval of the mean ratio lies within [1/1.1, 1.1]:
two one-sided tests at 5 %. That no difference was found would not be enough.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence

import numpy as np
import torch

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
from grokscope.models import EmbeddingMLP, Rows
from grokscope.tasks import ModularArithmetic

LARGEST_RATIO = 1.1
_STEPS, _LOOK_RATIO, _RESAMPLES = 3000, 1.02, 10_000
_TASK = ModularArithmetic(p=31, train_fraction=0.5)
_MODEL = EmbeddingMLP(d_model=48, d_hidden=128)
_OPTIMIZER = AdamW(lr=3e-3, weight_decay=1.0)


def grokked_steps(
    seeds: Sequence[int], precision: MatmulPrecision, device: str = "cpu"
) -> list[int | None]:
    """Grokked step of every seed's network; None where it had not grokked by the last step."""
    table = _TASK.table()
    splits = [_TASK.make_split(table, seed) for seed in seeds]
    jobs = [
        Job(index=i, seed=seed, model=_MODEL, optimizer=_OPTIMIZER, rows=split.train)
        for i, (seed, split) in enumerate(zip(seeds, splits, strict=True))
    ]
    setup = Setup(table=table, loss=CrossEntropy(), device=device, matmul_precision=precision)
    population = Population(setup, jobs)
    everything = Rows(table.inputs.to(device).expand(len(seeds), -1, -1))
    looks, train, novel = log_spaced(_STEPS, _LOOK_RATIO), [], []
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


def compare(ours: Sequence[int | None], theirs: Sequence[int | None]) -> dict[str, object]:
    """Ratio of grokked steps over pairs that both grokked: geometric mean and 90 % interval."""
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
    logs = np.log([a / b for a, b in pairs])
    draws = np.random.default_rng(0).choice(logs, (_RESAMPLES, len(logs))).mean(1)
    low, high = np.exp(np.quantile(draws, [0.05, 0.95]))
    return {
        "pairs": len(pairs),
        "only_one_grokked": sum(
            (a is None) != (b is None) for a, b in zip(ours, theirs, strict=True)
        ),
        "ratio": round(float(np.exp(logs.mean())), 4),
        "interval_90": [round(float(low), 4), round(float(high), 4)],
        "spread_of_log_ratio": round(float(logs.std(ddof=1)), 4),
        "equivalent": bool(math.log(high) < math.log(LARGEST_RATIO) and low > 1 / LARGEST_RATIO),
    }


def main() -> None:
    """Compare the precisions and print JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.equivalence", description=__doc__)
    parser.add_argument("--seeds", type=int, default=64, help="networks per precision")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    options = parser.parse_args()
    seeds = list(EVALUATION_SEEDS)[: options.seeds]
    steps: dict[MatmulPrecision, list[int | None]] = {}
    for precision in ("full", "tf32", "bf16"):
        print(f"training {len(seeds)} networks with {precision} products ...", file=sys.stderr)
        steps[precision] = grokked_steps(seeds, precision, options.device)
    rounded: tuple[MatmulPrecision, ...] = ("tf32", "bf16")
    results = {name: compare(steps[name], steps["full"]) for name in rounded}
    print(json.dumps(results | {"grokked_steps": steps}, indent=2))


if __name__ == "__main__":
    main()
