"""What is kept of a run: its arm, its seed, and series of numbers over the measurements.

Small enough to be committed, and all that the questions are answered from.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from grokscope.llm.monitor_run import MonitorRun
from grokscope.store import RunDirectory

MEASURES = (
    *("loss", "accuracy", "distance", "distance_normalized", "distance_published"),
    *("path_length", "jaccard", "cosine", "effective_dimension", "entropy", "entropy_of_mean"),
    *("path_consistency", "mean_cos", "mean_cos_centred", "mean_cos_folded", "dead_experts"),
)
LAYERS = ("distance_normalized", "path_length")
WHOLE = ("cross_distance_normalized", "cross_overlap")
_DIGITS = 5
_KEYS = ("arm", "seed")

Points = Float64[np.ndarray, " point"]


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run of the study.

    Attributes:
        arm: of the study.
        seed: of everything in it.
        chances: accuracy of guessing in each domain that has questions.
        columns: series by name: `<group>/<measure>`, `<group>/layers/<measure>/<layer>`, `step`.
    """

    arm: str
    seed: int
    chances: Mapping[str, float]
    columns: Mapping[str, Points]

    @property
    def steps(self) -> Points:
        """Updates before each measurement."""
        return self.columns["step"]

    @property
    def domains(self) -> list[str]:
        """Those with questions."""
        return [name for name, chance in self.chances.items() if chance > 0]

    def series(self, group: str, measure: str) -> Points:
        """A measure of a group; NaN where it does not have it."""
        return self.columns.get(f"{group}/{measure}", np.full(len(self.steps), np.nan))

    def layers(self, group: str, measure: str) -> Float64[np.ndarray, "layer point"]:
        """A measure of a group by layer."""
        prefix = f"{group}/layers/{measure}/"
        names = [name for name in self.columns if name.startswith(prefix)]
        return np.stack([self.columns[prefix + str(layer)] for layer in range(len(names))])


def record_of(directory: RunDirectory) -> Record:
    """From the run directory of a finished run."""
    MonitorRun(directory)  # refuses what is no monitor's
    (summary,) = directory.checked_summary()
    stored: Any = directory.curves()
    found: dict[str, Points] = {"step": np.asarray(stored["step"], dtype=np.float64)}
    for name, values in stored.items():
        short = name.removeprefix("moe/")
        *group, last = short.split("/")
        if group and group[-1] == "layers":
            for layer, own in enumerate(np.asarray(values, dtype=np.float64).T):
                if last in LAYERS:
                    found[f"{short}/{layer}"] = own
        elif last in (MEASURES if group else WHOLE) and short != name:
            found[short] = np.asarray(values, dtype=np.float64)
    chances: Any = summary["chances"]
    arm, seed = str(summary["arm"]), int(str(summary["seed"]))
    return Record(arm=arm, seed=seed, chances=dict(chances), columns=found)


def write_records(records: Sequence[Record], path: Path) -> None:
    """A row for each measurement of each run; the chances are columns, too."""
    names = sorted({name for record in records for name in record.columns} - {"step"})
    domains = sorted({name for record in records for name in record.chances})
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*_KEYS, *(f"chance/{name}" for name in domains), "step", *names])
        for record in records:
            for point, step in enumerate(record.steps):
                values = [record.columns.get(name) for name in names]
                row = ["" if own is None else _short(own[point]) for own in values]
                chances = [_short(record.chances[name]) for name in domains]
                table.writerow([record.arm, record.seed, *chances, int(step), *row])


def read_records(path: Path) -> list[Record]:
    """What `write_records` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    runs = dict.fromkeys((row["arm"], int(row["seed"])) for row in rows)
    found: list[Record] = []
    for arm, seed in runs:
        own = [row for row in rows if row["arm"] == arm and int(row["seed"]) == seed]
        names = [name for name in own[0] if name not in _KEYS]
        columns = {name: np.array([_number(row[name]) for row in own]) for name in names}
        chances = {
            name.removeprefix("chance/"): float(columns.pop(name)[0])
            for name in names
            if name.startswith("chance/")
        }
        found.append(Record(arm=arm, seed=seed, chances=chances, columns=columns))
    return found


def _short(value: float) -> str:
    return "" if np.isnan(value) else f"{float(value):.{_DIGITS}g}"


def _number(text: str) -> float:
    return float(text) if text else float("nan")
