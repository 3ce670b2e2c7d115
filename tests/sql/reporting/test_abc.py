"""ABC classes of products and customers, which follow the same rules."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(params=["product", "customer"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of entity that is classified."""
    return str(request.param)


@pytest.fixture
def classes(query_text: Query, kind: str) -> Query:
    """Return a function that selects columns of each product or customer, by rank."""

    def classes(columns: str) -> list[tuple[Any, ...]]:
        return query_text(f"select {columns} from reporting.abc_{kind}s order by currency, rank")

    return classes


@pytest.fixture
def add_sale(add_invoice: Action, kind: str) -> Action:
    """Return a function that adds a sale of a product, or to a customer."""

    def add_sale(entity: object, net: str, day: str = "2026-06-01", **fields: Any) -> None:
        line = {"product_id": entity if kind == "product" else "1", "subtotal": net}
        party = {} if kind == "product" else {"customer_id": entity}
        add_invoice(day, net, total=net, lines=[line], **party, **fields)

    return add_sale


def test_no_sales(insert: Action, set_as_of: Action, classes: Query, kind: str) -> None:
    """Without sales there are no classes."""
    set_as_of("2026-06-30")
    insert(f"{kind}s", id="5")

    assert classes("*") == []


def test_classes(
    insert: Action, add_sale: Action, set_as_of: Action, classes: Query, kind: str
) -> None:
    """A makes up to 80 % of sales, B up to 95 %, C the rest; one that crosses a limit is in the
    better class. Unknown entities and a missing one are included."""
    set_as_of("2026-06-30")
    insert(f"{kind}s", id="1", code="P1", name="Most")
    for entity, net in (("1", "40"), ("1", "20"), ("2", "30"), (None, "7"), ("4", "3")):
        add_sale(entity, net)

    assert classes("*") == [
        ("1", "P1", "Most", "USD", "A", 1, "0.600000", "0.600000", "60.00"),
        ("2", None, "(unknown 2)", "USD", "A", 2, "0.300000", "0.900000", "30.00"),
        ("(none)", None, "(none)", "USD", "B", 3, "0.070000", "0.970000", "7.00"),
        ("4", None, "(unknown 4)", "USD", "C", 4, "0.030000", "1.000000", "3.00"),
    ]


@pytest.mark.parametrize(
    ("nets", "expected"),
    [
        # exactly 80 % and 95 %
        (("80", "15", "5"), "ABC"),
        (("50", "30", "14", "6"), "AABB"),
        (("79.99", "15", "5.01"), "AAB"),
        (("80.01", "14.99", "5"), "ABC"),
        (("80.01", "14.98", "5.01"), "ABB"),
        (("0.80", "0.15", "0.05"), "ABC"),
        (("40", "40", "10", "5", "5"), "AABBC"),
        (("20", "20", "20", "20", "15", "5"), "AAAABC"),
        (("80000000.80", "14999999.20", "5000000.00"), "ABC"),
        (("79999999.99", "15000000.01", "5000000.00"), "AAC"),
        # one with all sales
        (("1",), "A"),
        # free of charge, or returned
        (("10", "0"), "AC"),
        (("100", "-20"), "AC"),
        (("-1", "-2"), "CC"),
        (("-1",) * 6, "CCCCCC"),
        (("1", "-2"), "CC"),
        (("0",), "C"),
        (("5", "-5"), "CC"),
    ],
)
def test_limits(
    add_sale: Action, set_as_of: Action, classes: Query, nets: tuple[str, ...], expected: str
) -> None:
    """A class ends at its limit, to the cent; without positive sales the class is C."""
    set_as_of("2026-06-30")
    for number, net in enumerate(nets):
        add_sale(str(number), net)

    assert "".join(each for (each,) in classes("abc_class")) == expected


