"""Settings on the command line, in every way that fingers know."""

import pytest

from grokscope.cli.arguments import take_settings
from grokscope.cli.commands import Run
from grokscope.cli.settings import read_settings
from grokscope.core.errors import UsageError
from grokscope.core.settings import flatten, with_settings
from grokscope.experiment import Config


@pytest.mark.parametrize(
    "words",
    [
        "--optimizer.weight-decay 2",
        "--optimizer.weight_decay=2",
        "--weight-decay 2",
        "--weight_decay=2",
        "optimizer.weight_decay=2",
        "weight_decay=2.0",
    ],
)
def test_a_setting_may_be_written_in_full_or_short_with_dashes_or_like_hydra(words):
    own, pairs = take_settings(["quick", *words.split(), "--seeds", "3"], Run)
    assert own == ["quick", "--seeds", "3"]
    assert read_settings(Config(), pairs) == {"optimizer.weight_decay": 2.0}


def test_settings_may_stand_before_the_recipe():
    own, pairs = take_settings(["--p", "97", "--json", "quick", "--runs=x"], Run)
    assert own == ["--json", "quick", "--runs=x"]
    assert pairs == [("p", "97")]


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("--no-causal", "model.causal", False),
        ("--model.no-causal", "model.causal", False),
        ("--separate-vocab", "model.separate_vocab", True),
        ("--causal off", "model.causal", False),
        ("--batch-size none", "training.batch_size", None),
        ("--batch-size 64", "training.batch_size", 64),
        ("--steps 1e4", "training.steps", 10_000),
        ("--operation divide", "task.operation", "divide"),
        ("--lr 3e-3", "optimizer.lr", 3e-3),
        ("--weight-decay -1", "optimizer.weight_decay", -1.0),
        ("--seed 7", "seed", 7),
    ],
)
def test_text_becomes_a_value_of_the_settings_type(words, name, value):
    _, pairs = take_settings(words.split(), Run)
    values = read_settings(Config(), pairs)
    assert values == {name: value}
    assert type(values[name]) is type(value)


def test_every_setting_can_be_given_back_as_text():
    config = Config()
    pairs = [(name, str(value)) for name, value in flatten(config).items()]
    assert with_settings(config, read_settings(config, pairs)) == config


def test_a_short_name_that_two_settings_share_is_refused_with_both():
    with pytest.raises(UsageError, match="There is no setting `colour`"):
        read_settings(Config(), [("colour", "1")])
