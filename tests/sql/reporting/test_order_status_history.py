"""How long orders were seen in each status."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def add_order(insert: Action, set_as_of: Action) -> Action:
    """Insert versions of order 1, each with its start and status; history began on 1 January.

    A version without a status ends the one before: the order is deleted.
    """
    set_as_of("2026-01-31")

    def add_order(table: str, *versions: tuple[str, str | None], **fields: Any) -> None:
        for (since, status), (until, _) in pairwise([*versions, (None, None)]):
            if status != "(deleted)":
                valid = {"_dlt_valid_from": since, "_dlt_valid_to": until}
                insert(table, **{"id": "1", "code": "S-1", **fields, "status": status, **valid})

    return add_order


@pytest.fixture
def stays(query: Query) -> Query:
    """Return a function that selects columns of each order and status."""

    def stays(columns: str) -> list[tuple[Any, ...]]:
        return query(
            f"select {columns} from reporting.order_status_history"
            " order by order_first_seen_at, first_seen_at, document_type"
        )

    return stays


def at(day: int, hour: int = 0) -> datetime:
    """Return an instant in January."""
    return datetime(2026, 1, day, hour, tzinfo=UTC)


def test_statuses(add_order: Action, stays: Query) -> None:
    """Each status has the instants between which it was seen, and its days in Panama."""
    add_order(
        "sales_orders",
        ("2026-01-01 00:00:00+00", "Open"),
        ("2026-01-11 04:59:59+00", "PartiallyFulfilled"),  # still 10 January in Panama
        ("2026-01-15 05:00:00+00", "Fulfilled"),
        customer_id="7",
    )

    assert stays("* exclude (order_first_seen_at)") == [
        ("sales order", "1", "7", "S-1", *row, at(1), days)
        for row, days in [
            (("Open", False, False, at(1), datetime(2026, 1, 11, 4, 59, 59, tzinfo=UTC)), 10),
            (
                (
                    *("PartiallyFulfilled", False, True),
                    *(datetime(2026, 1, 11, 4, 59, 59, tzinfo=UTC), at(15, 5)),
                ),
                5,
            ),
            (("Fulfilled", True, True, at(15, 5), None), 16),
        ]
    ]


def test_one_status(add_order: Action, stays: Query) -> None:
    """Several stays in a status are one row, and so are versions that change other fields, or only
    the spelling."""
    add_order(
        "purchase_orders",
        ("2026-01-01 12:00:00+00", "open"),
        ("2026-01-02 12:00:00+00", "OPEN"),
        ("2026-01-05 12:00:00+00", "Closed"),
        ("2026-01-08 12:00:00+00", "Open"),
        ("2026-01-10 12:00:00+00", "Cancelled"),
    )

    assert stays("status, is_current, first_seen_at, last_seen_at, days_in_status") == [
        ("Open", False, at(1, 12), at(10, 12), 6),
        ("Closed", False, at(5, 12), at(8, 12), 3),
        ("Cancelled", True, at(10, 12), None, 21),
    ]


def test_deleted(add_order: Action, stays: Query) -> None:
    """Days on which an order was deleted do not count."""
    add_order(
        "sales_orders",
        ("2026-01-01 12:00:00+00", "Open"),
        ("2026-01-03 12:00:00+00", "(deleted)"),
        ("2026-01-06 12:00:00+00", "Open"),
        ("2026-01-10 12:00:00+00", "(deleted)"),
    )

    assert stays("status, is_current, last_seen_at, days_in_status") == [
        ("Open", False, at(10, 12), 6)
    ]


def test_no_status(add_order: Action, stays: Query) -> None:
    """No status, one without letters and the word none are one status."""
    add_order(
        "sales_orders",
        *(("2026-01-01", None), ("2026-01-02", "?"), ("2026-01-03", "(none)")),
        ("2026-01-04", " "),
    )

    assert stays("status, party_id, is_current") == [("(none)", "(none)", True)]


def test_start_of_the_first_status(add_order: Action, insert: Action, stays: Query) -> None:
    """The start of an order's first status is known only if the order is younger than history."""
    insert("history", endpoint="sales_orders", since="2026-01-01 12:00:00+00")
    for order, since, created, dated in (
        ("in the first copy", "2026-01-01", "2026-01-05", "2026-01-05"),
        ("created later", "2026-01-02", "2026-01-02", "2025-12-01"),
        ("dated later", "2026-01-02", None, "2026-01-02"),
        # seen later, but older: the first copy took more than a run
        ("created earlier", "2026-01-02", "2025-12-01", "2026-01-05"),
        ("dated earlier", "2026-01-02", None, "2025-12-01"),
        ("without a day", "2026-01-02", None, None),
    ):
        fields = {"date_created": created and f"{created} 12:00:00+00", "document_date": dated}
        add_order("sales_orders", (f"{since} 12:00:00+00", "Open"), id=order, **fields)

    assert {order for order, is_seen in stays("document_id, is_start_seen") if is_seen} == {
        "created later",
        "dated later",
    }
    assert set(stays("history_since")) == {(at(1, 12),)}


def test_id_of_another_order(add_order: Action, stays: Query) -> None:
    """Two orders that had the same id, and two of different lists, are not mixed."""
    for code, since, until in (("S-1", "2026-01-01", "2026-01-05"), ("S-9", "2026-01-10", None)):
        versions = [(since, "Open")] + ([(until, "(deleted)")] if until else [])
        add_order("sales_orders", *versions, code=code)
    add_order("purchase_orders", ("2026-01-02", "Open"), code="O-1")

    assert stays("document_type, document_code, is_current") == [
        ("sales order", "S-1", False),
        ("purchase order", "O-1", True),
        ("sales order", "S-9", True),
    ]
