"""Explanations as tables for people; the JSON of `experiment/explained.py` goes in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from grokscope.cli.screen import new_table
from grokscope.cli.wording import count, decimal, whole
from grokscope.explanation.explanation import percent_down
from grokscope.explanation.false_positives import COUNTED

Document = Mapping[str, Any]

_STYLES = {"explained": "green", "unexplained": "yellow", "not_accurate": "dim"}
_SHOWN_POWER = 0.02
_LIVES = 12


def print_overview(console: Console, explanations: Sequence[Document]) -> None:
    """A line per network, and counts."""
    names = ("network", "name", "step", "label", "verdict", "grade", "failed tests")
    table = new_table(console, names, right=("step",))
    for row in explanations:
        failed = [test["name"] for test in row["tests"] if not test["passed"]]
        table.add_row(
            str(row["network"]),
            row["name"],
            whole(row["step"]),
            row["label"],
            _verdict(row),
            row["grade"] or "–",
            ", ".join(failed) or "–",
        )
    console.print(table)
    for line in counts(explanations):
        _line(console, Text(line))
    _line(console, Text())


def counts(explanations: Sequence[Document]) -> list[str]:
    """Such as `explained 5 of 6 accurate networks` and what they learned."""
    accurate = [row for row in explanations if row["verdict"] != "not_accurate"]
    explained = [row for row in accurate if row["verdict"] == "explained"]
    left = len(explanations) - len(accurate)
    head = f"explained {len(explained)} of {count(len(accurate), 'accurate network')}"
    labels = Counter(row["label"] for row in explained).most_common()
    listed = ", ".join(f"{number} {label}" for label, number in labels)
    lines = [f"{head}: {listed}" if listed else head]
    if accurate:
        lines.append(
            f"of {COUNTED.nulls} networks that are accurate for another reason, "
            f"{COUNTED.explained} are explained by these tests"
        )
    return lines + ([f"not accurate, so not explained: {left}"] if left else [])


def print_explanation(console: Console, row: Document, *, with_meanings: bool = True) -> None:
    """Sentence, circles and tests of one network, and what the tests do."""
    head = f"network {row['network']}, step {row['step']:,}: " if "network" in row else ""
    where = f"{row['name']} on {row['group']}"
    _line(console, Text(f"{head}{where}", "bold"))
    _line(console, Text(row["sentence"], _STYLES[row["verdict"]]))
    if row["circles"]:
        _line(console, Text())
        _circles(console, row["circles"])
    if row["tests"]:
        _line(console, Text())
        _tests(console, row["tests"], with_meanings=with_meanings)
    _line(console, Text())


def _circles(console: Console, circles: Sequence[Document]) -> None:
    names = ("frequency", "speaks", "label", "shape", "offset", "share", "necessary", "notes")
    table = new_table(console, names, right=("frequency", "speaks", "shape", "offset", "share"))
    for circle in circles:
        fraction = circle["fraction"]
        notes = [] if fraction is None else [f"pizza fraction {fraction:.2f}"]
        notes += [f"also {name}" for name in circle["also"]]
        table.add_row(
            str(circle["frequency"]),
            str(circle["speaks"]),
            circle["label"],
            decimal(circle["shape"]),
            _signed(circle["offset"]),
            f"{circle['share']:.1%}",
            "yes" if circle["necessary"] else "redundant",
            ", ".join(notes),
        )
    console.print(table)


def print_meanings(console: Console, explanations: Sequence[Document]) -> None:
    """What each test that was run does, once for all networks."""
    meanings = {test["name"]: test["about"] for row in explanations for test in row["tests"]}
    if not meanings:
        return
    table = new_table(console, ("test", "what"))
    for name, about in meanings.items():
        table.add_row(name, about)
    console.print(table)


def _tests(console: Console, tests: Sequence[Document], *, with_meanings: bool) -> None:
    names = ("test", "value", "threshold", "passed", *(["what"] if with_meanings else []))
    table = new_table(console, names, right=("value",))
    for test in tests:
        passed = test["passed"]
        table.add_row(
            test["name"],
            decimal(test["value"], 4),
            f"{test['side']} {test['threshold']:.4g}",
            Text("yes" if passed else "NO", "" if passed else "bold yellow"),
            *([test["about"]] if with_meanings else []),
        )
    console.print(table)


def print_history(console: Console, document: Document) -> None:
    """A line per kept step, then the life of each circle."""
    _line(console, Text(f"network {document['network']}: {document['name']}", "bold"))
    names = ("step", "accuracy", "verdict", "label", "power by frequency (* necessary)")
    table = new_table(console, names, right=names[:2])
    for moment in document["moments"]:
        table.add_row(
            whole(moment["step"]),
            decimal(moment["accuracy"], 4),
            _verdict(moment),
            moment["label"] or "–",
            _powers(moment, [life["frequency"] for life in document["circles"]]),
        )
    console.print(table)
    _line(console, Text())
    names = (
        "frequency",
        "born",
        "gone",
        "largest power",
        "at step",
        "labels",
        "necessary at steps",
    )
    table = new_table(console, names, right=names[:5])
    for life in document["circles"][:_LIVES]:
        needed = life["necessary_steps"]
        table.add_row(
            str(life["frequency"]),
            whole(life["born"]),
            whole(life["gone"]),
            f"{life['peak']:.1%}",
            whole(life["peak_step"]),
            ", ".join(life["labels"]) or "–",
            f"{needed[0]:,} to {needed[-1]:,}" if needed else "–",
        )
    console.print(table)
    what = "it has twice an even share, or is a circle of an accurate network"
    _line(console, Text(f"born, gone: kept steps between which {what}", "dim"))


def _powers(moment: Document, frequencies: Sequence[int]) -> str:
    """The largest first; a star where an accurate network needs the circle."""
    needed = {circle["frequency"] for circle in moment["circles"] if circle["necessary"]}
    power = moment["power"]
    kept = [k for k in frequencies if power[k] >= _SHOWN_POWER]
    ordered = sorted(kept, key=lambda k: -power[k])[:_LIVES]
    return "  ".join(f"{k}{'*' if k in needed else ''} {power[k]:.0%}" for k in ordered) or "–"


def _verdict(row: Document) -> Text:
    verdict = row["verdict"]
    right = percent_down(row["accuracy"])
    words = f"not accurate ({right})" if verdict == "not_accurate" else verdict
    return Text(words, _STYLES[verdict])


def _signed(value: float) -> str:
    """Tokens with one digit, without a negative zero."""
    return f"{round(value, 1) + 0:.1f}"


def _line(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=not console.is_terminal)
