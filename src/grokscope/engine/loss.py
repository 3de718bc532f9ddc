"""What a loss is: one number per network, the mean over its rows."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from grokscope.core.settings import check_types
from grokscope.engine.answers import Answers
from grokscope.tasks import Table

Logits = Float[Tensor, "model row n_outputs"]


@dataclass(frozen=True, kw_only=True)
class Loss(ABC):
    """Subclasses say what one answer of one row costs."""

    TITLE: ClassVar[str]
    """What it is, for people; with its unit where it has one."""

    precision: Literal["float32", "float64"] = "float32"
    """The precision of the loss; logits are computed in the model's own."""

    def __post_init__(self) -> None:
        check_types(self)

    @abstractmethod
    def each(self, logits: Logits, answers: Answers) -> Float[Tensor, "model row answer"]:
        """What every answer of every row costs, in the precision of the logits."""

    @abstractmethod
    def constant(self, table: Table) -> float:
        """The loss of saying the same everywhere: L₀ of a table."""

    def __call__(
        self, logits: Logits, answers: Answers | Int[Tensor, "model row"]
    ) -> Float[Tensor, " model"]:
        """One mean per network, over all outputs."""
        dtype = self.dtype
        given = answers if isinstance(answers, Answers) else Answers.plain(answers, dtype)
        return (self.each(logits.to(dtype), given) * given.shares).sum((1, 2))

    def rows(
        self, logits: Logits, labels: Int[Tensor, " row"], targets: Tensor | None = None
    ) -> Float64[Tensor, "model row"]:
        """The loss of every row of a table, in float64 as all that is reported."""
        answers = Answers.plain(labels.expand(len(logits), -1), torch.float64, targets)
        return self.each(logits.double(), answers).squeeze(2)

    @property
    def dtype(self) -> torch.dtype:
        """Of the loss."""
        return getattr(torch, self.precision)

    @property
    def takes_targets(self) -> bool:
        """Whether real targets will do, as well as classes."""
        return False
