"""The sales half of the ITBMS return, by box of Form 430, and the invoices behind it."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[..., list[tuple[Any, ...]]]

HUGE = "9999999999999999.99"
FIGURES = "box, documents, base, tax"


@pytest.fixture
def add_invoice(insert: Action) -> Action:
    """Return a function that adds an invoice: its day, the header's tax, and the lines' tax codes
    and nets."""
    numbers = iter(range(1, 1000))

    def add_invoice(day: str, tax: str, *lines: tuple[str | None, str], **fields: Any) -> None:
        row = {"id": f"{next(numbers)}", "tax_total": tax, "document_date": day, **fields}
        items = [{"tax_code": code, "subtotal": net} for code, net in lines]
        insert("invoices", **row, lines=items)

    return add_invoice


@pytest.fixture
def boxes(query_text: Query) -> Query:
    """Return a function that selects columns of the boxes with an amount."""

    def boxes(columns: str, where: str = "base <> 0 or tax <> 0") -> list[tuple[Any, ...]]:
        return query_text(
            f"select {columns} from reporting.itbms_return where {where}"
            " order by month_on, currency, box"
        )

    return boxes


def test_no_documents(query: Query) -> None:
    """Without documents and filed months there is no return."""
    assert query("select * from reporting.itbms_return") == []
    assert query("select * from reporting.itbms_return_items") == []


def test_boxes(insert: Action, add_invoice: Action, boxes: Query) -> None:
    """Each rate has its box; exports, exempt and not subject are apart; 19 and 211 are totals in
    which an invoice with several codes counts once."""
    insert("tax_rates", tax_code="EXPORT", rate="0", box="16")
    insert("tax_rates", tax_code="NOSUJETO", rate="0", box="18")
    insert("tax_rates", tax_code="HOTEL", rate="0.10", box="14")
    add_invoice(
        *("2026-01-10", "63.00", ("ITBMS7", "100"), ("itbms10 ", "200"), ("ITBMS15", "40")),
        *(("HOTEL", "300"), ("EXENTO", "50"), ("EXEMPT", "5"), ("EXPORT", "60")),
        ("NOSUJETO", "70"),
        subtotal="825",
    )
    add_invoice("2026-01-31", "0.70", ("ITBMS", "10"), subtotal="10")

    assert boxes(FIGURES) == [
        *[("11", 2, "110.00", "7.70"), ("13", 1, "200.00", "20.00")],
        *[("14", 1, "300.00", "30.00"), ("15", 1, "40.00", "6.00")],
        *[("16", 1, "60.00", "0.00"), ("17", 1, "55.00", "0.00"), ("18", 1, "70.00", "0.00")],
        *[("19", 2, "835.00", "63.70"), ("211", 2, None, "63.70")],
    ]


def test_credit_notes(add_invoice: Action, boxes: Query) -> None:
    """Credit notes are in the box of returns with all of their codes, are not netted, and reduce
    the total debit."""
    add_invoice("2026-01-10", "7.00", ("ITBMS", "100"), total="107.00")
    add_invoice("2026-01-11", "-2.10", ("ITBMS", "-30"), ("EXENTO", "-5"), total="-37.10")

    assert boxes(FIGURES) == [
        *[("11", 1, "100.00", "7.00"), ("19", 1, "100.00", "7.00")],
        *[("20", 1, "-35.00", "-2.10"), ("211", 2, None, "4.90")],
    ]


def test_whole_form(add_invoice: Action, boxes: Query, set_as_of: Action) -> None:
    """A month has every box, who fills it, its certainty, and the day on which it is due: the 15th,
    or the next business day."""
    set_as_of("2026-12-31", history_since="2026-02-10")
    add_invoice("2026-01-31", "7.00", ("ITBMS", "100"), subtotal="100")
    add_invoice("2026-07-01", "7.00", ("ITBMS", "100"), subtotal="100")

    every = boxes(
        "box, tax_box, filled_by, certainty, documents, base, tax", "month_on = '2026-07-01'"
    )
    assert [row for row in every if row[4] != 0] == [
        ("11", "111", "ours", "H", 1, "100.00", "7.00"),
        ("19", "191", "ours", "M", 1, "100.00", "7.00"),
        ("211", "211", "ours", "M", 1, None, "7.00"),
        ("22-47", None, "yours", "M", None, None, None),
        ("51", "51", "yours", "M", None, None, None),
        ("53-58", None, "yours", "M", None, None, None),
    ]
    assert [row[0] for row in every if row[4] == 0] == [
        "12",
        "13",
        "14",
        "15",
        "16",
        "17",
        "18",
        "20",
        "52",
    ]
    withheld = boxes(
        "documents, tax, due_on, pay_by_on", "box = '52' and month(month_on) in (1, 7)"
    )
    assert withheld == [
        (None, None, "2026-02-15", "2026-02-16"),  # before history began; a Sunday
        (0, "0.00", "2026-08-15", "2026-08-17"),  # a Saturday
    ]


def test_what_is_charged_counts(add_invoice: Action, boxes: Query) -> None:
    """The tax is that of the headers: a cent of rounding is in the box with the most tax. Neither
    drafts nor void invoices count."""
    add_invoice("2026-01-10", "17.01", ("ITBMS", "100"), ("ITBMS10", "100"), subtotal="200")
    for status in ("Void", "Draft"):
        add_invoice("2026-01-10", "7.00", ("ITBMS", "100"), subtotal="100", status=status)

    assert boxes(FIGURES)[:2] == [("11", 1, "100.00", "7.00"), ("13", 1, "100.00", "10.01")]


def test_without_a_box(insert: Action, add_invoice: Action, boxes: Query, query: Query) -> None:
    """Unknown codes, the rest of a header and rates without a box are apart, in no total."""
    insert("tax_rates", tax_code="TWELVE", rate="0.12")
    insert("tax_rates", tax_code="ODD", rate="0.07", box="99")
    add_invoice("2026-01-10", "24.00", ("TWELVE", "100"), ("NEW", "100"), total="324.00")
    add_invoice("2026-01-10", "7.00", ("ODD", "100"), subtotal="100")
    add_invoice("2026-01-10", "0", subtotal="0")

    assert boxes(FIGURES) == [("(none)", 2, "400.00", "31.00")]
    assert boxes("filled_by, box_label", "box = '(none)'") == [
        ("yours", "Sin casilla: corrija las líneas en P4 Books, o tax_rates.csv")
    ]
    assert query(
        "select entity_id, detail from reporting.data_quality where rule = 'no box' order by all"
    ) == [
        ("ODD", "itbms_boxes.csv has no box 99 for sales"),
        ("TWELVE", "tax_rates.csv names no box of the ITBMS return for it"),
    ]


UNCODED: dict[str, tuple[str, list[tuple[str | None, str]], list[tuple[str, str]]]] = {
    # the header's tax, the lines, the boxes with their tax
    "at 7 %": ("7.00", [(None, "100")], [("11", "7.00")]),
    "at 10 %": ("10.00", [("", "100")], [("13", "10.00")]),
    "at 15 %, rounded": ("4.49", [(None, "29.90")], [("15", "4.49")]),
    "without tax": ("0", [(None, "100")], [("17", "0.00")]),
    "beside another rate": (
        *("17.00", [("ITBMS", "100"), (None, "100")]),
        [("11", "7.00"), ("13", "10.00")],
    ),
    "at the rate of the other code": (
        *("20.00", [("HOTEL", "100"), (None, "100")]),
        [("14", "20.00")],
    ),
    "beyond the lines": ("7.70", [("ITBMS", "100")], [("11", "7.70")]),
    "a discount on all lines": ("14.70", [("ITBMS", "220")], [("11", "14.70")]),
    "at no rate": ("12.00", [(None, "100")], [("(none)", "12.00")]),
    "at any rate": ("0.01", [(None, "0.05")], [("(none)", "0.01")]),
    "of a new code": ("7.00", [("NEW", "100")], [("(none)", "7.00")]),
}
NETS = {"beyond the lines": "110", "a discount on all lines": "210"}


@pytest.mark.parametrize("case", UNCODED)
def test_without_a_tax_code(
    insert: Action, add_invoice: Action, boxes: Query, query: Query, case: str
) -> None:
    """What has no tax code is in the box of the one rate that its tax shows, and a finding; tax
    that is in no box is an error that names the amount."""
    tax, lines, expected = UNCODED[case]
    insert("tax_rates", tax_code="HOTEL", rate="0.10", box="14")
    net = NETS.get(case, str(sum(Decimal(net) for _, net in lines)))
    add_invoice("2026-01-10", tax, *lines, subtotal=net)

    assert boxes("box, tax", "documents > 0 and box not in ('19', '211')") == expected
    is_boxed = expected[0][0] != "(none)"
    [(rule, severity, entity_id, detail)] = query(
        "select rule, severity, entity_id, detail from reporting.data_quality"
        " where entity = 'invoice' and rule in ('assumed box', 'tax without a box')"
    )
    assert (rule, severity, entity_id) == (
        ("assumed box", "note", "1") if is_boxed else ("tax without a box", "error", "1")
    )
    assert is_boxed or f"its tax of {expected[0][1]} is in no box" in detail


def test_older_tax_rates(
    con: Any, insert: Action, add_invoice: Action, boxes: Query, query: Query
) -> None:
    """In a user's file without boxes the box is that of the rate, and each is a finding."""
    con.execute("delete from raw.tax_rates")
    for code, rate in (("SEVEN", "0.07"), ("TEN", "0.1"), ("NIL", "0"), ("UNUSED", "0.15")):
        insert("tax_rates", tax_code=code, rate=rate)
    add_invoice(
        "2026-01-10", "17.00", ("SEVEN", "100"), ("TEN", "100"), ("NIL", "9"), subtotal="209"
    )

    assert [row[0] for row in boxes("box")] == ["11", "13", "17", "19", "211"]
    assert query(
        "select entity_id, severity, place from reporting.data_quality"
        " where rule = 'assumed box' order by all"
    ) == [("NIL", "note", ""), ("SEVEN", "note", ""), ("TEN", "note", "")]


