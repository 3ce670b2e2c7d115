"""What did each run do?"""

import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from p4books.errors import DiskTrouble
from p4books.storage.run_log import KEPT_DAYS, EndpointRun, Freshness, RunLog

READING = EndpointRun(
    endpoint="invoices",
    mode="whole",
    outcome="done",
    started_at=100.0,
    ended_at=110.0,
    current_to=110.0,
    pages=3,
    announced_pages=3,
    announced=250,
    seen=250,
    complete=True,
    quiet=True,
    new=250,
    changed=0,
    gone=0,
    held=250,
    findings=2,
    requests=4,
    refused=1,
    waited=0.5,
    oldest=100.0,
)


@pytest.fixture
def log(tmp_path: Path) -> RunLog:
    """A log without a run."""
    return RunLog(tmp_path / "runs.sqlite")


def _rows(tmp_path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as store:
        return store.execute(query).fetchall()


def test_before_the_first_run(log: RunLog, tmp_path: Path) -> None:
    """To ask a log that does not exist is no error, and makes no file."""
    assert log.freshness() == {}
    assert not (tmp_path / "runs.sqlite").exists()


def test_runs(log: RunLog, tmp_path: Path) -> None:
    """Each run has a number of its own, its times, and how it ended."""
    before = time.time()

    first, second = log.begin(), log.begin()
    log.end(first, "done")

    rows = _rows(tmp_path, "select id, outcome, started_at, ended_at from run order by id")
    assert [row[:2] for row in rows] == [(first, "done"), (second, None)]
    assert before <= float(str(rows[0][2])) <= float(str(rows[0][3])) <= time.time()
    assert rows[1][3] is None


def test_reading(log: RunLog) -> None:
    """A reading is kept as it was noted, under its run, at once."""
    run = log.begin()

    log.note(run, READING)

    assert [done.readings for done in log.runs()] == [(READING,)]


def test_noted_twice(log: RunLog, tmp_path: Path) -> None:
    """Noting the same endpoint of a run again replaces what was noted."""
    run = log.begin()

    log.note(run, READING)
    log.note(run, replace(READING, new=7))

    assert _rows(tmp_path, "select new from reading") == [(7,)]


def test_freshness(log: RunLog) -> None:
    """Current to the newest tail, verified to the start of the newest complete scan."""
    log.note(log.begin(), READING)
    log.note(log.begin(), replace(READING, started_at=200.0, current_to=210.0))
    slice_and_tail = replace(READING, mode="slice", started_at=300.0, complete=False)
    log.note(log.begin(), replace(slice_and_tail, current_to=310.0))
    log.note(log.begin(), replace(slice_and_tail, current_to=None, oldest=90.0))
    log.note(log.begin(), EndpointRun("invoices", "nothing", "BadAnswer", 400.0, 400.0))

    assert log.freshness() == {"invoices": Freshness(310.0, 200.0, 90.0, "nothing")}


def test_a_clock_that_was_ahead(log: RunLog) -> None:
    """What the newest run says counts, not the latest instant that any run ever said."""
    log.note(log.begin(), replace(READING, started_at=4e9, current_to=4e9))
    log.note(log.begin(), replace(READING, started_at=300.0, current_to=310.0))

    assert log.freshness() == {"invoices": Freshness(310.0, 300.0, 100.0, "whole")}


def test_forgotten(log: RunLog, tmp_path: Path) -> None:
    """What runs did for each endpoint is forgotten after a season, but for the last of each."""
    for endpoint in ("vendors", "invoices", "invoices"):
        log.note(log.begin(), replace(READING, endpoint=endpoint))
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as store, store:
        store.execute("update run set started_at = started_at - ?", (KEPT_DAYS + 10,))

    log.begin()

    kept = _rows(tmp_path, "select run_id, endpoint from reading order by 1")
    assert kept == [(1, "vendors"), (3, "invoices")]


def test_never_complete(log: RunLog) -> None:
    """An endpoint that was never read whole is verified to no time at all."""
    run = log.begin()

    log.note(run, replace(READING, complete=False))
    log.note(run, replace(READING, endpoint="vendors"))

    assert log.freshness() == {
        "invoices": Freshness(110.0, None, 100.0, "whole"),
        "vendors": Freshness(110.0, 100.0, 100.0, "whole"),
    }


def test_killed(log: RunLog) -> None:
    """A run that has no end when the next one begins was killed; it is there all the same."""
    killed = log.begin()
    log.cost(killed, requests=7, refused=2, waited=1.5)

    log.begin()

    first = log.runs()[-1]
    assert (first.id, first.outcome, first.ended_at) == (killed, "killed", None)
    assert (first.requests, first.refused, first.waited) == (7, 2, 1.5)


def test_last_runs(log: RunLog) -> None:
    """The newest run comes first, and no more than were asked for."""
    for _ in range(5):
        log.note(log.begin(), READING)

    assert [run.id for run in log.runs(3)] == [5, 4, 3]
    assert [run.id for run in log.runs(last=None)] == [5, 4, 3, 2, 1]
    assert [len(run.readings) for run in log.runs(3)] == [1, 1, 1]


def test_requests_since(log: RunLog) -> None:
    """The requests of all runs since an instant, be they done or not."""
    for requests in (7, 8):
        log.cost(log.begin(), requests, 0, 0.0)

    assert log.requests_since(time.time() - 60) == 15
    assert log.requests_since(time.time() + 60) == 0


def test_what_is_known(log: RunLog) -> None:
    """What was found out about a list is remembered, the last finding only."""
    for total in (250, 300):
        learned = {"source": "here", "size": 100, "total": total, "arrangement": "oldest first"}
        log.learn("invoices", learned)

    assert log.known() == {"invoices": {"endpoint": "invoices", **learned}}


def test_older_log(log: RunLog, tmp_path: Path) -> None:
    """A log made by an older p4books gets the columns it lacks, and keeps its rows."""
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as store, store:
        store.executescript(
            """
            create table run (
                id integer primary key, started_at real not null, ended_at real, outcome text);
            create table reading (
                run_id integer not null, endpoint text not null, started_at real not null,
                ended_at real not null, pages integer not null, announced integer not null,
                seen integer not null, complete integer not null, quiet integer not null,
                new integer not null, changed integer not null, gone integer not null,
                primary key (run_id, endpoint));
            insert into run values (1, 100, 111, 'done');
            insert into reading values (1, 'invoices', 100, 110, 3, 250, 250, 1, 1, 250, 0, 0);
            """
        )

    log.note(log.begin(), replace(READING, started_at=200.0, current_to=210.0))

    assert [run.id for run in log.runs()] == [2, 1]
    assert log.freshness() == {"invoices": Freshness(210.0, 200.0, 100.0, "whole")}


def test_runs_side_by_side(log: RunLog, tmp_path: Path) -> None:
    """Several writers of one log lose nothing."""

    def write() -> None:
        other = RunLog(tmp_path / "runs.sqlite")
        for _ in range(10):
            other.note(other.begin(), READING)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert _rows(tmp_path, "select count(*), count(distinct run_id) from reading") == [(40, 40)]


def test_no_folder(tmp_path: Path) -> None:
    """A log that can't be made is a trouble with the disk."""
    with pytest.raises(DiskTrouble, match=r"nowhere/runs\.sqlite cannot be written"):
        RunLog(tmp_path / "nowhere" / "runs.sqlite").begin()


def test_not_a_log(log: RunLog, tmp_path: Path) -> None:
    """A file that is no log is a trouble with the disk, and stays as it is."""
    (tmp_path / "runs.sqlite").write_bytes(b"something else" * 100)

    with pytest.raises(DiskTrouble, match="not a database"):
        log.begin()
    with pytest.raises(DiskTrouble, match="not a database"):
        log.freshness()

    assert (tmp_path / "runs.sqlite").read_bytes() == b"something else" * 100
