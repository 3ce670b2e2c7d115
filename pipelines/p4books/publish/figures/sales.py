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


def load_month_sales(
    con: duckdb.DuckDBPyConnection, filters: Filters, month_on: date
) -> MonthSales:
    """Load the sales of a month; a month without any has 0, and last year's same days."""
    days = filters.values | {"first_on": month_on, "last_on": month_on}
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
        select
            columns(each -> each in ('tenant', 'month_on')),
            documents,
            credit_notes,
            customers,
            net,
            tax,
            total,
            net_last_year
        from reporting.sales_by_month where currency = $currency
    ),
    today as (
        select columns(each -> each in ('tenant', 'as_of_on')), $currency::varchar as currency
        from core.today
    ),
    days as (
        select daily.*, today.as_of_on
        from reporting.sales_daily as daily natural join today
    ),
    last_year as (
        select columns(each -> each in ('tenant', 'month_on')), sum(net) as net_before
        from days
        where month_on + interval 1 year <= as_of_on
            and (
                day_on <= as_of_on - interval 1 year
                or month_on + interval 1 year <> date_trunc('month', as_of_on)
                or as_of_on = last_day(as_of_on)
            )
        group by all
    ),
    both_years as (
        from known
        union all by name
        select * replace ((month_on + interval 1 year)::date as month_on) from last_year
    ),
    tenants as (
        select
            columns(each -> each in ('tenant', 'month_on')),
            any_value(documents) as documents,
            any_value(credit_notes) as credit_notes,
            any_value(customers) as customers,
            any_value(net) as net,
            any_value(tax) as tax,
            any_value(total) as total,
            coalesce(any_value(net_last_year), any_value(net_before)) as net_last_year
        from both_years
        group by all
    ),
    sums as (
        select
            $currency::varchar as currency,
            month_on,
            coalesce(sum(documents), 0)::bigint as documents,
            coalesce(sum(credit_notes), 0)::bigint as credit_notes,
            coalesce(sum(customers), 0)::bigint as customers,
            sum(if(documents is null, 0, net))::decimal(18, 2) as net,
            sum(if(documents is null, 0, tax))::decimal(18, 2) as tax,
            sum(if(documents is null, 0, total))::decimal(18, 2) as total,
            sum(net_last_year)::decimal(18, 2) as net_last_year
        from tenants
        group by month_on
    ),
    months as (
        select
            * exclude (net_last_year),
            if(documents > 0, try_cast(net / documents as decimal(18, 2)), null) as average_net,
            try_cast(
                sum(net) over (partition by year(month_on) order by month_on) as decimal(18, 2)
            ) as net_year_to_date,
            net_last_year,
            if(
                net_last_year > 0, try_cast(net / net_last_year - 1 as decimal(9, 6)), null
            ) as growth
        from sums
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
        select
            columns(each -> each in ('tenant', 'customer_id')),
            sum(quantity) as quantity,
            sum(net) as net
        from sold group by all
    ),
    names as (
        select
            columns(
                each -> each in ('tenant', 'customer_id', 'customer_code', 'customer_name')
            )
        from core.dim_customer
    )
    select
        columns(
            each -> each in ('tenant', 'customer_id', 'customer_code', 'customer_name')
        ),
        $currency::varchar as currency,
        quantity::decimal(18, 6) as quantity,
        net::decimal(18, 2) as net
    from sums natural left join names
    order by net desc, customer_id
"""

_PRODUCTS = f"""
    {_SOLD},
    sums as (
        select
            columns(each -> each in ('tenant', 'product_id')),
            sum(quantity) as quantity,
            sum(net) as net
        from sold group by all
    ),
    names as (
        select
            columns(
                each -> each in ('tenant', 'product_id', 'product_code', 'product_name')
            )
        from core.dim_product
    )
    select
        columns(
            each -> each in ('tenant', 'product_id', 'product_code', 'product_name')
        ),
        $currency::varchar as currency,
        quantity::decimal(18, 6) as quantity,
        net::decimal(18, 2) as net
    from sums natural left join names
    order by net desc, product_id
"""
