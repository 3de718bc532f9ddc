"""`benchmarks/RESULTS.md`: a dated section per measurement, newest first."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.result import Json
from benchmarks.tables import markdown

BOOK = Path(__file__).resolve().parent / "RESULTS.md"
HEAD = """# Benchmark results

Appended by `scripts/bench --append`, newest first; how to read them is in `CONTRIBUTING.md`.
"""


def append(results: Sequence[Json], book: Path = BOOK) -> None:
    """Put these results before all earlier ones."""
    text = book.read_text(encoding="utf-8") if book.exists() else HEAD
    head, mark, earlier = text.partition("\n## ")
    later = f"\n## {earlier}" if mark else ""
    book.write_text(f"{head.rstrip()}\n\n{section(results)}\n{later}", encoding="utf-8")


def section(results: Sequence[Json]) -> str:
    """Title, machine, tables."""
    machine = results[0]["machine"]
    assert isinstance(machine, Mapping)
    today = datetime.now(UTC).date().isoformat()
    known = ", ".join(f"{k} {v}" for k, v in machine.items() if v is not None and k != "commit")
    title = f"## {today}, {machine['device']}, commit {machine['commit']}"
    return "\n\n".join([title, known, markdown(results)])
