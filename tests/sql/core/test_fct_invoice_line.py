"""Invoice lines: price, discount, net and tax."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]
Line = dict[str, Any]

HUGE = "9999999999999999.99"
LINES = "select line_number, {} from core.fct_invoice_line order by invoice_id, line_number"


def money(*values: str | None) -> tuple[Decimal | None, ...]:
    return tuple(None if each is None else Decimal(each) for each in values)


def test_line(insert: Action, query: Query) -> None:
    """A line has its invoice's customer, currency and day, and its own product and price."""
    insert(
        "invoices",
        id="1",
        customer_id="7",
        currency="eur",
        document_date="2026-02-28",
        subtotal="98.00",
        tax_total="6.86",
        total="104.86",
        lines=[
            {
                "line_number": 3,
                "product_id": 9,
                "description": "=cmd|'/c'!A1",
                "tax_code": " itbms7",
                "quantity": "4",
                "price": "25",
                "discount": "2",
                "subtotal": "98.00",
            }
        ],
    )

    assert query(
        "select invoice_id, line_number, customer_id, product_id, line_description, currency,"
        " tax_code, is_live, is_credit_note, is_difference, is_known_rate, document_on::varchar,"
        " tax_rate, quantity, unit_price, discount, line_net, line_tax from core.fct_invoice_line"
    ) == [
        (
            *("1", 3, "7", "9", "=cmd|'/c'!A1", "EUR", "ITBMS7"),
            *(True, False, False, True, "2026-02-28"),
            *money("0.07", "4", "25", "2", "98", "6.86"),
        )
    ]


@pytest.mark.parametrize(
    ("line", "discount", "net"),
    [
        # an amount
        ({"quantity": 10, "price": 20, "discount": 10, "subtotal": "190"}, "10", "190"),
        # a percentage
        ({"quantity": 10, "price": 20, "discount": 10, "subtotal": "180"}, "20", "180"),
        # neither explains the net: an amount, and the net as given
        ({"quantity": 10, "price": 20, "discount": 10, "subtotal": "150"}, "10", "150"),
        # both explain it: an amount
        ({"quantity": 10, "price": 10, "discount": 10, "subtotal": "90"}, "10", "90"),
        # a percentage, with the net rounded differently
        ({"quantity": 3, "price": "3.33", "discount": "12.5", "subtotal": "8.75"}, "1.25", "8.75"),
        # free of charge
        ({"quantity": 2, "price": 50, "discount": 100, "subtotal": "0"}, "100", "0"),
        ({"quantity": 5, "price": 50, "discount": 100, "subtotal": "0"}, "250", "0"),
        # a percentage on a return
        ({"quantity": -10, "price": 20, "discount": 10, "subtotal": "-180"}, "-20", "-180"),
        # a percentage of large amounts
        (
            {"quantity": 3, "price": "3333.33", "discount": "12.5", "subtotal": "8749.99"},
            *("1250", "8749.99"),
        ),
        (
            {"quantity": 3, "price": "3333.34", "discount": "12.5", "subtotal": "8750.02"},
            *("1250", "8750.02"),
        ),
        (
            {"quantity": 10**6, "price": 20, "discount": 10, "subtotal": "18000000"},
            *("2000000", "18000000"),
        ),
        # no discount
        ({"quantity": 10, "price": 20, "subtotal": "200"}, None, "200"),
        ({"quantity": 10, "price": 20, "discount": 0, "subtotal": "200"}, "0", "200"),
        # without a net it is computed, with the discount as an amount
        ({"quantity": 10, "price": 20, "discount": 10}, "10", "190"),
        ({"quantity": 1, "price": 1, "discount": 5_000_000}, "5000000", "-4999999"),
        ({"quantity": 1000, "price": 1000}, None, "1000000"),
        ({"quantity": "0.333333", "price": "0.015"}, None, "0"),
        ({"quantity": "0.333334", "price": "0.015"}, None, "0.01"),
        ({"quantity": 10}, None, "0"),
        ({"price": 20, "discount": 3}, "3", "0"),
        ({}, None, "0"),
        # overflow
        ({"quantity": 100_000_000_000, "price": 100_000_000_000}, None, "0"),
        ({"quantity": 1, "price": 1, "discount": 1, "subtotal": f"-{HUGE}"}, "1", f"-{HUGE}"),
    ],
)
def test_net(insert: Action, query: Query, line: Line, discount: str | None, net: str) -> None:
    """A discount is an amount or a percentage, whichever explains the line's net; a missing net is
    computed."""
    insert("invoices", id="1", lines=[line])

    assert query(
        "select discount, line_net from core.fct_invoice_line where not is_difference"
    ) == [money(discount, net)]


