"""Receivables by age."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"
BUCKETS = "current_balance, days_1_30, days_31_60, days_61_90, days_over_90"


@pytest.fixture
def add_invoice(insert: Action, set_as_of: Action) -> Action:
    """Return a function that adds an open invoice, overdue by some days on 30 June 2026."""
    set_as_of("2026-06-30")
    numbers = iter(range(1, 1000))
    due = {
        -1: "2026-07-01",
        0: "2026-06-30",
        1: "2026-06-29",
        30: "2026-05-31",
        31: "2026-05-30",
        60: "2026-05-01",
        61: "2026-04-30",
        90: "2026-04-01",
        91: "2026-03-31",
    }

    def add_invoice(late: int, balance: str, **fields: Any) -> None:
        row = {"id": f"{next(numbers)}", "customer_id": "7", "total": "1000.00", **fields}
        insert("invoices", **row, balance=balance, due_date=due[late])

    return add_invoice


@pytest.fixture
def aging(query_text: Query) -> Query:
    """Return a function that selects columns of each customer and currency."""

    def aging(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.ar_aging order by customer_id, currency"
        )

    return aging


def test_no_balance(insert: Action, query: Query) -> None:
    """A customer without a balance has no row."""
    insert("customers", id="1", credit_limit="5.00", balance="9.00")
    insert("invoices", id="1", customer_id="1", total="9.00", balance="0.00")

    assert query("select * from reporting.ar_aging") == []


def test_customer(insert: Action, add_invoice: Action, aging: Query) -> None:
    """A customer's open invoices are shown by age and add up to the balance."""
    insert("customers", id="7", code="C7", name="Buyer", credit_limit="500.00")
    amounts = {-1: 1, 0: 2, 1: 4, 30: 8, 31: 16, 60: 32, 61: 64, 90: 128, 91: 256}
    for late, amount in amounts.items():
        add_invoice(late, f"{amount}.00")

    assert aging(
        f"customer_code, customer_name, currency, documents, oldest_due_on, {BUCKETS}"
    ) == [("C7", "Buyer", "USD", 9, "2026-03-31", "3.00", "12.00", "48.00", "192.00", "256.00")]
    # 508 / 511
    assert aging("overdue, balance, share_overdue, credit_limit, is_over_limit") == [
        ("508.00", "511.00", "0.994129", "500.00", True)
    ]


def test_credits(add_invoice: Action, aging: Query) -> None:
    """Credit notes and overpayments are subtracted in the bucket of their own age."""
    add_invoice(0, "100.00")
    add_invoice(30, "-30.00", total="-30.00")
    add_invoice(31, "-5.00")

    assert aging(f"documents, {BUCKETS}, overdue, balance, share_overdue") == [
        (3, "100.00", "-30.00", "-5.00", "0.00", "0.00", "-35.00", "65.00", None)
    ]


@pytest.mark.parametrize(
    ("overdue", "current", "share"),
    [
        ("10.00", "-10.00", None),  # a balance of 0
        ("10.00", "-30.00", None),  # a negative balance
        ("-10.00", "5.00", None),
        ("10.00", "-5.00", None),  # 200 %
        ("10.00", "0.00", "1.000000"),
        ("-10.00", "20.00", None),
        ("10000.00", "-9999.99", None),  # a million
    ],
)
def test_share(
    add_invoice: Action, aging: Query, overdue: str, current: str, share: str | None
) -> None:
    """A share of a positive balance is from 0 to 1; credits may leave none."""
    add_invoice(1, overdue)
    add_invoice(0, current)

    assert aging("share_overdue, overdue") == [(share, overdue)]


@pytest.mark.parametrize(
    ("limit", "is_over"),
    [("99.99", True), ("100.00", False), ("0.00", True), (None, False)],
)
def test_credit_limit(
    insert: Action, add_invoice: Action, aging: Query, limit: str | None, is_over: bool
) -> None:
    """A customer is over the limit from one cent more; a limit of 0 is a limit, a missing one is
    not."""
    insert("customers", id="7", credit_limit=limit)
    add_invoice(0, "100.00")

    assert aging("credit_limit, is_over_limit") == [(limit, is_over)]


def test_limit_of_another_currency(insert: Action, add_invoice: Action, aging: Query) -> None:
    """A limit in euros does not apply to a balance in dollars."""
    insert("customers", id="7", currency=" eur", credit_limit="50.00")
    add_invoice(0, "60.00", currency="EUR")
    add_invoice(0, "99.00", currency=None)

    assert aging("currency, credit_limit, is_over_limit, balance") == [
        ("EUR", "50.00", True, "60.00"),
        ("USD", None, False, "99.00"),
    ]


def test_missing_and_unknown_customers(add_invoice: Action, aging: Query) -> None:
    """Counter sales are listed under (none), those of an unknown customer under its id."""
    add_invoice(0, "1.00", customer_id=None)
    add_invoice(0, "2.00", customer_id="8")
    add_invoice(0, "4.00", customer_id=None)

    assert aging("customer_id, customer_name, is_over_limit, balance") == [
        ("(none)", "(none)", False, "5.00"),
        ("8", "(unknown 8)", False, "2.00"),
    ]


def test_not_open(add_invoice: Action, aging: Query) -> None:
    """Void, draft and deleted invoices have no balance."""
    for fields in ({"status": "VOID"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}):
        add_invoice(1, "5.00", **fields)

    assert aging("*") == []


def test_extreme_years(insert: Action, set_as_of: Action, aging: Query) -> None:
    """An invoice due in the year 202 is overdue, one due in 9999 is not."""
    set_as_of("2026-06-30")
    insert("invoices", id="1", customer_id="7", total="1.00", due_date="0202-02-02")
    insert("invoices", id="2", customer_id="7", total="2.00", due_date="9999-12-31")

    assert aging("oldest_due_on, current_balance, days_over_90") == [("0202-02-02", "2.00", "1.00")]


def test_overflow(insert: Action, add_invoice: Action, aging: Query) -> None:
    """A sum that overflows its column is null and breaks nothing; it is over any limit."""
    insert("customers", id="7", credit_limit=HUGE)
    add_invoice(1, HUGE)
    add_invoice(1, HUGE)

    assert aging("days_1_30, overdue, balance, share_overdue, is_over_limit") == [
        (None, None, None, "1.000000", True)
    ]
