"""Runs through the command line: trained, shown, asked, verified."""

import json
import re
import shutil
from pathlib import Path
from typing import get_args

import pytest

from grokscope.cli.main import main
from grokscope.experiment import load
from grokscope.measures.label import Label

FIELDS = {
    *("run", "model", "seed", "memorized_step", "grokked_step", "delay_ratio", "label"),
    *("key_frequencies", "train_acc", "test_acc"),
}


def test_demo_json_is_one_object_with_every_network(grokscope, tmp_path, tiny, stub_report):
    out = tmp_path / "deep" / "runs"
    said = grokscope("demo", *tiny, "--steps", 12, "--seeds", 2, "--out", out, "--json")
    assert said.code == 0, said.err
    data = said.json
    assert data["wall_seconds"] > 0
    assert Path(data["report"]).is_file()
    assert data["state"] == "finished"
    assert [row["seed"] for row in data["runs"]] == [0, 1, 0, 1]
    assert len({row["model"] for row in data["runs"]}) == 2
    for row in data["runs"]:
        assert set(row) >= FIELDS
        assert row["label"] in get_args(Label)
        assert 0 <= row["test_acc"] <= 1


def test_a_run_without_a_terminal_prints_plain_text_and_what_to_type_next(spawn, tmp_path, tiny):
    words = ("run", "quick", *tiny, "--steps", "30", "--seeds", "2")
    said = spawn(words, tmp_path, NO_COLOR="1")
    assert said.code == 0, said.err
    assert "\x1b" not in said.out + said.err
    assert "╭" not in said.out + said.err
    assert re.search(r"2 networks, [\d.]+ m?s a step: at most .* for 30 steps, less", said.err)
    assert re.search(r"step \d+ of 30 .* 2 memorizing .* accuracy train 0\.\d\d", said.err)
    assert "training is over; measuring" in said.err
    header, *rows = said.out.splitlines()
    assert header.split()[:3] == ["network", "model", "seed"]
    assert "ratio" in header
    assert "key frequencies" in header
    assert len(rows) == 2
    report = re.search(r"report +(\S+)", said.err)
    assert report
    assert (tmp_path / report[1]).read_text(encoding="utf-8").lstrip().startswith("<")
    assert "grokscope show" in said.err


def test_a_dry_run_estimates_and_leaves_nothing(grokscope, tmp_path, tiny):
    out = tmp_path / "runs"
    said = grokscope("run", "quick", *tiny, "--steps", 30, "--dry-run", "--json", "--out", out)
    assert said.code == 0
    assert said.json["networks"] == 1
    assert said.json["seconds_at_most"] == pytest.approx(30 * said.json["seconds_per_step"])
    assert said.json["settings"]["task.p"] == 7
    assert not out.exists()


def test_when_all_networks_diverge_results_are_printed_and_the_code_is_4(
    grokscope, tmp_path, tiny, stub_report
):
    words = ("--lr", "1e30", "--warmup-steps", 0, "--steps", 60, "--out", tmp_path, "--json")
    said = grokscope("run", "quick", *tiny, *words)
    assert said.code == 4
    assert said.json["runs"][0]["label"] == "diverged"
    assert said.complaint.startswith("grokscope: The network diverged, the first at step")


def test_list_names_recipes_and_runs(grokscope, finished):
    both = grokscope("list", "--out", finished, "--json").json
    assert {"demo", "quick", "nanda2023"} <= {row["recipe"] for row in both["recipes"]}
    (run,) = both["runs"]
    assert (run["state"], run["networks"], run["recipe"]) == ("finished", 2, "quick")
    assert run == grokscope("list", "runs", "--runs", finished, "--json").json[0]
    table = grokscope("list", "runs", "--out", finished).out
    assert f"{run['run']}  quick   finished" in table
    assert f"{run['grokked']}/2" in table


def test_list_metrics_explains_every_recorded_column(grokscope, finished):
    described = {row["name"] for row in grokscope("list", "metrics", "--json").json}
    recorded = set(load("last", finished).curves)
    assert recorded <= described
    assert "progress/restricted_loss" in grokscope("list", "metrics").out


def test_list_metrics_explains_what_a_monitor_of_language_models_records(grokscope):
    rows = {row["name"]: row for row in grokscope("list", "metrics", "--json").json}
    assert rows["moe/<group>/distance"]["source"] == "arXiv 2506.21551"
    assert rows["moe/cross_overlap"]["range"] == "[0, 1]"
    assert "moe/<group>/mean_cos" in grokscope("list", "metrics").out


def test_list_goes_on_past_a_damaged_run(grokscope, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "runs", symlinks=True)
    (run,) = (tmp_path / "runs").glob("2*")
    (run / "status.json").write_text("{", encoding="utf-8")
    (row,) = grokscope("list", "runs", "--out", tmp_path / "runs", "--json").json
    assert row["state"] == "damaged"


