"""The Clock and the Pizza (arXiv 2306.17844): constant against softmax attention."""

from dataclasses import replace

from grokscope.engine import AdamW, CrossEntropy
from grokscope.experiment import Config, Training
from grokscope.models import OneLayerTransformer
from grokscope.recipes.base import Recipe
from grokscope.tasks import ModularArithmetic

_CONFIG = Config(
    task=ModularArithmetic(operation="add", p=59, train_fraction=0.8),
    model=OneLayerTransformer(
        d_model=128, n_heads=4, equals_token=False, causal=False, init_like="zhong2023"
    ),
    optimizer=AdamW(lr=1e-3, weight_decay=2.0, beta1=0.9, beta2=0.98, warmup_steps=10),
    loss=CrossEntropy(precision="float64"),
    training=Training(steps=20_000, stop_when_grokked=False),
)


def zhong2023_a() -> Recipe:
    """Model A: attention rate 0, a sum of values; the published example of a pizza."""
    return Recipe(
        name="zhong2023-a",
        summary="constant attention on addition mod 59, 80 % of the data, 20,000 steps",
        source="arXiv 2306.17844, model A",
        config=replace(_CONFIG, model=replace(_CONFIG.model, attention_rate=0.0)),
    )


def zhong2023_b() -> Recipe:
    """Model B: attention rate 1, ordinary attention; the published example of a clock."""
    return Recipe(
        name="zhong2023-b",
        summary="softmax attention on addition mod 59, 80 % of the data, 20,000 steps",
        source="arXiv 2306.17844, model B",
        config=replace(_CONFIG, model=replace(_CONFIG.model, attention_rate=1.0)),
    )
