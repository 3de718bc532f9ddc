"""Waits beside what may explain them: the input of the regressions of time on settings."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

from grokscope.core.errors import SettingError
from grokscope.statistics.wait import Wait

INTERCEPT = "intercept"


@dataclass(frozen=True, kw_only=True)
class Runs:
    """What each run showed, and under which settings.

    Attributes:
        waits: one for each run; of a run that diverged `NEVER`.
        covariates: values for each run, by name. They enter as they are: give ln(setting) where
            an exponent is meant, or use `of_settings`.
        seeds: of each run. Runs of one seed share data and initial values and count as one cluster.
            Empty: each run has a seed of its own.

    Raises:
        SettingError: there are no runs, a list has another length than the waits, a covariate is
            not finite or is called "intercept", or something was seen at time 0, of which there is
            no logarithm.
    """

    waits: Sequence[Wait] = field(repr=False)
    covariates: Mapping[str, Sequence[float]] = field(repr=False)
    seeds: Sequence[int] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not self.waits:
            raise SettingError("waits", "at least one", 0)
        if self.seeds and len(self.seeds) != len(self.waits):
            raise SettingError("seeds", f"one for each of {len(self.waits)} runs", len(self.seeds))
        for name, values in self.covariates.items():
            if name == INTERCEPT:
                raise SettingError("covariates", f"called other than {INTERCEPT!r}", name)
            if len(values) != len(self.waits):
                raise SettingError(name, f"one for each of {len(self.waits)} runs", len(values))
            if not all(map(math.isfinite, values)):
                raise SettingError(name, "finite", next(v for v in values if not math.isfinite(v)))
        if any(wait.most == 0 for wait in self.waits):
            raise SettingError("waits", "above 0 where they were seen", 0.0)

    @classmethod
    def of_settings(
        cls,
        waits: Sequence[Wait],
        settings: Mapping[str, Sequence[float]],
        seeds: Sequence[int] = (),
    ) -> "Runs":
        """Runs whose covariates are ln(setting), so that a coefficient is an exponent.

        Raises:
            SettingError: a setting is not above 0, or as for the class.
        """
        for name, values in settings.items():
            if values and min(values) <= 0:
                raise SettingError(name, "above 0", min(values))
        logs = {name: [math.log(value) for value in own] for name, own in settings.items()}
        return cls(waits=waits, covariates=logs, seeds=seeds)

    @property
    def clusters(self) -> Sequence[int]:
        """The seed of each run, or its place where no seeds are known."""
        return self.seeds or range(len(self.waits))

    def where(self, chosen: Sequence[bool] | Bool[np.ndarray, " run"]) -> "Runs":
        """The runs that are chosen.

        Raises:
            SettingError: none is.
        """
        kept = [i for i, is_chosen in enumerate(chosen) if is_chosen]
        return Runs(
            waits=[self.waits[i] for i in kept],
            covariates={name: [own[i] for i in kept] for name, own in self.covariates.items()},
            seeds=[self.clusters[i] for i in kept],
        )

    def columns(self, names: Sequence[str]) -> Float[np.ndarray, "run name"]:
        """Covariates side by side.

        Raises:
            SettingError: one is not known, takes one value only, or follows from the others.
        """
        for name in names:
            if name not in self.covariates:
                raise SettingError("covariate", f"one of {sorted(self.covariates)}", name)
            if len(set(self.covariates[name])) < 2:
                raise SettingError(name, "at least two different values", self.covariates[name][0])
        table = np.array([self.covariates[name] for name in names], dtype=float).T
        table = table.reshape(len(self.waits), len(names))
        centred = (table - table.mean(axis=0)) / table.std(axis=0)
        rank = np.linalg.matrix_rank(centred, tol=1e-7 * math.sqrt(table.size)) if names else 0
        if rank < len(names):
            raise SettingError("covariates", "such that none follows from the others", list(names))
        return table
