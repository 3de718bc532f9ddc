"""Names of run directories, and the `last` link to the newest of them."""

import errno
import unicodedata
from pathlib import Path

from grokscope.store.durable import discard, disk_errors, sync, temporary_name

LAST = "last"
_LONGEST = 40
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}


def readable_name(text: str) -> str:
    """The letters and digits of a text, as a part of a file name that is safe everywhere.

    >>> readable_name("../Nanda et al. (2023)")
    'Nanda-et-al.-2023'
    """
    normal = unicodedata.normalize("NFC", text)
    kept = "".join(c if c.isalnum() or c in "._-" else " " for c in normal)
    return "-".join(kept.split()).strip(".-_")[:_LONGEST].strip(".-_") or "run"


def point_last_at(run: Path) -> None:
    """Make `last` beside the run point to it, as one step.

    A file system without symbolic links goes without; `resolve_run` then takes the newest run.

    Raises:
        DiskError: the disk is full or refuses to be written.
    """
    last = run.with_name(LAST)
    if last.is_dir() and not last.is_symlink():
        return  # somebody's folder of that name is not ours to replace
    temporary = temporary_name(last)
    with disk_errors(last):
        try:
            temporary.symlink_to(run.name, target_is_directory=True)
            temporary.replace(last)
            sync(last.parent)
        except (Exception, KeyboardInterrupt) as error:
            discard(temporary)
            if not isinstance(error, OSError) or error.errno not in _NO_LINKS:
                raise
