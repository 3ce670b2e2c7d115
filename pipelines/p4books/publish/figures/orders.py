"""Figures of orders: what customers wait for, what vendors owe us, and what to order."""

from dataclasses import dataclass

import duckdb

from p4books.publish.figures.filters import Filters
from p4books.publish.figures.tables import FigureTable, TableQuery, read_table

ORDER_BUCKETS = ("0-30", "31-60", "61-90", "90+")  # of `age_bucket`, from new to old


@dataclass(frozen=True)
class OrdersFigures:
    """Open sales and purchase orders in one currency, and what was ordered by month.

    `ages` has one row per age of open sales orders.
    """

    currency: str
    intake: FigureTable
    ages: FigureTable
    backlog: FigureTable
    backlog_lines: FigureTable
    purchases: FigureTable
    commitments: FigureTable
    replenishment: FigureTable


def load_orders(con: duckdb.DuckDBPyConnection, filters: Filters) -> OrdersFigures:
    """Load the figures of orders. Raises duckdb.Error."""
    return OrdersFigures(
        currency=filters.currency,
        **{
            field: read_table(con, TableQuery(field, f"reporting.{model}", sql, filters.values))
            for field, (model, sql) in _QUERIES.items()
        },
    )


_OF_CUSTOMER = """
    where currency = $currency and ($customer_id is null or customer_id = $customer_id)
"""

_QUERIES = {
    "intake": (
        "order_intake",
        """
        with months as (
            select
                currency,
                month_on,
                sum(orders)::bigint as orders,
                sum(documents)::bigint as documents,
                sum(ordered)::decimal(18, 2) as ordered,
                sum(invoiced)::decimal(18, 2) as invoiced
            from reporting.order_intake
            where currency = $currency
                and month_on between date_trunc('month', $first_on) and $last_on
            group by currency, month_on
        )
        select
            *,
            if(invoiced > 0, try_cast(ordered / invoiced as decimal(9, 6)), null) as ratio
        from months
        order by month_on desc
        """,
    ),
    "ages": (
        "sales_backlog",
        f"""
        with buckets as (
            select
                unnest({list(ORDER_BUCKETS)}) as age_bucket,
                generate_subscripts({list(ORDER_BUCKETS)}, 1) as place
        ),
        orders as (
            from reporting.sales_backlog {_OF_CUSTOMER}
        )
        select
            buckets.age_bucket,
            $currency::varchar as currency,
            count(orders.sales_order_id) as orders,
            count(*) filter (where orders.days_late > 0) as late_orders,
            coalesce(sum(orders.amount), 0)::decimal(18, 2) as amount
        from buckets left join orders on buckets.age_bucket = orders.age_bucket
        group by buckets.age_bucket, buckets.place
        order by buckets.place
        """,
    ),
    "backlog": (
        "sales_backlog",
        f"""
        from reporting.sales_backlog {_OF_CUSTOMER}
        order by required_on nulls last, sales_order_id
        """,
    ),
    "backlog_lines": (
        "sales_backlog_lines",
        f"""
        from reporting.sales_backlog_lines {_OF_CUSTOMER}
            and ($product_id is null or product_id = $product_id)
        order by required_on nulls last, sales_order_id, line_number
        """,
    ),
    "purchases": (
        "purchase_commitments",
        """
        from reporting.purchase_commitments where currency = $currency
        order by expected_on nulls last, purchase_order_id
        """,
    ),
    "commitments": (
        "commitments_by_week",
        """
        select
            week_on,
            currency,
            sum(orders)::bigint as orders,
            sum(late_orders)::bigint as late_orders,
            sum(amount)::decimal(18, 2) as amount
        from reporting.commitments_by_week where currency = $currency
        group by week_on, currency
        order by week_on
        """,
    ),
    "replenishment": (
        "replenishment",
        """
        from reporting.replenishment where $product_id is null or product_id = $product_id
        order by days_covered nulls last, product_id
        """,
    ),
}
