"""Do the sums hold, whatever books there are?"""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from tests.sql.any_books import ABSURD, ABSURD_MEASURES, AS_OF, BEGAN, any_books
from tests.sql.books import Books

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
Sums = dict[Any, Decimal]

PICTURE = {"as_of_at": AS_OF, "as_of_on": AS_OF.date(), "history_since": BEGAN}
EXAMPLES = int(os.environ.get("P4BOOKS_EXAMPLES", "20"))  # each makes all models
SLOW = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Books:
    """A warehouse that is emptied after each example."""
    return Books(tmp_path_factory.mktemp("sums"))


def money(value: Any) -> Decimal | None:
    """An amount, as the API tells it."""
    return None if value is None else Decimal(value)


def live(rows: Rows) -> list[Mapping[str, Any]]:
    """The invoices that P4 Books has and that are neither void nor draft."""
    return [
        row
        for row in rows["invoices"]
        if row["_dlt_valid_to"] is None and (row["status"] or "").lower() not in {"void", "draft"}
    ]


def net(row: Mapping[str, Any]) -> Decimal:
    """The net of a header: what it says, else its total less tax, else what its lines say."""
    said, total, tax = (money(row[name]) for name in ("subtotal", "total", "tax_total"))
    if said is not None:
        return said
    if total is not None and tax is not None:
        return total - tax
    nets = [found for line in row["lines"] or () if (found := line_net(line)) is not None]
    return sum(nets, Decimal(0)) if nets else total or Decimal(0)


def line_net(line: Mapping[str, Any]) -> Decimal | None:
    """The net of a line: what it says, else quantity times price less discount, if it says that."""
    said = money(line.get("subtotal"))
    if said is not None:
        return said
    quantity, price = money(line.get("quantity")), money(line.get("price"))
    if quantity is None or price is None:
        return None
    less = quantity * price - (money(line.get("discount")) or 0)
    return less.quantize(Decimal("0.01"), "ROUND_HALF_UP")


def owing(row: Mapping[str, Any]) -> Decimal:
    """The balance of an invoice: what it says, else what is not paid of its total."""
    said, total, tax = (money(row[name]) for name in ("balance", "total", "tax_total"))
    if said is not None:
        return said
    if total is None:
        total = net(row) + (tax or Decimal(0))
    return total - (money(row["amount_paid"]) or 0)


def currency(row: Mapping[str, Any]) -> str:
    """The currency of a document, the tenant's where it names none."""
    return (row["currency"] or "").strip().upper() or "USD"


def by_currency(rows: Sequence[Mapping[str, Any]], of: Callable[[Any], Decimal]) -> Sums:
    """Add up by currency; what comes to nothing is left out."""
    sums: Sums = defaultdict(Decimal)
    for row in rows:
        sums[currency(row)] += of(row)
    return {key: value for key, value in sums.items() if value}


def asked(books: Books, amount: str, model: str) -> Sums:
    """Ask a report for its sum by currency."""
    rows = books.ask(f"select currency, sum({amount}) from {model} group by currency")
    return {key: value for key, value in rows if value}


@SLOW
@given(any_books())
def test_every_sum_holds(books: Books, rows: Rows) -> None:
    """All checks hold, and the reports come to what the rows say, reckoned here by hand."""
    with books.holding(rows, PICTURE):
        books.check()

        owed = by_currency(live(rows), owing)
        sold = by_currency(live(rows), net)

        for report in ("ar_open_items", "ar_aging"):
            assert asked(books, "balance", f"reporting.{report}") == owed
        assert asked(books, "expected_in + overdue_in", "reporting.cash_forecast") == owed
        for report in (
            *("sales_by_month", "sales_daily", "sales_by_product", "sales_by_customer"),
            *("sales_cube", "price_realisation", "product_margin"),
        ):
            assert asked(books, "net", f"reporting.{report}") == sold
        bases = asked(books, "taxable_base + exempt_base", "reporting.itbms_by_month")
        assert bases == sold
        assert asked(books, "net", "reporting.itbms_sales_book") == sold


@SLOW
@given(any_books(ABSURD, ABSURD_MEASURES))
def test_no_amount_stops_publishing(books: Books, rows: Rows) -> None:
    """However absurd an amount is, each model can be made, and no check fails because of it."""
    with books.holding(rows, PICTURE):
        books.check()


def test_empty_books(books: Books) -> None:
    """Without a row every model is there and empty, but for the as-of and what people told."""
    with books.holding({}, PICTURE):
        books.check()
        counts = {
            model: books.ask(f"select count(*) from {model}")[0][0]
            for (model,) in books.ask(
                "select schema_name || '.' || table_name from duckdb_tables()"
                " where schema_name in ('staging', 'core', 'reporting')"
            )
        }

    assert {model for model, count in counts.items() if count} == {
        "core.as_of",
        "core.month_ends",
        "staging.tax_rates",
    }
    assert len(counts) > 50
