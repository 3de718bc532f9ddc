"""The label of a network's training, with the reasons for it: the decisions of `grokdef/1`.

The last chapter decides. A network that diverged is `diverged`, and one that lost what it had
learned is `ungrokking`, `anti_grokking` or `collapse`, even when it had grokked before: the events
keep the whole story. Otherwise the label says what was reached, and when. The words
comprehension, grokking, memorization and confusion are those of Liu et al. (arXiv 2205.10343).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokscope.measures.curve import Curve
from grokscope.measures.events import Event, onset_threshold
from grokscope.measures.plateau import plateau_share, settled_at
from grokscope.measures.thresholds import Thresholds

Label = Literal[
    "comprehension",
    "grokking",
    "memorization",
    "confusion",
    "semi_grokking",
    "ungrokking",
    "anti_grokking",
    "collapse",
    "diverged",
]

Ruling = tuple[Label, list[str]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Story:
    """What a label is decided from.

    Attributes:
        curve: the record up to a divergence.
        events: all events, sorted.
        thresholds: the definition.
    """

    curve: Curve
    events: list[Event]
    thresholds: Thresholds

    def step(self, name: str) -> int | None:
        """Step of the first event of a name, or None."""
        return next((e.step for e in self.events if e.name == name), None)

    def lost(self, subject: Literal["train", "test"]) -> Event | None:
        """The fall of the train or test accuracy that no recovery followed, or None."""
        turns = [e for e in self.events if e.name in (f"{subject}_fell", f"{subject}_recovered")]
        return turns[-1] if turns and turns[-1].name.endswith("fell") else None

    @property
    def end(self) -> str:
        """What ended the record, for people."""
        last = f"step {self.curve.step[-1]}" if len(self.curve.step) else "no evaluation"
        return f"{last}, where the budget ended" if self.curve.budget_ended else f"{last} so far"


def label_of(story: Story) -> Ruling:
    """Label and reasons of a network."""
    return _unstable(story) or _undefined(story) or _reached(story) or _censored(story)


def _unstable(story: Story) -> Ruling | None:
    """Labels of networks that broke down, or lost what they had."""
    broken = story.step("diverged")
    if broken is not None:
        return "diverged", [f"diverged at step {broken}", *_before(story)]
    test, train = story.lost("test"), story.lost("train")
    if train is not None:
        tail = _before(story) if test is None else [_fell(test, "test")]
        return "collapse", [_fell(train, "train"), *tail]
    if test is None:
        return None
    reason = [_fell(test, "test"), *_before(story)]
    kept = _train_after(story, test.step)
    if kept < story.thresholds.memorized_hold:
        return "collapse", [*reason, f"train q fell too, to {_q(kept)}"]
    reason.append(f"train q stayed at {_q(kept)} or above")
    if story.curve.data_changed:
        return "ungrokking", [*reason, "the training data had been changed"]
    return "anti_grokking", [*reason, "the training data was the same throughout"]


def _undefined(story: Story) -> Ruling | None:
    """Labels of networks without test rows: the train accuracy alone decides."""
    if story.curve.has_test:
        return None
    alone = "there are no novel held-out rows: the label is by train accuracy only"
    if story.step("memorized") is None:
        return "confusion", [_not_memorized(story), alone]
    return "memorization", [*_before(story), alone]


def _reached(story: Story) -> Ruling | None:
    """Labels of networks that generalised."""
    memorized, grokked = story.step("memorized"), story.step("grokked")
    if grokked is None:
        return None
    if memorized is None:
        return "comprehension", [f"generalised at step {grokked}", _not_memorized(story)]
    failed, passed = _conditions(story, memorized, grokked)
    if failed:
        return "comprehension", [*_before(story), *failed]
    return "grokking", [*_before(story), *passed]


def _censored(story: Story) -> Ruling:
    """Labels of networks whose record ended before they generalised."""
    memorized = story.step("memorized")
    if memorized is None:
        return "confusion", [f"{_not_memorized(story)}: censored"]
    level = settled_at(story.curve, memorized, story.thresholds)
    if level is not None:
        settled = f"test q settled at {_q(level)} by {story.end}"
        return "semi_grokking", [*_before(story), settled]
    return "memorization", [*_before(story), _not_grokked(story)]


def _conditions(story: Story, memorized: int, grokked: int) -> tuple[list[str], list[str]]:
    """The conditions of grokking, as lines: those that failed and those that passed."""
    limits, steps = story.thresholds, story.curve.step
    delay = grokked - memorized
    if delay <= 0:
        return [f"no delay: generalised at step {grokked}, memorised at {memorized}"], []
    ratio = grokked / max(memorized, 1)
    between = int(np.searchsorted(steps, grokked) - np.searchsorted(steps, memorized))
    share = plateau_share(story.curve, memorized, grokked, limits.plateau_band)
    figures = [
        ("delay ratio", ratio, limits.delay_ratio, ".3g"),
        ("evaluations of delay", between, limits.delay_evaluations, "d"),
        ("plateau share of the delay", share, limits.plateau_share, ".2f"),
        ("steps of delay", delay, limits.delay_steps, "d"),
    ]
    asked = [row for row in figures if row[2] > 0]
    lines = [(x >= need, f"{name} {x:{form}}", need) for name, x, need, form in asked]
    failed = [f"{text} is less than {need:g}" for ok, text, need in lines if not ok]
    passed = [f"{text} is at least {need:g}" for ok, text, need in lines if ok]
    return failed, passed


def _before(story: Story) -> list[str]:
    """What the network had reached, one line."""
    names = {"memorized": "memorised", "grokked": "generalised"}
    seen = [(story.step(n), word) for n, word in names.items() if story.step(n) is not None]
    return [", ".join(f"{word} at step {step}" for step, word in seen)] if seen else []


def _fell(event: Event, subject: str) -> str:
    return f"{subject} q fell to {_q(event.value)} at step {event.step} and stayed low"


def _train_after(story: Story, step: int) -> float:
    """Least train q from a fall of the test q on, over the evaluations that confirm it."""
    index = int(np.searchsorted(story.curve.step, step))
    return float(story.curve.train_q()[index : index + 1 + story.thresholds.held].min())


def _not_memorized(story: Story) -> str:
    return _unreached(story, story.curve.train_q(), "train", story.thresholds.memorized)


def _not_grokked(story: Story) -> str:
    if story.step("onset") is None:
        limit = onset_threshold(story.curve, story.thresholds)
        values = story.curve.test_q()
        best = _q(float(np.nanmax(values)) if np.isfinite(values).any() else None)
        return (
            f"test accuracy had not risen (q {best} at most, {_q(limit)} would count if held) "
            f"by {story.end}: censored"
        )
    reach = story.thresholds.grokked
    return f"{_unreached(story, story.curve.test_q(), 'test', reach)}: censored"


def _unreached(story: Story, values: np.ndarray, subject: str, reach: float) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return f"{subject} accuracy was never measured by {story.end}"
    best = float(known.max())
    if best >= reach:
        return f"{subject} q touched {_q(best)} but did not hold {reach:g} by {story.end}"
    return f"{subject} q was {_q(best)} at most, below {reach:g}, by {story.end}"


def _q(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
