"""How does a run work undisturbed?"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from p4books.errors import AlreadyRunning, DiskTrouble
from p4books.settings import Settings


@contextmanager
def alone(settings: Settings, name: str = "run") -> Iterator[None]:
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
        with alone(settings, name):
            return False
    except AlreadyRunning:
        return True


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
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
