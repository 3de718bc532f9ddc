"""Variance components of a crossed table from pairs of cells."""

from collections.abc import Sequence
from itertools import combinations, product


def slow_components(values: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """Of rows, of columns, and of the residual.

    Half the mean squared difference of two cells of one row is the variance of columns plus the
    residual's; of one column, that of rows plus the residual's; of neither, of all three.
    """
    cells = list(product(range(len(values)), range(len(values[0]))))
    squares: dict[str, list[float]] = {"row": [], "column": [], "neither": []}
    for (i, j), (k, m) in combinations(cells, 2):
        kind = "row" if i == k else "column" if j == m else "neither"
        squares[kind].append((values[i][j] - values[k][m]) ** 2 / 2)
    mean = {kind: sum(own) / len(own) for kind, own in squares.items()}
    of_rows, of_columns = mean["neither"] - mean["row"], mean["neither"] - mean["column"]
    return of_rows, of_columns, mean["neither"] - of_rows - of_columns
