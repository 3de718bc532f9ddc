"""Which networks the survey trains: strata and seeds, fixed beforehand.

Two forms. On a CPU widths are 32, 64 and 128 and 2,500 steps or more; on a GPU widths run from 32
to 512, and every other one-layer network is trained for the published 20,000 steps as well. Each
network draws what is left open by its seed: attention rate uniform in [0, 1], ReLU or GELU, one
vocabulary or two, with or without `=`. Seeds are for evaluation; development used those below 7000.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import torch

from grokscope.core.seeds import generator
from grokscope.experiment import Config, Plan
from grokscope.models import DeepTransformer, Model, OneLayerTransformer
from grokscope.recipes import survey_zhong2023

FormName = Literal["cpu", "gpu"]
FRACTIONS = (0.8, 0.5)
LONG = 20_000


@dataclass(frozen=True, kw_only=True)
class Stratum:
    """The networks of one number of layers; widths and shares of data take turns."""

    n_layers: int
    first_seed: int
    widths: Sequence[int]
    networks: int
    steps: int


CPU = (
    Stratum(n_layers=1, first_seed=11_000, widths=(32, 64, 128), networks=78, steps=2500),
    Stratum(n_layers=2, first_seed=7000, widths=(64, 128), networks=20, steps=5000),
    Stratum(n_layers=3, first_seed=8000, widths=(64, 128), networks=10, steps=5000),
    Stratum(n_layers=4, first_seed=9000, widths=(64, 128), networks=4, steps=5000),
)
_WIDE = (32, 48, 64, 96, 128, 192, 256, 384, 512)
GPU = (
    Stratum(n_layers=1, first_seed=11_000, widths=_WIDE, networks=90, steps=2500),
    Stratum(n_layers=2, first_seed=12_000, widths=_WIDE, networks=45, steps=4000),
    Stratum(n_layers=3, first_seed=13_000, widths=_WIDE, networks=27, steps=4000),
    Stratum(n_layers=4, first_seed=14_000, widths=_WIDE, networks=18, steps=4000),
)
STRATA: dict[FormName, Sequence[Stratum]] = {"cpu": CPU, "gpu": GPU}


def plans(form: FormName, n_layers: int) -> list[Plan]:
    """A run for each network, in the order of their seeds; the paired long ones come last."""
    stratum = next(each for each in STRATA[form] if each.n_layers == n_layers)
    plain = [_config(stratum, place, form) for place in range(stratum.networks)]
    paired = plain[::2] if form == "gpu" and n_layers == 1 else []
    long = [replace(c, training=replace(c.training, steps=LONG)) for c in paired]
    return [Plan(recipe="survey-zhong2023", networks=(config,)) for config in (*plain, *long)]


def _config(stratum: Stratum, place: int, form: FormName) -> Config:
    recipe = survey_zhong2023()
    seed = stratum.first_seed + place
    width = stratum.widths[place % len(stratum.widths)]
    fraction = FRACTIONS[place // len(stratum.widths) % len(FRACTIONS)]
    config = recipe.config
    model = config.model
    assert isinstance(model, OneLayerTransformer)
    drawn = replace(
        config,
        seed=seed,
        task=replace(config.task, train_fraction=fraction),
        model=_shaped(model, seed, width, stratum.n_layers),
        training=replace(
            config.training,
            steps=stratum.steps,
            checkpoint_ratio=1.1,
            device="cuda" if form == "gpu" else "cpu",
        ),
    )
    return recipe.plan(drawn, seeds=1).base


def _shaped(model: OneLayerTransformer, seed: int, width: int, n_layers: int) -> Model:
    coins = torch.rand(3, generator=generator(seed, "survey/shape")) < 0.5
    is_relu, is_separate, has_equals = coins.tolist()
    shaped = replace(
        model,
        d_model=width,
        activation="relu" if is_relu else "gelu",
        separate_vocab=is_separate,
        equals_token=has_equals,
    )
    if n_layers == 1:
        return shaped
    own = {field.name: getattr(shaped, field.name) for field in fields(shaped)}
    return DeepTransformer(n_layers=n_layers, **own)
