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
from benchmarks.explainer.survey_table import failures_table, labels_table, shares_table

from grokscope.experiment import Plan
from grokscope.explanation import NetworkSubject

N = 11


@pytest.mark.parametrize("form", ["cpu", "gpu"])
def test_networks_are_fixed_beforehand_and_none_is_a_development_network(form: Any):
    every = [plan.base for stratum in STRATA[form] for plan in plans(form, stratum.n_layers)]
    assert len({(config.seed, config.training.steps) for config in every}) == len(every)
    assert min(config.seed for config in every) >= 7000
    assert all(config.training.steps >= 2500 for config in every)
    assert every == [p.base for s in STRATA[form] for p in plans(form, s.n_layers)]


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


def test_its_pieces_fit_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Trained once, judged, reported; what is trained is not trained again."""
    base = plans("cpu", 1)[0].base
    short = replace(
        base,
        task=replace(base.task, p=7),  # type: ignore[call-arg]
        training=replace(base.training, steps=3),
    )
    tiny = [Plan(recipe="survey-zhong2023", networks=(replace(short, seed=i),)) for i in (0, 1)]
    monkeypatch.setattr(survey, "plans", lambda *_: tiny)
    monkeypatch.setattr(survey, "RESULTS", tmp_path / "survey.jsonl")
    monkeypatch.setattr(survey_report, "RESULTS", tmp_path)
    monkeypatch.setattr(survey_report, "draw", lambda *_: "")
    runs = str(tmp_path / "runs")
    survey.main(["train", "--part", "1/2", "--runs", runs])
    for _ in range(2):
        survey.main(["train", "--runs", runs])
    assert len(list((tmp_path / "runs").glob("*survey*"))) == 2
    survey.main(["judge", "--runs", runs])
    rows = [json.loads(line) for line in (tmp_path / "survey.jsonl").read_text().splitlines()]
    assert [each["seed"] for each in rows] == [0, 1]
    assert {each["verdict"] for each in rows} == {"not_accurate"}
    survey.main(["report", "--runs", runs])
    assert "2 networks of evaluation seeds, 0 of them" in (tmp_path / "survey.md").read_text()
    assert "not made yet" in capsys.readouterr().out
