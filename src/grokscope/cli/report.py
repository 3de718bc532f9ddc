"""`grokscope report`: write a run's report."""

from pathlib import Path

from grokscope.cli.run_name import is_of_monitor, open_run
from grokscope.cli.screen import say, stdout, write_json
from grokscope.core.errors import DiskError, GrokscopeError, UsageError
from grokscope.experiment import Run
from grokscope.store import RunDirectory


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
    directory = open_run(name, out)
    if not directory.segments():
        raise UsageError(f"{directory.id} has no measurements yet.")
    path = file or directory.path / "report.html"
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file, such as {path / 'report.html'}.")
    try:
        written = _written(directory, path)
    except OSError as error:
        raise DiskError(f"cannot write {path}: {error.strerror}") from error
    if as_json:
        write_json({"run": directory.id, "report": str(written)})
    else:
        stdout().print(str(written), markup=False, soft_wrap=True)
    return 0


def _written(directory: RunDirectory, path: Path) -> Path:
    """The page that a run's kind has."""
    from grokscope import views

    if is_of_monitor(directory):
        return views.write_monitor_report(directory, path)
    return views.write_report(Run(directory), path)
