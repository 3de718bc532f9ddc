"""`grokscope label`: the verdict on curves that somebody else recorded."""

from dataclasses import asdict
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from grokscope.cli.commands import Label
from grokscope.cli.label_styles import LABEL_STYLES
from grokscope.cli.screen import new_table, stdout, write_json
from grokscope.cli.wording import count, decimal, whole
from grokscope.core.errors import SettingError, UsageError
from grokscope.measures.curve import Curve
from grokscope.measures.events import EVENTS
from grokscope.measures.grokdef import Rule, Verdict, judge
from grokscope.store.foreign import ForeignCurve, read_curves, read_pair

RULES: dict[str, Rule] = {"grokdef/1": "grokdef/1", "liu2022": "liu2022"}
_UNKNOWN_TEST_ROWS = 1000
"""Stands in for the number of test rows; only the onset, a hint beside the label, depends on it."""
_FEW = 10


def label(asked: Label) -> int:
    """Read, judge, print.

    Raises:
        UsageError: files that are missing or malformed, or options that contradict each other.
    """
    if asked.rule not in RULES:
        raise UsageError(f"There is no rule `{asked.rule}`; there are {' and '.join(RULES)}.")
    curves = _read(asked)
    chance, assumed = _chance(asked)
    rows: list[dict[str, Any]] = []
    for found in curves:
        curve = _curve(found, chance)
        verdict = judge(curve, rule=RULES[asked.rule])
        notes = [*found.notes, *_doubts(curve, verdict), *assumed]
        rows.append(_row(found, verdict, notes))
    if asked.json:
        files = [str(path) for path in (asked.curves, asked.train, asked.test) if path]
        write_json({"files": files, "rule": asked.rule, "chance": chance, "curves": rows})
        return 0
    for row in rows:
        _print(stdout(), row)
    return 0


def _read(asked: Label) -> list[ForeignCurve]:
    if asked.curves is not None and asked.train is None and asked.test is None:
        return read_curves(asked.curves)
    if asked.curves is None and asked.train is not None and asked.test is not None:
        return read_pair(asked.train, asked.test)
    raise UsageError("Give one file with both curves, or `--train FILE --test FILE`.")


def _chance(asked: Label) -> tuple[float, list[str]]:
    if asked.chance is not None and asked.classes is not None:
        raise UsageError("Give `--chance` or `--classes`, not both.")
    if asked.chance is not None:
        if not 0 <= asked.chance < 1:
            raise SettingError("chance", "in [0, 1)", asked.chance)
        return asked.chance, []
    if asked.classes is not None:
        if asked.classes < 2:
            raise SettingError("classes", "at least 2", asked.classes)
        return 1 / asked.classes, []
    return 0.0, ["chance was taken as 0: give `--classes N` or `--chance X` if it matters"]


def _curve(found: ForeignCurve, chance: float) -> Curve:
    return Curve(
        step=found.step,
        train_acc=found.train_acc,
        test_acc=found.test_acc,
        n_test=_UNKNOWN_TEST_ROWS,
        chance=chance,
        train_loss=found.train_loss,
        budget_ended=False,  # nobody has told us why the record ends
        diverged_step=found.diverged_step,
    )


def _doubts(curve: Curve, verdict: Verdict) -> list[str]:
    """What the evaluation steps are too coarse to decide."""
    doubts: list[str] = []
    memorized, grokked = verdict.memorized_step, verdict.grokked_step
    first = int(curve.step[0])
    if memorized == first and first > 0:
        doubts.append(
            f"it had memorised by the first evaluation, step {first:,}: "
            "the true step may be earlier and the delay ratio larger"
        )
    if memorized is not None and grokked is not None and grokked > memorized:
        between = int(np.searchsorted(curve.step, grokked) - np.searchsorted(curve.step, memorized))
        if between < _FEW:
            doubts.append(
                f"the evaluations are too coarse: {count(between, 'evaluation')} of delay where "
                f"{_FEW} are asked for; evaluate at log-spaced steps (ratio 1.1)"
            )
    if len(curve.step) < _FEW:
        doubts.append(f"there are only {count(len(curve.step), 'evaluation')}")
    return doubts


def _row(found: ForeignCurve, verdict: Verdict, notes: list[str]) -> dict[str, Any]:
    names = (
        *("label", "reasons", "robust", "memorized_step", "memorized_after", "grokked_step"),
        *("grokked_after", "delay", "delay_ratio", "onset_step", "plateau_share"),
    )
    return {
        "name": found.name,
        "evaluations": len(found.step),
        "first_step": int(found.step[0]),
        "last_step": int(found.step[-1]),
        **{name: getattr(verdict, name) for name in names},
        "events": [asdict(event) for event in verdict.events],
        "notes": notes,
        "thresholds": asdict(verdict.thresholds),
    }


def _print(console: Console, row: dict[str, Any]) -> None:
    head = Text(row["name"], "bold").append(": ").append(row["label"], LABEL_STYLES[row["label"]])
    if row["delay_ratio"] is not None:
        head.append(f" (delay {row['delay']:,} steps, ratio {row['delay_ratio']:.1f})")
    span = (
        f"{row['evaluations']:,} evaluations, steps {row['first_step']:,} to {row['last_step']:,}"
    )
    _line(console, head)
    _line(console, Text(span, "dim"))
    for reason in row["reasons"]:
        _line(console, Text(f"  {reason}"))
    if not row["robust"]:
        _line(console, Text("  not robust: another label at a test threshold of .9 or .99"))
    if row["events"]:
        _line(console, Text())
        console.print(_events(console, row["events"]))
    for note in row["notes"]:
        _line(console, Text(f"note: {note}", "yellow"))
    _line(console, Text())


def _events(console: Console, events: list[dict[str, Any]]) -> Any:  # noqa: ANN401
    table = new_table(console, ("event", "after", "by step", "value", "meaning"), right=_NUMBERS)
    for event in events:
        numbers = (whole(event["after"]), whole(event["step"]), decimal(event["value"], 3))
        table.add_row(event["name"], *numbers, EVENTS[event["name"]])
    return table


_NUMBERS = ("after", "by step", "value")


def _line(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=not console.is_terminal)
