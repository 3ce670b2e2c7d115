"""A tenant whose warehouse is lost, put back or begun again, and one that gets another's books."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.staging_sync import VENDORS, sync

from p4books.errors import (
    OtherBooks,
    PublishedHasMore,
    RightMissing,
    RowsReplaced,
    TooManyChanged,
    WarehouseLost,
)
from p4books.load.warehouse import list_generations
from p4books.publish.publish import publish_report
from p4books.publish.status import read_status
from p4books.settings import Settings
from p4books.storage.database import borrow_reader
from p4books.storage.run_log import RunLog, SyncSummary
from p4books_sandbox import Sandbox


def vendor(number: int, name: str = "Molino", **values: Any) -> dict[str, Any]:
    created = "2026-01-01T00:00:00Z"
    return {"code": f"V-{number}", "name": name, "date_created": created, **values}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Books of 40 vendors and a customer."""
    data = {"vendors": [vendor(n) for n in range(40)], "customers": [{"code": "C", "name": "C"}]}
    with Sandbox(data=data, limit=0) as sandbox:
        yield sandbox


def sync_vendors(settings: Settings, **options: Any) -> SyncSummary:
    return sync(settings, ["vendors"], VENDORS, **options)


def read_history(file: Path) -> list[tuple[Any, ...]]:
    """Return the published versions: code, name, whether it is the current one."""
    with borrow_reader(file) as con:
        return con.execute(
            "select vendor_code, vendor_name, valid_to is null from staging.vendors_history"
            " order by vendor_id::int, valid_from"
        ).fetchall()


def test_lost_and_put_back(settings: Settings, sandbox: Sandbox) -> None:
    """A lost warehouse stops a run; from its generation, the next one loads what it lacks."""
    sync_vendors(settings)
    for name in ("First", "Second"):
        sandbox.books["vendors"].replace(1, name=name)
        sync_vendors(settings)
    published, requests = settings.published.read_bytes(), len(sandbox.requests)
    settings.warehouse.unlink()

    with pytest.raises(WarehouseLost, match="it left 2 generations"):
        sync_vendors(settings)
    with pytest.raises(WarehouseLost):
        publish_report(settings, sql=VENDORS)

    assert (settings.published.read_bytes(), len(sandbox.requests)) == (published, requests)
    assert not settings.warehouse.exists()
    status = read_status(settings)
    assert "warehouse.duckdb is missing" in (status.problem or "")
    assert status.tables[2].rows == 40
    sandbox.books["vendors"].replace(2, name="Third")
    shutil.copy(list_generations(settings.warehouse)[0], settings.warehouse)
    summary = sync_vendors(settings)
    assert (summary.faults, summary.published) == ([], True)
    assert "as it was after run 2" in summary.notes[0]
    assert [(read.new, read.changed, read.gone) for read in summary.readings] == [(0, 2, 0)]
    assert read_history(settings.published)[:5] == [
        ("V-0", "Molino", False),
        ("V-0", "First", False),
        ("V-0", "Second", True),
        ("V-1", "Molino", False),
        ("V-1", "Third", True),
    ]
    runs = RunLog(settings.run_log).load_runs()
    assert {run.id: [read.outcome for read in run.readings] for run in runs} == {
        1: ["done"],
        2: ["done"],
        3: ["lost"],
        4: [],
        5: ["done"],
    }


def test_from_nothing(settings: Settings, sandbox: Sandbox) -> None:
    """A start from nothing publishes nothing until it has what was published."""
    sync_vendors(settings)
    shutil.rmtree(settings.private)
    published = settings.published.read_bytes()
    short = settings.model_copy(update={"page_size": 10, "requests_per_run": 3})
    with pytest.raises(WarehouseLost, match=r"acme\.duckdb has 40 rows from it"):
        sync_vendors(short)

    first = sync_vendors(short, from_nothing=True)
    others = sync(short, ["customers"], VENDORS)

    assert "Started from nothing" in first.notes[0]
    assert not first.published
    assert not others.published
    assert "is unchanged: it has rows of vendors" in " ".join(first.notes)
    assert first.faults == []
    assert "is unchanged: it has rows of vendors" in str(others.faults[0])
    assert settings.published.read_bytes() == published
    assert sync_vendors(short).published
    assert len(read_history(settings.published)) == 40
    assert len(list_generations(settings.warehouse)) == 1  # none of the empty warehouse


