"""`grokscope report`: write a run's report."""

from pathlib import Path

from grokscope.cli.run_name import open_run
from grokscope.cli.screen import stdout, write_json
from grokscope.core.errors import DiskError, UsageError
from grokscope.experiment import Run


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
