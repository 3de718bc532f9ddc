"""`grokscope report`: write a run's report."""

from pathlib import Path

from grokscope.cli.run_name import open_run
from grokscope.cli.screen import say, stdout, write_json
from grokscope.core.errors import DiskError, GrokscopeError, UsageError
from grokscope.experiment import Run


def refresh(run: Run) -> str | None:
    """Write `report.html` into a run and give its path; say why where that cannot be done."""
    from grokscope.views import write_report

    try:
        return str(write_report(run, run.path / "report.html"))
    except GrokscopeError as error:
        say(f"no report: {error}")
        return None


def report(name: str, file: Path | None, out: Path, *, as_json: bool) -> int:
    """Write it and say where.

    Raises:
        UsageError: no such run, or one in which nothing has been measured yet.
        DiskError: the file cannot be written.
    """
    from grokscope.views import write_report

    run = Run(open_run(name, out))
    if not run.curves:
        raise UsageError(f"{run.id} has no measurements yet.")
    path = file or run.path / "report.html"
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file, such as {path / 'report.html'}.")
    try:
        written = write_report(run, path)
    except OSError as error:
        raise DiskError(f"cannot write {path}: {error.strerror}") from error
    if as_json:
        write_json({"run": run.id, "report": str(written)})
    else:
        stdout().print(str(written), markup=False, soft_wrap=True)
    return 0
