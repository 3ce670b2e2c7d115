"""As-of instant of the figures, and the warehouse as it was on a past day."""

import shutil
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from p4books.endpoints import ENDPOINTS
from p4books.errors import NoPicture
from p4books.load.schema import create_tables
from p4books.settings import Settings, validate_settings
from p4books.storage.database import borrow_reader
from p4books.storage.run_log import EndpointRun, Run
from p4books.transform.as_of import freshness_query, record_as_of, rewind_to_day

Rows = list[tuple[Any, ...]]

PANAMA = validate_settings({"tenant": "acme"})  # where a day ends at 05:00 UTC


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse without rows, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "warehouse.duckdb"
    create_tables(path, tuple(ENDPOINTS.values()))
    return path


@pytest.fixture
def warehouse(empty: Path, tmp_path: Path) -> Path:
    """A warehouse without rows, for one test."""
    return Path(shutil.copy(empty, tmp_path))


def insert_version(
    warehouse: Path, code: str, since: str, until: str | None = None, table: str = "vendors"
) -> None:
    insert_versions(warehouse, [(code, since, until)], table)


def insert_versions(
    warehouse: Path, versions: Sequence[tuple[str, str, str | None]], table: str = "vendors"
) -> None:
    """Insert versions of records: code, valid from and valid to, in UTC."""
    with duckdb.connect(warehouse) as con:
        con.execute("set TimeZone = 'UTC'")
        con.executemany(
            f"insert into raw.{table} (id, code, _dlt_valid_from, _dlt_valid_to)"
            " values (?, ?, ?, ?)",
            [[code[0], code, since, until] for code, since, until in versions],
        )


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def make_run(number: int, end: str, **fields: Any) -> Run:
    """Make a run that read the vendors in the minute before an instant in UTC."""
    at = instant(end).timestamp()
    given = {"current_to": at, "complete": True, **fields}
    scan = EndpointRun("vendors", "whole", "done", at - 60, at, **given)
    return Run(number, at - 60, at, "done", 1, 0, 0.0, (scan,))


def record(warehouse: Path, runs: Sequence[Run] = (), settings: Settings = PANAMA) -> None:
    with duckdb.connect(warehouse) as con:
        con.execute("set TimeZone = 'UTC'")
        record_as_of(con, settings, runs)


def query(warehouse: Path, sql: str) -> Rows:
    with borrow_reader(warehouse) as con:
        return con.execute(sql).fetchall()


def current_on(warehouse: Path, day: date, settings: Settings = PANAMA) -> list[str]:
    """Rewind to a day and return the codes of the current rows."""
    rewind_to_day(warehouse, day, settings)
    current = "select code from raw.vendors where _dlt_valid_to is null order by code"
    return [code for (code,) in query(warehouse, current)]


AS_OF = "select as_of_at, as_of_on, history_since from raw.as_of"


def test_empty_warehouse(warehouse: Path) -> None:
    """Without rows the as-of row has the tenant and no instant, and no day can be shown."""
    record(warehouse)

    assert query(warehouse, "from raw.as_of") == [
        (None, None, None, "acme", "America/Panama", "USD", "document")
    ]
    assert query(warehouse, "from raw.runs") == []
    with pytest.raises(NoPicture, match=r"Nothing has been copied yet.*Run `p4books sync` first"):
        rewind_to_day(warehouse, date(2026, 3, 1), PANAMA)


def test_day_is_in_the_tenants_time_zone(warehouse: Path) -> None:
    """The instant is that of the newest scan, and the day is the tenant's."""
    insert_version(warehouse, "1", "2026-03-01T12:00")
    runs = [make_run(2, "2026-04-01T04:59:59"), make_run(1, "2026-03-01T12:00")]

    record(warehouse, runs)
    panama = query(warehouse, AS_OF)
    record(warehouse, runs, validate_settings({"tenant": "acme", "timezone": "Asia/Tokyo"}))

    since = instant("2026-03-01T12:00")
    assert panama == [(instant("2026-04-01T04:59:59"), date(2026, 3, 31), since)]
    assert query(warehouse, AS_OF)[0][1] == date(2026, 4, 1)


def test_failed_run(warehouse: Path) -> None:
    """A scan from which nothing was loaded does not move the as-of instant."""
    insert_version(warehouse, "1", "2026-03-01T12:00")
    failed = make_run(2, "2026-03-09T12:00", current_to=None, complete=False)

    record(warehouse, [failed, make_run(1, "2026-03-01T12:00")])

    assert query(warehouse, AS_OF)[0][0] == instant("2026-03-01T12:00")


def test_lost_run_log(warehouse: Path) -> None:
    """Without a run log the newest change is the as-of instant."""
    insert_version(warehouse, "1", "2026-03-01T12:00", "2026-03-05T12:00")
    insert_version(warehouse, "2", "2026-03-02T12:00")

    record(warehouse)

    assert query(warehouse, AS_OF)[0][:2] == (instant("2026-03-05T12:00"), date(2026, 3, 5))


