"""Margins of products."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

HUGE = "999999999999.999999"
MARGIN = "cost_basis, cost_estimated, margin, margin_share"


@pytest.fixture
def margins(query_text: Query) -> Query:
    """Return a function that selects columns of each product and month."""

    def margins(columns: str) -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.product_margin"
            " order by month_on, product_id, currency"
        )

    return margins


@pytest.fixture
def add_order(insert: Action) -> Action:
    """Return a function that adds a purchase order of product 5, with a running number."""
    numbers = iter(range(1, 100))

    def add_order(day: str, quantity: object, net: str | None, **fields: Any) -> None:
        line = {"product_id": 5, "quantity": quantity, "subtotal": net}
        order = {"id": f"{next(numbers)}", "document_date": day, "lines": [line]}
        insert("purchase_orders", **{**order, **fields})

    return add_order


def line(quantity: object, net: str, **fields: Any) -> list[dict[str, Any]]:
    """Return one line of product 5."""
    return [{"product_id": 5, "quantity": quantity, "subtotal": net, **fields}]


def test_no_sales(insert: Action, add_order: Action, query: Query) -> None:
    """A product that was only bought has no row."""
    insert("products", id="5", cost="10")
    add_order("2026-01-01", 1, "10")

    assert query("select * from reporting.product_margin") == []


def test_margin(insert: Action, add_invoice: Action, add_order: Action, margins: Query) -> None:
    """A product's own cost counts, even if it was bought at another price."""
    insert("products", id="5", code="P5", name="Thing", cost="7.005")
    add_order("2025-12-01", 1, "1")
    add_invoice("2026-01-01", "40", lines=line(4, "40"))
    add_invoice("2026-01-31", "32", lines=line(4, "32"))

    assert margins("*") == [
        (
            *("5", "P5", "Thing", "USD", "product cost", "2026-01-01"),
            *("8.000000", "72.00", "56.04", "15.96", "0.221667"),
        )
    ]


@pytest.mark.parametrize(
    ("day", "cost"),
    [
        ("2025-12-31", "10.00"),  # before history: the first version
        ("2026-01-14", "10.00"),
        ("2026-01-15", "12.00"),  # the last version of the day in Panama
        ("2026-01-16", "12.00"),
    ],
)
def test_cost_changed_in_mid_month(
    insert: Action, add_invoice: Action, margins: Query, day: str, cost: str
) -> None:
    """Each day has the last cost of that day."""
    words = (
        ("2026-01-03 12:00:00+00", "10"),
        ("2026-01-15 05:00:00+00", "11"),  # midnight in Panama
        ("2026-01-16 04:59:59+00", "12"),
        (None, None),
    )
    for (since, price), (until, _) in pairwise(words):
        insert("products", id="5", cost=price, _dlt_valid_from=since, _dlt_valid_to=until)
    add_invoice(day, "20", lines=line(1, "20"))

    assert margins("cost_estimated") == [(cost,)]


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        # the last order, as the average of its lines, separately for each day
        ([("2025-12-01", 1, "9"), ("2025-12-31", 3, "24")], ("8.00", "32.00")),
        ([("2025-12-31", 1, "9"), ("2025-12-31", 3, "23")], ("8.00", "32.00")),
        # up to the day of sale
        ([("2025-12-01", 1, "9"), ("2026-01-15", 1, "8")], ("8.00", "32.00")),
        ([("2025-12-01", 1, "9"), ("2026-01-16", 1, "8")], ("9.00", "31.00")),
        ([("2025-12-01", 1, "9"), ("9999-12-31", 1, "8")], ("9.00", "31.00")),
        ([("0202-02-02", 1, "8")], ("8.00", "32.00")),
        # returned, free of charge, or without an amount: not a price
        ([("2025-12-01", 1, "9"), ("2025-12-02", -1, "-5")], ("9.00", "31.00")),
        ([("2025-12-01", 1, "9"), ("2025-12-02", 1, "0")], ("9.00", "31.00")),
        ([("2025-12-01", 1, "9"), ("2025-12-02", 1, None)], ("9.00", "31.00")),
        ([("2025-12-01", 1, "9"), ("2025-12-02", 0, "5")], ("9.00", "31.00")),
        ([("2025-12-01", 1, "9"), ("2025-12-02", None, "5")], ("9.00", "31.00")),
        # free units reduce the price of those that were paid for
        ([("2025-12-01", 3, "36"), ("2025-12-01", 1, "0")], ("9.00", "31.00")),
    ],
)
def test_last_purchase_price(
    add_invoice: Action,
    add_order: Action,
    margins: Query,
    orders: list[tuple[str, Any, str | None]],
    expected: tuple[str, str],
) -> None:
    """If a product has no cost, the last purchase price is used."""
    for order in orders:
        add_order(*order)
    add_invoice("2026-01-15", "40", lines=line(1, "40"))

    assert margins("cost_basis, cost_estimated, margin") == [("last purchase price", *expected)]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "Cancelled"},
        {"status": "draft"},
        {"_dlt_valid_to": "2026-01-02"},
        {"currency": "EUR"},
        {"lines": [{"product_id": 6, "quantity": 1, "subtotal": "5"}]},
        {"document_date": "2026-01-16"},
        {"lines": []},
    ],
)
def test_unknown(
    add_invoice: Action, add_order: Action, margins: Query, fields: dict[str, Any]
) -> None:
    """If it was not bought in this currency either, cost and margin are unknown."""
    add_order("2026-01-01", 1, "5", **fields)
    add_invoice("2026-01-15", "40", lines=line(1, "40"))

    assert margins(f"net, {MARGIN}") == [("40.00", "unknown", None, None, None)]


