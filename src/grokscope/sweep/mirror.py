"""Copies of published runs elsewhere: object storage, another disk, whatever fsspec knows."""

from pathlib import Path
from typing import Any

from grokscope.core.errors import MissingExtraError, UsageError
from grokscope.store.manifest import MANIFEST_NAME
from grokscope.sweep.folder import Sweep


class Mirror:
    """Copies published runs to `<url>/<sweep>/runs/<cohort>`.

    A run's manifest is copied last: where it is, the run is there as a whole.

    Args:
        url: such as `s3://bucket/sweeps` or `file:///backup`.
        sweep: whose runs.

    Raises:
        MissingExtraError: fsspec, or what it needs for that kind of storage, is not installed.
        UsageError: no storage of that kind is known.
    """

    def __init__(self, url: str, sweep: Sweep) -> None:
        self._storage, root = storage_of(url)
        self._sweep = sweep
        self._root = f"{root.rstrip('/')}/{sweep.name}/runs"

    def copy(self, cohort: str) -> None:
        """Copy a published run; OSError or whatever the storage raises."""
        source, target = self._sweep.runs / cohort, f"{self._root}/{cohort}"
        files = sorted(path for path in source.rglob("*") if path.is_file())
        manifest = source / MANIFEST_NAME
        for path in [*(path for path in files if path != manifest), manifest]:
            name = path.relative_to(source).as_posix()
            self._storage.makedirs(f"{target}/{name}".rpartition("/")[0], exist_ok=True)
            self._storage.put_file(str(path), f"{target}/{name}")

    def missing(self) -> list[str]:
        """Published runs that are not there as a whole."""
        published = [path.name for path in _folders(self._sweep.runs)]
        return [
            c for c in published if not self._storage.exists(f"{self._root}/{c}/{MANIFEST_NAME}")
        ]


def storage_of(url: str) -> tuple[Any, str]:
    """What fsspec knows by a URL, and the path there; errors as of `Mirror`."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingExtraError("fsspec", "remote") from None
    try:
        found: tuple[Any, Any] = url_to_fs(url)
    except ImportError as error:
        raise UsageError(f"`mirror` {url}: {error}.") from None
    except ValueError as error:
        raise UsageError(f"`mirror` must be a URL that fsspec knows, got {url!r}.") from error
    return found[0], str(found[1])


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
