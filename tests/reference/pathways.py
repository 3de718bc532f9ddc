"""Pathways by the letter: loops over layers, samples, tokens and experts, in plain Python.

From the router logits that the library itself returns. Each kind of routing weights is written
from its definition, and shares no line with what is tested.
"""

import math
from collections.abc import Callable, Sequence

Row = list[float]


def pathways(
    logits: Sequence[Sequence[Row]], samples: Sequence[int], n: int, weigh: Callable[[Row], Row]
) -> list[list[Row]]:
    """The mean weights by layer, sample and expert; NaN for a sample without a token.

    Args:
        logits: by layer and token.
        samples: the sample of each token, negative for those of none.
        n: samples.
        weigh: a token's weights from its logits.
    """
    return [
        [_mean([weigh(row) for row, own in zip(layer, samples, strict=True) if own == sample],
               len(layer[0])) for sample in range(n)]
        for layer in logits
    ]  # fmt: skip


def _mean(rows: list[Row], experts: int) -> Row:
    if not rows:
        return [math.nan] * experts
    return [sum(row[expert] for row in rows) / len(rows) for expert in range(experts)]


def softmax(logits: Row) -> Row:
    """e^z over its sum."""
    exponentials = [math.exp(z) for z in logits]
    return [one / sum(exponentials) for one in exponentials]


def topk_softmax(logits: Row, k: int) -> Row:
    """A softmax among the k largest."""
    kept = _largest(logits, k)
    total = sum(math.exp(logits[expert]) for expert in kept)
    return [math.exp(z) / total if i in kept else 0.0 for i, z in enumerate(logits)]


def sigmoid_topk(logits: Row, k: int, bias: Row, groups: int = 1, groups_kept: int = 1) -> Row:
    """DeepSeek-V3: the k largest of sigmoid + bias among the best groups, by sigmoid, renormalised.

    A group is as good as its two largest together.
    """
    scores = [1 / (1 + math.exp(-z)) for z in logits]
    choice = [score + own for score, own in zip(scores, bias, strict=True)]
    size = len(logits) // groups
    members = [list(range(g * size, (g + 1) * size)) for g in range(groups)]
    if groups > 1:
        worth = [sum(sorted((choice[i] for i in group), reverse=True)[:2]) for group in members]
        members = [members[g] for g in _largest(worth, groups_kept)]
    allowed = [i for group in members for i in group]
    kept = sorted(allowed, key=lambda i: choice[i], reverse=True)[:k]
    total = sum(scores[i] for i in kept)
    return [scores[i] / total if i in kept else 0.0 for i in range(len(logits))]


def sparse_mixer(logits: Row, jitter: float) -> Row:
    """PhiMoE outside training: two experts, one after the other.

    Each is the largest of those left, and weighs what a softmax gives it among those left that are
    near enough to it.
    """
    left = list(range(len(logits)))
    weights = [0.0] * len(logits)
    for _ in range(2):
        best = max(left, key=lambda i: logits[i])
        near = [
            i for i in left
            if (logits[best] - logits[i]) / max(abs(logits[i]), logits[best]) <= 2 * jitter
        ]  # fmt: skip
        weights[best] = math.exp(logits[best]) / sum(math.exp(logits[i]) for i in near)
        left.remove(best)
    return [weight / sum(weights) for weight in weights]


def identity(row: Row) -> Row:
    """Of a router that returns probabilities."""
    return row


def _largest(values: Row, k: int) -> list[int]:
    return sorted(range(len(values)), key=lambda i: values[i], reverse=True)[:k]
