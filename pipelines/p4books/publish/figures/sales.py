"""Figures of sales: by month against last year, by customer and by product."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import duckdb

from p4books.publish.figures.filters import Filters
from p4books.publish.figures.tables import FigureTable, TableQuery, read_record, read_table

NOTHING = Decimal("0.00")


@dataclass(frozen=True)
class MonthSales:
    """Net sales of a month, against the same days of last year's if it is not over.

    `growth` is None if there were no sales last year.
    """

    month_on: date
    net: Decimal
    net_last_year: Decimal
    growth: Decimal | None
    documents: int


@dataclass(frozen=True)
class SalesSum:
    """Net sales of the months of the period, against the same months last year."""

    net: Decimal
    net_last_year: Decimal
    growth: Decimal | None


@dataclass(frozen=True)
class SalesFigures:
    """Who bought what and when, in one currency.

    `customers` and `products` are about the period, or one month of it.
    """

    currency: str
    sum: SalesSum
    months: FigureTable
    customers: FigureTable
    products: FigureTable


def load_sales(
    con: duckdb.DuckDBPyConnection, filters: Filters, month_on: date | None = None
) -> SalesFigures:
    """Load the figures of sales; customers and products those of a month, else of the period.

    The period counts in whole months. Raises duckdb.Error.
    """
    values = filters.values | {"month_on": month_on}
    months = load_sales_months(con, filters)
    customers = TableQuery("customers_sales", "reporting.sales_by_customer", _CUSTOMERS, values)
    products = TableQuery("products_sales", "reporting.sales_by_product", _PRODUCTS, values)
    return SalesFigures(
        currency=filters.currency,
        sum=_sum_months(months),
        months=months,
        customers=read_table(con, customers),
        products=read_table(con, products),
    )


def load_sales_months(con: duckdb.DuckDBPyConnection, filters: Filters) -> FigureTable:
    """Load one row per month with sales in it or a year before, newest first.

    They are the sales of a customer or product, or all. The running month is compared with the same
    days of last year's.
    """
    is_part = filters.customer_id is not None or filters.product_id is not None
    sql = _PART_MONTHS if is_part else _MONTHS
    return read_table(
        con, TableQuery("sales_by_month", "reporting.sales_by_month", sql, filters.values)
    )


def load_month_sales(con: duckdb.DuckDBPyConnection, currency: str, month_on: date) -> MonthSales:
    """Load the sales of a month; a month without any has 0, and last year's same days."""
    days = {"first_on": month_on, "last_on": month_on, "currency": currency}
    row = read_record(
        con, f"select net, net_last_year, growth, documents from ({_MONTHS})", days
    ) or {"net": NOTHING, "net_last_year": NOTHING, "growth": None, "documents": 0}
    return MonthSales(month_on, **row)


def _sum_months(months: FigureTable) -> SalesSum:
    net = sum(months.values("net"), NOTHING)
    net_last_year = sum(months.values("net_last_year"), NOTHING)
    growth = net / net_last_year - 1 if net_last_year > 0 else None
    return SalesSum(net, net_last_year, growth)


_IN_PERIOD = """
    currency = $currency and month_on between date_trunc('month', $first_on) and $last_on
"""

# The model has no row for a month without sales, which is worse than last year's all the same.
_MONTHS = f"""
    with known as (
        select * from reporting.sales_by_month where currency = $currency
    ),
    last_year as (
        select (daily.month_on + interval 1 year)::date as month_on, sum(daily.net) as net
        from reporting.sales_daily as daily cross join core.today as today
        where daily.currency = $currency
            and daily.month_on + interval 1 year <= today.as_of_on
            and (
                daily.day_on <= today.as_of_on - interval 1 year
                or daily.month_on + interval 1 year <> date_trunc('month', today.as_of_on)
                or today.as_of_on = last_day(today.as_of_on)
            )
        group by daily.month_on
    ),
    months as (
        from known
        union all by name
        select
            $currency::varchar as currency,
            month_on,
            0::bigint as documents,
            0::bigint as credit_notes,
            0::bigint as customers,
            0::decimal(18, 2) as net,
            0::decimal(18, 2) as tax,
            0::decimal(18, 2) as total,
            net::decimal(18, 2) as net_last_year,
            if(net > 0, -1, null)::decimal(9, 6) as growth
        from last_year anti join known on last_year.month_on = known.month_on
    )
    from months where {_IN_PERIOD} order by month_on desc
"""

# As in reporting.sales_by_month: a month that is not over is compared with the same days of last
# year's, on its last day with the whole month.
_PART_MONTHS = f"""
    with lines as (
        select
            invoice_id,
            document_on,
            date_trunc('month', document_on)::date as month_on,
            line_net
        from core.fct_invoice_line
        where is_live and currency = $currency
            and ($customer_id is null or customer_id = $customer_id)
            and ($product_id is null or product_id = $product_id)
    ),
    months as (
        select month_on, count(distinct invoice_id) as documents, sum(line_net) as net
        from lines group by month_on
    ),
    last_year as (
        select (lines.month_on + interval 1 year)::date as month_on, sum(lines.line_net) as net
        from lines cross join core.today as today
        where lines.document_on <= today.as_of_on - interval 1 year
            or lines.month_on <> (date_trunc('month', today.as_of_on) - interval 1 year)::date
            or today.as_of_on = last_day(today.as_of_on)
        group by all
    ),
    compared as (
        select
            $currency::varchar as currency,
            coalesce(months.month_on, last_year.month_on) as month_on,
            coalesce(months.documents, 0) as documents,
            coalesce(months.net, 0)::decimal(18, 2) as net,
            coalesce(last_year.net, 0)::decimal(18, 2) as net_last_year,
            if(
                last_year.net > 0,
                try_cast(coalesce(months.net, 0) / last_year.net - 1 as decimal(9, 6)),
                null
            ) as growth
        from months full join last_year on months.month_on = last_year.month_on
        where coalesce(months.month_on, last_year.month_on) <= (select as_of_on from core.today)
            or months.month_on is not null
    )
    from compared where {_IN_PERIOD} order by month_on desc
"""

_SOLD = f"""
    with sold as (
        select * from reporting.sales_cube
        where {_IN_PERIOD}
            and ($month_on::date is null or month_on = $month_on)
            and ($customer_id is null or customer_id = $customer_id)
            and ($product_id is null or product_id = $product_id)
    )
"""

_CUSTOMERS = f"""
    {_SOLD},
    sums as (
        select customer_id, sum(quantity) as quantity, sum(net) as net
        from sold group by customer_id
    )
    select
        sums.customer_id,
        customers.customer_code,
        customers.customer_name,
        $currency::varchar as currency,
        sums.quantity::decimal(18, 6) as quantity,
        sums.net::decimal(18, 2) as net
    from sums left join core.dim_customer as customers on sums.customer_id = customers.customer_id
    order by sums.net desc, sums.customer_id
"""

_PRODUCTS = f"""
    {_SOLD},
    sums as (
        select product_id, sum(quantity) as quantity, sum(net) as net
        from sold group by product_id
    )
    select
        sums.product_id,
        products.product_code,
        products.product_name,
        $currency::varchar as currency,
        sums.quantity::decimal(18, 6) as quantity,
        sums.net::decimal(18, 2) as net
    from sums left join core.dim_product as products on sums.product_id = products.product_id
    order by sums.net desc, sums.product_id
"""
