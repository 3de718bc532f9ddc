"""Curves that other people's tools recorded: CSV files, exports of Weights & Biases, TensorBoard.

A reader gives train and test accuracy at common steps, with a note on everything that it had to
decide. What it cannot read it refuses with the file, the line and the column.
"""

import csv
import importlib
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from grokscope.core.errors import MissingExtraError, UsageError
from grokscope.store.column_names import (
    STEP_NAMES,
    TEST_WORDS,
    TRAIN_WORDS,
    Role,
    choose_columns,
    plain_name,
)

Point = tuple[float, str]
"""A value, and where it stands in its file."""
Series = dict[int, Point]

_EMPTY = {"", "na", "none", "null", "-"}
_LARGEST_SHARE = 1 + 1e-6
_ENOUGH_IN_COMMON = 0.8


@dataclass(frozen=True, kw_only=True, eq=False)
class ForeignCurve:
    """One network's record, at strictly increasing steps.

    Attributes:
        name: the run's name in its file, or the file's.
        step: as recorded; epochs where only they were.
        train_acc: in [0, 1].
        test_acc: in [0, 1], on whatever its author called test or validation.
        train_loss: only where it was recorded at every one of these steps.
        diverged_step: where both accuracies become NaN to the end, None where they do not.
        notes: what was decided in reading, a sentence each.
    """

    name: str
    step: Int[np.ndarray, " evaluation"]
    train_acc: Float[np.ndarray, " evaluation"]
    test_acc: Float[np.ndarray, " evaluation"]
    train_loss: Float[np.ndarray, " evaluation"] | None = None
    diverged_step: int | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class _Record:
    """One run's series while they are being put together."""

    name: str
    series: dict[str, Series] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


@dataclass(frozen=True, kw_only=True)
class _Sheet:
    """A CSV file: its columns, and its rows with their line numbers."""

    path: Path
    columns: list[str]
    rows: list[tuple[int, list[str]]]

    def series(self, column: int, step_column: int, record: _Record) -> Series:
        """One column by step; of several values at a step the last one counts."""
        series: Series = {}
        before = -1
        for line, cells in self.rows:
            value = self._number(cells[column], line, column)
            step = self._step(cells[step_column], line, step_column)
            if value is None or step is None:
                continue
            if step in series:
                record.note("some steps occur more than once: the last value counts")
            elif step < before:
                record.note("the steps were not in order: they were sorted")
            before = step
            series[step] = (value, self._place(line, column))
        return series

    def _place(self, line: int, column: int) -> str:
        return f"{self.path}, line {line}, column `{self.columns[column]}`"

    def _number(self, cell: str, line: int, column: int) -> float | None:
        text = cell.strip().rstrip("%")
        if text.lower() in _EMPTY:
            return None
        try:
            return float(text)
        except ValueError:
            raise UsageError(f"{self._place(line, column)}: {cell!r} is not a number.") from None

    def _step(self, cell: str, line: int, column: int) -> int | None:
        value = self._number(cell, line, column)
        if value is None:
            return None
        if not math.isfinite(value) or value < 0 or not value.is_integer():
            rule = "a step must be a whole number, at least 0"
            raise UsageError(f"{self._place(line, column)}: {rule}, got {cell!r}.")
        return int(value)


def read_curves(path: Path) -> list[ForeignCurve]:
    """Read every run in a CSV file, a TensorBoard event file, or a folder of event files.

    Raises:
        UsageError: the file is missing, malformed or lacks a column, on one line.
        MissingExtraError: event files need the extra `tensorboard`.
    """
    if path.is_dir() or "tfevents" in path.name:
        return [_curve(record, path) for record in _event_records(path)]
    sheet = _read_sheet(path)
    if _is_single(sheet):
        raise UsageError(
            f"{path} holds a single curve: give one file each, `--train FILE --test FILE`."
        )
    step_column = _find_steps(sheet)
    return [_curve(record, path) for record in _sheet_records(sheet, step_column)]


def read_pair(train: Path, test: Path) -> list[ForeignCurve]:
    """Read train and test accuracy from a CSV file each, such as TensorBoard's downloads.

    Raises:
        UsageError: as in `read_curves`, or the files hold different runs.
    """
    ours: dict[str, _Record] = {}
    for role, path in (("train_acc", train), ("test_acc", test)):
        sheet = _read_sheet(path)
        step_column = _find_steps(sheet)
        columns = _value_columns(sheet, role, step_column)
        for run, column in columns.items():
            record = ours.setdefault(run if len(columns) > 1 else "", _Record(name=run))
            record.series[role] = sheet.series(column, step_column, record)
            _note_epochs(sheet, step_column, record)
    return [
        _curve(record, test if "train_acc" in record.series else train) for record in ours.values()
    ]


