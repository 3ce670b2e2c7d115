"""The published file as other programs find it: its place, its permissions, what was done to it.

Most tools open a DuckDB file for writing unless told otherwise. What they write is in the file
itself or in a log beside it, `TENANT.duckdb.wal`, which DuckDB applies to whatever file is there.
So each published file is a new one, renamed into place without a log beside it, and what was
published is remembered: a later run sees if it is still the same.
"""

import grp
import hashlib
import os
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from p4books.errors import (
    P4BooksError,
    PublishedFileBlocked,
    PublishedFileUnreadable,
    SettingsError,
)
from p4books.settings import Settings, split_as_of
from p4books.storage.database import LOGS, borrow_reader, describe_holder
from p4books.storage.files import copy_beside, copy_file, replace_atomically
from p4books.storage.run_log import DAY, PublishedRecord, RunLog

CHECKS = 6  # whether readers can open it, two for each of three new files
_MISSING = "was missing"
REPUBLISH_AFTER = timedelta(hours=1)  # if nothing changed but `verified_at`
PAUSE = 0.3  # seconds in which another program may close the file again


@dataclass(frozen=True)
class FileAccess:
    """Who may read a published file: its mode, and its group; None leaves that to its folder."""

    mode: int
    group: int | None = None


@dataclass(frozen=True)
class FileState:
    """A published file as it is found: what it was made of, and when; None if it can't be read.

    `damage` says what happened to it since it was published, as the rest of a sentence about it;
    None if nothing did.
    """

    made_of: str | None
    published_at: datetime | None
    damage: str | None = None


def find_access(settings: Settings) -> FileAccess:
    """Return who may read the published file. Raises SettingsError about `published_group`."""
    name = settings.published_group
    if name is None:
        return FileAccess(settings.published_mode)
    try:
        group = grp.getgrgid(int(name)).gr_gid if name.isdecimal() else grp.getgrnam(name).gr_gid
    except (KeyError, OverflowError):
        raise _group_error(
            f"there is no group '{name}' on this machine", "a group that exists"
        ) from None
    if os.geteuid() != 0 and group not in {os.getegid(), *os.getgroups()}:
        raise _group_error(
            f"the user of this program is not in the group '{name}'",
            "one of its groups, or add it to the group and log in again",
        )
    return FileAccess(settings.published_mode, group)


def locate_file(file: Path) -> Path:
    """Return where a published file is or will be: if it is a link, where that points.

    Raises PublishedFileBlocked if it points nowhere, or if something other than a file is there,
    and PublishedFileUnreadable if its folder is not accessible.
    """
    try:
        real = Path(os.path.realpath(file, strict=file.is_symlink()))
        is_blocked = real.exists() and not real.is_file()
    except OSError as error:
        raise _location_error(file, error) from None
    if is_blocked:
        kind = "a folder" if real.is_dir() else "not a file"
        raise PublishedFileBlocked(file, f"is {kind}", "Move it elsewhere")
    return real


def replace_published(
    built: Path,
    file: Path,
    access: FileAccess,
    pause: Callable[[float], None] = time.sleep,
) -> PublishedRecord:
    """Replace a published file with a copy of a finished one that readers can open.

    At every instant readers see the old or the new file. What other programs left beside it is
    removed. If one of them gets hold of the new file at once, it is replaced again. Returns what
    to remember of it. Raises PublishedFileBlocked, PublishedFileUnreadable and OSError.
    """
    record = _place_copy(built, file, access)
    for check in range(1, CHECKS):
        problem = _find_problem(file, record)
        if problem is None:
            return record
        pause(PAUSE)
        if check % 2 == 0:  # still: it does not close by itself
            record = _place_copy(built, file, access)
    if problem := _find_problem(file, record):
        raise problem
    return record


def inspect_published(settings: Settings) -> FileState:
    """Look at the published file: what is it, and is it as it was published?

    Costs the same whatever its size, unless it was touched since. One that is not known to be ours
    is as good as none.
    """
    file, record = settings.published, RunLog(settings.run_log).load_published()
    if record is None:
        return FileState(None, None)
    if not file.exists():
        return FileState(None, None, _MISSING)
    try:
        made_of, published_at = read_about(file)
    except PublishedFileUnreadable as error:
        return FileState(None, None, error.why)
    return FileState(made_of, published_at, _describe_changes(file, record))


