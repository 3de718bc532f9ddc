"""The demonstration: two kinds of attention learn the same data and both grok."""

from grokscope.engine import AdamW, CrossEntropy
from grokscope.experiment import Config, Training
from grokscope.models import OneLayerTransformer
from grokscope.recipes.base import Recipe
from grokscope.tasks import ModularArithmetic


def demo() -> Recipe:
    """Six small transformers on addition mod 47, attention rates 0 and 1 on the same splits.

    A small form of arXiv 2306.17844, with less data so that the delay is plain.
    """
    model = OneLayerTransformer(d_model=64, equals_token=False, causal=False, init_like="zhong2023")
    return Recipe(
        name="demo",
        summary="6 transformers (attention rate 0 and 1) grok addition mod 47 in a minute",
        source="grokscope, after arXiv 2306.17844",
        config=Config(
            task=ModularArithmetic(operation="add", p=47, train_fraction=0.45),
            model=model,
            optimizer=AdamW(lr=3e-3, weight_decay=2.0),
            loss=CrossEntropy(),
            training=Training(steps=2_000),
        ),
        variants=({"model.attention_rate": 0.0}, {"model.attention_rate": 1.0}),
        seeds=3,
    )
