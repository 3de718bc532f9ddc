"""How long an explanation takes, and how much memory: of the accurate networks of some runs.

    python -m benchmarks.explainer.timing runs/2026-...-survey-zhong2023-*

Run it alone on the machine. Loading is not timed; peak memory is that of the whole process.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from grokscope.experiment import load
from grokscope.explanation import NetworkSubject, explain
from grokscope.models import DeepTransformer, Model


def main(arguments: Sequence[str] | None = None) -> None:
    """A line for each kind of network: how many, median, slowest and all together."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explainer.timing")
    parser.add_argument("runs", type=Path, nargs="+")
    seconds: dict[str, list[float]] = {}
    for kind, subject in _subjects(parser.parse_args(arguments).runs):
        started = time.perf_counter()
        if explain(subject).verdict != "not_accurate":
            seconds.setdefault(kind, []).append(time.perf_counter() - started)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    print("| network | number | median s | slowest s | all s |\n|---|---|---|---|---|")
    for kind, each in sorted(seconds.items()):
        figures = (statistics.median(each), max(each), sum(each))
        print(f"| {kind} | {len(each)} | " + " | ".join(f"{x:.1f}" for x in figures) + " |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory {peak:.2f} GB")


def _subjects(runs: Sequence[Path]) -> Iterator[tuple[str, NetworkSubject]]:
    for path in runs:
        run = load(path.name, path.parent)
        if run.state == "finished":
            for i, config in enumerate(run.plan.networks):
                p = getattr(config.task, "p", "?")
                yield f"p = {p}, {_kind(config.model)}", run.subject(i)


def _kind(model: Model) -> str:
    layers = model.n_layers if isinstance(model, DeepTransformer) else 1
    return f"{layers} layer{'s' if layers > 1 else ''}, width {getattr(model, 'd_model', '?')}"


if __name__ == "__main__":
    main()
