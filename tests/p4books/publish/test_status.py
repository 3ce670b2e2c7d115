"""Status of a tenant: what is published and how fresh it is."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from tests.other_program import kill_after_commit

from p4books.endpoints import ENDPOINTS
from p4books.extract.page import Page
from p4books.extract.spool import Spool
from p4books.load.schema import create_tables
from p4books.publish.status import EndpointStatus, FirstCopy, ProblemKind, read_status
from p4books.settings import Settings
from p4books.storage.files import tenant_lock
from p4books.storage.run_log import EndpointRun, RunLog
from p4books_sandbox import Sandbox


@pytest.fixture
def settings(make_settings: Callable[..., Settings], tmp_path: Path) -> Settings:
    """Settings of a tenant with a published file: three products in five versions."""
    settings = make_settings(Sandbox(empty=True), base_url="http://127.0.0.1:9")
    settings.private.mkdir(parents=True)
    with duckdb.connect(settings.published) as con:
        con.execute("create schema staging")
        for name in ENDPOINTS:
            rows, versions = (3, 5) if name == "products" else (0, 0)
            con.execute(f"create table staging.{name} as from range({rows})")
            con.execute(f"create table staging.{name}_history as from range({versions})")
        con.execute("create table about as select timestamptz '2026-03-31T12:00:00Z' published_at")
    return settings


def record(settings: Settings, endpoint: str, start: float, end: float, *, complete: bool) -> None:
    log = RunLog(settings.run_log)
    log.record_endpoint_runs(
        log.begin_run(),
        EndpointRun(
            endpoint=endpoint,
            mode="whole",
            outcome="done",
            started_at=start,
            ended_at=end,
            current_to=end,
            pages=1,
            announced_pages=1,
            announced=3,
            seen=3,
            complete=complete,
            quiet=True,
            new=0,
            changed=0,
            gone=0,
            held=3,
            requests=1,
            refused=0,
        ),
    )


def test_rows_and_versions(settings: Settings) -> None:
    """Each list has its rows and versions, the file its size and the time of publication."""
    status = read_status(settings)

    assert status.tables[0] == EndpointStatus("products", 3, 5, None, None, None, None)
    assert [table.table for table in status.tables] == list(ENDPOINTS)
    assert {(table.rows, table.versions) for table in status.tables[1:]} == {(0, 0)}
    assert (status.file, status.bytes) == (
        str(settings.published),
        settings.published.stat().st_size,
    )
    assert status.published_at == datetime(2026, 3, 31, 12, tzinfo=UTC)


def test_freshness(settings: Settings) -> None:
    """A list is current to its newest scan, verified to the start of its last complete one."""
    record(settings, "products", 100, 150, complete=True)
    record(settings, "products", 200, 250, complete=False)
    record(settings, "vendors", 300, 350, complete=False)

    tables = {table.table: table for table in read_status(settings).tables}

    at = {seconds: datetime.fromtimestamp(seconds, UTC) for seconds in (100, 250, 350)}
    assert (tables["products"].current_to, tables["products"].verified_to) == (at[250], at[100])
    assert (tables["vendors"].current_to, tables["vendors"].verified_to) == (at[350], None)
    assert (tables["invoices"].current_to, tables["invoices"].verified_to) == (None, None)


def test_disk(settings: Settings) -> None:
    """The private files count with what they take on disk, a generation with two names once."""
    generations = settings.private / "generations"
    generations.mkdir()
    for file, size in (
        (settings.warehouse, 40_000),
        (generations / "warehouse-20260301T000000000000Z.duckdb", 60_000),
        (generations / "damaged-20260302T000000000000Z.duckdb", 80_000),
    ):
        file.write_bytes(b"." * size)
    store_pages(settings, "invoices", 1, 2)
    before = read_status(settings).disk
    os.link(
        generations / "damaged-20260302T000000000000Z.duckdb", generations / "my-own-name.duckdb"
    )
    after = read_status(settings).disk

    assert before
    assert before.generations == 2
    assert 40_000 <= before.warehouse < 60_000
    assert 140_000 <= before.generations_bytes < 180_000
    assert 0 < before.spool < 40_000
    assert after == replace(before, generations=3)


def test_disk_of_others(settings: Settings) -> None:
    """Who has only the published file is shown nothing of the private files."""
    settings.private.rmdir()

    assert read_status(settings).disk is None


def test_not_published(settings: Settings) -> None:
    """Before the first sync that is the problem; reading it makes no file."""
    settings.published.unlink()
    settings.private.rmdir()

    status = read_status(settings)

    assert status.problem_kind == ProblemKind.NEVER_SYNCED
    assert "Run `p4books sync` first" in (status.problem or "")
    assert list(settings.data_dir.rglob("*")) == [settings.private.parent]


def end_run(settings: Settings, outcome: str | None, *endpoint_runs: EndpointRun) -> int:
    """Record a run that did this; without an outcome it does not end."""
    log = RunLog(settings.run_log)
    number = log.begin_run()
    for endpoint_run in endpoint_runs:
        log.record_endpoint_runs(number, endpoint_run)
    if outcome:
        log.end_run(number, outcome)
    return number


def test_last_run(settings: Settings) -> None:
    """The last run is the one that is over; one without an end is in progress, or was killed."""
    end_run(settings, "done")
    end_run(settings, None)

    killed = read_status(settings)
    with tenant_lock(settings):
        running = read_status(settings)

    assert killed.last_run
    assert (killed.last_run.id, killed.last_run.outcome, killed.running) == (2, "killed", None)
    assert running.last_run
    assert running.running
    assert (running.last_run.id, running.running.id) == (1, 2)


def test_figures_of_a_quiet_tenant(settings: Settings) -> None:
    """Figures are of the last reading, although a run that changes nothing publishes nothing."""
    published_at = datetime(2026, 3, 31, 12, tzinfo=UTC).timestamp()
    quiet = EndpointRun("products", "tail", "done", 0, published_at + 600, published_at + 500)
    end_run(settings, "done", quiet)
    fresh = read_status(settings.model_copy(update={"endpoints": ("products",)}))
    end_run(settings, "BrokenSql", replace(quiet, new=1))
    end_run(settings, "done", quiet)
    stale = read_status(settings)

    assert fresh.figures_at == datetime.fromtimestamp(published_at + 500, UTC)
    assert fresh.unpublished_run is None
    assert stale.unpublished_run == 2
    assert stale.figures_at == datetime.fromtimestamp(published_at, UTC)


def store_pages(settings: Settings, endpoint: str, *numbers: int, total: int = 95) -> None:
    """Store pages of ten rows in the spool of a list."""
    spool = Spool(settings.spool / endpoint, {})
    spool.resume(1000)
    for number in numbers:
        records = {f"{number}-{row}": b"{}" for row in range(10)}
        spool.store(Page(number, total, 10, records, None), 1000 + number)


def test_first_copies(settings: Settings) -> None:
    """Lists that were never read to the end show how far they are, but no other list does."""
    create_tables(settings.warehouse, tuple(ENDPOINTS.values()))
    record(settings, "products", 100, 150, complete=True)
    for endpoint in ("products", "invoices"):
        store_pages(settings, endpoint, 1, 10, 9)

    status = read_status(settings)

    assert status.first_copies == (FirstCopy("invoices", 3, 10, 30, 30),)
    assert status.problem is None


def test_first_copy_before_anything_is_published(settings: Settings) -> None:
    """A first copy in progress is shown if nothing is published yet, and status says so."""
    settings.published.unlink()
    store_pages(settings, "vendors", 1, total=10)

    status = read_status(settings)

    assert [copy.percent for copy in status.first_copies] == [100]
    assert (status.bytes, status.published_at) == (None, None)
    assert "the first copy is not complete. The next run, or" in (status.problem or "")


def test_lost_private_folder(settings: Settings) -> None:
    """The warehouse is also missing if nothing is left but the published file."""
    settings.private.rmdir()

    assert "warehouse.duckdb is missing" in (read_status(settings).problem or "")


def test_damaged_warehouse(settings: Settings) -> None:
    """A warehouse that is cut off is a problem now, not only at the next sync."""
    create_tables(settings.warehouse, tuple(ENDPOINTS.values()))
    assert read_status(settings).problem is None
    os.truncate(settings.warehouse, 20_000)

    status = read_status(settings)

    assert "warehouse.duckdb" in (status.problem or "")
    assert "--from-nothing" in (status.problem or "")


def test_changes_of_another_program(settings: Settings) -> None:
    """A log beside the published file is a problem, because readers see what is in it."""
    create_tables(settings.warehouse, tuple(ENDPOINTS.values()))
    kill_after_commit(settings.published)

    status = read_status(settings)

    assert "has changes of another program beside it" in (status.problem or "")
    assert status.published_at is not None


def test_unknown_fields(settings: Settings) -> None:
    """Fields without a column are listed; if the warehouse cannot be read, none are."""
    before = read_status(settings).unknown
    with duckdb.connect(settings.warehouse) as con:
        con.execute("create schema raw")
        con.execute("create table raw.fields as select 'vendors' as endpoint, 'bank' as field,"
                    " now() as first_seen_at")  # fmt: skip

    assert (before, read_status(settings).unknown) == ((), ("vendors.bank",))


def test_requests_and_traits(settings: Settings) -> None:
    """The status has the requests of the last run and day, and the detected traits of the API."""
    log = RunLog(settings.run_log)
    for requests in (7, 8):
        log.record_cost(log.begin_run(), requests, 0, 0.0)
    log.save_capabilities({"endpoint": "invoices", "order": "oldest first"})

    status = read_status(settings)

    assert (status.requests_last_run, status.requests_last_day) == (8, 15)
    assert status.traits
    assert status.traits["order"] == "oldest first"
