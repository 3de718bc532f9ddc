"""`grokscope explain`: verdicts of runs, of files, and through time."""

import shutil
from pathlib import Path

import pytest
import torch

from grokscope.cli.explain import explain_after_training
from grokscope.cli.main import main
from grokscope.core.errors import DiskError
from grokscope.experiment import Config, Training, load, plan_seeds, start_run
from grokscope.explanation.false_positives import COUNTED
from grokscope.explanation.thresholds import FROZEN
from grokscope.models import EmbeddingMLP
from grokscope.tasks import GroupComposition

WORDS = ("--p", "13", "--d-model", "32", "--d-hidden", "64", "--train-fraction", "1")
TESTED = {"verdict", "label", "grade", "circles", "tests", "parts", "sentence", "legacy"}
LEGACY = {
    "gradient_symmetricity",
    "distance_irrelevance",
    "distance_irrelevance_top_wrong",
    "circularity",
}


@pytest.fixture(scope="module")
def accurate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of two accurate networks, without a report; copy it to change it."""
    out = tmp_path_factory.mktemp("accurate")
    words = ("run", "quick-mlp", *WORDS, "--steps", "400", "--seeds", "2", "--out", str(out))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grokscope.views.write_report", lambda run, path: path)
        assert main(words) == 0
    return out


@pytest.fixture
def own(accurate: Path, tmp_path: Path) -> Path:
    """A copy of that folder without explanations, as it was before they were written."""
    shutil.copytree(accurate, tmp_path / "runs", symlinks=True)
    return tmp_path / "runs"


def test_training_leaves_an_explanation_that_verifies(grokscope, accurate):
    run = load("last", accurate)
    kept = run.directory.explanation["explanations"]
    assert [row["network"] for row in kept] == [0, 1]
    assert all(set(row["legacy"]) >= LEGACY for row in kept)
    assert run.directory.verify() == []


def test_a_run_is_explained_network_by_network_and_kept(grokscope, own, stub_report):
    run = load("last", own)
    (run.path / "report.html").unlink(missing_ok=True)
    run.directory.write_explanation({"explanations": []})
    said = grokscope("explain", "--out", own, "--json")
    assert said.code == 0
    assert said.json["run"] == run.id
    for i, row in enumerate(said.json["explanations"]):
        assert set(row) >= TESTED
        assert (row["network"], row["step"]) == (i, run.kept_steps(i)[-1])
        assert row["verdict"] in ("explained", "unexplained")
        assert row["legacy"]["label"] in ("pizza", "clock", "none")
        assert all(set(test) >= {"value", "threshold", "passed"} for test in row["tests"])
    kept = run.directory.explanation
    assert kept["explanations"] == said.json["explanations"]
    assert run.directory.verify() == []
    assert "explanation.json" in said.err
    assert (run.path / "report.html").read_text(encoding="utf-8") == run.id
    assert "shown in" in said.err


def test_a_report_that_cannot_be_written_costs_no_explanation(grokscope, own, monkeypatch):
    def refuse(run, path):
        raise DiskError("no room")

    monkeypatch.setattr("grokscope.views.write_report", refuse)
    said = grokscope("explain", "--out", own, "--json")
    assert said.code == 0
    assert "no report: no room" in said.err
    assert load("last", own).directory.explanation["explanations"] == said.json["explanations"]


def test_one_network_is_one_object_and_leaves_what_is_kept_alone(grokscope, own):
    run = load("last", own)
    before = (run.path / "explanation.json").read_bytes()
    said = grokscope("explain", "last", "--network", 1, "--out", own, "--json")
    assert said.code == 0
    assert said.json["network"] == 1
    assert said.json["name"] == "MLP, sum, 1 hidden layer, seed 1"
    assert (run.path / "explanation.json").read_bytes() == before


def test_people_get_counts_circles_and_tests(grokscope, own, stub_report):
    out = grokscope("explain", "--out", own).out
    header = out.splitlines()[0]
    assert header.split()[:4] == ["network", "name", "step", "label"]
    assert "of 2 accurate networks" in out
    assert f"{COUNTED.explained} are explained by these tests" in out
    assert "frequency  speaks  label" in out
    assert "sufficiency" in out
    assert "network 1, step" in out
    assert out.count("accuracy with the key frequencies of the embedding alone") == 1


def test_a_network_that_is_not_accurate_is_not_explained(grokscope, finished):
    said = grokscope("explain", "--network", 0, "--out", finished)
    assert said.code == 0
    assert "Not accurate (right on" in said.out
    overview = grokscope("explain", "--step", 0, "--out", finished).out
    assert "not accurate (" in overview
    assert "explained 0 of 0 accurate networks" in overview


def test_a_noisy_end_does_not_hide_what_was_learned(own):
    run = load("last", own)
    steps = run.kept_steps(0)
    weights = {step: run.weights(0, step) for step in steps}
    broken = {name: torch.zeros_like(value) for name, value in weights[steps[-1]].items()}
    run.weights = lambda network, step=None: broken if step == steps[-1] else weights[step]
    assert run.explained_step(0) == steps[-2]
    right = run.subject(0).is_right(run.subject(0).run().logits).double().mean()
    assert right >= FROZEN.accuracy


def test_history_has_powers_everywhere_and_verdicts_where_it_is_accurate(grokscope, own):
    words = ("explain", "--network", 0, "--history", "--out", own)
    data = grokscope(*words, "--json").json
    steps = [moment["step"] for moment in data["moments"]]
    assert steps == load("last", own).kept_steps(0)
    assert data["moments"][0]["verdict"] == "not_accurate"
    assert data["moments"][0]["circles"] == []
    assert data["moments"][-1]["verdict"] != "not_accurate"
    for moment in data["moments"]:
        assert sum(moment["power"].values()) == pytest.approx(1)
        assert set(moment["power"]) == {"1", "2", "3", "4", "5", "6"}
    last = {circle["frequency"] for circle in data["moments"][-1]["circles"]}
    lives = {life["frequency"]: life for life in data["circles"]}
    assert last <= lives.keys()
    # a circle of the last network is there from some kept step on, however weak it is
    assert all(lives[frequency]["born"] in steps for frequency in last)
    assert "largest power" in grokscope(*words).out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--network 7", "has no network 7: the last is 1."),
        ("--network -1", "has no network -1"),
        ("--step 5000000", "Step 5000000 was not kept"),
        ("--history", "Whose history? Name one of the networks: `--network` 0 … 1."),
        ("--history --network 0 --step 1", "`--history` takes every kept step"),
        ("--p 13", "`--p` is for a file of weights"),
        ("net.pt", "net.pt is no file."),
    ],
)
def test_what_cannot_be_meant_gets_one_line(grokscope, finished, words, complaint):
    said = grokscope("explain", *words.split(), "--out", finished)
    assert said.code == 2
    assert complaint in said.err
    assert said.err.count("\n") == 1 + ("explaining" in said.err)
    assert said.out == ""


def test_the_folder_of_a_checkpoint_is_explained_as_its_step(grokscope, own):
    run = load("last", own)
    first, *_, last = run.directory.checkpoints()
    folder = run.path / "checkpoints" / last.name
    said = grokscope("explain", folder, "--network", 1, "--json")
    assert (said.code, said.json["step"], said.json["network"]) == (0, last.step, 1)
    rows = grokscope("explain", folder.with_name(first.name), "--json").json["explanations"]
    assert [(row["network"], row["step"]) for row in rows] == [(0, first.step), (1, first.step)]
    refused = grokscope("explain", folder, "--step", 3)
    assert refused.code == 2
    assert "A checkpoint is one step" in refused.complaint


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("", "A file of weights needs its task: `--p 113 --operation add`."),
        ("--p 13 --operation add --step 3", "are for runs, not for files."),
        ("--p 2 --operation add", "`p` must be at least 3, got 2."),
    ],
)
def test_what_is_said_of_a_file_must_fit(grokscope, tmp_path, words, complaint):
    (tmp_path / "net.pt").write_bytes(b"")
    said = grokscope("explain", tmp_path / "net.pt", *words.split())
    assert said.code == 2
    assert complaint in said.complaint
    assert said.out == ""


def test_a_task_without_a_group_gets_one_line_and_trains_as_ever(grokscope, tmp_path, stub_report):
    words = ("--p", 8, "--operation", "multiply", "--d-model", 8, "--n-heads", 2, "--steps", 5)
    assert grokscope("run", "quick", *words, "--out", tmp_path).code == 0
    assert load("last", tmp_path).directory.explanation == {}
    said = grokscope("explain", "--out", tmp_path)
    assert said.code == 2
    assert "no group" in said.complaint


def test_a_composition_is_explained_after_training(tmp_path):
    config = Config(
        task=GroupComposition(group="S3", train_fraction=1.0),
        model=EmbeddingMLP(d_model=16, d_hidden=16, separate_vocab=True),
        training=Training(steps=5),
    )
    run = start_run(plan_seeds("s3", config, (), 3), tmp_path)
    told = explain_after_training(run, 2)
    assert [row["network"] for row in told] == [0, 1]
    kept = run.directory.explanation["explanations"]
    assert [row["group"] for row in kept] == ["S3", "S3"]
    assert [row["legacy"] for row in kept] == [None, None]


def test_a_file_of_weights_is_explained(grokscope, tmp_path):
    p, d, heads, d_head, d_mlp = 7, 8, 2, 4, 16
    shapes = {
        "embed.W_E": (p + 1, d),
        "pos_embed.W_pos": (3, d),
        "unembed.W_U": (d, p),
        **{f"blocks.0.attn.W_{letter}": (heads, d, d_head) for letter in "QKV"},
        "blocks.0.attn.W_O": (heads, d_head, d),
        "blocks.0.mlp.W_in": (d, d_mlp),
        "blocks.0.mlp.b_in": (d_mlp,),
        "blocks.0.mlp.W_out": (d_mlp, d),
        "blocks.0.mlp.b_out": (d,),
    }
    torch.manual_seed(0)
    torch.save({name: torch.randn(shape) for name, shape in shapes.items()}, tmp_path / "net.pt")
    words = ("explain", tmp_path / "net.pt", "--p", p, "--operation", "add")
    said = grokscope(*words, "--json")
    assert said.code == 0
    assert said.json["verdict"] == "not_accurate"
    assert set(said.json["legacy"]) >= {"gradient_symmetricity", "circularity", "label"}
    said = grokscope(*words)
    assert "net.pt on Z_7" in said.out
    assert "taken for ReLU behind causal attention" in said.err
