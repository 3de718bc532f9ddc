"""Rules: when a published result counts as reproduced, each with an interval.

A rule judges one arm, the subject or a control in its place, among the rows of all arms. It passes
if the whole interval lies on its side of the bound, fails if none of it does, and else it is not
clear: more seeds would have to tell.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from grokscope.core.errors import UsageError
from grokscope.statistics import (
    NEVER,
    Interval,
    Outcome,
    Wait,
    kaplan_meier,
    log_slope,
    median_ratio,
    share_of,
)

Row = Mapping[str, Any]
Results = Mapping[str, Sequence[Row]]
"""The rows of every arm by its name."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One number that a rule looked at."""

    what: str
    interval: Interval
    outcome: Outcome

    def to_dict(self) -> dict[str, Any]:
        """As it is stored."""
        return {"what": self.what, "outcome": self.outcome} | asdict(self.interval)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a rule says of an arm."""

    measured: tuple[Measured, ...]

    @property
    def outcome(self) -> Outcome:
        """Fails if any number does, passes if all do."""
        outcomes = {each.outcome for each in self.measured}
        if "fails" in outcomes:
            return "fails"
        return "unclear" if "unclear" in outcomes else "passes"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule in words, its parameters, and the function of all rows and an arm's name."""

    text: str
    parameters: Mapping[str, Any]
    judge: Callable[[Results, str], Finding]


def all_of(*rules: Rule) -> Rule:
    """A rule that passes if all of some rules do, and fails if one of them does."""

    def judge(results: Results, arm: str) -> Finding:
        found = [rule.judge(results, arm).measured for rule in rules]
        return Finding(measured=tuple(each for measured in found for each in measured))

    return Rule(
        text="; ".join(rule.text for rule in rules),
        parameters={"all_of": [dict(rule.parameters) for rule in rules]},
        judge=judge,
    )


def share_at_least(least: float | int, holds: Callable[[Row], bool], what: str) -> Rule:
    """A share of an arm's networks, with the exact interval of Clopper and Pearson.

    Args:
        least: of the share.
        holds: whether a network counts.
        what: those that count, such as `networks that grok`.
    """

    def judge(results: Results, arm: str) -> Finding:
        rows = results[arm]
        share = share_of(sum(map(holds, rows)), len(rows))
        interval = Interval(value=share.value, low=share.low, high=share.high)
        return _finding(f"share of {what}", interval, interval.at_least(least))

    text = f"{what}: a share of at least {least:g} (Clopper–Pearson)"
    return Rule(text=text, parameters={"share of": what, "at least": least}, judge=judge)


def share_generalising(least: float | int) -> Rule:
    """The share of networks that reach generalisation within their budget, however soon."""
    return share_at_least(
        least, lambda row: row["grokked_step"] is not None, "networks that generalise"
    )


def share_labelled(least: float | int, label: str = "grokking") -> Rule:
    """The share of networks with a label of `grokdef/1`, or one that the arm's measure gave."""
    return share_at_least(least, lambda row: row["label"] == label, f"networks labelled {label}")


def delay_ratio_at_least(least: float | int) -> Rule:
    """Median of grokked over memorised step, with those that have not grokked censored.

    A network that did not memorise has shown no delay: its ratio is at least 0.
    """

    def judge(results: Results, arm: str) -> Finding:
        interval = kaplan_meier([delay_of(row) for row in results[arm]]).median()
        return _finding("median delay ratio", interval, interval.at_least(least))

    text = f"median of grokked over memorised step at least {least:g} (Kaplan–Meier)"
    return Rule(text=text, parameters={"delay ratio at least": least}, judge=judge)


def median_at_least(least: float | int, reference: str, column: str = "grokked_step") -> Rule:
    """The median of the arm over that of a reference arm: so many times as large, or slow."""

    def judge(results: Results, arm: str) -> Finding:
        interval = median_ratio(by_seed(results[arm], column), by_seed(results[reference], column))
        what = f"median {_words(column)} over that of {reference}"
        return _finding(what, interval, interval.at_least(least))

    text = f"median {_words(column)} at least {least:g} × that of {reference} (bootstrap of seeds)"
    parameters = {"column": column, "reference": reference, "at least": least}
    return Rule(text=text, parameters=parameters, judge=judge)


