"""How many networks of an arm generalised, and when, for each of its settings."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from grokscope.recipes.rules import Row, wait_of
from grokscope.statistics import kaplan_meier

_TRAINED = frozenset({"memorized_step", "grokked_step", "stop_reason", "steps"})


def tally(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """One entry for each setting that varies beside the seed, in the order of the rows.

    Networks are counted as grokked, censored (their budget ended) or diverged, and the steps are
    medians by Kaplan and Meier, with what diverged counted as never.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(str(_own_settings(row)), []).append(row)
    return [{"settings": _own_settings(own[0])} | _counted(own) for own in groups.values()]


def _own_settings(row: Row) -> dict[str, Any]:
    settings: Mapping[str, Any] = row.get("settings", {})
    return {name: value for name, value in settings.items() if name != "seed"}


def _counted(rows: Sequence[Row]) -> dict[str, Any]:
    found: dict[str, Any] = {"networks": len(rows)}
    if not all(row.keys() >= _TRAINED for row in rows):
        return found  # computed in another way than by training to a step
    waiting = [row for row in rows if row["grokked_step"] is None]
    diverged = sum(row["stop_reason"] == "diverged" for row in waiting)
    found |= {"grokked": len(rows) - len(waiting), "censored": len(waiting) - diverged}
    medians = {
        column: asdict(kaplan_meier([wait_of(row, column) for row in rows]).median())
        for column in ("memorized_step", "grokked_step")
    }
    return found | {"diverged": diverged} | medians