def describe_changes(
    settings: Settings, file: Path, pause: Callable[[float], None] = time.sleep
) -> str | None:
    """Say that readers of a published file see what another program wrote; None if they do not.

    `file` may be that of a past day, of which only a log beside it is noticed. What a run replaces
    just now is looked at again after a pause.
    """
    for attempt in range(2):
        if attempt:
            pause(PAUSE)
        record = None
        if file == settings.published:
            record = RunLog(settings.run_log).load_published()
        why = _describe_present_changes(file, record)
        if why is None:
            return None
    option = _as_of_option(file)
    run = f"`p4books report{option}`" if option else "the next `p4books sync` or `p4books report`"
    return f"{file} {why}; {run} publishes it again."


def renew_access(settings: Settings, scratch: Path) -> None:
    """Give the published file the group and mode of the settings and its folder, if it has others.

    It is replaced by a copy of itself, and only if it is as it was published. Raises SettingsError
    and what `replace_published` raises.
    """
    log, file, access = RunLog(settings.run_log), settings.published, find_access(settings)
    record = log.load_published()
    if record is None or _describe_changes(file, record):
        return
    real = locate_file(file)
    if record.access == _describe_access(real, access):
        if record.mark != read_mark(real):  # moved, or copied to another disk
            log.save_published(replace(record, mark=read_mark(real)))
        return
    copy = copy_file(real, scratch / "published.duckdb")
    if _read_digest(copy) == record.digest:
        log.save_published(replace_published(copy, file, access))


def describe_damage(file: Path, damage: str) -> str:
    """Say what happened to a published file that was published again."""
    if damage == _MISSING:  # removed, or left behind where its tenant was restored from a backup
        return f"{file} {damage}. It was published again."
    return (
        f"{file} {damage}. It was published again. Open it read-only: what other programs write "
        "into it is lost."
    )


def read_about(file: Path) -> tuple[str | None, datetime | None]:
    """Read what a published file was made of, and when, as a reader that opens it now.

    None if p4books did not make it. Raises PublishedFileUnreadable.
    """
    try:
        with borrow_reader(file) as con:
            return _query_about(con)
    except duckdb.Error as error:
        raise explain_open_error(file, error) from None


def read_picture(file: Path) -> str:
    """Read which books a published file shows, and as of which day.

    That of a file that was published again, with nothing new, is the same. Raises
    PublishedFileUnreadable.
    """
    try:
        with borrow_reader(file) as con:
            row = con.execute("select made_of, as_of_on from about").fetchone()
    except duckdb.Error as error:
        raise explain_open_error(file, error) from None
    return " ".join(map(str, row or ()))


def read_mark(file: Path, *names: str) -> str:
    """Return what changes when a file is written, replaced, or given other permissions."""
    found = file.stat()
    names = names or ("size", "mtime_ns", "ino", "ctime_ns")
    return "".join(f"{name} {getattr(found, f'st_{name}')} " for name in names)


def explain_open_error(file: Path, error: duckdb.Error) -> PublishedFileUnreadable:
    """Say why a published file can't be opened, by which program, and what to do now."""
    again = f"`p4books report{_as_of_option(file)}`"
    text = str(error).splitlines()[0]
    if holder := describe_holder(str(error)):
        why = f"is open for writing in {holder}, so no other program can open it"
        now = f"Close it there, or run {again}, which puts a new file in its place; open that one"
        return PublishedFileUnreadable(file, why, f"{now} read-only.")
    if "Permission denied" in text:
        return _permission_error(file)
    if LOGS[0] in text:
        why = f"has changes of another program beside it, in {file.name}{LOGS[0]}"
        return PublishedFileUnreadable(file, why, f"Run {again}, which removes them.")
    why = f"cannot be opened ({text})"
    return PublishedFileUnreadable(
        file, why, f"The warehouse is not affected. Run {again} to publish the file again."
    )


def _query_about(con: duckdb.DuckDBPyConnection) -> tuple[str | None, datetime | None]:
    try:
        row = con.execute("select made_of, published_at from about").fetchone()
    except (duckdb.CatalogException, duckdb.BinderException):
        return None, None
    return row or (None, None)


def _location_error(file: Path, error: OSError) -> P4BooksError:
    try:
        target = file.readlink()
    except OSError:
        return _permission_error(file)
    why = "does not exist" if isinstance(error, FileNotFoundError) else error.strerror
    return PublishedFileBlocked(
        file,
        f"is a link to {target}, which cannot be used ({why})",
        "Mount the disk it is on, or create an empty file there, or remove the link",
    )


def _permission_error(file: Path) -> PublishedFileUnreadable:
    return PublishedFileUnreadable(
        file,
        "may not be read by this user",
        "Ask whoever runs p4books for access: the settings `published_group` and `published_mode`, "
        "and the permissions of its folder, decide who may read it.",
    )


