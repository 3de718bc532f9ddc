"""Addition of whole numbers, without a modulus: the toy of arXiv 2205.10343."""

from dataclasses import dataclass

import torch

from grokscope.core.errors import SettingError
from grokscope.tasks.base import Table, Task


@dataclass(frozen=True, kw_only=True)
class IntegerAddition(Task):
    """x + y for every pair of 0 … p − 1, in rows ordered by x, then y; the classes are the sums.

    The paper counts unordered pairs, 55 of p = 10 and 45 of them to train on: that is `split`
    `orbits`, which keeps (x, y) and (y, x) together.
    """

    p: int = 10
    """Numbers there are, at least 2."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.p < 2:
            raise SettingError("p", "at least 2", self.p)

    @property
    def exact_name(self) -> str:
        """Such as `addition of 0 to 9`."""
        return f"addition of 0 to {self.p - 1}"

    def exact_table(self) -> Table:
        """All p² pairs."""
        numbers = torch.arange(self.p)
        inputs = torch.cartesian_prod(numbers, numbers)
        x, y = inputs.unbind(1)
        return Table(
            inputs=inputs,
            labels=x + y,
            d_vocab=self.p,
            n_classes=2 * self.p - 1,
            mirror=y * self.p + x,
        )
