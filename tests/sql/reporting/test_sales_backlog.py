"""Open sales orders and their lines."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"


@pytest.fixture
def lines(query_text: Query) -> Query:
    """Return a function that selects columns of each line of the backlog."""

    def lines(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.sales_backlog_lines order by sales_order_id,"
            " line_number"
        )

    return lines


def test_order(insert: Action, set_as_of: Action, query_text: Query) -> None:
    """An open order has its customer, its dates and its net before tax."""
    set_as_of("2026-06-30")
    insert("customers", id="7", code="C7", name='O\'Higgins "& Co"')
    insert(
        "sales_orders",
        id="1",
        code="S-1",
        customer_id="7",
        status="Open",
        currency="eur",
        document_date="2026-05-30",
        required_date="2026-06-20",
        subtotal="100",
        tax_total="7",
        total="107",
    )

    assert query_text("from reporting.sales_backlog") == [
        (
            *("1", "7", "S-1", "C7", 'O\'Higgins "& Co"', "Open", "EUR", "31-60", False),
            *("2026-05-30", "2026-06-20", 31, 10, "100.00"),
        )
    ]


def test_status(insert: Action, query: Query) -> None:
    """Open orders are listed whole, with a flag if they are partly delivered."""
    for status in (
        *("Open", "PARTIALLY_FULFILLED", "Who knows", None),
        *("Fulfilled", "closed", "Cancelled", "VOID", "Draft"),
    ):
        items = [{"quantity": 2, "price": 5}]
        insert("sales_orders", id=f"{status}", status=status, subtotal="10", lines=items)

    for report in ("sales_backlog", "sales_backlog_lines"):
        assert query(
            f"select sales_order_id, is_partly_done from reporting.{report}"
            " where amount = 10 order by 1"
        ) == [("None", False), ("Open", False), ("PARTIALLY_FULFILLED", True), ("Who knows", False)]


def test_age(insert: Action, set_as_of: Action, query: Query) -> None:
    """The age runs from the order's date; an order of a later day has the age 0."""
    set_as_of("2026-06-30")
    days = ["2026-07-05", "2026-05-31", "2026-05-30", "2026-05-01", "2026-04-30", "2026-04-01"]
    for number, day in enumerate([*days, "2026-03-31"], 1):
        insert("sales_orders", id=f"{number}", document_date=day, total="1")

    assert query("select age_days, age_bucket from reporting.sales_backlog order by 1") == [
        (0, "0-30"),
        (30, "0-30"),
        (31, "31-60"),
        (60, "31-60"),
        (61, "61-90"),
        (90, "61-90"),
        (91, "90+"),
    ]


def test_lines(insert: Action, lines: Query) -> None:
    """Each line has its product and net; one without an amount or product is there, too."""
    insert("products", id="5", code="P5", name="Thing")
    items = [
        {"product_id": 5, "description": "x", "quantity": 2, "price": 10, "subtotal": "19"},
        {"product_id": 77, "quantity": -1, "price": 4},
        {"quantity": 3},
    ]
    insert("sales_orders", id="1", subtotal="15", lines=items)

    assert lines("line_number, product_id, product_name, quantity, unit_price, amount") == [
        (1, "5", "Thing", "2.000000", "10.000000", "19.00"),
        (2, "77", "(unknown 77)", "-1.000000", "4.000000", "-4.00"),
        (3, "(none)", "(none)", "3.000000", None, "0.00"),
    ]


def test_header_exceeds_lines(insert: Action, lines: Query) -> None:
    """What the header has beyond its lines is a line before the others, without product."""
    for order, (subtotal, numbers) in {
        "1": ("10.01", [1]),
        "2": ("9", [1]),
        "3": ("20", [0]),
        "4": ("20", [-3]),
        "5": ("5", []),
        "6": ("10", [1]),
    }.items():
        items = [{"line_number": each, "product_id": 5, "subtotal": 10} for each in numbers]
        insert("sales_orders", id=order, customer_id="7", subtotal=subtotal, lines=items)

    found = lines("product_id, product_name, quantity, sales_order_id, line_number, amount")
    assert [row for row in found if row[0] == "(none)"] == [
        ("(none)", "(none)", None, *excess)
        for excess in [
            ("1", 0, "0.01"),
            ("2", 0, "-1.00"),
            ("3", -1, "10.00"),
            ("4", -4, "10.00"),
            ("5", 0, "5.00"),
        ]
    ]


def test_absurd_excess(insert: Action, lines: Query) -> None:
    """An excess that fits in no column is unknown."""
    items = [{"subtotal": f"-{HUGE}"}]
    insert("sales_orders", id="1", subtotal=HUGE, lines=items)

    assert lines("line_number, amount") == [(0, None), (1, f"-{HUGE}")]
