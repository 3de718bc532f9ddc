"""What is found out about a network on any group, each thing once and when it is first asked for.

A component is a frequency of a cyclic group, and an irrep of any other.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from jaxtyping import Float64
from torch import Tensor

from grokscope.explanation.form import Form, Terms
from grokscope.explanation.keys import find_keys, others, without
from grokscope.explanation.mechanism import Forms, Mechanism, Seen, examine, seen_positions
from grokscope.explanation.spectrum import component_power
from grokscope.explanation.subject import Edit, Subject, Trace, accuracy
from grokscope.explanation.thresholds import Thresholds


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
    def forms(self) -> Forms:
        """What each layer computes: the first as claimed, deeper ones products of each component.

        A deeper layer sees what a nonlinearity made of the first, so its neurons may hold every
        product of a component's functions.
        """
        first = self.first_form()
        deeper = replace(first, terms=dict.fromkeys(first.terms, Terms.SECOND))
        return {layer: deeper if i else first for i, layer in enumerate(self.subject.layers)}

    @cached_property
    def seen(self) -> Seen:
        """The positions that the read-out can see."""
        return seen_positions(self.subject, self.trace)

    @cached_property
    def mechanism(self) -> Mechanism:
        """The layers' forms written back."""
        return examine(self.subject, self.trace, self.forms, self.seen)

    def accuracy_of(self, edit: Edit) -> float:
        """Accuracy of the network under an intervention."""
        return accuracy(self.subject, self.subject.run(edit).logits)