def _read_sheet(path: Path) -> _Sheet:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or 'unreadable').lower()}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not a CSV file: it is not UTF-8 text.") from error
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        rows = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: {error}.") from error
    if len(rows) < 2:
        raise UsageError(f"{path} has no rows: a header line and numbers under it are needed.")
    columns = [name.strip() for name in rows[0][1]]
    for line, cells in rows[1:]:
        if len(cells) != len(columns):
            raise UsageError(
                f"{path}, line {line}: {len(cells)} values under {len(columns)} columns."
            )
    return _Sheet(path=path, columns=columns, rows=rows[1:])


def _is_single(sheet: _Sheet) -> bool:
    return [plain_name(name) for name in sheet.columns] == ["wall_time", "step", "value"]


def _find_steps(sheet: _Sheet) -> int:
    names = [plain_name(name) for name in sheet.columns]
    for name in STEP_NAMES:
        if name in names:
            return names.index(name)
    raise UsageError(
        f"{sheet.path} has no column of steps (step, global_step, epoch); {_its_columns(sheet)}."
    )


def _its_columns(sheet: _Sheet) -> str:
    shown = ", ".join(sheet.columns[:12])
    return f"its columns are {shown}{', …' if len(sheet.columns) > 12 else ''}"


def _sheet_records(sheet: _Sheet, step_column: int) -> Iterator[_Record]:
    runs: dict[str, dict[int, str]] = {}
    for column, name in enumerate(sheet.columns):
        run, _, metric = name.rpartition(" - ")
        if column != step_column and not name.endswith(("__MIN", "__MAX")):
            runs.setdefault(run, {})[column] = metric
    found = {run: choose_columns(names) for run, names in runs.items()}
    usable = {run: chosen for run, (chosen, _) in found.items() if len(_needed(chosen)) == 2}
    if not usable:
        best = max(
            (chosen for chosen, _ in found.values()), key=lambda c: len(_needed(c)), default={}
        )
        raise UsageError(_lacks(sheet, _needed(best)))
    for run, chosen in usable.items():
        record = _Record(name=run or sheet.path.stem, notes=list(found[run][1]))
        for role, column in chosen.items():
            record.series[role] = sheet.series(column, step_column, record)
        _note_epochs(sheet, step_column, record)
        yield record


def _needed(chosen: Mapping[Role, int]) -> set[str]:
    return {"train_acc", "test_acc"} & set(chosen)


def _lacks(sheet: _Sheet, found: set[str]) -> str:
    missing = [name for name in ("train_acc", "test_acc") if name not in found]
    nouns = " and no ".join(f"column of {name.partition('_')[0]} accuracy" for name in missing)
    return f"{sheet.path} has no {nouns} ({', '.join(missing)}); {_its_columns(sheet)}."


def _note_epochs(sheet: _Sheet, step_column: int, record: _Record) -> None:
    if plain_name(sheet.columns[step_column]).startswith("epoch"):
        record.note("steps are counted in epochs")


def _value_columns(sheet: _Sheet, role: str, step_column: int) -> dict[str, int]:
    """The one column of values per run, in a file that holds one curve per run."""
    skipped = ("wall_time", "timestamp", "runtime", "relative_time", "time")
    columns: dict[str, int] = {}
    for i, name in enumerate(sheet.columns):
        unwanted = name.endswith(("__MIN", "__MAX")) or plain_name(name) in (*skipped, *STEP_NAMES)
        if i == step_column or unwanted:
            continue
        run = name.rpartition(" - ")[0]
        if run in columns:
            chosen, _ = choose_columns({columns[run]: sheet.columns[columns[run]], i: name})
            if role not in chosen:
                raise UsageError(f"{sheet.path} has several columns; {_its_columns(sheet)}.")
            columns[run] = chosen[role]  # type: ignore[index]
        else:
            columns[run] = i
    if not columns:
        raise UsageError(f"{sheet.path} has no column of values; {_its_columns(sheet)}.")
    return columns


def _curve(record: _Record, path: Path) -> ForeignCurve:
    """Put a run's series on common steps, as shares."""
    diverged_step = _diverged_step(record)
    for role in ("train_acc", "test_acc"):
        known = {s: p for s, p in record.series.get(role, {}).items() if not math.isnan(p[0])}
        if not known:
            raise UsageError(f"{path}: {record.name or 'it'} has no values of {role}.")
        record.series[role] = known
    steps, train, test = _aligned(record)
    scale = _scale(record)
    loss = _loss(record.series.get("train_loss", {}), steps)
    return ForeignCurve(
        name=record.name or path.stem,
        step=np.array(steps, dtype=np.int64),
        train_acc=np.array(train, dtype=np.float64) / scale,
        test_acc=np.array(test, dtype=np.float64) / scale,
        train_loss=loss,
        diverged_step=diverged_step,
        notes=record.notes,
    )


def _diverged_step(record: _Record) -> int | None:
    """The first step from which on both accuracies are NaN: written so, not merely left empty."""
    train, test = (record.series.get(role, {}) for role in ("train_acc", "test_acc"))
    broken = [step for step in set(train) & set(test) if math.isnan(train[step][0] + test[step][0])]
    known = [s for series in (train, test) for s, (value, _) in series.items() if value == value]
    after = [step for step in broken if step > max(known, default=-1)]
    return min(after, default=None)


