"""Slow, obvious Fourier measures: explicit loops over plain Python numbers and small arrays."""

import math

import numpy as np


def slow_basis(n: int) -> list[list[float]]:
    """Rows constant, cos 1, sin 1, … and for even n the alternating one, each of length one."""
    rows = [[1.0] * n]
    for k in range(1, n // 2 + 1):
        rows.append([math.cos(2 * math.pi * k * x / n) for x in range(n)])
        if 2 * k != n:
            rows.append([math.sin(2 * math.pi * k * x / n) for x in range(n)])
    return [[value / math.sqrt(sum(v * v for v in row)) for value in row] for row in rows]


def wave(k: int, n: int, x: int, *, sine: bool) -> float:
    """Cos or sin of 2πkx/n; the sine of the highest frequency of an even n is exactly zero."""
    if sine and 2 * k == n:
        return 0.0
    angle = 2 * math.pi * k * x / n
    return math.sin(angle) if sine else math.cos(angle)


def slow_gini(values: list[float]) -> float:
    """Mean absolute difference of all pairs over twice the mean."""
    n = len(values)
    differences = sum(abs(a - b) for a in values for b in values)
    return differences / (2 * n * sum(values))


def slow_neuron_share(neuron: np.ndarray, k: int) -> float:
    """Share of a centred neuron's energy in the nine products of {1, cos, sin}(x) and (y)."""
    n = len(neuron)
    mean = sum(neuron[x, y] for x in range(n) for y in range(n)) / n**2
    rows = slow_basis(n)
    chosen = [rows[0], *(rows[r] for r in (2 * k - 1, 2 * k) if r < n)]
    explained = 0.0
    for left in chosen:
        for right in chosen:
            terms = (left[x] * right[y] * (neuron[x, y] - mean) for x in range(n) for y in range(n))
            explained += sum(terms) ** 2
    total = sum((neuron[x, y] - mean) ** 2 for x in range(n) for y in range(n))
    return explained / total


def slow_part(logits: np.ndarray, frequencies: list[int]) -> np.ndarray:
    """The part of logits (x, y, c) along cos k(x + y) and sin k(x + y), built from products."""
    n = len(logits)
    part = np.zeros_like(logits)
    for k in frequencies:
        cos = [wave(k, n, x, sine=False) for x in range(n)]
        sin = [wave(k, n, x, sine=True) for x in range(n)]
        for direction in (
            [[cos[x] * cos[y] - sin[x] * sin[y] for y in range(n)] for x in range(n)],
            [[sin[x] * cos[y] + cos[x] * sin[y] for y in range(n)] for x in range(n)],
        ):
            length = sum(v * v for row in direction for v in row)
            for c in range(n if length > 0 else 0):
                cells = ((x, y) for x in range(n) for y in range(n))
                product = sum(direction[x][y] * logits[x, y, c] for x, y in cells)
                part[:, :, c] += np.array(direction) * product / length
    return part


def slow_loss(logits: np.ndarray, rows: list[tuple[int, int]]) -> float:
    """Mean cross entropy of logits (x, y, c) over some pairs, the answer being x + y mod n."""
    n = len(logits)
    total = 0.0
    for x, y in rows:
        row = logits[x, y] - max(logits[x, y])
        total += math.log(sum(math.exp(z) for z in row)) - row[(x + y) % n]
    return total / len(rows)


def slow_restricted_loss(logits: np.ndarray, frequencies: list[int]) -> float:
    """Loss on all pairs of the key part, with the mean of the rest added to each class."""
    n = len(logits)
    part = slow_part(logits, frequencies)
    for c in range(n):
        part[:, :, c] += (logits[:, :, c] - part[:, :, c]).mean()
    return slow_loss(part, [(x, y) for x in range(n) for y in range(n)])


def slow_excluded_loss(
    logits: np.ndarray, frequencies: list[int], rows: list[tuple[int, int]]
) -> float:
    """Loss on some pairs without the key part."""
    return slow_loss(logits - slow_part(logits, frequencies), rows)


def slow_logit_fve(logits: np.ndarray, k: int, *, sine: bool = False) -> float:
    """Share of the logits' variance along one wave of x + y - c, by a sum over all triples."""
    n = len(logits)
    product = length = energy = 0.0
    for x in range(n):
        for y in range(n):
            mean = sum(logits[x, y]) / n
            for c in range(n):
                value = wave(k, n, x + y - c, sine=sine)
                product += value * (logits[x, y, c] - mean)
                length += value * value
                energy += (logits[x, y, c] - mean) ** 2
    return product**2 / (length * energy) if length > 0 else 0.0
