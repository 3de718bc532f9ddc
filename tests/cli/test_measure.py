"""`grokscope measure`: a table for people, one object for scripts, one line for mistakes."""

import pytest

from grokscope.experiment import load
from grokscope.measures.catalogue import MEASURES


def test_every_kept_step_of_every_network_is_a_row(grokscope, finished):
    run = load("last", finished)
    said = grokscope("measure", "last", "effective_rank", "--out", finished)
    assert said.code == 0
    header, *rows = [line.split() for line in said.out.splitlines()]
    assert header == ["network", "step", "effective_rank"]
    expected = [(str(n), f"{s:,}") for n in (0, 1) for s in run.kept_steps(n)]
    assert [(row[0], row[1]) for row in rows] == expected
    values = run.measure("effective_rank")["measure/effective_rank"]
    assert [float(row[2]) for row in rows] == pytest.approx(values.tolist(), rel=1e-3)
    assert f"{len(rows)} checkpoints: directions" in said.err


def test_scripts_get_one_object_with_full_names(grokscope, finished):
    run = load("last", finished)
    said = grokscope("measure", run.id, "circuits", "--network", 1, "--out", finished, "--json")
    assert said.code == 0
    assert said.json["run"] == run.id
    assert said.json["measure"] == "circuits"
    assert [row["step"] for row in said.json["rows"]] == run.kept_steps(1)
    for row in said.json["rows"]:
        assert set(row) == {"network", "step", *MEASURES["circuits"].columns}
        assert row["network"] == 1


def test_numbers_that_are_not_are_shown_as_a_dash_and_as_null(
    grokscope, tmp_path, tiny, stub_report
):
    """Where everything is trained on, nothing tells the two circuits apart."""
    words = ("run", "quick", *tiny, "--train-fraction", 1, "--steps", 3, "--out", tmp_path)
    assert grokscope(*words).code == 0
    words = ("measure", "last", "circuits", "--out", tmp_path)
    assert grokscope(*words).out.splitlines()[1].split()[2] == "–"
    row = grokscope(*words, "--json").json["rows"][0]
    assert row["measure/circuit_memorising"] is None
    assert row["measure/efficiency"] is not None


def test_help_names_every_measure(grokscope):
    text = " ".join(grokscope("measure", "--help").out.split())
    assert all(name in text for name in MEASURES)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("last rqj", "There is no measure `rqj`. Did you mean `rqi`?"),
        ("last rqi --network 7", "has no network 7: the last is 1."),
        ("nothing rqi", "nothing"),
        ("last", "needs"),
    ],
)
def test_what_cannot_be_meant_gets_one_line(grokscope, finished, words, complaint):
    said = grokscope("measure", *words.split(), "--out", finished)
    assert said.code == 2
    assert complaint in said.complaint
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_a_measure_that_needs_a_group_says_so(grokscope, tmp_path, stub_report):
    words = ("--p", 8, "--operation", "multiply", "--d-model", 8, "--n-heads", 2, "--steps", 5)
    assert grokscope("run", "quick", *words, "--out", tmp_path).code == 0
    said = grokscope("measure", "last", "circuits", "--out", tmp_path)
    assert said.code == 2
    assert said.complaint.endswith(
        "`circuits` cannot be measured. The task (multiplication mod 8) has no group."
    )