def test_from_nothing_without_a_right(settings: Settings, sandbox: Sandbox) -> None:
    """A published list that P4 Books no longer returns is an error until it is given up."""
    sync_vendors(settings)
    published = settings.published.read_bytes()
    sandbox.forbid("vendors")
    first = sync(settings, ["vendors", "customers"], VENDORS, from_nothing=True)
    again = sync(settings, ["vendors"], VENDORS)
    kept = settings.published.read_bytes()
    without = settings.model_copy(update={"endpoints": ("customers",)})

    last = sync(without, sql=VENDORS)

    for summary in (first, again):
        assert [type(fault) for fault in summary.faults] == [RightMissing, PublishedHasMore]
        assert "leave it out of the setting `endpoints`" in str(summary.faults[1])
    assert kept == published
    assert (last.faults, last.published) == ([], True)


def test_another_address(settings: Settings) -> None:
    """Books at another address are not read, unless the user confirms that they are the same."""
    sync_vendors(settings)
    with Sandbox(data={"vendors": [vendor(n) for n in range(40)]}, limit=0) as moved:
        there = settings.model_copy(update={"base_url": moved.base_url})

        with pytest.raises(OtherBooks, match="--same-books"):
            sync_vendors(there)
        before = len(moved.requests)
        summary = sync_vendors(there, same_books=True)
        again = sync_vendors(there)

    assert before == 0
    assert (summary.faults, again.faults) == ([], [])
    assert [(read.new, read.changed, read.gone) for read in summary.readings] == [(0, 0, 0)]
    with pytest.raises(OtherBooks):
        sync_vendors(settings)


def test_key_of_another_company(settings: Settings, sandbox: Sandbox) -> None:
    """Records of another company are not loaded, in part or later, and the other lists are."""
    slow = settings.model_copy(  # one list at a time: the lists compete for the requests
        update={"page_size": 10, "requests_per_run": 3, "parallel_lists": 1}
    )
    lists = ["customers", "vendors"]
    sync(settings, lists, VENDORS)
    sandbox.books["customers"].replace(1, phone="6000-0000")
    before = [vendor(n) for n in range(40)]
    for number in range(1, 41):
        other = vendor(number, "Other", code=f"B-{number}", date_created="2020-01-01T00:00:00Z")
        sandbox.books["vendors"].replace(number, **other)

    summary = sync(slow, lists, VENDORS)

    assert [type(fault) for fault in summary.faults] == [TooManyChanged]
    changed = {read.endpoint: read.changed for read in summary.readings}
    assert changed == {"vendors": 0, "customers": 1}
    assert not (settings.spool / "vendors").exists()
    for number, own in enumerate(before, 1):
        sandbox.books["vendors"].replace(number, **own)
    assert sync_vendors(settings).faults == []
    assert read_history(settings.published) == [(f"V-{n}", "Molino", True) for n in range(40)]


def number_from(first: int, name: str) -> list[dict[str, Any]]:
    """Return 40 vendors with ids of their own."""
    return [
        vendor(n, name, id=f"{n:08}-0000-4000-8000-000000000000", code=f"{name}-{n}")
        for n in range(first, first + 40)
    ]


def test_other_ids_in_parts(settings: Settings) -> None:
    """Another company with ids of its own is not loaded, however few of its rows a run reads."""
    slow = settings.model_copy(update={"page_size": 4, "requests_per_run": 4})
    with Sandbox(data={"vendors": number_from(0, "Own")}, limit=0) as own:
        slow = slow.model_copy(update={"base_url": own.base_url})
        sync_vendors(slow, full=True)
    before = settings.published.read_bytes()

    with Sandbox(data={"vendors": number_from(500, "Other")}, limit=0) as other:
        there = slow.model_copy(update={"base_url": other.base_url})
        runs = [sync_vendors(there, same_books=True) for _ in range(4)]

    assert {read.new for run in runs for read in run.readings} == {0}
    assert "The API key of another company looks the same." in runs[0].notes[0]
    assert RowsReplaced in {type(fault) for run in runs for fault in run.faults}
    assert settings.published.read_bytes() == before
