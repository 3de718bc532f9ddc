"""What a recipe is: a full config, its variants, and where it comes from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from grokscope.core.errors import UsageError
from grokscope.core.settings import flatten, with_settings
from grokscope.experiment import Config, Plan, plan_seeds
from grokscope.experiment.kinds import kind_of, with_sections


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
    draws: Callable[[int], Mapping[str, Any]] | None = None
    """Settings that each network draws by its seed, unless the user has set them."""
    seeds: int = 1
    """Seeds per variant unless the user says otherwise."""

    def of_kinds(self, sections: Mapping[str, object]) -> "Recipe":
        """The recipe with other tasks, models, optimizers or losses, as in `with_sections`.

        Raises:
            UsageError: a name of none, or one without a setting that the recipe varies.
        """
        config = with_sections(self.config, sections)
        varied = [*(name for variant in self.variants for name in variant)]
        varied += self.draws(0) if self.draws else ()
        for name in varied:
            section, known = name.partition(".")[0], flatten(config)
            if section in sections and name not in known:
                kind = kind_of(section, getattr(config, section))
                raise UsageError(f"This recipe compares `{name}`, which `{kind}` does not have.")
        return replace(self, config=config)

    def plan(self, config: Config | None = None, seeds: int | None = None) -> Plan:
        """The networks to train, with another config or number of seeds where given."""
        count = self.seeds if seeds is None else seeds
        plan = plan_seeds(self.name, config or self.config, self.variants, count)
        return replace(plan, networks=tuple(map(self._drawn, plan.networks)))

    def _drawn(self, network: Config) -> Config:
        if self.draws is None:
            return network
        own, default = flatten(network), flatten(self.config)
        drawn = self.draws(network.seed)
        free = {name: value for name, value in drawn.items() if own[name] == default[name]}
        return with_settings(network, free)
