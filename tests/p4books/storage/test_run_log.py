"""SQLite log of the runs of a tenant."""

import sqlite3
import threading
import time
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from p4books.errors import Abandoned, DiskTrouble, KeyRefused, RightMissing
from p4books.storage.run_log import (
    KEPT_DAYS,
    EndpointRun,
    Freshness,
    RunLog,
    RunTotals,
    SyncSummary,
    record_run,
)
from p4books.storage.sqlite_tables import SqliteTables

ENDPOINT_RUN = EndpointRun(
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
    """An empty run log."""
    return RunLog(tmp_path / "runs.sqlite")


def _query(tmp_path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as store:
        return store.execute(query).fetchall()


def test_before_the_first_run(log: RunLog, tmp_path: Path) -> None:
    """Reading a log that does not exist is not an error, and creates no file."""
    assert log.load_freshness() == {}
    assert not (tmp_path / "runs.sqlite").exists()


def test_runs(log: RunLog, tmp_path: Path) -> None:
    """Each run has a number of its own, its times and its outcome."""
    before = time.time()

    first, second = log.begin_run(), log.begin_run()
    log.end_run(first, "done")

    rows = _query(tmp_path, "select id, outcome, started_at, ended_at from run order by id")
    assert [row[:2] for row in rows] == [(first, "done"), (second, None)]
    assert before <= float(str(rows[0][2])) <= float(str(rows[0][3])) <= time.time()
    assert rows[1][3] is None


def test_endpoint_run(log: RunLog) -> None:
    """An endpoint run is stored as it was recorded, under its run."""
    run = log.begin_run()

    log.record_endpoint_runs(run, ENDPOINT_RUN)

    assert [done.readings for done in log.load_runs()] == [(ENDPOINT_RUN,)]


def test_endpoint_recorded_twice(log: RunLog, tmp_path: Path) -> None:
    """Recording the same endpoint of a run again replaces the first record."""
    run = log.begin_run()

    log.record_endpoint_runs(run, ENDPOINT_RUN)
    log.record_endpoint_runs(run, replace(ENDPOINT_RUN, new=7))

    assert _query(tmp_path, "select new from reading") == [(7,)]


def test_freshness(log: RunLog) -> None:
    """Current to the newest tail, verified to the start of the newest complete scan."""
    log.record_endpoint_runs(log.begin_run(), ENDPOINT_RUN)
    log.record_endpoint_runs(
        log.begin_run(), replace(ENDPOINT_RUN, started_at=200.0, current_to=210.0)
    )
    slice_and_tail = replace(ENDPOINT_RUN, mode="slice", started_at=300.0, complete=False)
    log.record_endpoint_runs(log.begin_run(), replace(slice_and_tail, current_to=310.0))
    log.record_endpoint_runs(log.begin_run(), replace(slice_and_tail, current_to=None, oldest=90.0))
    log.record_endpoint_runs(
        log.begin_run(), EndpointRun("invoices", "nothing", "BadAnswer", 400.0, 400.0)
    )

    assert log.load_freshness() == {"invoices": Freshness(310.0, 200.0, 90.0, "nothing", 250)}


def test_a_clock_that_was_ahead(log: RunLog) -> None:
    """Freshness comes from the newest run, not from the latest time in any run."""
    log.record_endpoint_runs(log.begin_run(), replace(ENDPOINT_RUN, started_at=4e9, current_to=4e9))
    log.record_endpoint_runs(
        log.begin_run(), replace(ENDPOINT_RUN, started_at=300.0, current_to=310.0)
    )

    assert log.load_freshness() == {"invoices": Freshness(310.0, 300.0, 100.0, "whole", 250)}


def test_retention(log: RunLog, tmp_path: Path) -> None:
    """Endpoint runs are deleted after KEPT_DAYS, but for the last one of each endpoint."""
    for endpoint in ("vendors", "invoices", "invoices"):
        log.record_endpoint_runs(log.begin_run(), replace(ENDPOINT_RUN, endpoint=endpoint))
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as store, store:
        store.execute("update run set started_at = started_at - ?", (KEPT_DAYS + 10,))

    log.begin_run()
    log.delete_old_details(time.time())

    kept = _query(tmp_path, "select run_id, endpoint from reading order by 1")
    assert kept == [(1, "vendors"), (3, "invoices")]


def test_run_with_a_wrong_clock_deletes_nothing(log: RunLog, tmp_path: Path) -> None:
    """A run that begins deletes nothing: its clock, years ahead perhaps, is not checked yet."""
    for _ in range(2):
        log.record_endpoint_runs(log.begin_run(), ENDPOINT_RUN)
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as store, store:
        store.execute("update run set started_at = started_at - ?", (KEPT_DAYS + 10,))

    log.begin_run()

    assert _query(tmp_path, "select count(*) from reading") == [(2,)]


def test_correct_future_times(log: RunLog, tmp_path: Path) -> None:
    """Times after now become now, others and missing ones stay."""
    log.record_endpoint_runs(log.begin_run(), replace(ENDPOINT_RUN, ended_at=4e9, current_to=4e9))
    log.record_endpoint_runs(log.begin_run(), replace(ENDPOINT_RUN, current_to=None))
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as store, store:
        store.execute("update run set started_at = iif(id = 1, 5e9, 7)")

    log.correct_future_times(300.0)

    assert _query(tmp_path, "select started_at, ended_at from run") == [(300.0, None), (7.0, None)]
    times = "select started_at, ended_at, current_to from reading"
    assert _query(tmp_path, times) == [(100.0, 300.0, 300.0), (100.0, ENDPOINT_RUN.ended_at, None)]


def test_never_complete(log: RunLog) -> None:
    """An endpoint without a complete scan has no `verified_to`."""
    run = log.begin_run()

    log.record_endpoint_runs(run, replace(ENDPOINT_RUN, complete=False))
    log.record_endpoint_runs(run, replace(ENDPOINT_RUN, endpoint="vendors"))

    assert log.load_freshness() == {
        "invoices": Freshness(110.0, None, 100.0, "whole", 250),
        "vendors": Freshness(110.0, 100.0, 100.0, "whole", 250),
    }


def test_killed(log: RunLog) -> None:
    """A run without an end when the next one begins was killed; it stays in the log."""
    killed = log.begin_run()
    log.record_cost(killed, requests=7, refused=2, waited=1.5)

    log.begin_run()

    first = log.load_runs()[-1]
    assert (first.id, first.outcome, first.ended_at) == (killed, "killed", None)
    assert (first.requests, first.refused, first.waited) == (7, 2, 1.5)


def test_last_runs(log: RunLog) -> None:
    """Runs are returned newest first, and no more than requested."""
    for _ in range(5):
        log.record_endpoint_runs(log.begin_run(), ENDPOINT_RUN)

    assert [run.id for run in log.load_runs(3)] == [5, 4, 3]
    assert [run.id for run in log.load_runs(last=None)] == [5, 4, 3, 2, 1]
    assert [len(run.readings) for run in log.load_runs(3)] == [1, 1, 1]


def test_totals(log: RunLog) -> None:
    """Requests of all runs since a time are added up; a run counts under how it ended."""
    for requests in (7, 8, 9):
        log.record_cost(log.begin_run(), requests, 1, 0.5)
    log.end_run(2, "done")

    totals = log.load_totals(time.time() - 60)

    assert totals == RunTotals({"done": 1, "killed": 1}, 24, 3, 1.5)
    assert log.load_totals(time.time() + 60) == RunTotals()


def test_reasons(log: RunLog) -> None:
    """A failed run has its errors as reasons, without its notes; every other end has a sentence."""
    for outcome, errors in (("KeyRefused", ["wrong", "bad", "wrong"]), ("TypeError", [])):
        log.end_run(log.begin_run(), outcome, errors, ["a note", "bad"])
    log.end_run(log.begin_run(), "done", [], ["a note"])
    log.begin_run()  # is killed
    log.begin_run()

    assert [run.messages for run in log.load_runs()][-2:] == [
        ("a note", "bad"),
        ("wrong", "bad", "a note"),
    ]
    running, killed, done, unexpected, refused = (run.reasons for run in log.load_runs())
    assert (running, done, refused) == ((), (), ("wrong", "bad"))
    assert "TypeError" in unexpected[0]
    assert "was killed" in killed[0]


def test_reason_in_an_older_log(log: RunLog, tmp_path: Path) -> None:
    """Of a run that did not count its errors, the first message is one if it failed."""
    log.end_run(log.begin_run(), "KeyRefused", ["wrong", "a note"])
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as store, store:
        store.execute("alter table run drop column faults")
        store.execute("alter table run add column of_a_later_version text")

    (run,) = log.load_runs()

    assert run.reasons == ("wrong",)


def test_list_profile(log: RunLog) -> None:
    """Of the profiles of a list, only the last record is kept."""
    for total in (250, 300):
        profile = {"source": "here", "size": 100, "total": total, "arrangement": "oldest first"}
        log.save_list_profiles({"invoices": profile})

    assert log.load_list_profiles() == {"invoices": {"endpoint": "invoices", **profile}}


def test_older_log(log: RunLog, tmp_path: Path) -> None:
    """A log written by an older p4books gets the missing columns, and keeps its rows."""
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

    log.record_endpoint_runs(
        log.begin_run(), replace(ENDPOINT_RUN, started_at=200.0, current_to=210.0)
    )

    assert [(run.id, run.messages) for run in log.load_runs()] == [(2, ()), (1, ())]
    assert log.load_freshness() == {"invoices": Freshness(210.0, 200.0, 100.0, "whole", 250)}


def test_concurrent_writers(log: RunLog, tmp_path: Path) -> None:
    """Concurrent writers of one log lose nothing."""

    def write() -> None:
        other = RunLog(tmp_path / "runs.sqlite")
        for _ in range(10):
            other.record_endpoint_runs(other.begin_run(), ENDPOINT_RUN)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert _query(tmp_path, "select count(*), count(distinct run_id) from reading") == [(40, 40)]


def test_no_folder(tmp_path: Path) -> None:
    """A log that can't be created raises DiskTrouble."""
    with pytest.raises(DiskTrouble, match=r"nowhere/runs\.sqlite cannot be written"):
        RunLog(tmp_path / "nowhere" / "runs.sqlite").begin_run()


def test_not_a_log(log: RunLog, tmp_path: Path) -> None:
    """A file that is not a log raises DiskTrouble, and is unchanged."""
    (tmp_path / "runs.sqlite").write_bytes(b"something else" * 100)

    with pytest.raises(DiskTrouble, match="not a database"):
        log.begin_run()
    with pytest.raises(DiskTrouble, match="not a database"):
        log.load_freshness()

    assert (tmp_path / "runs.sqlite").read_bytes() == b"something else" * 100


TABLES = {"note": {"day": "text not null", "place": "text not null", "body": "text"}}


@pytest.fixture
def tables(tmp_path: Path) -> SqliteTables:
    """Tables whose file does not exist yet."""
    return SqliteTables(tmp_path / "notes.sqlite", TABLES, {"note": "day, place"})


def test_upsert(tables: SqliteTables, tmp_path: Path) -> None:
    """A row replaces the one with the same key; nobody else may read the file."""
    for place, body in (("here", "a"), ("there", "b"), ("here", "c")):
        tables.upsert("note", {"day": "1", "place": place, "body": body})
    tables.upsert("note")  # of no rows

    rows = tables.query("select place, body from note where day = ? order by place", ("1",))

    assert [tuple(row) for row in rows] == [("here", "c"), ("there", "b")]
    assert (tmp_path / "notes.sqlite").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (None, "done"),
        (KeyRefused("acme"), "KeyRefused"),
        (KeyboardInterrupt(), "stopped"),
        (BaseException("as Dagster stops a run"), "stopped"),
        (RuntimeError("unforeseen"), "RuntimeError"),
    ],
)
def test_record_run(end: BaseException | None, outcome: str, tmp_path: Path) -> None:
    """The log says how a run ended, and what ended it is raised again."""
    log = RunLog(tmp_path / "runs.sqlite")
    expected = pytest.raises(type(end)) if end else nullcontext()

    with expected, record_run(log, SyncSummary("acme")):
        if end:
            raise end

    (run,) = log.load_runs()
    assert (run.outcome, run.ended_at is None) == (outcome, False)


