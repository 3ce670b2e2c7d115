"""As of when are the figures?"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from p4books.endpoints import ENDPOINTS
from p4books.load import tables
from p4books.runlog import Reading, Run
from p4books.settings import Settings, make
from p4books.warehouse import as_of
from p4books.warehouse.errors import NoPicture

Hold = Callable[..., None]
Rows = list[tuple[Any, ...]]

PANAMA = make({"tenant": "acme"})  # where a day ends at 05:00 UTC


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """A warehouse without a row."""
    path = tmp_path / "warehouse.duckdb"
    tables.create(path, tuple(ENDPOINTS.values()))
    return path


@pytest.fixture
def hold(warehouse: Path) -> Hold:
    """Hold a version of a row, from an instant in UTC until another one."""

    def hold(code: str, since: str, until: str | None = None, table: str = "vendors") -> None:
        with duckdb.connect(warehouse) as con:
            con.execute("set TimeZone = 'UTC'")
            con.execute(
                f"insert into raw.{table} (id, code, _dlt_valid_from, _dlt_valid_to)"
                " values (?, ?, ?, ?)",
                [code[0], code, since, until],
            )

    return hold


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def run(number: int, end: str, **said: Any) -> Run:
    """Give a run that read the vendors, in the minute before an instant in UTC."""
    at = instant(end).timestamp()
    told = {"current_to": at, "complete": True, **said}
    reading = Reading("vendors", "whole", "done", at - 60, at, **told)
    return Run(number, at - 60, at, "done", 1, 0, 0.0, (reading,))


def note(warehouse: Path, runs: Sequence[Run] = (), settings: Settings = PANAMA) -> None:
    with duckdb.connect(warehouse) as con:
        con.execute("set TimeZone = 'UTC'")
        as_of.note(con, settings, runs)


def ask(warehouse: Path, query: str) -> Rows:
    with duckdb.connect(warehouse, read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        return con.execute(query).fetchall()


def shown(warehouse: Path, day: date, settings: Settings = PANAMA) -> list[str]:
    """Go back to a day and give the rows that are current then."""
    as_of.rewind(warehouse, day, settings)
    current = "select code from raw.vendors where _dlt_valid_to is null order by code"
    return [code for (code,) in ask(warehouse, current)]


AS_OF = "select as_of_at, as_of_on, history_since from raw.as_of"


def test_an_empty_warehouse(warehouse: Path) -> None:
    """Before anything is held there is one row, which knows the tenant and no instant."""
    note(warehouse)

    assert ask(warehouse, "from raw.as_of") == [(None, None, None, "acme", "America/Panama", "USD")]
    assert ask(warehouse, "from raw.runs") == []
    with pytest.raises(NoPicture, match=r"Nothing is held yet.*Run `p4books sync` first"):
        as_of.rewind(warehouse, date(2026, 3, 1), PANAMA)


def test_the_day_is_the_tenants(warehouse: Path, hold: Hold) -> None:
    """The instant is that of the newest reading, its day that of the tenant's own clocks."""
    hold("1", "2026-03-01T12:00")
    runs = [run(2, "2026-04-01T04:59:59"), run(1, "2026-03-01T12:00")]

    note(warehouse, runs)
    panama = ask(warehouse, AS_OF)
    note(warehouse, runs, make({"tenant": "acme", "timezone": "Asia/Tokyo"}))

    since = instant("2026-03-01T12:00")
    assert panama == [(instant("2026-04-01T04:59:59"), date(2026, 3, 31), since)]
    assert ask(warehouse, AS_OF)[0][1] == date(2026, 4, 1)


def test_a_run_that_read_nothing_whole(warehouse: Path, hold: Hold) -> None:
    """A reading that took nothing in makes no picture newer."""
    hold("1", "2026-03-01T12:00")
    failed = run(2, "2026-03-09T12:00", current_to=None, complete=False)

    note(warehouse, [failed, run(1, "2026-03-01T12:00")])

    assert ask(warehouse, AS_OF)[0][0] == instant("2026-03-01T12:00")


def test_without_a_log(warehouse: Path, hold: Hold) -> None:
    """Where the log of runs is lost, the newest change tells to when the picture is known."""
    hold("1", "2026-03-01T12:00", "2026-03-05T12:00")
    hold("2", "2026-03-02T12:00")

    note(warehouse)

    assert ask(warehouse, AS_OF)[0][:2] == (instant("2026-03-05T12:00"), date(2026, 3, 5))


