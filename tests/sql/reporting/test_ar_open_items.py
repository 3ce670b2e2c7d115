"""Open invoices and credit notes."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"


@pytest.fixture
def items(query_text: Query) -> Query:
    """Return a function that selects columns of each open item."""

    def items(columns: str) -> list[tuple[Any, ...]]:
        return query_text(f"select {columns} from reporting.ar_open_items order by invoice_id")

    return items


def test_no_documents(query: Query) -> None:
    """A warehouse without documents has no open items."""
    assert query("select * from reporting.ar_open_items") == []


def test_item(insert: Action, set_as_of: Action, items: Query) -> None:
    """An open invoice is listed once, however many versions its customer has and however many lines
    it has."""
    set_as_of("2026-06-30")
    insert("customers", id="7", code="C7", name="Old", _dlt_valid_to="2026-01-02")
    insert("customers", id="7", code="C7", name="New", _dlt_valid_from="2026-01-02")
    insert(
        "invoices",
        id="1",
        code="F1",
        customer_id="7",
        status="PartiallyPaid",
        document_date="2026-05-01",
        due_date="2026-05-31",
        subtotal="100.00",
        tax_total="7.00",
        total="107.00",
        amount_paid="50.00",
        balance="57.00",
        lines=[{"subtotal": "50.00"}, {"subtotal": "50.00"}],
    )

    assert items("*") == [
        (
            *("1", "7", "F1", "C7", "New", "PartiallyPaid", "USD", "1-30", False),
            *("2026-05-01", "2026-05-31", 30, "107.00", "50.00", "57.00"),
        )
    ]


@pytest.mark.parametrize(
    ("fields", "balance"),
    [
        ({"status": "Posted"}, "107.00"),
        ({"status": None}, "107.00"),
        ({"status": "Reviewed"}, "107.00"),
        ({"status": "Paid", "amount_paid": "0"}, "107.00"),
        ({"status": "pArTiAlLyPaId", "balance": "0.01"}, "0.01"),
        ({"amount_paid": "100.00"}, "7.00"),
        ({"amount_paid": "110.00"}, "-3.00"),
        ({"balance": "-3.00"}, "-3.00"),
        ({"total": "-107.00"}, "-107.00"),
        ({"total": None, "subtotal": "100.00", "tax_total": "7.00"}, "107.00"),
        ({"total": None, "lines": [{"subtotal": "20.00"}]}, "20.00"),
        ({"_dlt_valid_from": "2026-01-05"}, "107.00"),
    ],
)
def test_open(insert: Action, items: Query, fields: dict[str, Any], balance: str) -> None:
    """A live invoice is open until it is paid to the cent; an overpaid one is a credit."""
    insert("invoices", **{"id": "1", "total": "107.00", **fields})

    assert items("balance") == [(balance,)]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "void"},
        {"status": "VOID"},
        {"status": " Draft"},
        {"status": "Paid"},
        {"balance": "0.00"},
        {"amount_paid": "107.00"},
        {"total": None},
        {"_dlt_valid_to": "2026-02-01"},
    ],
)
def test_not_open(insert: Action, items: Query, fields: dict[str, Any]) -> None:
    """Void, draft, paid and deleted invoices, and those without amounts, are not open."""
    insert("invoices", **{"id": "1", "total": "107.00", **fields})

    assert items("*") == []


def test_deleted_and_restored(insert: Action, items: Query) -> None:
    """A deleted and restored invoice is listed once, in its current version."""
    insert("invoices", id="1", total="1.00", _dlt_valid_to="2026-01-05")
    insert("invoices", id="1", total="2.00", _dlt_valid_from="2026-01-09")

    assert items("invoice_id, balance") == [("1", "2.00")]


def test_missing_unknown_and_deleted_customers(insert: Action, items: Query) -> None:
    """A missing customer is (none), an unknown one has its id as name, a deleted one keeps its
    name."""
    insert("customers", id="1", name="Gone", _dlt_valid_to="2026-02-01")
    for number, customer in enumerate(("1", "7", None)):
        insert("invoices", id=f"{number}", total="1.00", customer_id=customer)

    assert items("customer_id, customer_name") == [
        ("1", "Gone"),
        ("7", "(unknown 7)"),
        ("(none)", "(none)"),
    ]


@pytest.mark.parametrize(
    ("due", "days", "bucket"),
    [
        ("9999-12-31", 0, "current"),
        ("2026-06-30", 0, "current"),
        ("2026-06-29", 1, "1-30"),
        ("2026-05-31", 30, "1-30"),
        ("2026-05-30", 31, "31-60"),
        ("2026-05-01", 60, "31-60"),
        ("2026-04-30", 61, "61-90"),
        ("2026-04-01", 90, "61-90"),
        ("2026-03-31", 91, "90+"),
        (None, 120, "90+"),  # due on the document date
    ],
)
def test_bucket_limits(
    insert: Action, set_as_of: Action, items: Query, due: str | None, days: int, bucket: str
) -> None:
    """On its due day an invoice is not overdue; each bucket has its first and its last day."""
    set_as_of("2026-06-30")
    insert("invoices", id="1", total="1.00", document_date="2026-03-02", due_date=due)

    assert items("days_overdue, aging_bucket") == [(days, bucket)]


def test_largest_amount(insert: Action, items: Query) -> None:
    """The largest amount that fits a column is kept."""
    insert("invoices", id="1", total=HUGE)
    insert("invoices", id="2", total=f"-{HUGE}")

    assert items("total, amount_paid, balance") == [
        (HUGE, "0.00", HUGE),
        (f"-{HUGE}", "0.00", f"-{HUGE}"),
    ]
