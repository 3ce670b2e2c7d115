"""Leases: one holder over all machines, by the clock of Postgres."""

import os
import platform
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.postgres import PostgresServer

from p4books.errors import AlreadyRunning
from p4books.home.errors import LeaseLost
from p4books.home.lease import RENEW_SECONDS, Claim, Lease, hold_lease, identify_folder, name_holder
from p4books.storage.postgres import connect_postgres
from p4books.storage.shared_tables import SCHEMA

SOON = RENEW_SECONDS + 10  # seconds until a renewal was tried


def expire(catalog: SecretStr) -> None:
    """Let the time pass after which a lease expires."""
    with connect_postgres(catalog, "") as connection:
        connection.execute(f"update {SCHEMA}.lease set expires_at = now()".encode())


def seconds_left(catalog: SecretStr) -> float:
    """Return the seconds until the lease expires."""
    sql = f"select extract(epoch from expires_at - clock_timestamp()) from {SCHEMA}.lease"
    with connect_postgres(catalog, "") as connection:
        row = connection.execute(sql.encode()).fetchone()
    return float(row[0]) if row else 0.0


@pytest.fixture
def lease(catalog: SecretStr) -> Iterator[Lease]:
    """A lease that one machine holds."""
    with hold_lease(Claim(catalog, "acme", "run", "one")) as lease:
        yield lease


def test_one_holder(catalog: SecretStr, lease: Lease) -> None:
    """Another machine is refused until the lease is released or expires; each has its token."""
    other = Claim(catalog, "acme", "run", "two")
    with pytest.raises(AlreadyRunning, match="in progress on"), hold_lease(other):
        pass
    with hold_lease(Claim(catalog, "north", "run", "two")) as theirs:
        assert theirs.is_mine()
    assert lease.is_mine()

    expire(catalog)

    assert not lease.is_mine()
    with hold_lease(other) as next_one:
        assert next_one.token == lease.token + 1
        assert next_one.name > lease.name
        lease.release()
        assert next_one.is_mine()
        with pytest.raises(LeaseLost, match="was last given to"):
            lease.confirm()
        with pytest.raises(LeaseLost):
            lease.check()


def test_brief_holder(catalog: SecretStr) -> None:
    """A run waits for a holder that takes only a moment."""
    run = Claim(catalog, "acme", "run", "two")
    with hold_lease(Claim(catalog, "acme", "alerts", "one")) as brief:
        end = threading.Timer(0.7, brief.release)
        end.start()
        with hold_lease(run) as lease:
            assert lease.is_mine()
        end.join()


def test_clone(catalog: SecretStr, tmp_path: Path) -> None:
    """A machine and its clone, with the same names and files, exclude each other; names differ.

    Each has a start of its own; a run that follows one of the same start need not wait for it.
    """
    other = tmp_path / "boot_id"
    other.write_text("07c19ab2-3f1a-45d5-963b-c7b2a969d6fc\n")
    mine, theirs = identify_folder(tmp_path, "seed"), identify_folder(tmp_path, "seed", other)

    with hold_lease(Claim(catalog, "acme", "run", mine)) as lease:
        clone = Claim(catalog, "acme", "run", theirs)
        with (
            pytest.raises(AlreadyRunning, match=re.escape(f"on {name_holder()};")),
            hold_lease(clone),
        ):
            pass
        with hold_lease(Claim(catalog, "acme", "run", mine)) as next_one:
            assert next_one.token == lease.token + 1
    assert name_holder(other) == f"{platform.node()} (boot 07c19ab2, process {os.getpid()})"
    assert name_holder(other) != name_holder()
    assert name_holder(tmp_path / "none") == f"{platform.node()} (process {os.getpid()})"


@pytest.mark.lake_proof  # a minute
def test_renewed(postgres: PostgresServer, catalog: SecretStr, lease: Lease) -> None:
    """A lease is renewed, also by a Postgres that restarts; a stolen one is noticed."""
    with connect_postgres(catalog, "") as connection:
        connection.execute(
            f"update {SCHEMA}.lease set expires_at = now() + interval '50 s'".encode()
        )
    postgres.kill()
    time.sleep(SOON)
    postgres.start()
    time.sleep(10)
    assert seconds_left(catalog) > 60
    lease.check()
    expire(catalog)
    with hold_lease(Claim(catalog, "acme", "run", "two")) as other:
        time.sleep(SOON)
        with pytest.raises(LeaseLost):
            lease.check()
        assert other.is_mine()
