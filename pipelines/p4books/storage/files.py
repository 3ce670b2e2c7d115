"""Atomic file replacement, per-tenant locks and scratch folders."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from p4books.errors import AlreadyRunning, DiskTrouble
from p4books.settings import Settings


def replace_atomically(made: Path, final: Path, mode: int) -> None:
    """Put a finished file in the place of another, so that a reader sees the one or the other.

    Both must be on one file system. The content is on the disk before the name is, and the name
    before this returns. Raises OSError, with `final` untouched.
    """
    if made.with_name(made.name + ".wal").exists():
        raise OSError(f"{made} was not closed: its write-ahead log is still there")
    made.chmod(mode)
    _fsync(made)
    made.replace(final)
    _fsync(final.parent)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def tenant_lock(settings: Settings, name: str = "run") -> Iterator[None]:
    """Hold one of the tenant's locks; the system frees that of a process that died."""
    lock = filelock.FileLock(settings.private / f"{name}.lock", mode=0o600)
    try:
        settings.private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings.private.mkdir(exist_ok=True, mode=0o700)
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise AlreadyRunning(settings.tenant) from None
    except OSError as error:
        raise DiskTrouble(settings.private, error.strerror or str(error)) from None
    try:
        yield
    finally:
        lock.release()


def is_running(settings: Settings, name: str = "run") -> bool:
    """Tell whether a run of this tenant is going on."""
    try:
        with tenant_lock(settings, name):
            return False
    except AlreadyRunning:
        return True


@contextmanager
def scratch_dir(folder: Path) -> Iterator[Path]:
    """Give an empty folder, free of what a dead run left, and take it away again."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise DiskTrouble(folder, error.strerror or str(error)) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
