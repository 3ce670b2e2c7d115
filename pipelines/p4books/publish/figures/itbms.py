"""Figures of ITBMS: what was charged by month, and what goes into the return of one month."""

from dataclasses import dataclass
from datetime import date

import duckdb

from p4books.publish.figures.filters import Filters
from p4books.publish.figures.tables import FigureTable, TableQuery, load_as_of_day, read_table


@dataclass(frozen=True)
class ItbmsFigures:
    """ITBMS charged by month, and the return of `month_on` with what is behind it."""

    currency: str
    month_on: date
    months: FigureTable
    by_rate: FigureTable
    form: FigureTable
    items: FigureTable
    withholding: FigureTable
    changes: FigureTable


def load_itbms(
    con: duckdb.DuckDBPyConnection, filters: Filters, month_on: date | None = None
) -> ItbmsFigures:
    """Load the figures of ITBMS; the return is that of a month, else of the as-of day's.

    Raises duckdb.Error.
    """
    month_on = month_on or load_as_of_day(con).replace(day=1)
    values = filters.values | {"month_on": month_on}
    return ItbmsFigures(
        currency=filters.currency,
        month_on=month_on,
        months=load_itbms_months(con, filters),
        **{
            field: read_table(con, TableQuery(name, f"reporting.{name}", sql, values))
            for field, (name, sql) in _QUERIES.items()
        },
    )


def load_itbms_months(con: duckdb.DuckDBPyConnection, filters: Filters) -> FigureTable:
    """Load one row per month: bases, and the tax as charged, newest first."""
    return read_table(
        con, TableQuery("itbms_months", "reporting.itbms_by_month", _MONTHS, filters.values)
    )


_MONTHS = """
    with tenants as (
        select
            columns(each -> each in ('tenant', 'month_on', 'currency')),
            any_value(itbms_due_on) as itbms_due_on,
            sum(taxable_base) as taxable_base,
            sum(exempt_base) as exempt_base,
            any_value(month_tax_by_lines) as month_tax_by_lines,
            any_value(month_tax_charged) as month_tax_charged,
            any_value(month_difference) as month_difference
        from reporting.itbms_by_month
        where currency = $currency
            and month_on between date_trunc('month', $first_on) and $last_on
        group by all
    )
    select
        month_on,
        currency,
        min(itbms_due_on) as itbms_due_on,
        sum(taxable_base)::decimal(18, 2) as taxable_base,
        sum(exempt_base)::decimal(18, 2) as exempt_base,
        sum(month_tax_by_lines)::decimal(18, 2) as month_tax_by_lines,
        sum(month_tax_charged)::decimal(18, 2) as month_tax_charged,
        sum(month_difference)::decimal(18, 2) as month_difference
    from tenants
    group by month_on, currency
    order by month_on desc
"""

_OF_CUSTOMER = """
    where currency = $currency and ($customer_id is null or customer_id = $customer_id)
        and month_on between date_trunc('month', $first_on) and $last_on
"""

_QUERIES = {
    "by_rate": (
        "itbms_by_month",
        """
        from reporting.itbms_by_month
        where currency = $currency and month_on between date_trunc('month', $first_on) and $last_on
        order by month_on desc, tax_code, rate_name
        """,
    ),
    "form": (
        "itbms_return",
        """
        from reporting.itbms_return where currency = $currency and month_on = $month_on
        order by columns(each -> each in ('tenant', 'box'))
        """,
    ),
    "items": (
        "itbms_return_items",
        """
        from reporting.itbms_return_items
        where currency = $currency and month_on = $month_on
            and ($customer_id is null or customer_id = $customer_id)
        order by box, document_on, invoice_id
        """,
    ),
    "withholding": (
        "withholding_missing",
        f"""
        from reporting.withholding_missing {_OF_CUSTOMER}
        order by month_on desc, missing desc, customer_id
        """,
    ),
    "changes": (
        "changes_after_filing",
        f"""
        from reporting.changes_after_filing {_OF_CUSTOMER}
        order by seen_at desc, invoice_id, form, box
        """,
    ),
}
