"""Plans: which runs there are, what they are called, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from grokscope.core.errors import GrokscopeError, SettingError, UsageError
from grokscope.core.settings import flatten
from grokscope.sweep import Design, plan_sweep, read_plan
from grokscope.sweep.cohort import shapes_of
from grokscope.sweep.plan import run_id

TINY = {"p": 7, "d_model": 8, "d_hidden": 8, "steps": 30}


def ids(plan) -> list[str]:
    return [run.id for run in plan.runs()]


def test_a_grid_has_every_combination_with_every_seed():
    over = {"weight_decay": "0.1,1", "train_fraction": "0.4,0.6,0.8"}
    runs = plan_sweep("quick-mlp", over, settings=TINY | {"seed": 5}, seeds=2).runs()
    assert len(runs) == 12
    assert {run.seed for run in runs} == {5, 6}
    found = {(*run.settings.values(), run.seed) for run in runs}
    assert len(found) == 12
    for run in runs:
        own = flatten(run.config)
        assert own["model.d_model"] == 8
        assert all(own[name] == value for name, value in run.settings.items())


def test_an_id_says_what_a_run_is_and_nothing_else():
    one, two = (plan_sweep("quick-mlp", {"lr": "0.001,0.01"}, settings=TINY) for _ in range(2))
    assert ids(one) == ids(two)
    more = plan_sweep("quick-mlp", {"lr": "0.01,0.001,0.1"}, settings=TINY, seeds=3)
    assert set(ids(one)) < set(ids(more))
    assert len(set(ids(more))) == 9
    other = plan_sweep("quick-mlp", {"lr": "0.001,0.01"}, settings=TINY | {"p": 11})
    assert not set(ids(one)) & set(ids(other))
    config = one.runs()[0].config
    assert run_id(replace(config, training=replace(config.training, capacity=2))) == ids(one)[0]
    assert run_id(replace(config, seed=1)) != ids(one)[0]


def test_the_folder_is_named_after_what_is_swept_over_and_not_after_the_points():
    some = plan_sweep("quick-mlp", {"lr": "0.001,0.01"}, settings=TINY)
    more = plan_sweep("quick-mlp", {"lr": "log:1e-4:1:9"}, settings=TINY | {"seed": 3}, seeds=4)
    assert some.folder_name == more.folder_name
    assert some.folder_name.startswith("quick-mlp-lr-")
    other = plan_sweep("quick-mlp", {"lr": "0.001,0.01"}, settings=TINY | {"p": 11})
    assert other.folder_name != some.folder_name
    assert plan_sweep("quick-mlp", {"lr": "1,2"}, name="mine").folder_name == "mine"


def test_random_points_stay_when_there_are_more_of_them():
    over = {"weight_decay": "log:0.01:10", "train_fraction": "0.2:0.9"}
    few, many = (
        plan_sweep("quick-mlp", over, design=Design(kind="random", samples=n)) for n in (5, 9)
    )
    assert list(many.points[:5]) == list(few.points)
    other = plan_sweep("quick-mlp", over, design=Design(kind="random", samples=5, seed=1))
    assert other.points != few.points
    decays = [point["optimizer.weight_decay"] for point in many.points]
    assert all(0.01 <= decay <= 10 for decay in decays)


def test_a_latin_hypercube_has_one_point_in_every_strip_of_every_axis():
    over = {"weight_decay": "log:0.01:10", "train_fraction": "0.2:0.9"}
    points = plan_sweep("quick-mlp", over, design=Design(kind="latin", samples=12)).points
    decays = np.log(np.array([point["optimizer.weight_decay"] for point in points]) / 0.01)
    fractions = np.array([point["task.train_fraction"] for point in points]) - 0.2
    for shares in (decays / np.log(1000), fractions / 0.7):
        assert sorted(np.floor(12 * shares).astype(int)) == list(range(12))


def test_listed_points_are_taken_as_they_are():
    points = [{"lr": 0.001, "weight_decay": 1.0}, {"lr": 0.01, "weight_decay": 0.1}]
    plan = plan_sweep("quick-mlp", points, settings=TINY, seeds=2)
    assert plan.axes == ("optimizer.lr", "optimizer.weight_decay")
    assert len(plan.runs()) == 4
    with pytest.raises(SettingError, match="each of lr, weight_decay"):
        plan_sweep("quick-mlp", [*points, {"lr": 0.1}])


def test_variants_of_a_recipe_are_all_there_and_cannot_be_an_axis():
    plan = plan_sweep("demo", {"train_fraction": "0.4,0.6"}, seeds=2)
    variants = len(plan.recipe.variants)
    assert variants > 1
    assert len(plan.runs()) == 2 * 2 * variants
    (varied,) = plan.recipe.variants[0]
    assert {varied, "task.train_fraction"} == set(plan.runs()[0].settings)
    with pytest.raises(UsageError, match="what this recipe compares"):
        plan_sweep("demo", {varied: "0.1,0.2"})


def test_a_plan_in_a_file_is_the_plan_of_its_arguments(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(
        """
        recipe = "quick-mlp"
        name = "mine"
        seeds = 2
        [settings]
        p = 7
        model.d_model = 8
        "optimizer.lr" = 0.01
        [axes]
        weight_decay = "log:0.1:10:3"
        task.train_fraction = [0.4, 0.6]
        """
    )
    settings = {"p": 7, "d_model": 8, "lr": 0.01}
    over = {"weight_decay": "log:0.1:10:3", "train_fraction": [0.4, 0.6]}
    assert read_plan(path) == plan_sweep("quick-mlp", over, settings=settings, seeds=2, name="mine")
    path.write_text(
        'recipe = "quick-mlp"\n[design]\nkind = "latin"\nsamples = 4\n[axes]\nlr = "log:1e-3:1"'
    )
    assert len(read_plan(path).points) == 4
    path.write_text('recipe = "quick-mlp"\n[[points]]\nlr = 0.1\n[[points]]\nlr = 0.2\n')
    assert [point["optimizer.lr"] for point in read_plan(path).points] == [0.1, 0.2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("recipe = ", "is not valid TOML"),
        ('axes = {lr = "0.1,1"}', "needs `recipe`"),
        ('recipe = "quick-mlp"', "has either `axes` or `points`"),
        ('recipe = "quick-mlp"\nsteps = 4\naxes = {lr = "0.1,1"}', "has no `steps`; its keys are"),
        ('recipe = "quick-mlp"\naxes = {lr = "0.1,1"}\ndesign = {n = 3}', "has no `n`, but kind"),
        ('recipe = "quik"\naxes = {lr = "0.1,1"}', "There is no recipe `quik`"),
        ('recipe = "quick-mlp"\naxes = {lr = "0.1,1"}\ndesign = {kind = "random"}', "`samples`"),
        ('recipe = "quick-mlp"\naxes = {lr = "0.1,1"}\ndesign = {samples = 3}', "`samples` must"),
        ('recipe = "quick-mlp"\naxes = {lr = "0.1,1"}\nseeds = 0', "`seeds` must be a whole"),
        ('recipe = "quick-mlp"\naxes = {lr = "0.1,1"}\nseeds = "two"', "got 'two'"),
        ('recipe = "quick-mlp"\naxes = {lr = "0.1,1"}\nseeds = 1.5', "got 1.5"),
        ('recipe = "quick-mlp"\naxes = {lr = "0.1,1"}\nseeds = true', "got True"),
        ('recipe = "quick-mlp"\naxes = {lr = 0.5}', "`lr` must be a range as text, or a list"),
        ('recipe = "quick-mlp"\naxes = {lr = true}', "`lr` must be a range as text, or a list"),
        ('recipe = "quick-mlp"\naxes = {lr = "0.1,1"}\nname = 5', "`name` must be text, got 5"),
        ('recipe = "quick-mlp"\n[[axes]]\nlr = 1', "`axes` must be a table"),
        ('recipe = "quick-mlp"\naxes = {lr = "0.1,1"}\ndesign = 3', "`design` must be a table"),
        ('recipe = "quick-mlp"\npoints = 3', "`points` must be tables"),
        ('recipe = "quick-mlp"\naxes = {lr = "1,2"}\nsettings = {lr = 3.0}', "`lr` is an axis"),
        ('recipe = "quick-mlp"\naxes = {lr = "0.1,1"}\nname = "../x"', "a plain folder name"),
        ('recipe = "quick-mlp"\naxes = {seed = "1,2"}', "`seed` is no axis"),
    ],
)
def test_a_file_that_is_no_plan_gets_one_line(tmp_path, text, said):
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(GrokscopeError) as raised:
        read_plan(path)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 2


def test_cohorts_share_a_shape_and_are_even():
    over = {"weight_decay": "log:0.1:10:5", "train_fraction": "0.4,0.6", "d_model": "8,16"}
    settings = {name: value for name, value in TINY.items() if name != "d_model"}
    runs = plan_sweep("quick-mlp", over, settings=settings, seeds=3).runs()
    shapes = shapes_of(runs, threads=1, per_cohort=7)
    assert len(shapes) == 4
    for shape in shapes:
        cohorts = shape.cohorts()
        assert [len(cohort.members) for cohort in cohorts] == [5, 5, 5]
        for cohort in cohorts:
            own = {(m.settings["task.train_fraction"], m.settings["model.d_model"])
                   for m in cohort.members}  # fmt: skip
            assert len(own) == 1
    members = [m.id for shape in shapes for c in shape.cohorts() for m in c.members]
    assert sorted(members) == sorted(run.id for run in runs)


def test_cohorts_of_what_takes_long_are_small():
    def most(**settings) -> int:
        plan = plan_sweep("quick-mlp", {"lr": "1,2"}, settings=TINY | settings, seeds=200)
        return max(len(c.members) for s in shapes_of(plan.runs(), 1) for c in s.cohorts())

    assert most() == 100  # 400 runs in as few cohorts of at most 128 as it takes
    assert most(steps=10**9) == 1
    assert 5 < most(steps=30_000, p=31, d_model=64, d_hidden=64) < 30


def test_no_two_of_thousands_of_runs_have_the_same_id():
    over = {"weight_decay": "log:1e-3:10:25", "train_fraction": "0.2:0.8:20"}
    runs = plan_sweep("quick-mlp", over, settings={"p": 31}, seeds=4).runs()
    assert len({run.id for run in runs}) == 2_000
