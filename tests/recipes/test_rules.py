"""Every rule passes, fails and is unclear on rows made for that; then the verdict with controls."""

from typing import Any

import pytest

from grokscope.core.errors import UsageError
from grokscope.recipes.replication import Replication, Stage, computed
from grokscope.recipes.rules import (
    Rule,
    all_of,
    delay_of,
    delay_ratio_at_least,
    falls,
    median_at_least,
    median_at_most,
    rises,
    share_labelled,
)
from grokscope.recipes.verdict import judge, rule_hash

BUDGET = 10_000


def network(seed: int, grokked: int | None, memorized: int | None = 100, **more: Any):
    """A row; not grokked is censored at the budget unless `stop_reason` says otherwise."""
    row = {"seed": seed, "settings": {}, "label": "grokking" if grokked else "memorization"}
    row |= {"steps": BUDGET, "stop_reason": "budget" if grokked is None else "grokked"}
    return row | {"memorized_step": memorized, "grokked_step": grokked} | more


def arm(*grokked: int | None, memorized: int | None = 100):
    return [network(10_000 + i, step, memorized) for i, step in enumerate(grokked)]


def series(*steps: int | None, seeds: int = 5):
    """The same steps at settings 1, 2, 4, … for each seed."""
    return [
        network(10_000 + seed, step, settings={"optimizer.weight_decay": 2.0**i})
        for i, step in enumerate(steps)
        for seed in range(seeds)
    ]


FAST = arm(500, 520, 540, 560, 580, 600)
NEVER_GROKKED = arm(None, None, None, None, None, None)
NO_DELAY = arm(110, 120, 130, 140, 150, 160)
MIXED = arm(500, 520, 540, None, None, None)


@pytest.mark.parametrize(
    ("rule", "passing", "failing", "unclear"),
    [
        (share_labelled(0.5), FAST, NEVER_GROKKED, MIXED),
        (delay_ratio_at_least(3), FAST * 2, NO_DELAY * 2, NEVER_GROKKED),
        (median_at_least(2, "other"), arm(*[2500] * 6), arm(*[900] * 6), arm(*[1500, 2500] * 3)),
        (median_at_least(2, "other"), NEVER_GROKKED, FAST, arm(500, 500, 500, None, None, None)),
        (median_at_most(0.9, "other"), FAST, NEVER_GROKKED, arm(*[500, 1500] * 3)),
        (rises("optimizer.weight_decay"), series(500, 600, 900), series(900, 600, 500), None),
        (falls("optimizer.weight_decay"), series(900, 600, 500), series(500, 600, 900), None),
        # censored where the setting is largest: at least as late as the budget
        (rises("optimizer.weight_decay", 0.5), series(500, 900, None), series(9, 5, 3), None),
        # censored where it is smallest: the slope is at most what it is with the budget
        (falls("optimizer.weight_decay", 0.5), series(None, 900, 500), series(3, 5, 9), None),
        (rises("optimizer.weight_decay"), series(1, 2, 9), series(9, 2, 1), series(None, 5, None)),
    ],
)
def test_a_rule_passes_fails_and_is_unclear(rule: Rule, passing: Any, failing: Any, unclear: Any):
    other = arm(*[1000] * 6)
    for rows, outcome in ((passing, "passes"), (failing, "fails"), (unclear, "unclear")):
        if rows is not None:
            finding = rule.judge({"own": rows, "other": other}, "own")
            assert finding.outcome == outcome, finding


def test_six_seeds_tell_a_half_and_five_do_not():
    rule = share_labelled(0.5)
    for seeds, outcomes in ((6, ("passes", "fails")), (5, ("unclear", "unclear"))):
        rows = {"all": arm(*[500] * seeds), "none": arm(*[None] * seeds)}
        assert tuple(rule.judge(rows, name).outcome for name in rows) == outcomes