def _place_copy(built: Path, file: Path, access: FileAccess) -> PublishedRecord:
    real = locate_file(file)
    with copy_beside(built, real, access.group) as copy:
        read_about(copy)
        content, digest = read_mark(copy, "size", "mtime_ns", "ino"), _read_digest(copy)
        _remove_logs(file, real)  # the old file without them is the old picture
        replace_atomically(copy, real, access.mode)
    _remove_spill(file, real)
    _remove_logs(file, real)  # what a program that has the old file open wrote meanwhile
    mark = read_mark(real)
    unchanged = mark.startswith(content)
    return PublishedRecord(mark if unchanged else "", digest, _describe_access(real, access))


def _find_problem(file: Path, record: PublishedRecord) -> PublishedFileUnreadable | None:
    """Return why readers can't open a file that was just published, or don't see what was built."""
    try:
        read_about(file)
    except PublishedFileUnreadable as error:
        return error
    if damage := _describe_changes(file, record):
        return PublishedFileUnreadable(file, damage, "Open it read-only elsewhere, then run again.")
    return None


def _describe_changes(file: Path, record: PublishedRecord) -> str | None:
    """Say what other programs did to a published file; None if nothing."""
    if not file.exists():
        return "was missing"
    for log in _list_logs(file, Path(os.path.realpath(file))):
        return f"had changes of another program beside it, in {log.name}"
    if read_mark(file) != record.mark and _read_digest(file) != record.digest:
        return "was changed or replaced after it was published"
    return None


def _describe_present_changes(file: Path, record: PublishedRecord | None) -> str | None:
    for log in _list_logs(file, Path(os.path.realpath(file))):
        return f"has changes of another program beside it, in {log.name}"
    return _describe_changes(file, record) if record and file.exists() else None


def _read_digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _describe_access(file: Path, access: FileAccess) -> str:
    """Describe who may read a file, and what decides that: settings and its folder."""
    found, folder = file.stat(), file.parent.stat()
    inherits_group = folder.st_mode & stat.S_ISGID or sys.platform == "darwin"
    parts = [
        *(f"{access.mode:o}", access.group, folder.st_gid if inherits_group else None),
        *(_read_acl(file.parent, "default"), f"{found.st_mode:o}", found.st_uid, found.st_gid),
        _read_acl(file, "access"),
    ]
    return " ".join(map(str, parts))


def _read_acl(path: Path, kind: str) -> str:
    """Return an access list, `default` that of a folder for new files; empty if there is none."""
    if sys.platform != "linux":
        return ""
    try:
        return os.getxattr(path, f"system.posix_acl_{kind}").hex()
    except OSError:
        return ""


def _list_logs(file: Path, real: Path) -> list[Path]:
    """List the logs beside a published file, and beside where it points if it is a link."""
    names = [place.with_name(place.name + suffix) for place in (file, real) for suffix in LOGS]
    return [log for log in dict.fromkeys(names) if os.path.lexists(log)]


def _remove_logs(file: Path, real: Path) -> None:
    """Remove what other programs wrote beside a published file. Raises PublishedFileBlocked."""
    for log in _list_logs(file, real):
        is_folder = log.is_dir() and not log.is_symlink()
        try:
            if is_folder:
                log.rmdir()
            else:
                log.unlink(missing_ok=True)
        except OSError as error:
            kind = " is a folder that" if is_folder else ""
            why = f"cannot be opened: {log.name} beside it{kind} cannot be removed"
            raise PublishedFileBlocked(
                file, f"{why} ({error.strerror})", f"Move {log.name} elsewhere"
            ) from None


def _remove_spill(file: Path, real: Path) -> None:
    """Remove what queries of readers that were killed left on disk, and nothing recent."""
    for folder in {place.with_name(f"{place.name}.tmp") for place in (file, real)}:
        for spill in folder.glob("duckdb_temp_*"):
            with suppress(OSError):
                if time.time() - spill.stat().st_mtime > DAY:
                    spill.unlink()
        with suppress(OSError):
            folder.rmdir()


def _as_of_option(file: Path) -> str:
    """Return the option with which `report` publishes a file again."""
    _, day = split_as_of(file)
    return f" --as-of {day}" if day else ""


def _group_error(why: str, remedy: str) -> SettingsError:
    return SettingsError(
        f"The setting published_group is invalid: {why}. Set it to {remedy}. Nothing was done."
    )
