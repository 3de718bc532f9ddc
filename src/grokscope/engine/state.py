"""The state of some networks: weights, and what their optimizer keeps from step to step.

All parameters lie in one flat tensor, so that a step is a handful of calls. On disk every tensor
has its parameter's name: `W_E`, and `exp_avg/W_E` for what an optimizer keeps beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.models import Parameters

Shapes = Mapping[str, tuple[int, ...]]
"""Of one network's parameters, by name."""
State = dict[str, Tensor]
"""`theta` and an optimizer's own slots, each with the `model` axis first.

A slot has numbers for each parameter (its last axis is that of `theta`), or one per network.
"""
Flat = Float[Tensor, "model parameter"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """Parameters of a stack, and all that moves them."""

    shapes: Shapes
    """Of these parameters, in the order in which they lie."""
    theta: Flat
    gradient: Flat
    """Overwritten by what moves the parameters."""
    slots: State
    """Of these parameters, or one number per network."""
    lr_factor: Flat | None = None
    """0 for what is not trained; all 1 where there is none."""
    decay_factor: Flat | None = None

    def only(self, names: Sequence[str]) -> "Part":
        """Some parameters that lie side by side."""
        before = list(self.shapes)[: list(self.shapes).index(names[0])]
        start = sum(torch.Size(self.shapes[name]).numel() for name in before)
        stop = start + sum(torch.Size(self.shapes[name]).numel() for name in names)

        def columns(flat: Tensor | None) -> Tensor | None:
            return flat if flat is None or flat.dim() == 1 else flat[..., start:stop]

        return replace(
            self,
            shapes={name: self.shapes[name] for name in names},
            theta=self.theta[:, start:stop],
            gradient=self.gradient[:, start:stop],
            slots={name: cast(Tensor, columns(slot)) for name, slot in self.slots.items()},
            lr_factor=columns(self.lr_factor),
            decay_factor=columns(self.decay_factor),
        )


def views(flat: Float[Tensor, "model *any parameter"], shapes: Shapes) -> Parameters:
    """The named parameters within a flat tensor."""
    sizes = [torch.Size(shape).numel() for shape in shapes.values()]
    columns = flat.detach().split(sizes, -1)
    pairs = zip(shapes.items(), columns, strict=True)
    return {name: column.view(*flat.shape[:-1], *shape) for (name, shape), column in pairs}


def flattened(named: Mapping[str, Tensor], shapes: Shapes) -> Float[Tensor, "model *any parameter"]:
    """The inverse of `views`."""
    parts = [value.flatten(value.dim() - len(shapes[name])) for name, value in named.items()]
    return torch.cat(parts, -1)


def named(slots: State, shapes: Shapes) -> dict[str, Tensor]:
    """Slots as they are stored: `exp_avg/W_E`, or the slot's name where it is one per network."""
    found: dict[str, Tensor] = {}
    for slot, value in slots.items():
        per_parameter = views(value, shapes) if value.dim() > 1 else {}
        found |= {f"{slot}/{name}": part for name, part in per_parameter.items()}
        found |= {} if per_parameter else {slot: value}
    return found


def slots_of(stored: Mapping[str, Tensor], fresh: State, shapes: Shapes) -> State:
    """Slots from what is stored; one that is not there begins afresh."""
    found: State = {}
    for slot, value in fresh.items():
        parts = {name: stored.get(f"{slot}/{name}") for name in shapes}
        there = {name: part for name, part in parts.items() if part is not None}
        if value.dim() == 1:
            found[slot] = stored.get(slot, value).to(value)
        elif len(there) == len(shapes):
            found[slot] = flattened(there, shapes).to(value)
        else:
            found[slot] = value
    return found
