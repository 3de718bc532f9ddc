"""The logits of a network whose last layer reads the sum out like a table: collapsed read-out.

A deep network may have the sum before its last layer, and that layer may answer each sum as it
likes. No circle says how, so that the table is measured; it is the same for every difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float64
from torch import Tensor

from grokscope.explanation.closed_form import ClosedForm
from grokscope.explanation.output import Errors, mean_by_sum, sums


@dataclass(frozen=True, kw_only=True, eq=False)
class SumTableForm(ClosedForm):
    """A form of the circles, and a table over the sum that belongs to none of them."""

    circles: ClosedForm
    table: Float64[Tensor, "order order"]
    """As (s, u)."""
    n_parameters: int
    """Those of the circles, and the table's."""

    def shifted(self, tokens: int, keep: Sequence[int] | None = None) -> Errors:
        """The table of the sum that is there once the first operand has moved."""
        found = self.circles.shifted(tokens, keep)
        if keep is not None:
            return found
        n = len(self.table)
        return found + self.table.roll(tokens, 1)[(sums(n) + tokens) % n]


def fit_sum_table(errors: Errors, circles: ClosedForm) -> SumTableForm:
    """What the circles' form leaves, averaged over the rows of each sum."""
    table = mean_by_sum(errors - circles.errors())
    size = circles.n_parameters + table.numel()
    return SumTableForm(circles=circles, table=table, n_parameters=size)
