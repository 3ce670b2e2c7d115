"""Tenants that two machines sync in turns, while readers query their lakes."""

import os
import random
import sys
import time

import pytest
from tests.lake.machines.conftest import (
    ALONE,
    SEED,
    TENANTS,
    Fleet,
    Open,
    Readers,
    find_other_tables,
    find_overlaps,
    run_machines,
)
from tests.staging_sync import link_models

from p4books.home import refresh_state
from p4books.transform.models import sql_folder

PROOF = "P4BOOKS_EXAMPLES" in os.environ
SYNCS, READERS, BOOKS = (30, 20, TENANTS) if PROOF else (1, 2, TENANTS[:1])


def test_syncs_on_two_machines(open_fleet: Open, request: pytest.FixtureRequest) -> None:
    """Whoever syncs a tenant, file and lake are those that one undisturbed machine would have.

    No tenant is synced by two machines at once; readers see whole snapshots only, in their order.
    A machine that took the state goes on without the others.
    """
    chance = random.Random(SEED)  # noqa: S311 - no secret hangs on it
    sys.stdout.write(f"MACHINES_SEED={SEED}\n")
    storage = request.getfixturevalue("s3" if PROOF else "folder")
    fleet = open_fleet(storage, sql_folder(), {}) if PROOF else open_small(open_fleet, storage)
    began = time.monotonic()
    codes: list[int] = []
    with run_machines(fleet) as (one, two, alone):
        for tenant in BOOKS:
            assert [one.sync(tenant).code, alone.sync(tenant).code] == [0, 0]
        with Readers(fleet, BOOKS, READERS) as readers:
            while codes.count(0) < SYNCS:
                tenants = chance.choice(BOOKS), chance.choice(BOOKS)
                for tenant in {*tenants}:
                    fleet.change_books(tenant, chance)
                for machine, tenant in zip((one, two), tenants, strict=True):
                    machine.start(tenant)
                ends = [machine.wait() for machine in (one, two)]
                codes += [ended.code for ended in ends]
                for machine, tenant, ended in zip((one, two), tenants, ends, strict=True):
                    if ended.code:
                        assert (ended.code, tenants[0]) == (75, tenants[1]), ended.errors
                        continue
                    assert alone.sync(tenant).code == 0
                    assert fleet.find_differences(machine.name, tenant) == []
                    file = fleet.read_file(machine.name, tenant)
                    assert find_other_tables(file, fleet.read_file(ALONE, tenant)) == []
            found = readers.end()
        refresh_state(fleet.find_settings(two.name, BOOKS[0]))
        fleet.alone.add(two.name)  # the way back to one machine
        fleet.change_books(BOOKS[0], chance)
        assert [machine.sync(BOOKS[0]).code for machine in (two, alone)] == [0, 0]
        file = fleet.read_file(two.name, BOOKS[0])
        assert find_other_tables(file, fleet.read_file(ALONE, BOOKS[0])) == []

    held, overlaps = find_overlaps(fleet.journal)
    sys.stdout.write(
        f"{held} runs had a lease, {codes.count(75)} ended with 75; {READERS} readers read"
        f" {found['read']} times {[len(each) for each in found['seen'].values()]} snapshots;"
        f" {time.monotonic() - began:.0f} s\n"
    )
    assert (overlaps, found["faults"]) == ([], [])
    assert held == codes.count(0) + len(BOOKS)
    assert all(found["read"].get(tenant) for tenant in BOOKS)


def open_small(open_fleet: Open, storage: str) -> Fleet:
    """Open tenants of which one list is read and few models are published."""
    patterns = "staging/vendors*.sql", "staging/sightings.sql", "core/as_of.sql"
    return open_fleet(storage, link_models("machines", *patterns), {}, endpoints=["vendors"])
