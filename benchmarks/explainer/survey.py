"""The survey of arXiv 2306.17844, on the CPU: how many accurate networks can be explained?

    python -m benchmarks.explainer.survey --layers 1 --networks 42

Every network has a seed of its own (evaluation seeds, from 1000 on; development used those below
10), and draws its settings from it: attention rate uniform in [0, 1], ReLU or GELU, one vocabulary
or two, with or without `=`, width 32, 64 or 128 and 80 % or 50 % of the data in turn. None is left
out but for accuracy. Finished networks are kept in a JSON-lines file, so it goes on where it ended.
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from grokscope.core.seeds import generator
from grokscope.engine import AdamW, CrossEntropy
from grokscope.experiment import Config, Plan, Training
from grokscope.experiment.run import start_run
from grokscope.explanation import explain, legacy
from grokscope.models import DeepTransformer, Model, OneLayerTransformer
from grokscope.tasks import ModularArithmetic

FIRST_SEED = 1000
WIDTHS = (32, 64, 128)
FRACTIONS = (0.8, 0.5)
RESULTS = Path(__file__).parent / "results" / "survey.jsonl"


def config(seed: int, n_layers: int, steps: int) -> Config:
    """One network of the survey; its seed decides everything."""
    place = seed - FIRST_SEED
    width = WIDTHS[place % 3] if n_layers == 1 else WIDTHS[place % 2]
    return Config(
        task=ModularArithmetic(
            operation="add", p=59, train_fraction=FRACTIONS[place // 3 % len(FRACTIONS)]
        ),
        model=_model(seed, width, n_layers),
        optimizer=AdamW(lr=1e-3, weight_decay=2.0, beta1=0.9, beta2=0.98, warmup_steps=10),
        loss=CrossEntropy(precision="float64"),
        training=Training(steps=steps, stop_when_grokked=False, checkpoint_ratio=1.1),
        seed=seed,
    )


def _model(seed: int, width: int, n_layers: int) -> Model:
    draws = generator(seed, "survey")
    rate, *coins = (float(x) for x in _uniform(draws, 4))
    model = OneLayerTransformer(
        d_model=width,
        n_heads=4,
        attention_rate=rate,
        activation="relu" if coins[0] < 0.5 else "gelu",
        separate_vocab=coins[1] < 0.5,
        equals_token=coins[2] < 0.5,
        causal=False,
        init_like="zhong2023",
    )
    if n_layers == 1:
        return model
    shared = {name: getattr(model, name) for name in asdict(model)}
    return replace(DeepTransformer(n_layers=n_layers), **shared)


def _uniform(stream: Any, count: int) -> list[float]:  # noqa: ANN401 (a torch generator)
    return torch.rand(count, generator=stream, dtype=torch.float64).tolist()


def survey(seed: int, n_layers: int, steps: int, runs: Path) -> dict[str, Any]:
    """Train one network and explain it."""
    network = config(seed, n_layers, steps)
    run = start_run(Plan(recipe=f"survey-{n_layers}", networks=(network,)), runs)
    subject = run.subject(0)  # the last accurate checkpoint, where the end is noisy
    found = explain(subject)
    document = found.to_dict()
    for circle in document["circles"]:
        del circle["profile"]
    model: Any = network.model
    names = ("d_model", "attention_rate", "activation", "separate_vocab", "equals_token")
    return {
        "seed": seed,
        "layers": n_layers,
        "steps": steps,
        "train_fraction": network.task.train_fraction,
        **{name: getattr(model, name) for name in names},
        "grokked_step": run.networks[0]["grokked_step"],
        "memorized_step": run.networks[0]["memorized_step"],
        "label": found.label,
        "failed": [test.name for test in found.failed],
        "legacy": legacy(subject).to_dict(),
        "explanation": document,
    }


def main() -> None:
    """Train and explain the networks that the results do not have yet."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explainer.survey")
    parser.add_argument("--layers", type=int, default=1, choices=(1, 2, 3, 4))
    parser.add_argument("--networks", type=int, default=42)
    parser.add_argument(
        "--first", type=int, default=0, help="to share the work with another process"
    )
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    arguments = parser.parse_args()
    RESULTS.parent.mkdir(exist_ok=True)
    known = (
        [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    )
    done = {(row["layers"], row["seed"]) for row in known}
    places = range(arguments.first, arguments.networks)
    for seed in (FIRST_SEED + place for place in places):
        if (arguments.layers, seed) in done:
            continue
        row = survey(seed, arguments.layers, arguments.steps, arguments.runs)
        with RESULTS.open("a") as file:
            file.write(json.dumps(row, allow_nan=False) + "\n")
        verdict = row["explanation"]["verdict"]
        print(
            seed,
            row["d_model"],
            row["train_fraction"],
            verdict,
            row["label"],
            row["failed"],
            flush=True,
        )


if __name__ == "__main__":
    main()