def test_an_empty_folder_has_no_runs_and_says_what_to_do(grokscope, tmp_path):
    said = grokscope("list", "runs", "--out", tmp_path / "none")
    assert said.code == 0
    assert "try `grokscope demo`" in said.err
    assert grokscope("list", "runs", "--out", tmp_path / "none", "--json").json == []


def test_show_gives_reasons_intervals_settings_and_files(grokscope, finished):
    said = grokscope("show", "--out", finished)
    assert said.code == 0
    assert "network 1: " in said.out
    assert "ended at its budget, step 40" in said.out
    assert "p 7" in said.out
    assert "checkpoints " in said.out
    data = grokscope("show", "last", "--out", finished, "--json").json
    assert data["settings"]["task.p"] == 7
    assert data["files"]["report"].endswith("report.html")
    assert len(data["runs"]) == 2


def test_a_run_goes_by_id_prefix_path_and_network(grokscope, finished):
    (path,) = finished.glob("2*")
    for name in (path.name, path.name[-8:-4], str(path), f"{path.name}/1"):
        assert grokscope("show", name, "--out", finished, "--json").json["run"] == path.name


def test_query_prints_csv_in_a_pipe_and_objects_as_json(grokscope, finished):
    sql = 'SELECT network, count(*) AS n, max("test/acc") AS best FROM curves GROUP BY 1 ORDER BY 1'
    lines = grokscope("query", sql, "--out", finished).out.splitlines()
    assert lines[0] == "network,n,best"
    assert len(lines) == 3
    objects = grokscope("query", sql, "--out", finished, "--json").json
    assert [row["network"] for row in objects] == [0, 1]
    nan = grokscope("query", "SELECT 'nan'::DOUBLE AS x", "--out", finished, "--json")
    assert nan.json == [{"x": None}]


@pytest.mark.parametrize("sql", ["SELEC 1", "DROP TABLE runs", "SELECT nothing FROM runs"])
def test_a_bad_query_gets_one_line(grokscope, finished, sql):
    said = grokscope("query", sql, "--out", finished)
    assert said.code == 2
    assert said.err.count("\n") == 1


def test_report_writes_where_it_is_told(grokscope, finished, tmp_path, stub_report):
    path = tmp_path / "grok.html"
    said = grokscope("report", "last", "-o", path, "--out", finished)
    assert said.code == 0
    assert said.out.strip() == str(path)
    assert path.exists()
    refused = grokscope("report", "-o", tmp_path, "--out", finished)
    assert refused.code == 2
    assert "is a folder" in refused.err
    missing = grokscope("report", "-o", tmp_path / "no" / "x.html", "--out", finished)
    assert missing.code == 6
    assert missing.err.startswith("grokscope: cannot write")


@pytest.mark.parametrize("command", ["show", "report", "verify"])
def test_a_folder_that_is_not_a_run_is_named(grokscope, finished, tmp_path, command):
    said = grokscope(command, tmp_path, "--out", finished)
    assert (said.code, said.err) == (
        2,
        f"grokscope: {tmp_path} is not a grokscope run: it has no config.toml.\n",
    )
    assert grokscope(command, "nope", "--out", finished).code == 2


@pytest.mark.parametrize("harm", ["truncated", "flipped"])
def test_a_damaged_checkpoint_is_found_and_the_code_is_3(grokscope, finished, tmp_path, harm):
    shutil.copytree(finished, tmp_path / "runs", symlinks=True)
    out = tmp_path / "runs"
    assert grokscope("verify", "--out", out).out.startswith("ok  ")
    file = sorted(out.glob("2*/checkpoints/*/model.safetensors"))[-1]
    data = bytearray(file.read_bytes())
    if harm == "flipped":
        data[-7] ^= 1
    file.write_bytes(data[:-5] if harm == "truncated" else data)
    said = grokscope("verify", "--out", out)
    assert said.code == 3
    assert "model.safetensors: " in said.out
    problems = grokscope("verify", "--out", out, "--json").json
    assert problems["ok"] is False
    assert problems["problems"][0]["path"] == str(file)


def test_an_unexpected_system_error_is_one_line(grokscope, finished, monkeypatch, capsys):
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error", "runs/x")

    monkeypatch.setattr("grokscope.cli.listing.find_runs", fail)
    assert main(["list", "runs"]) == 6
    assert capsys.readouterr().err == "grokscope: runs/x: Input/output error\n"


def test_json_is_one_line_in_a_pipe(grokscope, finished):
    said = grokscope("show", "--out", finished, "--json")
    assert said.out.count("\n") == 1
    json.loads(said.out)
