"""Workers, Postgres and the S3 that are killed at any moment while two machines sync."""

import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.lake.machines.conftest import (
    SEED,
    Ended,
    Fleet,
    Held,
    Machine,
    Open,
    Readers,
    Relay,
    find_other_tables,
    find_overlaps,
    run_machines,
)
from tests.postgres import PostgresServer
from tests.staging_sync import MONTH_ENDS

READ_KILLS = 20
KILLS = int(os.environ.get("MACHINES_KILLS", "40"))
PAIR = ("north", "south")  # each machine syncs one of them when something is killed
WHAT = ("worker", "postgres", "worker", "s3")
WHILE_RUNS_GO_ON = 1.0  # seconds until a server is back, in every other kill

Server = PostgresServer | Relay


@pytest.mark.lake_proof
@pytest.mark.timeout(0)
def test_killed_at_any_moment(
    open_fleet: Open, s3: str, relay: Relay, postgres: PostgresServer
) -> None:
    """After a kill each lake is a whole snapshot, the last or the next one, and loses nothing.

    The runs after it, on any machine, lead to what one undisturbed machine has.
    """
    chance = random.Random(SEED)  # noqa: S311 - no secret hangs on it
    fleet = open_fleet(f"{s3}/{SEED}", MONTH_ENDS, {})
    began, ends = time.monotonic(), Counter[str]()
    with run_machines(fleet) as (one, two, alone):
        lakes = {tenant: sync_undisturbed(fleet, (one, alone), tenant) for tenant in PAIR}
        seconds = measure_run(fleet, two, alone, chance)
        lakes[PAIR[0]] = fleet.read_lake(PAIR[0])
        for number in range(KILLS):
            what = WHAT[number % len(WHAT)]
            tenants = chance.sample(PAIR, 2)
            for tenant in tenants:
                fleet.change_books(tenant, chance)
            moment = chance.random() * seconds * 1.1
            sys.stdout.write(f"MACHINES_SEED={SEED}: {number}: {what} after {moment:.3f} s\n")
            sys.stdout.flush()
            one.start(tenants[0])
            two.start(tenants[1])
            time.sleep(moment)
            if what == "worker":
                found = kill_worker(one, two, chance)
            else:
                server = postgres if what == "postgres" else relay
                found = kill_server(server, (one, two), is_back_soon=chance.random() < 0.5)
            ends.update(f"{what} {ended.code}" for ended in found)
            fleet.expire_leases()
            left = {tenant: fleet.read_lake(tenant) for tenant in PAIR}
            machines = chance.sample((one, two), 2)
            for machine, tenant in zip(machines, PAIR, strict=True):
                after = sync_undisturbed(fleet, (machine, alone), tenant)
                is_whole = [] in (
                    find_other_tables(left[tenant], lakes[tenant]),
                    find_other_tables(left[tenant], after),
                )
                assert is_whole, find_other_tables(left[tenant], after)
                lakes[tenant] = after

    held, overlaps = find_overlaps(fleet.journal)
    sys.stdout.write(
        f"{KILLS} kills in runs of {seconds:.1f} s: {dict(sorted(ends.items()))};"
        f" {held} runs had a lease; {time.monotonic() - began:.0f} s\n"
    )
    assert overlaps == []
    assert ends["worker -9"] >= KILLS // 4  # most of those that were killed had not ended
    assert ends["postgres 1"] + ends["s3 1"] > 0


@pytest.mark.lake_proof
def test_killed_while_it_is_read(open_fleet: Open, folder: str, postgres: PostgresServer) -> None:
    """Readers whose Postgres dies have an error each, and read on when it is back.

    DuckDB aborts the whole process if one of their transactions is left to it.
    """
    chance = random.Random(SEED)  # noqa: S311 - no secret hangs on it
    fleet = open_fleet(folder, MONTH_ENDS, {})
    with run_machines(fleet) as (one, _, alone):
        assert [one.sync(PAIR[0]).code, alone.sync(PAIR[0]).code] == [0, 0]
    with Readers(fleet, PAIR[:1], 8, pause=0.1) as readers:
        for _ in range(READ_KILLS):
            time.sleep(2 * chance.random())
            postgres.restart()
        found = readers.end()

    sys.stdout.write(f"MACHINES_SEED={SEED}: {found['read']} read, {len(found['faults'])} faults\n")
    assert found["read"][PAIR[0]] > 0
    assert found["faults"]
    assert not [fault for fault in found["faults"] if "Traceback" not in fault]


def sync_undisturbed(fleet: Fleet, machines: tuple[Machine, Machine], tenant: str) -> Held:
    """Sync a tenant on a machine, and alone; return what lake, file and the other file have."""
    for machine in machines:
        ended = machine.sync(tenant)
        assert ended.code == 0, ended.errors
    first, alone = (fleet.read_file(machine.name, tenant) for machine in machines)
    assert fleet.find_differences(machines[0].name, tenant) == []
    assert find_other_tables(first, alone) == []
    return fleet.read_lake(tenant)


def measure_run(fleet: Fleet, machine: Machine, alone: Machine, chance: random.Random) -> float:
    """Return the seconds that a run takes which loads, publishes and writes the lake."""
    fleet.change_books(PAIR[0], chance)
    began = time.monotonic()
    assert machine.sync(PAIR[0]).code == 0
    seconds = time.monotonic() - began
    assert alone.sync(PAIR[0]).code == 0
    return seconds


def kill_worker(one: Machine, two: Machine, chance: random.Random) -> list[Ended]:
    """Kill the run of one machine, and wait for the other one."""
    victim, other = chance.sample((one, two), 2)
    victim.kill()
    ended, undisturbed = victim.wait(), other.wait()
    assert ended.code in {0, -9}, ended.errors
    assert undisturbed.code == 0, undisturbed.errors
    return [ended]


def kill_server(
    server: Server, machines: tuple[Machine, Machine], *, is_back_soon: bool
) -> list[Ended]:
    """Kill a server; it is back soon, or only when both runs have ended."""
    server.kill()
    with starting_again(server, is_back_soon=is_back_soon):
        found = [machine.wait() for machine in machines]
    assert {ended.code for ended in found} <= {0, 1}
    assert all(ended.errors for ended in found if ended.code)
    return found


@contextmanager
def starting_again(server: Server, *, is_back_soon: bool) -> Iterator[None]:
    """Start a server again soon, or at the end."""
    if not is_back_soon:
        try:
            yield
        finally:
            server.start()
        return
    timer = threading.Timer(WHILE_RUNS_GO_ON, server.start)
    timer.start()
    try:
        yield
    finally:
        timer.join()
