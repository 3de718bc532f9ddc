"""Random Latin squares: tables that look like a group's and have no group behind them.

The ±1 moves of Jacobson and Matthews (Journal of Combinatorial Designs 4, 1996, 405–437): a square
is a cube of 0 and 1 with one 1 in every line. A move adds a cell and takes what is too much out of
its three lines, which may leave one cell at −1 for the next move to mend.
"""

from collections.abc import Callable

import torch
from jaxtyping import Int
from torch import Generator, Tensor

Cube = list[list[list[int]]]
Cell = tuple[int, int, int]
Draw = Callable[[int], int]


def latin_square(stream: Generator, n: int) -> Int[Tensor, "n n"]:
    """A square after n³ moves from addition mod n, and as many more as make it proper."""
    cube = [[[int((r + c - s) % n == 0) for s in range(n)] for c in range(n)] for r in range(n)]
    draw = _drawing(stream)
    improper: Cell | None = None
    moves = 0
    while moves < n**3 or improper is not None:
        improper = _moved(cube, improper or _empty_cell(cube, draw), draw)
        moves += 1
    return torch.tensor(cube).argmax(2)


def _drawing(stream: Generator) -> Draw:
    """Uniform integers below a bound, drawn many at a time."""
    pool: list[float] = []

    def draw(bound: int) -> int:
        if not pool:
            pool.extend(torch.rand(4096, generator=stream, dtype=torch.float64).tolist())
        return int(pool.pop() * bound)

    return draw


def _empty_cell(cube: Cube, draw: Draw) -> Cell:
    while True:
        row, column, symbol = (draw(len(cube)) for _ in range(3))
        if cube[row][column][symbol] == 0:
            return row, column, symbol


def _moved(cube: Cube, cell: Cell, draw: Draw) -> Cell | None:
    """Make a move at a cell that is 0 or −1; the cell that it leaves at −1."""
    (row, column, symbol), n = cell, range(len(cube))
    rows = [r for r in n if cube[r][column][symbol] == 1]
    columns = [c for c in n if cube[row][c][symbol] == 1]
    symbols = [s for s in n if cube[row][column][s] == 1]
    r, c, s = (each[draw(len(each))] for each in (rows, columns, symbols))
    for added in ((row, column, symbol), (row, c, s), (r, column, s), (r, c, symbol)):
        cube[added[0]][added[1]][added[2]] += 1
    for taken in ((r, column, symbol), (row, c, symbol), (row, column, s), (r, c, s)):
        cube[taken[0]][taken[1]][taken[2]] -= 1
    return (r, c, s) if cube[r][c][s] == -1 else None
