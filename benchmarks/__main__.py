"""`python -m benchmarks`: time the cases, or with `--growth` see how time grows; see `--help`."""

import argparse
import json
import sys

from benchmarks import result_book
from benchmarks.arguments import parse
from benchmarks.cases import CASES
from benchmarks.machine import facts
from benchmarks.result import Json
from benchmarks.tables import screen
from benchmarks.timing import Bench, Rounds
from benchmarks.worker import Place


def main() -> None:
    """Time the cases and print tables, or a JSON list with `--json`."""
    options = parse(sys.argv[1:])
    if options.growth or options.draw:
        _growth(options)
        return
    try:
        results = _measure(options)
    except RuntimeError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    if options.append:
        result_book.append(results)
    print(json.dumps(results, indent=2) if options.json else _page(results))


def _measure(options: argparse.Namespace) -> list[Json]:
    place = Place(device=options.device, threads=options.threads)
    machine, bench = facts(place), Bench(options.contestants, place)
    rounds = Rounds(repeats=options.repeats, seconds=options.seconds)
    results: list[Json] = []
    for name in options.case or list(CASES):
        print(f"timing {name} ...", file=sys.stderr)
        results.append(bench.measure(name, rounds).as_json() | {"machine": machine})
    bench.close()
    return results


def _page(results: list[Json]) -> str:
    machine = results[0]["machine"]
    assert isinstance(machine, dict)
    known = ", ".join(f"{name} {value}" for name, value in machine.items() if value is not None)
    return f"{screen(results)}\n{known}"


def _growth(options: argparse.Namespace) -> None:
    from benchmarks import growth, growth_figure

    if options.growth:
        growth.write(growth.measure(Place(device=options.device, threads=options.threads)))
    for line in growth_figure.draw(growth.read()):
        print(line, file=sys.stderr)
    if options.json:
        print(json.dumps(growth.read(), indent=2))


if __name__ == "__main__":
    main()
