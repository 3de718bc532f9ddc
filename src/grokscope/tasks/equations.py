"""Whole equations of several operations in one vocabulary, as in arXiv 2201.02177."""

from dataclasses import dataclass
from typing import get_args

import torch

from grokscope.core.errors import SettingError
from grokscope.tasks.base import Table, Task
from grokscope.tasks.modular import ModularArithmetic, Operation


@dataclass(frozen=True, kw_only=True)
class Equations(Task):
    """Rows `a op b =` mod p: the tables of `modular`, one operation after another.

    Tokens are the p numbers, then a token per operation in the order in which they are given, then
    `=`; answers are the numbers. The published vocabulary has a token for each of its operations,
    for each permutation of S5 and for the end of an equation, whether they come up or not; this one
    has those that do. A model that adds tokens of its own to two operands is for `modular`.
    """

    operations: str = "add subtract"
    """Operations of the task `modular`, with spaces between."""
    p: int = 97
    """The modulus, at least 3."""

    def __post_init__(self) -> None:
        super().__post_init__()
        known, names = get_args(Operation), self.operations.split()
        if not names or len(set(names)) < len(names) or not set(names) <= set(known):
            rule = f"different ones out of {', '.join(f'`{name}`' for name in known)}"
            raise SettingError("operations", rule, self.operations)
        self._parts()

    def _parts(self) -> list[ModularArithmetic]:
        return [ModularArithmetic(operation=o, p=self.p) for o in self.operations.split()]  # pyright: ignore[reportArgumentType]

    @property
    def exact_name(self) -> str:
        """Such as `equations (add, subtract) mod 97`."""
        return f"equations ({', '.join(self.operations.split())}) mod {self.p}"

    def exact_table(self) -> Table:
        """Rows ordered by operation, then as in its own table."""
        tables = [part.exact_table() for part in self._parts()]
        sizes = [len(table.labels) for table in tables]
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        a, b = torch.cat([table.inputs for table in tables]).unbind(1)
        sign = self.p + torch.arange(len(tables)).repeat_interleave(torch.tensor(sizes))
        equals = torch.full_like(a, self.p + len(tables))
        return Table(
            inputs=torch.stack([a, sign, b, equals], 1),
            labels=torch.cat([table.labels for table in tables]),
            d_vocab=self.p + len(tables) + 1,
            n_classes=self.p,
            mirror=torch.cat([s + t.mirror for s, t in zip(starts, tables, strict=True)]),
        )
