"""What a run's networks did, as a table for people and as JSON for scripts."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grokscope.cli.label_styles import LABEL_STYLES
from grokscope.cli.screen import new_table
from grokscope.cli.wording import decimal, whole
from grokscope.experiment import Run

_NUMBERS = ("seed", "memorized", "grokked", "ratio", "train", "test")
_WITHIN_MODEL = ("seed", "model.attention_rate")


def networks_table(console: Console, rows: Sequence[Mapping[str, Any]]) -> Table:
    """A line per network: branch in a fork, steps, label, key frequencies, final accuracies."""
    models = distinctive([row["model"] for row in rows])
    varied = [n for n in dict.fromkeys(n for r in rows for n in r["settings"]) if _shown(n)]
    names = [name.rpartition(".")[2] for name in varied]
    branches = [[row["branch"]] if "branch" in row else [] for row in rows]
    headings = ("network", "model", *(["branch"] if any(branches) else []), "seed", *names)
    headings += ("memorized", "grokked", "ratio", "label", "key frequencies", "train", "test")
    table = new_table(console, headings, right=(*_NUMBERS, *names))
    for column in table.columns:
        # on a narrow terminal only the long columns give way, and at words
        column.no_wrap = column.header in ("seed", "label", *_NUMBERS)
    for row, model, branch in zip(rows, models, branches, strict=True):
        table.add_row(
            str(row["index"]),
            model,
            *branch,
            str(row["seed"]),
            *(str(row["settings"].get(name, "–")) for name in varied),
            whole(row["memorized_step"]),
            whole(row["grokked_step"]),
            decimal(row["delay_ratio"], 1),
            Text(row["label"], LABEL_STYLES.get(row["label"], "")),
            " ".join(str(k) for k in row["key_frequencies"]) or "–",
            decimal(row["train_acc"], 3),
            decimal(row["test_acc_novel"], 3),
        )
    return table


SPEED = ("run_steps_per_second", "utilisation")


def speed_line(run: Run) -> str | None:
    """How fast training was, and how much of the stepped slots held a network."""
    rate, used = (run.directory.status.get(name) for name in SPEED)
    if not isinstance(rate, int | float) or not isinstance(used, int | float):
        return None
    return f"{rate:,.0f} run-steps a second, looks included; {used:.0%} of the slots in use"


def run_document(run: Run) -> dict[str, Any]:
    """The JSON of a run: where it is, its state, and the summary of each network."""
    return {
        "run": run.id,
        "path": str(run.path),
        "recipe": run.plan.recipe,
        "state": run.state,
        **{name: run.directory.status.get(name) for name in SPEED},
        "runs": run.networks,
    }


def _shown(setting: str) -> bool:
    """Settings that the other columns do not say."""
    return setting not in _WITHIN_MODEL


def distinctive(names: Sequence[str]) -> list[str]:
    """Names without the words that they all begin with.

    >>> distinctive(["transformer, attention rate 0", "transformer, attention rate 1"])
    ['attention rate 0', 'attention rate 1']
    """
    parts = [name.split(", ") for name in names]
    if len(set(names)) < 2:
        return list(names)
    while all(len(p) > 1 for p in parts) and len({p[0] for p in parts}) == 1:
        parts = [p[1:] for p in parts]
    return [", ".join(p) for p in parts]
