"""Holders that are killed or paused, and servers that go away: nothing is lost, nothing half."""

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.lake.home.conftest import HoldingMachine, Make, Report
from tests.postgres import PASSWORD, PostgresServer
from tests.s3 import SECRET, S3Server

from p4books.home import hold_state
from p4books.home.errors import StateTorn
from p4books.home.files import TenantFiles
from p4books.home.overview import load_overview, replace_state
from p4books.push.run import push_records

SEED = int(os.environ.get("KILL_SEED", "7"))
PROOF = "P4BOOKS_EXAMPLES" in os.environ
KILLS = 60 if PROOF else 2

# The steps of a holder, in order, as its log calls them; which state others find after a kill.
TAKING = ["lease", "looked up", "taking state", "put together", "put in place", "runs.sqlite is in"]
TAKING += ["spool/vendors/000002.ndjson is in", "published.duckdb is in", "taken"]
PUTTING = ["files written", "object 0", "objects are there"]
PUT = ["row replaced", "put back", "lease released"]


def choose_steps(first: int) -> list[Any]:
    """Return the steps, three of four of which are for the proof only."""
    steps = [*TAKING, *PUTTING, *PUT]
    proof = pytest.mark.lake_proof
    return [
        pytest.param(step, marks=() if number % 4 == first else proof)
        for number, step in enumerate(steps)
    ]


@pytest.fixture
def pair(make_machine: Make) -> tuple[HoldingMachine, HoldingMachine]:
    """Two machines; the second was there before the first, so that it has files to take."""
    one, two = make_machine("one"), make_machine("two", 1)
    assert two.hold() == Report(0, 0)
    assert one.hold() == Report(0, 1)
    return one, two


@pytest.mark.parametrize("step", choose_steps(0))
def test_killed_at_each_step(pair: tuple[HoldingMachine, HoldingMachine], step: str) -> None:
    """Killed while it takes or puts the state, a machine costs its run and nothing else."""
    one, two = pair

    assert two.hold(kill_at=step).code == -signal.SIGKILL
    if step != "lease released":
        assert one.hold().kind == "AlreadyRunning"
    one.expire_lease()

    expected = 3 if step in PUT else 2
    assert one.hold() == Report(0, expected)
    assert two.hold() == Report(0, expected + 1)
    assert set(list_objects(two)) == set(named_objects(two))


@pytest.mark.parametrize("step", ["files written", *PUT])
def test_killed_with_little_to_put(pair: tuple[HoldingMachine, HoldingMachine], step: str) -> None:
    """A small change is put without an object, and as whole."""
    one, two = pair
    objects = list_objects(one)
    assert one.hold(small=True) == Report(0, 2)
    assert list_objects(one) == objects

    assert two.hold(kill_at=step, small=True).code == -signal.SIGKILL
    one.expire_lease()

    expected = 4 if step in PUT else 3
    assert one.hold(small=True) == Report(0, expected)
    assert list_objects(one) == objects
    assert two.hold() == Report(0, expected + 1)
    assert set(list_objects(two)) == set(named_objects(two))


@pytest.mark.parametrize("step", choose_steps(2))
def test_same_machine_continues(pair: tuple[HoldingMachine, HoldingMachine], step: str) -> None:
    """After a kill, the same machine begins at once, and has what the dead run had done."""
    _, two = pair

    assert two.hold(kill_at=step).code == -signal.SIGKILL

    assert two.hold() == Report(0, 2 if step in TAKING else 3)


def test_killed_before_it_remembers(
    pair: tuple[HoldingMachine, HoldingMachine], caplog: pytest.LogCaptureFixture
) -> None:
    """A machine that put its state and was killed then does not take it for lost."""
    _, two = pair
    assert two.hold(kill_at="row replaced").code == -signal.SIGKILL

    with hold_state(two.settings):
        pass

    assert not caplog.messages


def test_torn_files(pair: tuple[HoldingMachine, HoldingMachine]) -> None:
    """Files of which a killed take replaced only some are neither put nor worked with."""
    one, two = pair
    assert two.hold(kill_at="runs.sqlite is in").code == -signal.SIGKILL
    alone = two.settings.model_copy(update={"home": None})

    with pytest.raises(StateTorn, match="home --take"):
        replace_state(two.settings)
    with pytest.raises(StateTorn), hold_state(alone):
        pass
    with pytest.raises(StateTorn):
        push_records(alone, "vendors", [], "x.csv")
    for path in (Path(one.home) / "acme").iterdir():
        path.rename(path.with_suffix(".away"))
    with pytest.raises(ValueError, match="cannot"), hold_state(two.settings, taking="if_whole"):
        raise ValueError("A restore cannot be done.")
    assert load_overview(two.settings).state == 2

    with hold_state(alone, taking="if_whole"):
        pass
    with hold_state(alone):
        pass


def test_paused_beyond_expiry(pair: tuple[HoldingMachine, HoldingMachine]) -> None:
    """A holder that slept beyond its lease puts nothing back, and leaves the next one's lease."""
    one, two = pair
    for step in ("files written", "objects are there"):
        sleeper = two.start(stop_at=step)
        wait_until_stopped(sleeper)
        one.expire_lease()
        before = one.hold()
        reader = one.start(stop_at="files written")
        wait_until_stopped(reader)

        os.kill(sleeper, signal.SIGCONT)
        report = two.wait()

        assert (report.code, report.kind) == (1, "StateNotPut")
        assert f"gives way to state {(before.found or 0) + 1} of " in report.error
        assert "continues from it" not in report.error
        os.kill(reader, signal.SIGCONT)  # its lease is still its own
        assert one.wait() == Report(0, (before.found or 0) + 1)
        assert two.hold() == Report(0, (before.found or 0) + 2)
        assert one.hold() == Report(0, (before.found or 0) + 3)