def test_boxes_of_the_user(con: Any, add_invoice: Action, boxes: Query) -> None:
    """With another numbering of the form the amounts are in its boxes; without a box of returns,
    credit notes are apart."""
    con.execute("update raw.itbms_boxes set box = '21' where filled_with = 'debit'")
    con.execute("delete from raw.itbms_boxes where filled_with = 'returns'")
    add_invoice("2026-01-10", "7.00", ("ITBMS", "100"), total="107.00")
    add_invoice("2026-01-11", "-2.10", ("ITBMS", "-30"), total="-32.10")

    assert boxes("box, tax") == [
        *[("(none)", "-2.10"), ("11", "7.00"), ("19", "7.00"), ("21", "7.00")],
    ]


def test_currencies(add_invoice: Action, boxes: Query) -> None:
    """Each currency has its own return."""
    add_invoice("2026-01-10", "7.00", ("ITBMS", "100"), subtotal="100", currency="eur")
    add_invoice("2026-01-10", "14.00", ("ITBMS", "200"), subtotal="200")

    assert boxes("currency, box, tax", "box in ('11', '211')") == [
        *[("EUR", "11", "7.00"), ("EUR", "211", "7.00")],
        *[("USD", "11", "14.00"), ("USD", "211", "14.00")],
    ]


