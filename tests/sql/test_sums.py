"""The reports agree with the rows, whatever the rows are."""

import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.sql.books import Books
from tests.sql.expected import (
    CANCELLED,
    DONE,
    PANAMA,
    Document,
    Expected,
    Key,
    Sums,
    month,
    total,
    word,
)
from tests.sql.random_books import ABSURD, ABSURD_MEASURES, AS_OF, BEGAN, random_books

TOLD = {"as_of_at": AS_OF, "as_of_on": date(2026, 6, 30), "history_since": BEGAN}
MONTH_ENDS = [date(2025, 12, 31), *(date(2026, m + 1, 1) - timedelta(1) for m in range(1, 6))]

# A failing example is the number it was drawn by: there is nothing to shrink.
EXAMPLES = int(os.environ.get("P4BOOKS_EXAMPLES", "16"))
SAME = "P4BOOKS_EXAMPLES" not in os.environ  # the same books each time; others in make soak
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """An empty warehouse."""
    books = Books(tmp_path_factory.mktemp("books"))
    yield books
    books.con.close()


def sums(books: Books, query: str) -> Sums:
    """Ask for amounts by the columns before them, those that are none left out."""
    found: Sums = {}
    for *key, amount in books.ask(query):
        assert amount is not None, query
        if amount:
            found[key[0] if len(key) == 1 else tuple(key)] = Decimal(amount)
    return found


def by_month(each: Document) -> Key:
    return month(each.day), each.currency


def by_party(each: Document) -> tuple[str, str]:
    return each.party, each.currency


@settings(max_examples=EXAMPLES, phases=PHASES, derandomize=SAME)
@given(st.integers(0, 2**64))
def test_sums(books: Books, seed: int) -> None:
    """Every check passes, and what is owed, sold, taxed and ordered is what the rows say: no cent
    is lost, counted twice or added to one of another currency."""
    rows = random_books(seed)
    told = Expected(rows, AS_OF)

    with books.holding(rows, TOLD):
        books.check()

        _receivables(books, told)
        _sales(books, told)
        _tax(books, told)
        _balances(books, told)
        _orders(books, told)
        _history(books, told)


