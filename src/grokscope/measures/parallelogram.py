"""Parallelograms of embeddings, and what they foretell (arXiv 2205.10343).

A network that adds its embeddings and decodes the sum answers i + j right once it knows m + n, if
i + j = m + n and E_i + E_j = E_m + E_n: its embeddings form a parallelogram there. The two sums may
be equal as whole numbers (a *plain* parallelogram, as published) or modulo the order of the group
(a *modular* one). Embeddings on a line have all plain ones and few modular ones; embeddings on
circles have next to none of either kind, however well their network generalises.

All functions take embeddings in the order of the group's coordinates. A parallelogram is a pair of
rows with the same sum. Where both operands share their embeddings, (i, j) and (j, i) are one row,
so that the trivial i + j = j + i is none.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from grokscope.core.errors import SettingError

DELTA = 0.1
"""Largest side that counts as closed, in units of the embedding's scale."""
ZERO = 1e-9
"""Eigenvalues below it are zero but for rounding."""

Tables = Float[Tensor, "model slot order d_model"]


def rqi(tables: Tables, *, modular: bool, delta: float = DELTA) -> Float64[Tensor, " model"]:
    """Representation quality index: the share of parallelograms that the embeddings close.

    Formula: |P(R)| / |P0| with P0 all pairs of rows (i, j), (m, n) of the same sum and P(R) those
    with ‖E_i + E_j − E_m − E_n‖ < delta · scale, the scale being the root mean square norm of the
    embeddings, centred per operand. The paper's code asks a mean square below .01 after each
    direction was given unit variance: a `delta` of .1, which differs only where the directions of
    the embedding have unequal variance.

    Unit: 1. Range: [0, 1]. Source: arXiv 2205.10343. NaN where all embeddings are equal.

    Args:
        tables: embeddings by operand and coordinate.
        modular: count sums modulo the order, instead of as whole numbers.
        delta: as above, greater than 0.
    """
    _check(tables, delta)
    return torch.stack([_share_closed(table, modular, delta) for table in tables.double()])


def predicted_accuracy(
    tables: Tables,
    train: Bool[Tensor, "model order order"],
    asked: Bool[Tensor, "model order order"],
    *,
    delta: float = DELTA,
) -> Float64[Tensor, " model"]:
    """The accuracy that a network's parallelograms foretell on rows it was not trained on.

    Formula: the share of the asked rows (i, j) for which some training row (m, n) with the same
    sum modulo the order has ‖E_i + E_j − E_m − E_n‖ < delta · scale (see `rqi`).

    Unit: 1. Range: [0, 1]. Source: arXiv 2205.10343. NaN where no row is asked.

    Args:
        tables: embeddings by operand and coordinate.
        train: whether each pair of coordinates is trained on.
        asked: which pairs to predict.
        delta: as above, greater than 0.
    """
    _check(tables, delta)
    found = [_predicted(*own, delta) for own in zip(tables.double(), train, asked, strict=True)]
    return torch.stack(found)


def effective_loss(
    tables: Tables, train: Bool[Tensor, "model order order"], *, modular: bool
) -> Float64[Tensor, " model"]:
    """How far the parallelograms of the training rows are from being closed.

    Formula: l0/Z0 with l0 = Σ over P0(D) of ‖E_i + E_j − E_m − E_n‖² / |P0|, P0(D) the
    parallelograms whose two rows are both trained on, and Z0 = Σ_k ‖E_k‖² of the centred
    embeddings, summed over the operands' tables (one, where they share it).

    Unit: 1. Range: ≥ 0. Source: arXiv 2205.10343.
    """
    _check(tables, DELTA)
    return torch.stack(
        [_effective_loss(t, d, modular) for t, d in zip(tables.double(), train, strict=True)]
    )


def effective_matrix(
    train: Bool[Tensor, "set order order"], *, modular: bool = False
) -> Float64[Tensor, "set order order"]:
    """H of the effective theory, dE/dt = −η H E, of each training set.

    Formula: H = (2/|P0|) Σ over P0(D) of a aᵀ with a = e_i + e_j − e_m − e_n, for embeddings that
    both operands share and Z0 = 1. A set has the row {i, j} where it has (i, j) or (j, i).

    Source: arXiv 2205.10343.
    """
    order = train.shape[1]
    rows, sums = _rows(order, shared=True, modular=modular)
    has_row = (train | train.mT)[:, rows[:, 0], rows[:, 1]].double()
    unit = torch.eye(order, dtype=torch.float64)
    terms = unit[rows[:, 0]] + unit[rows[:, 1]]
    member = torch.nn.functional.one_hot(sums).double()
    partners = (has_row @ member)[:, sums] * has_row
    # Σ over pairs of (a_r − a_t)(a_r − a_t)ᵀ is k Σ a aᵀ − (Σ a)(Σ a)ᵀ in each group of k rows
    alone = torch.einsum("sr,ri,rj->sij", partners, terms, terms)
    total = torch.einsum("sr,rg,ri->sgi", has_row, member, terms)
    return (alone - total.mT @ total) * (2 / _n_pairs(sums))


