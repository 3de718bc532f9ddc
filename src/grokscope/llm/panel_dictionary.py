"""What each recorded number of a monitor means; `grokscope list metrics` prints it.

The published measures are those of arXiv 2506.21551; the others stand beside them as controls.
"""

from typing import Literal

from grokscope.measures.dictionary import Metric

LI = "arXiv 2506.21551"
OLMOE = "arXiv 2409.02060"
LOAD = "arXiv 2408.15664"
JACCARD = "arXiv 2606.22798"
GROKSCOPE = "grokscope"

OF_GROUP = "moe/<group>/"
OF_LAYER = "moe/<group>/layers/"
OF_ALL = "moe/"

Direction = Literal["higher", "lower", "neither"]
_ENTRIES: dict[str, tuple[str, str, str, str, Direction]] = {
    "loss": ("mean token loss of the group's samples", "nats", "≥ 0", GROKSCOPE, "lower"),
    "accuracy": (
        "share of the group's answers that are right in every token",
        *("1", "[0, 1]", GROKSCOPE, "higher"),
    ),
    "memorized": (
        "share of seen samples that are memorised by the online rule",
        *("1", "[0, 1]", LI, "neither"),
    ),
    "gap": (
        "mean loss of seen samples less that of the domain's unseen twins; below 0: memory",
        *("nats", "any", GROKSCOPE, "neither"),
    ),
    "distance": (
        "mean edit distance between pathways of pairs; it follows path_length",
        *("experts", "≥ 0", LI, "neither"),
    ),
    "distance_normalized": (
        "mean edit distance over the longer pathway of each pair",
        *("1", "[0, 1]", GROKSCOPE, "neither"),
    ),
    "distance_published": (
        "mean edit distance of the published strings of digits, commas and dashes",
        *("characters", "≥ 0", LI, "neither"),
    ),
    "distance_memorized": (
        "mean normalised distance among memorised samples only",
        *("1", "[0, 1]", LI, "neither"),
    ),
    "path_length": (
        "experts kept by cumulative weight, sum over layers",
        *("experts", "≥ layers", LI, "neither"),
    ),
    "overlap": (
        "mean product of two samples' routing weights",
        *("1", "[0, 1]", GROKSCOPE, "neither"),
    ),
    "cosine": (
        "mean cosine of two samples' routing weights",
        *("1", "[0, 1]", GROKSCOPE, "neither"),
    ),
    "jaccard": ("mean weighted Jaccard similarity of pairs", "1", "[0, 1]", JACCARD, "neither"),
    "effective_dimension": (
        "Tr H (H + λ)⁻¹ of the routing kernel H, λ = 1",
        *("1", "[0, samples]", LI, "neither"),
    ),
    "path_inconsistency": (
        "the published C: 1 − mean over neighbouring layers of cosine / largest cosine",
        *("1", "≥ 0 where the largest cosine is positive", LI, "neither"),
    ),
    "path_consistency": (
        "1 − path_inconsistency",
        *("1", "≤ 1 where the largest cosine is positive", LI, "neither"),
    ),
    "mean_cos": (
        "mean cosine between routing embeddings of neighbouring layers",
        *("1", "[−1, 1]", GROKSCOPE, "neither"),
    ),
    "mean_cos_centred": (
        "mean_cos with router rows less their mean",
        *("1", "[−1, 1]", GROKSCOPE, "neither"),
    ),
    "mean_cos_folded": (
        "mean_cos with router rows times the gain of the norm before the router",
        *("1", "[−1, 1]", GROKSCOPE, "neither"),
    ),
    "entropy": (
        "mean entropy of a sample's routing weights",
        *("nats", "[0, ln experts]", LI, "neither"),
    ),
    "entropy_of_mean": (
        "entropy of the mean routing weights: balance",
        *("nats", "[0, ln experts]", GROKSCOPE, "neither"),
    ),
    "load_variation": (
        "coefficient of variation of the load over experts, mean over layers",
        *("1", "[0, √(experts − 1)]", GROKSCOPE, "neither"),
    ),
    "max_violation": (
        "largest load over the fair one, less 1; of the worst layer",
        *("1", "[0, experts − 1]", LOAD, "lower"),
    ),
    "dead_experts": (
        "experts with less than a tenth of the fair load, sum over layers",
        *("experts", "≥ 0", GROKSCOPE, "lower"),
    ),
    "saturation": (
        "share of a sample's top-k experts that are those of the measurement before",
        *("1", "[0, 1]", OLMOE, "neither"),
    ),
    "change": (
        "share of a sample's routing weight that moved since the measurement before",
        *("1", "[0, 1]", GROKSCOPE, "neither"),
    ),
    "cross_distance_normalized": (
        "distance_normalized of pairs of samples of two domains: the control",
        *("1", "[0, 1]", GROKSCOPE, "neither"),
    ),
    "cross_overlap": (
        "overlap of pairs of samples of two domains: the control",
        *("1", "[0, 1]", GROKSCOPE, "neither"),
    ),
    "alerts": ("alerts that hold; for trackers", "alerts", "≥ 0", GROKSCOPE, "lower"),
    "seconds": ("that the look at the samples took", "seconds", "≥ 0", GROKSCOPE, "neither"),
}
WHOLE = ("cross_distance_normalized", "cross_overlap", "alerts", "seconds")
"""Names of numbers across groups, `moe/<name>`."""
LAYERED = (
    *("distance", "distance_normalized", "path_length", "overlap", "cosine", "entropy"),
    *("entropy_of_mean", "load_variation", "dead_experts", "saturation"),
)
"""Names that have a number for each layer too, `moe/<group>/layers/<name>`."""


def _metric(name: str) -> Metric:
    formula, unit, span, source, direction = _ENTRIES[name]
    prefix = OF_ALL if name in WHOLE else OF_GROUP
    return Metric(
        name=prefix + name,
        formula=formula + ("; by layer too, under layers/" if name in LAYERED else ""),
        unit=unit,
        range=span,
        source=source,
        direction=direction,
    )


METRICS: dict[str, Metric] = {name: _metric(name) for name in _ENTRIES}
"""By the last part of the column's name."""
DICTIONARY: dict[str, str] = {
    name: f"{formula} ({unit}, {span})" if unit != "1" else f"{formula} ({span})"
    for name, (formula, unit, span, _, _) in _ENTRIES.items()
}
"""The same as a line of text."""

SHOWN = ("loss", "accuracy", "gap", "memorized", "distance_normalized", "path_length", "mean_cos")
"""What trackers get of each group; everything is in the run directory."""