@pytest.mark.parametrize(
    ("subtotal", "lines", "rows"),
    [
        # the header is the sum of its lines
        ("30", ["10", "20"], [(1, False, "10"), (2, False, "20")]),
        # more and less than its lines
        ("30.01", ["10", "20"], [(0, True, "0.01"), (1, False, "10"), (2, False, "20")]),
        ("25", ["10", "20"], [(0, True, "-5"), (1, False, "10"), (2, False, "20")]),
        # without lines
        ("30", [], [(0, True, "30")]),
        ("0", [], []),
        ("-30", [], [(0, True, "-30")]),
    ],
)
def test_header_exceeds_lines(
    insert: Action, query: Query, subtotal: str, lines: list[str], rows: list[tuple[int, bool, str]]
) -> None:
    """A header's excess over its lines is an added line without a product: no sum loses it."""
    insert(
        "invoices",
        id="1",
        subtotal=subtotal,
        lines=[{"product_id": 5, "subtotal": each} for each in lines],
    )

    assert query(LINES.format("is_difference, product_id, line_net")) == [
        (number, odd, "(none)" if odd else "5", Decimal(net)) for number, odd, net in rows
    ]


def test_lines_numbered_from_0(insert: Action, query: Query) -> None:
    """If an invoice's lines are numbered from 0, the number of the added line precedes that."""
    lines = [{"line_number": 0, "subtotal": 10}, {"line_number": 1, "subtotal": 20}]
    insert("invoices", id="1", subtotal=31, lines=lines)

    assert query(LINES.format("is_difference")) == [(-1, True), (0, False), (1, False)]


@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1])
def test_extreme_numbers(insert: Action, query: Query, number: int) -> None:
    """The smallest and the largest line number leave room for the added line."""
    insert("invoices", id="1", subtotal=31, lines=[{"line_number": number, "subtotal": 10}])

    rows = query("select count(distinct line_number), sum(line_net) from core.fct_invoice_line")

    assert rows == [(2, Decimal(31))]


def test_header_without_amounts(insert: Action, query: Query) -> None:
    """A header without amounts is the sum of its lines, without an added line."""
    insert("invoices", id="1", lines=[{"quantity": 1, "price": 5}, {"subtotal": 7}])

    assert query(LINES.format("line_net")) == [(1, Decimal(5)), (2, Decimal(7))]


@pytest.mark.parametrize(
    ("subtotal", "nets", "rows"),
    [
        (HUGE, [], [(0, HUGE)]),
        (HUGE, ["-0.01"], [(-1, "0.01"), (0, HUGE), (1, "-0.01")]),
        (HUGE, [f"-{HUGE}"], [(-1, HUGE), (0, HUGE), (1, f"-{HUGE}")]),
        (f"-{HUGE}", ["0.02"], [(-1, "-0.02"), (0, f"-{HUGE}"), (1, "0.02")]),
        (
            f"-{HUGE}",
            [HUGE, "0.01"],
            [(-2, "-0.01"), (-1, f"-{HUGE}"), (0, f"-{HUGE}"), (1, HUGE), (2, "0.01")],
        ),
    ],
)
def test_huge_header(
    insert: Action, query: Query, subtotal: str, nets: list[str], rows: list[tuple[int, str]]
) -> None:
    """A difference that exceeds one amount becomes several lines; no cent is lost."""
    lines = [{"subtotal": each} for each in nets]
    insert("invoices", id="1", subtotal=subtotal, lines=lines)

    assert query(LINES.format("line_net")) == [(number, Decimal(each)) for number, each in rows]


def test_huge_tax(insert: Action, query: Query) -> None:
    """A share of the tax that overflows its column is null and breaks nothing."""
    lines = [{"tax_code": "ITBMS7", "subtotal": f"-{HUGE}"}, {"tax_code": "X", "subtotal": 1}]
    fields = {"id": "1", "document_date": "2026-01-01", "tax_total": HUGE}
    insert("invoices", **fields, subtotal="-9999999999999998.99", lines=lines)

    assert query(LINES.format("line_tax")) == [(1, Decimal("-700000000000000.00")), (2, None)]