def test_overflow(add_invoice: Action, boxes: Query) -> None:
    """Sums that overflow their column are null and break nothing."""
    add_invoice("2026-01-10", HUGE, ("ITBMS", HUGE), subtotal=HUGE)
    add_invoice("2026-01-10", HUGE, ("ITBMS", HUGE), subtotal=HUGE)

    assert boxes(FIGURES, "box in ('11', '19', '211')") == [
        *[("11", 2, None, None), ("19", 2, None, None), ("211", 2, None, None)],
    ]


def test_items(insert: Action, add_invoice: Action, query_text: Query) -> None:
    """An invoice is behind each of its boxes, with its customer."""
    insert("customers", id="7", name="Doña 'Ñ'")
    add_invoice(
        *("2026-01-10", "14.00", ("ITBMS", "100"), ("ITBMS7", "100"), ("EXENTO", "5")),
        subtotal="205",
        code="F-1",
        customer_id="7",
    )

    assert query_text(
        "select month_on, box, currency, document_on, invoice_code, customer_name, base, tax"
        " from reporting.itbms_return_items order by box"
    ) == [
        ("2026-01-01", "11", "USD", "2026-01-10", "F-1", "Doña 'Ñ'", "200.00", "14.00"),
        ("2026-01-01", "17", "USD", "2026-01-10", "F-1", "Doña 'Ñ'", "5.00", "0.00"),
    ]


