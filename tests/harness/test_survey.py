"""The survey: which networks, by which rules, and that its pieces fit together."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.explainer import survey, survey_report
from benchmarks.explainer.baseline import baselines, clock_fit
from benchmarks.explainer.planted import plant
from benchmarks.explainer.survey_plan import STRATA, plans
from benchmarks.explainer.survey_table import (
    failures_table,
    labels_table,
    pairs_table,
    shares_table,
)

from grokscope.experiment import Config, Plan
from grokscope.explanation import NetworkSubject

N = 11


@pytest.mark.parametrize("form", ["cpu", "gpu"])
def test_networks_are_fixed_beforehand_and_none_is_a_development_network(form: Any):
    every = configs(form)
    assert len({(config.seed, config.training.steps) for config in every}) == len(every)
    assert min(config.seed for config in every) >= 7000
    assert all(config.training.steps >= 2500 for config in every)
    assert every == configs(form)


def configs(form: Any) -> list[Config]:
    every = [plan for stratum in STRATA[form] for plan in plans(form, stratum.n_layers)]
    return [config for plan in every for config in plan.networks]


def test_the_two_forms_share_no_network():
    assert not {c.seed for c in configs("cpu")} & {c.seed for c in configs("gpu")}


def test_the_wide_form_has_every_width_and_trains_some_of_each_on():
    short, long = (
        {c.seed: c for c in configs("gpu") if (c.training.steps == 20_000) is long}
        for long in (False, True)
    )
    assert 150 <= len(short) <= 200
    assert len(long) == 30
    assert all(replace(c, training=short[seed].training) == short[seed] for seed, c in long.items())
    widths = ({c.model.d_model for c in chosen.values()} for chosen in (short, long))  # type: ignore[attr-defined]
    assert [(len(each), min(each), max(each)) for each in widths] == [(9, 32, 512), (3, 32, 256)]
    for chosen in (short, long):
        assert {c.task.train_fraction for c in chosen.values()} == {0.8, 0.5}


def test_the_strata_of_one_layer_are_of_one_size():
    cells = [(p.base.model.d_model, p.base.task.train_fraction) for p in plans("cpu", 1)]  # type: ignore[attr-defined]
    assert {cells.count(cell) for cell in set(cells)} == {13}
    assert len(set(cells)) == 6


def test_what_is_left_open_is_drawn():
    models: list[Any] = [plan.base.model for plan in plans("cpu", 1)]
    rates = [model.attention_rate for model in models]
    assert len(set(rates)) == len(rates)
    assert 0.35 < sum(rates) / len(rates) < 0.65
    for name in ("activation", "separate_vocab", "equals_token"):
        assert len({getattr(model, name) for model in models}) == 2


def logits(profile: Any) -> torch.Tensor:
    """A_k(d) cos(w (c − x − y)) with k = 2, row by row."""
    rows = []
    for x in range(N):
        for y in range(N):
            turns = [2 * math.pi * 2 * (c - x - y) / N for c in range(N)]
            rows.append([profile(x - y) * math.cos(turn) for turn in turns])
    return torch.tensor(rows, dtype=torch.float64)


def test_the_clock_rule_fits_clocks_and_no_pizzas():
    assert clock_fit(logits(lambda d: 1.0), N) == pytest.approx(1)
    # a constant explains (2/π)² / (1/2) of |cos|² in the limit of many differences
    pizza = clock_fit(logits(lambda d: abs(math.cos(2 * math.pi * d / N))), N)
    assert pizza == pytest.approx(8 / math.pi**2, abs=0.01)


def test_the_simpler_rules_say_no_where_a_network_is_not_accurate():
    planted = plant("clock", seed=0)
    subject = NetworkSubject(planted.model, planted.params, planted.task.table())
    assert baselines(subject).fourier_clock
    silent = {name: torch.zeros_like(value) for name, value in planted.params.items()}
    silent["W_E"] = planted.params["W_E"]
    wrong = NetworkSubject(planted.model, silent, planted.task.table())
    assert not baselines(wrong).fourier_clock


def row(seed: int, verdict: str, **changes: Any) -> dict[str, Any]:
    circle = {"label": "pizza", "shape": 0.7, "share": 0.9}
    return {
        "seed": seed,
        "layers": 1,
        "steps": 2500,
        "d_model": 32,
        "train_fraction": 0.8,
        "attention_rate": 0.3,
        "activation": "relu",
        "separate_vocab": False,
        "equals_token": True,
        "verdict": verdict,
        "label": "pizza",
        "failed": {"rotation": [0.1, 0.8], "control": [None, 0.99]},
        "baselines": {"published": False, "fourier_clock": verdict == "unexplained"},
        "explanation": {"circles": [circle], "thresholds": {"version": "explain/0"}},
    } | changes


ROWS = [row(1, "explained"), row(2, "unexplained"), row(3, "not_accurate"), row(4, "explained")]


def test_shares_are_of_accurate_networks_and_all_are_counted():
    head, _, whole, *_ = shares_table(ROWS).splitlines()
    assert "explained" in head
    cells = [cell.strip() for cell in whole.strip("|").split("|")]
    assert cells[:3] == ["**1 layer**", "4", "3"]
    # Clopper and Pearson (1934): 2 of 3 and 1 of 3
    assert cells[3:] == ["2: 67% [9%, 99%]", "0: 0% [0%, 71%]", "1: 33% [1%, 91%]"]


def test_every_failure_is_listed_with_its_figures():
    lines = failures_table(ROWS).splitlines()[2:]
    assert len(lines) == 1
    assert "rotation 0.1 (limit 0.8), control could not be run (limit 0.99)" in lines[0]


def test_circles_are_counted_by_attention_rate():
    lines = labels_table([*ROWS, row(5, "explained", attention_rate=0.9)]).splitlines()
    assert lines[3].split("|")[2:4] == [" 3 ", " 3 "]
    assert lines[5].split("|")[2:4] == [" 1 ", " 1 "]


def test_networks_that_were_trained_on_stand_beside_themselves():
    on = [row(1, "unexplained", steps=20_000), row(3, "explained", steps=20_000)]
    names = [line.split("|")[1].strip() for line in shares_table(ROWS + on).splitlines()[2:]]
    assert [name for name in names if "layer" in name] == [
        "**1 layer**",
        "**1 layer, 20,000 steps**",
    ]
    title, table = pairs_table(ROWS + on)
    assert title == "## The same networks after 20,000 steps"
    assert table.splitlines()[2:] == [
        "| explained | 0 | 1 | 0 |",
        "| unexplained | 0 | 0 | 0 |",
        "| not accurate | 1 | 0 | 0 |",
    ]
    assert pairs_table(ROWS) == []
    alone = row(9, "explained", steps=20_000)  # its shorter half is still to come
    assert pairs_table([*ROWS, *on, alone]) == [title, table]
    assert labels_table(ROWS + on) == labels_table(ROWS)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Plans of seconds in the place of the survey's, and a folder of results of their own."""
    base = plans("cpu", 1)[0].base
    short = replace(
        base,
        task=replace(base.task, p=7),  # type: ignore[call-arg]
        training=replace(base.training, steps=3),
    )
    seeds = ((0,), (1, 2))
    networks = [tuple(replace(short, seed=seed) for seed in some) for some in seeds]
    made = [Plan(recipe="survey-zhong2023", networks=each) for each in networks]
    monkeypatch.setattr(survey, "plans", lambda *_: made)
    monkeypatch.setattr(survey, "RESULTS", tmp_path)
    monkeypatch.setattr(survey_report, "RESULTS", tmp_path)
    monkeypatch.setattr(survey_report, "draw", lambda *_: "")
    return made