def test_history_begins_with_the_invoices(warehouse: Path, hold: Hold) -> None:
    """A day can be shown since the invoices are held; before they ever are, since all lists are."""
    hold("1", "2026-03-01T12:00")
    hold("2", "2026-03-03T12:00", table="customers")
    note(warehouse)
    by_rows = ask(warehouse, AS_OF)[0][2]
    with duckdb.connect(warehouse) as con:
        con.execute("insert into raw.history values ('invoices', '2026-03-04T12:00:00Z')")
        con.execute("insert into raw.history values ('customers', '2026-03-05T12:00:00Z')")
    note(warehouse)

    assert by_rows == instant("2026-03-03T12:00")
    assert ask(warehouse, AS_OF)[0][2] == instant("2026-03-04T12:00")


def test_a_warehouse_from_before_history_was_noted(warehouse: Path, hold: Hold) -> None:
    """An older warehouse lacks the table; made anew it is empty, and the rows tell it."""
    hold("1", "2026-03-01T12:00")
    with duckdb.connect(warehouse) as con:
        con.execute("drop table raw.history")
    tables.create(warehouse, tuple(ENDPOINTS.values()))

    note(warehouse)

    assert ask(warehouse, AS_OF)[0][2] == instant("2026-03-01T12:00")


@pytest.fixture
def history(warehouse: Path, hold: Hold) -> Path:
    """A row that stays, one that changed, one that went and came back, and one made later.

    All of it at noon in Panama.
    """
    hold("a stays", "2026-03-01T17:00")
    hold("b before", "2026-03-01T17:00", "2026-03-03T17:00")
    hold("b after", "2026-03-03T17:00")
    hold("c first", "2026-03-01T17:00", "2026-03-02T17:00")
    hold("c again", "2026-03-04T17:00")
    hold("d later", "2026-03-03T17:00")
    note(warehouse, [run(n, f"2026-03-0{n}T17:00") for n in (5, 4, 3, 2, 1)])
    return warehouse


PICTURES = {
    1: ["a stays", "b before", "c first"],
    2: ["a stays", "b before"],
    3: ["a stays", "b after", "d later"],
    4: ["a stays", "b after", "c again", "d later"],
}


@pytest.mark.parametrize("day", PICTURES)
def test_a_day_of_the_past(history: Path, day: int) -> None:
    """What was there at the end of a day is current; what came later is not there at all."""
    assert shown(history, date(2026, 3, day)) == PICTURES[day]

    at = instant(f"2026-03-0{day + 1}T04:59:59.999999")
    assert ask(history, AS_OF)[0][:2] == (at, date(2026, 3, day))
    late = "select count(*) from raw.vendors where greatest(_dlt_valid_from, _dlt_valid_to) > "
    assert ask(history, f"{late} '{at}'") == [(0,)]
    assert ask(history, "select list(run_id order by run_id) from raw.runs") == [
        (list(range(1, day + 1)),)
    ]


def test_closed_rows_stay_closed(history: Path) -> None:
    """A version that was closed by then keeps its end: history is as it was."""
    as_of.rewind(history, date(2026, 3, 3), PANAMA)

    ends = "select code, _dlt_valid_to from raw.vendors where _dlt_valid_to is not null"
    assert sorted(ask(history, ends)) == [
        ("b before", instant("2026-03-03T17:00")),
        ("c first", instant("2026-03-02T17:00")),
    ]


EDGES = {
    "the last instant of the day": ("2026-03-03T04:59:59.999999", True),
    "the first of the next": ("2026-03-03T05:00:00", False),
}


@pytest.mark.parametrize("case", EDGES)
def test_the_edge_of_a_day(warehouse: Path, hold: Hold, case: str) -> None:
    """What changed up to midnight in the tenant's zone belongs to the day, and no later thing."""
    at, is_there = EDGES[case]
    hold("a", "2026-03-01T17:00")
    hold("b new", at)
    hold("c gone", "2026-03-01T17:00", at)
    note(warehouse, [run(1, "2026-03-05T17:00")])

    assert shown(warehouse, date(2026, 3, 2)) == ["a", "b new" if is_there else "c gone"]


