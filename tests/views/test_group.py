"""Groups: which networks belong together, their medians, and who represents them."""

from dataclasses import replace

from grokscope.experiment import Config, Origin, plan_seeds
from grokscope.views.group import Group, groups_of
from views.summaries import censored, diverged, summary


def group(*rows: dict[str, object]) -> Group:
    return Group(name="g", networks=tuple(range(len(rows))), rows=rows)


def test_networks_that_differ_in_their_seed_only_are_one_group():
    plan = plan_seeds("r", Config(), ({"optimizer.lr": 1e-3}, {"optimizer.lr": 0.01}), 2)
    assert [(g.name, g.networks) for g in groups_of(plan)] == [
        ("lr 0.001", (0, 1)),
        ("lr 0.01", (2, 3)),
    ]


def test_branches_of_a_fork_are_groups_whether_or_not_their_settings_differ():
    plan = plan_seeds("r", Config(), ({}, {}, {"optimizer.lr": 0.01}), 2)
    branches = tuple(name for name in ("untouched", "cut", "fast") for _ in range(2))
    origin = Origin(run="parent", step=5, networks=(0, 1) * 3, branches=branches)
    assert [(g.name, g.networks) for g in groups_of(replace(plan, origin=origin))] == [
        ("untouched", (0, 1)),
        ("cut", (2, 3)),
        ("fast", (4, 5)),
    ]


def test_one_group_is_named_after_its_model():
    plan = plan_seeds("r", Config(), (), 3)
    assert [g.name for g in groups_of(plan)] == [Config().model.name]


def test_medians_keep_networks_that_never_grokked():
    some = group(summary(0), censored(1), censored(2))
    assert some.median_step("memorized") == 100
    assert some.median_step("grokked") is None
    assert some.median_delay_ratio() is None
    assert group(summary(0), summary(1), censored(2)).median_step("grokked") == 600


def test_a_network_that_diverged_never_gets_there():
    assert group(summary(0), diverged(1), diverged(2)).median_step("memorized") is None


def test_the_representative_has_the_median_grokked_step():
    some = group(
        summary(0, grokked_step=900), summary(1, grokked_step=500), summary(2, grokked_step=700)
    )
    assert some.representative == 2
    assert group(summary(0), diverged(1), censored(2)).representative == 2
    assert Group(name="g", networks=(4, 5, 6)).representative == 5


def test_only_networks_that_ended_by_grokking_keep_their_last_value():
    assert group(summary(0), censored(1), diverged(2)).carried == {0}