def test_its_pieces_fit_together(
    tiny: list[Plan], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Trained once, judged, reported; what is trained is not trained again."""
    runs = str(tmp_path / "runs")
    survey.main(["train", "--part", "1/2", "--runs", runs])
    for _ in range(2):
        survey.main(["train", "--runs", runs])
    assert len(list((tmp_path / "runs").glob("*survey*"))) == len(tiny)
    survey.main(["judge", "--runs", runs])
    rows = [json.loads(line) for line in (tmp_path / "survey.jsonl").read_text().splitlines()]
    assert [each["seed"] for each in rows] == [0, 1, 2]
    assert {each["verdict"] for each in rows} == {"not_accurate"}
    survey.main(["report", "--runs", runs])
    assert (
        "3 networks of evaluation seeds, of 124 that were planned, 0 of them accurate"
        in (tmp_path / "survey.md").read_text()
    )
    assert "not made yet" in capsys.readouterr().out


@pytest.mark.slow
def test_both_at_once_gives_the_same_lines_and_leaves_no_runs(tiny: list[Plan], tmp_path: Path):
    runs = tmp_path / "runs"
    survey.main(["train", "--runs", str(runs)])
    survey.main(["judge", "--runs", str(runs)])
    apart = (tmp_path / "survey.jsonl").read_text()
    (tmp_path / "survey.jsonl").unlink()
    own = tmp_path / "own"
    survey.main(["both", "--workers", "1", "--runs", str(own)])
    assert (tmp_path / "survey.jsonl").read_text() == apart
    assert not list(own.iterdir())
    assert survey.both(tiny, own, "cpu", 1) == []  # all judged: nothing to do
    assert not list(own.iterdir())


@pytest.mark.slow
def test_both_goes_on_where_a_run_fails(tiny: list[Plan], tmp_path: Path):
    on_a_gpu = replace(tiny[0].base, training=replace(tiny[0].base.training, device="cuda"))
    bad = Plan(recipe="survey-zhong2023", networks=(replace(on_a_gpu, seed=9),))
    wrong = survey.both([bad, *tiny], tmp_path / "runs", "cpu", 1)
    assert len(wrong) == 1
    assert wrong[0].startswith("seed 9: UsageError(")
    assert len(survey.read_rows("cpu")) == 3
