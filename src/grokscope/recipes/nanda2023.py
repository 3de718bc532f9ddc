"""Progress measures for grokking via mechanistic interpretability (arXiv 2301.05217)."""

from grokscope.engine import AdamW, CrossEntropy
from grokscope.experiment import Config, Training
from grokscope.models import OneLayerTransformer
from grokscope.recipes.base import Recipe
from grokscope.tasks import ModularArithmetic


def nanda2023() -> Recipe:
    """The mainline run: addition mod 113, 30 % of the rows, full batch, AdamW with decay 1."""
    return Recipe(
        name="nanda2023",
        summary="the mainline one-layer transformer on addition mod 113, 40,000 steps",
        source="arXiv 2301.05217",
        config=Config(
            task=ModularArithmetic(operation="add", p=113, train_fraction=0.3),
            model=OneLayerTransformer(d_model=128, n_heads=4, d_mlp=512),
            optimizer=AdamW(lr=1e-3, weight_decay=1.0, beta1=0.9, beta2=0.98, warmup_steps=10),
            loss=CrossEntropy(precision="float64"),
            training=Training(steps=40_000, stop_when_grokked=False),
        ),
    )
