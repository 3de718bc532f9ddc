"""What each recorded number of a monitor means; `grokscope list metrics` prints it."""

DICTIONARY: dict[str, str] = {
    "loss": "mean token loss of the group's samples, nats",
    "accuracy": "share of the group's answers that are right in every token",
    "memorized": "share of seen samples that are memorised by the online rule (arXiv 2506.21551)",
    "gap": "mean loss of seen samples less that of the domain's unseen twins, nats; < 0: memory",
    "distance": "mean edit distance between pathways of pairs, tokens; follows path_length",
    "distance_normalized": "the same over the longer pathway of each pair, in [0, 1]",
    "distance_published": "mean edit distance of the published strings, characters",
    "distance_memorized": "mean normalised distance among memorised samples only, in [0, 1]",
    "path_length": "experts kept by cumulative weight, sum over layers",
    "overlap": "mean product of two samples' routing weights, in [1/experts, 1]",
    "cosine": "mean cosine of two samples' routing weights, in [0, 1]",
    "jaccard": "mean weighted Jaccard similarity of pairs, in [0, 1]",
    "effective_dimension": "Tr H (H + λ)⁻¹ of the routing kernel, λ = 1; samples",
    "path_inconsistency": "published C_i: 1 − mean cosine between neighbouring layers / largest",
    "path_consistency": "1 − path_inconsistency; at most 1 where the largest cosine is positive",
    "mean_cos": "mean cosine between routing embeddings of neighbouring layers, in [−1, 1]",
    "mean_cos_centred": "the same with router rows less their mean, in [−1, 1]",
    "mean_cos_folded": "the same with router rows times the gain of the norm before, in [−1, 1]",
    "entropy": "mean entropy of a sample's routing weights, nats",
    "entropy_of_mean": "entropy of the mean routing weights: balance, nats",
    "load_variation": "coefficient of variation of the load over experts",
    "max_violation": "largest load over the fair one, less 1; of the worst layer",
    "dead_experts": "experts with less than a tenth of the fair load, summed over layers",
    "saturation": "share of top-k experts that are those of the measurement before, in [0, 1]",
    "change": "share of a sample's routing weight that moved since the one before, in [0, 1]",
}
"""By the last part of the column's name: `moe/<group>/<name>`, or `moe/<group>/layers/<name>`."""

SHOWN = ("loss", "accuracy", "gap", "memorized", "distance_normalized", "path_length", "mean_cos")
"""What trackers get of each group; everything is in the run directory."""