def _aligned(record: _Record) -> tuple[list[int], list[float], list[float]]:
    """Common steps: those of both, or where they hardly meet, the sparser's with values carried."""
    train, test = record.series["train_acc"], record.series["test_acc"]
    both = sorted(set(train) & set(test))
    fewer, other = (test, "train") if len(test) <= len(train) else (train, "test")
    if len(both) >= _ENOUGH_IN_COMMON * len(fewer):
        if len(both) < max(len(train), len(test)):
            record.note(f"train and test have {len(both)} steps in common: the others are left out")
        return both, [train[s][0] for s in both], [test[s][0] for s in both]
    first = max(min(train), min(test))
    steps = [step for step in sorted(fewer) if step >= first]
    name = "test" if fewer is test else "train"
    record.note(
        f"train and test were logged at different steps: at the {len(steps)} steps of {name}, "
        f"the latest {other} accuracy logged by then was taken"
    )
    return steps, _carried(train, steps), _carried(test, steps)


def _carried(series: Series, steps: Sequence[int]) -> list[float]:
    known = sorted(series)
    places = np.searchsorted(known, steps, side="right") - 1
    return [series[known[int(place)]][0] for place in places]


def _scale(record: _Record) -> float:
    """1 for shares, 100 for percent; what is neither is refused."""
    points = [p for role in ("train_acc", "test_acc") for p in record.series[role].values()]
    percent = max(value for value, _ in points) > _LARGEST_SHARE
    for value, place in points:
        if not 0 <= value <= 100 * _LARGEST_SHARE:
            raise UsageError(f"{place}: an accuracy is a share or in percent, got {value:g}.")
    if percent:
        record.note("accuracies are above 1: they were read as percent")
    return 100.0 if percent else 1.0


def _loss(series: Series, steps: Sequence[int]) -> Float[np.ndarray, " evaluation"] | None:
    """The train loss where it is known at every step and finite, or not finite to the very end."""
    if not steps or any(step not in series for step in steps):
        return None
    loss = np.array([series[step][0] for step in steps], dtype=np.float64)
    finite = np.isfinite(loss)
    # a gap written as NaN has numbers after it; a network that diverged has none
    return loss if finite[: int(finite.sum())].all() else None


def _event_records(path: Path) -> list[_Record]:
    """The runs of a TensorBoard log: a folder each, but `train` and `validation` are one run."""
    files = [path] if path.is_file() else sorted(path.rglob("*tfevents*"))
    if not files:
        raise UsageError(f"{path} has no TensorBoard event files.")
    root = path if path.is_dir() else path.parent
    tags: dict[str, dict[str, Series]] = {}
    for folder in dict.fromkeys(file.parent for file in files):
        source = path if path.is_file() else folder
        halves = {*TRAIN_WORDS, *TEST_WORDS}
        is_half = folder != root and folder.name.lower() in halves
        run = (folder.parent if is_half else folder).relative_to(root).as_posix()
        prefix = f"{folder.name}/" if is_half else ""
        for tag, series in _scalars(source).items():
            tags.setdefault(run, {})[prefix + tag] = series
    records = [_event_record(run, root, found) for run, found in tags.items()]
    usable = [record for record in records if {"train_acc", "test_acc"} <= set(record.series)]
    if not usable:
        names = sorted({tag for found in tags.values() for tag in found})
        raise UsageError(f"{path} has no train and test accuracy; its tags are {', '.join(names)}.")
    return usable


def _event_record(run: str, root: Path, tags: Mapping[str, Series]) -> _Record:
    names = dict(enumerate(tags))
    chosen, notes = choose_columns(names)
    series: dict[str, Series] = {role: tags[names[column]] for role, column in chosen.items()}
    return _Record(name=root.stem if run == "." else run, series=series, notes=notes)


def _scalars(source: Path) -> dict[str, Series]:
    """Every scalar of an event file or folder by tag."""
    try:
        accumulators: Any = importlib.import_module(
            "tensorboard.backend.event_processing.event_accumulator"
        )
        tensors: Any = importlib.import_module("tensorboard.util.tensor_util")
    except ImportError:
        raise MissingExtraError("tensorboard", "tensorboard") from None
    log = accumulators.EventAccumulator(str(source), size_guidance={"scalars": 0, "tensors": 0})
    log.Reload()
    found: dict[str, Series] = {}
    for tag in log.Tags()["scalars"]:
        found[tag] = {e.step: (float(e.value), f"{source}, tag `{tag}`") for e in log.Scalars(tag)}
    for tag in log.Tags()["tensors"]:
        values = ((e.step, tensors.make_ndarray(e.tensor_proto)) for e in log.Tensors(tag))
        points = {s: (float(v), f"{source}, tag `{tag}`") for s, v in values if v.size == 1}
        found[tag] = points
    return {tag: series for tag, series in found.items() if series}
