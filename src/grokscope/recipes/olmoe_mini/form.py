"""The sizes in which the study is run: end to end in half an hour on two cores, or on a GPU."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from grokscope.core.errors import SettingError
from grokscope.recipes.olmoe_mini.arm import ARMS, MAIN


@dataclass(frozen=True, kw_only=True)
class Form:
    """Everything that is fixed before a run of the study.

    Attributes:
        d_vocab: tokens of the vocabulary.
        d_model, d_mlp, n_layers, n_heads, n_experts, top_k: of the model; d_mlp of one expert.
        steps: updates.
        batch: rows of an update.
        length: tokens of a row.
        lr, weight_decay, warmup: of AdamW; the rate rises for `warmup` steps.
        probes: seen documents of each domain, and as many twins.
        canaries: for each number of exposures, and as many unread ones.
        items: trained and held-out questions of each domain that has them.
        first, ratio: step of the first measurement, and the factor between two.
        seeds: of the subject and of the controls.
        arms: those that are run.
        shares: of the tokens, by domain; no more prose than a single pass can have.
        packages: whose sources are read beside the standard library's.
    """

    d_vocab: int
    d_model: int
    d_mlp: int
    n_layers: int
    n_heads: int
    n_experts: int
    top_k: int
    steps: int
    batch: int
    length: int
    lr: float
    weight_decay: float
    warmup: int
    probes: int
    canaries: int
    items: int
    first: int
    ratio: float
    seeds: tuple[int, ...]
    control_seeds: tuple[int, ...]
    arms: tuple[str, ...]
    shares: Mapping[str, float]
    packages: tuple[str, ...] = ()

    @property
    def measured(self) -> tuple[int, ...]:
        """Steps that are measured: 0, then a constant factor apart, and the last."""
        count = int(np.log(self.steps / self.first) / np.log(self.ratio))
        grown = self.first * self.ratio ** np.arange(count + 1)
        return tuple(sorted({0, *(round(float(step)) for step in grown), self.steps}))

    @property
    def tokens(self) -> int:
        """Of the training stream, places that are not filled among them."""
        return self.steps * self.batch * self.length

    @property
    def runs(self) -> list[tuple[str, int]]:
        """Every arm with every seed that it has."""
        return [
            (arm, seed)
            for arm in self.arms
            for seed in (self.seeds if arm == MAIN else self.control_seeds)
        ]


CPU = Form(
    d_vocab=1024,
    d_model=64,
    d_mlp=96,
    n_layers=3,
    n_heads=4,
    n_experts=16,
    top_k=2,
    steps=5_000,
    batch=16,
    length=128,
    lr=2e-3,
    weight_decay=1.0,
    warmup=100,
    probes=64,
    canaries=16,
    items=128,
    first=20,
    ratio=1.12,
    seeds=(10_000, 10_001),
    control_seeds=(10_000, 10_001),
    arms=(MAIN, "shuffled-labels", "frozen-router"),
    shares={"arithmetic": 0.42, "code": 0.22, "knowledge": 0.3, "prose": 0.06},
)
GPU = Form(
    d_vocab=4096,
    d_model=192,
    d_mlp=160,
    n_layers=6,
    n_heads=6,
    n_experts=16,
    top_k=2,
    steps=6_200,
    batch=256,
    length=256,
    lr=1e-3,
    weight_decay=1.0,
    warmup=200,
    probes=256,
    canaries=16,
    items=128,
    first=10,
    ratio=1.065,
    seeds=tuple(range(10_000, 10_006)),
    control_seeds=(10_000, 10_001),
    arms=tuple(ARMS),
    shares={"arithmetic": 0.45, "code": 0.2, "knowledge": 0.34, "prose": 0.01},
    packages=("torch", "transformers", "numpy", "sympy"),
)
FORMS: dict[str, Form] = {"cpu": CPU, "gpu": GPU}


def form_of(name: str) -> Form:
    """A form by its name.

    Raises:
        SettingError: there is none of that name.
    """
    if name not in FORMS:
        raise SettingError("form", f"one of {', '.join(FORMS)}", name)
    return FORMS[name]
