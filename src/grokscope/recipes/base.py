"""What a recipe is: a full config, its variants, and where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grokscope.experiment import Config, Plan, plan_seeds


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A named experiment."""

    name: str
    summary: str
    """One line: what is trained and what to expect."""
    source: str
    """The publication (arXiv id), or `grokscope`."""
    config: Config
    variants: tuple[Mapping[str, Any], ...] = ()
    """Settings that differ between groups of networks; every variant gets every seed."""
    seeds: int = 1
    """Seeds per variant unless the user says otherwise."""

    def plan(self, config: Config | None = None, seeds: int | None = None) -> Plan:
        """The networks to train, with another config or number of seeds where given."""
        count = self.seeds if seeds is None else seeds
        return plan_seeds(self.name, config or self.config, self.variants, count)
