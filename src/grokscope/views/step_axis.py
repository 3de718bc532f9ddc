"""The step axis that all figures share: logarithmic, with step 0 at its left edge."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float, Int

STEP_ZERO = 0.5
"""Where step 0, the evaluation before training, is drawn."""

TITLE = "optimizer step (log scale, step 0 at the left edge)"


def position(step: Int[np.ndarray, " step"]) -> Float[np.ndarray, " step"]:
    """Where steps are drawn, as values of the log axis."""
    return np.maximum(np.asarray(step, dtype=np.float64), STEP_ZERO)


def step_axis(last_step: int) -> dict[str, Any]:
    """Layout of a step axis from step 0 to the last one, labelled at powers of ten."""
    last = max(last_step, 1)
    powers = [10**i for i in range(math.floor(math.log10(last)) + 1)]
    return {
        "type": "log",
        "range": [math.log10(STEP_ZERO), math.log10(last)],
        "tickvals": [STEP_ZERO, *powers],
        "ticktext": ["0", *(f"{power:,}" for power in powers)],
        "minor": {"tickvals": [m * p for p in powers for m in range(2, 10)], "ticks": "outside"},
    }


def share_of_axis(step: int | float, last_step: int) -> float:
    """How far along the axis a step is, 0 at the left edge and 1 at the last step."""
    low, high = math.log10(STEP_ZERO), math.log10(max(last_step, 1))
    return (math.log10(max(step, STEP_ZERO)) - low) / (high - low)
