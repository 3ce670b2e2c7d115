"""What did customers order that is not delivered?"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

Give = Callable[..., None]
Ask = Callable[[str], list[tuple[Any, ...]]]

MONEY = "sales_order_subtotal, sales_order_tax, sales_order_total"
HUGE = "9999999999999999.99"


def amounts(*told: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(each) for each in told)


def test_only_what_there_is(give: Give, ask: Ask) -> None:
    """Of each order the last version counts; what is gone does not, what came back does."""
    give("sales_orders", id="1", total=1, _dlt_valid_to="2026-01-02")
    give("sales_orders", id="1", total=2, _dlt_valid_from="2026-01-02")
    give("sales_orders", id="2", total=3, _dlt_valid_to="2026-01-02")
    give("sales_orders", id="3", total=4, _dlt_valid_to="2026-01-02")
    give("sales_orders", id="3", total=5, _dlt_valid_from="2026-01-04")
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 4)]

    assert ask(
        "select sales_order_id, sales_order_total, first_seen_at, last_changed_at"
        " from core.fct_sales_order order by 1"
    ) == [("1", Decimal(2), days[0], days[1]), ("3", Decimal(5), days[0], days[2])]


def test_words_and_keys(give: Give, ask: Ask) -> None:
    """Keys and words stand as P4 Books says them, the currency in capitals."""
    told = {"code": "SO-1 'x'", "status": "Open", "warehouse_id": "w", "currency": "eur"}
    give("sales_orders", id="1", customer_id="7", **told)

    assert ask(
        "select sales_order_id, customer_id, warehouse_id, sales_order_code, sales_order_status,"
        " currency from core.fct_sales_order"
    ) == [("1", "7", "w", "SO-1 'x'", "Open", "EUR")]


@pytest.mark.parametrize(
    ("status", "flags"),
    [
        # live, open, partly done
        ("Open", (True, True, False)),
        ("PartiallyFulfilled", (True, True, True)),
        ("partially_fulfilled", (True, True, True)),
        ("Fulfilled", (True, False, False)),
        ("CLOSED", (True, False, False)),
        ("Cancelled", (False, False, False)),
        ("canceled", (False, False, False)),
        ("Void", (False, False, False)),
        ("draft", (False, False, False)),
        (None, (True, True, False)),
        ("Who knows", (True, True, False)),
    ],
)
def test_status(give: Give, ask: Ask, status: str | None, flags: tuple[bool, ...]) -> None:
    """Open is what is neither done nor cancelled, in any case; what nobody knows is open."""
    give("sales_orders", id="1", status=status)

    assert ask("select is_live, is_open, is_partly_done from core.fct_sales_order") == [flags]


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        (("100", "7", "107"), ("100", "7", "107")),
        ((None, "7", "107"), ("100", "7", "107")),
        (("100", None, "107"), ("100", "7", "107")),
        (("100", "7", None), ("100", "7", "107")),
        (("100", None, None), ("100", "0", "100")),
        ((None, "7", None), ("0", "7", "7")),
        ((None, None, "107"), ("107", "0", "107")),
        ((None, None, None), ("0", "0", "0")),
        ((HUGE, HUGE, None), (HUGE, HUGE, "0")),
    ],
)
def test_amounts(
    give: Give, ask: Ask, given: tuple[str | None, ...], whole: tuple[str, ...]
) -> None:
    """An amount that is missing follows from the others."""
    names = ("subtotal", "tax_total", "total")
    give("sales_orders", id="1", **dict(zip(names, given, strict=True)))

    assert ask(f"select {MONEY} from core.fct_sales_order") == [amounts(*whole)]


def test_a_header_without_amounts(give: Give, ask: Ask) -> None:
    """It is what its lines come to."""
    lines = [{"subtotal": "100.01"}, {"quantity": 1000, "price": 1000, "discount": "0.5"}, {}]
    give("sales_orders", id="1", tax_total=7, lines=lines)

    assert ask(f"select {MONEY} from core.fct_sales_order") == [
        amounts("1000099.51", "7", "1000106.51")
    ]


def test_a_total_and_lines_alone(give: Give, ask: Ask) -> None:
    """Where only the total is given the net is that of the lines, and the tax is the rest."""
    give("sales_orders", id="1", total=107, lines=[{"subtotal": 60}, {"subtotal": 40}])
    give("sales_orders", id="2", total=107, lines=[{}])

    assert ask(f"select {MONEY} from core.fct_sales_order order by sales_order_id") == [
        amounts("100", "7", "107"),
        amounts("107", "0", "107"),
    ]


@pytest.mark.parametrize(
    ("status", "required", "late"),
    [
        ("Open", "2026-06-29", 1),
        ("Open", "2026-06-30", 0),
        ("Open", "2026-07-01", 0),
        ("Open", None, 0),
        ("Fulfilled", "2026-06-01", None),
        ("Cancelled", "2026-06-01", None),
    ],
)
def test_late(
    give: Give, as_of: Give, ask: Ask, status: str, required: str | None, late: int | None
) -> None:
    """An open order is late by the days since it was wanted; one that is not open never is."""
    as_of("2026-06-30")
    give("sales_orders", id="1", status=status, required_date=required)

    assert ask("select days_late from core.fct_sales_order") == [(late,)]


@pytest.mark.parametrize(
    ("document", "created", "day"),
    [
        ("2026-02-01", "2026-03-01 04:59:59+00", "2026-02-01"),
        (None, "2026-03-01 04:59:59+00", "2026-02-28"),
        (None, "2026-03-01 05:00:00+00", "2026-03-01"),
        (None, None, "2025-12-31"),
    ],
)
def test_document_day(
    give: Give, ask: Ask, document: str | None, created: str | None, day: str
) -> None:
    """An order without a day was made on the day in Panama when it was entered, or first seen."""
    give("sales_orders", id="1", document_date=document, date_created=created)

    assert ask("select document_on from core.fct_sales_order") == [(date.fromisoformat(day),)]


def test_nobody_and_no_currency(give: Give, ask: Ask) -> None:
    """An order of nobody stands under (none), one without a currency has the tenant's."""
    give("sales_orders", id="1", customer_id=None, currency=None)

    assert ask("select customer_id, currency from core.fct_sales_order") == [("(none)", "USD")]