def test_a_diverged_network_never_groks_and_counts():
    """Three of six diverge: the median of the steps is never, not that of the other three."""
    rows = [*arm(500, 500), *(network(10_002 + i, None, stop_reason="diverged") for i in range(4))]
    rows_of_other = arm(*[1000] * 6)
    rule = median_at_most(1, "other")
    assert rule.judge({"own": rows, "other": rows_of_other}, "own").outcome != "passes"
    assert rule.judge({"own": arm(500, 500), "other": arm(1000, 1000)}, "own").outcome == "passes"


@pytest.mark.parametrize(
    ("grokked", "memorized", "bounds"),
    [
        (500, 100, (5, 5)),
        (None, 100, (100, float("inf"))),
        (500, None, (0, 0)),
        (None, None, (0, float("inf"))),
        (5, 0, (5, 5)),
    ],
)
def test_a_delay_ratio_is_known_in_part(grokked: Any, memorized: Any, bounds: tuple[float, float]):
    wait = delay_of(network(0, grokked, memorized))
    assert (wait.least, wait.most) == bounds


def test_all_rules_must_pass_and_one_may_fail():
    rule = all_of(share_labelled(0.5), delay_ratio_at_least(3))
    assert rule.judge({"own": FAST * 2}, "own").outcome == "passes"
    assert rule.judge({"own": NO_DELAY * 2}, "own").outcome == "fails"
    assert rule.judge({"own": NEVER_GROKKED}, "own").outcome == "fails"
    assert len(rule.judge({"own": FAST}, "own").measured) == 2
    assert ";" in rule.text


def test_what_is_missing_and_no_step_is_named():
    rows = [network(7, 500, share=None)]
    with pytest.raises(UsageError, match=r"Seed 7 has no `share`, so it cannot be compared."):
        median_at_least(1, "own", "share").judge({"own": rows}, "own")
    with pytest.raises(UsageError, match=r"Seed 10000 has no setting `task.p` that varies"):
        rises("task.p").judge({"own": series(1, 2)}, "own")


def replication(rule: Rule) -> Replication:
    arms = [
        computed(name, lambda folder, seeds: [], {}, role=role)
        for name, role in (("own", "subject"), ("other", "reference"), ("none", "control"))
    ]
    stage = Stage(arms=tuple(arms), minutes=1)
    words = {"name": "x", "recipe": "x", "source": "arXiv 1", "published": "grokking"}
    return Replication(**words, rule=rule, tiers={"smoke": stage})


@pytest.mark.parametrize(
    ("own", "control", "verdict", "reason"),
    [
        (FAST, NEVER_GROKKED, "reproduced", "the rule passes, and every control fails it"),
        (FAST, FAST, "not reproduced", "the control passes too: none"),
        (FAST, MIXED, "inconclusive", "the control does not clearly fail: none"),
        (NEVER_GROKKED, NEVER_GROKKED, "not reproduced", "the rule fails"),
        (MIXED, NEVER_GROKKED, "inconclusive", "the interval holds the bound"),
        (MIXED, FAST, "not reproduced", "the control passes too: none"),
    ],
)
def test_the_control_is_judged_by_the_same_rule(own: Any, control: Any, verdict: str, reason: str):
    found = judge(replication(share_labelled(0.5)), "smoke", {"own": own, "none": control})
    assert (found.verdict, found.reason) == (verdict, reason)


def test_in_a_comparison_the_control_takes_the_place_of_the_subject():
    rows = {"own": arm(*[100] * 6), "other": arm(*[1000] * 6), "none": arm(*[1000] * 6)}
    rule = median_at_most(0.5, "other")
    assert judge(replication(rule), "smoke", rows).verdict == "reproduced"
    assert judge(replication(rule), "smoke", rows | {"none": rows["own"]}).verdict != "reproduced"


def test_another_bound_or_other_words_is_another_rule():
    hashes = {rule_hash(share_labelled(x)) for x in (0.5, 0.6)} | {
        rule_hash(share_labelled(0.5, "semi_grokking")),
        rule_hash(all_of(share_labelled(0.5))),
    }
    assert len(hashes) == 4
    assert rule_hash(share_labelled(0.5)) in hashes
