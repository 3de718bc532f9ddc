"""Which networks the survey trains: strata and seeds, fixed beforehand.

Two forms. On a CPU widths are 32, 64 and 128 and 2,500 steps or more, a network a run. On a GPU
widths run from 32 to 512, networks of one shape share a run and multiply in TF32, and a third of
the runs of one layer is trained for the published 20,000 steps as well. Each network draws its
attention rate by its seed, uniform in [0, 1]; each run draws by that of its first network what
makes its shape: ReLU or GELU, one vocabulary or two, with or without `=`. Seeds are for evaluation;
development used those below 7000.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import torch

from grokscope.core.seeds import generator
from grokscope.experiment import Plan, Training
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
    runs: int
    steps: int
    networks: int = 1
    """In each run."""


CPU = (
    Stratum(n_layers=1, first_seed=11_000, widths=(32, 64, 128), runs=78, steps=2500),
    Stratum(n_layers=2, first_seed=7000, widths=(64, 128), runs=24, steps=5000),
    Stratum(n_layers=3, first_seed=8000, widths=(64, 128), runs=18, steps=5000),
    Stratum(n_layers=4, first_seed=9000, widths=(64, 128), runs=4, steps=5000),
)
_WIDE = (32, 48, 64, 96, 128, 192, 256, 384, 512)
GPU = (
    Stratum(n_layers=1, first_seed=21_000, widths=_WIDE, runs=18, steps=2500, networks=5),
    Stratum(n_layers=2, first_seed=22_000, widths=_WIDE, runs=9, steps=4000, networks=4),
    Stratum(n_layers=3, first_seed=23_000, widths=_WIDE, runs=9, steps=4000, networks=2),
    Stratum(n_layers=4, first_seed=24_000, widths=_WIDE, runs=9, steps=4000, networks=2),
)
STRATA: dict[FormName, Sequence[Stratum]] = {"cpu": CPU, "gpu": GPU}


def plans(form: FormName, n_layers: int) -> list[Plan]:
    """The runs of a stratum in the order of their seeds; the paired long ones come last."""
    stratum = next(each for each in STRATA[form] if each.n_layers == n_layers)
    plain = [_plan(stratum, place, form) for place in range(stratum.runs)]
    paired = plain[::3] if form == "gpu" and n_layers == 1 else []
    return [*plain, *map(_long, paired)]


def _plan(stratum: Stratum, place: int, form: FormName) -> Plan:
    recipe = survey_zhong2023()
    seed = stratum.first_seed + place * stratum.networks
    width = stratum.widths[place % len(stratum.widths)]
    in_turn = place + stratum.n_layers if form == "gpu" else place // len(stratum.widths)
    config = recipe.config
    model, training = config.model, replace(config.training, steps=stratum.steps)
    assert isinstance(model, OneLayerTransformer)
    drawn = replace(
        config,
        seed=seed,
        task=replace(config.task, train_fraction=FRACTIONS[in_turn % len(FRACTIONS)]),
        model=_shaped(model, seed, width, stratum.n_layers),
        training=_on_gpu(training) if form == "gpu" else replace(training, checkpoint_ratio=1.1),
    )
    return recipe.plan(drawn, seeds=stratum.networks)


def _on_gpu(training: Training) -> Training:
    """Wide networks take much room on disk, so few of their checkpoints are kept."""
    return replace(training, device="cuda", matmul_precision="tf32", checkpoint_ratio=1.5)


def _long(plan: Plan) -> Plan:
    networks = (replace(c, training=replace(c.training, steps=LONG)) for c in plan.networks)
    return replace(plan, networks=tuple(networks))


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
