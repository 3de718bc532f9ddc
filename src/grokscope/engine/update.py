"""How networks are moved: one kind of optimizer for those of a cohort, settings of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.core.patterns import factors_of, named_by
from grokscope.core.seeds import stream_seed
from grokscope.engine.adamw import AdamW
from grokscope.engine.gradient import (
    amplify_by_average,
    amplify_by_window,
    filter_slots,
    fix_norm,
    remove_radial,
    trained_norm,
)
from grokscope.engine.optimizer import Coefficients, Optimizer, Settings
from grokscope.engine.state import Flat, Part, Shapes, State, views
from grokscope.models import Parameters
from grokscope.models.noise import gaussian, step_key

_WHERE_USED = ("l1", "gradient_noise", "weight_noise", "fixed_norm")
"""Settings whose coefficients there are if any network of the cohort asks for them."""
_NAMING = ("frozen", "undecayed", "lr_factors")
_FILTER_REST = {"moves": 0.0, "grokfast_rate": 0.0, "grokfast_lamb": 0.0}
# models draw from streams of 0 and more
_GRADIENT_STREAM, _WEIGHT_STREAM = -1, -2


class Updates:
    """The update of each cohort, and the state that all networks of a population have.

    Cohorts may differ in what their optimizers keep: then every network has the slots of all.

    Args:
        settings: by cohort, of every network, also of those that come later.
        shapes: of one network's parameters.

    Raises:
        SettingError: optimizers of several kinds in a cohort, names of parameters that there are
            not, windows of several lengths.
    """

    def __init__(self, settings: Mapping[int, Sequence[Optimizer]], shapes: Shapes) -> None:
        self._shapes = shapes
        self._updates = {cohort: Update(some, shapes) for cohort, some in settings.items()}
        windows = [s.grokfast_window for some in settings.values() for s in some if s.keeps_window]
        require_same("grokfast_window", windows)

    def of(self, cohort: int) -> "Update":
        """The update of one cohort."""
        return self._updates[cohort]

    def begin(self, theta: Flat, settings: Sequence[Optimizer]) -> State:
        """The state of networks with these weights and settings before their first step."""
        state: State = {}
        for update in self._updates.values():
            state |= update.begin(theta, settings)
        return state

    def size(self) -> int:
        """Numbers in the state of one network."""
        width = sum(torch.Size(shape).numel() for shape in self._shapes.values())
        slots = self.begin(torch.empty(0, width), []).values()
        return sum(torch.Size(slot.shape[1:]).numel() for slot in slots)


class Update:
    """What the optimizers of a cohort share.

    Args:
        settings: of every network, also of those that come later.
        shapes: of one network's parameters.

    Raises:
        SettingError: optimizers of several kinds, or names of parameters that there are not.
    """

    def __init__(self, settings: Sequence[Optimizer], shapes: Shapes) -> None:
        _require_one_kind(settings)
        self.shapes = shapes
        self._kind = settings[0]
        self._used = {n for n in (*_WHERE_USED, *_NAMING) if any(getattr(s, n) for s in settings)}
        self._rest = dict(self._kind.REST) | {n: 0.0 for n in _WHERE_USED if n in self._used}
        self._rest |= _FILTER_REST if self._kind.grokfast != "none" else {}
        self.own(settings, [0] * len(settings))

    @property
    def has_kernel(self) -> bool:
        """Whether torch's fused kernel takes the same step for networks that are alike."""
        kind = self._kind
        filters = kind.orthogonal or kind.grokfast != "none"
        is_adamw = isinstance(kind, AdamW) and kind.decay == "decoupled"
        return is_adamw and not filters and not self._used

    @property
    def draws_noise(self) -> bool:
        """Whether a step needs random numbers."""
        return "gradient_noise" in self._used or "weight_noise" in self._used

    def begin(self, theta: Flat, settings: Sequence[Optimizer]) -> State:
        """The state of networks with these weights before their first step."""
        kind = self._kind
        state = {"theta": theta} | kind.begin(theta)
        state |= filter_slots(kind.grokfast, kind.grokfast_window, theta)
        if kind.decay == "to_init":
            state["initial"] = theta.clone()
        if "fixed_norm" in self._used:
            factors = [_lr_factors(own, list(self.shapes)) for own in settings]
            lr_factor = _spread(factors, self._sizes(), theta)
            state["initial_norm"] = trained_norm(theta, lr_factor).squeeze(1)
        return state

    def own(
        self, settings: Sequence[Optimizer], seeds: Sequence[int], like: Tensor | None = None
    ) -> dict[str, Tensor]:
        """What steps need of some networks and does not change: a seed, factors by parameter.

        Args:
            settings: of these networks.
            seeds: of these networks.
            like: a tensor of the device and the type of the weights.
        """
        noise = torch.tensor([stream_seed(seed, "noise") for seed in seeds], dtype=torch.int64)
        found = {"noise_seed": noise if like is None else noise.to(like.device)}
        names, sizes = list(self.shapes), self._sizes()
        if self._used & {"frozen", "lr_factors"}:
            found["lr_factor"] = _spread([_lr_factors(s, names) for s in settings], sizes, like)
        if "undecayed" in self._used:
            kept = [named_by("undecayed", own.undecayed, names) for own in settings]
            factors = [[0.0 if name in some else 1.0 for name in names] for some in kept]
            found["decay_factor"] = _spread(factors, sizes, like)
        return found

    def standstill(self, like: Tensor) -> Float[Tensor, " coefficient"]:
        """Coefficients that leave the state of a network as it is, where its gradient is 0."""
        return torch.tensor(list(self._rest.values()), dtype=like.dtype, device=like.device)

    def coefficients(
        self, settings: Sequence[Optimizer], steps: Sequence[int], ahead: int
    ) -> Float[Tensor, "ahead model coefficient"]:
        """What the next `ahead` steps need of the settings.

        In float64, since 1 − β^t loses digits in float32.

        Args:
            settings: of each network.
            steps: each network's earlier steps, from 0.
            ahead: for how many steps.
        """
        own = _numbers(settings)
        taken = torch.tensor(steps) + torch.arange(ahead, dtype=torch.float64).unsqueeze(1)
        warmup = own["warmup_steps"]
        warm = torch.where(warmup > 0, taken / warmup, 1).clamp(max=1)
        found = {**own, **self._kind.coefficients(own, warm, taken)}
        found |= {"moves": torch.ones(()), "grokfast_rate": 1 - own["grokfast_alpha"]}
        return torch.stack([found[n].expand(ahead, len(settings)) for n in self._rest], 2)

    def keys(
        self, own: Mapping[str, Tensor], taken: Float[Tensor, "model 1"]
    ) -> Int[Tensor, " model"]:
        """The keys of this step's random numbers."""
        return step_key(own["noise_seed"], taken.squeeze(1).long())

    def noisy(self, trained: Parameters, key: Int[Tensor, " model"], now: Tensor) -> Parameters:
        """The weights at which the gradient is taken."""
        coefficients = self._named(now)
        if "weight_noise" not in coefficients:
            return trained
        first = next(iter(trained.values()))
        noise = gaussian(key, sum(self._sizes()), _WEIGHT_STREAM, first.dtype)
        parts = views(noise * coefficients["weight_noise"], self.shapes)
        return {name: value + parts[name] for name, value in trained.items()}

    def move(
        self,
        state: State,
        gradient: Flat,
        now: Float[Tensor, "model coefficient"],
        own: Mapping[str, Tensor],
        key: Int[Tensor, " model"] | None = None,
    ) -> None:
        """Move the state in place by one step.

        Args:
            state: of all networks.
            gradient: of all networks, and 0 for those that rest; overwritten.
            now: `coefficients` of this step.
            own: what `own` says of the networks.
            key: `keys` of this step, where it draws noise.
        """
        coefficients, theta = self._named(now), state["theta"]
        if "gradient_noise" in coefficients and key is not None:
            noise = gaussian(key, gradient.shape[1], _GRADIENT_STREAM, gradient.dtype)
            gradient.addcmul_(noise, coefficients["gradient_noise"])
        if self._kind.grokfast == "ema":
            amplify_by_average(gradient, state, coefficients)
        elif self._kind.grokfast == "ma":
            amplify_by_window(gradient, state, coefficients)
        if self._kind.orthogonal:
            remove_radial(gradient, theta, self.shapes)
        slots = {name: slot for name, slot in state.items() if name != "theta"}
        factors = {name: own.get(name) for name in ("lr_factor", "decay_factor")}
        part = Part(shapes=self.shapes, theta=theta, gradient=gradient, slots=slots, **factors)
        self._kind.move(part, coefficients)
        if "fixed_norm" in coefficients:
            fix_norm(part, coefficients)

    def _named(self, now: Float[Tensor, "model coefficient"]) -> Coefficients:
        return dict(zip(self._rest, now.unsqueeze(2).unbind(1), strict=True))

    def _sizes(self) -> list[int]:
        return [torch.Size(shape).numel() for shape in self.shapes.values()]