def test_first_fault_is_the_outcome(tmp_path: Path) -> None:
    """A run that stored what it could ends with the name of its first fault."""
    log, summary = RunLog(tmp_path / "runs.sqlite"), SyncSummary("acme")

    with record_run(log, summary):
        summary.faults += [RightMissing("vendors"), Abandoned(), RightMissing("vendors")]
        summary.notes += ["ñ\nand more"]

    (run,) = log.load_runs()
    assert run.outcome == "RightMissing"
    assert run.messages == (str(RightMissing("vendors")), str(Abandoned()), "ñ\nand more")


@pytest.mark.parametrize("error", [KeyRefused("acme"), RuntimeError("unforeseen")])
def test_messages_of_a_failed_run(error: Exception, tmp_path: Path) -> None:
    """The log keeps the message of the error that ended a run, as it is shown."""
    log, summary = RunLog(tmp_path / "runs.sqlite"), SyncSummary("acme", notes=["a note"])

    with pytest.raises(type(error)), record_run(log, summary):
        raise error

    (run,) = log.load_runs()
    shown = [str(error)] if isinstance(error, KeyRefused) else []
    assert list(run.messages) == [*shown, "a note"]


def test_query_without_a_file(tables: SqliteTables, tmp_path: Path) -> None:
    """A query before the first write returns no rows and creates no file."""
    assert tables.query("select * from note") == []
    assert list(tmp_path.iterdir()) == []


