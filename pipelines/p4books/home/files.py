"""The files of a tenant that its home has, as they lie on this machine."""

import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from p4books.errors import DiskTrouble
from p4books.home.manifest import Manifest
from p4books.settings import Settings
from p4books.storage.database import LOGS
from p4books.storage.files import replace_atomically
from p4books.storage.sqlite_copy import copy_sqlite

PUBLISHED = "published.duckdb"  # the published file's name in a state
_SQLITE_LOGS = ("-wal", "-journal")
_SQLITE_SIDES = (*_SQLITE_LOGS, "-shm")
# A file that was written later than so long ago may be written again under the same time: the
# second is for file systems that know no fractions of a second.
SETTLED_NS = 50 * 10**6, 2 * 10**9


class LocalState(msgspec.Struct, frozen=True):
    """What this machine remembers of a tenant's home.

    `seed` is random, of this folder. `identity` and `number` are those of the state from which the
    files come, with its manifest; None and 0 without one. `is_whole` is false while its files are
    put in place. `marks` change when a file does that was as in the manifest.
    """

    seed: str
    identity: str | None = None
    number: int = 0
    manifest: Manifest = Manifest()
    marks: dict[str, str] = {}
    is_whole: bool = True


# Made once: msgspec crashes if several threads are the first to decode the same type.
_DECODER = msgspec.msgpack.Decoder(LocalState)


class TenantFiles:
    """The files of a tenant by the names that they have in a state."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._private = settings.private
        self._databases = {
            path.name: path for path in (settings.run_log, settings.alert_log, settings.ledger)
        }

    @property
    def memory(self) -> Path:
        """The file in which this machine remembers the tenant's home."""
        return self._private / "home.msgpack"

    @contextmanager
    def open_scratch(self) -> Iterator[Path]:
        """Make an empty folder on the disk of the files, and delete it at the end. Raises OSError.

        Nobody but this module writes into it, so that its path may have any signs.
        """
        folder = self._settings.scratch("home")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def has_history(self) -> bool:
        """Return whether there is what no other machine could copy again: versions, or pushes."""
        settings = self._settings
        kept = settings.generations.glob("warehouse-*.duckdb")
        return settings.warehouse.exists() or settings.ledger.exists() or any(kept)

    def list_names(self) -> list[str]:
        """Return the names of the files that are there. Raises OSError."""
        settings = self._settings
        below = (settings.spool, settings.generations)
        files = [path for folder in below for path in _list_files(folder)]
        singles = (settings.warehouse, *self._databases.values())
        files += [path for path in singles if path.is_file()]
        names = [path.relative_to(self._private).as_posix() for path in files]
        return sorted([*names, *([PUBLISHED] if settings.published.is_file() else [])])

    def locate(self, name: str) -> Path:
        """Return the path of a file. Raises ValueError for a name that no state has."""
        if name == PUBLISHED:
            return Path(os.path.realpath(self._settings.published))
        path = self._private / name
        if os.path.normpath(name) != name or name.startswith(("/", "..")):
            raise ValueError(name)
        return path

    def read_mark(self, name: str) -> str:
        """Return what changes when a file does; empty if it is missing. Raises OSError.

        SQLite makes an empty log and writes its index even if a database is only read.
        """
        sides = _SQLITE_LOGS if name in self._databases else ()
        path = self.locate(name)
        marks = []
        for each in (path, *(path.with_name(path.name + side) for side in sides)):
            with suppress(FileNotFoundError):
                found = each.stat()
                if found.st_size or each == path:
                    marks.append(f"{found.st_size} {found.st_mtime_ns} {found.st_ino}")
        return ", ".join(marks)

    def freeze(self, name: str, scratch: Path) -> Path:
        """Return a file that does not change while it is read: that itself, or a copy of it.

        Raises OSError, and DiskTrouble if a database is damaged.
        """
        path = self.locate(name)
        if name not in self._databases:
            return path
        try:
            return copy_sqlite(path, scratch / name)
        except sqlite3.Error as error:
            raise DiskTrouble(path, str(error)) from None

    def place(self, name: str, new: Path, written_ns: int) -> None:
        """Put a finished file in its place, as one that was written then. Raises OSError.

        Who may read the published file may read the new one; a run sets what the settings want.
        """
        path, mode = self.locate(name), 0o600
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if name == PUBLISHED:
            mode = self._settings.published_mode
            with suppress(FileNotFoundError):
                os.chown(new, -1, path.stat().st_gid)
        os.utime(new, ns=(written_ns, written_ns))
        self._remove_sides(name)
        replace_atomically(new, path, mode)

    def remove(self, name: str) -> None:
        """Remove a file. Raises OSError."""
        self.locate(name).unlink(missing_ok=True)
        self._remove_sides(name)

    def load_memory(self) -> LocalState:
        """Return what this machine remembers; nothing if it never took or put anything."""
        with suppress(OSError, msgspec.DecodeError):
            return _DECODER.decode(self.memory.read_bytes())
        return LocalState(secrets.token_hex(16))

    def save_memory(self, memory: LocalState) -> None:
        """Remember; it is on disk when this returns. Raises OSError."""
        new = self.memory.with_name(f".{self.memory.name}.new")
        new.write_bytes(msgspec.msgpack.encode(memory))
        replace_atomically(new, self.memory, 0o600)

    def list_marks(self, names: Iterable[str], now_ns: int) -> dict[str, str]:
        """Return the marks of files that would change with them.

        Not of one that was written just now (`now_ns`, in nanoseconds since 1970): it may be
        written again within the same tick of the clock.
        """
        marks = {}
        for name in names:
            with suppress(OSError):
                written_ns = self.locate(name).stat().st_mtime_ns
                if written_ns < now_ns - SETTLED_NS[written_ns % 10**9 == 0]:
                    marks[name] = self.read_mark(name)
        return marks

    def _remove_sides(self, name: str) -> None:
        path = self.locate(name)
        for side in _SQLITE_SIDES if name in self._databases else LOGS:
            path.with_name(path.name + side).unlink(missing_ok=True)


def _list_files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, of which a run may be deleting some. Raises OSError."""

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for where, _, names in os.walk(folder, onerror=refuse):
        yield from (path for path in (Path(where, name) for name in names) if path.is_file())
