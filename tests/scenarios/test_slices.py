"""How is a list read that is longer than a run?"""

import shutil
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.staging_sync import sync

from p4books.publish.status import read_status
from p4books.settings import Settings
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
    """Settings that give a run six requests, for invoices alone."""
    return settings.model_copy(
        update={"page_size": 5, "requests_per_run": 6, "endpoints": ("invoices",)}
    )


def held(settings: Settings, table: str = "invoices") -> dict[str, str]:
    """Return what is published: ids with their codes."""
    with duckdb.connect(settings.published, read_only=True) as con:
        query = f"select invoice_id, invoice_code from staging.{table}"
        return dict(con.execute(query).fetchall())


def books(sandbox: Sandbox) -> dict[str, str]:
    """Return what stands in the sandbox."""
    return {str(row["id"]): row["code"] for row in sandbox.books["invoices"].records()}


def run_until_whole(settings: Settings, most: int = 9) -> SyncSummary:
    """Run until a scan comes to its end."""
    for _ in range(most):
        done = sync(settings)
        if done.readings[0].complete:
            return done
    raise AssertionError(f"no scan ended in {most} runs")


def test_a_first_copy_over_runs(settings: Settings, sandbox: Sandbox) -> None:
    """Nothing of a list is published before it is whole, no page is asked for twice."""
    first, second = sync(settings), sync(settings)
    before = settings.published.exists()

    third = sync(settings)

    assert not before
    assert [each.published for each in (first, second, third)] == [False, False, True]
    assert [each.requests for each in (first, second, third)] == [6, 6, 1]
    assert "6 of about 13 pages" in first.notes[0]
    assert "sync --full" in first.notes[0]
    assert held(settings) == books(sandbox)


def test_full(settings: Settings, sandbox: Sandbox) -> None:
    """`full` reads to the end, whatever the budget says."""
    sync(settings)

    done = sync(settings, full=True)

    assert (done.requests, done.published, done.notes) == (7, True, [])
    assert held(settings) == books(sandbox)


def test_full_after_hours(settings: Settings, sandbox: Sandbox) -> None:
    """`full` goes on with what earlier runs read, however long ago."""
    sync(settings)
    for page in (settings.spool / "invoices").glob("*.ndjson"):
        name, micros = page.stem.rsplit("-", 1)
        page.rename(page.with_name(f"{name}-{int(micros) - 7_200_000_000}.ndjson"))

    assert sync(settings, full=True).requests == 7


def test_a_tail_and_a_slice(settings: Settings, sandbox: Sandbox) -> None:
    """New rows come with the next run; a changed one when its page comes; all at once published."""
    run_until_whole(settings)
    sandbox.books["invoices"].insert({"code": "NEW"})
    sandbox.books["invoices"].replace(47, code="CHANGED-47")  # on page 10
    sandbox.books["invoices"].replace(12, code="CHANGED-12")  # on page 3

    done = sync(settings.model_copy(update={"requests_per_run": 8}))  # pages 11 to 13, 1, 13 to 10
    after_one = held(settings)
    run_until_whole(settings)

    assert (done.readings[0].mode, done.requests) == ("slice", 8)
    assert (after_one["61"], after_one["47"]) == ("NEW", "CHANGED-47")
    assert after_one["12"] != "CHANGED-12"
    assert held(settings) == books(sandbox)
    assert len(held(settings, "invoices_history")) == ROWS + 1


def test_tails_cost_two_requests(settings: Settings, sandbox: Sandbox) -> None:
    """Where nothing is new the tails of six long lists cost twelve requests, whatever is left."""
    names = ("products", "customers", "vendors", "invoices", "purchase_orders", "sales_orders")
    small = settings.model_copy(update={"endpoints": names, "page_size": 3, "requests_per_run": 1})
    sync(small, full=True)

    done = sync(small)

    assert {each.mode for each in done.readings} == {"tail"}
    assert done.requests == 12
    assert all(each.current_to is not None for each in done.readings)