def test_a_day_without_a_midnight(warehouse: Path, hold: Hold) -> None:
    """Where clocks go on at midnight, the day ends when they do."""
    havana = make({"tenant": "acme", "timezone": "America/Havana"})
    hold("a", "2026-03-01T17:00")
    hold("b that day", "2026-03-08T04:59:59")
    hold("c the next", "2026-03-08T05:00:00")
    note(warehouse, [run(1, "2026-03-15T17:00")], havana)

    assert shown(warehouse, date(2026, 3, 7), havana) == ["a", "b that day"]


def test_what_was_noted_later(history: Path) -> None:
    """Fields that were found later are not known yet, nor when a row was seen last."""
    with duckdb.connect(history) as con:
        con.execute("insert into raw.seen values ('vendors', 'a', '2026-03-02T12:00:00Z')")
        con.execute("insert into raw.seen values ('vendors', 'b', '2026-03-04T12:00:00Z')")
        con.execute("insert into raw.fields values ('vendors', 'old', '2026-03-02T12:00:00Z')")
        con.execute("insert into raw.fields values ('vendors', 'new', '2026-03-04T12:00:00Z')")

    as_of.rewind(history, date(2026, 3, 2), PANAMA)

    assert ask(history, "select id from raw.seen") == []
    assert ask(history, "select field from raw.fields") == [("old",)]


REFUSED = {
    "before the history": (date(2026, 2, 28), "The first day that can be shown is 2026-03-01"),
    "long before": (date.min, "The first day that can be shown is 2026-03-01"),
    "not over": (date(2026, 3, 5), "that day was not over. The last .* is 2026-03-04"),
    "to come": (date(2026, 3, 6), "they are known to 2026-03-05, .* is 2026-03-04"),
    "never": (date.max, "The last day that can be shown is 2026-03-04"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_day_that_cannot_be_shown(history: Path, case: str) -> None:
    """A day outside the history is refused with the nearest that can be, and nothing changes."""
    day, why = REFUSED[case]
    before = ask(history, "from raw.vendors order by all")

    with pytest.raises(NoPicture, match=f"can't be shown as of {day}: .*{why}") as caught:
        as_of.rewind(history, day, PANAMA)

    assert caught.value.exit_code == 2
    assert ask(history, "from raw.vendors order by all") == before


def test_on_the_first_day(warehouse: Path, hold: Hold) -> None:
    """On the day of the first sync no day can be shown yet, and it is said which will be."""
    hold("a", "2026-03-01T17:00")
    note(warehouse, [run(1, "2026-03-01T17:00")])

    for day in (1, 2):
        with pytest.raises(NoPicture, match="Sync again after 2026-03-01: that is the first day"):
            as_of.rewind(warehouse, date(2026, 3, day), PANAMA)


def test_the_runs_are_told(warehouse: Path) -> None:
    """What each run did for each list is a row, its instants as instants."""
    said = {"announced": 9, "held": 8, "new": 3, "changed": 2, "gone": 1, "requests": 4}
    runs = [run(7, "2026-03-05T17:00", **said), run(6, "2026-03-05T16:00", current_to=None)]

    note(warehouse, runs)

    columns = "run_id, endpoint, mode, outcome, started_at, ended_at, current_to, complete"
    assert ask(warehouse, f"select {columns} from raw.runs") == [
        (
            *(7, "vendors", "whole", "done", instant("2026-03-05T16:59")),
            *(instant("2026-03-05T17:00"), instant("2026-03-05T17:00"), True),
        ),
        (
            *(6, "vendors", "whole", "done", instant("2026-03-05T15:59")),
            *(instant("2026-03-05T16:00"), None, True),
        ),
    ]
    counts = ", ".join(said)
    assert ask(warehouse, f"select {counts} from raw.runs limit 1") == [tuple(said.values())]


def test_every_endpoint_has_its_freshness(warehouse: Path) -> None:
    """An endpoint that is added has its two columns without any SQL being written for it."""
    note(warehouse, [run(1, "2026-03-01T12:01")])

    query = as_of.freshness([*ENDPOINTS, "payments"])
    with duckdb.connect(warehouse, read_only=True) as con:
        columns = [column for column, *_ in con.execute(f"describe {query}").fetchall()]

    assert columns == [
        *("missing_lists", "current_to", "verified_to"),
        *(
            f"{name}_{word}_to"
            for name in [*ENDPOINTS, "payments"]
            for word in ("current", "verified")
        ),
    ]
    assert ask(warehouse, "select vendors_current_to, vendors_verified_to from raw.freshness") == [
        (instant("2026-03-01T12:01"), instant("2026-03-01T12:00"))
    ]
