"""Holding a tenant's state: taken from its home under a lease, and put back, whole or not at all.

The home has the files in objects that are never written again; which of them make up the state is
a row in Postgres. That row is replaced by one statement, which has the lease as its condition, so
that whoever lost it can put nothing back. The first file to read.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from p4books.errors import AlreadyRunning, DiskTrouble, P4BooksError
from p4books.home.errors import (
    NOT_PUT,
    UNTOUCHED,
    HomeMissing,
    LeaseLost,
    StateDamaged,
    StateMissing,
    StateNotPut,
    StateTooNew,
    StateTorn,
    StateUnrelated,
)
from p4books.home.files import PUBLISHED, LocalState, TenantFiles
from p4books.home.lease import (
    BRIEF_SECONDS,
    LEASE_IS_MINE,
    Claim,
    Lease,
    hold_lease,
    name_tenant_key,
)
from p4books.home.manifest import Manifest, decode_manifest, encode_manifest, hash_chunks
from p4books.home.transfer import DamagedObject, Downloader, Uploader, locate_local_chunks
from p4books.settings import Settings
from p4books.storage.files import tenant_lock
from p4books.storage.interrupt import is_stop_requested
from p4books.storage.places import Place, open_folder, open_place
from p4books.storage.postgres import PostgresTrouble, connect_postgres
from p4books.storage.shared_tables import SCHEMA

RETRIED_SECONDS = 30.0  # that a Postgres which restarts may take at the end of a run
EXTRA = "lake"  # with which the packages for other storages are installed

_LOOK = f"""
select identity, number, put_by, to_char(put_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS UTC')
from {SCHEMA}.state where tenant = %s
""".encode()
_LOAD = f"select manifest from {SCHEMA}.state where tenant = %s and identity = %s".encode()
_PUT = f"""
with mine as (select tenant, holder from {SCHEMA}.lease where {LEASE_IS_MINE} for update)
insert into {SCHEMA}.state as state (tenant, identity, number, home, manifest, put_by, put_at)
select tenant, %s, %s, %s, %s, holder, clock_timestamp() from mine
on conflict (tenant) do update set
    identity = excluded.identity, number = excluded.number, home = excluded.home,
    manifest = excluded.manifest, put_by = excluded.put_by, put_at = excluded.put_at
returning identity
""".encode()

Taking = Literal["always", "if_whole", "never"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HeldState:
    """A tenant's state while this process may change it, alone over all machines."""

    lease: Lease | None = None

    def check(self) -> None:
        """Raise LeaseLost if this process is known to hold the state no longer; asks nobody."""
        if self.lease:
            self.lease.check()

    def is_mine(self) -> bool:
        """Return whether this process still holds the state, by asking. Raises PostgresTrouble."""
        return self.lease is None or self.lease.is_mine()


@contextmanager
def hold_state(
    settings: Settings,
    name: str = "run",
    wait: float = 0,
    on_not_put: Callable[[StateNotPut], None] | None = None,
    taking: Taking = "always",
) -> Iterator[HeldState]:
    """Hold a tenant's lock called `name`, and its state if it has a home.

    Then the files are brought up to date first, and put back at the end, also after an error, but
    not if the process is interrupted. `taking` says whether they are brought up to date; if they
    are not, those of this machine become the state. Raises AlreadyRunning if another process has
    the lock, or another machine the lease, for `wait` seconds; what keeps the state from being
    taken, with nothing changed; and StateNotPut at the end unless `on_not_put` is called with it.
    """
    with tenant_lock(settings, name, wait):
        if not settings.home or settings.members:  # the file of a group is made on each machine
            with _without_home(settings, taking):
                yield HeldState()
            return
        home_wait = max(wait, BRIEF_SECONDS)
        with _hold_home(settings, name, (home_wait, wait), on_not_put, taking) as state:
            yield state


@contextmanager
def _hold_home(
    settings: Settings,
    name: str,
    waits: tuple[float, float],
    on_not_put: Callable[[StateNotPut], None] | None,
    taking: Taking,
) -> Iterator[HeldState]:
    """Hold the state in its home; `waits` are seconds, for others of this machine, and for all."""
    with tenant_lock(settings, "home", waits[0]):
        home = _Home(settings)
        with home.hold(name, waits[1]) as lease:
            home.take(lease, taking)
            with _putting(home, lease, on_not_put):
                yield HeldState(lease)


@contextmanager
def hold_if_possible(settings: Settings, name: str, wait: float) -> Iterator[None]:
    """Hold a tenant's state as `hold_state` does; only the files of this machine, if that fails.

    These also while a run has the state, so that one that hangs is found: at once if there is
    nothing newer, else after `wait` seconds. Raises AlreadyRunning if another process has the lock
    for that long, or is putting the files in place, and DiskTrouble.
    """
    with tenant_lock(settings, name, wait), ExitStack() as stack:
        if settings.home and not settings.members:
            try:
                _enter_home(stack, settings, name, wait)
            except AlreadyRunning:
                if not TenantFiles(settings).load_memory().is_whole:
                    raise
            except P4BooksError as error:
                log.info("%s", error)
        yield


def _enter_home(stack: ExitStack, settings: Settings, name: str, wait: float) -> None:
    """Hold the state until the stack ends, unless it is held and this machine has the newest.

    Raises what `hold_state` raises.
    """
    tries_until = time.monotonic() + wait
    while True:
        try:
            stack.enter_context(_hold_home(settings, name, (0, 0), _log_not_put, "always"))
        except AlreadyRunning:
            if _has_newest(settings):
                return
            if time.monotonic() >= tries_until:
                raise
            time.sleep(0.5)
        else:
            return


def _has_newest(settings: Settings) -> bool:
    """Return whether the files come from the state in the home. Raises PostgresTrouble."""
    home = _Home(settings)
    found = home.look()
    return home.memory.is_whole and home.memory.identity == (found.identity if found else None)


def check_whole(settings: Settings) -> None:
    """Raise StateTorn if taking the files of this machine from a home was interrupted."""
    if not TenantFiles(settings).load_memory().is_whole:
        raise StateTorn(settings)


@contextmanager
def _without_home(settings: Settings, taking: Taking) -> Iterator[None]:
    """Refuse what a home, used before, left half in place; a restore makes it whole."""
    if taking == "always":
        check_whole(settings)
    yield
    files = TenantFiles(settings)
    if not files.load_memory().is_whole:
        files.memory.unlink()


def _log_not_put(fault: StateNotPut) -> None:
    log.info("%s", fault)


def refresh_state(settings: Settings, wait: float = BRIEF_SECONDS) -> None:
    """Bring the files of this machine up to date, if the tenant has a home.

    Raises what `hold_state` raises.
    """
    if settings.home and not settings.members:
        with hold_state(settings, "refresh", wait):
            pass


def refresh_to_copy(settings: Settings) -> None:
    """Bring the files up to date as `refresh_state` does, or leave them to the run that has them.

    Raises AlreadyRunning if another machine has newer ones, or this one is still taking them.
    """
    if settings.home and not settings.members:
        with tenant_lock(settings, "refresh", BRIEF_SECONDS), ExitStack() as stack:
            _enter_home(stack, settings, "refresh", BRIEF_SECONDS)


@contextmanager
def _putting(
    home: "_Home", lease: Lease, on_not_put: Callable[[StateNotPut], None] | None
) -> Iterator[None]:
    try:
        yield
    except LeaseLost as loss:
        raise home.explain_loss(loss) from None
    except Exception:
        is_fit = home.memory.is_whole and not is_stop_requested()
        fault = home.try_put(lease) if is_fit else None
        if fault:
            log.warning("%s", fault)
        raise
    if fault := home.try_put(lease):
        if on_not_put is None:
            raise fault
        on_not_put(fault)


@dataclass(frozen=True)
class _Found:
    """What Postgres has of a tenant; `put` says by whom and when it was put."""

    identity: str
    number: int
    put: str


@dataclass
class _Home:
    """The home of one tenant, and its files on this machine."""

    settings: Settings
    files: TenantFiles = field(init=False)
    memory: LocalState = field(init=False)
    number: int = 0
    is_forced: bool = False

    def __post_init__(self) -> None:
        self.tenant = name_tenant_key(self.settings)
        self.files = TenantFiles(self.settings)
        self.memory = self.files.load_memory()

    @contextmanager
    def hold(self, purpose: str, wait: float) -> Iterator[Lease]:
        """Hold the lease; the folder's identity is on disk before."""
        with self._translate_errors():
            if not self.files.memory.exists():
                self.files.save_memory(self.memory)
        with hold_lease(Claim.of(self.settings, purpose, self.memory.seed), wait) as lease:
            yield lease

    def take(self, lease: Lease, taking: Taking = "always") -> None:
        """Bring the files of this machine up to date. Raises P4BooksError, with nothing changed."""
        found = self.look()
        self.number = max(self.memory.number, found.number if found else 0)
        log.debug("state %d looked up", self.number)
        self.is_forced = taking == "never"
        if self.is_forced and not self.memory.is_whole:
            raise StateTorn(self.settings)
        if self.is_forced:
            return
        if not self._must_download(found):
            if found:
                self._check_place(found, self.memory.manifest)
            return
        try:
            self._download_state(found, lease)
        except StateDamaged as error:
            if taking == "always":
                raise
            log.warning("%s", error)

    def _download_state(self, found: _Found | None, lease: Lease) -> None:
        assert found is not None  # noqa: S101 - there is something to download
        manifest = self._load_manifest(found)
        self._check_place(found, manifest)
        with self._translate_errors(), self.files.open_scratch() as scratch:
            log.debug("taking state %d", found.number)
            new = self._download(found, manifest, lease, scratch)
            log.debug("files put together")
            self._replace(found, manifest, new)
        log.info("state %d taken: %d files", found.number, len(new))

    def _download(
        self, found: _Found, manifest: Manifest, lease: Lease, scratch: Path
    ) -> dict[str, Path]:
        """Put together the files that this machine has not; return their paths by name."""
        frozen = {}
        for name in self.files.list_names():
            with suppress(DiskTrouble):  # a damaged database gives way to that of the home
                frozen[name] = self.files.freeze(name, scratch)
        present = {name: hash_chunks(path) for name, path in frozen.items()}
        self._warn_of_changes(present, found, manifest)
        wanted = [name for name, file in manifest.files.items() if present.get(name) != file.chunks]
        open_objects = partial(self._open_place, UNTOUCHED)
        downloader = Downloader(open_objects, self.tenant, manifest)
        local = locate_local_chunks(present, frozen)
        try:
            return downloader.download(wanted, local, scratch, partial(lease.check, UNTOUCHED))
        except DamagedObject as damage:
            lease.confirm(UNTOUCHED)  # else whoever has it now deleted what it needs no longer
            raise StateDamaged(self.settings.tenant, str(damage), found.put) from None

    def try_put(self, lease: Lease) -> StateNotPut | None:
        """Put the files back; return why that failed, None if it did not."""
        try:
            self.put(lease)
        except LeaseLost as loss:
            return StateNotPut(self.explain_loss(loss))
        except P4BooksError as error:
            return StateNotPut(error)
        return None

    def explain_loss(self, loss: LeaseLost) -> LeaseLost:
        """Return a loss that says what gives way to another state, if there is one by now."""
        try:
            found = self.look()
        except P4BooksError:
            return loss
        if found is None or found.identity == self.memory.identity:
            return loss
        left = f"What was done here gives way to state {found.number} of {found.put}."
        return LeaseLost(loss.tenant, loss.why, left)

    def put(self, lease: Lease) -> None:
        """Put the files back, whole or not at all. Raises P4BooksError."""
        if self.settings.restoring.exists():  # its files are half in place
            return
        with self._translate_errors():
            names = self.files.list_names()
            before = self.memory.manifest
            clean = {
                name
                for name, mark in self.memory.marks.items()
                if name in before.files and name in names and self.files.read_mark(name) == mark
            }
            if not self.is_forced and self._is_unchanged(names, clean):
                return
            lease.check()
            marks = self.files.list_marks(names, time.time_ns())
            if manifest := self._extend_manifest(names, clean):
                self._put_manifest(lease, manifest, marks)
                return
            place = self._open_place(NOT_PUT)
            sizes = place.list_files(self.tenant)
            kept = before.keep_useful(sizes)
            uploader = Uploader(place, self.tenant, lease.name, kept, lease.check)
            present = {digest for chunks in kept.values() for digest, _ in chunks}
            for name in clean:
                if present.issuperset(before.files[name].chunks):
                    uploader.files[name] = before.files[name]
            with self.files.open_scratch() as scratch:
                missing = [name for name in names if name not in uploader.files]
                manifest = uploader.upload(self._list_sources(missing, scratch))
            log.debug("objects are there")
            self._put_manifest(lease, manifest, marks)
            self._delete_unused(place, sizes, manifest, lease)

    def _put_manifest(self, lease: Lease, manifest: Manifest, marks: dict[str, str]) -> None:
        identity, number = f"{lease.name}-{secrets.token_hex(4)}", self.number + 1
        self._replace_row(lease, identity, number, manifest)
        log.debug("row replaced")
        self._remember(identity, number, manifest, marks)
        log.info("state %d put back", number)

    def _extend_manifest(self, names: list[str], clean: set[str]) -> Manifest | None:
        """Return the manifest of the files if what changed is little enough to be in it.

        Then the storage need not be asked. None if it is not, or must be.
        """
        if not self.memory.identity or self.is_forced:
            return None
        before = self.memory.manifest
        sizes = {name: self.files.locate(name).stat().st_size for name in set(names) - clean}
        changed = sorted(sizes, key=lambda name: sizes[name])
        files = {name: before.files[name] for name in clean}
        with self.files.open_scratch() as scratch:
            return before.extend(files, self._list_sources(changed, scratch))

    def _is_unchanged(self, names: list[str], clean: set[str]) -> bool:
        """Return whether all files are as in the state that was taken or put last."""
        before = self.memory.manifest.files
        if not self.memory.identity or set(names) != before.keys():
            return False
        with self.files.open_scratch() as scratch:
            return all(
                hash_chunks(self.files.freeze(name, scratch)) == before[name].chunks
                for name in sorted(set(names) - clean, key=lambda name: before[name].size)
            )

    def _list_sources(self, names: list[str], scratch: Path) -> Iterator[tuple[str, Path, int]]:
        for name in names:
            written_ns = self.files.locate(name).stat().st_mtime_ns
            yield name, self.files.freeze(name, scratch), written_ns

    def look(self) -> _Found | None:
        """Return what Postgres has of the tenant. Raises PostgresTrouble."""
        with connect_postgres(self._catalog, UNTOUCHED) as connection:
            row = connection.execute(_LOOK, (self.tenant,)).fetchone()
        return _Found(row[0], row[1], f"{row[2]}, {row[3]}") if row else None

    def _must_download(self, found: _Found | None) -> bool:
        """Return whether the home has another state than this machine.

        Raises StateMissing, StateUnrelated.
        """
        memory, tenant = self.memory, self.settings.tenant
        if found is None:
            if memory.identity:
                raise StateMissing(tenant, memory.number, "none")
            return False
        if found.identity == memory.identity:
            return not memory.is_whole
        if memory.identity is None and self.files.has_history():
            raise StateUnrelated(tenant, self.settings.private, found.put)
        if memory.identity and memory.is_whole and found.number <= memory.number:
            raise StateMissing(tenant, memory.number, f"state {found.number} of {found.put}")
        return True

    def _load_manifest(self, found: _Found) -> Manifest:
        with connect_postgres(self._catalog, UNTOUCHED) as connection:
            row: Any = connection.execute(_LOAD, (self.tenant, found.identity)).fetchone()
        try:
            manifest = decode_manifest(bytes(row[0])) if row else None
            for name in manifest.files if manifest else ():
                self.files.locate(name)
        except ValueError:  # it has been changed by somebody else
            raise StateDamaged(self.settings.tenant, "its list of files", found.put) from None
        if manifest is None:
            raise StateTooNew(self.settings.tenant)
        return manifest

    def _check_place(self, found: _Found, manifest: Manifest) -> None:
        """Raise HomeMissing if the objects of a state lack their folder; no URL is asked.

        Else the next one to put would make it, on the disk below a storage that is not mounted.
        """
        place = open_folder(self.settings.home or "", UNTOUCHED)
        if manifest.objects and place and not place.has_folder(self.tenant):
            raise HomeMissing(self.settings.tenant, place.locate(self.tenant), found.put)

    def _replace(self, found: _Found, manifest: Manifest, new: dict[str, Path]) -> None:
        """Put the files in place; until all are, this machine remembers that they are not."""
        memory = LocalState(self.memory.seed, found.identity, found.number, is_whole=False)
        self.files.save_memory(memory)
        self.memory = memory
        log.debug("files are put in place")
        for name in self.files.list_names():
            if name not in manifest.files and name != PUBLISHED:
                self.files.remove(name)
        for name, path in new.items():
            self.files.place(name, path, manifest.files[name].written_ns)
            log.debug("%s is in place", name)
        marks = self.files.list_marks(list(manifest.files), time.time_ns())
        self._remember(found.identity, found.number, manifest, marks)

    def _remember(
        self, identity: str, number: int, manifest: Manifest, marks: dict[str, str]
    ) -> None:
        self.memory = LocalState(self.memory.seed, identity, number, manifest, marks)
        self.files.save_memory(self.memory)

    def _replace_row(self, lease: Lease, identity: str, number: int, manifest: Manifest) -> None:
        """Make a manifest the tenant's state, if the lease is still ours. Raises LeaseLost."""
        values = (identity, number, self.settings.home, encode_manifest(manifest))
        tries_until = time.monotonic() + RETRIED_SECONDS
        while True:
            lease.check()
            try:
                with connect_postgres(self._catalog, NOT_PUT) as connection:
                    if connection.execute(_PUT, (*lease.identity, *values)).fetchone():
                        return
                    raise lease.describe_loss(connection)
            except PostgresTrouble:  # whether it was done or not, it may be done again
                if time.monotonic() > tries_until:
                    raise
                time.sleep(1)

    def _delete_unused(
        self, place: Place, sizes: dict[str, int], manifest: Manifest, lease: Lease
    ) -> None:
        """Delete objects of this and earlier holders that are in use no longer."""
        ours = re.compile(r"\.?(\d{10})-[0-9a-f]{16}-\d+")  # with a dot, if it was not finished
        tokens = {name: int(match[1]) for name in sizes if (match := ours.fullmatch(name))}
        unused = [
            name
            for name, token in tokens.items()
            if name not in manifest.objects and token <= lease.token
        ]
        try:
            place.delete(self.tenant, unused)
        except P4BooksError as error:  # the next one to put does
            log.info("%s", error)

    def _warn_of_changes(
        self, present: dict[str, tuple[bytes, ...]], found: _Found, manifest: Manifest
    ) -> None:
        """Say that something done on this machine gives way because it was never put back."""
        before = self.memory.manifest.files
        if not self.memory.is_whole or not before:
            return
        if present == {name: file.chunks for name, file in manifest.files.items()}:
            return  # this machine put it, and was killed before it remembered that
        unchecked = {PUBLISHED, self.settings.alert_log.name}  # nothing in them is lost
        if any(before[name].chunks != present.get(name) for name in before.keys() - unchecked):
            log.warning(
                "What was done on this machine after state %d was never put back, and gives way "
                "to state %d of %s.",
                *(self.memory.number, found.number, found.put),
            )

    def _open_place(self, left: str) -> Place:
        return open_place(self.settings.home or "", left, EXTRA)

    @property
    def _catalog(self) -> Any:
        assert self.settings.lake is not None  # noqa: S101 - the settings see to it
        return self.settings.lake.catalog

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            path = error.filename or self.settings.private
            raise DiskTrouble(path, error.strerror or str(error)) from None