def test_a_row_that_is_gone(settings: Settings, sandbox: Sandbox) -> None:
    """In a list that never stands still a row is gone when two complete scans lack it."""
    run_until_whole(settings)
    sandbox.books["invoices"].delete(30)
    requests = count(1)

    def move(_: Arrival) -> None:
        if next(requests) % 6 == 0:
            sandbox.books["invoices"].insert({"code": "NEW"})

    sandbox.before_each = move

    once = run_until_whole(settings)
    still_there = "30" in held(settings)
    twice = run_until_whole(settings)

    assert (once.readings[0].gone, still_there) == (0, True)
    assert twice.readings[0].gone == 1
    assert "30" not in held(settings)
    assert books(sandbox).items() >= held(settings).items()


def test_verified_at(settings: Settings) -> None:
    """When a row was last seen is noted in each run, also where nothing changed."""
    run_until_whole(settings)
    first = seen(settings)

    done = sync(settings)

    later = {row for row, at in seen(settings).items() if at > first[row]}
    assert not done.loaded
    assert {str(row) for row in range(51, 61)} <= later
    assert len(later) < ROWS
    (table,) = [each for each in read_status(settings).tables if each.table == "invoices"]
    assert table.oldest == min(seen(settings).values())


def seen(settings: Settings) -> dict[str, Any]:
    with duckdb.connect(settings.warehouse, read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        return dict(con.execute("select id, verified_at from raw.seen").fetchall())


def test_published_again_for_what_was_seen(settings: Settings) -> None:
    """A file in which only `verified_at` is old is made anew after an hour, not in each run."""
    run_until_whole(settings)
    soon = sync(settings)
    with duckdb.connect(settings.published) as con:
        con.execute("update about set published_at = published_at - interval 1 hour")

    later = sync(settings)

    assert (soon.published, later.published) == (False, True)
    assert not later.loaded


def test_killed_before_the_spool_is_cleared(settings: Settings, sandbox: Sandbox) -> None:
    """A scan that was taken in, and whose spool is still there, does not count twice."""
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

    again = sync(settings)

    assert (ended.readings[0].complete, ended.readings[0].quiet) == (True, False)
    assert not again.readings[0].complete
    assert "30" in held(settings)


def test_a_warehouse_put_back(settings: Settings, sandbox: Sandbox) -> None:
    """An earlier warehouse put in place gets what it lacks from the pages that lie in the spool."""
    longer = settings.model_copy(update={"requests_per_run": 8})
    sync(settings, full=True)
    sync(longer)
    warehouse, earlier = settings.warehouse, settings.private / "earlier.duckdb"
    shutil.copy(warehouse, earlier)
    run_until_whole(settings)
    sandbox.books["invoices"].replace(42, code="CHANGED")  # on page 9, the last of the slice
    sync(longer)
    assert held(settings) == books(sandbox)
    earlier.replace(warehouse)

    sync(settings)

    assert held(settings) == books(sandbox)


def test_too_slow(settings: Settings, sandbox: Sandbox) -> None:
    """Where rows can't be seen again as often as wished, the setting is named that would do."""
    slow = settings.model_copy(update={"max_verified_age": 0.5})
    sync(slow, full=True)

    (note,) = sync(slow).notes

    assert "`requests_per_run` = " in note
    enough = int(note.split("`requests_per_run` = ")[1].split()[0])
    assert not sync(slow.model_copy(update={"requests_per_run": enough})).notes


def test_the_log_of_slices(settings: Settings, sandbox: Sandbox) -> None:
    """The log tells of each run how it read, how far the scan is, and what it cost."""
    run_until_whole(settings)

    runs = RunLog(settings.run_log).load_runs()

    told = [(one.mode, one.outcome, one.pages, one.announced_pages, one.requests) for run in
            reversed(runs) for one in run.readings]  # fmt: skip
    assert told == [
        ("slice", "goes on", 6, 13, 6),
        ("slice", "goes on", 12, 13, 6),
        ("slice", "done", 13, 13, 1),
    ]
    assert [run.requests for run in reversed(runs)] == [6, 6, 1]


def test_a_slice_without_its_last_pages(settings: Settings, tmp_path: Path) -> None:
    """Pages of the spool that are lost cost time: the scan begins anew."""
    sync(settings)
    pages = sorted((settings.spool / "invoices").glob("*.ndjson"))
    pages[2].unlink()

    done = sync(settings, full=True)

    assert done.requests == 13
