"""The population of The Clock and the Pizza (arXiv 2306.17844): every attention rate alike."""

from collections.abc import Mapping
from typing import Any

import torch

from grokscope.core.seeds import generator
from grokscope.engine import AdamW, CrossEntropy
from grokscope.experiment import Config, Training
from grokscope.models import OneLayerTransformer
from grokscope.recipes.base import Recipe
from grokscope.tasks import ModularArithmetic


def survey_zhong2023() -> Recipe:
    """Networks whose attention rates are uniform in [0, 1], each drawn by its seed.

    What changes the shape of the network is a setting of the run: width, ReLU or GELU, one
    vocabulary or two, `=` or none, and for deeper ones the model.
    """
    return Recipe(
        name="survey-zhong2023",
        summary="one-layer transformers of random attention rate on addition mod 59",
        source="arXiv 2306.17844, section 4",
        config=Config(
            task=ModularArithmetic(operation="add", p=59, train_fraction=0.8),
            model=OneLayerTransformer(
                d_model=128, n_heads=4, equals_token=False, causal=False, init_like="zhong2023"
            ),
            optimizer=AdamW(lr=1e-3, weight_decay=2.0, beta1=0.9, beta2=0.98, warmup_steps=10),
            loss=CrossEntropy(precision="float64"),
            training=Training(steps=20_000, stop_when_grokked=False),
        ),
        draws=_attention_rate,
        seeds=8,
    )


def _attention_rate(seed: int) -> Mapping[str, Any]:
    rate = torch.rand(1, generator=generator(seed, "survey/rate"), dtype=torch.float64)
    return {"model.attention_rate": float(rate)}
