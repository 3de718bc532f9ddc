"""All that is found out about one network on a cyclic group, circle by circle."""

from collections.abc import Mapping
from functools import cached_property

from grokscope.explanation.circle import Circle, isolate
from grokscope.explanation.closed_form import Agreement, ClosedForm, Term, compare, fit
from grokscope.explanation.examination import Examination
from grokscope.explanation.form import Form, Terms
from grokscope.explanation.hypothesis import Architecture, Hypothesis, recognise
from grokscope.explanation.output import Errors, by_error, shares
from grokscope.explanation.thresholds import Bands

UNLABELLED = "unlabelled"


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
        limits = Architecture(order=self.subject.order, can_multiply=self.subject.can_multiply)
        return {
            circle.frequency: tuple(
                recognise(circle, role, limits, self.bands) for role in circle.roles
            )
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
    def parts(self) -> Mapping[str, float]:
        """Where its logits' variance lives, by symmetry."""
        return shares(self.errors)

    @cached_property
    def has_readout_table(self) -> bool:
        """Whether the read-out favours some answers, as a table over the sum."""
        return self.parts["su"] > self.bands.readout

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
        return fit(self.errors, terms, has_readout=self.has_readout_table)

    @cached_property
    def agreement(self) -> Agreement:
        """The formula against the network."""
        return compare(self.errors, self.closed_form)

    def first_form(self) -> Form:
        """By each circle's label."""
        return Form(
            terms={circle.frequency: self._terms(circle) for circle in self.circles},
            offsets={circle.frequency: circle.phase_offset for circle in self.circles},
        )

    def reached(self) -> float:
        """See `Examination.reached`."""
        return min(self.mechanism.accuracy, self.agreement.share)

    def labelled(self, *names: str) -> list[Circle]:
        """The circles with one of these labels."""
        return [circle for circle in self.circles if self.labels[circle.frequency] in names]

    def _terms(self, circle: Circle) -> Terms:
        main = self.hypotheses[circle.frequency][0]
        return Terms.SECOND if main is None else main.terms(circle, self.bands)