def grokking_rate(matrix: Float64[Tensor, "set order order"]) -> Float64[Tensor, " set"]:
    """Third-smallest eigenvalue λ3 of H: how fast the slowest false representation decays.

    Two eigenvalues are always 0, those of shift and slope, so that λ3 > 0 says that the training
    set leaves no representation but the line. The theory's grokking time is about 1/(η λ3). It is
    for plain addition: modulo n only the shift is free, and the second-smallest takes its place.

    Unit: 1/(η · step). Range: ≥ 0. Source: arXiv 2205.10343.
    """
    return torch.linalg.eigvalsh(matrix)[:, 2]


def share_determined(order: int, n_train: int, sets: int, stream: torch.Generator) -> float:
    """Share of random training sets of plain addition that determine the representation (λ3 > 0).

    The published critical fraction is where this rises: about .4 for addition of 10 symbols.

    Args:
        order: number of symbols.
        n_train: rows of a training set, out of the order · (order + 1)/2 unordered ones.
        sets: number of sets to draw.
        stream: source of randomness.
    """
    rows, _ = _rows(order, shared=True, modular=False)
    train = torch.zeros(sets, order, order, dtype=torch.bool)
    for own in train:
        chosen = rows[torch.randperm(len(rows), generator=stream)[:n_train]]
        own[chosen[:, 0], chosen[:, 1]] = True
    return float((grokking_rate(effective_matrix(train)) > ZERO).double().mean())


def _check(tables: Tables, delta: float) -> None:
    if tables.shape[1] != 2:
        raise SettingError("tables", "embeddings of two operands", tuple(tables.shape))
    if not delta > 0:
        raise SettingError("delta", "greater than 0", delta)


def _share_closed(
    table: Float64[Tensor, "slot order d_model"], modular: bool, delta: float
) -> Float64[Tensor, ""]:
    reach = delta * _scale(table)
    rows, sums = _rows(table.shape[1], shared=_is_shared(table), modular=modular)
    ends = _ends(table, rows)
    closed = sum(
        ((torch.pdist(ends[group]) < reach).sum() for group in _groups(sums)), torch.tensor(0)
    )
    return torch.where(reach > 0, closed.double() / _n_pairs(sums), torch.nan)


def _predicted(
    table: Float64[Tensor, "slot order d_model"],
    train: Bool[Tensor, "order order"],
    asked: Bool[Tensor, "order order"],
    delta: float,
) -> Float64[Tensor, ""]:
    rows, sums = _rows(table.shape[1], shared=False, modular=True)
    ends, reach = _ends(table, rows), delta * _scale(table)
    known, wanted = train[rows[:, 0], rows[:, 1]], asked[rows[:, 0], rows[:, 1]]
    right = torch.tensor(0)
    for group in _groups(sums):
        sides = torch.cdist(ends[group][wanted[group]], ends[group][known[group]])
        right = right + (sides < reach).any(1).sum()
    return right.double() / wanted.sum()


def _effective_loss(
    table: Float64[Tensor, "slot order d_model"], train: Bool[Tensor, "order order"], modular: bool
) -> Float64[Tensor, ""]:
    shared = _is_shared(table)
    rows, sums = _rows(table.shape[1], shared=shared, modular=modular)
    has_row = (train | train.mT if shared else train)[rows[:, 0], rows[:, 1]]
    ends = _ends(_centred(table), rows)
    sides = [torch.pdist(ends[group][has_row[group]]).square().sum() for group in _groups(sums)]
    size = _centred(table).square().sum() / (2 if shared else 1)
    return torch.stack(sides).sum() / (_n_pairs(sums) * size)


def _rows(
    order: int, *, shared: bool, modular: bool
) -> tuple[Int[Tensor, "row 2"], Int[Tensor, " row"]]:
    """Pairs of coordinates, each unordered pair once where the embedding is shared; their sums."""
    every = torch.cartesian_prod(torch.arange(order), torch.arange(order))
    rows = every[every[:, 0] <= every[:, 1]] if shared else every
    sums = rows.sum(1)
    return rows, sums % order if modular else sums


def _groups(sums: Int[Tensor, " row"]) -> Iterator[Int[Tensor, " member"]]:
    """The rows of each sum."""
    return iter(torch.argsort(sums, stable=True).split(torch.bincount(sums).tolist()))


def _n_pairs(sums: Int[Tensor, " row"]) -> int:
    """|P0|: pairs of rows with the same sum."""
    sizes = torch.bincount(sums)
    return int((sizes * (sizes - 1) // 2).sum())


def _ends(
    table: Float64[Tensor, "slot order d_model"], rows: Int[Tensor, "row 2"]
) -> Float64[Tensor, "row d_model"]:
    return table[0, rows[:, 0]] + table[1, rows[:, 1]]


def _centred(
    table: Float64[Tensor, "slot order d_model"],
) -> Float64[Tensor, "slot order d_model"]:
    return table - table.mean(1, keepdim=True)


def _scale(table: Float64[Tensor, "slot order d_model"]) -> Float64[Tensor, ""]:
    """Root mean square norm of the centred embeddings."""
    return _centred(table).square().sum(2).mean().sqrt()


def _is_shared(table: Float64[Tensor, "slot order d_model"]) -> bool:
    return torch.equal(table[0], table[1])
