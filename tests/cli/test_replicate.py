"""`grokscope replicate` and the recipes that it knows."""

from typing import Any

import pytest

from grokscope.engine import AdamW
from grokscope.experiment import Config, Training
from grokscope.models import EmbeddingMLP
from grokscope.recipes.registry import REPLICATIONS
from grokscope.recipes.replication import Replication, Stage, trained
from grokscope.recipes.rules import share_at_least
from grokscope.tasks import ModularArithmetic


def tiny() -> Replication:
    config = Config(
        task=ModularArithmetic(p=7, train_fraction=0.5),
        model=EmbeddingMLP(d_model=16, d_hidden=32),
        optimizer=AdamW(lr=3e-2, weight_decay=0.0),
        training=Training(steps=60),
    )
    idle = trained("not taught", config, {"optimizer.lr": 0.0}, role="control")
    return Replication(
        name="quick-mlp",
        recipe="quick-mlp",
        source="arXiv 2306.17844",
        published="it fits",
        rule=share_at_least(0.5, lambda row: row["train_acc"] > 0.9, "networks that fit"),
        tiers={"smoke": Stage(arms=(trained("taught", config), idle), minutes=0.1)},
    )


@pytest.fixture(autouse=True)
def one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REPLICATIONS, "quick-mlp", tiny)


def test_it_says_what_it_costs_then_runs_and_prints_the_table(grokscope: Any, tmp_path: Any):
    said = grokscope("replicate", "quick-mlp", "--out", tmp_path)
    assert said.code == 0, said.err
    cost, *_ = said.err.splitlines()
    assert cost.startswith("quick-mlp: at most ")
    assert "quick-mlp-smoke: reproduced (the rule passes" in said.err
    header, row = said.out.splitlines()
    assert header.split()[:2] == ["replication", "verdict"]
    assert "taught: share of networks that fit 1 [0.541, 1]" in row
    again = grokscope("replicate", "quick-mlp", "--out", tmp_path, "--json")
    assert "2 of 2 arms done before" in again.err
    (document,) = again.json
    assert document["verdict"] == "reproduced"


def test_a_dry_run_says_what_it_costs_and_leaves_nothing(grokscope: Any, tmp_path: Any):
    out = tmp_path / "out"
    said = grokscope("replicate", "quick-mlp", "--out", out, "--dry-run", "--json")
    (cost,) = said.json
    assert (cost["networks"], cost["arms"], cost["arms_done"]) == (12, 2, 0)
    assert cost["seconds_at_most"] > 0
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("power2023", "There is no replication of `power2023`. Did you mean `power2022`?"),
        ("quick-mlp --tier cpu", "`quick-mlp` has no tier `cpu`; it has `smoke`."),
        ("--tier big", "`--tier` must be 'cpu' or 'paper' or 'smoke', got 'big'."),
        (
            "quick-mlp --record --development",
            "`--record` keeps results of evaluation seeds: leave out `--development`.",
        ),
    ],
)
def test_bad_words_get_one_line(
    grokscope: Any, tmp_path: Any, monkeypatch: Any, words: str, complaint: str
):
    monkeypatch.chdir(tmp_path)
    said = grokscope("replicate", *words.split())
    assert (said.code, said.err) == (2, f"grokscope: {complaint}\n")
    assert list(tmp_path.iterdir()) == []


def test_list_recipes_has_tiers_cost_and_status(grokscope: Any):
    rows = {row["recipe"]: row for row in grokscope("list", "recipes", "--json").json}
    (smoke,) = rows["quick-mlp"]["replications"]
    assert smoke == {
        "replication": "quick-mlp",
        "tier": "smoke",
        "status": "not run",
        "minutes": 0.1,
        "measured": False,
    }
    assert rows["demo"]["replications"] == []
    header, *lines = grokscope("list", "recipes").out.splitlines()
    assert header.split()[-3:] == ["tiers", "cost", "status"]
    (line,) = [line for line in lines if line.startswith("quick-mlp ")]
    assert line.rstrip().endswith("  smoke not run")
    assert "smoke 0.1 min" in line
