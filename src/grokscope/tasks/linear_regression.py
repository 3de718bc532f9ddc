"""Linear regression with Gaussian inputs, which groks in the accuracy alone (arXiv 2310.16441)."""

from dataclasses import dataclass

import torch

from grokscope.core.errors import SettingError
from grokscope.core.settings import require_at_least
from grokscope.tasks.base import Table, Task


@dataclass(frozen=True, kw_only=True)
class LinearRegression(Task):
    """y = Tᵀx of Gaussian x, without noise; T is Gaussian, of variance 1/d, so that y has 1.

    What decides is λ = d over training rows: 0.8 by default. The accuracy is the share of rows with
    an error below the tolerance, so it jumps where the loss only decays.
    """

    train_fraction: float = 0.5
    d: int = 400
    """Features per row."""
    n_rows: int = 1000
    """Rows for training and test together."""
    d_out: int = 1
    """Targets per row."""
    tolerance: float = 1e-3
    """Rows with a smaller mean squared error count as right."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(1, self, "d", "n_rows", "d_out")
        if not self.tolerance > 0:
            raise SettingError("tolerance", "greater than 0", self.tolerance)

    @property
    def exact_name(self) -> str:
        """Such as `linear regression on 400 features`."""
        return f"linear regression on {self.d} features"

    def exact_table(self) -> Table:
        """Rows in the order in which they were drawn."""
        inputs = torch.randn(self.n_rows, self.d, generator=self.stream("inputs"))
        teacher = torch.randn(self.d, self.d_out, generator=self.stream("teacher")) / self.d**0.5
        return Table.regression(inputs, inputs @ teacher, self.tolerance)
