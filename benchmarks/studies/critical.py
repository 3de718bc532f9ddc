"""Study (c): the critical share of the data, from below and from above, at three decays."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.studies.exponent import DECAY
from benchmarks.studies.rows import Row, read
from benchmarks.studies.words import as_dict, pair
from grokscope.statistics import budget_test, hysteresis_of, threshold_of

FRACTION = "task.train_fraction"
HALF_BUDGET, BUDGET = 20_000, 40_000
_ONE_HALF = 0.5


GRIDS = {"coarse": ("critical", "forks"), "fine": ("critical-fine", "forks-fine")}


def document() -> list[dict[str, Any]]:
    """Each weight decay on each grid."""
    return [
        {"grid": grid} | _of(decay, _at(up, decay), _at(down, decay))
        for grid, (scratch, forks) in GRIDS.items()
        for up, down in [(read(scratch), read(forks))]
        for decay in sorted({*_decays(up)})
    ]


def _of(decay: float, up: Sequence[Row], down: Sequence[Row]) -> dict[str, Any]:
    early = _trials(up, [row.has_half(HALF_BUDGET) for row in up])
    late = _trials(up, [row.has_half(BUDGET) for row in up])
    down_early = _trials(down, [row.settings["middle"] > _ONE_HALF for row in down])
    down_late = _trials(down, [row.final > _ONE_HALF for row in down])
    rising, falling = budget_test(early, late), budget_test(down_early, down_late)
    ratio = hysteresis_of(late, down_late)
    return {
        "weight_decay": decay,
        "up": as_dict(rising.at_double),
        "up_at_half": as_dict(rising.at_budget),
        "up_shift": as_dict(rising.shift),
        "up_verdict": rising.verdict,
        "slope": as_dict(threshold_of(late).slope),
        "down": as_dict(falling.at_double),
        "down_at_half": as_dict(falling.at_budget),
        "down_shift": as_dict(falling.shift),
        "down_verdict": falling.verdict,
        "ratio": as_dict(ratio.ratio),
        "semi": sum(row.labels["label"] == "semi_grokking" for row in up),
        "runs": len(up),
        "forked": len(down),
        "between": sum(0.1 < row.final < 0.9 for row in down),
    }


def _decays(rows: Sequence[Row]) -> list[float]:
    return [row.settings[DECAY] for row in rows]


def _at(rows: Sequence[Row], decay: float) -> list[Row]:
    return [row for row in rows if row.settings[DECAY] == decay]


def _trials(rows: Sequence[Row], held: Sequence[bool]) -> dict[int, list[tuple[float, bool]]]:
    found: dict[int, list[tuple[float, bool]]] = {}
    for row, success in zip(rows, held, strict=True):
        found.setdefault(row.seed, []).append((row.settings[FRACTION], success))
    return found


def page(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table of the study."""
    heading = (
        "| grid | λ | from scratch, B | 2 B | shift (ln) | | forked, B | 2 B | shift (ln) | "
        "| up / down |"
    )
    return "\n".join([heading, "|---" * 11 + "|", *map(_line, rows)])


def _line(row: Mapping[str, Any]) -> str:
    up = [pair(row["up_at_half"]), pair(row["up"]), pair(row["up_shift"]), row["up_verdict"]]
    down = [pair(row["down_at_half"]), pair(row["down"]), pair(row["down_shift"])]
    decay = f"{row['weight_decay']:g}"
    ends = [row["down_verdict"], pair(row["ratio"])]
    return f"| {' | '.join([row['grid'], decay, *up, *down, *ends])} |"
