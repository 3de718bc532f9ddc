"""Pooling in grids by hand: which runs are borrowed, from how far, and where none are."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.statistics import (
    NEVER,
    Grid,
    Neighbourhood,
    Wait,
    kaplan_meier,
    log_rank,
    pool_neighbours,
    wilson,
)

BUDGET = 1_000.0


def seen(*times: float) -> list[Wait]:
    return [Wait.of(time) for time in times]


def alike(count: int = 4) -> list[Wait]:
    return seen(*range(10, 10 + count))


def at(grid: Grid, row: int, column: int, **settings) -> Neighbourhood:
    found = pool_neighbours(grid, **settings)[row][column]
    assert found is not None
    return found


def test_rings_are_taken_whole_until_there_are_enough():
    grid = [[alike() for _ in range(5)] for _ in range(5)]
    corner, side, middle = (at(grid, *cell) for cell in ((0, 0), (0, 2), (2, 2)))
    assert [(c.own, c.borrowed, c.radius) for c in (corner, side, middle)] == [
        (4, 3 * 4, 1),
        (4, 5 * 4, 1),
        (4, 8 * 4, 1),
    ]
    more = at(grid, 0, 0, enough=17)
    assert (more.borrowed, more.radius) == (8 * 4, 2)
    all_there_are = at(grid, 0, 0, enough=1_000)
    assert (all_there_are.borrowed, all_there_are.radius) == (24 * 4, 4)
    assert not corner.differs
    assert corner.p_value == pytest.approx(1)


def test_cells_that_do_not_exist_lend_nothing_and_stay_empty():
    grid = [[alike(), None, alike() * 3], [None, None, None]]
    found = pool_neighbours(grid)
    assert found[1] == (None, None, None)
    assert found[0][1] is None
    left, right = found[0][0], found[0][2]
    assert left is not None
    assert right is not None
    assert (left.borrowed, left.radius) == (12, 2)
    assert (right.borrowed, right.radius, right.p_value, right.differs) == (0, 0, None, False)
    assert (right.share, right.median) == (right.pooled_share, right.pooled_median)


def test_estimates_by_hand():
    """Of 2 own runs one generalises by 20, the shortest budget, and one later; of 3 others two."""
    own = [Wait.of(10), Wait.of(30)]
    others = [Wait.of(12), Wait.of(20), Wait.beyond(20)]
    found = at([[own, others]], 0, 0, enough=3)
    assert (found.own, found.borrowed, found.horizon) == (2, 3, 20)
    assert found.share == wilson(1, 2)
    assert found.pooled_share == wilson(3, 5)
    assert found.median == kaplan_meier(own).median()
    assert found.pooled_median == kaplan_meier([*own, *others]).median()
    assert (found.median.value, found.pooled_median.value) == (10, 20)
    assert found.p_value == log_rank({"a": own, "b": others}).p_value
    earlier = at([[own, others]], 0, 0, enough=3, horizon=11)
    assert (earlier.share.count, earlier.pooled_share.count) == (1, 1)


def test_nothing_is_borrowed_across_a_border():
    """Left all generalise and right none: cells at the border borrow from their own side."""
    dead = [Wait.beyond(BUDGET)] * 4
    grid = [[alike(), alike(), dead, dead] for _ in range(3)]
    left, right = at(grid, 1, 1), at(grid, 1, 2)
    for cell, share in ((left, wilson(24, 24)), (right, wilson(0, 24))):
        assert (cell.borrowed, cell.refused, cell.radius) == (20, 12, 1)
        assert (cell.p_value, cell.differs) == (pytest.approx(1), False)
        assert cell.pooled_share == share


def test_a_cell_unlike_every_neighbour_keeps_to_itself():
    dead = [Wait.beyond(BUDGET)] * 4
    island = [[alike() if (i, j) == (1, 1) else dead for j in range(3)] for i in range(3)]
    found = at(island, 1, 1)
    assert (found.borrowed, found.refused, found.radius) == (0, 32, 0)
    assert (found.p_value, found.differs) == (None, True)
    assert found.pooled_share == found.share == wilson(4, 4)
    assert found.pooled_median == found.median


def test_differences_too_small_for_four_against_four_show_together():
    """2 of 4 and 4 of 4 may be alike; 2 of 4 and 32 of 32 are not."""
    own = [*seen(11, 12), *[Wait.beyond(BUDGET)] * 2]
    grid = [[own if (i, j) == (1, 1) else alike() for j in range(3)] for i in range(3)]
    assert log_rank({"a": own, "b": alike()}).p_value > 0.05
    found = at(grid, 1, 1)
    assert (found.refused, found.borrowed, found.radius, found.differs) == (0, 0, 0, True)
    assert found.p_value == log_rank({"a": own, "b": alike() * 8}).p_value
    assert found.p_value < 0.05
    assert found.pooled_share == found.share == wilson(2, 4)


def test_times_that_differ_keep_cells_apart_where_all_generalise():
    found = at([[seen(1, 2, 3, 4), seen(*range(100, 110))]], 0, 0)
    assert found.differs
    assert found.share == wilson(4, 4)


def test_where_nothing_generalises_there_is_nothing_to_tell_apart():
    found = at([[[Wait.beyond(BUDGET)] * 4, [NEVER] * 8]], 0, 0)
    assert (found.p_value, found.differs, found.pooled_share) == (1, False, wilson(0, 12))
    assert found.horizon == BUDGET


def test_where_all_is_seen_the_horizon_is_not_bounded():
    found = at([[alike(), [*alike(3), NEVER]]], 0, 1)
    assert (found.horizon, found.share.count, found.share.total) == (math.inf, 3, 4)
    assert at([[alike()]], 0, 0, horizon=11).share.count == 2


cells = st.none() | st.lists(
    st.builds(lambda t, s: Wait.of(t) if s else Wait.beyond(t), st.integers(1, 9), st.booleans()),
    min_size=1,
    max_size=4,
)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=3))
def test_a_grid_turned_upside_down_or_on_its_side_gives_the_same(grid: list):
    found = pool_neighbours(grid)
    assert pool_neighbours(grid[::-1])[::-1] == found
    turned = pool_neighbours([list(column) for column in zip(*grid, strict=True)])
    assert tuple(zip(*turned, strict=True)) == found
    for row, results in zip(grid, found, strict=True):
        for own, result in zip(row, results, strict=True):
            assert (own is None) == (result is None)
            if result is not None:
                assert result.own == len(own) == result.share.total
                assert result.pooled_share.total == result.own + result.borrowed
                assert (result.borrowed > 0) == (result.radius > 0)
                assert not (result.differs and result.borrowed)
                assert result.p_value is None or result.differs == (result.p_value < 0.05)


def test_of_cells_that_are_alike_few_refuse_and_the_rest_are_known_better():
    stream = np.random.default_rng(2)

    def runs() -> list[Wait]:
        times = stream.exponential(size=4).tolist()
        return [Wait.of(t) if t < 1 else Wait.beyond(1) for t in times]

    found = pool_neighbours([[runs() for _ in range(12)] for _ in range(12)])
    cells = [cell for row in found for cell in row if cell is not None]
    assert sum(cell.differs for cell in cells) / len(cells) < 0.12
    errors = {
        name: np.mean([abs(getattr(cell, name).value - (1 - math.exp(-1))) for cell in cells])
        for name in ("share", "pooled_share")
    }
    assert errors["pooled_share"] < 0.6 * errors["share"]


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (
            lambda: pool_neighbours([[alike()], [alike(), alike()]]),
            "`grid` must be rows of one length, got [1, 2].",
        ),
        (lambda: pool_neighbours([[alike(), []]]), "`waits` must be at least one, got 0."),
        (
            lambda: pool_neighbours([[[Wait(1.0, 2.0)]]]),
            "`waits` must be seen or right-censored, got Wait(least=1.0, most=2.0).",
        ),
        (lambda: pool_neighbours([[alike()]], 0), "`enough` must be at least 1, got 0."),
        (
            lambda: pool_neighbours([[[Wait.beyond(9)]]], horizon=10),
            "`horizon` must be above 0 and at most 9, got 10.",
        ),
        (
            lambda: pool_neighbours([[alike()]], horizon=0),
            "`horizon` must be above 0 and at most inf, got 0.",
        ),
    ],
)
def test_bad_input_gets_one_line(make, complaint: str):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value) == complaint
