"""Measures of networks at one moment, in explicit loops."""

import cmath
import math
from collections.abc import Callable
from itertools import combinations

import numpy as np


def slow_ipr(values: np.ndarray) -> float:
    """By a complex transform whose two halves are folded together."""
    n = len(values)
    amplitude = [
        sum(values[x] * cmath.exp(-2j * math.pi * k * x / n) for x in range(n)) for k in range(n)
    ]
    energy = [
        abs(amplitude[k]) ** 2 + (abs(amplitude[n - k]) ** 2 if 2 * k != n else 0)
        for k in range(1, n // 2 + 1)
    ]
    return sum(e * e for e in energy) / sum(energy) ** 2


def slow_effective_rank(table: np.ndarray) -> float:
    centred = table - table.mean(0)
    values = np.sqrt(np.clip(np.linalg.eigvalsh(centred.T @ centred), 0, None))
    shares = [v / values.sum() for v in values if v > 1e-9 * values.max()]
    return math.exp(-sum(p * math.log(p) for p in shares))


def slow_collapse(
    logits: np.ndarray, labels: list[int], rows: list[int], dtype: type[np.floating]
) -> float:
    """Sums in float32 where the type has 16 bits, and rounded once."""
    hits = 0
    for row in rows:
        z = logits[row].astype(dtype)
        top = z.max()
        total = (np.float32 if dtype is np.float16 else dtype)(0)
        for value in z:
            total += np.exp(value - top)
        hits += bool(dtype(total) == 1 and z[labels[row]] == top)
    return hits / len(rows)


def slow_circuits(
    logits: np.ndarray, answers: list[int], shown: list[int], train: list[int], unseen: list[int]
) -> dict[str, float]:
    """Parts of one network's training logits."""
    z = np.array([row - row.mean() for row in logits])
    z = z - np.mean([z[row] for row in unseen], axis=0)
    groups = {a: [row for row in unseen if answers[row] == a] for a in set(answers)}
    general = {a: np.mean([z[row] for row in rows], axis=0) for a, rows in groups.items() if rows}
    spare = sum(len(rows) - 1 for rows in groups.values() if rows)
    neither = sum(((z[row] - general[answers[row]]) ** 2).sum() for row in unseen) / spare
    known = [row for row in train if answers[row] in general]
    energy = sum((z[row] ** 2).sum() for row in known)
    along = sum((general[answers[row]] * z[row]).sum() for row in known)
    beside = sum(((z[row] - general[answers[row]]) * z[row]).sum() for row in known)
    right = [z[row][shown[row]] for row in known]
    of_general = [general[answers[row]][shown[row]] for row in known]
    return {
        "generalising": along / energy,
        "memorising": (beside - neither * len(known)) / energy,
        "neither": neither * len(known) / energy,
        "right_generalising": float(np.mean(of_general)),
        "right_memorising": float(np.mean(right) - np.mean(of_general)),
    }


def slow_efficiency(logits: np.ndarray, shown: list[int], train: list[int], norm: float) -> float:
    margins = [
        logits[row][shown[row]] - max(v for c, v in enumerate(logits[row]) if c != shown[row])
        for row in train
    ]
    return float(np.mean(margins)) / norm


def answers_of(neurons: np.ndarray, weights: np.ndarray, rest: np.ndarray, kept: set[int]) -> list:
    """Answers on each row with some neurons only."""
    found = []
    for row in range(len(neurons)):
        logits = rest[row] + sum(
            (neurons[row, i] * weights[i] for i in kept), np.zeros(len(rest[row]))
        )
        found.append(int(np.argmax(logits)) if len(logits) > 1 else bool(logits[0] > 0))
    return found


def suffices(neurons: np.ndarray, weights: np.ndarray, rest: np.ndarray, kept: set[int]) -> bool:
    every = set(range(neurons.shape[1]))
    return answers_of(neurons, weights, rest, kept) == answers_of(neurons, weights, rest, every)


def smallest_subnetwork(neurons: np.ndarray, weights: np.ndarray, rest: np.ndarray) -> int:
    """Of all sets of neurons that suffice, the size of the smallest."""
    width = neurons.shape[1]
    return next(
        size
        for size in range(width + 1)
        if any(suffices(neurons, weights, rest, set(c)) for c in combinations(range(width), size))
    )


def slow_langevin(
    start: np.ndarray,
    loss: Callable[[np.ndarray], float],
    gradient: Callable[[np.ndarray], np.ndarray],
    noise: np.ndarray,
    *,
    step: float,
    localization: float,
    nbeta: float,
) -> list[float]:
    """Losses along one chain, whose noise is given (draw, parameter)."""
    w, losses = start.copy(), []
    for shock in noise:
        losses.append(loss(w))
        drift = nbeta * gradient(w) + localization * (w - start)
        w = w - step / 2 * drift + math.sqrt(step) * shock
    return losses


def tempered_mean_loss(
    loss: Callable[[np.ndarray], np.ndarray],
    nbeta: float,
    localization: float,
    dimensions: int,
    reach: float,
    points: int = 801,
) -> float:
    """Mean of a loss of one or two parameters over exp(−nβ L − γ/2 |w|²), by quadrature."""
    axis = np.linspace(-reach, reach, points)
    w = np.stack(np.meshgrid(*[axis] * dimensions), -1)
    values = loss(w)
    weight = np.exp(-nbeta * values - localization / 2 * (w**2).sum(-1))
    return float((values * weight).sum() / weight.sum())
