"""The verdict on one network's training: did it grok, when, and why do we say so.

`judge` applies `grokdef/1`, or by name the rule of Liu et al. (arXiv 2205.10343), to a `Curve`.
Nothing is said about what would have happened later: a network that had not generalised when its
budget ended is censored.
"""

from dataclasses import dataclass, replace
from typing import Literal

from grokscope.measures.crossing import sustained_rise
from grokscope.measures.curve import Curve
from grokscope.measures.events import Event, events_of
from grokscope.measures.label import Label, Ruling, Story, label_of
from grokscope.measures.plateau import plateau_share
from grokscope.measures.thresholds import GROKDEF_1, LIU_2022, ROBUST_GROKKED, Thresholds

Rule = Literal["grokdef/1", "liu2022"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Label of a network, its events, and the reasons.

    Steps are evaluations at which an event was first seen, `_after` the evaluation before: the
    event happened in between. All are None where the event was not reached.

    Attributes:
        label: what happened.
        reasons: short lines that say why, and what is censored by what.
        robust: whether the label is the same at the test thresholds .9, .95 and .99.
        thresholds: the definition that was applied.
        events: everything that happened, sorted by step.
        plateau_share: share of the delay in log-steps with test q near its value at memorisation;
            None without a delay.
        decay_rate: learning rate times weight decay, None where they are not known.
    """

    label: Label
    reasons: list[str]
    robust: bool
    thresholds: Thresholds
    events: list[Event]
    plateau_share: float | None
    decay_rate: float | None = None

    def first(self, name: str) -> Event | None:
        """The first event of a name, or None."""
        return next((event for event in self.events if event.name == name), None)

    def step(self, name: str) -> int | None:
        """Step of the first event of a name, or None."""
        event = self.first(name)
        return None if event is None else event.step

    @property
    def memorized_step(self) -> int | None:
        """Evaluation at which train q had reached `memorized`."""
        return self.step("memorized")

    @property
    def memorized_after(self) -> int | None:
        """Evaluation before `memorized_step`; None when that was the first one."""
        event = self.first("memorized")
        return None if event is None else event.after

    @property
    def grokked_step(self) -> int | None:
        """Evaluation at which test q had reached `grokked`."""
        return self.step("grokked")

    @property
    def grokked_after(self) -> int | None:
        """Evaluation before `grokked_step`; None when that was the first one."""
        event = self.first("grokked")
        return None if event is None else event.after

    @property
    def grokked_step_50(self) -> int | None:
        """Evaluation at which test q had reached .5."""
        return self.step("grokked_50")

    @property
    def grokked_step_90(self) -> int | None:
        """Evaluation at which test q had reached .9."""
        return self.step("grokked_90")

    @property
    def grokked_step_99(self) -> int | None:
        """Evaluation at which test q had reached .99."""
        return self.step("grokked_99")

    @property
    def onset_step(self) -> int | None:
        """Evaluation at which test q had risen above chance by more than noise."""
        return self.step("onset")

    @property
    def memorized_loss_step(self) -> int | None:
        """Evaluation at which 1 - train loss / L0 had reached `memorized`."""
        return self.step("memorized_loss")

    @property
    def grokked_loss_step(self) -> int | None:
        """Evaluation at which 1 - test loss / L0 had reached `grokked`."""
        return self.step("grokked_loss")

    @property
    def delay(self) -> int | None:
        """Grokked minus memorized step, negative when the test accuracy came first."""
        memorized, grokked = self.memorized_step, self.grokked_step
        return None if memorized is None or grokked is None else grokked - memorized

    @property
    def delay_ratio(self) -> float | None:
        """Grokked / memorized step, with steps counted from 1."""
        memorized, grokked = self.memorized_step, self.grokked_step
        if memorized is None or grokked is None:
            return None
        return max(grokked, 1) / max(memorized, 1)

    @property
    def decay_times(self) -> float | None:
        """Delay times learning rate times weight decay: the delay in time constants of decay."""
        delay, rate = self.delay, self.decay_rate
        return None if delay is None or rate is None else rate * delay


def judge(
    curve: Curve,
    thresholds: Thresholds | None = None,
    *,
    rule: Rule = "grokdef/1",
    learning_rate: float | None = None,
    weight_decay: float | None = None,
) -> Verdict:
    """The verdict on one network.

    Args:
        curve: its record.
        thresholds: parameters of the definition; those of the named rule where None.
        rule: `grokdef/1`, or `liu2022` for plain accuracies, first hits and Liu's four labels.
        learning_rate: of the optimizer, per step.
        weight_decay: decoupled, in units of 1 / (learning rate · step).
    """
    if rule == "liu2022":
        curve = replace(curve, chance=0.0, ceiling=1.0)
    thresholds = thresholds or {"grokdef/1": GROKDEF_1, "liu2022": LIU_2022}[rule]
    story = _story(curve, thresholds)
    label, reasons = _ruling(story, rule)
    others = (_story(curve, thresholds.with_grokked(reach)) for reach in ROBUST_GROKKED)
    robust = all(_ruling(other, rule)[0] == label for other in others)
    rate = None if learning_rate is None or weight_decay is None else learning_rate * weight_decay
    return Verdict(
        label=label,
        reasons=reasons,
        robust=robust,
        thresholds=thresholds,
        events=story.events,
        plateau_share=_plateau_share(story),
        decay_rate=rate,
    )


def grokked_step_so_far(curve: Curve, thresholds: Thresholds = GROKDEF_1) -> int | None:
    """Grokked step of a record that still grows, or None.

    All `held` evaluations after it must have been seen, so that a step once given never changes:
    it is also the one that `judge` finds at the end.
    """
    reach, hold = thresholds.grokked, thresholds.grokked_hold
    index = sustained_rise(curve.test_q(), reach, hold, thresholds.held, complete=True)
    return None if index is None else int(curve.step[index])


def may_stop(curve: Curve, thresholds: Thresholds = GROKDEF_1) -> bool:
    """Whether training has gone on long enough after the grokked step to have seen a collapse."""
    grokked = grokked_step_so_far(curve, thresholds)
    return grokked is not None and int(curve.step[-1]) >= grokked * (1 + thresholds.linger)


def _story(curve: Curve, thresholds: Thresholds) -> Story:
    events = events_of(curve, thresholds)
    broken = next((event.step for event in events if event.name == "diverged"), None)
    read = curve if broken is None else curve.until(broken)
    return Story(curve=read, events=events, thresholds=thresholds)


def _ruling(story: Story, rule: Rule) -> Ruling:
    if rule == "grokdef/1":
        return label_of(story)
    # Liu's four labels know no falls and no partial rises.
    kept = [event for event in story.events if not event.name.endswith(("fell", "recovered"))]
    label, reasons = label_of(replace(story, events=kept))
    return ("memorization" if label == "semi_grokking" else label), reasons


def _plateau_share(story: Story) -> float | None:
    memorized, grokked = story.step("memorized"), story.step("grokked")
    if memorized is None or grokked is None or grokked <= memorized:
        return None
    return plateau_share(story.curve, memorized, grokked, story.thresholds.plateau_band)
