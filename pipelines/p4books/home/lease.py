"""Leases in Postgres: one holder of a tenant at a time, over all machines.

A lease has a token, which grows with each holder, and expires by the clock of Postgres unless its
holder renews it. Whoever must not act after losing it asks `is_mine`, or makes a condition of it
in the same transaction (`LEASE_IS_MINE`).
"""

import hashlib
import logging
import os
import platform
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from p4books.errors import AlreadyRunning, P4BooksError
from p4books.home.errors import NOT_PUT, UNTOUCHED, LeaseLost
from p4books.settings import Settings
from p4books.storage.postgres import connect_postgres
from p4books.storage.shared_tables import SCHEMA, create_shared_tables

if TYPE_CHECKING:
    import psycopg
    from pydantic import SecretStr

LEASE_SECONDS = 90.0  # after which another machine may take over from one that is dead
RENEW_SECONDS = 20.0  # between two renewals
RETRY_SECONDS = 2.0  # after a renewal that failed
BRIEF_SECONDS = 60.0  # that a run waits for the end of what takes a moment
BRIEF = ("alerts", "check", "refresh")  # purposes that take a moment
_MACHINE_ID = Path("/etc/machine-id")  # clones may share it, and the name of the host
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # another one after each start of the kernel

# A condition of statements, with the parameters of `Lease.identity`.
LEASE_IS_MINE = "tenant = %s and token = %s and nonce = %s and expires_at > clock_timestamp()"

_ACQUIRE = f"""
insert into {SCHEMA}.lease as lease
    (tenant, token, nonce, holder, purpose, folder, expires_at)
values (%s, 1, %s, %s, %s, %s, clock_timestamp() + make_interval(secs => %s))
on conflict (tenant) do update set
    token = lease.token + 1, nonce = excluded.nonce, holder = excluded.holder,
    purpose = excluded.purpose, folder = excluded.folder, expires_at = excluded.expires_at
where lease.expires_at <= clock_timestamp() or lease.folder = excluded.folder
returning token
""".encode()
_RENEW = f"""
update {SCHEMA}.lease set expires_at = clock_timestamp() + make_interval(secs => %s)
where {LEASE_IS_MINE}
""".encode()
_RELEASE = f"update {SCHEMA}.lease set expires_at = '-infinity' where {LEASE_IS_MINE}".encode()
_LOOK = f"select 1 from {SCHEMA}.lease where {LEASE_IS_MINE}".encode()
_HOLDER = f"select holder, purpose from {SCHEMA}.lease where tenant = %s".encode()


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Claim:
    """Who asks for a lease: for which tenant, for what, and with which folder of its files.

    `folder` identifies that folder over all machines. Whoever asks has its lock, so that an earlier
    holder with the same folder is dead, and need not be waited for.
    """

    catalog: "SecretStr"
    tenant: str
    purpose: str
    folder: str

    @classmethod
    def of(cls, settings: Settings, purpose: str, seed: str) -> "Claim":
        """Make the claim of a tenant's settings; `seed` is random, of the folder's own."""
        assert settings.lake is not None  # noqa: S101 - the settings see to it
        folder = identify_folder(settings.private, seed)
        return cls(settings.lake.catalog, name_tenant_key(settings), purpose, folder)


