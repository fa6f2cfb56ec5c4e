"""What kind of file system a path lies on."""

from __future__ import annotations

from pathlib import Path

_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.gcsfuse",
            "fuse.s3fs", "fuse.rclone", "lustre", "beegfs")  # fmt: skip


def network_file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> str | None:
    """Return the type of the network file system that `path` lies on, None on a local one or where it cannot be told.

    Examples
    --------
    >>> import tempfile
    >>> network_file_system(Path(tempfile.gettempdir()))
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    here = path.resolve()
    best, found = -1, None
    for line in lines:
        parts = line.split(" ")
        if len(parts) < 3:
            continue
        point = Path(parts[1].replace("\\040", " "))
        if (here == point or point in here.parents) and len(point.parts) > best:
            best, found = len(point.parts), parts[2]
    return found if found in _NETWORK else None
