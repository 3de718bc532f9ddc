"""`python -m benchmarks [--json] [--case NAME] [--repeats N] [--threads N]`."""

import argparse
import json
import sys
from collections.abc import Callable

from benchmarks.cases import CASES
from benchmarks.timing import Bench, machine

COLUMNS = ("case", "floor_ms", "ours_ms", "textbook_ms", "over_floor", "over_textbook")


def main() -> None:
    """Time the cases and print a table, or a JSON list with `--json`."""
    options = _arguments()
    facts, bench = machine(options.threads), Bench(options.threads)
    results: list[dict[str, object]] = []
    for name in options.case or list(CASES):
        print(f"timing {name} ...", file=sys.stderr)
        results.append(bench.measure(name, options.repeats).as_json() | {"machine": facts})
    bench.close()
    print(json.dumps(results, indent=2) if options.json else _table(results))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Times one training step beside its bare matrix products and the textbook.",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list of cases")
    parser.add_argument("--case", action="append", choices=list(CASES), help="repeatable; all")
    parser.add_argument("--repeats", type=_at_least(2), default=25, help="timed rounds")
    parser.add_argument("--threads", type=_at_least(1), help="torch's own choice by default")
    return parser.parse_args()


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, got {text}")
        return int(text)

    return number


def _table(results: list[dict[str, object]]) -> str:
    """Medians; behind each time its 10th and 90th percentile."""
    rows = [list(COLUMNS)] + [[_cell(result, name) for name in COLUMNS] for result in results]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    lines = ["  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    facts = results[0]["machine"]
    assert isinstance(facts, dict)
    footer = ", ".join(f"{name} {value}" for name, value in facts.items())
    return "\n".join([*lines, "", footer])


def _cell(result: dict[str, object], name: str) -> str:
    value = result[name]
    low_high = result.get(f"{name}_spread")
    if not isinstance(value, float):
        return str(value)
    if isinstance(low_high, list):
        return f"{value:.2f} [{low_high[0]:.2f}, {low_high[1]:.2f}]"
    return f"{value:.2f}"


if __name__ == "__main__":
    main()
