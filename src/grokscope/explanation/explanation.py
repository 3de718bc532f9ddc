"""The verdict on one network, with everything that it rests on."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from grokscope.explanation.causal_test import CausalTest
from grokscope.explanation.html import circles_table, heading, irreps_table, verdicts_table
from grokscope.explanation.hypothesis import HYPOTHESES
from grokscope.explanation.labelled_circle import LabelledCircle
from grokscope.explanation.labelled_irrep import LabelledIrrep, SubgroupRole
from grokscope.explanation.thresholds import FROZEN, VERSION, Thresholds

Outcome = Literal["explained", "unexplained", "not_accurate"]
Grade = Literal["A", "B"]
ReadOut = Literal["equivariant", "weights", "table"]
_READ_OUTS: Mapping[ReadOut, str] = {
    "equivariant": "",
    "weights": ", read out with weights of its own for every class",
    "table": ", read out with weights for every class and a table over the sum",
}


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What a network computes, as far as it could be tested; print it to read it.

    Attributes:
        verdict: `explained` if everything that applies passed.
        grade: A where chained replacement and closed form keep .999, B where they keep .99.
        certified: whether a margin bound shows every row right because of the formula.
        certified_share: share of the differences d of the operands for which it does; off cyclic
            groups, of the first operands.
        accuracy: of the network on its group's table.
        name: of the network.
        group: behind the table.
        circles: the strongest first.
        tests: all that applied.
        free_parameters: fitted numbers of the written-back layers and of the closed form.
        parts: where the logits' variance lives: shares of u, su, du and rest.
        orders: by layer, the shares of the neurons' variance that are functions of one operand
            (`first`), products of one frequency (`second`), and of two (`crossed`).
        read_out: what the closed form needs: `equivariant`, where no class is favoured, `weights`
            of each class for the circles, or a `table` over the sum beside them.
        is_sparse: whether the embedding uses fewer frequencies than chance would.
        thresholds: that the tests had to reach.
        components: off cyclic groups, the irreps in the place of circles; `parts` then has the
            shares of `GroupForm`.
        subgroups: on whose cosets neurons are constant.
        neurons: shares and accuracies of neurons on cosets.
        has_coset_circuits: whether neurons that are constant on cosets do the work alone.
    """

    verdict: Outcome
    accuracy: float
    grade: Grade | None = None
    certified: bool = False
    certified_share: float = 0.0
    name: str = ""
    group: str = ""
    circles: tuple[LabelledCircle, ...] = ()
    tests: tuple[CausalTest, ...] = ()
    free_parameters: Mapping[str, int] = field(default_factory=dict[str, int])
    parts: Mapping[str, float] = field(default_factory=dict[str, float])
    orders: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict[str, Mapping[str, float]]
    )
    read_out: ReadOut = "equivariant"
    is_sparse: bool = True
    thresholds: Thresholds = FROZEN
    components: tuple[LabelledIrrep, ...] = ()
    subgroups: tuple[SubgroupRole, ...] = ()
    neurons: Mapping[str, float] = field(default_factory=dict[str, float])
    has_coset_circuits: bool = False

    @property
    def failed(self) -> tuple[CausalTest, ...]:
        """The tests that did not pass."""
        return tuple(test for test in self.tests if not test.passed)

    @property
    def is_lookup(self) -> bool:
        """Whether neither the embedding nor the neurons look like the group."""
        return not self.is_sparse and not self.has_coset_circuits

    @property
    def label(self) -> str:
        """The kind of network in a word: its circles' labels but companions, or `lookup`.

        Off cyclic groups `irreps`, or `irreps + cosets` where neurons that tell cosets apart do the
        work.
        """
        if self.verdict == "not_accurate":
            return "not accurate"
        if self.is_lookup:
            return "lookup"
        if self.components:
            return "irreps + cosets" if self.has_coset_circuits else "irreps"
        kinds = {circle.label for circle in self.circles}
        kinds = kinds - {"companion"} or kinds  # companions are named after what they accompany
        ordered = [name for name in (*HYPOTHESES, "unlabelled") if name in kinds]
        return " + ".join((*ordered, *(["collapsed read-out"] if self._is_collapsed else [])))

    @property
    def sentence(self) -> str:
        """The verdict for people."""
        if self.verdict == "not_accurate":
            rule = f"right on {percent_down(self.accuracy)} of the rows"
            return f"Not accurate ({rule}, {self.thresholds.accuracy:.1%} are needed)."
        if self.verdict == "unexplained":
            failed = ", ".join(test.name for test in self.failed)
            return f"Unexplained: looks like {self.looks}, but failed {failed}."
        certified = ", certified" if self.certified else ""
        return f"Explained (grade {self.grade}{certified}): {self.looks}."

    @property
    def looks(self) -> str:
        """The circles in words, such as `3 pizzas (4, 15, 27) and 2 companions (5, 8)`."""
        if self.is_lookup:
            own = "irreps" if self.components else "frequencies"
            return f"a table learned by heart, without {own} of its own"
        if self.components:
            return self._irreps_in_words
        counts = Counter(circle.label for circle in self.circles)
        parts = [self._group_of(label, count) for label, count in counts.items()]
        *first, last = parts
        listed = f"{', '.join(first)} and {last}" if first else last
        return listed + _READ_OUTS[self.read_out]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "verdict": self.verdict,
            "grade": self.grade,
            "certified": self.certified,
            "certified_share": self.certified_share,
            "accuracy": self.accuracy,
            "name": self.name,
            "group": self.group,
            "label": self.label,
            "circles": [asdict(circle) for circle in self.circles],
            "components": [asdict(irrep) for irrep in self.components],
            "subgroups": [asdict(role) for role in self.subgroups],
            "neurons": {n: None if math.isnan(v) else v for n, v in self.neurons.items()},
            "tests": [test.to_dict() for test in self.tests],
            "free_parameters": dict(self.free_parameters),
            "parts": dict(self.parts),
            "orders": {site: dict(own) for site, own in self.orders.items()},
            "read_out": self.read_out,
            "sentence": self.sentence,
            "thresholds": {"version": VERSION} | asdict(self.thresholds),
        }

    def _repr_html_(self) -> str:
        """The notebook's view."""
        parts = [
            heading(f"{self.name}, {self.group}" if self.name else "", self.sentence),
            circles_table(self.circles),
            irreps_table(self.components),
            verdicts_table(self.tests),
        ]
        return "".join(parts)

    def __repr__(self) -> str:
        first = f"{self.name}, {self.group}: {self.sentence}" if self.name else self.sentence
        circles = [f"  {_line(circle)}" for circle in self.circles]
        irreps = [f"  {_irrep_line(irrep)}" for irrep in self.components]
        cosets = [f"  {_subgroup_line(role)}" for role in self.subgroups]
        tests = [f"  {_verdict(test)}" for test in self.tests]
        layers = [f"  {_orders_line(site, own)}" for site, own in self.orders.items()]
        return "\n".join([first, *circles, *layers, *irreps, *cosets, *tests])

    @property
    def _is_collapsed(self) -> bool:
        """Whether the read-out favours some answers."""
        return self.parts.get("su", 0.0) > self.thresholds.bands.collapsed

    @property
    def _irreps_in_words(self) -> str:
        count = len(self.components)
        names = ", ".join(
            f"{irrep.name} of dimension {irrep.dimension}" for irrep in self.components
        )
        cosets = ", in neurons that tell cosets apart" if self.has_coset_circuits else ""
        return f"{count} {'irrep' if count == 1 else 'irreps'} ({names}){cosets}"

    def _group_of(self, label: str, count: int) -> str:
        known = HYPOTHESES.get(label)
        noun = label if known is None else known.singular if count == 1 else known.plural
        numbers = ", ".join(str(c.frequency) for c in self.circles if c.label == label)
        return f"{count} {noun} ({numbers})"


