"""Figures of dashboard, page and workbook: they are those of the models, to the cent."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from p4books.publish.figures.cash import load_cash
from p4books.publish.figures.customers import load_customers
from p4books.publish.figures.filters import Filters, load_choices
from p4books.publish.figures.itbms import load_itbms
from p4books.publish.figures.orders import load_orders
from p4books.publish.figures.overview import load_freshness, load_overview
from p4books.publish.figures.receivables import load_receivables
from p4books.publish.figures.sales import load_month_sales, load_sales, load_sales_months
from p4books.publish.figures.tables import FigureTable, read_table
from p4books.publish.figures.trust import load_trust

Connection = duckdb.DuckDBPyConnection
LOADERS: dict[str, Callable[[Connection, Filters], Any]] = {
    "overview": load_overview,
    "receivables": load_receivables,
    "cash": load_cash,
    "itbms": load_itbms,
    "sales": load_sales,
    "customers": load_customers,
    "orders": load_orders,
    "trust": load_trust,
}
ALL_DAYS = {"first_on": date(1, 1, 1), "last_on": date(9999, 12, 31)}


def filters_of(con: Connection, **chosen: Any) -> Filters:
    """Return the default filters of a file, with others in their place."""
    return replace(load_choices(con).defaults, **chosen)


def value(con: Connection, sql: str) -> Any:
    """Return the only value of a query."""
    (row,) = con.execute(sql).fetchall()
    return row[0]


def tables_of(figures: object) -> list[FigureTable]:
    """Return the tables of the figures of a subject."""
    values = (getattr(figures, field.name) for field in fields(figures))  # type: ignore[arg-type]
    return [each for each in values if isinstance(each, FigureTable)]


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_sums_are_those_of_the_models(books: Connection, currency: str) -> None:
    """Every key figure equals the sum of its model in that currency, and no other."""
    filters = filters_of(books, currency=currency, **ALL_DAYS)
    overview = load_overview(books, filters)
    where = f"where currency = '{currency}'"
    aging = f"from reporting.ar_aging {where}"
    assert overview.receivables.balance == value(books, f"select coalesce(sum(balance), 0) {aging}")
    assert overview.receivables.overdue == value(books, f"select coalesce(sum(overdue), 0) {aging}")
    assert sum(overview.ages.values("balance")) == overview.receivables.balance
    assert overview.orders.amount == value(
        books, f"select coalesce(sum(amount), 0) from reporting.sales_backlog {where}"
    )
    assert overview.itbms.tax == value(
        books,
        "select coalesce(sum(tax), 0) from core.fct_invoice_tax join core.fct_invoice"
        f" using (invoice_id) {where} and is_live"
        " and date_trunc('month', tax_on) = date '2026-06-01'",
    )
    sales = load_sales(books, filters)
    net = value(books, f"select sum(net) from reporting.sales_by_month {where}")
    assert sales.sum.net == net
    assert sum(sales.customers.values("net")) == net
    assert sum(sales.products.values("net")) == net
    cash = load_cash(books, filters)
    assert cash.sum.net_cash == sum(cash.forecast.values("net_cash"))


def test_sales_of_parts_add_up_to_the_months(books: Connection) -> None:
    """The months of all customers add up to those of all sales, and so do those of products."""
    choices = load_choices(books)
    for currency in choices.currencies:
        filters = filters_of(books, currency=currency, **ALL_DAYS)
        months = load_sales_months(books, filters).records()
        whole = {month["month_on"]: month["net"] for month in months}
        for parts in (
            [replace(filters, customer_id=each) for each in choices.customers],
            [replace(filters, product_id=each) for each in choices.products],
        ):
            sums = dict.fromkeys(whole, Decimal(0))
            for part in parts:
                for month in load_sales_months(books, part).records():
                    sums[month["month_on"]] += month["net"]
            assert sums == whole


def test_sales_of_a_customer_against_last_year(books: Connection) -> None:
    """A customer's months are compared as all sales are: the running month with the same days."""
    filters = filters_of(books, **ALL_DAYS)
    row = books.execute(
        """
        select customer_id, sum(invoice_subtotal) from core.fct_invoice
        where is_live and currency = 'USD' and document_on between '2025-06-01' and '2025-06-30'
        group by customer_id
        """
    ).fetchone()
    assert row is not None
    customer, net = row
    months = load_sales_months(books, replace(filters, customer_id=customer)).records()
    whole = load_sales_months(books, filters).records()
    june = date(2026, 6, 1)
    assert {each["month_on"]: each["net_last_year"] for each in months}[june] == net
    assert {each["month_on"]: each["net_last_year"] for each in whole}[june] == net


