"""All that is found out about one network, each thing once and when it is first asked for."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from jaxtyping import Float64
from torch import Tensor

from grokscope.explanation.circle import Circle, isolate
from grokscope.explanation.closed_form import Agreement, ClosedForm, Term, compare
from grokscope.explanation.closed_form import fit as fit_logits
from grokscope.explanation.form import Form, Terms
from grokscope.explanation.hypothesis import Architecture, Hypothesis, recognise
from grokscope.explanation.keys import find_keys, without
from grokscope.explanation.mechanism import Forms, Mechanism, examine
from grokscope.explanation.output import Anova, Errors, anova, by_error
from grokscope.explanation.spectrum import component_power
from grokscope.explanation.subject import Edit, Subject, Trace, accuracy
from grokscope.explanation.thresholds import Thresholds

UNLABELLED = "unlabelled"
READOUT = 0.05
"""Share of the logits' variance in (s, u) above which the closed form has a table over the sum."""


class Examination:
    """One subject on a cyclic group."""

    def __init__(
        self, subject: Subject, thresholds: Thresholds, keys: Sequence[int] | None = None
    ) -> None:
        self.subject = subject
        self.thresholds = thresholds
        self._claimed = keys

    @cached_property
    def trace(self) -> Trace:
        """The network as it is."""
        return self.subject.run(reads=True)

    @cached_property
    def power(self) -> Float64[Tensor, " component"]:
        """Share of each component in the embedding's energy."""
        return component_power(self.subject.embeddings, self.subject.symmetry)

    @cached_property
    def keys(self) -> list[int]:
        """The frequencies that it computes with, the strongest first."""
        if self._claimed is not None:
            return list(self._claimed)
        return find_keys(self.subject, self.power, self.thresholds)

    @cached_property
    def circles(self) -> list[Circle]:
        """Each key frequency alone."""
        place = {c.key: i for i, c in enumerate(self.subject.symmetry.components)}
        power = self.power.tolist()
        return [isolate(self.subject, key, power[place[key]], self.trace) for key in self.keys]

    @cached_property
    def hypotheses(self) -> Mapping[int, tuple[Hypothesis | None, ...]]:
        """For each circle the hypothesis of each of its roles."""
        limits = Architecture(order=self.subject.order, can_multiply=self.subject.can_multiply)
        return {
            circle.frequency: tuple(recognise(circle, role, limits) for role in circle.roles)
            for circle in self.circles
        }

    @cached_property
    def labels(self) -> Mapping[int, str]:
        """The label of each circle's main role."""
        return {
            frequency: own[0].name if own[0] is not None else UNLABELLED
            for frequency, own in self.hypotheses.items()
        }

    @cached_property
    def errors(self) -> Errors:
        """The network's centred logits as (x, y, u)."""
        return by_error(self.trace.logits, self.subject.order)

    @cached_property
    def parts(self) -> Anova:
        """Its logits by symmetry."""
        return anova(self.errors)

    @cached_property
    def has_readout_table(self) -> bool:
        """Whether the read-out favours some answers, as a table over the sum."""
        return self.parts.shares["su"] > READOUT

    @cached_property
    def closed_form(self) -> ClosedForm:
        """The logits as a formula of the labelled circles."""
        terms = [
            Term(circle=circle.frequency, k=role.k, profile=profile)
            for circle in self.circles
            for role, own in zip(circle.roles, self.hypotheses[circle.frequency], strict=True)
            if own is not None
            for profile in own.profiles(role, self.subject.order)
        ]
        return fit_logits(self.errors, terms, has_readout=self.has_readout_table)

    @cached_property
    def agreement(self) -> Agreement:
        """The formula against the network."""
        return compare(self.errors, self.closed_form)

    @cached_property
    def forms(self) -> Forms:
        """What each layer computes: the first by label, deeper ones products of each circle.

        A deeper layer sees what a nonlinearity made of the first, so its neurons may hold every
        product of a frequency's waves.
        """
        first = {c.frequency: self._terms(c) for c in self.circles}
        deeper = dict.fromkeys(first, Terms.SECOND)
        offsets = {c.frequency: c.phase_offset for c in self.circles}
        return {
            layer: Form(terms=deeper if i else first, offsets=offsets)
            for i, layer in enumerate(self.subject.layers)
        }

    @cached_property
    def mechanism(self) -> Mechanism:
        """The layers' forms written back."""
        return examine(self.subject, self.trace, self.forms)

    @cached_property
    def necessary(self) -> Mapping[int, bool]:
        """Whether the network errs without a circle."""
        return {
            key: self.accuracy_of(without(self.subject, [key])) < self.thresholds.accuracy
            for key in self.keys
        }

    def labelled(self, *names: str) -> list[Circle]:
        """The circles with one of these labels."""
        return [circle for circle in self.circles if self.labels[circle.frequency] in names]

    def accuracy_of(self, edit: Edit) -> float:
        """Accuracy of the network under an intervention."""
        return accuracy(self.subject, self.subject.run(edit).logits)

    def _terms(self, circle: Circle) -> Terms:
        main = self.hypotheses[circle.frequency][0]
        return Terms.SECOND if main is None else main.terms(circle)
