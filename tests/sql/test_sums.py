"""Reports of random books, compared with plain Python."""

import os
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.sql.books import Books, sum_by_key
from tests.sql.expected import (
    CANCELLED,
    DONE,
    PANAMA,
    Document,
    Expected,
    Key,
    month,
    total,
    word,
)
from tests.sql.order_sums import compare_orders
from tests.sql.random_books import ABSURD, ABSURD_MEASURES, AS_OF, BEGAN, random_books
from tests.sql.tax_sums import compare_tax, random_seeds

AS_OF_ROW = {"as_of_at": AS_OF, "as_of_on": date(2026, 6, 30), "history_since": BEGAN}
MONTH_ENDS = [date(2025, 12, 31), *(date(2026, m + 1, 1) - timedelta(1) for m in range(1, 6))]

# A failing example is only a seed, so there is nothing to shrink.
EXAMPLES = int(os.environ.get("P4BOOKS_EXAMPLES", "6"))
SAME = (
    "P4BOOKS_EXAMPLES" not in os.environ
)  # the same books in each run; different ones in `make soak`
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """An empty warehouse."""
    books = Books(tmp_path_factory.mktemp("books"))
    yield books
    books.con.close()


def by_month(document: Document) -> Key:
    return month(document.day), document.currency


def by_party(document: Document) -> tuple[str, str]:
    return document.party, document.currency


@settings(max_examples=EXAMPLES, phases=PHASES, derandomize=SAME)
@given(st.integers(0, 2**64))
def test_sums(books: Books, seed: int) -> None:
    """Every check passes, and receivables, sales, tax and orders agree with the rows: no cent is
    lost, counted twice or added to another currency."""
    rows = random_books(seed)
    rows |= random_seeds(seed, rows)
    expected = Expected(rows, AS_OF)
    tax_date = ("document", "posting")[seed % 2]

    with books.loaded(rows, {**AS_OF_ROW, "tax_date": tax_date}):
        books.check()

        _receivables(books, expected)
        _sales(books, expected)
        compare_tax(books, expected, tax_date, BEGAN)
        _balances(books, expected)
        _customers(books, expected)
        _orders(books, expected)
        compare_orders(books, expected)
        _history(books, expected)


