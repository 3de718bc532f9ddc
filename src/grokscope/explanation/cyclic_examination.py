"""All that is found out about one network on a cyclic group, circle by circle."""

from collections.abc import Mapping
from functools import cached_property

from grokscope.explanation.circle import LEAST_SHARE, Circle, Role, isolate
from grokscope.explanation.closed_form import (
    Agreement,
    ClosedForm,
    EquivariantForm,
    Term,
    compare,
    fit,
)
from grokscope.explanation.examination import Examination
from grokscope.explanation.explanation import ReadOut
from grokscope.explanation.form import Form, Terms
from grokscope.explanation.hypothesis import HYPOTHESES, Architecture, Hypothesis, recognise
from grokscope.explanation.intervention import dependence_left
from grokscope.explanation.neuron_order import orders
from grokscope.explanation.output import Errors, by_error, shares
from grokscope.explanation.pruning import predicted_errors
from grokscope.explanation.readout_form import ReadOutForm, fit_readout
from grokscope.explanation.sum_table_form import fit_sum_table
from grokscope.explanation.thresholds import Bands

UNLABELLED = "unlabelled"
IDLE = "idle"
"""The layers before the last leave a circle's sum to it."""
_PHASE_SEEDS = range(10, 15)
"""Draws of shuffled phases by which a mixture is told; `pizza_phases` tests it with others."""


class CyclicExamination(Examination):
    """One subject on a cyclic group."""

    @property
    def bands(self) -> Bands:
        """By which its circles are recognised."""
        return self.thresholds.bands

    @cached_property
    def circles(self) -> list[Circle]:
        """Each key frequency alone."""
        return [isolate(self.subject, key, self.power_of[key], self.trace) for key in self.keys]

    @cached_property
    def hypotheses(self) -> Mapping[int, tuple[Hypothesis | None, ...]]:
        """For each circle the hypothesis of each of its roles."""
        return {
            circle.frequency: tuple(self._recognised(circle, role) for role in circle.roles)
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
    def orders(self) -> Mapping[str, Mapping[str, float]]:
        """What kind of functions each layer's neurons are."""
        return {site: orders(pre, self.subject.order) for site, pre in self.trace.pre.items()}

    def inner_label(self, circle: Circle) -> str | None:
        """What the layers before the last make of a circle in its main role."""
        if circle.inner is None:
            return None
        if circle.inner.share < LEAST_SHARE:
            return IDLE
        found = recognise(circle, circle.inner, self._limits, self.bands)
        return UNLABELLED if found is None else found.name

    def _recognised(self, circle: Circle, role: Role) -> Hypothesis | None:
        """By its looks; but a mixture without products by what its phases do."""
        found = recognise(circle, role, self._limits, self.bands)
        is_added = role is circle.main and circle.attention <= self.bands.multiplied
        if found is HYPOTHESES["mixture"] and is_added:
            left = dependence_left(self.subject, circle, _PHASE_SEEDS)
            return HYPOTHESES["ensemble"] if left > self.bands.by_chance else found
        return found

    @property
    def _limits(self) -> Architecture:
        return Architecture(order=self.subject.order, can_multiply=self.has_products)

    @cached_property
    def errors(self) -> Errors:
        """The network's centred logits as (x, y, u)."""
        return by_error(self.trace.logits, self.subject.order)

    @cached_property
    def parts(self) -> Mapping[str, float]:
        """Where its logits' variance lives, by symmetry."""
        return shares(self.errors)

    @property
    def read_out(self) -> ReadOut:
        """What the closed form's read-out needs."""
        if isinstance(self.closed_form, EquivariantForm):
            return "equivariant"
        return "weights" if isinstance(self.closed_form, ReadOutForm) else "table"

    @cached_property
    def closed_form(self) -> ClosedForm:
        """The logits as a formula of the labelled circles: the smallest that will do, or the last.

        No class is favoured; or each weighs the circles in its own way; or a table over the sum is
        added to that.
        """
        equivariant = fit(self.errors, self.terms)
        if self._will_do(equivariant):
            return equivariant
        weighed = fit_readout(self.errors, equivariant)
        return weighed if self._will_do(weighed) else fit_sum_table(self.errors, weighed)

    def _will_do(self, form: ClosedForm) -> bool:
        found = compare(self.errors, form)
        is_close = found.variance >= self.bands.form_variance
        return is_close and found.share >= self.thresholds.grade_a

    @cached_property
    def terms(self) -> list[Term]:
        """What each circle says in each of its roles."""
        return [
            Term(circle=circle.frequency, k=role.k, profile=profile)
            for circle in self.circles
            for role, own in zip(circle.roles, self.hypotheses[circle.frequency], strict=True)
            if own is not None
            for profile in own.profiles(role, self.subject.order)
        ]

    @cached_property
    def agreement(self) -> Agreement:
        """The formula against the network."""
        return compare(self.errors, self.closed_form)

    @cached_property
    def predicted_errors(self) -> float:
        """How well the form tells where a pruned copy errs; NaN where none does."""
        return predicted_errors(self.subject, self.forms, self.seen)

    def first_form(self) -> Form:
        """By each circle's label."""
        return Form(
            terms={circle.frequency: self._terms(circle) for circle in self.circles},
            offsets={circle.frequency: circle.phase_offset for circle in self.circles},
        )

    @property
    def multiplies(self) -> bool:
        """Whether constant attention changes any circle."""
        return any(circle.attention > self.bands.multiplied for circle in self.circles)

    def reached(self) -> float:
        """See `Examination.reached`."""
        return min(self.mechanism.accuracy, self.agreement.share)

    def labelled(self, *names: str) -> list[Circle]:
        """The circles with one of these labels."""
        return [circle for circle in self.circles if self.labels[circle.frequency] in names]

    def _terms(self, circle: Circle) -> Terms:
        main = self.hypotheses[circle.frequency][0]
        return Terms.SECOND if main is None else main.terms(circle, self.bands)
