"""What a task is: a finite table of rows, its symmetries, and how its rows are split.

A network that treats its operands symmetrically answers (b, a) as soon as it has memorised (a, b).
Such rows say nothing about generalisation, so every split names them apart: test rows are *novel*
or *mirrored*, and grokking is judged on the novel ones.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from grokscope.algebra.cyclic import CyclicStructure
from grokscope.algebra.group import Group
from grokscope.core.errors import SettingError
from grokscope.core.seeds import generator
from grokscope.core.settings import check_types


@dataclass(frozen=True, kw_only=True)
class Table:
    """Every row of a task."""

    inputs: Int[Tensor, "row slot"]
    """Operand tokens, 0 … d_vocab − 1."""
    labels: Int[Tensor, " row"]
    """The right class, 0 … n_classes − 1."""
    d_vocab: int
    """Number of operand tokens (a model may add tokens of its own, such as `=`)."""
    n_classes: int
    mirror: Int[Tensor, " row"]
    """The row that has the same answer by symmetry; the row itself where there is none."""
    cyclic: CyclicStructure | None
    """The cyclic group behind the table, where it has one."""
    group: Group | None = None
    """The group whose composition the table is; tokens and classes are its elements."""
    noisy: Int[Tensor, " row"] | None = None
    """What each row says when it is trained on, where that is not always the right class."""

    @property
    def shown(self) -> Int[Tensor, " row"]:
        """The class that each row says when it is trained on."""
        return self.labels if self.noisy is None else self.noisy

    @property
    def chance(self) -> float:
        """Accuracy of always answering the most frequent class."""
        return float(torch.bincount(self.labels).max()) / len(self.labels)


@dataclass(frozen=True, kw_only=True)
class Split:
    """A partition of a table's rows, as sorted row indices."""

    train: Int[Tensor, " train"]
    novel: Int[Tensor, " novel"]
    """Test rows whose mirror image is not in the training set (or is the row itself)."""
    mirrored: Int[Tensor, " mirrored"]
    """Test rows whose mirror image is in the training set."""


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """A table and the rule that splits it. Subclasses say which table."""

    train_fraction: float = 0.3
    """Share of the rows to train on, in (0, 1]; at 1 there is no test set."""
    split: Literal["random", "orbits"] = "random"
    """`random` draws rows; `orbits` keeps mirror images on the same side."""
    data_seed: int | None = None
    """Seed of the split; the network's own seed where none is given. Noise on labels is the same
    for all networks, drawn from this seed or from 0."""
    label_noise: float = 0.0
    """Share of the rows whose label is drawn anew, any class alike, for those who train on them;
    1 leaves random labels. Test rows keep the right ones."""

    def __post_init__(self) -> None:
        check_types(self)
        if not 0 < self.train_fraction <= 1:
            raise SettingError("train_fraction", "in (0, 1]", self.train_fraction)
        if not 0 <= self.label_noise <= 1:
            raise SettingError("label_noise", "in [0, 1]", self.label_noise)

    def table(self) -> Table:
        """The whole table, rows in a fixed order, with what its training rows say."""
        exact = self.exact_table()
        count = round(self.label_noise * len(exact.labels))
        if not count:
            return exact
        stream = generator(self.data_seed or 0, "label noise")
        noisy = exact.labels.clone()
        chosen = torch.randperm(len(noisy), generator=stream)[:count]
        noisy[chosen] = torch.randint(exact.n_classes, (count,), generator=stream)
        return replace(exact, noisy=noisy)

    @abstractmethod
    def exact_table(self) -> Table:
        """The whole table without noise on its labels."""

    @property
    def name(self) -> str:
        """A short name for people, such as `addition mod 113, random labels`."""
        if self.label_noise == 0:
            return self.exact_name
        drawn = (
            "random labels" if self.label_noise == 1 else f"{100 * self.label_noise:g}% label noise"
        )
        return f"{self.exact_name}, {drawn}"

    @property
    @abstractmethod
    def exact_name(self) -> str:
        """The same without noise on the labels."""

    @property
    def ceiling(self) -> float:
        """The best accuracy that can be reached on test rows; 1 for exact tasks."""
        return 1.0

    def make_split(self, table: Table, seed: int) -> Split:
        """Partition the rows of `table`; the same seed gives the same rows.

        The number of training rows depends on the table and the fraction alone, never on the seed.

        Raises:
            SettingError: the fraction leaves no training row.
        """
        n_train = int(self.train_fraction * len(table.labels))
        if n_train == 0:
            rule = f"large enough for one of the table's {len(table.labels)} rows"
            raise SettingError("train_fraction", rule, self.train_fraction)
        stream = generator(seed if self.data_seed is None else self.data_seed, "split")
        draw = _draw_rows if self.split == "random" else _draw_orbits
        return _partition(table, draw(table, n_train, stream))


def _draw_rows(table: Table, n_train: int, stream: torch.Generator) -> Int[Tensor, " train"]:
    return torch.randperm(len(table.labels), generator=stream)[:n_train]


def _draw_orbits(table: Table, n_train: int, stream: torch.Generator) -> Int[Tensor, " train"]:
    """Whole orbits under the mirror; pairs and fixed rows are drawn in fixed numbers."""
    rows = torch.arange(len(table.labels))
    fixed, first = rows[table.mirror == rows], rows[table.mirror > rows]
    n_fixed = round(n_train * len(fixed) / len(rows))
    if (n_train - n_fixed) % 2:
        n_fixed += 1 if n_fixed < len(fixed) else -1
    n_pairs = (n_train - n_fixed) // 2
    fixed = fixed[torch.randperm(len(fixed), generator=stream)[:n_fixed]]
    first = first[torch.randperm(len(first), generator=stream)[:n_pairs]]
    return torch.cat([fixed, first, table.mirror[first]])


def _partition(table: Table, train: Int[Tensor, " train"]) -> Split:
    rows = torch.arange(len(table.labels))
    in_train = torch.zeros(len(rows), dtype=torch.bool)
    in_train[train] = True
    seen_in_mirror = in_train[table.mirror] & ~in_train
    return Split(
        train=rows[in_train],
        novel=rows[~in_train & ~seen_in_mirror],
        mirrored=rows[seen_in_mirror],
    )