def test_start_of_the_history(warehouse: Path) -> None:
    """The history begins with the first copy of the invoices, or else of the last list."""
    insert_version(warehouse, "1", "2026-03-01T12:00")
    insert_version(warehouse, "2", "2026-03-03T12:00", table="customers")
    record(warehouse)
    by_rows = query(warehouse, AS_OF)[0][2]
    with duckdb.connect(warehouse) as con:
        con.execute("insert into raw.history values ('invoices', '2026-03-04T12:00:00Z')")
        con.execute("insert into raw.history values ('customers', '2026-03-05T12:00:00Z')")
    record(warehouse)

    assert by_rows == instant("2026-03-03T12:00")
    assert query(warehouse, AS_OF)[0][2] == instant("2026-03-04T12:00")


def test_warehouse_without_a_recorded_history(warehouse: Path) -> None:
    """In an older warehouse the start of the history comes from the rows."""
    insert_version(warehouse, "1", "2026-03-01T12:00")
    with duckdb.connect(warehouse) as con:
        con.execute("drop table raw.history")
    create_tables(warehouse, tuple(ENDPOINTS.values()))

    record(warehouse)

    assert query(warehouse, AS_OF)[0][2] == instant("2026-03-01T12:00")


@pytest.fixture(scope="module")
def recorded(empty: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with a history, to be copied.

    At noon in Panama, a row was inserted and never changed, one changed, one was deleted and came
    back, and one was inserted later.
    """
    path = Path(shutil.copy(empty, tmp_path_factory.mktemp("recorded")))
    versions = [
        ("a stays", "2026-03-01T17:00", None),
        ("b before", "2026-03-01T17:00", "2026-03-03T17:00"),
        ("b after", "2026-03-03T17:00", None),
        ("c first", "2026-03-01T17:00", "2026-03-02T17:00"),
        ("c again", "2026-03-04T17:00", None),
        ("d later", "2026-03-03T17:00", None),
    ]
    insert_versions(path, versions)
    record(path, [make_run(n, f"2026-03-0{n}T17:00") for n in (5, 4, 3, 2, 1)])
    return path


@pytest.fixture
def history(recorded: Path, tmp_path: Path) -> Path:
    """The warehouse with a history, for one test."""
    return Path(shutil.copy(recorded, tmp_path))


CURRENT = {
    1: ["a stays", "b before", "c first"],
    2: ["a stays", "b before"],
    3: ["a stays", "b after", "d later"],
    4: ["a stays", "b after", "c again", "d later"],
}


@pytest.mark.parametrize("day", CURRENT)
def test_past_day(history: Path, day: int) -> None:
    """The rows at the end of a day are current, and everything later is gone."""
    assert current_on(history, date(2026, 3, day)) == CURRENT[day]

    at = instant(f"2026-03-0{day + 1}T04:59:59.999999")
    assert query(history, AS_OF)[0][:2] == (at, date(2026, 3, day))
    late = "select count(*) from raw.vendors where greatest(_dlt_valid_from, _dlt_valid_to) > "
    assert query(history, f"{late} '{at}'") == [(0,)]
    assert query(history, "select list(run_id order by run_id) from raw.runs") == [
        (list(range(1, day + 1)),)
    ]


def test_closed_versions_stay_closed(history: Path) -> None:
    """A version that had ended by that day keeps its end."""
    rewind_to_day(history, date(2026, 3, 3), PANAMA)

    ends = "select code, _dlt_valid_to from raw.vendors where _dlt_valid_to is not null"
    assert sorted(query(history, ends)) == [
        ("b before", instant("2026-03-03T17:00")),
        ("c first", instant("2026-03-02T17:00")),
    ]


EDGES = {
    "last instant of the day": ("2026-03-03T04:59:59.999999", True),
    "first instant of the next": ("2026-03-03T05:00:00", False),
}


@pytest.mark.parametrize("case", EDGES)
def test_edge_of_a_day(warehouse: Path, case: str) -> None:
    """A change before midnight in the tenant's time zone belongs to the day, a later one not."""
    at, is_included = EDGES[case]
    insert_version(warehouse, "a", "2026-03-01T17:00")
    insert_version(warehouse, "b new", at)
    insert_version(warehouse, "c gone", "2026-03-01T17:00", at)
    record(warehouse, [make_run(1, "2026-03-05T17:00")])

    codes = current_on(warehouse, date(2026, 3, 2))

    assert codes == ["a", "b new" if is_included else "c gone"]


def test_day_without_midnight(warehouse: Path) -> None:
    """If clocks are set forward at midnight, the day ends at that instant."""
    havana = validate_settings({"tenant": "acme", "timezone": "America/Havana"})
    insert_version(warehouse, "a", "2026-03-01T17:00")
    insert_version(warehouse, "b that day", "2026-03-08T04:59:59")
    insert_version(warehouse, "c the next", "2026-03-08T05:00:00")
    record(warehouse, [make_run(1, "2026-03-15T17:00")], havana)

    assert current_on(warehouse, date(2026, 3, 7), havana) == ["a", "b that day"]


def test_day_of_25_hours(warehouse: Path) -> None:
    """If clocks are put back at midnight, the day ends with the second 23:59:59."""
    santiago = validate_settings({"tenant": "acme", "timezone": "America/Santiago"})
    insert_version(warehouse, "a first 23:30", "2026-04-03T17:00", "2026-04-05T03:30:00")
    insert_version(warehouse, "b second 23:30", "2026-04-05T03:30:00")
    insert_version(warehouse, "c next day", "2026-04-05T04:00:00")
    record(warehouse, [make_run(1, "2026-04-06T15:00")], santiago)

    assert current_on(warehouse, date(2026, 4, 4), santiago) == ["b second 23:30"]
    assert query(warehouse, AS_OF)[0][:2] == (
        instant("2026-04-05T03:59:59.999999"),
        date(2026, 4, 4),
    )


def test_later_findings_are_removed(history: Path) -> None:
    """Fields discovered later are removed; when a row was last seen is not known."""
    with duckdb.connect(history) as con:
        con.execute("insert into raw.seen values ('vendors', 'a', '2026-03-02T12:00:00Z')")
        con.execute("insert into raw.seen values ('vendors', 'b', '2026-03-04T12:00:00Z')")
        con.execute("insert into raw.fields values ('vendors', 'old', '2026-03-02T12:00:00Z')")
        con.execute("insert into raw.fields values ('vendors', 'new', '2026-03-04T12:00:00Z')")

    rewind_to_day(history, date(2026, 3, 2), PANAMA)

    current = "select 'vendors', id, null from raw.vendors where _dlt_valid_to is null"
    assert query(history, current) != []
    assert query(history, "from raw.seen order by id") == query(history, f"{current} order by id")
    assert query(history, "select field from raw.fields") == [("old",)]


OUTSIDE = {
    "before the history": (date(2026, 2, 28), "The first day that can be shown is 2026-03-01"),
    "long before": (date.min, "The first day that can be shown is 2026-03-01"),
    "not over": (date(2026, 3, 5), "that day was not over.* The last .* is 2026-03-04"),
    "in the future": (date(2026, 3, 6), "the last sync was on 2026-03-05, .* is 2026-03-04"),
    "never": (date.max, "The last day that can be shown is 2026-03-04"),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_day_outside_the_history(history: Path, case: str) -> None:
    """A day outside the history is an error that names the nearest day; nothing changes."""
    day, why = OUTSIDE[case]
    before = query(history, "from raw.vendors order by all")

    with pytest.raises(NoPicture, match=f"cannot be shown as of {day}: .*{why}") as caught:
        rewind_to_day(history, day, PANAMA)

    assert caught.value.exit_code == 2
    assert query(history, "from raw.vendors order by all") == before


def test_first_day(warehouse: Path) -> None:
    """On the day of the first sync no day can be shown yet, and the error says when."""
    insert_version(warehouse, "a", "2026-03-01T17:00")
    record(warehouse, [make_run(1, "2026-03-01T17:00")])

    for day in (1, 2):
        with pytest.raises(
            NoPicture, match=r"that day was not over .* Sync again after 2026-03-01"
        ):
            rewind_to_day(warehouse, date(2026, 3, day), PANAMA)


def test_runs(warehouse: Path) -> None:
    """raw.runs has a row per run and list, with timestamps."""
    counts = {"announced": 9, "held": 8, "new": 3, "changed": 2, "gone": 1, "requests": 4}
    runs = [
        make_run(7, "2026-03-05T17:00", **counts),
        make_run(6, "2026-03-05T16:00", current_to=None),
    ]

    record(warehouse, runs)

    columns = "run_id, endpoint, mode, outcome, started_at, ended_at, current_to, complete"
    assert query(warehouse, f"select {columns} from raw.runs") == [
        (
            *(7, "vendors", "whole", "done", instant("2026-03-05T16:59")),
            *(instant("2026-03-05T17:00"), instant("2026-03-05T17:00"), True),
        ),
        (
            *(6, "vendors", "whole", "done", instant("2026-03-05T15:59")),
            *(instant("2026-03-05T16:00"), None, True),
        ),
    ]
    names = ", ".join(counts)
    assert query(warehouse, f"select {names} from raw.runs limit 1") == [tuple(counts.values())]


def test_freshness_of_every_endpoint(warehouse: Path) -> None:
    """A new endpoint has its two columns without any change of SQL."""
    record(warehouse, [make_run(1, "2026-03-01T12:01")])
    endpoints = [*ENDPOINTS, "payments"]

    columns = query(warehouse, f"select column_name from (describe {freshness_query(endpoints)})")

    assert [column for (column,) in columns] == [
        *("missing_lists", "current_to", "verified_to"),
        *(f"{name}_{word}_to" for name in endpoints for word in ("current", "verified")),
    ]
    assert query(
        warehouse, "select vendors_current_to, vendors_verified_to from raw.freshness"
    ) == [(instant("2026-03-01T12:01"), instant("2026-03-01T12:00"))]
