"""Beside the studies: does the split of the data decide when a network groks, or its beginning?"""

from collections.abc import Mapping
from typing import Any

from benchmarks.studies.rows import read
from benchmarks.studies.words import as_dict, pair
from grokscope.statistics import Wait, crossed_components

SPLIT = "task.data_seed"
_WORDS = {"split": "split of the rows", "init": "initial values", "residual": "both together"}


def document() -> dict[str, Any]:
    """Components of the variance of ln(step of generalisation), noticed at evaluations."""
    rows = read("crossed")
    times = {(row.settings[SPLIT], row.seed): row.wait("grokked").most for row in rows}
    splits, seeds = sorted({a for a, _ in times}), sorted({b for _, b in times})
    table = [[Wait.of(times[split, seed]) for seed in seeds] for split in splits]
    found = crossed_components(table)
    return {
        name: {
            "variance": as_dict(getattr(found, name).variance),
            "share": as_dict(getattr(found, name).share),
        }
        for name in _WORDS
    }


def page(found: Mapping[str, Any]) -> str:
    """The table."""
    lines = ["| source | variance of ln(step) | share |", "|---|---|---|"]
    lines += [
        f"| {words} | {pair(found[name]['variance'])} | {pair(found[name]['share'])} |"
        for name, words in _WORDS.items()
    ]
    return "\n".join(lines)
