"""Parts of a table of logits by symmetry, and margin bounds, in explicit loops."""

import numpy as np


def slow_errors(logits: np.ndarray) -> np.ndarray:
    """Logits (x, y, c) centred over c, as (x, y, u) with u = c − x − y."""
    n = len(logits)
    errors = np.zeros((n, n, n))
    for x in range(n):
        for y in range(n):
            for u in range(n):
                errors[x, y, u] = logits[x, y, (x + y + u) % n] - logits[x, y].mean()
    return errors


def slow_shares(errors: np.ndarray) -> dict[str, float]:
    """Shares of the energy in u, (s, u), (d, u) and the rest, for an odd order."""
    n = len(errors)
    u = errors.mean((0, 1))
    su, du = np.zeros((n, n)), np.zeros((n, n))
    for x in range(n):
        for y in range(n):
            su[(x + y) % n] += errors[x, y] / n
            du[(x - y) % n] += errors[x, y] / n
    su, du = su - u, du - u
    rest = np.zeros_like(errors)
    for x in range(n):
        for y in range(n):
            rest[x, y] = errors[x, y] - u - su[(x + y) % n] - du[(x - y) % n]
    total = (errors**2).sum()
    energies = {
        "u": n * n * (u**2).sum(),
        "su": n * (su**2).sum(),
        "du": n * (du**2).sum(),
        "rest": (rest**2).sum(),
    }
    return {name: float(energy / total) for name, energy in energies.items()}


def slow_certified(errors: np.ndarray, formula: np.ndarray) -> list[bool]:
    """For each d whether the formula's worst margin exceeds twice the worst deviation."""
    n = len(errors)
    found = []
    for d in range(n):
        rows = [(x, y) for x in range(n) for y in range(n) if (x - y) % n == d]
        margin = min(formula[x, y, 0] - max(formula[x, y, 1:]) for x, y in rows)
        deviation = max(abs(errors[x, y] - formula[x, y]).max() for x, y in rows)
        found.append(bool(margin > 2 * deviation))
    return found