def median_at_most(most: float | int, reference: str, column: str = "grokked_step") -> Rule:
    """The median of the arm over that of a reference arm: at most such a part."""

    def judge(results: Results, arm: str) -> Finding:
        interval = median_ratio(by_seed(results[arm], column), by_seed(results[reference], column))
        what = f"median {_words(column)} over that of {reference}"
        return _finding(what, interval, interval.at_most(most))

    text = f"median {_words(column)} at most {most:g} × that of {reference} (bootstrap of seeds)"
    parameters = {"column": column, "reference": reference, "at most": most}
    return Rule(text=text, parameters=parameters, judge=judge)


def rises(setting: str, by: float | int = 0.0, column: str = "grokked_step") -> Rule:
    """The slope of ln(column) on ln(setting) within the arm is at least `by`."""

    def judge(results: Results, arm: str) -> Finding:
        interval = _exponent(results[arm], setting, column)
        return _finding(_exponent_words(setting, column), interval, interval.at_least(by))

    text = f"{_exponent_words(setting, column)} at least {by:g} (bootstrap of seeds)"
    parameters = {"column": column, "setting": setting, "slope at least": by}
    return Rule(text=text, parameters=parameters, judge=judge)


def falls(setting: str, by: float | int = 0.0, column: str = "grokked_step") -> Rule:
    """The slope of ln(column) on ln(setting) within the arm is at most −`by`."""

    def judge(results: Results, arm: str) -> Finding:
        interval = _exponent(results[arm], setting, column)
        return _finding(_exponent_words(setting, column), interval, interval.at_most(-by))

    text = f"{_exponent_words(setting, column)} at most {-by:g} (bootstrap of seeds)"
    parameters = {"column": column, "setting": setting, "slope at most": -by}
    return Rule(text=text, parameters=parameters, judge=judge)


def wait_of(row: Row, column: str) -> Wait:
    """A column of a network as a wait: a step that was not reached is censored at its last one.

    Raises:
        UsageError: a value that is missing and no step.
    """
    value = row[column]
    if value is not None:
        return Wait.of(float(value))
    if not column.endswith("_step"):
        raise UsageError(f"Seed {row['seed']} has no `{column}`, so it cannot be compared.")
    return NEVER if row["stop_reason"] == "diverged" else Wait.beyond(float(row["steps"]))


def delay_of(row: Row) -> Wait:
    """Grokked over memorised step of a network as a wait; steps count from 1."""
    memorized, grokked = row["memorized_step"], row["grokked_step"]
    if memorized is None:
        return Wait.beyond(0.0) if grokked is None else Wait.of(0.0)
    wait, first = wait_of(row, "grokked_step"), max(memorized, 1)
    return Wait(max(wait.least, 1) / first, max(wait.most, 1) / first)


def by_seed(rows: Sequence[Row], column: str) -> dict[int, list[Wait]]:
    """A column of an arm's networks by their seeds."""
    found: dict[int, list[Wait]] = {}
    for row in rows:
        found.setdefault(row["seed"], []).append(wait_of(row, column))
    return found


def _exponent(rows: Sequence[Row], setting: str, column: str) -> Interval:
    found: dict[int, list[tuple[float, Wait]]] = {}
    for row in rows:
        point = (_setting(row, setting), wait_of(row, column))
        found.setdefault(row["seed"], []).append(point)
    return log_slope(found)


def _setting(row: Row, name: str) -> float:
    settings: Mapping[str, Any] = row["settings"]
    if name not in settings:
        raise UsageError(f"Seed {row['seed']} has no setting `{name}` that varies in its arm.")
    return float(settings[name])


def _exponent_words(setting: str, column: str) -> str:
    return f"slope of ln({_words(column)}) on ln({setting.rpartition('.')[2].replace('_', ' ')})"


def _words(column: str) -> str:
    return column.replace("_", " ")


def _finding(what: str, interval: Interval, outcome: Outcome) -> Finding:
    return Finding(measured=(Measured(what=what, interval=interval, outcome=outcome),))
