"""The record of one network's training that events and labels are read from."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from grokscope.core.errors import SettingError


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Accuracies and losses of one network at each of its evaluations.

    For regression, pass 1 - L/L0 as the accuracies with a chance of 0.

    Attributes:
        step: optimizer steps taken before each evaluation, strictly increasing.
        train_acc: accuracy on the training rows.
        test_acc: accuracy on the novel held-out rows; NaN where there are none.
        n_test: number of rows behind `test_acc`.
        chance: accuracy of a network that knows nothing.
        ceiling: best test accuracy that the task allows; the train ceiling is always 1.
        train_loss: loss on the training rows; a value that is not finite means divergence.
        test_loss: loss on the novel held-out rows.
        loss_scale: L0, the loss of a constant prediction (log n_classes for cross entropy); the
            first loss of each curve stands in where it is None.
        budget_ended: whether the step budget ended the record, rather than an early stop.
        diverged_step: step at which training met a number that is not finite.
        data_changed: whether the training set was changed after the network had generalised.

    Raises:
        SettingError: when lengths differ, steps do not rise, or chance is not below the ceiling.
    """

    # lengths are checked in __post_init__, with a message for people
    step: Int[np.ndarray, " _evaluation"]
    train_acc: Float[np.ndarray, " _evaluation"]
    test_acc: Float[np.ndarray, " _evaluation"]
    n_test: int
    chance: float
    ceiling: float = 1.0
    train_loss: Float[np.ndarray, " _evaluation"] | None = None
    test_loss: Float[np.ndarray, " _evaluation"] | None = None
    loss_scale: float | None = None
    budget_ended: bool = True
    diverged_step: int | None = None
    data_changed: bool = False

    def __post_init__(self) -> None:
        for name, values in self._columns().items():
            if values.shape != (len(self.step),):
                rule = f"one value for each of {len(self.step)} evaluations"
                raise SettingError(name, rule, values.shape)
        if np.any(np.diff(self.step) <= 0):
            raise SettingError("step", "strictly increasing", self.step.tolist())
        if not self.chance < self.ceiling:
            raise SettingError("ceiling", f"above the chance of {self.chance}", self.ceiling)

    @property
    def has_test(self) -> bool:
        """Whether there are held-out rows, without which test accuracy is undefined."""
        return self.n_test > 0

    def train_q(self) -> Float[np.ndarray, " evaluation"]:
        """Normalised train accuracy: 0 at chance, 1 when every training row is right."""
        return (self.train_acc - self.chance) / (1.0 - self.chance)

    def test_q(self) -> Float[np.ndarray, " evaluation"]:
        """Normalised test accuracy: 0 at chance, 1 at the ceiling; NaN without test rows."""
        if not self.has_test:
            return np.full(len(self.step), np.nan)
        return (self.test_acc - self.chance) / (self.ceiling - self.chance)

    def until(self, step: int) -> "Curve":
        """The record of the evaluations before a step."""
        before = self.step < step
        kept = {name: values[before] for name, values in self._columns().items()}
        return replace(self, **kept)

    def _columns(self) -> dict[str, np.ndarray]:
        names = ("step", "train_acc", "test_acc", "train_loss", "test_loss")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}
