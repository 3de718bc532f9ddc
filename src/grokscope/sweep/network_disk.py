"""Whether a folder lies on a file system that several hosts share."""

import os
from pathlib import Path

_SHARED = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs"),
        *("afs", "9p", "pvfs2", "orangefs", "wekafs", "panfs", "virtiofs", "ocfs2"),
        *("fuse.sshfs", "fuse.ceph", "fuse.glusterfs", "fuse.juicefs", "fuse.s3fs"),
        *("fuse.gcsfuse", "fuse.mergerfs"),
    )
)
_MOUNTS = Path("/proc/self/mounts")


def is_shared(folder: Path, mounts: Path = _MOUNTS) -> bool:
    """Whether a folder, which need not exist, is on a network file system.

    What cannot be known counts as local.
    """
    wanted = os.path.realpath(folder)
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    best, kind = "", ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].encode().decode("unicode_escape")
        inside = wanted == point or wanted.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):  # of two mounts on one point the later counts
            best, kind = point, fields[2]
    return kind in _SHARED
