"""Regression on what another network says, as in arXiv 2210.01117 (Omnigrok)."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.core.settings import require_at_least
from grokscope.tasks.base import Table, Task


@dataclass(frozen=True, kw_only=True)
class TeacherStudent(Task):
    """Gaussian inputs, and the outputs of a tanh network of two hidden layers with random weights.

    The teacher's weights and biases are uniform in ±α/√(inputs of the layer), which is torch's own
    initialization times α. The defaults are the published ones: 100 rows to train on and 100 to
    test, right below a mean squared error of 10⁻³.
    """

    train_fraction: float = 0.5
    n_rows: int = 200
    """Rows for training and test together."""
    d_in: int = 5
    d_hidden: int = 100
    d_out: int = 5
    alpha: float = 1.0
    """Scale of the teacher's weights and biases."""
    tolerance: float = 1e-3
    """Rows with a smaller mean squared error count as right."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(1, self, "n_rows", "d_in", "d_hidden", "d_out")
        for name in ("alpha", "tolerance"):
            if not getattr(self, name) > 0:
                raise SettingError(name, "greater than 0", getattr(self, name))

    @property
    def exact_name(self) -> str:
        """Such as `teacher 5-100-100-5`."""
        return f"teacher {self.d_in}-{self.d_hidden}-{self.d_hidden}-{self.d_out}"

    def exact_table(self) -> Table:
        """Rows in the order in which they were drawn."""
        inputs = torch.randn(self.n_rows, self.d_in, generator=self.stream("inputs"))
        return Table.regression(inputs, self._teach(inputs), self.tolerance)

    def _teach(self, inputs: Float[Tensor, "row d_in"]) -> Float[Tensor, "row d_out"]:
        stream = self.stream("teacher")
        sizes = (self.d_in, self.d_hidden, self.d_hidden, self.d_out)
        carried = inputs
        for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
            bound = self.alpha / n_in**0.5
            weights = bound * (2 * torch.rand(n_in + 1, n_out, generator=stream) - 1)
            carried = (carried.tanh() if layer else carried) @ weights[:-1] + weights[-1]
        return carried
