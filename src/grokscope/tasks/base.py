"""What a task is: a finite table of rows, its symmetries, and how its rows are split.

Rows are operand tokens with a class each, or real numbers with a class or with real targets. What
has no finite table (parity of many bits, Gaussian inputs) is a sample, drawn from the task's seed.

A network that treats its operands symmetrically answers (b, a) as soon as it has memorised (a, b).
Such rows say nothing about generalisation, so every split names them apart: test rows are *novel*
or *mirrored*, and grokking is judged on the novel ones.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from grokscope.algebra.cyclic import CyclicStructure
from grokscope.algebra.group import Group
from grokscope.core.errors import SettingError
from grokscope.core.seeds import generator
from grokscope.core.settings import check_types


@dataclass(frozen=True, kw_only=True)
class Table:
    """Every row of a task."""

    inputs: Shaped[Tensor, "row slot"]
    """Tokens, 0 … d_vocab − 1, with −1 behind the end of rows that are shorter than others; or real
    numbers, as many per row as there are features."""
    labels: Int[Tensor, " row"]
    """The right class, 0 … n_classes − 1; 0 where there are real targets."""
    d_vocab: int
    """Number of operand tokens (a model may add tokens of its own, such as `=`); 0 where inputs are
    real numbers."""
    n_classes: int
    """Classes, or real targets per row."""
    mirror: Int[Tensor, " row"]
    """The row that has the same answer by symmetry; the row itself where there is none."""
    cyclic: CyclicStructure | None = None
    """The cyclic group behind the table, where it has one."""
    group: Group | None = None
    """The group whose composition the table is; tokens and classes are its elements."""
    noisy: Int[Tensor, " row"] | None = None
    """What each row says when it is trained on, where that is not always the right class."""
    targets: Float[Tensor, "row target"] | None = None
    """What each row is to give, where that is real numbers and no class."""
    tolerance: float | None = None
    """A row counts as right if its mean squared error is smaller; of real targets."""
    always: Bool[Tensor, " row"] | None = None
    """Rows that every network trains on, whatever the fraction; the others are split."""
    never: Bool[Tensor, " row"] | None = None
    """Rows out of the distribution: nobody trains on them, and they are measured apart."""
    bundle: Int[Tensor, " row"] | None = None
    """Rows of one number are on one side of a split, such as the digits of one sum."""

    @classmethod
    def regression(
        cls,
        inputs: Float[Tensor, "row slot"],
        targets: Float[Tensor, "row target"],
        tolerance: float,
    ) -> "Table":
        """Rows of real numbers with real targets, without symmetries."""
        return cls(
            inputs=inputs,
            labels=torch.zeros(len(inputs), dtype=torch.long),
            d_vocab=0,
            n_classes=targets.shape[1],
            mirror=torch.arange(len(inputs)),
            targets=targets,
            tolerance=tolerance,
        )

    @property
    def is_real(self) -> bool:
        """Whether inputs are real numbers."""
        return self.inputs.is_floating_point()

    @property
    def shown(self) -> Int[Tensor, " row"]:
        """The class that each row says when it is trained on."""
        return self.labels if self.noisy is None else self.noisy

    @property
    def free(self) -> Int[Tensor, " free"]:
        """Rows that a split puts on either side."""
        bound = torch.zeros(len(self.labels), dtype=torch.bool)
        for some in (self.always, self.never):
            if some is not None:
                bound |= some
        return torch.arange(len(bound))[~bound]

    @property
    def chance(self) -> float:
        """Accuracy of always answering the most frequent class of the rows that are split.

        0 where there are targets.
        """
        if self.targets is not None:
            return 0.0
        labels = self.labels[self.free] if len(self.free) else self.labels
        return float(torch.bincount(labels).max()) / len(labels)


@dataclass(frozen=True, kw_only=True)
class Split:
    """A partition of a table's rows, as sorted row indices."""

    train: Int[Tensor, " train"]
    novel: Int[Tensor, " novel"]
    """Test rows whose mirror image is not in the training set (or is the row itself)."""
    mirrored: Int[Tensor, " mirrored"]
    """Test rows whose mirror image is in the training set."""
    ood: Int[Tensor, " ood"]
    """Rows out of the distribution."""


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """A table and the rule that splits it. Subclasses say which table."""

    train_fraction: float = 0.3
    """Share of the rows to train on, in (0, 1]; at 1 there is no test set."""
    split: Literal["random", "orbits"] = "random"
    """`random` draws rows; `orbits` keeps mirror images on the same side."""
    data_seed: int | None = None
    """Seed of the split; the network's own seed where none is given. Noise on labels and rows that
    are drawn are the same for all networks, from this seed or from 0."""
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
        if exact.targets is not None:
            raise SettingError("label_noise", "0 for real targets", self.label_noise)
        stream = self.stream("label noise")
        noisy = exact.labels.clone()
        chosen = torch.randperm(len(noisy), generator=stream)[:count]
        noisy[chosen] = torch.randint(exact.n_classes, (count,), generator=stream)
        return replace(exact, noisy=noisy)

    def stream(self, purpose: str) -> torch.Generator:
        """Random numbers that all networks share, for one purpose."""
        return generator(self.data_seed or 0, purpose)

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
            SettingError: the fraction leaves no training row, or there are orbits to keep together
                where some rows are bound to a side or to others.
        """
        free = table.free
        n_train = int(self.train_fraction * len(free))
        if n_train == 0 and table.always is None:
            rule = f"large enough for one of the table's {len(free)} rows"
            raise SettingError("train_fraction", rule, self.train_fraction)
        stream = generator(seed if self.data_seed is None else self.data_seed, "split")
        if self.split == "random" and table.bundle is not None:
            drawn = _draw_bundles(table.bundle[free], self.train_fraction, stream)
        elif self.split == "random":
            drawn = torch.randperm(len(free), generator=stream)[:n_train]
        elif table.bundle is not None or len(free) < len(table.labels):
            rule = "`random` where some rows are bound to a side or to others"
            raise SettingError("split", rule, self.split)
        else:
            drawn = _draw_orbits(table, n_train, stream)
        return _partition(table, free[drawn])


def _draw_bundles(
    bundle: Int[Tensor, " row"], fraction: float, stream: torch.Generator
) -> Int[Tensor, " train"]:
    """All rows of some bundles, at least one."""
    numbers = bundle.unique()
    count = max(1, int(fraction * len(numbers)))
    chosen = numbers[torch.randperm(len(numbers), generator=stream)[:count]]
    return torch.arange(len(bundle))[torch.isin(bundle, chosen)]


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
    nobody = torch.zeros(len(rows), dtype=torch.bool)
    in_train, never = nobody.clone(), nobody if table.never is None else table.never
    in_train[train] = True
    if table.always is not None:
        in_train |= table.always
    held_out = ~in_train & ~never
    seen_in_mirror = in_train[table.mirror] & held_out
    return Split(
        train=rows[in_train],
        novel=rows[held_out & ~seen_in_mirror],
        mirrored=rows[seen_in_mirror],
        ood=rows[never],
    )
