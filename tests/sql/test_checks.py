"""Checks on corrupted figures.

Each amount in a published file is changed by a cent, one at a time, and a check must detect it.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb
import pytest
from tests.sql.books import Books
from tests.sql.conftest import Synced

from p4books.transform.models import SqlSources

# Ratios and prices are not sums and are tested with their model; limits and rates are only copied.
RATIOS = {"share", "price", "rate", "growth", "limit", "average", "dso", "hours", "waited"}
RATIOS |= {"unit_cost", "ratio", "lead", "covered"}
# No other table has a figure to compare these with.
NOT_COMPARABLE = {
    ("reporting", "dso", "credit_sales"),
    ("reporting", "itbms_withholding_candidates", "expected_withholding"),
    ("reporting", "sales_daily", "net_last_year"),
    ("reporting", "sales_daily", "net_month_to_date_last_year"),
    ("core", "dim_vendor", "vendor_balance"),
}

Column = tuple[str, str, str]


@pytest.fixture(scope="module")
def published(
    synced: Synced, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the published file, open for writing, whose views are tables like the others."""
    copy = shutil.copy(synced.settings.published, tmp_path_factory.mktemp("checks"))
    with duckdb.connect(copy) as con:
        views = con.execute(
            "select schema_name, view_name from duckdb_views() where not internal order by all"
        ).fetchall()
        for layer, name in views:
            con.execute(f"create table {layer}.{name}_rows as from {layer}.{name}")
        for layer, name in views:
            con.execute(f"drop view {layer}.{name}")
            con.execute(f"alter table {layer}.{name}_rows rename to {name}")
        yield con


def has_amount(con: duckdb.DuckDBPyConnection, layer: str, table: str, column: str) -> bool:
    return con.execute(f"select count({column}) from {layer}.{table}").fetchall() != [(0,)]


def find_amounts(con: duckdb.DuckDBPyConnection) -> list[Column]:
    """Return every amount and quantity of core and reporting that is a sum or an addend."""
    found = con.execute(
        """
        select schema_name, table_name, column_name from duckdb_columns()
        semi join duckdb_tables() as tables using (schema_name, table_name)
        where schema_name in ('core', 'reporting') and data_type like 'DECIMAL%'
        order by all
        """
    ).fetchall()
    return [
        (layer, table, column)
        for layer, table, column in found
        if not RATIOS & {column, *column.split("_")}
        and (layer, table, column) not in NOT_COMPARABLE
    ]


@contextmanager
def corrupted(con: duckdb.DuckDBPyConnection, statement: str) -> Iterator[Callable[[str], bool]]:
    """Run a statement and yield a function that tests if a check detects it; then roll back."""
    con.execute("begin")
    try:
        con.execute(statement)
        yield lambda name: con.execute(CHECKS[name]).fetchone() is not None
    finally:
        con.execute("rollback")


CHECKS = {file.stem: file.read_text() for file in SqlSources.at().files("checks")}


def find_checks(table: str) -> list[str]:
    """Return the names of the checks that read a table: no other can detect a change in it."""
    return [name for name, sql in CHECKS.items() if re.search(rf"\b{table}\b", sql)]


def test_no_corruption(published: duckdb.DuckDBPyConnection) -> None:
    """No check returns a row for correct figures."""
    with corrupted(published, "select 1") as detects:
        assert [name for name in CHECKS if detects(name)] == []


def test_difference_of_a_cent(published: duckdb.DuckDBPyConnection, fixed_books: Books) -> None:
    """A cent added to one row of any amount is detected."""
    found = find_amounts(published)
    undetected = []
    for layer, table, column in found:
        con = published if has_amount(published, layer, table, column) else fixed_books.con
        row = f"(select max(rowid) from {layer}.{table} where {column} is not null)"
        cent = f"{column} = {column} + 0.01 where rowid = {row}"
        with corrupted(con, f"update {layer}.{table} set {cent}") as detects:
            if not any(map(detects, find_checks(f"{layer}.{table}"))):
                undetected.append(f"{layer}.{table}.{column}")

    assert len(found) > 110
    assert undetected == []


@pytest.mark.parametrize(
    "table",
    [
        "core.fct_invoice",
        "core.fct_invoice_history",
        "core.fct_invoice_line",
        "core.fct_invoice_tax",
        "core.fct_product_month",
        "core.fct_sales_month",
        "core.fct_sales_order",
        "core.fct_purchase_order",
        "core.fct_purchase_order_line",
        "core.fct_sales_order_line",
        "core.dim_date",
        "core.dim_customer",
        "core.dim_product",
        "reporting.ar_open_items",
        "reporting.itbms_sales_book",
        "reporting.itbms_sales_book_wide",
        "reporting.sales_cube",
        "reporting.void_and_deleted",
        "reporting.sales_backlog",
        "reporting.order_status_history",
        "core.fct_purchase_price",
    ],
)
def test_lost_row(published: duckdb.DuckDBPyConnection, table: str) -> None:
    """A lost row is detected."""
    middle = f"(select median(rowid)::bigint from {table})"

    with corrupted(published, f"delete from {table} where rowid = {middle}") as detects:
        assert any(map(detects, find_checks(table)))


