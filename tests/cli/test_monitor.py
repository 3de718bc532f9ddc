"""`grokscope monitor` and what the other commands make of its run."""

import json
import shutil
import signal
import time
from pathlib import Path

import pytest

from llm.small_checkpoints import WORDS, train, word_tokenizer, write_lines

STEPS = (0, 2, 3)
LINES = (
    {"text": "the cat sat", "domain": "prose", "exposed": [0]},
    {"text": "the mat sat the cat", "domain": "prose", "exposed": [1]},
    {"text": "the cat sat the mat the cat", "domain": "prose"},
    {"text": "mat the sat", "domain": "prose", "role": "twin"},
    {"text": "sat the mat cat", "domain": "prose", "role": "twin"},
    {"prompt": "2 + 3 =", "answer": " 5", "domain": "sums", "role": "test"},
    {"prompt": "4 + 4 =", "answer": " 8", "domain": "sums", "role": "test"},
)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints, a tokenizer in the first of them, and a file of probes; never changed."""
    folder = tmp_path_factory.mktemp("saved")
    train(folder, STEPS)
    word_tokenizer().save_pretrained(folder / "checkpoint-0")
    write_lines(folder / "probes.jsonl", *LINES)
    return folder


@pytest.fixture
def words(saved: Path, tmp_path: Path) -> tuple[object, ...]:
    """A whole command line."""
    names = sorted(saved.glob("checkpoint-*"), reverse=True)
    own = ("--data", saved / "probes.jsonl", "--pairs", 20, "--out", tmp_path / "runs")
    return ("monitor", *names, *own)


@pytest.fixture(scope="session")
def monitored(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with one finished run of a monitor; never changed."""
    from grokscope.cli.main import main

    out = tmp_path_factory.mktemp("monitored")
    names = [str(path) for path in saved.glob("checkpoint-*")]
    own = ["--data", str(saved / "probes.jsonl"), "--pairs", "20", "--out", str(out)]
    assert main(["monitor", *names, *own, "--json"]) == 0
    return out


def test_a_line_for_each_checkpoint_and_a_table_at_the_end(grokscope, words, tmp_path):
    said = grokscope(*words, "--max-length", 5)
    assert said.code == 0, said.err
    plan, probes, *lines = [line for line in said.err.splitlines() if "cut to" not in line]
    assert "1 sample cut to 5 tokens (--max-length)" in said.err
    assert plan == "3 checkpoints, steps 0 to 3; 3 layers × 8 experts"
    assert probes == "7 probes: prose 3, prose/twin 2, sums/test 2"
    steps = [line for line in lines if line.startswith("step")]
    assert [line.partition(" in ")[0] for line in steps] == [
        f"step {step} ({done} of 3)" for done, step in enumerate(STEPS, start=1)
    ]
    assert "prose loss " in steps[0]
    header, *rows = said.out.splitlines()
    assert header.split()[:4] == ["group", "step", "loss", "accuracy"]
    table = [row.split()[:2] for row in rows if not row.startswith("step")]
    groups = ("prose", "prose/twin", "sums/test")
    assert table == [[group, str(step)] for group in groups for step in STEPS]
    (run,) = (tmp_path / "runs").glob("2*")
    assert run.name.partition("-monitor-")[2]
    assert f"run   {run}" in said.err
    assert f"grokscope report {run.name}" in said.err

    again = grokscope(*words, "--max-length", 5)
    assert again.code == 0
    assert again.out == said.out
    assert "step 0 (1 of 3)" not in again.err
    assert len(list((tmp_path / "runs").glob("2*"))) == 1


def test_json_is_one_object_with_every_number_that_is_shown(grokscope, monitored):
    data = grokscope("show", "last", "--out", monitored, "--json").json
    assert (data["state"], data["steps"], data["experts"]) == ("finished", list(STEPS), 8)
    assert data["groups"] == {"prose": 3, "prose/twin": 2, "sums/test": 2}
    assert len(data["rows"]) == 9
    first = data["rows"][0]
    assert (first["step"], first["group"], first["memorized"]) == (0, "prose", None)
    assert 0 <= first["distance_normalized"] <= 1
    assert [Path(path).name for path in data["files"]["routing"]] == [
        f"step-{step:08d}" for step in STEPS
    ]


