"""Rows that are drawn from a set too large for a table, and rows that end before others do."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor


def distinct_rows(
    draw: Callable[[int], Shaped[Tensor, "drawn slot"]],
    count: int,
    key: Callable[[Shaped[Tensor, "drawn slot"]], Shaped[Tensor, "drawn part"]] | None = None,
) -> Shaped[Tensor, "row slot"]:
    """So many rows of which no two are equal, in the order in which they were drawn first.

    Args:
        draw: Gives so many rows; there must be at least `count` different ones.
        count: How many.
        key: What is to differ of each row; the whole row where none is given.
    """
    rows = draw(count)
    while True:
        keys = rows if key is None else key(rows)
        _, first = np.unique(keys.numpy(), axis=0, return_index=True)
        rows = rows[torch.from_numpy(np.sort(first))]
        if len(rows) >= count:
            return rows[:count]
        rows = torch.cat([rows, draw(count)])


def prefixes(
    tokens: Int[Tensor, "row slot"], lengths: Int[Tensor, " row"]
) -> Int[Tensor, "row slot"]:
    """The first tokens of each row, with −1 behind them."""
    return torch.where(torch.arange(tokens.shape[1]) < lengths.unsqueeze(1), tokens, -1)