CORRUPTIONS = {
    "current_rows_are_the_open_versions": "delete from staging.invoices where invoice_id = '1'",
    "tax_rates_do_not_overlap": "update staging.tax_rates set valid_to = null",
    "tax_rates_are_shares": "update staging.tax_rates set tax_rate = 7",
    "shares_are_between_0_and_1": "update reporting.ar_aging set share_overdue = 10",
    "the_calendar_has_no_gap": "delete from core.dim_date where day_on = date '2025-05-01'",
    "itbms_by_lines_agrees_with_headers_within_rounding": (
        "update core.fct_invoice_line set line_tax = line_tax + 1 where is_live"
    ),
    "unknown_tax_is_shared_to_the_cent": (
        "update core.fct_invoice_line set tax_rate = null, line_tax = line_tax + 1"
    ),
    "every_party_and_product_has_a_name": "delete from core.dim_vendor",
    "every_difference_line_is_a_finding": ("update core.fct_invoice_line set is_difference = true"),
    "fct_invoice_tax_lists_every_invoice": "update core.fct_invoice_tax set tax_code = 'X'",
    "customer_lifecycle_equals_the_invoices": (
        "update reporting.customer_lifecycle set invoices = invoices + 1"
        " where customer_id = (select min(customer_id) from reporting.customer_lifecycle)"
    ),
    "customers_won_and_lost_are_the_active_ones": (
        "delete from reporting.customer_lifecycle where lifecycle_stage = 'reactivated'"
    ),
    "inactive_customers_are_those_without_a_recent_invoice": (
        "update core.fct_invoice set document_on = document_on - 90"
    ),
    "inactive_products_are_those_without_a_recent_sale": (
        "update core.fct_invoice_line set document_on = document_on - 90"
    ),
    "order_status_history_equals_the_versions": (
        "update reporting.order_status_history set days_in_status = days_in_status + 1"
    ),
    "every_later_version_is_a_change": (
        "insert into staging.invoices_history by name"
        " select * replace (valid_from + interval 1 day as valid_from)"
        " from staging.invoices_history limit 1"
    ),
}


@pytest.mark.parametrize("claim", CORRUPTIONS)
def test_other_corruption(published: duckdb.DuckDBPyConnection, claim: str) -> None:
    """A check that amounts alone do not trigger detects the corruption it is meant for."""
    with corrupted(published, CORRUPTIONS[claim]) as detects:
        assert detects(claim)


def test_every_check_detects_something(
    published: duckdb.DuckDBPyConnection, fixed_books: Books
) -> None:
    """Every check detects some corrupted figure."""
    idle = CHECKS.keys() - CORRUPTIONS.keys()
    for layer, table, column in find_amounts(published):
        con = published if has_amount(published, layer, table, column) else fixed_books.con
        cent = f"update {layer}.{table} set {column} = {column} + 0.01"
        with corrupted(con, cent) as detects:
            idle -= {name for name in idle & {*find_checks(f"{layer}.{table}")} if detects(name)}

    assert idle == set()


# Figures of reports, tested with a source that is null in every row.
WITHOUT_A_SOURCE = {
    "fct_product_month_equals_the_invoice_lines": ("core.fct_product_month", "quantity"),
    "fct_sales_month_equals_the_invoice_lines": ("core.fct_sales_month", "quantity"),
    "sales_by_customer_equals_the_invoice_lines": ("reporting.sales_by_customer", "quantity"),
    "sales_backlog_lines_equal_the_open_order_lines": ("reporting.sales_backlog_lines", "quantity"),
    "purchases_by_product_equals_the_order_lines": ("reporting.purchases_by_product", "quantity"),
    "purchases_by_vendor_equals_the_purchase_orders": ("reporting.purchases_by_vendor", "quantity"),
}


@pytest.mark.parametrize(("claim", "report"), WITHOUT_A_SOURCE.items())
def test_figure_without_a_source(
    published: duckdb.DuckDBPyConnection, claim: str, report: tuple[str, str]
) -> None:
    """A figure of a report is detected even if its source is null in every row of the group."""
    table, column = report
    unknown = [
        f"update {source} set {source_column} = null"
        for source, source_column in {
            ("core.fct_invoice_line", "quantity"),
            ("staging.sales_order_lines", "quantity"),
            ("staging.purchase_order_lines", "quantity"),
        }
        - {report}
    ]
    corruption = f"update {table} set {column} = 5"

    with corrupted(published, "; ".join([*unknown, corruption])) as detects:
        assert detects(claim)