def test_a_dry_run_checks_and_leaves_nothing(grokscope, words, tmp_path, monkeypatch):
    monkeypatch.setattr("grokscope.llm.offline.load_model", lambda _: pytest.fail("loaded"))
    said = grokscope(*words, "--dry-run", "--json")
    assert said.code == 0, said.err
    assert [one["step"] for one in said.json["checkpoints"]] == list(STEPS)
    assert said.json["groups"] == {"prose": 3, "prose/twin": 2, "sums/test": 2}
    assert said.err.endswith("nothing was measured (--dry-run)\n")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("changes", "code", "complaint"),
    [
        ("", 2, "Which checkpoints? Name directories, or models on the hub (org/name)."),
        ("{0}", 2, "Which samples? Name a file of JSON lines: `--data probes.jsonl`."),
        ("{0} --data no.jsonl", 2, "no.jsonl cannot be read: No such file or directory."),
        ("nowhere --data {1}", 2, "There is no directory nowhere."),
        ("{0} {0} --data {1}", 2, "{0} and {0} are both of step 0."),
        ("{0} --data {1} --threshold 1", 2, "`threshold` must be at least 0 and below 1, got 1.0."),
        ("{0} --data {1} --pairs 0", 2, "`pairs` must be at least 1, got 0."),
        ("{0} --data {1} --batch 0", 2, "`batch` must be at least 1, got 0."),
        ("{0} --data {1} --eps -1", 2, "`eps` must be at least 0, got -1.0."),
        ("{0} --data {1} --max-length 1", 2, "`max_length` must be at least 2, got 1."),
        ("{0} --data {1} --max-length 4", 2, "{1}, line 6: its answer ends at token 5, beyond 4."),
        (
            "{0} --data {1} --modules (",
            2,
            (
                "`--modules` must be a regular expression, got '(': missing ), unterminated "
                "subpattern at position 0."
            ),
        ),
        (
            "{0} --data {1} --modules rooter",
            2,
            (
                "{0}: `modules` must name routers, got 'rooter': OlmoeForCausalLM has none of "
                "that name."
            ),
        ),
        (
            "{0} --data {1} --tokenizer {2}",
            2,
            (
                "{2} has no tokenizer that transformers can read: name another with "
                "`--tokenizer`, or give `input_ids`."
            ),
        ),
        ("{0} --data {1} --tokenizer nowhere", 2, "There is no directory nowhere."),
        ("{0} --data {1} --pears 3", 2, "Unrecognized options: --pears, 3. Did you mean --pairs?"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    grokscope, saved, tmp_path, monkeypatch, changes, code, complaint
):
    monkeypatch.chdir(tmp_path)
    places = (saved / "checkpoint-0", saved / "probes.jsonl", saved / "checkpoint-2")
    said = grokscope("monitor", *changes.format(*places).split())
    assert (said.code, said.out) == (code, "")
    assert said.complaint == f"grokscope: {complaint.format(*places)}"
    assert list(tmp_path.iterdir()) == []


def test_bad_lines_and_foreign_tokens_are_one_line_and_leave_nothing(
    grokscope, saved, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "probes.jsonl"

    def complaint(*names: str, tokenizer: Path | None = None) -> str:
        own = () if tokenizer is None else ("--tokenizer", tokenizer)
        said = grokscope("monitor", *(saved / name for name in names), "--data", data, *own)
        assert (said.code, said.out) == (2, "")
        assert not (tmp_path / "runs").exists()
        return said.complaint

    write_lines(data, {"text": "the cat"}, '{"text": "the')
    line = f"grokscope: {data}, line 2: not JSON; each line must be one object."
    assert complaint("checkpoint-0") == line
    write_lines(data, {"input_ids": [4, 99]})
    assert complaint("checkpoint-2") == (
        "grokscope: The probes have token 99, but the model's vocabulary has 48 tokens: the "
        "tokenizer is not the model's."
    )
    write_lines(data, "")
    assert complaint("checkpoint-2").endswith("has no probe: each line must be a JSON object with "
        "a `text`.")  # fmt: skip
    write_lines(data, {"text": "the cat"})
    large = tmp_path / "large"
    word_tokenizer([*WORDS, *map(str, range(100, 140))]).save_pretrained(large)
    assert complaint("checkpoint-2", tokenizer=large) == (
        "grokscope: The tokenizer has 60 tokens, but the model has rows for 48: it is not the "
        "model's."
    )


def test_without_transformers_the_line_says_what_to_install(grokscope, words, monkeypatch):
    found = "grokscope.llm.optional.find_spec"
    monkeypatch.setattr(found, lambda name: None if name == "transformers" else object())
    said = grokscope(*words)
    assert said.code == 1
    assert said.complaint == (
        "grokscope: `transformers` is not installed: pip install 'grokscope[llm]'"
    )


@pytest.mark.slow
def test_interrupted_it_stops_with_75_and_the_same_command_goes_on(
    grokscope, start, saved, tmp_path, monkeypatch
):
    steps = range(8)  # enough to be caught in the middle
    for step in steps:
        shutil.copytree(saved / "checkpoint-2", tmp_path / f"step-{step}")
    names = [f"step-{step}" for step in steps]
    own = ("--data", str(saved / "probes.jsonl"), "--tokenizer", str(saved / "checkpoint-0"))
    words = ("monitor", *names, *own, "--pairs", "5", "--json")
    process = start(words, tmp_path)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "runs").glob("2*/metrics/seg-*1.parquet")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (75, "")
    line = err.strip().splitlines()[-1]
    assert line.startswith("grokscope: Stopped after ")
    assert line.endswith(" of 8 checkpoints. Go on with the same command.")
    (run,) = (tmp_path / "runs").glob("2*")
    assert json.loads((run / "status.json").read_bytes())["state"] == "interrupted"
    shown = grokscope("show", "--out", tmp_path / "runs")
    assert "go on with the same `grokscope monitor` command" in shown.out
    monkeypatch.chdir(tmp_path)
    again = grokscope(*words)
    assert again.code == 0, again.err
    assert (again.json["run"], again.json["steps"]) == (run.name, list(steps))


def test_show_gives_model_groups_numbers_and_files(grokscope, monitored, saved):
    said = grokscope("show", "--out", monitored)
    assert said.code == 0
    head, facts, _, columns, *rows = said.out.splitlines()
    assert head.partition("-monitor-")[2]
    assert facts.startswith(f"monitor of {saved}, 3 layers × 8 experts, finished, made ")
    assert columns.split()[:3] == ["group", "probes", "loss"]
    assert [row.split()[:2] for row in rows[:3]] == [
        ["prose", "3"],
        ["prose/twin", "2"],
        ["sums/test", "2"],
    ]
    assert " → " in rows[0]
    assert "routing 3 measurements, steps 0 to 3" in said.out
    assert "report  not written yet: grokscope report " in said.out


def test_list_query_and_verify_know_it(grokscope, monitored):
    (row,) = grokscope("list", "runs", "--out", monitored, "--json").json
    assert (row["recipe"], row["state"]) == ("monitor", "finished")
    assert (row["networks"], row["grokked"]) == (None, None)
    line = grokscope("list", "runs", "--out", monitored).out.splitlines()[1]
    assert line.split()[1:5] == ["monitor", "finished", "–", "–"]
    sql = 'SELECT step, "moe/prose/loss" AS loss FROM curves ORDER BY step'
    rows = grokscope("query", sql, "--out", monitored, "--json").json
    shown = grokscope("show", "--out", monitored, "--json").json["rows"]
    assert rows == [
        {"step": row["step"], "loss": row["loss"]} for row in shown if row["group"] == "prose"
    ]
    assert grokscope("verify", "--out", monitored).out.startswith("ok ")


@pytest.mark.parametrize(
    "words",
    [
        ("explain", "last"),
        ("measure", "last", "effective_rank"),
        ("fork", "last", "--step", 2, "--branch", "a: lr=1"),
        ("run", "--resume", "last"),
    ],
)
def test_commands_for_trained_networks_say_that_it_has_none(grokscope, monitored, words):
    said = grokscope(*words, "--out", monitored)
    assert said.code == 2
    (run,) = monitored.glob("2*")
    assert said.err == (
        f"grokscope: {run.name} is the run of a monitor, which has no networks: `grokscope show "
        f"{run.name} --out {monitored}` says what it saw.\n"
    )


def test_report_writes_the_page_of_a_monitor(grokscope, monitored, tmp_path):
    page = tmp_path / "page.html"
    said = grokscope("report", "last", "--out", monitored, "-o", page)
    assert said.code == 0, said.err
    assert said.out == f"{page}\n"
    assert page.read_text(encoding="utf-8").lstrip().startswith("<")
