"""A decoder with RMSNorm, rotary positions and a gated MLP: one network, one row, by hand.

Rotary positions are multiplications of complex numbers, attention a loop over what is seen.
"""

import numpy as np

Weights = dict[str, np.ndarray]


def rms_norm(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return x / np.sqrt(np.mean(x * x) + 1e-5) * weight


def turned(x: np.ndarray, position: int, base: float) -> np.ndarray:
    pairs = x[0::2] + 1j * x[1::2]
    speeds = np.array([base ** (-2 * i / len(x)) for i in range(len(pairs))])
    pairs = pairs * np.exp(1j * position * speeds)
    return np.stack([pairs.real, pairs.imag], 1).reshape(-1)


def attention_out(own: Weights, suffix: str, stream: list[np.ndarray], base: float) -> np.ndarray:
    """What the last position adds to its stream."""
    added = np.zeros_like(stream[-1])
    for head in range(len(own[f"W_Q{suffix}"])):
        w_q, w_k, w_v, w_o = (own[f"W_{letter}{suffix}"][head] for letter in "QKVO")
        query = turned(stream[-1] @ w_q, len(stream) - 1, base)
        scores = [query @ turned(x @ w_k, i, base) for i, x in enumerate(stream)]
        shares = np.exp(np.array(scores) / np.sqrt(len(query)))
        for share, x in zip(shares / shares.sum(), stream, strict=True):
            added = added + share * (x @ w_v @ w_o)
    return added


def mlp_out(own: Weights, suffix: str, x: np.ndarray) -> np.ndarray:
    gate, value = x @ own[f"W_gate{suffix}"], x @ own[f"W_in{suffix}"]
    return (gate / (1 + np.exp(-gate)) * value) @ own[f"W_out{suffix}"]


def logits(own: Weights, n_layers: int, tokens: list[int], base: float) -> np.ndarray:
    """At the last token."""
    stream = [own["W_E"][token] for token in tokens]
    for suffix in [f"_{i}" if i else "" for i in range(n_layers)]:
        first = [rms_norm(x, own[f"ln1_w{suffix}"]) for x in stream]
        mid = [x + attention_out(own, suffix, first[: i + 1], base) for i, x in enumerate(stream)]
        stream = [x + mlp_out(own, suffix, rms_norm(x, own[f"ln2_w{suffix}"])) for x in mid]
    return rms_norm(stream[-1], own["ln_final_w"]) @ own["W_U"]
