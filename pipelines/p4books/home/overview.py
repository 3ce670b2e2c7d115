"""What the home has of a tenant, who works for it, and how that compares with this machine."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import SecretStr

from p4books.errors import P4BooksError, UsageError
from p4books.home.errors import UNTOUCHED
from p4books.home.files import LocalState, TenantFiles
from p4books.home.lease import name_tenant_key
from p4books.home.manifest import decode_manifest
from p4books.home.state import hold_state
from p4books.settings import Settings, describe_place
from p4books.storage.files import is_running
from p4books.storage.postgres import connect_postgres
from p4books.storage.shared_tables import SCHEMA, create_shared_tables

_STATE = f"select number, identity, put_by, put_at, manifest from {SCHEMA}.state where tenant = %s"
_HOLDER = f"select holder from {SCHEMA}.lease where tenant = %s and expires_at > clock_timestamp()"


@dataclass(frozen=True)
class HomeOverview:
    """The state of a tenant in its home; None if there is none yet.

    `size` is that of its files in bytes; `holder` is the machine that works for the tenant now;
    `here` says what this machine has: the current state, an older one, one that is newer than what
    the home has, one that was changed, files that were not put yet or are unrelated, or nothing.
    """

    tenant: str
    state: int | None
    put_by: str | None
    put_at: datetime | None
    size: int | None
    holder: str | None
    here: str


def load_overview(settings: Settings) -> HomeOverview:
    """Look at the home of a tenant. Raises UsageError without one, and PostgresTrouble."""
    catalog = _check_home(settings)
    key = name_tenant_key(settings)
    with connect_postgres(catalog, UNTOUCHED) as connection:
        create_shared_tables(connection)
        state = connection.execute(_STATE.encode(), (key,)).fetchone()
        lease = connection.execute(_HOLDER.encode(), (key,)).fetchone()
    number, identity, put_by, put_at, content = state or (None,) * 5
    manifest = decode_manifest(bytes(content)) if content else None
    return HomeOverview(
        settings.tenant,
        number,
        put_by,
        put_at,
        manifest.size if manifest else None,
        lease[0] if lease else None,
        _compare(settings, identity, number or 0),
    )


@dataclass(frozen=True)
class LocalHome:
    """What this machine knows of a tenant's home without asking anybody.

    `state` is the number of the state that it took or put back last, and `state_at` when; both
    None if it never did. `is_held` says whether it works with the state at the moment; if not,
    `is_changed` says whether its files differ from that.
    """

    state: int | None
    state_at: datetime | None
    is_changed: bool
    is_held: bool


def read_local_home(settings: Settings) -> LocalHome | None:
    """Read what this machine knows; None without a home, or if its files may not be read."""
    if not settings.home or not os.access(settings.private, os.R_OK | os.X_OK):
        return None
    files, is_held = TenantFiles(settings), _is_held(settings)
    try:
        memory = files.load_memory()
        at = files.memory.stat().st_mtime if memory.identity else None
        is_changed = not is_held and _is_changed(files, memory)
    except OSError:  # of a spool that another user may not read, or a home that is given up now
        return None
    if is_changed and _is_held(settings):  # by a run that began meanwhile
        is_held, is_changed = True, False
    return LocalHome(
        memory.number if memory.identity else None,
        None if at is None else datetime.fromtimestamp(at, UTC),
        is_changed=is_changed,
        is_held=is_held,
    )


def _is_held(settings: Settings) -> bool:
    try:
        return is_running(settings, "home")
    except P4BooksError:  # who may not open the lock
        return False


def replace_state(settings: Settings) -> None:
    """Make the files of this machine the tenant's state, whatever the home has.

    Raises UsageError without a home or files, and what `hold_state` raises.
    """
    _check_home(settings)
    if not TenantFiles(settings).has_history():
        raise UsageError(
            f"This machine has no files of tenant {settings.tenant} in {settings.private}. "
            "Nothing was changed."
        )
    with hold_state(settings, taking="never"):
        pass


def _check_home(settings: Settings) -> SecretStr:
    if not settings.home or not settings.lake:
        raise UsageError(
            f"Tenant {settings.tenant} has no home: its state is on this machine only. "
            f"{describe_place(settings)} Nothing was changed. To let "
            "several machines run it, set `home` and the `catalog` of `lake`."
        )
    return settings.lake.catalog


def _compare(settings: Settings, identity: str | None, number: int) -> str:
    """Compare the files of this machine with the state in the home; without one it has no identity.

    What is newer there is what the next run takes, what is newer here stops it.
    """
    files = TenantFiles(settings)
    memory = files.load_memory()
    if memory.identity is None:
        if not files.has_history():
            return "nothing"
        return "not put" if identity is None else "unrelated"
    if memory.identity != identity or not memory.is_whole:
        return "newer" if memory.is_whole and number <= memory.number else "older"
    return "changed" if _has_changes(files, memory) else "current"


def _is_changed(files: TenantFiles, memory: LocalState) -> bool:
    """Return whether there are files that the home does not have, as far as this machine knows."""
    if memory.identity is None:
        return files.has_history()
    return not memory.is_whole or _has_changes(files, memory)


def _has_changes(files: TenantFiles, memory: LocalState) -> bool:
    """Return whether files differ from the state that was taken or put, by their marks."""
    if set(files.list_names()) != memory.manifest.files.keys():
        return True
    return any(files.read_mark(name) != mark for name, mark in memory.marks.items())
