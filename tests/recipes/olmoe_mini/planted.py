"""Records in which the answers to the questions are known."""

import numpy as np

from grokscope.recipes.olmoe_mini.record import Record

DOMAINS = ("arithmetic", "code", "knowledge")
STEPS = np.unique(np.round(np.geomspace(1, 4000, 70))).astype(np.float64)


def rise(middle: float, width: float = 0.15) -> np.ndarray:
    """From 0 to 1 around a step, on the logarithm."""
    return 1 / (1 + np.exp(-np.log(STEPS / middle) / width))


def record(
    seed: int,
    *,
    arm: str = "main",
    converged: float = 100.0,
    turned: dict[str, float] | None = None,
    falls_with: str = "accuracy",
    twins_differ: float = 0.0,
    layers: tuple[float, float] = (200.0, 1200.0),
) -> Record:
    """A run whose losses converge at one step, and whose domains turn at others.

    Args:
        seed: of the noise.
        arm: of the study.
        converged: where the losses have half of their fall.
        turned: step at which each domain generalises; none where it is missing.
        falls_with: `accuracy`, `step` or `nothing`: what the distance follows.
        twins_differ: by how much of itself a seen measure is larger than its twin's.
        layers: where the two layers turn.
    """
    rng = np.random.default_rng(seed)
    turned = dict.fromkeys(DOMAINS, 1000.0) if turned is None else turned
    columns: dict[str, np.ndarray] = {"step": STEPS}

    def noisy(values: np.ndarray, by: float = 0.002) -> np.ndarray:
        return values + by * rng.normal(size=len(values))

    for domain in DOMAINS:
        accuracy = rise(turned[domain]) if domain in turned else np.zeros(len(STEPS))
        follows = {
            "accuracy": accuracy,
            "step": np.log(STEPS) / np.log(STEPS[-1]),
            "nothing": np.zeros(len(STEPS)),
        }[falls_with]
        loss = 4 - 3.5 * rise(converged, 0.05)
        columns |= {
            f"{domain}/train/accuracy": np.clip(rise(converged, 0.05), 0, 1),
            f"{domain}/test/accuracy": np.clip(noisy(accuracy, 0.01 * (domain in turned)), 0, 1),
            f"{domain}/loss": noisy(loss),
            f"{domain}/twin/loss": noisy(loss + 0.5),
        }
        for name in ("distance", "distance_normalized", "path_length", "mean_cos", "jaccard"):
            twin = noisy(0.8 - 0.3 * follows)
            columns[f"{domain}/{name}"] = noisy(0.8 - 0.3 * follows) * (1 + twins_differ)
            columns[f"{domain}/twin/{name}"] = twin
        for name in ("distance_published", "path_consistency", "effective_dimension"):
            columns[f"{domain}/{name}"] = noisy(0.8 - 0.3 * follows)
        columns[f"{domain}/mean_cos_centred"] = noisy(np.ones(len(STEPS)))
        for layer, middle in enumerate(layers):
            columns[f"{domain}/layers/distance_normalized/{layer}"] = 0.8 - 0.3 * rise(middle)
    for role in ("", "/twin"):
        for name in ("loss", "distance", "distance_normalized", "path_length", "mean_cos"):
            columns[f"canary-64{role}/{name}"] = noisy(np.ones(len(STEPS)))
        columns[f"canary-64{role}/jaccard"] = noisy(np.ones(len(STEPS)))
    return Record(arm=arm, seed=seed, chances=dict.fromkeys(DOMAINS, 0.02), columns=columns)
