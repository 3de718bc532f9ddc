"""Networks that differ in their seeds only: what a median and a band are taken over."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from grokscope.experiment import Plan
from grokscope.views.censored import Waiting, censored_median, never
from grokscope.views.theme import GROUP_COLOURS

Milestone = Literal["memorized", "onset", "grokked"]
Summary = Mapping[str, Any]

_SEEDS = frozenset({"seed", "task.data_seed"})


@dataclass(frozen=True, kw_only=True)
class Group:
    """The networks of a run that share every setting but the seed, and in a fork the branch.

    Attributes:
        name: what sets the group apart, for people.
        networks: their numbers in the run.
        rows: their summaries; empty before the run has ended.
        colour: of its lines.
    """

    name: str
    networks: tuple[int, ...]
    rows: tuple[Summary, ...] = ()
    colour: str = GROUP_COLOURS[0]

    def median_step(self, milestone: Milestone) -> int | float | None:
        """Median step of a milestone over all seeds; None where half had not reached it."""
        return censored_median(_wait(row, milestone) for row in self.rows)

    def median_delay_ratio(self) -> int | float | None:
        """Median of grokked / memorized step over all seeds; None where it was not reached."""
        return censored_median(wait for row in self.rows if (wait := ratio_wait(row)))

    @property
    def carried(self) -> frozenset[int]:
        """Networks that ended because they had grokked: they keep their last value."""
        return frozenset(row["index"] for row in self.rows if row["stop_reason"] == "grokked")

    @property
    def representative(self) -> int:
        """The network in the middle by grokked step; those that did not grok come last."""
        order = sorted(self.networks, key=lambda network: (*self._rank(network), network))
        return order[(len(order) - 1) // 2]

    def summary(self, network: int) -> Summary | None:
        """The summary of one network, if the run has ended."""
        return next((row for row in self.rows if row["index"] == network), None)

    def _rank(self, network: int) -> tuple[bool, float, float]:
        row = self.summary(network)
        if row is None:
            return (False, 0.0, 0.0)
        steps = (row["grokked_step"], row["memorized_step"])
        late = [math.inf if step is None else float(step) for step in steps]
        return (row["label"] == "diverged", late[0], late[1])


def groups_of(plan: Plan, rows: Sequence[Summary] = ()) -> list[Group]:
    """The groups of a plan in the order of their first networks; in a fork its branches."""
    members: dict[tuple[str | None, tuple[tuple[str, Any], ...]], list[int]] = {}
    for network, settings in enumerate(plan.varying()):
        shared = tuple((name, v) for name, v in settings.items() if name not in _SEEDS)
        members.setdefault((plan.branch(network), shared), []).append(network)
    return [
        Group(
            name=branch or _name(shared) or plan.base.model.name,
            networks=tuple(networks),
            rows=tuple(row for row in rows if row["index"] in networks),
            colour=GROUP_COLOURS[i % len(GROUP_COLOURS)],
        )
        for i, ((branch, shared), networks) in enumerate(members.items())
    ]


def ratio_wait(row: Summary) -> Waiting | None:
    """The delay ratio of a network as a waiting time; None where it is not defined.

    One that had memorised and not grokked when its budget ended is censored at its last step over
    its memorized step: its ratio is greater.
    """
    if row["delay_ratio"] is not None:
        return Waiting(value=float(row["delay_ratio"]), reached=True)
    if row["grokked_step"] is not None:
        return None
    if row["memorized_step"] is None or row["label"] == "diverged":
        return never()
    return Waiting(value=row["steps"] / max(row["memorized_step"], 1), reached=False)


def _wait(row: Summary, milestone: Milestone) -> Waiting:
    step = row[f"{milestone}_step"]
    if step is not None:
        return Waiting(value=float(step), reached=True)
    return never() if row["label"] == "diverged" else Waiting(value=row["steps"], reached=False)


def _name(settings: Sequence[tuple[str, Any]]) -> str:
    """Such as `attention rate 0, weight decay 1`."""
    return ", ".join(f"{setting_words(name)} {_text(value)}" for name, value in settings)


def setting_words(name: str) -> str:
    """A setting's own name in words: `model.attention_rate` is `attention rate`."""
    return name.rpartition(".")[2].replace("_", " ")


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
