"""Small networks that grok with a clear delay in seconds."""

from grokscope.engine import AdamW
from grokscope.experiment import Config, Training
from grokscope.models import EmbeddingMLP, OneLayerTransformer
from grokscope.recipes.base import Recipe
from grokscope.tasks import ModularArithmetic


def quick() -> Recipe:
    """The transformer of arXiv 2301.05217 at half the width on addition mod 59."""
    return Recipe(
        name="quick",
        summary="a small transformer groks addition mod 59 in seconds",
        source="grokscope, after arXiv 2301.05217",
        config=Config(
            task=ModularArithmetic(operation="add", p=59, train_fraction=0.5),
            model=OneLayerTransformer(d_model=64),
            optimizer=AdamW(lr=3e-3, weight_decay=1.0),
            training=Training(steps=4_000),
        ),
    )


def quick_mlp() -> Recipe:
    """An embedding MLP (model α of arXiv 2306.17844) on addition mod 59."""
    return Recipe(
        name="quick-mlp",
        summary="a small MLP on summed embeddings groks addition mod 59 in seconds",
        source="grokscope, after arXiv 2306.17844",
        config=Config(
            task=ModularArithmetic(operation="add", p=59, train_fraction=0.5),
            model=EmbeddingMLP(d_model=128, d_hidden=128),
            optimizer=AdamW(lr=3e-3, weight_decay=1.0),
            training=Training(steps=6_000),
        ),
    )