def _numbers(settings: Sequence[Optimizer]) -> Settings:
    """Every setting that is a number, is unset or says yes or no."""
    found: dict[str, Tensor] = {}
    for field in fields(settings[0]):
        values = [getattr(own, field.name) for own in settings]
        if not isinstance(values[0], str):
            found[field.name] = torch.tensor([float(v or 0) for v in values], dtype=torch.float64)
    return found


def _lr_factors(own: Optimizer, names: Sequence[str]) -> list[float]:
    frozen = named_by("frozen", own.frozen, names)
    factors = factors_of("lr_factors", own.lr_factors, names)
    return [0.0 if name in frozen else factors[name] for name in names]


def _spread(factors: Sequence[Sequence[float]], sizes: list[int], like: Tensor | None) -> Flat:
    """From one number per tensor to one per parameter."""
    each = torch.tensor(factors, dtype=torch.float64).view(-1, len(sizes))
    spread = each.repeat_interleave(torch.tensor(sizes), dim=1)
    return spread if like is None else spread.to(like)


def _require_one_kind(settings: Sequence[Optimizer]) -> None:
    kinds = [type(own).__name__ for own in settings]
    require_same("optimizer", kinds)
    for name in settings[0].SHARED:
        require_same(name, [getattr(own, name) for own in settings])


def require_same(setting: str, values: Sequence[object]) -> None:
    """Refuse values that differ.

    Raises:
        SettingError: naming two of them.
    """
    for value in values:
        if value != values[0]:
            both = f"{values[0]} and {value}"
            raise SettingError(setting, "the same for all networks of a population", both)
