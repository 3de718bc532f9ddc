"""What the curves of a run show: accuracy or its stand-in for real targets, and which loss."""

from dataclasses import dataclass

from grokscope.experiment.config import Plan
from grokscope.tasks import Table


@dataclass(frozen=True, kw_only=True)
class Quantities:
    """Names for axes and tables.

    Attributes:
        score: what rises from 0 to 1.
        loss: what is trained with.
    """

    score: str = "accuracy"
    loss: str = "loss"

    @classmethod
    def of(cls, plan: Plan, table: Table | None = None) -> "Quantities":
        """Those of a run; its table is made where it is not given."""
        table = plan.base.task.table() if table is None else table
        score = "accuracy" if table.targets is None else "1 − L/L₀"
        return cls(score=score, loss=plan.base.loss.TITLE)
