"""The transformers of arXiv 2306.17844, of one network and one row, number by number."""

import math

import numpy as np

Weights = dict[str, np.ndarray]


def activated(x: float, activation: str) -> float:
    if activation == "relu":
        return max(x, 0.0)
    return x * 0.5 * (1 + math.erf(x / math.sqrt(2))) if activation == "gelu" else x * x


def times(vector: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The sum of a matrix's rows, each as often as the vector says."""
    total = np.zeros(matrix.shape[1])
    for i, factor in enumerate(vector):
        total = total + factor * matrix[i]
    return total


def attention_out(
    weights: Weights, suffix: str, stream: list[np.ndarray], rate: float, causal: bool
) -> list[np.ndarray]:
    """What every position adds to its stream: rate · softmax + (1 − rate) · 1 of the values."""
    n_heads, _, d_head = weights["W_Q"].shape
    added = [np.zeros_like(x) for x in stream]
    for head in range(n_heads):
        w_q, w_k, w_v, w_o = (weights[f"W_{letter}{suffix}"][head] for letter in "QKVO")
        for i, x in enumerate(stream):
            seen = range(i + 1) if causal else range(len(stream))
            query = times(x, w_q)
            scores = {j: float(query @ times(stream[j], w_k)) / math.sqrt(d_head) for j in seen}
            weight = {j: math.exp(score - max(scores.values())) for j, score in scores.items()}
            for j in seen:
                share = rate * weight[j] / sum(weight.values()) + (1 - rate)
                added[i] = added[i] + share * times(times(stream[j], w_v), w_o)
    return added


def mlp_out(weights: Weights, suffix: str, x: np.ndarray, activation: str) -> np.ndarray:
    hidden = times(x, weights[f"W_in{suffix}"]) + weights[f"b_in{suffix}"]
    post = np.array([activated(float(neuron), activation) for neuron in hidden])
    return times(post, weights[f"W_out{suffix}"]) + weights[f"b_out{suffix}"]


def logits(
    weights: Weights,
    tokens: list[int],
    suffixes: list[str],
    *,
    rate: float,
    causal: bool,
    activation: str,
) -> np.ndarray:
    """Of one row at its last position."""
    stream = [weights["W_E"][token] + weights["W_pos"][i] for i, token in enumerate(tokens)]
    for suffix in suffixes:
        added = attention_out(weights, suffix, stream, rate, causal)
        stream = [x + more for x, more in zip(stream, added, strict=True)]
        stream = [x + mlp_out(weights, suffix, x, activation) for x in stream]
    return times(stream[-1], weights["W_U"])
