"""How far the explainer can be trusted: planted networks must come out as what they are, nulls not.

Seeds of planted networks start at 500 and those of nulls at 3000; development used lower ones.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.explainer.baseline import baselines
from benchmarks.explainer.nulls import Null, nulls
from benchmarks.explainer.planted import LABELS, NOISE_LEVELS, Planted, plant
from grokscope.algebra.cyclic import additive
from grokscope.explanation import Explanation, NetworkSubject, explain
from grokscope.tasks import Table

RESULTS = Path(__file__).parent / "results"
FIRST_PLANTED_SEED = 500
FIRST_NULL_SEED = 3000
PASS_THE_GATE = ("latin", "random-table", "patch", "small-patch", "clock-patch", "foreign-circles")
"""Null kinds that are accurate on their own table; the gate must stop the others."""
STOPPED = ("permuted", "untrained", "undertrained")


def explain_planted(planted: Planted) -> Explanation:
    """The verdict on a planted network."""
    return explain(NetworkSubject(planted.model, planted.params, planted.task.table()))


def null_subject(null: Null) -> NetworkSubject:
    """A null network on the table that it is judged by."""
    rows = torch.arange(len(null.labels))
    table = Table(
        inputs=null.inputs,
        labels=null.labels,
        d_vocab=null.p,
        n_classes=null.p,
        mirror=rows,
        cyclic=additive(null.p),
    )
    return NetworkSubject(null.model, null.params, table)


def explain_null(null: Null) -> Explanation:
    """The verdict on a null network, with another's frequencies where it is paired with one."""
    claimed = sorted(null.partner.circles) if null.partner is not None else None
    return explain(null_subject(null), keys=claimed)


def judge_planted(seeds: int) -> str:
    """Explain every kind at every noise level; the confusion matrix of circles as a table."""
    rows = [
        _planted_row(plant(label, seed=seed, noise=noise)) | {"seed": seed}
        for label in LABELS
        for seed in range(FIRST_PLANTED_SEED, FIRST_PLANTED_SEED + seeds)
        for noise in NOISE_LEVELS
    ]
    table = _confusion(rows)
    _write("planted", rows, table)
    return table


def judge_nulls(seeds: int) -> str:
    """Explain every kind of null; how many passed, and what failed, as a table."""
    rows: list[dict[str, Any]] = []
    for kind in (*PASS_THE_GATE, *STOPPED):
        for null in nulls(kind, range(FIRST_NULL_SEED, FIRST_NULL_SEED + seeds)):
            found = explain_null(null)
            rows.append(
                {
                    "kind": kind,
                    "seed": null.seed,
                    "accuracy": found.accuracy,
                    "verdict": found.verdict,
                    "label": found.label,
                    "failed": [test.name for test in found.failed],
                    "baselines": None if null.partner else asdict(baselines(null_subject(null))),
                }
            )
    table = _false_positives(rows)
    _write("nulls", rows, table)
    return table


def _planted_row(planted: Planted) -> dict[str, Any]:
    found = explain_planted(planted)
    named = {circle.frequency: circle.label for circle in found.circles}
    pairs = [(true, named.get(f, "missed")) for f, true in planted.circles.items()]
    if planted.label == "lookup":
        pairs = [("lookup", found.label)]
    else:
        pairs += [("none", label) for f, label in named.items() if f not in planted.circles]
    return {
        "kind": planted.label,
        "noise": planted.noise,
        "verdict": found.verdict,
        "grade": found.grade,
        "certified": found.certified,
        "failed": [test.name for test in found.failed],
        "circles": pairs,
    }


def _confusion(rows: Sequence[dict[str, Any]]) -> str:
    counts = Counter(tuple(pair) for row in rows for pair in row["circles"])
    names = sorted({name for pair in counts for name in pair})
    lines = ["| planted \\ found | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for true in sorted({pair[0] for pair in counts}):
        cells = [str(counts[true, found]) if counts[true, found] else "" for found in names]
        lines.append(f"| {true} | " + " | ".join(cells) + " |")
    lines += ["", "| kind | networks | explained | grade A | certified |", "|---|---|---|---|---|"]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        own = [row for row in rows if row["kind"] == kind]
        figures = [
            len(own),
            sum(row["verdict"] == "explained" for row in own),
            sum(row["grade"] == "A" for row in own),
            sum(row["certified"] for row in own),
        ]
        lines.append(f"| {kind} | " + " | ".join(map(str, figures)) + " |")
    return "\n".join(lines)


def _false_positives(rows: Sequence[dict[str, Any]]) -> str:
    """The simpler rules take no claim, so that networks with foreign circles are not for them."""
    lines = [
        "| kind | networks | pass the gate | explained | published rule | sparse, clock fit |",
        "|---|---|---|---|---|---|",
    ]
    kinds = dict.fromkeys(row["kind"] for row in rows)
    lines += [_null_line(kind, [row for row in rows if row["kind"] == kind]) for kind in kinds]
    return "\n".join([*lines, _null_line("all", rows)])


def _null_line(kind: str, rows: Sequence[dict[str, Any]]) -> str:
    judged = [row["baselines"] for row in rows if row["baselines"] is not None]
    simple = [
        sum(each[rule] for each in judged) if judged else "–"
        for rule in ("published", "fourier_clock")
    ]
    accurate = sum(row["verdict"] != "not_accurate" for row in rows)
    passed = sum(row["verdict"] == "explained" for row in rows)
    return "| " + " | ".join(map(str, [kind, len(rows), accurate, passed, *simple])) + " |"


def _write(name: str, rows: Sequence[dict[str, Any]], table: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(row) for row in rows)
    (RESULTS / f"{name}.json").write_text(f"[\n{lines}\n]\n")
    (RESULTS / f"{name}.md").write_text(table + "\n")
