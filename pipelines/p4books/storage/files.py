"""Copies and atomic replacement of files, per-tenant locks and scratch folders."""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from p4books.errors import AlreadyRunning, DiskTrouble
from p4books.settings import Settings

LOOK_SECONDS = 0.5  # that a look at a lock takes at most, on a busy machine
_FICLONE = getattr(fcntl, "FICLONE", 0x40049409)  # Python 3.11 does not name it
_PLAIN = re.compile(r"[\w /.,@+~()&-]+")  # a path without signs that mean something to a program


def copy_file(source: Path, target: Path) -> Path:
    """Copy the content of a file, replacing that of `target`, and return `target`.

    Where the file system can (Btrfs, XFS), the copy is a clone: it takes no time, and room only for
    the blocks that are changed later. Raises OSError.
    """
    try:
        _clone(source, target)
    except OSError:  # file systems refuse with various errors
        shutil.copyfile(source, target)
    return target


def measure_files(path: Path) -> int:
    """Return the bytes on disk of a file, or of the files below a folder; 0 if there is none.

    A file with two names counts once; files that share blocks count as if they did not.
    """
    below = (Path(folder, name) for folder, _, names in os.walk(path) for name in names)
    sizes = {}
    for file in (path, *below):
        with suppress(FileNotFoundError):  # a run may be deleting it
            info = file.lstat()
            if stat.S_ISREG(info.st_mode):
                sizes[info.st_dev, info.st_ino] = info.st_blocks * 512
    return sum(sizes.values())


def replace_atomically(new: Path, target: Path, mode: int) -> None:
    """Replace a file with a finished one, so that a reader sees either the old or the new one.

    The content is on disk before the file is renamed, and the rename before this returns. Raises
    OSError, with `target` untouched.
    """
    if new.with_name(new.name + ".wal").exists():
        raise OSError(f"{new} was not closed: its write-ahead log still exists")
    if new.stat().st_dev != target.parent.stat().st_dev:
        with copy_beside(new, target) as beside:
            replace_atomically(beside, target, mode)
        return
    new.chmod(mode)
    _fsync(new)
    new.replace(target)
    _fsync_folder(target.parent)


def try_to_replace(target: Path, content: bytes) -> None:
    """Replace a small private file in one step; that this fails is ignored."""
    new = name_copy(target)
    try:
        new.write_bytes(content)
        replace_atomically(new, target, 0o600)
    except OSError:
        with suppress(OSError):
            new.unlink()


def sync_path(path: Path) -> None:
    """Return when a file, or the names in a folder, are on disk. Raises OSError."""
    if path.is_dir():
        _fsync_folder(path)
    else:
        _fsync(path)


def name_copy(target: Path) -> Path:
    """Return the path of the copy that is to replace a file, which a dead run may have left."""
    return target.with_name(f".{target.name}.new")


@contextmanager
def copy_beside(source: Path, target: Path, group: int | None = None) -> Iterator[Path]:
    """Copy a file into the folder of `target`, to replace it, and yield the copy.

    It gets the group and the access list that its folder gives to new files, or the given group,
    and nobody but its owner may read it yet. It is removed at the end if it is still there, and so
    is what a dead run left. Raises OSError.
    """
    copy = name_copy(target)
    copy.unlink(missing_ok=True)
    try:
        os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        copy_file(source, copy)
        if group is not None:
            os.chown(copy, -1, group)
        yield copy
    finally:
        copy.unlink(missing_ok=True)


@contextmanager
def tenant_lock(settings: Settings, name: str = "run", wait: float = 0) -> Iterator[None]:
    """Hold one of the tenant's locks; the system releases it if the process dies.

    Raises AlreadyRunning if another process holds it for `wait` seconds, or somewhat longer, as it
    may be one that only looks (`is_running`), and DiskTrouble.
    """
    lock = filelock.FileLock(settings.private / f"{name}.lock", mode=0o600)
    try:
        settings.private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings.private.mkdir(exist_ok=True, mode=0o700)
        lock.acquire(timeout=max(wait, LOOK_SECONDS))
    except filelock.Timeout:
        raise AlreadyRunning(settings.tenant) from None
    except OSError as error:
        raise DiskTrouble(settings.private, error.strerror or str(error)) from None
    try:
        yield
    finally:
        lock.release()


def is_running(settings: Settings, name: str = "run") -> bool:
    """Return whether a run of this tenant is in progress; no file is made to find out.

    Those who look at the same time do not take each other for a run. Raises DiskTrouble.
    """
    try:
        handle = os.open(settings.private / f"{name}.lock", os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        finally:
            os.close(handle)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError as error:
        raise DiskTrouble(settings.private, error.strerror or str(error)) from None
    return False


@contextmanager
def scratch_dir(folder: Path) -> Iterator[Path]:
    """Create an empty folder, without what a dead run left in it, and delete it at the end.

    If it is in a folder under whose name DuckDB or dlt cannot write, one for temporary files takes
    its place. Raises DiskTrouble.
    """
    try:
        folder = folder if is_plain(folder) else _find_plain_folder(folder)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise DiskTrouble(folder, error.strerror or str(error)) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clone(source: Path, target: Path) -> None:
    """Let a file share all blocks of another one. Raises OSError where this is not possible."""
    with source.open("rb") as old, target.open("ab"), target.open("r+b") as new:  # kept, if there
        new.truncate(os.fstat(old.fileno()).st_size)  # XFS refuses if the target is longer
        fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())


def _fsync_folder(folder: Path) -> None:
    """Write the names of a folder to disk, where the file system can."""
    try:
        _fsync(folder)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise


def is_plain(path: Path) -> bool:
    """Return whether DuckDB and dlt can write files below a path, whatever they make of its name.

    DuckDB looks for the write-ahead log elsewhere if a folder has a `?`; dlt does not quote paths.
    """
    return _PLAIN.fullmatch(str(path.absolute())) is not None


def _find_plain_folder(folder: Path) -> Path:
    """Return the path, always the same, of a folder for temporary files. Raises OSError."""
    name = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]
    place = Path(tempfile.gettempdir()) / f"p4books-{os.getuid()}-{name}"
    if not is_plain(place):
        why = "DuckDB cannot write below a folder with such a name; set TMPDIR to one without signs"
        raise OSError(errno.EINVAL, why)
    return place


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
