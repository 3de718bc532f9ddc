"""`grokscope verify`: compare a run's files with their checksums."""

from pathlib import Path

from grokscope.cli.run_name import open_run
from grokscope.cli.screen import say, stdout, write_json
from grokscope.cli.wording import count
from grokscope.core.errors import VerificationError
from grokscope.store import Problem, RunDirectory


def verify(name: str, out: Path, *, as_json: bool) -> int:
    """Print `ok`, or the problems; what an interrupted write left behind is named but harmless."""
    directory = open_run(name, out)
    problems = directory.verify()
    damage = [problem for problem in problems if not problem.leftover]
    if as_json:
        _write(directory, problems, ok=not damage)
    else:
        for problem in problems:
            stdout().print(_line(directory, problem), markup=False, soft_wrap=True)
        if not damage:
            stdout().print(f"ok  {directory.id}", markup=False, soft_wrap=True)
    if not damage:
        return 0
    if as_json:
        say(f"{directory.id}: {count(len(damage), 'damaged file')}")
    else:
        say(f"grokscope: {count(len(damage), 'file')} of {directory.id} damaged")
    return VerificationError.exit_code


def _write(directory: RunDirectory, problems: list[Problem], *, ok: bool) -> None:
    rows = [{"path": str(p.path), "message": p.message, "leftover": p.leftover} for p in problems]
    write_json({"run": directory.id, "ok": ok, "problems": rows})


def _line(directory: RunDirectory, problem: Problem) -> str:
    inside = problem.path.is_relative_to(directory.path)
    path = problem.path.relative_to(directory.path) if inside else problem.path
    return f"{path}: {problem.message}"
