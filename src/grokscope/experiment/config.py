"""One config says everything about one network's training; a plan is the networks of one run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from grokscope.core.errors import SettingError, UsageError
from grokscope.core.settings import check_types, flatten, require_at_least, with_settings
from grokscope.engine import AdamW, CrossEntropy, Loss, MatmulPrecision, Optimizer
from grokscope.experiment.kinds import KINDS, kind_named, kind_of
from grokscope.models import Model, OneLayerTransformer
from grokscope.tasks import ModularArithmetic, Task

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Training:
    """How long to train, and how often to look."""

    steps: int = 40_000
    """The budget, in optimizer steps; fixed before the run, so that what has not grokked by then
    is censored."""
    stop_when_grokked: bool = True
    """End a network half its grokked step after it grokked, instead of at the budget."""
    batch_size: int | None = None
    """Rows per step; all training rows where none is given."""
    eval_ratio: float = 1.1
    """Neighbouring evaluation steps differ by at most this factor; in (1, 1.1]."""
    checkpoint_ratio: float = 1.25
    """Neighbouring checkpoints differ by at most this factor."""
    batch_seed: int | None = None
    """Seed of the order of batches; the network's own seed where none is given."""
    capacity: int | None = None
    """Networks in training at once, the others wait; as many as fit where none is given."""
    dtype: Literal["float32", "float64"] = "float32"
    device: Literal["cpu", "cuda"] = "cpu"
    matmul_precision: MatmulPrecision = "full"
    """Precision of the factors of matrix products; `tf32` and `bf16` are fast on a GPU only."""

    def __post_init__(self) -> None:
        check_types(self)
        require_at_least(1, self, "steps", "batch_size", "capacity")
        if not 1 < self.eval_ratio <= 1.1:
            raise SettingError("eval_ratio", "in (1, 1.1]", self.eval_ratio)
        if not self.checkpoint_ratio > 1:
            raise SettingError("checkpoint_ratio", "greater than 1", self.checkpoint_ratio)
        if self.matmul_precision != "full" and self.dtype != "float32":
            rule = f"`full` with `dtype` {self.dtype}"
            raise SettingError("matmul_precision", rule, self.matmul_precision)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that defines one network; equal configs give equal results."""

    task: Task = ModularArithmetic()  # noqa: RUF009 (frozen)
    """The table, and how its rows are split."""
    model: Model = OneLayerTransformer()  # noqa: RUF009 (frozen)
    """The architecture."""
    optimizer: Optimizer = AdamW()  # noqa: RUF009 (frozen)
    """How weights follow their gradient."""
    loss: Loss = CrossEntropy()  # noqa: RUF009 (frozen)
    """What is minimised: a mean over rows."""
    training: Training = Training()
    """How long to train, and how often to look."""
    seed: int = 0
    """Seed of initial values and batches, and of the split unless the task has its own."""

    def __post_init__(self) -> None:
        check_types(self)
        require_at_least(0, self, "seed")

    def to_dict(self) -> dict[str, Any]:
        """The form of `config.toml`: a mapping per section, with its kind.

        What is unset is absent, as every setting that can be unset is at first.
        """
        stored: dict[str, Any] = {"seed": self.seed}
        stored["training"] = _without_none(flatten(self.training))
        for section in KINDS:
            value = getattr(self, section)
            stored[section] = {"kind": kind_of(section, value)} | _without_none(flatten(value))
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Config":
        """Read `to_dict`'s form back.

        Raises:
            UsageError: a section or setting that is unknown.
            SettingError: a value that breaks its rule.
            KeyError: a section is missing.
        """
        sections = dict(stored)
        parts: dict[str, Any] = {"seed": sections.pop("seed")}
        for name in KINDS:
            values = dict(sections.pop(name))
            parts[name] = _build(kind_named(name, values.pop("kind")), values, name)
        parts["training"] = _build(Training, sections.pop("training"), "training")
        if sections:
            raise UsageError(f"The config has an unknown section `{next(iter(sections))}`.")
        return cls(**parts)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the networks of a fork come from."""

    run: str
    """Id of the run that they go on from."""
    step: int
    networks: tuple[int, ...]
    """Number within that run, of each network."""
    branches: tuple[str, ...]
    """Branch of each network."""

    @property
    def sentence(self) -> str:
        """Where the fork begins, and what that means for its curves."""
        return (
            f"A fork of {self.run}: it goes on from step {self.step:,}; curves, events and labels "
            "before that are those of the run."
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The networks of one run; they share everything but per-network settings."""

    recipe: str
    networks: tuple[Config, ...]
    origin: Origin | None = None
    """Of a fork."""

    def __post_init__(self) -> None:
        if not self.networks:
            raise SettingError("seeds", "at least 1", 0)
        for network in self.networks:
            if network.loss != self.base.loss:
                both = f"{self.base.loss} and {network.loss}"
                raise SettingError("loss", "the same for all networks of a run", both)
            for section in KINDS:
                kinds = [kind_of(section, getattr(one, section)) for one in (self.base, network)]
                if kinds[0] != kinds[1]:
                    rule = "of one kind for all networks of a run"
                    raise SettingError(section, rule, " and ".join(kinds))

    @property
    def base(self) -> Config:
        """The first network's config, which stands for what all share."""
        return self.networks[0]

    def branch(self, network: int) -> str | None:
        """Name of a network's branch, in a fork."""
        return None if self.origin is None else self.origin.branches[network]

    def data_changed(self, network: int) -> bool:
        """Whether a network of a fork has other training rows than its untouched twin."""
        if self.origin is None:
            return False
        twin = network % self.origin.branches.count(self.origin.branches[0])
        return self.networks[network].task != self.networks[twin].task

    def cohort(self, network: int) -> int:
        """Number of a network's branch, in a fork: branches have stacks of their own.

        So the untouched one is laid out as its run was, whatever the others are.
        """
        if self.origin is None:
            return 0
        branches = list(dict.fromkeys(self.origin.branches))
        return branches.index(self.origin.branches[network])

    def varying(self) -> list[dict[str, Any]]:
        """Per network, the settings that are not the same for all."""
        flat = [flatten(network) for network in self.networks]
        names = [name for name in flat[0] if any(f[name] != flat[0][name] for f in flat)]
        return [{name: f[name] for name in names} for f in flat]

    def to_dict(self) -> dict[str, Any]:
        """The form of `config.toml`: the first network in full, then what differs."""
        networks = [{"seed": network.seed} for network in self.networks]
        varying = zip(networks, self.varying(), strict=True)
        origin = {} if self.origin is None else {"origin": asdict(self.origin)}
        return origin | {
            "schema_version": SCHEMA_VERSION,
            "recipe": self.recipe,
            "base": self.base.to_dict(),
            "networks": [network | _without_none(changes) for network, changes in varying],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Plan":
        """Read `to_dict`'s form back.

        Raises:
            UsageError: a section or setting that is missing or unknown.
            SettingError: a value that breaks its rule.
        """
        try:
            base = Config.from_dict(stored["base"])
            changes: Sequence[Mapping[str, Any]] = stored["networks"]
            networks = tuple(with_settings(base, change) for change in changes)
            return cls(recipe=stored["recipe"], networks=networks, origin=_origin(stored))
        except KeyError as error:
            raise UsageError(f"The config has no {error}.") from None


def plan_seeds(
    recipe: str,
    config: Config,
    variants: Sequence[Mapping[str, Any]],
    seeds: int,
) -> Plan:
    """Every variant with `seeds` consecutive seeds from the config's own; variants share data.

    Raises:
        SettingError: fewer than one seed.
    """
    if seeds < 1:
        raise SettingError("seeds", "at least 1", seeds)
    networks = [
        replace(with_settings(config, variant), seed=config.seed + i)
        for variant in variants or ({},)
        for i in range(seeds)
    ]
    return Plan(recipe=recipe, networks=tuple(networks))


def _origin(stored: Mapping[str, Any]) -> Origin | None:
    if "origin" not in stored:
        return None
    own = dict(stored["origin"])
    lists = {name: tuple(own.pop(name)) for name in ("networks", "branches")}
    return Origin(run=own["run"], step=own["step"], **lists)


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """TOML has no null: what is unset is absent."""
    return {name: value for name, value in values.items() if value is not None}


def _build(kind: type, values: Mapping[str, Any], section: str) -> Any:  # noqa: ANN401
    """A settings object; what is absent has its default (a setting stored as unset is absent)."""
    known = {field.name for field in fields(kind)}
    unknown = next((name for name in values if name not in known), None)
    if unknown is not None:
        raise UsageError(f"The config has an unknown setting `{section}.{unknown}`.")
    return kind(**values)