@settings(max_examples=EXAMPLES // 2, phases=PHASES, derandomize=SAME)
@given(st.integers(0, 2**64))
def test_absurd_amounts(books: Books, seed: int) -> None:
    """Amounts and quantities beyond all bounds stop no model and fail no check."""
    with books.holding(random_books(seed, ABSURD, ABSURD_MEASURES), TOLD):
        books.check()


def test_empty_books(books: Books) -> None:
    """Without rows every model exists and is empty, except for the as-of row and the seeds."""
    with books.holding({}, TOLD):
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


def _receivables(books: Books, told: Expected) -> None:
    assert sums(
        books,
        "select invoice_id, days_overdue, aging_bucket, balance from reporting.ar_open_items",
    ) == told.owed(lambda each: (each.id, told.late(each), told.bucket(each)))
    for name, bucket in {
        "current_balance": "current",
        "days_1_30": "1-30",
        "days_31_60": "31-60",
        "days_61_90": "61-90",
        "days_over_90": "90+",
    }.items():
        assert sums(books, f"select customer_id, currency, {name} from reporting.ar_aging") == {
            (party, currency): amount
            for (party, currency, age), amount in told.owed(
                lambda each: (each.party, each.currency, told.bucket(each))
            ).items()
            if age == bucket
        }
    assert sums(
        books, "select customer_id, currency, balance from reporting.ar_aging"
    ) == told.owed(by_party)
    assert sums(
        books,
        "select currency, sum(expected_in + overdue_in) from reporting.cash_forecast group by all",
    ) == told.owed(lambda each: each.currency)
    assert sums(
        books, "select customer_id, currency, overdue from reporting.collections_worklist"
    ) == {
        key: amount
        for key, amount in total(
            (by_party(each), each.balance) for each in told.open if told.late(each)
        ).items()
        if amount > 0
    }


def _sales(books: Books, told: Expected) -> None:
    for report, key in {
        "sales_by_month": "month_on",
        "sales_by_customer": "month_on",
        "sales_by_product": "month_on",
        "sales_cube": "month_on",
        "product_margin": "month_on",
        "price_realisation": "month_on",
        "sales_daily": "date_trunc('month', day_on)::date",
    }.items():
        query = f"select {key}, currency, sum(net) from reporting.{report} group by all"
        assert sums(books, query) == told.sold(by_month), report
    assert sums(books, "select day_on, currency, net from reporting.sales_daily") == told.sold(
        lambda each: (each.day, each.currency)
    )
    assert sums(
        books, "select customer_id, month_on, currency, net from reporting.sales_by_customer"
    ) == told.sold(lambda each: (each.party, month(each.day), each.currency))
    assert sums(
        books, "select product_id, month_on, currency, net from reporting.sales_by_product"
    ) == told.sold_by_product(lambda each, product: (product, month(each.day), each.currency))
    assert sums(
        books,
        "select customer_id, product_id, month_on, currency, net from reporting.sales_cube",
    ) == told.sold_by_product(
        lambda each, product: (each.party, product, month(each.day), each.currency)
    )
    quantities = total(
        ((line.product, each.currency), line.quantity)
        for each in told.invoices
        for line in each.lines
    )
    for report in ("sales_cube", "sales_by_product"):
        query = f"select product_id, currency, sum(quantity) from reporting.{report} group by all"
        assert sums(books, query) == quantities, report
    for column, expected in {
        "tax": told.taxed(by_month),
        "total": total((by_month(each), each.total) for each in told.invoices),
        "documents": total((by_month(each), Decimal(1)) for each in told.invoices),
    }.items():
        query = f"select month_on, currency, {column} from reporting.sales_by_month"
        assert sums(books, query) == expected, column
    last_year = date(2025, 6, 30)
    assert sums(books, "select customer_id, currency, net from reporting.abc_customers") == total(
        (by_party(each), each.net)
        for each in told.invoices
        if last_year < each.day <= date(2026, 6, 30)
    )


def _tax(books: Books, told: Expected) -> None:
    charged = told.taxed(by_month)
    assert (
        sums(
            books,
            "select month_on, currency, any_value(month_tax_charged)"
            " from reporting.itbms_by_month group by all",
        )
        == charged
    )
    assert (
        sums(
            books,
            "select month_on, currency, sum(tax) from reporting.itbms_sales_book group by all",
        )
        == charged
    )
    assert sums(
        books,
        "select month_on, currency, sum(taxable_base + exempt_base)"
        " from reporting.itbms_by_month group by all",
    ) == told.sold(by_month)

    assert (
        sums(
            books,
            "select month_on, tax_code, currency, taxable_base + exempt_base"
            " from reporting.itbms_by_month where rate_name <> '(unknown)'",
        ).items()
        <= told.base_by_code().items()
    )
    book = "from reporting.itbms_sales_book group by all"
    assert sums(books, f"select invoice_id, sum(net) {book}") == told.sold(lambda each: each.id)
    assert sums(books, f"select invoice_id, sum(tax) {book}") == told.taxed(lambda each: each.id)


def _balances(books: Books, told: Expected) -> None:
    found = books.ask(
        "select customer_id, currency, customer_balance, invoices_balance"
        " from reporting.customer_balance_reconciliation where not is_deleted"
    )
    owed = told.owed(by_party)
    records = {row["id"]: row for row in told.rows["customers"] if not row["_dlt_valid_to"]}
    assert {row[0] for row in found} == set(records)
    for customer, currency, record, invoices in found:
        balance = records[customer]["balance"]
        assert record == (None if balance is None else Decimal(balance))
        assert invoices == owed.get((customer, currency), 0)


def _orders(books: Books, told: Expected) -> None:
    for table in ("sales_orders", "purchase_orders"):
        entity = table[:-1]
        orders = told.documents(table)
        for flag, off in {"is_live": CANCELLED, "is_open": DONE[table]}.items():
            assert sums(
                books,
                f"select {entity}_id, currency, {entity}_total from core.fct_{entity} where {flag}",
            ) == total(
                ((each.id, each.currency), each.total)
                for each in orders
                if word(each.row) not in off
            )
        assert sums(
            books,
            f"select {entity}_id, product_id, sum(line_net) from core.fct_{entity}_line"
            " group by all",
        ) == total(((each.id, line.product), line.net) for each in orders for line in each.lines)


def _history(books: Books, told: Expected) -> None:
    versions = told.versions()
    assert books.ask("select count(*) from reporting.document_changes") == [
        (versions.total() - len(versions),)
    ]
    assert {
        f"{kind.replace(' ', '_')}s {each}"
        for kind, each in books.ask(
            "select document_type, document_id from reporting.void_and_deleted"
        )
    } == set(told.lost())
    ends = {
        day: datetime(day.year, day.month, day.day, 23, 59, 59, 999999, PANAMA)
        for day in MONTH_ENDS
    } | {date(2026, 6, 30): AS_OF}
    assert sums(
        books,
        "select month_end_on, customer_id, currency, balance from reporting.ar_aging_history",
    ) == total(
        ((day, *by_party(each)), each.balance)
        for day, at in ends.items()
        for each in told.documents("invoices", at)
        if each.is_open
    )
