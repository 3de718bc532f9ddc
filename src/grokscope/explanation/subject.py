"""What the explainer needs of a network, whoever trained it.

A subject answers for the whole table of its group. Everything is laid out in the group's own
coordinates, so that the right answer to (x, y) is always x + y (or x ∘ y): rows are in the order
x · n + y, embedding tables in the order of the coordinates, and the group's classes come first.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from grokscope.explanation.symmetry import Symmetry

Site = str
"""Where something is read and overwritten, by the network's own name for it."""

PreActivation = Float[Tensor, "row *position neuron"]
Pattern = Float[Tensor, "row head query key"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """One pass of a subject over its table."""

    logits: Float[Tensor, "row n_outputs"]
    """The group's classes in the order of the coordinates, then the network's other outputs."""
    pre: Mapping[Site, PreActivation] = field(default_factory=dict)
    patterns: Mapping[Site, Pattern] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Edit:
    """What an intervention puts in the place of a network's own values."""

    embeddings: Float[Tensor, "slot order d_model"] | None = None
    """A table per operand, in the order of the coordinates."""
    pre: Mapping[Site, PreActivation] = field(default_factory=dict)
    patterns: Mapping[Site, Pattern] = field(default_factory=dict)
    is_rectified: bool = False
    """Put |pre|/2 in the place of pre: for a ReLU network the activation becomes |x|/2."""


class Subject(ABC):
    """A network that solves a group's table, seen from outside."""

    name: str
    symmetry: Symmetry
    """The group behind the table, or the one that is claimed to be."""
    labels: Int[Tensor, " row"]
    """The class that each row's answer is, among the outputs in the order of `Trace.logits`."""
    embeddings: Float[Tensor, "slot order d_model"]
    """The table of every operand, equal ones where they are shared."""
    layers: tuple[Site, ...]
    """Sites of pre-activations, from the first layer to the last."""
    attention: tuple[Site, ...]
    """Sites of attention patterns; empty without attention."""

    @abstractmethod
    def run(self, edit: Edit | None = None, *, reads: bool = False) -> Trace:
        """Logits of the whole table, with what is read on the way where `reads` is set."""

    @abstractmethod
    def gradients(
        self, rows: Int[Tensor, " sample"], classes: Int[Tensor, " sample"]
    ) -> Float[Tensor, "slot sample d_model"]:
        """Gradient of one logit of each row by the embedding of each of its operands.

        Every sample is a row of its own: what others do with the same token does not count.
        """

    @property
    def order(self) -> int:
        """Number n of members of the group."""
        return self.symmetry.order

    def is_right(self, logits: Float[Tensor, "row n_outputs"]) -> Bool[Tensor, " row"]:
        """Whether each row's largest logit is the right one."""
        return logits.argmax(1) == self.labels.to(logits.device)


def accuracy(subject: Subject, logits: Float[Tensor, "row n_outputs"]) -> float:
    """Share of the group's rows that are right."""
    return float(subject.is_right(logits).double().mean())


def cross_entropy(subject: Subject, logits: Float[Tensor, "row n_outputs"]) -> float:
    """Mean over the group's rows of −log softmax, in nats."""
    labels = subject.labels.to(logits.device)
    return float(torch.nn.functional.cross_entropy(logits.double(), labels))
