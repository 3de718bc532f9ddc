"""Slow, obvious Fourier measures: explicit loops over plain Python numbers and small arrays."""

import math


def slow_basis(n: int) -> list[list[float]]:
    """Rows constant, cos 1, sin 1, … and for even n the alternating one, each of length one."""
    rows = [[1.0] * n]
    for k in range(1, n // 2 + 1):
        rows.append([math.cos(2 * math.pi * k * x / n) for x in range(n)])
        if 2 * k != n:
            rows.append([math.sin(2 * math.pi * k * x / n) for x in range(n)])
    return [[value / math.sqrt(sum(v * v for v in row)) for value in row] for row in rows]
