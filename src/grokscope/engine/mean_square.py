"""Mean squared error, of real targets or of classes as one-hot vectors."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from grokscope.engine.answers import Answers
from grokscope.engine.loss import Logits, Loss
from grokscope.tasks import Table


@dataclass(frozen=True, kw_only=True)
class MeanSquare(Loss):
    """Mean over rows and outputs; a class is a one-hot vector, as in arXiv 2210.01117."""

    TITLE: ClassVar[str] = "mean squared error"

    @property
    def takes_targets(self) -> bool:
        """Real targets are what it is for."""
        return True

    def each(self, logits: Logits, answers: Answers) -> Float[Tensor, "model row answer"]:
        """Σ (z − e)² / n_outputs."""
        n_outputs = logits.shape[2]
        if answers.targets is not None:
            wanted = answers.targets.to(logits.dtype)
            return (logits - wanted).square().sum(2, keepdim=True) / n_outputs
        own = logits.gather(-1, answers.labels)
        return (logits.square().sum(2, keepdim=True) - 2 * own + 1) / n_outputs

    def constant(self, table: Table) -> float:
        """Variance of the targets; of one-hot vectors where these are classes."""
        if table.targets is not None:
            return float(table.targets.double().var(0, correction=0).mean())
        counts = table.labels.bincount(minlength=table.n_classes).double() / len(table.labels)
        return float((counts * (1 - counts)).mean())
