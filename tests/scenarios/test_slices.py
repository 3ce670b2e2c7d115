"""Lists that take several runs: slices, tails, and what is published meanwhile."""

import shutil
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.staging_sync import sync

from p4books.publish.published_file import find_access, replace_published
from p4books.publish.status import read_status
from p4books.settings import Settings
from p4books.storage.database import borrow_reader
from p4books.storage.run_log import RunLog, SyncSummary
from p4books_sandbox import Arrival, Sandbox

ROWS = 60  # on twelve pages of five: a scan takes 13 requests


@pytest.fixture
def sandbox() -> Any:
    """A P4 Books whose invoices fill twelve pages of five."""
    with Sandbox(invoices=ROWS, limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings that give a run six requests, for invoices only."""
    return settings.model_copy(
        update={"page_size": 5, "requests_per_run": 6, "endpoints": ("invoices",)}
    )


def published(settings: Settings, table: str = "invoices") -> dict[str, str]:
    """Return the published ids and codes."""
    with borrow_reader(settings.published) as con:
        query = f"select invoice_id, invoice_code from staging.{table}"
        return dict(con.execute(query).fetchall())


def books(sandbox: Sandbox) -> dict[str, str]:
    """Return the ids and codes in the sandbox."""
    return {str(row["id"]): row["code"] for row in sandbox.books["invoices"].records()}


def run_until_complete(settings: Settings, most: int = 9) -> SyncSummary:
    """Run until a scan is complete."""
    for _ in range(most):
        done = sync(settings)
        if done.readings[0].complete:
            return done
    raise AssertionError(f"no scan ended in {most} runs")


def test_first_copy(settings: Settings, sandbox: Sandbox) -> None:
    """Nothing of a list is published before it is complete, and no page is requested twice."""
    first, second = sync(settings), sync(settings)
    before = settings.published.exists()

    third = sync(settings)

    assert not before
    assert [run.published for run in (first, second, third)] == [False, False, True]
    assert [run.requests for run in (first, second, third)] == [6, 6, 1]
    assert "(6 of about 13)" in first.notes[0]
    assert "sync --full" in first.notes[0]
    assert published(settings) == books(sandbox)


def test_full(settings: Settings, sandbox: Sandbox) -> None:
    """`full` reads to the end, regardless of the budget."""
    sync(settings)

    done = sync(settings, full=True)

    assert (done.requests, done.published, done.notes) == (7, True, [])
    assert published(settings) == books(sandbox)


def test_full_after_hours(settings: Settings, sandbox: Sandbox) -> None:
    """`full` resumes what earlier runs read, however long ago."""
    sync(settings)
    for page in (settings.spool / "invoices").glob("*.ndjson"):
        name, micros = page.stem.rsplit("-", 1)
        page.rename(page.with_name(f"{name}-{int(micros) - 7_200_000_000}.ndjson"))

    assert sync(settings, full=True).requests == 7


def test_tail_and_slice(settings: Settings, sandbox: Sandbox) -> None:
    """New rows arrive in the next run, changed ones with their page, and are published at once."""
    run_until_complete(settings)
    sandbox.books["invoices"].insert({"code": "NEW"})
    sandbox.books["invoices"].replace(47, code="CHANGED-47")  # on page 10
    sandbox.books["invoices"].replace(12, code="CHANGED-12")  # on page 3

    done = sync(settings.model_copy(update={"requests_per_run": 8}))  # pages 11 to 13, 1, 13 to 10
    after_one = published(settings)
    run_until_complete(settings)

    assert (done.readings[0].mode, done.requests) == ("slice", 8)
    assert (after_one["61"], after_one["47"]) == ("NEW", "CHANGED-47")
    assert after_one["12"] != "CHANGED-12"
    assert published(settings) == books(sandbox)
    assert len(published(settings, "invoices_history")) == ROWS + 1


def test_tails_cost_two_requests(settings: Settings, sandbox: Sandbox) -> None:
    """Without new rows, the tails of six long lists take twelve requests, over the budget."""
    names = ("products", "customers", "vendors", "invoices", "purchase_orders", "sales_orders")
    small = settings.model_copy(update={"endpoints": names, "page_size": 3, "requests_per_run": 1})
    sync(small, full=True)

    done = sync(small)

    assert {run.mode for run in done.readings} == {"tail"}
    assert done.requests == 12
    assert all(run.current_to is not None for run in done.readings)


def test_deleted_row(settings: Settings, sandbox: Sandbox) -> None:
    """In a list that never rests a row is gone after two complete scans without it."""
    run_until_complete(settings)
    sandbox.books["invoices"].delete(30)
    requests = count(1)

    def change(_: Arrival) -> None:
        if next(requests) % 6 == 0:
            sandbox.books["invoices"].insert({"code": "NEW"})

    sandbox.before_each = change

    once = run_until_complete(settings)
    still_there = "30" in published(settings)
    twice = run_until_complete(settings)

    assert (once.readings[0].gone, still_there) == (0, True)
    assert twice.readings[0].gone == 1
    assert "30" not in published(settings)
    assert books(sandbox).items() >= published(settings).items()


def test_verified_at(settings: Settings) -> None:
    """The time a row was last seen is updated in each run, even if nothing changed."""
    run_until_complete(settings)
    first = seen(settings)

    done = sync(settings)

    later = {row for row, at in seen(settings).items() if at > first[row]}
    assert not done.loaded
    assert {str(row) for row in range(51, 61)} <= later
    assert len(later) < ROWS
    (table,) = [t for t in read_status(settings).tables if t.table == "invoices"]
    assert table.oldest == min(seen(settings).values())


def seen(settings: Settings) -> dict[str, Any]:
    with borrow_reader(settings.warehouse) as con:
        return dict(con.execute("select id, verified_at from raw.seen").fetchall())


def test_published_for_verified_at(settings: Settings, tmp_path: Path) -> None:
    """A file in which only `verified_at` is old is rebuilt after an hour, not in each run."""
    run_until_complete(settings)
    soon = sync(settings)
    older = Path(shutil.copyfile(settings.published, tmp_path / "older"))
    with duckdb.connect(older) as con:
        con.execute("update about set published_at = published_at - interval 1 hour")
    record = replace_published(older, settings.published, find_access(settings))
    RunLog(settings.run_log).save_published(record)

    later = sync(settings)

    assert (soon.published, later.published) == (False, True)
    assert (later.loaded, later.notes) == (False, [])


def test_killed_before_the_spool_is_cleared(settings: Settings, sandbox: Sandbox) -> None:
    """A loaded scan whose spool is still there does not count twice."""
    sync(settings, full=True)
    sandbox.books["invoices"].delete(30)
    sync(settings)
    sandbox.books["invoices"].insert({"code": "NEW"})
    sync(settings)
    sync(settings)
    spool, kept = settings.spool, settings.private / "kept"
    shutil.copytree(spool, kept)
    ended = sync(settings)
    shutil.rmtree(spool)
    kept.rename(spool)

    repeated = sync(settings)

    assert (ended.readings[0].complete, ended.readings[0].quiet) == (True, False)
    assert not repeated.readings[0].complete
    assert "30" in published(settings)


def test_restored_warehouse(settings: Settings, sandbox: Sandbox) -> None:
    """A restored earlier warehouse gets what it lacks from the pages in the spool."""
    longer = settings.model_copy(update={"requests_per_run": 8})
    sync(settings, full=True)
    sync(longer)
    warehouse, earlier = settings.warehouse, settings.private / "earlier.duckdb"
    shutil.copy(warehouse, earlier)
    run_until_complete(settings)
    sandbox.books["invoices"].replace(42, code="CHANGED")  # on page 9, the last of the slice
    sync(longer)
    assert published(settings) == books(sandbox)
    earlier.replace(warehouse)

    sync(settings)

    assert published(settings) == books(sandbox)


def test_too_slow(settings: Settings, sandbox: Sandbox) -> None:
    """If rows cannot be verified as often as configured, a note names a sufficient setting."""
    slow = settings.model_copy(update={"max_verified_age": 0.5})
    sync(slow, full=True)

    (note,) = sync(slow).notes

    assert "`requests_per_run` = " in note
    enough = int(note.split("`requests_per_run` = ")[1].split()[0])
    assert not sync(slow.model_copy(update={"requests_per_run": enough})).notes


def test_run_log(settings: Settings, sandbox: Sandbox) -> None:
    """The log has the mode, the progress and the cost of each run."""
    run_until_complete(settings)

    runs = RunLog(settings.run_log).load_runs()

    entries = [entry for run in reversed(runs) for entry in run.readings]
    assert [(e.mode, e.outcome, e.pages, e.announced_pages, e.requests) for e in entries] == [
        ("slice", "goes on", 6, 13, 6),
        ("slice", "goes on", 12, 13, 6),
        ("slice", "done", 13, 13, 1),
    ]
    assert [run.requests for run in reversed(runs)] == [6, 6, 1]


def test_lost_pages(settings: Settings, tmp_path: Path) -> None:
    """Lost pages of the spool restart the scan."""
    sync(settings)
    pages = sorted((settings.spool / "invoices").glob("*.ndjson"))
    pages[2].unlink()

    done = sync(settings, full=True)

    assert done.requests == 13