def test_least_certain_cost(
    insert: Action, add_invoice: Action, add_order: Action, margins: Query
) -> None:
    """A month has the cost basis of its least certain line."""
    insert("products", id="5", cost="7", _dlt_valid_to="2026-01-10 12:00:00+00")
    insert("products", id="5", cost=None, _dlt_valid_from="2026-01-10 12:00:00+00")
    add_order("2026-01-05", 1, "6")
    add_invoice("2026-01-09", "10", lines=line(1, "10"))
    add_invoice("2026-01-10", "10", lines=line(1, "10"))
    add_invoice("2025-12-31", "10", lines=line(1, "10"))
    add_invoice("2026-02-01", "10", lines=line(1, "10") + line(None, "5"))

    assert margins(f"month_on, {MARGIN}") == [
        ("2025-12-01", "product cost", "7.00", "3.00", "0.300000"),
        ("2026-01-01", "last purchase price", "13.00", "7.00", "0.350000"),
        # a header below the sum of its lines
        ("2026-02-01", "unknown", None, None, None),
        ("2026-02-01", "unknown", None, None, None),
    ]


def test_no_product(add_invoice: Action, insert: Action, margins: Query) -> None:
    """Sales without a product, or in excess of the lines, have no cost, even if such lines were
    bought."""
    free = [{"quantity": 1, "subtotal": "1"}]
    insert("purchase_orders", id="1", document_date="2025-01-01", lines=free)
    add_invoice("2026-01-01", "20", lines=[{"quantity": 1, "subtotal": "20"}])
    add_invoice("2026-02-01", "30")

    assert margins(f"product_id, net, {MARGIN}") == [
        ("(none)", "20.00", "unknown", None, None, None),
        ("(none)", "30.00", "unknown", None, None, None),
    ]


def test_another_currency(
    insert: Action, add_invoice: Action, add_order: Action, margins: Query
) -> None:
    """A product's cost is in the tenant's currency; in another one only a purchase determines
    it."""
    insert("products", id="5", cost="7")
    add_order("2025-12-01", 1, "6", currency="EUR")
    add_invoice("2026-01-01", "10", currency="EUR", lines=line(1, "10"))
    add_invoice("2026-01-01", "10", lines=line(1, "10"))

    assert margins(f"currency, {MARGIN}") == [
        ("EUR", "last purchase price", "6.00", "4.00", "0.400000"),
        ("USD", "product cost", "7.00", "3.00", "0.300000"),
    ]


@pytest.mark.parametrize(
    ("quantity", "net", "expected"),
    [
        (-1, "-10", ("product cost", "-7.00", "-3.00", None)),
        (1, "0", ("product cost", "7.00", "-7.00", None)),
        (1, "5", ("product cost", "7.00", "-2.00", "-0.400000")),
        (0, "5", ("product cost", "0.00", "5.00", "1.000000")),
        (1, "0.01", ("product cost", "7.00", "-6.99", "-699.000000")),
        (1000, "0.01", ("product cost", "7000.00", "-6999.99", None)),
    ],
)
def test_losses(
    insert: Action,
    add_invoice: Action,
    margins: Query,
    quantity: int,
    net: str,
    expected: tuple[str | None, ...],
) -> None:
    """A margin may be negative; without sales, or if it overflows its column, there is no share."""
    insert("products", id="5", cost="7")
    add_invoice("2026-01-01", net, total=net, lines=line(quantity, net))

    assert margins(MARGIN) == [expected]


def test_not_live(insert: Action, add_invoice: Action, margins: Query) -> None:
    """Void, draft and deleted invoices have neither sales nor cost."""
    insert("products", id="5", cost="7")
    for fields in ({"status": "VOID"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}):
        add_invoice("2026-01-01", "5", lines=line(1, "5"), **fields)

    assert margins("net") == []


def test_overflow(insert: Action, add_invoice: Action, margins: Query) -> None:
    """A cost that overflows its column is unknown, not left out of the sum."""
    insert("products", id="5", cost=HUGE)
    lines = [line(HUGE, "5")[0], line("0.000001", "5")[0]]
    add_invoice("2026-01-01", "10", lines=lines)

    assert margins(MARGIN) == [("unknown", None, None, None)]


def test_cost_of_zero(insert: Action, query: Query) -> None:
    """A cost of 0 in a product's record is no maintained cost, so it does not make a margin of 100
    %."""
    insert("products", id="5", cost="0")
    insert(
        "invoices",
        id="1",
        document_date="2026-01-05",
        subtotal="10.00",
        lines=[{"product_id": "5", "quantity": 1, "price": 10, "subtotal": "10.00"}],
    )

    assert query("select cost_basis, margin from reporting.product_margin") == [("unknown", None)]
