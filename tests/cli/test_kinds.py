"""Another kind of task, model, optimizer or loss on the command line and from Python."""

from dataclasses import fields, replace

import pytest

import grokscope as gs
from grokscope.core.errors import SettingError, UsageError
from grokscope.experiment import Config, Plan
from grokscope.experiment.kinds import KINDS, kinds_of, with_sections
from grokscope.recipes import find_recipe

SHORT = ("--steps", 3, "--p", 7, "--d-model", 8, "--n-heads", 2)


def test_a_kind_takes_the_place_of_a_section_and_settings_change_it(
    grokscope, tmp_path, stub_report
):
    words = ("--optimizer", "sgd", "--lr", "0.5", "--loss=mean-square", "--out", tmp_path)
    assert grokscope("run", "quick", *SHORT, *words).code == 0
    base = gs.load("last", tmp_path).plan.base
    assert base.optimizer == gs.SGD(lr=0.5)
    assert base.loss == gs.MeanSquare()
    shown = grokscope("show", "last", "--out", tmp_path)
    assert "optimizer: sgd, lr 0.5, weight_decay 0," in shown.out
    settings = grokscope("show", "last", "--json", "--out", tmp_path).json["settings"]
    assert (settings["optimizer"], settings["model"]) == ("sgd", "transformer")
    again = grokscope("run", "--resume", "last", "--optimizer", "sgd", "--out", tmp_path)
    assert "has already finished" in again.err
    other = grokscope("run", "--resume", "last", "--optimizer", "muon", "--out", tmp_path)
    assert other.code == 2
    assert "`optimizer` is 'sgd' in that run and cannot be changed on resume" in other.complaint


def test_the_kind_that_is_there_keeps_its_settings(grokscope):
    said = grokscope("run", "quick", "--dry-run", "--json", "--optimizer", "adamw", *SHORT)
    assert said.json["settings"]["optimizer.lr"] == 3e-3
    assert said.json["settings"]["optimizer"] == "adamw"


@pytest.mark.parametrize("section", KINDS)
def test_help_lists_all_kinds_and_the_settings_of_each(grokscope, section):
    for kind in KINDS[section]:
        said = grokscope("run", "quick", f"--{section}", kind, "--help")
        text = " ".join(said.out.split())
        assert said.code == 0
        assert all(other in text for other in KINDS[section])
        for field in fields(KINDS[section][kind]):
            assert f"--{section}.{field.name.replace('_', '-')} " in text


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("run quick --optimizer adm", "There is no optimizer `adm`. Did you mean `adamw`?"),
        ("run quick --loss x", "There is no loss `x`. There are cross_entropy, hinge, mean_"),
        ("run quick --optimiser sgd", "There is no option `--optimiser`. Did you mean `--optim"),
        ("demo --model mlp", "This recipe compares `model.attention_rate`, which `mlp` does not"),
        ("run quick --optimizer sgd --beta1 0.5", "There is no setting `beta1`."),
        ("run quick --task parity", "`model` must be one that takes such rows: this takes two t"),
        ("run quick --task parity --model dense_mlp --k 41", "`k` must be from 1 to `n` = 40"),
        ("run quick --task mnist --model dense_mlp", "`folder` must be a folder with train-imag"),
        (
            "run quick --task teacher_student --model dense_mlp",
            "`loss` must be one for real targets, such as mean_square, got 'CrossEntropy'.",
        ),
        ("run quick --optimizer sgd --frozen W_X", "`frozen` must be names or patterns of param"),
    ],
)
def test_what_does_not_go_together_gets_one_line(
    grokscope, tmp_path, monkeypatch, words, complaint
):
    monkeypatch.chdir(tmp_path)
    said = grokscope(*words.split())
    assert said.code == 2
    assert said.err.startswith(f"grokscope: {complaint}")
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_from_python_an_object_or_a_name_takes_the_place_of_a_section(tmp_path):
    run = gs.run(
        "quick",
        out=tmp_path,
        optimizer=gs.SGD(lr=0.1),
        model="mlp",
        momentum=0.5,
        d_hidden=16,
        p=7,
        steps=2,
    )
    assert run.plan.base.optimizer == gs.SGD(lr=0.1, momentum=0.5)
    assert run.plan.base.model == gs.EmbeddingMLP(d_hidden=16)
    assert kinds_of(run.plan.base) == {
        "task": "modular",
        "model": "mlp",
        "optimizer": "sgd",
        "loss": "cross_entropy",
    }


def test_what_a_recipe_draws_is_drawn_for_another_model_that_has_it_too():
    recipe = find_recipe("survey-zhong2023").of_kinds({"model": "deep_transformer"})
    rates = [network.model.attention_rate for network in recipe.plan(seeds=3).networks]  # pyright: ignore
    assert len(set(rates)) == 3
    with pytest.raises(UsageError, match="which `decoder` does not have"):
        find_recipe("survey-zhong2023").of_kinds({"model": "decoder"})


def test_what_is_no_registered_kind_is_refused():
    with pytest.raises(SettingError, match=r"`optimizer` must be one of adamw, .*'MeanSquare'"):
        with_sections(Config(), {"optimizer": gs.MeanSquare()})


def test_networks_of_a_run_have_sections_of_one_kind_and_one_loss():
    one = Config()
    for section, other in (("optimizer", gs.SGD()), ("model", gs.EmbeddingMLP())):
        with pytest.raises(SettingError, match=f"`{section}` must be of one kind for all networks"):
            Plan(recipe="custom", networks=(one, replace(one, **{section: other})))
    with pytest.raises(SettingError, match="`loss` must be the same for all networks of a run"):
        Plan(
            recipe="custom", networks=(one, replace(one, loss=gs.CrossEntropy(precision="float64")))
        )
