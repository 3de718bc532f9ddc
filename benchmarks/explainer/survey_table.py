"""The survey's tables: explained shares with their intervals, beside two simpler rules."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.explainer.failures import shown

Row = dict[str, Any]
_FEW_WIDTHS = 3  # so few that each of them by share of data is a group worth a look
RULES: dict[str, Callable[[Row], bool]] = {
    "explained": lambda row: row["verdict"] == "explained",
    "published rule": lambda row: row["baselines"]["published"],
    "sparse, clock fit": lambda row: row["baselines"]["fourier_clock"],
}


def is_accurate(row: Row) -> bool:
    """Whether it passes the gate; the others are counted, and are in no share."""
    return row["verdict"] != "not_accurate"


def accurate_of_one_layer(rows: Sequence[Row]) -> list[Row]:
    """The accurate one-layer networks, none of them twice: not those that were trained on."""
    steps = min((row["steps"] for row in rows if row["layers"] == 1), default=0)
    return [r for r in rows if (r["layers"], r["steps"]) == (1, steps) and is_accurate(r)]


def strata(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Groups of rows with their names: by layers and steps, and one layer by every setting."""
    kinds = sorted({(row["layers"], row["steps"]) for row in rows})
    for place, (layers, steps) in enumerate(kinds):
        own = [row for row in rows if (row["layers"], row["steps"]) == (layers, steps)]
        name = f"{layers} layer{'s' if layers > 1 else ''}"
        is_first = place == 0 or kinds[place - 1][0] != layers
        yield f"**{name if is_first else f'{name}, {steps:,} steps'}**", own
        if layers == 1 and is_first:
            yield from _settings(own)


def _settings(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    named: list[tuple[str, Callable[[Row], Any]]] = [
        ("width {}", lambda row: row["d_model"]),
        ("{:.0%} of the data", lambda row: row["train_fraction"]),
        ("{}", lambda row: {"relu": "ReLU", "gelu": "GELU"}[row["activation"]]),
        ("{}", lambda row: "two vocabularies" if row["separate_vocab"] else "one vocabulary"),
        ("{} `=`", lambda row: "with" if row["equals_token"] else "without"),
        ("attention rate {} .5", lambda row: "below" if row["attention_rate"] < 0.5 else "above"),
    ]
    for words, value in named:
        for each in sorted({value(row) for row in rows}):
            yield words.format(each), [row for row in rows if value(row) == each]
    widths = sorted({row["d_model"] for row in rows})
    for width in widths if len(widths) <= _FEW_WIDTHS else ():
        for fraction in sorted({row["train_fraction"] for row in rows}):
            own = [r for r in rows if (r["d_model"], r["train_fraction"]) == (width, fraction)]
            yield f"width {width}, {fraction:.0%}", own


def shares_table(rows: Sequence[Row]) -> str:
    """A line for each stratum: networks, accurate ones, and the share by each rule."""
    lines = ["| networks | trained | accurate | " + " | ".join(RULES) + " |", "|---" * 6 + "|"]
    for name, own in strata(rows):
        accurate = [row for row in own if is_accurate(row)]
        cells = [share_cell(sum(map(rule, accurate)), len(accurate)) for rule in RULES.values()]
        lines.append(f"| {name} | {len(own)} | {len(accurate)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def share_cell(count: int, total: int) -> str:
    """Such as `38: 95% [83%, 99%]`."""
    if total == 0:
        return "–"
    from grokscope.statistics import share_of  # imported here: training needs no scipy

    found = share_of(count, total)
    return f"{count}: {found.value:.0%} [{found.low:.0%}, {found.high:.0%}]"


def pairs_table(rows: Sequence[Row]) -> list[str]:
    """What became of the networks that were trained on; nothing where none was."""
    steps = sorted({row["steps"] for row in rows if row["layers"] == 1})
    if len(steps) < 2:
        return []
    before, after = ({r["seed"]: r for r in rows if r["steps"] == each} for each in steps)
    counts = Counter(
        (before[seed]["verdict"], after[seed]["verdict"]) for seed in after if seed in before
    )
    verdicts = ("explained", "unexplained", "not_accurate")
    lines = [
        f"| after {steps[0]:,} steps | " + " | ".join(v.replace("_", " ") for v in verdicts) + " |"
    ]
    lines.append("|---" * 4 + "|")
    for verdict in verdicts:
        cells = [str(counts[verdict, each]) for each in verdicts]
        lines.append(f"| {verdict.replace('_', ' ')} | " + " | ".join(cells) + " |")
    return [f"## The same networks after {steps[1]:,} steps", "\n".join(lines)]


def labels_table(rows: Sequence[Row]) -> str:
    """Labels of the circles of accurate one-layer networks, by attention rate."""
    own = accurate_of_one_layer(rows)
    bands = [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)]
    counts = [
        Counter(
            circle["label"]
            for row in own
            if low <= row["attention_rate"] < high
            for circle in row["explanation"]["circles"]
        )
        for low, high in bands
    ]
    names = sorted({name for count in counts for name in count})
    lines = ["| attention rate | networks | " + " | ".join(names) + " |"]
    lines.append("|---" * (len(names) + 2) + "|")
    for (low, high), count in zip(bands, counts, strict=True):
        networks = sum(low <= row["attention_rate"] < high for row in own)
        cells = [str(count[name]) for name in names]
        lines.append(f"| {low:g} to {high:g} | {networks} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def failures_table(rows: Sequence[Row]) -> str:
    """Every accurate network that is not explained, with the tests that it failed."""
    lines = ["| seed | layers | width | data | rate | looks like | failed |", "|---" * 7 + "|"]
    for row in rows:
        if row["verdict"] == "unexplained":
            facts = [row["seed"], row["layers"], row["d_model"], f"{row['train_fraction']:.0%}"]
            facts += [f"{row['attention_rate']:.2f}", row["label"], shown(row["failed"])]
            lines.append("| " + " | ".join(map(str, facts)) + " |")
    return "\n".join(lines)
