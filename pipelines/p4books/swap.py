"""How does a file come into its place, whole or not at all?"""

import os
from pathlib import Path


def into_place(made: Path, final: Path, mode: int) -> None:
    """Put a finished file in the place of another, so that a reader sees the one or the other.

    Both must be on one file system. The content is on the disk before the name is, and the name
    before this returns. Raises OSError, with `final` untouched.
    """
    if made.with_name(made.name + ".wal").exists():
        raise OSError(f"{made} was not closed: its write-ahead log is still there")
    made.chmod(mode)
    _sync(made)
    made.replace(final)
    _sync(final.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
