"""Records of training made by hand, one for each label."""

from collections.abc import Callable

import numpy as np

from grokscope.measures.curve import Curve

Shape = Callable[[float], float]


def steps_until(last: int, ratio: float = 1.1) -> np.ndarray:
    """Evaluation steps 0, 1, 2, … and then a fixed ratio apart, the last step included."""
    steps = [0, 1]
    while steps[-1] < last:
        steps.append(min(last, max(steps[-1] + 1, int(steps[-1] * ratio))))
    return np.array(steps)


def rise(at: float, low: float = 0.0, high: float = 1.0, width: float = 1.02) -> Shape:
    """A climb in log-steps from one level to another, half way at a step; wide if `width` is."""
    return lambda step: low + (high - low) / (1 + (at / max(step, 1)) ** (1 / np.log(width)))


def record(train: Shape, test: Shape, last: int = 20_000, **others: object) -> Curve:
    """A record that evaluates two shapes up to a step."""
    step = steps_until(last)
    values = {"train_acc": train, "test_acc": test}
    sampled = {name: np.array([f(float(s)) for s in step]) for name, f in values.items()}
    settings = {"n_test": 1000, "chance": 0.0, **others}
    return Curve(step=step, **sampled, **settings)


def then_falls(shape: Shape, at: float, to: float = 0.0) -> Shape:
    """A shape that falls to another level for good at a step."""
    return lambda step: shape(step) if step < at else to


EARLY, LATE = rise(100), rise(5000)

BY_LABEL: dict[str, Curve] = {
    "grokking": record(EARLY, LATE),
    "comprehension": record(EARLY, rise(120)),
    "memorization": record(EARLY, rise(5000), last=2000),
    "confusion": record(rise(1e6), rise(1e6)),
    "semi_grokking": record(EARLY, rise(1000, high=0.6)),
    "ungrokking": record(EARLY, then_falls(LATE, 9000), data_changed=True),
    "anti_grokking": record(EARLY, then_falls(LATE, 9000)),
    "collapse": record(then_falls(EARLY, 9000), then_falls(LATE, 9000)),
    "diverged": record(EARLY, LATE, diverged_step=15_000),
}