def test_new_column(tables: SqliteTables, tmp_path: Path) -> None:
    """Tables of an older version get new columns, and keep their rows."""
    with closing(sqlite3.connect(tmp_path / "notes.sqlite")) as old, old:
        old.execute("create table note (day text, place text)")
        old.execute("insert into note values ('1', 'here')")

    assert [tuple(row) for row in tables.query("select * from note")] == [("1", "here", None)]


def test_rollback(tables: SqliteTables) -> None:
    """Changes that end in an error are rolled back."""

    def fail() -> None:
        with tables.connect() as store:
            store.execute("insert into note values ('1', 'here', 'a')")
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert tables.query("select * from note") == []


def test_not_a_database(tables: SqliteTables, tmp_path: Path) -> None:
    """The error about a file that is not a database names it."""
    (tmp_path / "notes.sqlite").write_text("not a database" * 100)

    with pytest.raises(DiskTrouble, match=r"notes\.sqlite"):
        tables.query("select * from note")


def test_all_rows_or_none(tables: SqliteTables) -> None:
    """Rows that are inserted together are in one transaction."""
    rows = [{"day": "1", "place": place, "body": "a"} for place in ("here", None)]

    with pytest.raises(DiskTrouble, match="NOT NULL"):
        tables.upsert("note", *rows)

    assert tables.query("select * from note") == []


def test_file_that_is_lost(tables: SqliteTables, tmp_path: Path) -> None:
    """A file that was removed or replaced meanwhile gets its tables again."""
    for _ in range(2):
        tables.upsert("note", {"day": "1", "place": "here", "body": "a"})
    (tmp_path / "notes.sqlite").unlink()

    tables.upsert("note", {"day": "2", "place": "here", "body": "a"})
    with closing(sqlite3.connect(tmp_path / "notes.sqlite")) as store, store:
        store.execute("alter table note drop column body")

    assert [tuple(row) for row in tables.query("select * from note")] == [("2", "here", None)]
