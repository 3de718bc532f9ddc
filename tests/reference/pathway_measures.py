"""Measures of pathways in the plainest form: loops over layers, samples and experts."""

import math
from itertools import combinations, pairwise


def slow_kept(weights: list[float], threshold: float) -> list[int]:
    """Experts of one layer in the order in which they are kept."""
    order = sorted(range(len(weights)), key=lambda expert: (-weights[expert], expert))
    total, found = 0.0, []
    for expert in order:
        found.append(expert)
        total += weights[expert]
        if total > threshold:
            break
    return found


def slow_levenshtein(first, second) -> int:
    """The textbook's table (Wagner and Fischer, JACM 21, 1974)."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        above, row = row, [i]
        for j, b in enumerate(second, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b)))
    return row[-1]


def slow_products(weights) -> list[float]:
    """Mean over pairs of w(i)·w(j) in each layer."""
    return [
        _mean(sum(a * b for a, b in zip(u, v, strict=True)) for u, v in combinations(layer, 2))
        for layer in weights.tolist()
    ]


def slow_cosines(weights) -> list[float]:
    """Mean over pairs of the cosine in each layer."""
    return [_mean(_cosine(u, v) for u, v in combinations(layer, 2)) for layer in weights.tolist()]


def slow_jaccard(weights, i: int, j: int) -> float:
    """Sum of minima over sum of maxima."""
    pairs = [(u, v) for layer in weights.tolist() for u, v in zip(layer[i], layer[j], strict=True)]
    return sum(min(pair) for pair in pairs) / sum(max(pair) for pair in pairs)


def slow_kernel(weights) -> list[list[float]]:
    """H(i, j), entry by entry."""
    layers, samples, experts = weights.shape
    return [
        [
            sum(
                weights[layer, i, k] * weights[layer, j, k]
                for layer in range(layers)
                for k in range(experts)
            )
            / layers
            for j in range(samples)
        ]
        for i in range(samples)
    ]


def slow_inconsistency(weights, experts, sample: int) -> float:
    """The published C of one sample."""
    layers, _, names = weights.shape
    embeddings = [
        [
            sum(weights[layer, sample, k] * experts[layer, k, d] for k in range(names))
            for d in range(experts.shape[2])
        ]
        for layer in range(layers)
    ]
    cosines = [_cosine(u, v) for u, v in pairwise(embeddings)]
    largest = max(cosines)
    return 1 - sum(cosine / (largest + 1e-8) for cosine in cosines) / (layers - 1)


def slow_entropy(shares) -> float:
    """In nats."""
    return -sum(share * math.log(share) for share in shares if share > 0)


def _mean(values) -> float:
    found = list(values)
    return sum(found) / len(found)


def _cosine(u, v) -> float:
    product = sum(a * b for a, b in zip(u, v, strict=True))
    return product / math.sqrt(sum(a * a for a in u) * sum(b * b for b in v))