class Lease:
    """A lease of a tenant, renewed by a thread until it is released or lost."""

    def __init__(self, claim: Claim, token: int, nonce: str, asked_at: float) -> None:
        self.token = token
        self.identity = (claim.tenant, token, nonce)
        self._claim = claim
        self._lost: str | None = None
        self._valid_until = asked_at + LEASE_SECONDS
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="p4books-lease", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """A name that no other holder of any lease of the tenant has; they sort by token."""
        return f"{self.token:010}-{self.identity[2]}"

    def check(self, left: str = NOT_PUT) -> None:
        """Raise LeaseLost if the lease is known to be lost or was not renewed in time.

        `left` says what became of the work. Asks nobody: it costs nothing.
        """
        if self._lost is None and _now() > self._valid_until:
            self._lost = f"its lease was not renewed for {LEASE_SECONDS:.0f} s"
        if self._lost is not None:
            raise LeaseLost(self._claim.tenant, self._lost, left)

    def confirm(self, left: str = NOT_PUT) -> None:
        """Ask Postgres whether this holder still has the lease, and raise LeaseLost if not.

        Raises PostgresTrouble.
        """
        with connect_postgres(self._claim.catalog, left) as connection:
            if connection.execute(_LOOK, self.identity).fetchone() is None:
                raise self.describe_loss(connection, left)

    def is_mine(self) -> bool:
        """Ask Postgres whether this holder still has the lease. Raises PostgresTrouble."""
        with connect_postgres(self._claim.catalog, NOT_PUT) as connection:
            return connection.execute(_LOOK, self.identity).fetchone() is not None

    def describe_loss(self, connection: "psycopg.Connection", left: str = NOT_PUT) -> LeaseLost:
        """Say why the lease is no longer valid, now that a statement found that."""
        row = connection.execute(_HOLDER, (self._claim.tenant,)).fetchone()
        holder = row[0] if row else "nobody"
        self._lost = f"its lease expired, and was last given to {holder}"
        return LeaseLost(self._claim.tenant, self._lost, left)

    def release(self) -> None:
        """Let others have the lease; one that is lost is left to whoever has it."""
        self._ended.set()
        with suppress(P4BooksError), connect_postgres(self._claim.catalog, NOT_PUT) as connection:
            connection.execute(_RELEASE, self.identity)
        self._thread.join(RETRY_SECONDS)
        log.debug("lease released")

    def _keep(self) -> None:
        pause = RENEW_SECONDS
        while not self._ended.wait(pause):
            asked_at = _now()
            try:
                with connect_postgres(self._claim.catalog, NOT_PUT) as connection:
                    if connection.execute(_RENEW, (LEASE_SECONDS, *self.identity)).rowcount == 0:
                        self.describe_loss(connection)
                        return
            except P4BooksError:  # Postgres may come back in time
                pause = RETRY_SECONDS
                continue
            self._valid_until = asked_at + LEASE_SECONDS
            pause = RENEW_SECONDS


@contextmanager
def hold_lease(claim: Claim, wait: float = 0.0) -> Iterator[Lease]:
    """Hold the lease of a tenant. Raises AlreadyRunning if another machine does for `wait` seconds.

    If that takes only a moment, it is waited for. Raises PostgresTrouble and SharedTablesTooNew.
    """
    lease = _acquire(claim, wait)
    try:
        yield lease
    finally:
        lease.release()


def name_tenant_key(settings: Settings) -> str:
    """Return the name under which a tenant is known in Postgres and in its home."""
    return settings.tenant.casefold()


def identify_folder(folder: Path, seed: str, boot_id: Path = BOOT_ID) -> str:
    """Return what no other folder on any machine has in common with this one.

    A copy of it, on this machine or another one, has another identity; also on a clone of this
    machine, which was started by itself. `seed` is random.
    """
    found = folder.stat()
    machine = [platform.node(), _read_line(_MACHINE_ID), _read_line(boot_id)]
    parts = [seed, *machine, str(folder.resolve())]
    text = "\n".join([*parts, str(found.st_dev), str(found.st_ino)])
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:32]


def name_holder(boot_id: Path = BOOT_ID) -> str:
    """Return a name of this process, which differs from those on other machines and on clones.

    Containers of one host that have the same name may have the same numbers of processes, too.
    """
    started = _read_line(boot_id)[:8]
    parts = [f"boot {started}"] * bool(started) + [f"process {os.getpid()}"]
    return f"{platform.node()} ({', '.join(parts)})"


def _acquire(claim: Claim, wait: float) -> Lease:
    nonce, holder = secrets.token_hex(8), name_holder()
    began_at = _now()
    while True:
        asked_at = _now()
        with connect_postgres(claim.catalog, UNTOUCHED) as connection:
            create_shared_tables(connection)
            values = (claim.tenant, nonce, holder, claim.purpose, claim.folder, LEASE_SECONDS)
            if row := connection.execute(_ACQUIRE, values).fetchone():
                log.debug("lease %d acquired", row[0])
                return Lease(claim, row[0], nonce, asked_at)
            other, purpose = connection.execute(_HOLDER, (claim.tenant,)).fetchone() or ("", "")
        patience = max(wait, BRIEF_SECONDS if purpose in BRIEF else 0.0)
        if _now() - began_at >= patience:
            raise AlreadyRunning(claim.tenant, other)
        time.sleep(0.5)


def _now() -> float:
    """Return seconds that also pass while the machine sleeps, and that nobody can set."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


def _read_line(file: Path) -> str:
    """Return what a file of the system says; nothing if this system has no such file."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
