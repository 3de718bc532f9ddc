"""All that is found out about one network on a group that is not cyclic.

Irreps take the place of frequencies (Chughtai et al., arXiv 2302.03025), and what a neuron does
with them is described by the cosets that it tells apart (Stander et al., arXiv 2312.06581).
"""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

from jaxtyping import Bool
from torch import Tensor

from grokscope.algebra.group import Group
from grokscope.algebra.real_irrep import RealIrrep, real_irreps
from grokscope.algebra.subgroup import subgroup_classes
from grokscope.core.errors import UsageError
from grokscope.explanation.coset_circuit import (
    CosetReading,
    circuit,
    n_numbers,
    proper_cosets,
    read_cosets,
    scrambled,
    silenced,
)
from grokscope.explanation.examination import Examination
from grokscope.explanation.form import Form, Terms, principal
from grokscope.explanation.group_form import GroupForm, character_form
from grokscope.explanation.labelled_irrep import LabelledIrrep, SubgroupRole
from grokscope.explanation.spectrum import effective_number, permutation_null
from grokscope.explanation.subject import Edit, Subject
from grokscope.explanation.thresholds import Thresholds

DRAWS = 1000
"""Random orders of the tokens."""


class GroupExamination(Examination):
    """One subject on a group that is given by its table.

    Raises:
        UsageError: the subject's symmetry does not carry its group.
    """

    def __init__(
        self,
        subject: Subject,
        thresholds: Thresholds,
        keys: Sequence[int] | None = None,
    ) -> None:
        if subject.symmetry.group is None:
            raise UsageError("This subject's symmetry is not cyclic and has no group table.")
        super().__init__(subject, thresholds, keys)
        self.group: Group = subject.symmetry.group

    @cached_property
    def luck(self) -> float:
        """Share of random orders of the tokens that use as few irreps."""
        subject = self.subject
        null = permutation_null(subject.embeddings, subject.symmetry, DRAWS)
        return float((null <= effective_number(self.power) * (1 + 1e-9)).double().mean())

    @cached_property
    def irreps(self) -> tuple[LabelledIrrep, ...]:
        """Each key irrep, and what the network is without it."""
        return tuple(self._labelled(key) for key in self.keys)

    @cached_property
    def form(self) -> GroupForm:
        """The logits as a sum over characters."""
        logits = self.trace.logits
        return character_form(logits, self.subject.symmetry, self.group, self.keys)

    @cached_property
    def reading(self) -> CosetReading | None:
        """The first layer's neurons on cosets; `None` where no proper subgroup exists."""
        layer, cosets = self.subject.layers[0], proper_cosets(self.group)
        if not cosets:
            return None
        return read_cosets(layer, self._pre, cosets, self.thresholds.group.constant)

    @cached_property
    def coset_accuracy(self) -> float:
        """Accuracy of the coset circuit alone; NaN without subgroups.

        Neurons of the first layer that are constant on cosets for both operands are made exactly
        so, all others are at their mean.
        """
        return math.nan if self.reading is None else self._of_circuit(self.reading)

    @cached_property
    def scrambled_accuracy(self) -> float:
        """The same, found anew with the elements in a random order; best of three draws."""
        if self.reading is None:
            return math.nan
        limit, site = self.thresholds.group.constant, self.reading.site
        draws = [scrambled(self.reading.cosets, seed) for seed in range(3)]
        return max(self._of_circuit(read_cosets(site, self._pre, c, limit)) for c in draws)

    @cached_property
    def coset_gain(self) -> float:
        """Accuracy of the circuit above that of principal components with as many numbers."""
        if self.reading is None:
            return math.nan
        blind = principal(self._pre, n_numbers(self.reading, self._constant))
        return self.coset_accuracy - self.accuracy_of(Edit(pre={self.reading.site: blind}))

    @cached_property
    def without_coset_neurons(self) -> float:
        """Accuracy with the circuit's neurons at their mean over all rows."""
        return math.nan if self.reading is None else self._accuracy_without(self._constant)

    @cached_property
    def has_coset_circuits(self) -> bool:
        """Whether neurons that are constant on cosets, and not on any sets, do the work."""
        limits = self.thresholds.group
        return (
            self.coset_accuracy >= limits.coset
            and self.scrambled_accuracy <= limits.scrambled
            and self.without_coset_neurons <= limits.gone
        )

    @cached_property
    def neurons(self) -> Mapping[str, float]:
        """Shares of the first layer's living neurons with C_H < .05 and < .5 for both operands.

        With the accuracies of the network under each intervention on cosets.
        """
        if self.reading is None:
            return {}
        loose = self.reading.below(self.thresholds.group.concentrated)
        alive = max(int(self.reading.alive.sum()), 1)
        return {
            "constant": int(self._constant.sum()) / alive,
            "concentrated": int(loose.sum()) / alive,
            "accuracy_of_constant": self._accuracy_without(~self._constant),
            "accuracy_of_concentrated": self._accuracy_without(~loose),
            "accuracy_without_constant": self.without_coset_neurons,
            "accuracy_of_circuit": self.coset_accuracy,
            "accuracy_of_scrambled_circuit": self.scrambled_accuracy,
        }

    @cached_property
    def subgroups(self) -> tuple[SubgroupRole, ...]:
        """Classes of subgroups that some neurons are constant on the cosets of, most first."""
        if self.reading is None:
            return ()
        found: list[SubgroupRole] = []
        for place, conjugate in enumerate(subgroup_classes(self.group)):
            which = self.reading.of_class(place, self.thresholds.group.constant)
            if which.any():
                role = SubgroupRole(
                    name=conjugate[0].label,
                    order=conjugate[0].order,
                    n_conjugates=len(conjugate),
                    n_neurons=int(which.sum()),
                    accuracy_without=self._accuracy_without(which),
                )
                found.append(role)
        return tuple(sorted(found, key=lambda role: -role.n_neurons))

    def first_form(self) -> Form:
        """Functions of x plus functions of y; products where something has multiplied."""
        terms = Terms.SECOND if self.multiplies else Terms.FIRST
        return Form(terms=dict.fromkeys(self.keys, terms), offsets={})

    @property
    def multiplies(self) -> bool:
        """Whether its first neurons hold products."""
        return self.has_products

    def reached(self) -> float:
        """See `Examination.reached`; cosets count where irreps say nothing."""
        kept = min(self.mechanism.accuracy, self.form.agreement)
        return kept if self.free else min(kept, self.coset_accuracy)

    @property
    def _pre(self) -> Tensor:
        return self.trace.pre[self.subject.layers[0]]

    @property
    def _constant(self) -> Bool[Tensor, " neuron"]:
        assert self.reading is not None
        return self.reading.below(self.thresholds.group.constant)

    def _of_circuit(self, reading: CosetReading) -> float:
        which = reading.below(self.thresholds.group.constant)
        return self.accuracy_of(circuit(reading, self._pre, which))

    def _accuracy_without(self, which: Bool[Tensor, " neuron"]) -> float:
        assert self.reading is not None
        return self.accuracy_of(silenced(self.reading, self._pre, which))

    def _labelled(self, key: int) -> LabelledIrrep:
        irrep: RealIrrep = real_irreps(self.group)[key]
        return LabelledIrrep(
            key=key,
            name=irrep.name,
            dimension=irrep.dimension,
            share=self.power_of[key],
            coefficient=self.form.coefficients[key],
            accuracy_without=self.accuracy_without[key],
            necessary=self.necessary[key],
        )
