"""Other tables than addition mod p: how many of the networks that learn them are explained?

MLPs, five seeds a table (15 of S4, two of S5), on the four operations, an order that is not prime,
and composition in groups. Thresholds were set on the seeds below 100.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.explainer.failures import failed_tests, shown
from benchmarks.explainer.survey_table import share_cell
from benchmarks.explainer.trained import stored, trained
from grokscope.engine import AdamW
from grokscope.experiment import Config, Plan, Training, plan_seeds
from grokscope.explanation import Explanation, explain
from grokscope.explanation.thresholds import VERSION
from grokscope.models import EmbeddingMLP
from grokscope.recipes import quick_mlp
from grokscope.tasks import GroupComposition, ModularArithmetic

RECIPE = "tables"
RESULTS = Path(__file__).parent / "results"
FIRST_SEED = 40_000
SEEDS = 5


@dataclass(frozen=True, kw_only=True)
class Composition:
    """How a network for a group is trained; tables of a few dozen rows have no test set."""

    group: str
    train_fraction: float
    steps: int
    width: int = 64
    hidden: int = 128
    batch_size: int | None = None
    seeds: int = SEEDS


COMPOSITIONS = (
    Composition(group="S3", train_fraction=1.0, steps=4000, width=32, hidden=64),
    Composition(group="Q8", train_fraction=1.0, steps=4000, width=32, hidden=64),
    Composition(group="A4", train_fraction=0.9, steps=12_000),
    Composition(group="D7", train_fraction=0.85, steps=12_000),
    Composition(group="D10", train_fraction=0.7, steps=12_000),
    Composition(group="D15", train_fraction=0.7, steps=10_000),
    Composition(group="Z4xZ6", train_fraction=0.6, steps=8000),
    Composition(group="S4", train_fraction=0.7, steps=15_000, seeds=15),
    Composition(group="S5", train_fraction=0.4, steps=20_000, width=128, batch_size=1440, seeds=2),
)


def plans() -> dict[str, Plan]:
    """A run for each table, by its name."""
    return dict(_operations()) | {each.group: _composition(each) for each in COMPOSITIONS}


def _operations() -> Iterator[tuple[str, Plan]]:
    base = replace(quick_mlp().config, seed=FIRST_SEED)
    task, model = base.task, base.model
    assert isinstance(task, ModularArithmetic)
    assert isinstance(model, EmbeddingMLP)
    for operation, p in (
        ("add", 59),
        ("add", 60),
        ("subtract", 59),
        ("multiply", 59),
        ("divide", 59),
    ):
        own = replace(model, separate_vocab=operation in ("subtract", "divide"))
        config = replace(base, task=replace(task, operation=operation, p=p), model=own)
        yield f"{operation} mod {p}", plan_seeds(RECIPE, config, (), SEEDS)


def _composition(each: Composition) -> Plan:
    config = Config(
        seed=FIRST_SEED,
        task=GroupComposition(group=each.group, train_fraction=each.train_fraction),
        model=EmbeddingMLP(d_model=each.width, d_hidden=each.hidden, combine="concat"),
        optimizer=AdamW(lr=2e-3, weight_decay=1.0, beta2=0.98),
        training=Training(steps=each.steps, stop_when_grokked=False, batch_size=each.batch_size),
    )
    return plan_seeds(RECIPE, config, (), each.seeds)


def judge_tables(runs: Path) -> str:
    """Train what has not been trained and explain it; the share by table."""
    known = {run.plan: run for run in stored(runs, RECIPE)}
    rows: list[dict[str, Any]] = []
    for name, plan in plans().items():
        run = trained(plan, known.get(plan), runs)
        for network, config in enumerate(plan.networks):
            found = explain(run.subject(network))
            rows.append(_row(name, config.seed, found))
            print(name, config.seed, found.verdict, rows[-1]["failed"], flush=True)
    text = json.dumps(rows, indent=1, allow_nan=False)
    (RESULTS / "tables.json").write_text(text + "\n")
    table = tables_table(rows)
    (RESULTS / "tables.md").write_text(f"# Other tables, thresholds {VERSION}\n\n{table}\n")
    return table


def _row(name: str, seed: int, found: Explanation) -> dict[str, Any]:
    return {
        "table": name,
        "seed": seed,
        "verdict": found.verdict,
        "label": found.label,
        "sentence": found.sentence,
        "failed": failed_tests(found),
    }


def tables_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line for each table: networks, accurate ones, explained ones, what the others failed."""
    lines = ["| table | trained | accurate | explained | failed |", "|---" * 5 + "|"]
    for name in dict.fromkeys(row["table"] for row in rows):
        own = [row for row in rows if row["table"] == name]
        accurate = [row for row in own if row["verdict"] != "not_accurate"]
        explained = sum(row["verdict"] == "explained" for row in accurate)
        failed = "; ".join(shown(row["failed"]) for row in accurate if row["failed"])
        share = share_cell(explained, len(accurate))
        lines.append(f"| {name} | {len(own)} | {len(accurate)} | {share} | {failed} |")
    return "\n".join(lines)
