"""As-of row: day and timestamp of the figures, and how current each list is."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


def instant(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=UTC)


def test_one_row(set_as_of: Action, query: Query) -> None:
    """The models get one row, with the tenant and the start of history."""
    set_as_of("2026-01-09", history_since="2026-01-02 03:00:00+00")

    assert query(
        "select tenant, timezone, currency, as_of_on, as_of_at, history_since from core.as_of"
    ) == [("acme", "America/Panama", "USD", date(2026, 1, 9), instant(9, 17), instant(2, 3))]


def test_before_the_first_run(query: Query) -> None:
    """Before the first run the row exists, without an as-of day."""
    assert query("select as_of_on, as_of_at, current_to, verified_to from core.as_of") == [
        (None, None, None, None)
    ]


def test_current_and_verified(insert: Action, query: Query) -> None:
    """A list is current to its last read of the newest rows and verified to its last complete
    scan."""
    run = {"endpoint": "products", "run_id": 1, "complete": True}
    insert("runs", **run, started_at="2026-01-01 00:00:00+00", current_to=None)
    insert("runs", **{**run, "run_id": 2}, started_at="2026-01-02 00:00:00+00", current_to=None)
    insert(
        "runs",
        **{**run, "run_id": 3, "complete": False},
        started_at="2026-01-03 00:00:00+00",
        current_to="2026-01-03 04:00:00+00",
    )
    insert(
        "runs",
        **{**run, "run_id": 4, "complete": False},
        started_at="2026-01-04 00:00:00+00",
        current_to=None,
    )

    assert query("select products_current_to, products_verified_to from core.as_of") == [
        (instant(3, 4), instant(2))
    ]


def test_least_current_list(insert: Action, query: Query) -> None:
    """The warehouse is as current as the list that was read longest ago."""
    names = (
        "products",
        "customers",
        "vendors",
        "invoices",
        "purchase_orders",
        "sales_orders",
    )
    for day, name in enumerate(names, start=2):
        insert(
            "runs",
            run_id=1,
            endpoint=name,
            complete=True,
            started_at=f"2026-01-0{day - 1} 00:00:00+00",
            current_to=f"2026-01-0{day} 00:00:00+00",
        )

    (row,) = query("select current_to, verified_to, columns('.*_current_to') from core.as_of")

    assert row == (instant(2), instant(1), *(instant(day) for day in range(2, 8)))


def test_incomplete_first_copy(insert: Action, query: Query) -> None:
    """A list whose first copy is not finished is named; one that is complete, even if empty, or
    already has rows is not."""
    started = {"run_id": 1, "started_at": "2026-01-01 00:00:00+00"}
    insert("runs", **started, endpoint="invoices", complete=False, held=0)
    insert("runs", **started, endpoint="sales_orders", complete=False, held=0)
    insert("runs", **started, endpoint="vendors", complete=True, held=0)
    insert("runs", **started, endpoint="products", complete=False, held=9)

    assert query("select missing_lists from core.as_of") == [("invoices, sales_orders",)]
