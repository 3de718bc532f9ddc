"""Parallelograms of embeddings counted one by one, in plain Python."""

import math
from itertools import combinations

import numpy as np

Row = tuple[int, int]


def sum_of(row: Row, order: int, modular: bool) -> int:
    return sum(row) % order if modular else sum(row)


def every_row(order: int, shared: bool) -> list[Row]:
    """Pairs of coordinates; of (i, j) and (j, i) one, where both have the same embeddings."""
    return [(i, j) for i in range(order) for j in range(i if shared else 0, order)]


def pairs(order: int, shared: bool, modular: bool) -> list[tuple[Row, Row]]:
    """P0."""
    return [
        (one, other)
        for one, other in combinations(every_row(order, shared), 2)
        if sum_of(one, order, modular) == sum_of(other, order, modular)
    ]


def side(tables: np.ndarray, one: Row, other: Row) -> float:
    """‖E_i + E_j − E_m − E_n‖ of tables (slot, token, direction)."""
    gap = tables[0][one[0]] + tables[1][one[1]] - tables[0][other[0]] - tables[1][other[1]]
    return math.sqrt(sum(float(g) ** 2 for g in gap))


def scale(tables: np.ndarray) -> float:
    squares = [
        sum(float(v) ** 2 for v in token - table.mean(0)) for table in tables for token in table
    ]
    return math.sqrt(sum(squares) / len(squares))


def slow_rqi(tables: np.ndarray, modular: bool, delta: float) -> float:
    shared = bool((tables[0] == tables[1]).all())
    ideal = pairs(tables.shape[1], shared, modular)
    reach = delta * scale(tables)
    return sum(side(tables, *pair) < reach for pair in ideal) / len(ideal)


def slow_predicted(tables: np.ndarray, train: np.ndarray, asked: np.ndarray, delta: float) -> float:
    order, reach = tables.shape[1], delta * scale(tables)
    rows = every_row(order, shared=False)
    right = total = 0
    for row in (row for row in rows if asked[row]):
        total += 1
        right += any(
            side(tables, row, known) < reach
            for known in rows
            if train[known] and sum_of(known, order, True) == sum_of(row, order, True)
        )
    return right / total


def slow_effective_loss(tables: np.ndarray, train: np.ndarray, modular: bool) -> float:
    order, shared = tables.shape[1], bool((tables[0] == tables[1]).all())
    ideal = pairs(order, shared, modular)
    own = train | train.T if shared else train
    energy = sum(side(tables, *pair) ** 2 for pair in ideal if own[pair[0]] and own[pair[1]])
    size = scale(tables) ** 2 * order * (1 if shared else 2)
    return energy / len(ideal) / size


def slow_effective_matrix(train: np.ndarray, modular: bool) -> np.ndarray:
    order = len(train)
    ideal, own = pairs(order, True, modular), train | train.T
    matrix = np.zeros((order, order))
    for one, other in ideal:
        if own[one] and own[other]:
            term = np.zeros(order)
            for token, sign in zip((*one, *other), (1, 1, -1, -1), strict=True):
                term[token] += sign
            matrix += np.outer(term, term)
    return 2 * matrix / len(ideal)
