"""The networks of a run as rows of text for a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from grokscope.views.group import Group, Summary
from grokscope.views.headline import ratio_words, step_words

NETWORKS_LISTED = 200
"""A table has at most so many rows."""


@dataclass(frozen=True, kw_only=True)
class NetworkLine:
    """One network, every cell as text."""

    index: str
    model: str
    seed: str
    label: str
    memorized: str
    grokked: str
    delay_ratio: str
    keys: str
    train_acc: str
    test_acc: str
    robust: str
    reasons: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class GroupLine:
    """One group, medians over its seeds."""

    name: str
    colour: str
    count: int
    labels: str
    memorized: str
    onset: str
    grokked: str
    delay_ratio: str


def network_lines(groups: Sequence[Group]) -> list[NetworkLine]:
    """A line per network that has a summary, group by group."""
    rows = [(group, row) for group in groups for row in group.rows]
    return [_line(group, row) for group, row in rows[:NETWORKS_LISTED]]


def group_lines(groups: Sequence[Group]) -> list[GroupLine]:
    """A line per group."""
    return [
        GroupLine(
            name=group.name,
            colour=group.colour,
            count=len(group.networks),
            labels=_labels(group),
            memorized=step_words(group.median_step("memorized")),
            onset=step_words(group.median_step("onset")),
            grokked=step_words(group.median_step("grokked")),
            delay_ratio=ratio_words(group.median_delay_ratio()),
        )
        for group in groups
        if group.rows
    ]


def interval_words(step: int | None, after: int | None) -> str:
    """An event that was first seen at `step` and not yet at `after`."""
    if step is None:
        return "not reached"
    return f"{step:,}" if after is None else f"({after:,}, {step:,}]"


def percent(share: float | None) -> str:
    """A share as a percentage; never rounded up to 100 %."""
    if share is None:
        return "–"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return "100 %" if share == 1 else f"{100 * share:.1f} %"


def _line(group: Group, row: Summary) -> NetworkLine:
    return NetworkLine(
        index=str(row["index"]),
        model=group.name,
        seed=str(row["seed"]),
        label=str(row["label"]).replace("_", "-"),
        memorized=interval_words(row["memorized_step"], row["memorized_after"]),
        grokked=interval_words(row["grokked_step"], row["grokked_after"]),
        delay_ratio=_ratio(row),
        keys=" ".join(str(k) for k in row["key_frequencies"]) or "–",
        train_acc=percent(row["train_acc"]),
        test_acc=percent(row["test_acc_novel"]),
        robust="yes" if row["robust"] else "no",
        reasons=_reasons(row),
    )


def _ratio(row: Summary) -> str:
    """A censored network has a lower bound."""
    if row["delay_ratio"] is not None:
        return ratio_words(row["delay_ratio"])
    memorized = row["memorized_step"]
    if memorized is None or row["label"] == "diverged" or row["test_acc"] is None:
        return "–"
    return f"> {ratio_words(row['steps'] / max(memorized, 1))}"


def _reasons(row: Summary) -> list[str]:
    endings = {"budget": "the budget of steps was used up", "grokked": "it had grokked"}
    reason = endings.get(str(row["stop_reason"]), str(row["stop_reason"]))
    ended = f"training ended at step {row['steps']:,}: {reason}"
    bad = row.get("first_bad_tensor")
    broken = [f"the first tensor that was not finite was {bad}"] if bad else []
    return [*map(str, row["reasons"]), *broken, ended]


def _labels(group: Group) -> str:
    labels = [str(row["label"]).replace("_", "-") for row in group.rows]
    return ", ".join(f"{labels.count(label)} {label}" for label in dict.fromkeys(labels))
