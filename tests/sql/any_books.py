"""Which books may there be? Any that an API may tell, and worse."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

BEGAN = datetime(2026, 1, 1, 3, tzinfo=UTC)  # of the history; still December in Panama
AS_OF = datetime(2026, 6, 30, 17, tzinfo=UTC)
HOURS = (AS_OF - BEGAN) // timedelta(hours=1)

CENTS = st.one_of(
    st.sampled_from(["0", "0.01", "-0.01", "7", "100", "107", "-107", "33.33"]),
    st.integers(-1_000_000, 1_000_000).map(lambda cents: f"{cents / 100:.2f}"),
)
ABSURD = st.one_of(
    CENTS, st.sampled_from(["9999999999999999.99", "-9999999999999999.99", "1000000000000000.00"])
)
MEASURES = st.sampled_from(["0", "1", "-1", "3", "0.333333", "1000", "12.5", "-2.000001"])
ABSURD_MEASURES = st.one_of(MEASURES, st.sampled_from(["999999999999.999999", "-999999999999"]))
DAYS = st.sampled_from(
    [
        *("2026-06-30", "2026-06-29", "2026-07-01", "2026-06-01", "2026-05-31", "2026-03-31"),
        *("2026-01-31", "2025-12-31", "2025-06-30", "2025-07-01", "2024-02-29", "2023-02-28"),
        *("0202-02-02", "9999-12-31"),
    ]
)
INSTANTS = st.sampled_from(
    ["2026-02-01 04:59:59+00", "2026-02-01 05:00:00+00", "2025-12-31 23:59:59.999999+00"]
)
WORDS = st.sampled_from(["a", "Doña \"Ñ\" 'x'", "=1+1", "😀", ""])
CURRENCIES = st.sampled_from(["USD", "usd ", "EUR", ""])
CODES = st.sampled_from(["ITBMS", "itbms7 ", "ITBMS10", "EXENTO", "IVA", ""])
PARTIES = st.sampled_from(["1", "2", "3", "77"])  # 77 is nobody
PRODUCTS = st.sampled_from(["1", "2", "3", "99"])
INVOICE_WORDS = st.sampled_from(
    ["Posted", "Paid", "PARTIALLY_PAID", "partiallypaid", "Void", "draft", "Odd", ""]
)
ORDER_WORDS = st.sampled_from(
    [
        *("Open", "open", "PartiallyFulfilled", "partially_received", "Fulfilled", "Received"),
        *("Closed", "CANCELLED", "Void", "Draft", "Odd"),
    ]
)


def maybe(values: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Give a value, or none."""
    return st.one_of(values, st.none())


def _lines(money: SearchStrategy[str], measures: SearchStrategy[str]) -> SearchStrategy[Any]:
    line = st.fixed_dictionaries(
        {},
        optional={
            "line_number": maybe(st.integers(-1, 3)),
            "product_id": maybe(PRODUCTS),
            "description": WORDS,
            "tax_code": maybe(CODES),
            "quantity": maybe(measures),
            "price": maybe(measures),
            "discount": maybe(st.sampled_from(["0", "10", "12.5", "100", "-5", "1000"])),
            "subtotal": maybe(money),
        },
    )
    return maybe(st.lists(line, max_size=3))


def _document(
    money: SearchStrategy[str], measures: SearchStrategy[str], **own: SearchStrategy[Any]
) -> SearchStrategy[dict[str, Any]]:
    fields: dict[str, SearchStrategy[Any]] = {
        "code": maybe(WORDS),
        "currency": maybe(CURRENCIES),
        "document_date": maybe(DAYS),
        "date_created": maybe(INSTANTS),
        "subtotal": maybe(money),
        "tax_total": maybe(money),
        "total": maybe(money),
        "lines": _lines(money, measures),
        **own,
    }
    return st.fixed_dictionaries(fields)


@st.composite
def _versions(
    draw: DrawFn, ids: Sequence[str], said: SearchStrategy[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Give each record one version or several: contiguous, with gaps, ended or not."""
    rows = []
    for each in ids:
        moments = sorted(draw(st.lists(st.integers(0, HOURS), min_size=1, max_size=4, unique=True)))
        holds = [True, *(draw(st.booleans()) for _ in moments[1:])]
        for place, (moment, is_there) in enumerate(zip(moments, holds, strict=True)):
            if is_there:
                until = moments[place + 1] if place + 1 < len(moments) else None
                valid = {"_dlt_valid_from": _instant(moment), "_dlt_valid_to": _instant(until)}
                rows.append({"id": each, **draw(said), **valid})
    return rows


def _instant(hours: int | None) -> str | None:
    return None if hours is None else (BEGAN + timedelta(hours=hours)).isoformat(" ")


@st.composite
def any_books(
    draw: DrawFn,
    money: SearchStrategy[str] = CENTS,
    measures: SearchStrategy[str] = MEASURES,
) -> dict[str, list[dict[str, Any]]]:
    """Give rows of every table of raw, with nothing sure but the ids and the history."""
    party = {
        "code": maybe(WORDS),
        "name": maybe(WORDS),
        "currency": maybe(CURRENCIES),
        "payment_terms": maybe(st.sampled_from(["Net 30", "Cash", "2/10 net 30", "x"])),
        "status": maybe(st.sampled_from(["active", "Inactive"])),
        "balance": maybe(money),
    }
    customer = st.fixed_dictionaries({**party, "credit_limit": maybe(money)})
    product = st.fixed_dictionaries(
        {
            "code": maybe(WORDS),
            "name": maybe(WORDS),
            "price": maybe(measures),
            "cost": maybe(measures),
        }
    )
    invoice = _document(
        money,
        measures,
        customer_id=maybe(PARTIES),
        status=maybe(INVOICE_WORDS),
        due_date=maybe(DAYS),
        posting_date=maybe(DAYS),
        amount_paid=maybe(money),
        balance=maybe(money),
    )
    sale = _document(
        money,
        measures,
        customer_id=maybe(PARTIES),
        status=maybe(ORDER_WORDS),
        required_date=maybe(DAYS),
    )
    purchase = _document(
        money,
        measures,
        vendor_id=maybe(PARTIES),
        status=maybe(ORDER_WORDS),
        expected_date=maybe(DAYS),
    )
    few = [str(number) for number in range(1, 4)]
    invoices = [str(number) for number in range(draw(st.integers(0, 7)))]
    orders = few[: draw(st.integers(0, 3))]
    return {
        "products": draw(_versions(few, product)),
        "customers": draw(_versions(few, customer)),
        "vendors": draw(_versions(few, st.fixed_dictionaries(party))),
        "invoices": draw(_versions(invoices, invoice)),
        "sales_orders": draw(_versions(orders, sale)),
        "purchase_orders": draw(_versions(orders, purchase)),
    }
