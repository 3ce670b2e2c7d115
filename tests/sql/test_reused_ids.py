"""Ids that P4 Books gives to another record, whether a run saw that the first was gone or not."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]
Span = tuple[str, str | None]

F3 = {
    "code": "F-3",
    "document_date": "2026-01-01",
    "date_created": "2026-01-01T15:00:00Z",
    "status": "Posted",
    "total": "50.00",
}
F9 = {
    "code": "F-9",
    "document_date": "2026-01-04",
    "date_created": "2026-01-04T15:00:00Z",
    "status": "Paid",
    "total": "999.00",
}
FIRST = ("2026-01-02", "2026-01-04")  # when F-3 was valid
AFTER_A_GAP = ("2026-01-05", None)
AT_ONCE = ("2026-01-04", None)


@pytest.fixture
def add_versions(insert: Action) -> Action:
    """Return a function that adds versions of id 1, each with the span in which it was valid."""

    def add_versions(*versions: dict[str, Any], table: str = "invoices") -> None:
        for version in versions:
            values = dict(version)
            since, until = values.pop("span")
            insert(table, id="1", _dlt_valid_from=since, _dlt_valid_to=until, **values)

    return add_versions


RECORDS = "select count(distinct first_seen_at) from staging.invoices_history"

SAME: dict[str, tuple[Span, dict[str, Any]]] = {
    "returned": (AFTER_A_GAP, {}),
    "returned, code corrected": (AFTER_A_GAP, {"code": "F-33"}),
    "returned, date corrected": (AFTER_A_GAP, {"document_date": "2026-01-03"}),
    "returned, code and date corrected": (
        AFTER_A_GAP,
        {"code": "F-33", "document_date": "2026-01-03", "total": "1.00"},
    ),
    "returned, in local time": (AFTER_A_GAP, {"date_created": "2026-01-01T10:00:00Z"}),
    "returned, created on a day": (AFTER_A_GAP, {"date_created": "2026-01-01"}),
    "returned, without a code": (AFTER_A_GAP, {"code": None}),
    "returned, code in other letters": (AFTER_A_GAP, {"code": " f-3", "date_created": None}),
    "code corrected": (AT_ONCE, {"code": "F-33"}),
    "code and date corrected": (AT_ONCE, {"code": "F-33", "document_date": "2026-01-03"}),
    "code corrected, without creation date": (AT_ONCE, {"code": "F-33", "date_created": None}),
    "all in a new notation": (
        AT_ONCE,
        {"code": "INV-0003", "date_created": "2026-01-01T10:00:00Z"},
    ),
    "another creation date": (AT_ONCE, {"date_created": "2026-01-03T15:00:00Z"}),
}


@pytest.mark.parametrize("case", SAME)
def test_same_record(add_versions: Action, query: Query, case: str) -> None:
    """A record whose code, date or notation is corrected, or that returns, stays the same one."""
    span, changes = SAME[case]
    add_versions({**F3, "span": FIRST}, {**F3, **changes, "span": span})

    assert query(RECORDS) == [(1,)]


OTHER: dict[str, tuple[Span, dict[str, Any]]] = {
    "after a gap": (AFTER_A_GAP, {}),
    "of the same day": (AFTER_A_GAP, {"document_date": F3["document_date"]}),
    "with the same code": (AFTER_A_GAP, {"code": "F-3"}),
    "without creation dates": (AFTER_A_GAP, {"date_created": None}),
    "made within a day": (AFTER_A_GAP, {"date_created": "2026-01-01T16:00:00Z"}),
    "at once": (AT_ONCE, {}),
    "at once, of the same day": (AT_ONCE, {"document_date": F3["document_date"]}),
    "at once, made before": (AT_ONCE, {"date_created": "2026-01-01T16:00:00Z"}),
}


@pytest.mark.parametrize("case", OTHER)
def test_another_record(add_versions: Action, query: Query, case: str) -> None:
    """Another code and creation date are another record, which was first seen when it came."""
    span, changes = OTHER[case]
    add_versions({**F3, "span": FIRST}, {**F9, **changes, "span": span})

    assert query(RECORDS) == [(2,)]
    assert query("select first_seen_at::date::varchar from core.fct_invoice") == [(span[0],)]


def test_creation_date_missing_for_a_while(add_versions: Action, query: Query) -> None:
    """A version without a creation date does not hide that a later one is of another record."""
    without = {**F3, "date_created": None, "status": "Void", "span": ("2026-01-03", "2026-01-04")}
    add_versions({**F3, "span": ("2026-01-02", "2026-01-03")}, without, {**F9, "span": AFTER_A_GAP})

    assert query(RECORDS) == [(2,)]


def test_deleted_document_stays_listed(add_versions: Action, query: Query) -> None:
    """The deleted document stays among the deleted ones, also if the other is void or deleted."""
    add_versions(
        {**F3, "span": FIRST}, {**F9, "status": "Void", "span": ("2026-01-05", "2026-01-06")}
    )

    assert query(
        "select document_code, fate, status_before, total::varchar, last_seen_at::date::varchar"
        " from reporting.void_and_deleted order by first_seen_at"
    ) == [
        ("F-3", "deleted", "Posted", "50.00", "2026-01-04"),
        ("F-9", "deleted", None, "999.00", "2026-01-06"),
    ]


def test_other_record_is_not_a_change(add_versions: Action, query: Query) -> None:
    """The other document is neither a return nor a change of the first; its own changes are."""
    add_versions(
        {**F3, "span": FIRST},
        {**F9, "span": ("2026-01-05", "2026-01-06")},
        {**F9, "total": "998.00", "span": ("2026-01-06", None)},
    )

    assert query("select changed_fields, is_returned from reporting.document_changes") == [
        ("total", False)
    ]


def test_other_record_is_not_a_payment(add_versions: Action, query: Query) -> None:
    """An invoice that is paid when it comes was not seen turning paid, whoever had its id."""
    add_versions(
        {**F3, "customer_id": "7", "span": FIRST}, {**F9, "customer_id": "7", "span": AFTER_A_GAP}
    )

    assert query("from reporting.payment_behaviour") == []


PARTIES = [
    ("products", "product"),
    ("customers", "customer"),
    ("vendors", "vendor"),
]


@pytest.mark.parametrize(("table", "name"), PARTIES)
def test_other_party_or_product(add_versions: Action, query: Query, table: str, name: str) -> None:
    """A customer, vendor or product with a used id is the new one, first seen when it came."""
    first = {"code": "1", "name": "First", "date_created": "2026-01-01T15:00:00Z"}
    other = {"code": "2", "name": "Other", "date_created": "2026-01-01T16:00:00Z"}
    add_versions({**first, "span": FIRST}, {**other, "span": AT_ONCE}, table=table)

    assert query(
        f"select {name}_name, is_deleted, first_seen_at::date::varchar from core.dim_{name}"
    ) == [("Other", False, "2026-01-04")]


@pytest.mark.parametrize("table", ["sales_orders", "purchase_orders"])
def test_other_order(add_versions: Action, query: Query, table: str) -> None:
    """An order with a used id was first seen when it came, and last changed then."""
    add_versions({**F3, "span": FIRST}, {**F9, "span": AFTER_A_GAP}, table=table)

    assert query(
        "select first_seen_at::date::varchar, last_changed_at::date::varchar"
        f" from core.fct_{table.removesuffix('s')}"
    ) == [("2026-01-05", "2026-01-05")]


def test_finding(add_versions: Action, query: Query) -> None:
    """An id that was used again is a note that names both records, also if both are gone."""
    party = {"date_created": "2026-01-01T15:00:00Z"}
    later = {"date_created": "2026-01-04T15:00:00Z", "span": ("2026-01-05", "2026-01-06")}
    add_versions({**F3, "span": FIRST}, {**F9, "span": AFTER_A_GAP})
    add_versions({**party, "code": "C1", "span": FIRST}, {**later, "code": "C2"}, table="customers")
    add_versions({**party, "span": FIRST}, {**later}, table="vendors")

    assert query(
        "select severity, entity, entity_id, detail from reporting.data_quality"
        " where rule = 'id used again' order by entity"
    ) == [
        ("note", "customer", "1", "C1 until 2026-01-04, C2 until 2026-01-06"),
        ("note", "invoice", "1", "F-3 until 2026-01-04, F-9 since 2026-01-05"),
        ("note", "vendor", "1", "(no code) until 2026-01-04, (no code) until 2026-01-06"),
    ]