@pytest.mark.parametrize(
    ("as_of_on", "first", "before"),
    [
        ("2026-06-30", "2025-07-01", "2025-06-30"),
        ("2026-06-15", "2025-06-16", "2025-06-15"),
        ("2024-02-29", "2023-03-01", "2023-02-28"),
        ("2025-03-01", "2024-03-02", "2024-03-01"),
    ],
)
def test_twelve_months(
    add_sale: Action, set_as_of: Action, classes: Query, as_of_on: str, first: str, before: str
) -> None:
    """Sales of the 12 months up to the as-of day count; later ones, or those of the year 202, do
    not."""
    set_as_of(as_of_on)
    add_sale("5", "1", first)
    add_sale("5", "2", as_of_on)
    add_sale("5", "50", before)
    add_sale("5", "50", "9999-12-31")
    add_sale("5", "50", "0202-02-02")

    assert classes("net, net_share") == [("3.00", "1.000000")]


def test_ties(add_sale: Action, set_as_of: Action, classes: Query, kind: str) -> None:
    """With equal sales the smaller id comes first, in each currency."""
    set_as_of("2026-06-30")
    for entity in ("b", "c", "a"):
        add_sale(entity, "1")
        add_sale(entity, "1", currency="EUR")

    for currency in ("EUR", "USD"):
        found = [
            row[1:]
            for row in classes(f"currency, {kind}_id, rank, cumulative_share")
            if row[0] == currency
        ]
        assert found == [("a", 1, "0.333333"), ("b", 2, "0.666667"), ("c", 3, "1.000000")]


def test_currencies(add_sale: Action, set_as_of: Action, classes: Query, kind: str) -> None:
    """Each currency has its own ranks and shares."""
    set_as_of("2026-06-30")
    add_sale("1", "90")
    add_sale("2", "10")
    add_sale("2", "1", currency="EUR")

    assert classes(f"currency, {kind}_id, rank, abc_class, net_share") == [
        ("EUR", "2", 1, "A", "1.000000"),
        ("USD", "1", 1, "A", "0.900000"),
        ("USD", "2", 2, "B", "0.100000"),
    ]


def test_not_live(add_sale: Action, set_as_of: Action, classes: Query) -> None:
    """Void, draft and deleted invoices do not count; a credit note is subtracted."""
    set_as_of("2026-06-30")
    for fields in ({"status": "VOID"}, {"status": "draft"}, {"_dlt_valid_to": "2026-02-01"}):
        add_sale("5", "50", **fields)
    add_sale("5", "3")
    add_sale("5", "-1")

    assert classes("net, abc_class") == [("2.00", "A")]


def test_headers_and_lines(add_invoice: Action, set_as_of: Action, query_text: Query) -> None:
    """Customers are classified by headers; a header's excess over its lines has no product."""
    set_as_of("2026-06-30")
    add_invoice(
        "2026-06-01", "50", customer_id="1", lines=[{"product_id": "5", "subtotal": "1"}] * 3
    )

    assert query_text("select customer_id, net from reporting.abc_customers") == [("1", "50.00")]
    assert query_text("select product_id, net from reporting.abc_products order by 2") == [
        ("5", "3.00"),
        ("(none)", "47.00"),
    ]


@pytest.mark.parametrize(
    ("net", "returned", "shares"),
    [
        ("100", "-10", [(None, None, "A"), (None, "1.000000", "C")]),
        (
            "9999999999999999.99",
            "-9999999999999999.98",
            [(None, None, "A"), (None, "1.000000", "C")],
        ),
        ("10", "-10", [(None, None, "C"), (None, None, "C")]),
    ],
)
def test_shares_out_of_range(
    add_sale: Action,
    set_as_of: Action,
    classes: Query,
    net: str,
    returned: str,
    shares: list[tuple[str | None, ...]],
) -> None:
    """Beside negative sales others exceed the whole, and are no share of it."""
    set_as_of("2026-06-30")
    add_sale("1", net)
    add_sale("2", returned)

    assert classes("net_share, cumulative_share, abc_class") == shares
