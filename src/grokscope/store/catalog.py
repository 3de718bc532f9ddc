"""Finding runs. A name from a user is looked up among the existing runs, never joined to a path."""

import difflib
from pathlib import Path

from grokscope.core.errors import UsageError, VerificationError
from grokscope.store.durable import is_temporary
from grokscope.store.naming import LAST
from grokscope.store.run import CONFIG_NAME, RunDirectory


def find_runs(root: Path) -> list[RunDirectory]:
    """The runs in a folder by name, hence by date; none if there is no such folder."""
    if not root.is_dir():
        return []
    folders = (p for p in root.absolute().iterdir() if not p.is_symlink() and not is_temporary(p))
    runs = [RunDirectory(p) for p in folders if (p / CONFIG_NAME).is_file()]
    return sorted(runs, key=lambda run: run.id)


def resolve_run(name: str, root: Path) -> RunDirectory:
    """The run that a user means.

    Args:
        name: a path, an id, the beginning of one id (or of its last eight characters), "last", or
            any of these with "/<network>" at the end, which is ignored.
        root: the folder of all runs.

    Raises:
        UsageError: there is no such run, several are meant, or it cannot be read.
    """
    wanted = name.strip().rstrip("/")
    head, _, tail = wanted.rpartition("/")
    candidates = [wanted, head] if head and tail.isdecimal() else [wanted]
    for candidate in candidates:
        found = _named(candidate, root) or _at_path(candidate)
        if found:
            return found
    raise UsageError(_not_found(candidates[-1], root))


def _named(name: str, root: Path) -> RunDirectory | None:
    if not name or "/" in name or "\\" in name:
        return None
    runs = {run.id: run for run in find_runs(root)}
    if name == LAST:
        return _newest(root, runs)
    if name in runs:
        return RunDirectory.open(runs[name].path)
    matches = [i for i in runs if i.startswith(name) or i.rpartition("-")[2].startswith(name)]
    if len(matches) > 1:
        raise UsageError(f"{name!r} is the beginning of several runs: {', '.join(matches[:5])}")
    return RunDirectory.open(runs[matches[0]].path) if matches else None


def _newest(root: Path, runs: dict[str, RunDirectory]) -> RunDirectory | None:
    """The run that `last` points to, or without such a link the one created last."""
    last = root / LAST
    if (last / CONFIG_NAME).is_file():
        return RunDirectory.open(last)
    newest = max(runs.values(), key=lambda run: (_created(run), run.id), default=None)
    return RunDirectory.open(newest.path) if newest else None


def _created(run: RunDirectory) -> str:
    try:
        return str(run.status.get("created", ""))
    except (UsageError, VerificationError):
        return ""


def _at_path(text: str) -> RunDirectory | None:
    try:
        path = Path(text).expanduser()
        is_run = bool(text) and (path / CONFIG_NAME).is_file()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL character, no such user
        return None
    return RunDirectory.open(path) if is_run else None


def _not_found(name: str, root: Path) -> str:
    ids = [run.id for run in find_runs(root)]
    if not ids:
        return f"no run {name!r}: there are no runs in {root}"
    nearest = difflib.get_close_matches(name, ids, n=3, cutoff=0.4) or ids[-3:]
    return f"no run {name!r} in {root}; nearest: {', '.join(nearest)}"
