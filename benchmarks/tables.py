"""Results as two tables, times and ratios, for the screen and for Markdown."""

from collections.abc import Mapping, Sequence

from benchmarks.result import Json

TIMES = ("case", "floor_ms", "ours_ms", "textbook_ms", "compiled_ms", "vmap_ms")
RATIOS = (
    *("case", "networks", "run_steps_per_s", "gflop", "mbyte", "roofline_ms"),
    *("over_floor", "over_roofline", "over_textbook", "over_compiled", "over_vmap"),
)
RESTLESS = 2.0  # 90th percentile over 10th
NONE = "–"


def screen(results: Sequence[Json]) -> str:
    """Aligned columns; behind each time its 10th and 90th percentile."""
    parts = [_aligned(_cells(results, columns)) for columns in (TIMES, RATIOS)]
    return "\n\n".join([*parts, "\n".join(footnotes(results))])


def markdown(results: Sequence[Json]) -> str:
    """The same as Markdown tables."""
    parts = [_piped(_cells(results, columns)) for columns in (TIMES, RATIOS)]
    notes = "\n".join(f"- {note}" for note in footnotes(results))
    return "\n\n".join([*parts, notes])


def footnotes(results: Sequence[Json]) -> list[str]:
    """The machine's rates, the number of turns, who is absent and why, what not to trust."""
    notes = [_rates(results)]
    turns = ", ".join(f"{result['case']} {result['repeats']}" for result in results)
    notes.append(f"medians [10th, 90th percentile] of turns: {turns}")
    for result in results:
        absent = result["absent"]
        assert isinstance(absent, Mapping)
        notes += [f"{result['case']}, {name} is absent: {why}" for name, why in absent.items()]
    restless = [str(result["case"]) for result in results if _is_restless(result)]
    if restless:
        notes.append(f"something else ran, take these again: {', '.join(restless)}")
    return notes


def _is_restless(result: Json) -> bool:
    spreads = [value for name, value in result.items() if name.endswith("_ms_spread")]
    return any(isinstance(s, list) and s[1] > RESTLESS * s[0] for s in spreads)


def _rates(results: Sequence[Json]) -> str:
    named = {
        "matmul_gflops": "large product {} GFLOP/s",
        "tf32_gflops": "in TF32 {} GFLOP/s",
        "bandwidth_gbs": "triad {} GB/s",
    }
    texts: list[str] = []
    for name, text in named.items():
        values = [value for result in results if isinstance(value := result.get(name), float)]
        if values:
            low, high = f"{min(values):.4g}", f"{max(values):.4g}"
            texts.append(text.format(low if low == high else f"{low} to {high}"))
    return ", ".join(texts)


def _cells(results: Sequence[Json], columns: Sequence[str]) -> list[list[str]]:
    shown = [c for c in columns if any(c in result for result in results)]
    return [shown, *([_cell(result, column) for column in shown] for result in results)]


def _cell(result: Json, name: str) -> str:
    value = result.get(name)
    low_high = result.get(f"{name}_spread")
    if not isinstance(value, float):
        return NONE if value is None else str(value)
    if isinstance(low_high, list):
        low, high = (_number(bound) for bound in low_high)
        return f"{_number(value)} [{low}, {high}]"
    return _number(value)


def _number(value: float) -> str:
    """Three digits or the whole number."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if value >= 1 else f"{value:.3g}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def _piped(rows: Sequence[Sequence[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|---" * len(rows[0]) + "|", *body])
