"""What is said before anything is trained: help, version, and words that are no command."""

import subprocess
import sys
import time

import pytest
import torch

from grokscope.cli.commands import COMMANDS

NO_CUDA = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
HEAVY = "import sys; from grokscope.cli.main import main; code = main({words!r}); "
CHECK = "sys.stderr.write(' '.join(m for m in ('torch', 'duckdb', 'plotly') if m in sys.modules))"


def test_grokscope_alone_says_what_to_type_first(grokscope):
    said = grokscope()
    assert said.code == 0
    assert "grokscope demo" in said.out
    assert said.err == ""


def test_help_names_every_command_in_plain_text_and_with_its_purpose(grokscope):
    said = grokscope("--help")
    assert said.code == 0
    for name, command in COMMANDS.items():
        purpose = (command.__doc__ or "").partition("\n")[0]
        assert f"{name} " in said.out
        assert purpose in " ".join(said.out.split())
    assert not set(said.out) & set("─│╭╰\x1b")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], []])
def test_help_and_version_load_nothing_heavy_and_are_quick(words):
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", HEAVY.format(words=words) + CHECK],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert time.perf_counter() - started < 5  # under 1 s on an idle machine


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(grokscope, name):
    said = grokscope(name, "--help")
    assert said.code == 0
    assert "--json" in said.out


def test_help_of_a_recipe_lists_its_settings_with_values_and_words(grokscope):
    said = grokscope("run", "quick", "--help")
    text = " ".join(said.out.split())
    assert said.code == 0
    assert "--optimizer.weight-decay FLOAT (default: 1.0)" in text
    assert "The modulus, at least 3. (default: 59)" in text
    assert "noqa" not in text


def test_version_names_torch_and_python_builds(grokscope):
    assert "torch 2." in grokscope("--version").out
    assert set(grokscope("--version", "--json").json) == {"grokscope", "torch", "python"}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("dmo", "There is no command `dmo`. Did you mean `demo`?"),
        ("--foo", "Unrecognized options: --foo."),
        ("label --chanse 3", "Unrecognized options: --chanse, 3. Did you mean --chance?"),
        ("label --classes x", "--classes must be a whole number, got 'x'."),
        ("label --classes", "--classes needs a value."),
        ("list foo", "`what` must be 'metrics' or 'recipes' or 'runs', got 'foo'."),
        ("query", "`grokscope query` needs SQL."),
        ("run", "Which recipe? `grokscope list recipes` names them; try `quick`."),
        ("run qick", "There is no recipe `qick`. Did you mean `quick`?"),
        ("run quick --sedes 3", "There is no option `--sedes`. Did you mean `--seeds`?"),
        ("run quick --weight-decy 3", "There is no setting `weight-decy`. Did you mean"),
        ("run quick --weight-decay -1", "`weight_decay` must be at least 0, got -1.0."),
        ("run quick --p 12 --operation divide", "`p` must be prime for division, got 12."),
        ("run quick train_fraction=0", "`train_fraction` must be in (0, 1], got 0.0."),
        ("run quick --train-fraction nan", "`train_fraction` must be in (0, 1], got nan."),
        ("run quick --seeds 0", "`seeds` must be at least 1, got 0."),
        ("run quick --seeds x", "--seeds must be a whole number, got 'x'."),
        pytest.param("run quick --device cuda", "`device` is `cuda`, but torch", marks=NO_CUDA),
        ("run quick extra", "Unrecognized options: extra."),
        ("demo --attention-rate 0.5", "`model.attention_rate` is what this recipe compares"),
    ],
)
def test_bad_words_get_one_line_and_leave_nothing_behind(
    grokscope, tmp_path, monkeypatch, words, complaint
):
    monkeypatch.chdir(tmp_path)
    said = grokscope(*words.split())
    assert said.code == 2
    assert said.err.startswith(f"grokscope: {complaint}")
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_value_of_the_wrong_type_gets_one_line(tmp_path):
    # in a process of its own: here, the checks of array shapes would refuse it first
    words = ("--steps abc", "--steps 1.5", "--activation rlu", "--causal maybe")
    program = f"import sys\nfrom grokscope.cli.main import main\nfor words in {words!r}:\n"
    program += "    print(main(['run', 'quick', *words.split()]))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.split() == ["2"] * 4
    assert done.stderr.splitlines() == [
        "grokscope: `steps` must be a whole number, got 'abc'.",
        "grokscope: `steps` must be a whole number, got '1.5'.",
        "grokscope: `activation` must be one of `relu`, `gelu`, `square`, got 'rlu'.",
        "grokscope: `causal` must be true or false, got 'maybe'.",
    ]
    assert list(tmp_path.iterdir()) == []
