"""How the networks of a population are moved: one kind of optimizer, settings of their own."""

from collections.abc import Sequence
from dataclasses import fields

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.engine.adamw import AdamW
from grokscope.engine.optimizer import Optimizer
from grokscope.engine.state import Flat, Shapes, State


class Update:
    """What the optimizers of a population share.

    Args:
        settings: of every network, also of those that come later.
        shapes: of one network's parameters.

    Raises:
        SettingError: optimizers of several kinds.
    """

    def __init__(self, settings: Sequence[Optimizer], shapes: Shapes) -> None:
        _require_one_kind(settings)
        self.shapes = shapes
        self._kind = settings[0]
        self._names = tuple(self._kind.REST)

    @property
    def has_kernel(self) -> bool:
        """Whether torch's fused kernel takes the same step for networks that are alike."""
        return isinstance(self._kind, AdamW)

    def begin(self, theta: Flat) -> State:
        """The state of networks with these weights before their first step."""
        return {"theta": theta} | self._kind.begin(theta)

    def standstill(self, like: Tensor) -> Float[Tensor, " coefficient"]:
        """Coefficients that leave the state of a network as it is, where its gradient is 0."""
        rest = [self._kind.REST[name] for name in self._names]
        return torch.tensor(rest, dtype=like.dtype, device=like.device)

    def coefficients(
        self, settings: Sequence[Optimizer], steps: Sequence[int], ahead: int
    ) -> Float[Tensor, "ahead model coefficient"]:
        """What the next `ahead` steps need of the settings.

        In float64, since 1 − β^t loses digits in float32.

        Args:
            settings: of each network.
            steps: each network's earlier steps, from 0.
            ahead: for how many steps.
        """
        numbers = {f.name: [getattr(own, f.name) for own in settings] for f in fields(self._kind)}
        own = {n: torch.tensor(v, dtype=torch.float64) for n, v in numbers.items()}
        taken = torch.tensor(steps) + torch.arange(ahead, dtype=torch.float64).unsqueeze(1)
        warmup = own["warmup_steps"]
        warm = torch.where(warmup > 0, taken / warmup, 1).clamp(max=1)
        found = self._kind.coefficients(own, warm, taken)
        columns = [found[name].expand(ahead, len(settings)) for name in self._names]
        return torch.stack(columns, 2)

    def move(self, state: State, gradient: Flat, now: Float[Tensor, "model coefficient"]) -> None:
        """Move the state in place by one step, with `coefficients` of now."""
        columns = zip(self._names, now.unsqueeze(2).unbind(1), strict=True)
        self._kind.move(state, gradient, dict(columns))


def _require_one_kind(settings: Sequence[Optimizer]) -> None:
    kinds = sorted({type(own).__name__ for own in settings})
    if len(kinds) > 1:
        rule = "of one kind for all networks of a population"
        raise SettingError("optimizer", rule, " and ".join(kinds))