@settings(max_examples=EXAMPLES // 2, phases=PHASES, derandomize=SAME)
@given(st.integers(0, 2**64))
def test_absurd_amounts(books: Books, seed: int) -> None:
    """Amounts and quantities that exceed any column break no model and no check."""
    rows = random_books(seed, ABSURD, ABSURD_MEASURES)
    with books.loaded(rows | random_seeds(seed, rows), AS_OF_ROW):
        books.check()


def test_empty_books(books: Books) -> None:
    """Without rows every model exists and is empty, except for the as-of row and the seeds."""
    with books.loaded({}, AS_OF_ROW):
        books.check()
        counts = {
            model: books.query(f"select count(*) from {model}")[0][0]
            for (model,) in books.query(
                "select schema_name || '.' || table_name from duckdb_tables()"
                " where schema_name in ('staging', 'core', 'reporting')"
            )
        }

    assert {model for model, count in counts.items() if count} == {
        "core.as_of",
        "core.month_ends",
        "core.order_histories",
        "core.tax_boxes",
        "core.today",
        "staging.itbms_boxes",
        "staging.tax_rates",
    }
    assert len(counts) > 50


def _receivables(books: Books, expected: Expected) -> None:
    assert sum_by_key(
        books,
        "select invoice_id, days_overdue, aging_bucket, balance from reporting.ar_open_items",
    ) == expected.owed(
        lambda document: (document.id, expected.days_late(document), expected.bucket(document))
    )
    for name, bucket in {
        "current_balance": "current",
        "days_1_30": "1-30",
        "days_31_60": "31-60",
        "days_61_90": "61-90",
        "days_over_90": "90+",
    }.items():
        assert sum_by_key(
            books, f"select customer_id, currency, {name} from reporting.ar_aging"
        ) == {
            (party, currency): amount
            for (party, currency, age), amount in expected.owed(
                lambda document: (document.party, document.currency, expected.bucket(document))
            ).items()
            if age == bucket
        }
    assert sum_by_key(
        books, "select customer_id, currency, balance from reporting.ar_aging"
    ) == expected.owed(by_party)
    assert sum_by_key(
        books,
        "select currency, sum(expected_in + overdue_in) from reporting.cash_forecast group by all",
    ) == expected.owed(lambda document: document.currency)
    assert sum_by_key(
        books, "select customer_id, currency, overdue from reporting.collections_worklist"
    ) == {
        key: amount
        for key, amount in total(
            (by_party(document), document.balance)
            for document in expected.open
            if expected.days_late(document)
        ).items()
        if amount > 0
    }


def _sales(books: Books, expected: Expected) -> None:
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
        assert sum_by_key(books, query) == expected.sold(by_month), report
    assert sum_by_key(
        books, "select day_on, currency, net from reporting.sales_daily"
    ) == expected.sold(lambda document: (document.day, document.currency))
    assert sum_by_key(
        books, "select customer_id, month_on, currency, net from reporting.sales_by_customer"
    ) == expected.sold(lambda document: (document.party, month(document.day), document.currency))
    assert sum_by_key(
        books, "select product_id, month_on, currency, net from reporting.sales_by_product"
    ) == expected.sold_by_product(
        lambda document, product: (product, month(document.day), document.currency)
    )
    assert sum_by_key(
        books,
        "select customer_id, product_id, month_on, currency, net from reporting.sales_cube",
    ) == expected.sold_by_product(
        lambda document, product: (document.party, product, month(document.day), document.currency)
    )
    quantities = total(
        ((line.product, document.currency), line.quantity)
        for document in expected.invoices
        for line in document.lines
    )
    for report in ("sales_cube", "sales_by_product"):
        query = f"select product_id, currency, sum(quantity) from reporting.{report} group by all"
        assert sum_by_key(books, query) == quantities, report
    for column, amounts in {
        "tax": expected.taxed(by_month),
        "total": total((by_month(document), document.total) for document in expected.invoices),
        "documents": total((by_month(document), Decimal(1)) for document in expected.invoices),
    }.items():
        query = f"select month_on, currency, {column} from reporting.sales_by_month"
        assert sum_by_key(books, query) == amounts, column
    last_year = date(2025, 6, 30)
    assert sum_by_key(
        books, "select customer_id, currency, net from reporting.abc_customers"
    ) == total(
        (by_party(document), document.net)
        for document in expected.invoices
        if last_year < document.day <= date(2026, 6, 30)
    )


def _balances(books: Books, expected: Expected) -> None:
    actual = books.query(
        "select customer_id, currency, customer_balance, invoices_balance"
        " from reporting.customer_balance_reconciliation where not is_deleted"
    )
    owed = expected.owed(by_party)
    records = {row["id"]: row for row in expected.rows["customers"] if not row["_dlt_valid_to"]}
    assert {row[0] for row in actual} == set(records)
    for customer, currency, record, invoices in actual:
        balance = records[customer]["balance"]
        assert record == (None if balance is None else Decimal(balance))
        assert invoices == owed.get((customer, currency), 0)


def _customers(books: Books, expected: Expected) -> None:
    one = Decimal(1)
    last_year = date(2025, 6, 30)
    orders = [
        document
        for document in expected.documents("sales_orders")
        if word(document.row) not in DONE["sales_orders"]
    ]
    in_12_months = [each for each in expected.invoices if last_year < each.day <= expected.today]
    for column, amounts in {
        "net_lifetime": expected.sold(by_party),
        "net_12_months": total((by_party(each), each.net) for each in in_12_months),
        "invoices_lifetime": total((by_party(each), one) for each in expected.dated_sales),
        "invoices_12_months": total(
            (by_party(each), one) for each in expected.dated_sales if each.day > last_year
        ),
        "balance": expected.owed(by_party),
        "overdue": total(
            (by_party(each), each.balance) for each in expected.open if expected.days_late(each)
        ),
        "open_orders": total((by_party(order), one) for order in orders),
        "open_orders_total": total((by_party(order), order.total) for order in orders),
    }.items():
        query = f"select customer_id, currency, {column} from reporting.customer_360"
        assert sum_by_key(books, query) == amounts, column

    last_days = {by_party(each): each.day for each in expected.dated_sales}
    bought = "from reporting.customer_360 where invoices_lifetime > 0"
    assert last_days == {
        (party, currency): day
        for party, currency, day in books.query(
            f"select customer_id, currency, last_invoice_on {bought}"
        )
    }
    assert sorted(expected.stages()) == books.query(
        "select customer_id, lifecycle_stage, month_on from reporting.customer_lifecycle"
        " order by all"
    )
    named = [each for each in expected.invoices if each.party != "(none)"]
    cohorts = "from reporting.cohort_retention"
    assert sum_by_key(
        books, f"select currency, first_month_on, months_since, net {cohorts}"
    ) == total((expected.cohort_of(each), each.net) for each in named)
    assert sum_by_key(
        books, f"select currency, first_month_on, months_since, customers {cohorts}"
    ) == total(
        (cohort, one)
        for cohort, _ in {
            (expected.cohort_of(each), each.party)
            for each in expected.dated_sales
            if each.party != "(none)"
        }
    )


def _orders(books: Books, expected: Expected) -> None:
    for table in ("sales_orders", "purchase_orders"):
        entity = table[:-1]
        orders = expected.documents(table)
        for flag, off in {"is_live": CANCELLED, "is_open": DONE[table]}.items():
            assert sum_by_key(
                books,
                f"select {entity}_id, currency, {entity}_total from core.fct_{entity} where {flag}",
            ) == total(
                ((document.id, document.currency), document.total)
                for document in orders
                if word(document.row) not in off
            )
        assert sum_by_key(
            books,
            f"select {entity}_id, product_id, sum(line_net) from core.fct_{entity}_line"
            " group by all",
        ) == total(
            ((document.id, line.product), line.net)
            for document in orders
            for line in document.lines
        )


def _history(books: Books, expected: Expected) -> None:
    versions = expected.versions()
    assert books.query("select count(*) from reporting.document_changes") == [
        (versions.total() - len(versions),)
    ]
    assert sorted(
        f"{kind.replace(' ', '_')}s {document_id}"
        for kind, document_id in books.query(
            "select document_type, document_id from reporting.void_and_deleted"
        )
    ) == sorted(expected.void_or_deleted())
    ends = {
        day: datetime(day.year, day.month, day.day, 23, 59, 59, 999999, PANAMA)
        for day in MONTH_ENDS
    } | {date(2026, 6, 30): AS_OF}
    assert sum_by_key(
        books,
        "select month_end_on, customer_id, currency, balance from reporting.ar_aging_history",
    ) == total(
        ((day, *by_party(document)), document.balance)
        for day, at in ends.items()
        for document in expected.documents("invoices", at)
        if document.is_open
    )