@pytest.mark.parametrize(
    ("code", "day", "rate", "tax"),
    [
        ("ITBMS", "2026-06-30", "0.07", "7"),
        ("itbms ", "2026-07-01", "0.08", "8"),
        ("ITBMS", "2010-06-30", "0.05", "5"),
        ("ITBMS", "9999-12-31", "0.08", "8"),
        ("EXENTO", "2026-06-30", "0", "0"),
        ("ITBMS15", "2026-06-30", "0.15", "15"),
        # unknown at that time: the tax as charged
        ("ITBMS15", "2010-06-30", None, "9.99"),
        ("ITBMS", "0202-02-02", None, "9.99"),
        ("IVA", "2026-06-30", None, "9.99"),
        (None, "2026-06-30", None, "9.99"),
    ],
)
def test_rates(
    con: duckdb.DuckDBPyConnection,
    insert: Action,
    query: Query,
    code: str | None,
    day: str,
    rate: str | None,
    tax: str,
) -> None:
    """A line is taxed at the rate of its code on the document's date, even if the rate changes in
    mid-year; without a rate, as it was charged."""
    insert("tax_rates", tax_code="ITBMS", rate="0.08", valid_from="2026-07-01")
    lines = [{"tax_code": code, "subtotal": 100}]
    insert("invoices", id="1", document_date=day, subtotal=100, tax_total="9.99", lines=lines)

    assert query("select tax_rate, line_tax, is_known_rate from core.fct_invoice_line") == [
        (*money(rate, tax), rate is not None)
    ]


@pytest.mark.parametrize(
    ("tax", "lines", "shares"),
    [
        # a cent that cannot be divided
        ("0.10", [("X", "1"), ("X", "1"), ("X", "1")], ["0.03", "0.04", "0.03"]),
        ("-0.10", [("X", "-1"), ("X", "-1"), ("X", "-1")], ["-0.03", "-0.04", "-0.03"]),
        # in proportion to the nets
        ("10", [("X", "30"), ("Y", "70")], ["3", "7"]),
        # next to a known code: the tax charged in excess of it
        ("10", [("ITBMS7", "100"), ("X", "50")], ["7", "3"]),
        ("7", [("ITBMS7", "100"), ("X", "50")], ["7", "0"]),
        ("6", [("ITBMS7", "100"), ("X", "50")], ["7", "-1"]),
        # without nets: all to the last
        ("5", [("X", "0"), ("X", "0")], ["0", "5"]),
        ("5", [("X", "10"), ("X", "-10")], ["0", "5"]),
        ("0", [("X", "10")], ["0"]),
    ],
)
def test_tax_as_charged(
    insert: Action, query: Query, tax: str, lines: list[tuple[str, str]], shares: list[str]
) -> None:
    """The tax of unknown codes is allocated by net, and no cent is lost."""
    insert(
        "invoices",
        id="1",
        document_date="2026-01-01",
        subtotal=str(sum(Decimal(net) for _, net in lines)),
        tax_total=tax,
        lines=[{"tax_code": code, "subtotal": net} for code, net in lines],
    )

    assert query(LINES.format("line_tax")) == [
        (place, Decimal(share)) for place, share in enumerate(shares, start=1)
    ]


def test_tax_without_lines(insert: Action, query: Query) -> None:
    """A header's tax is kept if there are no lines, even without a net."""
    insert("invoices", id="1", subtotal=0, tax_total="7", total="7")
    insert("invoices", id="2", subtotal=100, tax_total="7", total="107")

    assert query(LINES.format("line_net, line_tax, tax_code")) == [
        (0, Decimal(0), Decimal(7), "(none)"),
        (0, Decimal(100), Decimal(7), "(none)"),
    ]


def test_known_code_charged_differently(insert: Action, query: Query) -> None:
    """A line with a known code has the tax of its rate, whatever the header says."""
    lines = [{"tax_code": "ITBMS7", "subtotal": 100}]
    insert("invoices", id="1", document_date="2026-01-01", subtotal=100, tax_total=8, lines=lines)

    assert query(LINES.format("line_tax")) == [(1, Decimal(7))]


@pytest.mark.parametrize("status", ["Draft", "Void"])
def test_not_live(insert: Action, query: Query, status: str) -> None:
    """Lines of drafts and void invoices are included and are not live."""
    insert("invoices", id="1", status=status, subtotal=3, lines=[{"subtotal": 3}])

    assert query(LINES.format("is_live, line_net")) == [(1, False, Decimal(3))]


def test_every_document_once(insert: Action, query: Query) -> None:
    """Only current versions count; the lines of each invoice add up to its net."""
    insert("invoices", id="1", subtotal=1, lines=[{"subtotal": 1}], _dlt_valid_to="2026-01-02")
    insert("invoices", id="1", subtotal=2, lines=[{"subtotal": 3}], _dlt_valid_from="2026-01-02")
    insert("invoices", id="2", subtotal=4, lines=[{"subtotal": 4}], _dlt_valid_to="2026-01-02")
    insert("invoices", id="3", subtotal=5, lines=[{"subtotal": 5}, {}])

    assert query(
        "select invoice_id, count(*), sum(line_net) from core.fct_invoice_line"
        " group by invoice_id order by invoice_id"
    ) == [("1", 2, Decimal(2)), ("3", 2, Decimal(5))]