def percent_down(share: float) -> str:
    """A share as `99.89%`, rounded down: one below a threshold is not shown as reaching it."""
    return f"{math.floor(share * 1e4 + 1e-6) / 100:.2f}%"


def _line(circle: LabelledCircle) -> str:
    shape, between = "–", ""
    if circle.shape is not None and circle.shape_interval is not None:
        shape, (low, high) = f"{circle.shape:.2f}", circle.shape_interval
        between = f"[{low:.2f}, {high:.2f}]"
    need = "necessary" if circle.necessary else "redundant"
    fraction = "" if circle.fraction is None else f", pizza fraction {circle.fraction:.2f}"
    inner = "" if circle.inner is None else f", before the last layer {circle.inner}"
    return (
        f"frequency {circle.frequency:>3} → {circle.speaks:>3}  {circle.label:<10} "
        f"shape {shape:>5} {between:<12}  offset {circle.offset:5.1f}  share {circle.share:5.1%}  "
        f"{need}{fraction}{inner}"
    )


def _orders_line(site: str, shares: Mapping[str, float]) -> str:
    return (
        f"neurons of {site}: {shares['first']:.1%} functions of one operand, "
        f"{shares['second']:.1%} products of one frequency, {shares['crossed']:.1%} of two"
    )


def _irrep_line(irrep: LabelledIrrep) -> str:
    need = "necessary" if irrep.necessary else "redundant"
    return (
        f"irrep {irrep.name:<14} dimension {irrep.dimension}  share {irrep.share:5.1%}  "
        f"{irrep.accuracy_without:6.1%} right without it: {need}"
    )


def _subgroup_line(role: SubgroupRole) -> str:
    return (
        f"cosets of {role.name} ({role.n_conjugates} conjugate): {role.n_neurons} neurons, "
        f"{role.accuracy_without:.1%} right without them"
    )


def _verdict(test: CausalTest) -> str:
    mark = "passed" if test.passed else "FAILED"
    return f"{mark}  {test.name:<22} {test.value:8.4f}  {test.side} {test.threshold:.4g}"
