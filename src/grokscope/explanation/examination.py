"""What is found out about a network on any group, each thing once and when it is first asked for.

A component is a frequency of a cyclic group, and an irrep of any other.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import torch
from jaxtyping import Float64
from torch import Tensor

from grokscope.explanation.form import Form, Terms
from grokscope.explanation.keys import find_keys, others, without
from grokscope.explanation.mechanism import (
    Chained,
    Forms,
    Mechanism,
    Seen,
    chain,
    examine,
    seen_positions,
    thinner,
)
from grokscope.explanation.spectrum import component_power
from grokscope.explanation.subject import Edit, Subject, Trace, accuracy, cross_entropy
from grokscope.explanation.thresholds import Thresholds

_ROUNDING = 1e-6
"""Products that hold a smaller share of the first neurons' variance are none."""


class Examination(ABC):
    """One subject."""

    def __init__(
        self, subject: Subject, thresholds: Thresholds, keys: Sequence[int] | None = None
    ) -> None:
        self.subject = subject
        self.thresholds = thresholds
        self._claimed = keys

    @abstractmethod
    def first_form(self) -> Form:
        """What the first layer's neurons are claimed to compute from each key component."""

    @property
    @abstractmethod
    def multiplies(self) -> bool:
        """Whether something before the first layer multiplies components."""

    @abstractmethod
    def reached(self) -> float:
        """The weakest of what is written back and of what the formula says: it sets the grade."""

    @cached_property
    def trace(self) -> Trace:
        """The network as it is."""
        return self.subject.run(reads=True)

    @cached_property
    def accuracy(self) -> float:
        """Accuracy of the network as it is."""
        return accuracy(self.subject, self.trace.logits)

    @cached_property
    def power(self) -> Float64[Tensor, " component"]:
        """Share of each component in the embedding's energy."""
        return component_power(self.subject.embeddings, self.subject.symmetry)

    @cached_property
    def power_of(self) -> Mapping[int, float]:
        """The same by key."""
        names = [component.key for component in self.subject.symmetry.components]
        return dict(zip(names, self.power.tolist(), strict=True))

    @cached_property
    def keys(self) -> list[int]:
        """The components that it computes with, the strongest first."""
        if self._claimed is not None:
            return list(self._claimed)
        return find_keys(self.subject, self.power, self.thresholds)

    @cached_property
    def free(self) -> list[int]:
        """All other components."""
        return others(self.subject.symmetry, self.keys)

    @cached_property
    def accuracy_without(self) -> Mapping[int, float]:
        """Accuracy once one key component alone is taken out of the embedding."""
        return {key: self.accuracy_of(without(self.subject, [key])) for key in self.keys}

    @cached_property
    def necessary(self) -> Mapping[int, bool]:
        """Whether the network errs without a key component."""
        least = self.thresholds.accuracy
        return {key: left < least for key, left in self.accuracy_without.items()}

    @cached_property
    def has_products(self) -> bool:
        """Whether the first neurons hold products of the operands, made by something before them.

        That is, whether they are anything else than a function of x plus a function of y.
        """
        n = self.subject.order
        table = self.trace.pre[self.subject.layers[0]].double().reshape(n, n, -1)
        mean = table.mean((0, 1))
        mixed = table - table.mean(0) - table.mean(1, keepdim=True) + mean
        return bool(mixed.square().sum() > _ROUNDING * (table - mean).square().sum())

    @cached_property
    def is_rectified(self) -> bool:
        """Whether what follows the neurons does not see which of them are below 0, as a ReLU."""
        clipped = {site: pre.clamp(min=0) for site, pre in self.trace.pre.items()}
        return torch.equal(self.subject.run(Edit(pre=clipped)).logits, self.trace.logits)

    @cached_property
    def forms(self) -> Forms:
        """What each layer computes: the first as claimed, deeper ones products of each component.

        A deeper layer sees what a nonlinearity made of the first, so its neurons may hold every
        product of a component's functions.
        """
        return self.chained.forms

    @cached_property
    def chained(self) -> Chained:
        """The layers' forms written back, in as few numbers as will do.

        Of the directions that a layer's neurons read, the faintest are left out as long as the
        network stays as good as before.
        """
        found = self._with_products
        for share in self.thresholds.bands.faint if self._is_as_good(found) else ():
            thin = thinner(self.subject, self.trace, found, self.seen, share)
            if self._is_as_good(thin):
                return thin
        return found

    @cached_property
    def _with_products(self) -> Chained:
        """The layers' forms written back, with as few products of two components as will do.

        A layer that something before it multiplies for may hold such products; they are let in by
        what they hold of its variance until the network is as good as before.
        """
        found = self._chained(math.inf)
        may_multiply = self.multiplies or len(self.subject.layers) > 1
        for least in self.thresholds.bands.products if may_multiply else ():
            if self._is_as_good(found):
                break
            found = self._chained(least)
        return found

    def _chained(self, least_product: float) -> Chained:
        forms = self._forms(self.first_form(), least_product)
        return chain(self.subject, self.trace, forms, self.seen)

    def _is_as_good(self, chained: Chained) -> bool:
        own = cross_entropy(self.subject, self.trace.logits)
        rise = cross_entropy(self.subject, chained.logits) - own
        is_right = accuracy(self.subject, chained.logits) >= self.thresholds.grade_a
        return is_right and rise <= self.thresholds.cross_entropy

    def _forms(self, first: Form, least: float) -> Forms:
        deeper = replace(first, terms=dict.fromkeys(first.terms, Terms.SECOND), least_product=least)
        if self.multiplies:
            first = replace(first, least_product=least)
        return {layer: deeper if i else first for i, layer in enumerate(self.subject.layers)}

    @cached_property
    def seen(self) -> Seen:
        """The positions that the read-out can see."""
        return seen_positions(self.subject, self.trace)

    @cached_property
    def mechanism(self) -> Mechanism:
        """The layers' forms written back."""
        return examine(self.subject, self.trace, self.chained, self.seen)

    def accuracy_of(self, edit: Edit) -> float:
        """Accuracy of the network under an intervention."""
        return accuracy(self.subject, self.subject.run(edit).logits)