def test_filed_amounts(
    insert: Action, add_invoice: Action, set_as_of: Action, boxes: Query, query: Query
) -> None:
    """The amounts of the last return filed stand beside the present ones, in the tenant's currency.
    A month can be filed without documents; a box that the form does not have is a finding."""
    set_as_of("2026-03-31")
    add_invoice("2026-01-10", "7.00", ("ITBMS", "100"), subtotal="100")
    add_invoice("2026-01-10", "7.00", ("ITBMS", "100"), subtotal="100", currency="EUR")
    for month, day, box, amount in (
        *[("01", "02-15", "111", "6"), ("01", "03-01", "11", "99"), ("01", "03-01", "111", "7.5")],
        *[("01", "03-01", "51", "3"), ("01", "03-01", "30", "4"), ("01", "03-01", "X", "5")],
        *[("01", "04-01", "111", "8"), ("02", "03-15", None, None)],
    ):
        fields = {"month": f"2026-{month}-01", "filed_on": f"2026-{day}"}
        insert("filed_returns", form="430", **fields, box=box, amount=amount)

    assert boxes(
        "month_on, currency, box, base, base_filed, tax, tax_filed, filed_on",
        "base_filed is not null or tax_filed is not null or (box = '11' and currency = 'EUR')",
    ) == [
        ("2026-01-01", "EUR", "11", "100.00", None, "7.00", None, None),
        ("2026-01-01", "USD", "11", "100.00", "99.00", "7.00", "7.50", "2026-03-01"),
        ("2026-01-01", "USD", "51", None, None, None, "3.00", "2026-03-01"),
    ]
    assert boxes("month_on, filed_on, tax", "month_on = '2026-02-01' and box = '11'") == [
        ("2026-02-01", "2026-03-15", "0.00")
    ]
    assert query(
        "select entity_id, place from reporting.data_quality"
        " where rule = 'unknown box in filed_returns.csv'"
    ) == [("X", "2026-01 2026-03-01")]


def test_months_without_sales(
    insert: Action, add_invoice: Action, set_as_of: Action, boxes: Query
) -> None:
    """From the first document or filing to the as-of day, each month has its boxes, in the tenant's
    currency; a mistyped day makes no month but its own."""
    set_as_of("2026-04-30")
    add_invoice("2026-02-10", "7.00", ("ITBMS", "100"), subtotal="100", currency="EUR")
    add_invoice("0202-01-10", "1.00", ("EXENTO", "100"), subtotal="100")
    insert("filed_returns", form="430", month="2026-01-01", filed_on="2026-02-15")

    columns = "month_on, currency, filled_by, documents, base, tax"
    assert boxes(columns, "box = '11'") == [
        ("0202-01-01", "USD", "ours", 0, "0.00", "0.00"),
        ("2026-01-01", "USD", "ours", 0, "0.00", "0.00"),
        ("2026-02-01", "EUR", "ours", 1, "100.00", "7.00"),
        *((f"2026-0{month}-01", "USD", "ours", 0, "0.00", "0.00") for month in (2, 3, 4)),
    ]


def test_due_days_outside_the_calendar(
    insert: Action, add_invoice: Action, set_as_of: Action, boxes: Query
) -> None:
    """The last business day to pay is known of months filed long before or after the documents."""
    set_as_of("2026-03-31")
    add_invoice("2026-01-10", "7.00", ("ITBMS", "100"), subtotal="100")
    for month in ("1950-01-01", "2033-03-01"):
        insert("filed_returns", form="430", month=month, filed_on="2026-02-15")

    assert boxes("month_on, due_on, pay_by_on", "box = '11' and year(month_on) <> 2026") == [
        ("1950-01-01", "1950-02-15", "1950-02-15"),
        ("2033-03-01", "2033-04-15", "2033-04-18"),  # Good Friday
    ]


def test_last_possible_month(add_invoice: Action, query: Query) -> None:
    """A document of the year 9999 breaks nothing, though no day on which it is due can be shown."""
    add_invoice("9999-12-31", "7.00", ("ITBMS", "100"), subtotal="100")

    assert query("select due_on, pay_by_on, month_on from reporting.itbms_return limit 1") == [
        (None, None, date(9999, 12, 1))
    ]
