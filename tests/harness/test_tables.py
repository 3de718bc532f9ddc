"""The benchmark on other tables: what is trained, and what is written of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from benchmarks.explainer import tables

from grokscope.experiment import Plan, plan_seeds


def test_every_operation_and_every_kind_of_group_is_there():
    plans = tables.plans()
    assert {name.split()[0] for name in plans if " mod " in name} == {
        "add",
        "subtract",
        "multiply",
        "divide",
    }
    assert {"add mod 60", "S3", "S4", "S5", "D10", "Q8"} <= set(plans)
    seeds = [config.seed for plan in plans.values() for config in plan.networks]
    assert min(seeds) == tables.FIRST_SEED  # development used those below 100


def row(table: str, verdict: str, **failed: list[float | None]) -> dict[str, Any]:
    return {"table": table, "verdict": verdict, "failed": failed}


def test_shares_are_of_accurate_networks_and_failures_stand_beside_them():
    rows = [
        row("S3", "explained"),
        row("S3", "not_accurate"),
        row("S3", "unexplained", sparsity=[0.11, 0.05], control=[None, 0.99]),
        row("S4", "explained"),
    ]
    _, _, first, second = tables.tables_table(rows).splitlines()
    # Clopper and Pearson (1934): 1 of 2
    assert first.startswith("| S3 | 3 | 2 | 1: 50% [1%, 99%] | sparsity 0.11 (limit 0.05), ")
    assert "control could not be run (limit 0.99)" in first
    assert second.startswith("| S4 | 1 | 1 | 1: 100%")


def test_what_is_trained_is_judged_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    base = tables.plans()["S3"].base
    short = replace(base, training=replace(base.training, steps=3))
    plan: Plan = plan_seeds("tables", short, (), 2)
    monkeypatch.setattr(tables, "plans", lambda: {"S3": plan})
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    for _ in range(2):  # the second time nothing is trained
        tables.judge_tables(tmp_path / "runs")
        assert len(list((tmp_path / "runs").glob("*-tables-*"))) == 1
    rows = json.loads((tmp_path / "tables.json").read_text())
    assert [(r["seed"], r["verdict"]) for r in rows] == [
        (tables.FIRST_SEED, "not_accurate"),
        (tables.FIRST_SEED + 1, "not_accurate"),
    ]
    assert "| S3 | 2 | 0 | – |" in (tmp_path / "tables.md").read_text()
    assert "S3 40001 not_accurate" in capsys.readouterr().out