def test_a_month_without_sales(books: Connection) -> None:
    """It has 0 against the sales of a year before, whether of all customers or of one.

    There were sales of 20.00 in February 2024, and none in that of 2025.
    """
    february = {"first_on": date(2025, 2, 1), "last_on": date(2025, 2, 28)}
    for customer in (None, "1"):
        filters = filters_of(books, customer_id=customer, **february)
        (month,) = load_sales_months(books, filters).records()
        assert (month["net"], month["net_last_year"]) == (Decimal("0.00"), Decimal("20.00"))
        assert (month["documents"], month["growth"]) == (0, -1)
    sales = load_month_sales(books, filters_of(books, currency="USD"), date(2025, 2, 1))
    assert (sales.net, sales.net_last_year) == (Decimal("0.00"), Decimal("20.00"))
    to_come = filters_of(books, first_on=date(2026, 7, 1), last_on=date(2027, 12, 31))
    assert not load_sales_months(books, to_come).rows


@pytest.mark.parametrize("subject", LOADERS)
def test_tables_describe_their_columns(books: Connection, subject: str) -> None:
    """Every column of every table is in the catalogue, so that it has a label in both languages."""
    filters = filters_of(books, customer_id="1", **ALL_DAYS)
    for table in tables_of(LOADERS[subject](books, filters)):
        unknown = [column.name for column in table.columns if not column.meaning]
        assert not unknown, f"{table.name}: {unknown}"
        assert all(len(row) == len(table.columns) for row in table.rows)


@pytest.mark.parametrize("subject", LOADERS)
def test_nothing_copied_yet(nothing: Connection, subject: str) -> None:
    """Every subject can be loaded from an empty file: no row but those of empty buckets."""
    figures = LOADERS[subject](nothing, filters_of(nothing))
    for table in tables_of(figures):
        assert table.count == len(table.rows)
        if table.name not in {"ages", "form"}:
            assert not table.rows, table.name
    if subject == "overview":
        assert figures.receivables.balance == Decimal("0.00")
        assert figures.receivables.share_overdue is None


def test_a_long_table_is_cut(books: Connection) -> None:
    """A table has its first rows and knows how many there are; its query reads all of them."""
    table = load_trust(books, filters_of(books)).findings
    cut = read_table(books, table.query, limit=2)
    assert (cut.rows, cut.count, cut.is_whole) == (table.rows[:2], table.count, False)
    assert read_table(books, table.query, limit=None).rows == table.rows


def test_freshness(books: Connection) -> None:
    """Lists are stale when they are older than twice the interval between runs."""
    freshness = replace(load_freshness(books), current_to=datetime(2026, 6, 30, 17, 0, tzinfo=UTC))
    quarter = timedelta(minutes=15)
    assert not freshness.is_stale(datetime(2026, 6, 30, 17, 30, tzinfo=UTC), quarter)
    assert freshness.is_stale(datetime(2026, 6, 30, 17, 31, tzinfo=UTC), quarter)
    assert freshness.age(datetime(2026, 6, 30, 16, 0, tzinfo=UTC)) == timedelta(0)
    assert replace(freshness, current_to=None).age(datetime.now(UTC)) is None


def test_filters_of_an_address(books: Connection) -> None:
    """An address says what differs from the defaults; reading it gives the same filters."""
    choices = load_choices(books)
    assert choices.currencies == ("USD", "EUR")  # most documents first
    chosen = replace(
        choices.defaults,
        currency="EUR",
        first_on=date(2026, 1, 1),
        customer_id="1",
        product_id="(none)",
    )
    query = chosen.to_query(choices.defaults)
    assert query == {
        "currency": "EUR",
        "from": "2026-01-01",
        "customer": "1",
        "product": "(none)",
    }
    assert Filters.from_query(query, choices) == (chosen, ())
    assert choices.defaults.to_query(choices.defaults) == {}


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        ("currency", "XXX"),
        ("currency", "' or 1=1 --"),
        ("from", "yesterday"),
        ("from", "2026-02-30"),
        ("to", "9999-12-31"),
        ("to", "\N{FULLWIDTH DIGIT TWO}026-01-01"),
        ("customer", "<script>alert(1)</script>"),
        ("product", "\N{RIGHT-TO-LEFT OVERRIDE}1"),
    ],
)
def test_rubbish_in_an_address(books: Connection, parameter: str, text: str) -> None:
    """A value that means nothing is ignored, and named; the other filters hold."""
    choices = load_choices(books)
    filters, ignored = Filters.from_query({parameter: text, "currency2": "EUR"}, choices)
    assert filters == choices.defaults
    assert [(each.parameter, each.value) for each in ignored] == [(parameter, text)]


def test_a_period_in_an_address(books: Connection) -> None:
    """Months may be written without days; a period that ends before it begins is ignored."""
    choices = load_choices(books)
    filters, _ = Filters.from_query({"from": "2026-02", "to": "2026-02"}, choices)
    assert (filters.first_on, filters.last_on) == (date(2026, 2, 1), date(2026, 2, 28))
    filters, ignored = Filters.from_query({"from": "2026-03-01", "to": "2026-02-01"}, choices)
    assert filters == choices.defaults
    assert len(ignored) == 1
