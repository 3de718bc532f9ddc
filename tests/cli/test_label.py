"""`grokscope label`: verdicts on other people's curves."""

from pathlib import Path

import pytest


def steps(last: int) -> list[int]:
    found = [0]
    while found[-1] < last:
        found.append(min(last, max(found[-1] + 1, int(found[-1] * 1.1))))
    return found


def curves(grid: list[int]) -> str:
    """Memorised at 100, generalised at 1,200."""
    rows = [f"{s},{min(1, s / 100)},{min(1, max(0.0, (s - 800) / 400))}" for s in grid]
    return "step,train_acc,test_acc\n" + "\n".join(rows) + "\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(curves(steps(4000)), encoding="utf-8")
    return path


def test_a_delayed_rise_is_grokking_with_reasons_and_events(grokscope, file):
    said = grokscope("label", file)
    assert said.code == 0
    assert said.out.startswith("mine: grokking (delay ")
    assert "delay ratio 12.5 is at least 3" in said.out
    assert "grokked_99" in said.out
    assert "chance was taken as 0" in said.out
    assert "chance was taken" not in grokscope("label", file, "--classes", 97).out


def test_json_has_the_verdict_of_every_curve(grokscope, file):
    data = grokscope("label", file, "--chance", 0.01, "--json").json
    assert data["chance"] == 0.01
    (row,) = data["curves"]
    assert row["label"] == "grokking"
    assert row["memorized_step"] < row["grokked_step"]
    assert {event["name"] for event in row["events"]} >= {"memorized", "grokked"}
    assert row["thresholds"]["version"] == "grokdef/1"


def test_the_rule_of_liu_asks_for_a_thousand_steps(grokscope, file):
    said = grokscope("label", file, "--rule", "liu2022")
    assert "steps of delay 1081 is at least 1000" in said.out


def test_coarse_evaluations_are_said_to_be_too_coarse(grokscope, tmp_path):
    path = tmp_path / "coarse.csv"
    path.write_text(curves(list(range(400, 4001, 400))), encoding="utf-8")
    said = grokscope("label", path)
    assert "the evaluations are too coarse: 2 evaluations of delay where 10" in said.out
    assert "memorised by the first evaluation, step 400" in said.out


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--chance", "2"), "`chance` must be in [0, 1), got 2.0."),
        (("--classes", "1"), "`classes` must be at least 2, got 1."),
        (("--chance", ".1", "--classes", "9"), "Give `--chance` or `--classes`, not both."),
        (("--rule", "mine"), "There is no rule `mine`; there are grokdef/1 and liu2022."),
        (("--train", "x.csv"), "Give one file with both curves, or `--train FILE --test FILE`."),
    ],
)
def test_contradictions_get_one_line(grokscope, file, options, complaint):
    said = grokscope("label", file, *options)
    assert (said.code, said.err) == (2, f"grokscope: {complaint}\n")


def test_a_malformed_file_is_named_with_line_and_column(grokscope, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("step,train_acc,test_acc\n0,0,0\n1,x,0\n", encoding="utf-8")
    said = grokscope("label", path)
    assert said.code == 2
    assert said.err == f"grokscope: {path}, line 3, column `train_acc`: 'x' is not a number.\n"