def test_paused_while_it_takes(pair: tuple[HoldingMachine, HoldingMachine]) -> None:
    """A holder that slept while it took the state does not go on with a mixture."""
    one, two = pair
    sleeper = two.start(stop_at="taking state")
    wait_until_stopped(sleeper)
    one.expire_lease()
    for number in (2, 3, 4):
        assert one.hold() == Report(0, number)

    os.kill(sleeper, signal.SIGCONT)
    report = two.wait()

    assert (report.code, report.found) in {(1, None), (1, 2)}
    assert report.kind in {"LeaseLost", "StateNotPut"}
    assert two.hold() == Report(0, 5)


def test_two_at_once(pair: tuple[HoldingMachine, HoldingMachine]) -> None:
    """While one machine works for a tenant, the other one ends with 75 and says where."""
    one, two = pair
    holder = two.start(stop_at="files written", ask=True)
    wait_until_stopped(holder)

    report = one.hold()

    assert (report.code, report.kind) == (75, "AlreadyRunning")
    assert f"process {holder}" in report.error
    os.kill(holder, signal.SIGCONT)
    assert two.wait() == Report(0, 2, is_mine=True)


def test_two_that_race(pair: tuple[HoldingMachine, HoldingMachine]) -> None:
    """Two machines that begin again and again never hold the state together."""
    held = 2
    for _ in range(60 if PROOF else 3):
        for machine in pair:
            machine.start()
        reports = [machine.wait() for machine in pair]
        assert {report.code for report in reports} <= {0, 75}
        assert 0 in {report.code for report in reports}
        held += sum(report.code == 0 for report in reports)

    assert pair[0].hold() == Report(0, held)


def test_postgres_dies_meanwhile(
    pair: tuple[HoldingMachine, HoldingMachine], postgres: PostgresServer
) -> None:
    """A Postgres that is killed and restarted during a run costs nothing."""
    one, two = pair
    holder = two.start(stop_at="files written")
    wait_until_stopped(holder)
    postgres.restart()
    os.kill(holder, signal.SIGCONT)

    assert two.wait() == Report(0, 2)
    assert one.hold() == Report(0, 3)


@pytest.mark.lake_proof  # half a minute
def test_postgres_away(
    pair: tuple[HoldingMachine, HoldingMachine], postgres: PostgresServer
) -> None:
    """Without Postgres nothing begins; one that is away at the end leaves the work here."""
    one, two = pair
    postgres.kill()
    try:
        report = one.hold()
    finally:
        postgres.start()
    assert (report.code, report.kind, report.found) == (1, "PostgresTrouble", None)
    assert "Nothing was requested or changed" in report.error

    holder = two.start(stop_at="objects are there")
    wait_until_stopped(holder)
    postgres.kill()
    try:
        os.kill(holder, signal.SIGCONT)
        report = two.wait()
    finally:
        postgres.start()
    assert (report.code, report.kind, report.found) == (1, "StateNotPut", 2)
    assert PASSWORD not in report.error
    assert "The next run here continues from it" in report.error
    assert two.hold() == Report(0, 3)
    assert one.hold() == Report(0, 4)


def test_storage_away(make_machine: Make, s3: str, s3_server: S3Server) -> None:
    """Without the storage the run here is done, and says that others lack it."""
    one, two = make_machine("one", home=f"{s3}/state"), make_machine("two", 1, f"{s3}/state")
    variables = {**s3_server.variables, "AWS_MAX_ATTEMPTS": "1"}
    assert one.hold(environment=variables) == Report(0, 0)
    s3_server.stop()
    try:
        away = one.hold(environment=variables)
        no_state = two.hold(environment=variables)
    finally:
        s3_server.start()

    assert (away.code, away.kind, away.found) == (1, "StateNotPut", 1)
    assert (no_state.code, no_state.kind, no_state.found) == (1, "PlaceTrouble", None)
    assert not {SECRET, PASSWORD} & set(f"{away.error} {no_state.error}".split())
    assert one.hold(environment=variables) == Report(0, 2)
    assert two.hold(environment=variables) == Report(0, 3)


@pytest.mark.parametrize("nth", range(KILLS))
def test_killed_at_any_moment(make_machine: Make, nth: int) -> None:
    """Whenever a holder is killed, the next one finds a whole state, and no run is lost but it."""
    chance = random.Random(SEED * 1000 + nth)  # noqa: S311 - no secret hangs on it
    machines = make_machine("one"), make_machine("two", 1)
    assert machines[0].hold() == Report(0, 0)
    least = most = 1
    for _ in range(6):
        machine = chance.choice(machines)
        machine.start(small=chance.random() < 0.5)
        if chance.random() < 0.7:
            moment = chance.random() * 0.12
            sys.stdout.write(f"KILL_SEED={SEED}: killed after {moment:.3f} s\n")
            time.sleep(moment)
            machine.holders.kill()
        report = machine.wait()
        assert report.code in {0, -signal.SIGKILL}
        most += 1
        if report.code == 0:
            assert report.found is not None
            assert least <= report.found < most
            least = most = report.found + 1
        machine.expire_lease()
    assert least <= (machines[0].hold().found or 0) <= most


def wait_until_stopped(process: int) -> None:
    """Wait until a process has stopped itself."""
    for _ in range(3000):
        if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T":
            return
        time.sleep(0.01)
    raise AssertionError("it did not stop")


def list_objects(machine: HoldingMachine) -> list[str]:
    """Return the names of the objects in the home."""
    return [path.name for path in (Path(machine.home) / "acme").iterdir()]


def named_objects(machine: HoldingMachine) -> list[str]:
    """Return the names of the objects that the state names."""
    return list(TenantFiles(machine.settings).load_memory().manifest.objects)
