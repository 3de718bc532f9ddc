"""Facts: every inferred one is found again by walking through the atomic ones."""

from dataclasses import replace
from typing import Any

import pytest

from grokscope.core.errors import SettingError
from grokscope.tasks import FactComparison, FactComposition, Table

COMPOSITION = FactComposition(entities=30, relations=7, out_degree=5, ood_share=0.2)
COMPARISON = FactComparison(entities=20, attributes=3, values=5, ood_share=0.2)
Rows = list[tuple[list[int], int]]


def parts(table: Table) -> tuple[Rows, Rows, Rows]:
    """Rows that are always trained on, that are split, and that never are trained on."""
    rows = list(zip(table.inputs.tolist(), table.labels.tolist(), strict=True))
    assert table.always is not None
    assert table.never is not None
    always = [r for r, chosen in zip(rows, table.always.tolist(), strict=True) if chosen]
    never = [r for r, chosen in zip(rows, table.never.tolist(), strict=True) if chosen]
    return always, [rows[i] for i in table.free.tolist()], never


def test_atomic_facts_have_one_tail_each_and_the_same_number_per_entity():
    atomic, _, _ = parts(COMPOSITION.table())
    facts = {(row[0], row[1]): tail for row, tail in atomic}
    assert len(facts) == len(atomic) == 30 * 5
    assert all(row[2] == -1 for row, _ in atomic)
    for entity in range(30):
        relations = [r for h, r in facts if h == entity]
        assert len(set(relations)) == 5
        assert all(30 <= r < 37 for r in relations)
    assert all(0 <= tail < 30 for tail in facts.values())


def test_inferred_facts_are_the_chains_of_two_of_one_kind():
    atomic, free, never = parts(COMPOSITION.table())
    facts = {(row[0], row[1]): tail for row, tail in atomic}
    chains = {
        (h, r1, r2): (facts[h, r1], facts[b, r2])
        for (h, r1), b in facts.items()
        for (b2, r2) in facts
        if b2 == b
    }
    for row, answer in free + never:
        assert chains[row[0], row[1], row[2]][1] == answer
    inside, outside = (
        {fact for row, _ in rows for fact in ((row[0], row[1]), (facts[row[0], row[1]], row[2]))}
        for rows in (free, never)
    )
    assert not inside & outside
    # what is left out of all chains mixes the kinds: nothing else is missing
    listed = {tuple(row) for row, _ in free + never}
    for h, r1, r2 in chains.keys() - listed:
        first, second = (h, r1), (facts[h, r1], r2)
        assert not (first in inside and second in inside)
        assert not (first in outside and second in outside)
    assert len(free) > 0
    assert len(never) > 0


def test_the_share_of_facts_out_of_the_distribution():
    table = FactComposition(ood_share=0.0).table()
    assert table.never is not None
    assert not table.never.any()
    assert len(table.labels) == 64 * 8 + 64 * 8 * 8
    assert (COMPOSITION.n_known, COMPARISON.n_known) == (120, 48)


def test_comparisons_are_what_the_values_say():
    atomic, free, never = parts(COMPARISON.table())
    value = {(row[0], row[1]): answer for row, answer in atomic}
    assert set(value) == {(e, a) for e in range(20) for a in range(20, 23)}
    assert all(row[2] == -1 and 0 <= answer < 5 for row, answer in atomic)
    for (a, e1, e2), answer in free + never:
        x, y = value[e1, a], value[e2, a]
        assert answer == 5 + (0 if x < y else 1 if x == y else 2)
    assert {answer for _, answer in free} == {5, 6, 7}


def test_all_two_entities_of_one_kind_are_compared_in_both_orders():
    _, free, never = parts(COMPARISON.table())
    for a in range(20, 23):
        outside = {e for row, _ in never for e in row[1:] if row[0] == a}
        assert len(outside) == 4
        inside = set(range(20)) - outside
        for kind, rows in ((inside, free), (outside, never)):
            expected = {(x, y) for x in kind for y in kind if x != y}
            assert {(row[1], row[2]) for row, _ in rows if row[0] == a} == expected


def test_other_entities_are_out_for_other_attributes():
    _, _, never = parts(COMPARISON.table())
    out = {
        a: frozenset(e for row, _ in never for e in row[1:] if row[0] == a) for a in (20, 21, 22)
    }
    assert len(set(out.values())) > 1


def test_both_orders_are_on_one_side():
    table = COMPARISON.table()
    split = COMPARISON.make_split(table, seed=1)
    trained = {tuple(row) for row in table.inputs[split.train].tolist()}
    for a, e1, e2 in table.inputs[split.novel].tolist():
        assert (a, e2, e1) not in trained


@pytest.mark.parametrize("phi", [0.1, 1.0, 3.0, 2.72])
@pytest.mark.parametrize("task", [COMPOSITION, COMPARISON], ids=["composition", "comparison"])
def test_phi_is_the_number_of_inferred_facts_per_atomic_one(
    task: FactComposition | FactComparison, phi: float
):
    table = task.table()
    assert table.always is not None
    split = replace(task, phi=phi, train_fraction=0.01).make_split(table, seed=3)
    trained = len(split.train) - int(table.always.sum())
    wanted = round(phi * task.n_known)
    assert trained == (wanted if task is COMPOSITION else wanted // 2 * 2)


def test_phi_can_ask_for_any_number():
    table = COMPOSITION.table()
    assert table.always is not None
    n_always = int(table.always.sum())
    for wanted in range(1, len(table.free) + 1):
        task = replace(COMPOSITION, phi=wanted / COMPOSITION.n_known)
        assert len(task.make_split(table, seed=3).train) == n_always + wanted


@pytest.mark.parametrize("task", [COMPOSITION, COMPARISON], ids=["composition", "comparison"])
def test_the_greatest_phi_trains_on_all(task: FactComposition | FactComparison):
    table = task.table()
    greatest = len(table.free) / task.n_known
    assert len(replace(task, phi=greatest).make_split(table, seed=0).novel) == 0
    with pytest.raises(SettingError, match=r"`phi` must be from 1 to .* inferred facts"):
        replace(task, phi=greatest + 0.1).make_split(table, seed=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"entities": 0}, "`entities` must be at least 1, got 0."),
        ({"out_degree": 17}, "`out_degree` must be from 1 to `relations` = 16, got 17."),
        ({"ood_share": 1.0}, "`ood_share` must be in [0, 1), got 1.0."),
        ({"phi": 0.0}, "`phi` must be greater than 0, got 0.0."),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str):
    with pytest.raises(SettingError) as caught:
        FactComposition(**settings)
    assert str(caught.value) == message


def test_a_comparison_needs_values():
    with pytest.raises(SettingError, match="`values` must be at least 1, got 0"):
        FactComparison(values=0)
