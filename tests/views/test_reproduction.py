"""The command that makes a run again makes the same plan."""

from dataclasses import replace

from grokscope.core.settings import with_settings
from grokscope.engine import SGD
from grokscope.recipes import RECIPES
from grokscope.views.reproduction import command_line, python_call, settings_table


def test_a_changed_recipe_gives_a_command_with_the_changes():
    recipe = RECIPES["quick"]()
    plan = recipe.plan(with_settings(recipe.config, {"lr": 1e-2, "p": 31}), 3)
    assert command_line(plan) == "grokscope run quick --seeds 3 --p 31 --lr 0.01"
    assert python_call(plan) == "grokscope.run('quick', seeds=3, p=31, lr=0.01)"


def test_other_kinds_are_part_of_the_command():
    recipe = RECIPES["quick"]().of_kinds({"optimizer": SGD(lr=0.5), "model": "mlp"})
    plan = recipe.plan()
    words = "grokscope run quick --seeds 1 --model mlp --optimizer sgd --lr 0.5"
    assert command_line(plan) == words
    call = "grokscope.run('quick', seeds=1, model='mlp', optimizer='sgd', lr=0.5)"
    assert python_call(plan) == call


def test_variants_of_a_recipe_are_no_changes():
    assert command_line(RECIPES["demo"]().plan()) == "grokscope run demo --seeds 3"


def test_a_plan_that_no_recipe_makes_has_no_command():
    plan = RECIPES["demo"]().plan()
    assert command_line(replace(plan, networks=plan.networks[1:])) is None
    assert python_call(replace(plan, recipe="custom")) is None


def test_settings_show_every_value_in_the_run():
    rows = {
        name: (value, values) for name, value, values in settings_table(RECIPES["demo"]().plan())
    }
    assert rows["model.attention_rate"] == ("0", "0, 1")
    assert rows["optimizer.weight_decay"] == ("2", "")
    assert rows["model"] == ("transformer", "")
    assert rows["task.data_seed"] == ("unset", "")
