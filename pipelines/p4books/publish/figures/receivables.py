"""Figures of receivables: what is open, how old it is, and how that developed."""

from dataclasses import dataclass
from decimal import Decimal

import duckdb

from p4books.publish.figures.filters import Filters
from p4books.publish.figures.tables import FigureTable, TableQuery, read_record, read_table
from p4books.transform.macros import write_out_expression

BUCKETS = ("current", "1-30", "31-60", "61-90", "90+")  # of `aging_bucket`, from new to old


@dataclass(frozen=True)
class Receivables:
    """The sum of what is open; the share that is overdue is None if it is no part of it."""

    balance: Decimal
    overdue: Decimal
    share_overdue: Decimal | None
    documents: int
    customers: int


@dataclass(frozen=True)
class ReceivablesFigures:
    """Who owes how much, how late, and how that developed, in one currency.

    `ages` has one row per bucket, `aging` one per customer.
    """

    currency: str
    sum: Receivables
    ages: FigureTable
    aging: FigureTable
    items: FigureTable
    calls: FigureTable
    history: FigureTable
    dso: FigureTable
    payment: FigureTable


def load_receivables(
    con: duckdb.DuckDBPyConnection, filters: Filters, bucket: str | None = None
) -> ReceivablesFigures:
    """Load the figures of receivables; the invoices of one bucket, or of all.

    What is open is open now: of the period only the history and the DSO depend. Raises
    duckdb.Error.
    """
    values = filters.values | {"bucket": bucket if bucket in BUCKETS else None}
    return ReceivablesFigures(
        currency=filters.currency,
        sum=load_receivables_sum(con, filters),
        ages=load_ages(con, filters),
        **{
            field: read_table(con, TableQuery(name, f"reporting.{name}", _write_out(sql), values))
            for field, (name, sql) in _QUERIES.items()
        },
    )


def load_receivables_sum(con: duckdb.DuckDBPyConnection, filters: Filters) -> Receivables:
    """Load the sum of what is open, of one customer or of all."""
    row = read_record(
        con,
        """
        with sums as (
            select
                coalesce(sum(balance), 0)::decimal(18, 2) as balance,
                coalesce(sum(overdue), 0)::decimal(18, 2) as overdue,
                coalesce(sum(documents), 0)::bigint as documents,
                count(*) as customers
            from reporting.ar_aging
            where currency = $currency
                and ($customer_id is null or customer_id = $customer_id)
        )
        select
            balance,
            overdue,
            case
                when balance > 0 and overdue between 0 and balance
                    then (overdue / balance)::decimal(9, 6)
            end as share_overdue,
            documents,
            customers
        from sums
        """,
        filters.values,
    )
    return Receivables(**row)


def load_ages(con: duckdb.DuckDBPyConnection, filters: Filters) -> FigureTable:
    """Load one row per bucket, from new to old, also if it is empty: documents and balance."""
    return read_table(con, TableQuery("ages", "reporting.ar_open_items", _AGES, filters.values))


def _write_out(sql: str) -> str:
    """Write out the macro that `reporting.dso` is computed by: the published file has none."""
    return sql.replace(_DAYS, write_out_expression(_DAYS)) if _DAYS in sql else sql


_DAYS = "days_of_sales(receivables, credit_sales)"
_AGES = f"""
    with buckets as (
        select
            unnest({list(BUCKETS)}) as aging_bucket,
            generate_subscripts({list(BUCKETS)}, 1) as place
    )
    select
        buckets.aging_bucket,
        $currency::varchar as currency,
        count(items.invoice_id) as documents,
        coalesce(sum(items.balance), 0)::decimal(18, 2) as balance
    from buckets
    left join reporting.ar_open_items as items
        on buckets.aging_bucket = items.aging_bucket
        and items.currency = $currency
        and ($customer_id is null or items.customer_id = $customer_id)
    group by buckets.aging_bucket, buckets.place
    order by buckets.place
"""

_OF_CUSTOMER = """
    where currency = $currency and ($customer_id is null or customer_id = $customer_id)
"""

_QUERIES = {
    "aging": (
        "ar_aging",
        f"from reporting.ar_aging {_OF_CUSTOMER} order by balance desc, customer_id",
    ),
    "items": (
        "ar_open_items",
        f"""
        from reporting.ar_open_items {_OF_CUSTOMER}
            and ($bucket::varchar is null or aging_bucket = $bucket)
        order by due_on, invoice_id
        """,
    ),
    "calls": (
        "collections_worklist",
        f"""
        from (
            select * replace (
                row_number() over (partition by currency order by rank) as rank
            )
            from reporting.collections_worklist
        ) {_OF_CUSTOMER} order by rank
        """,  # of one tenant of a group, ranks are those among its own
    ),
    "history": (
        "ar_aging_history",
        f"""
        select
            month_end_on,
            currency,
            sum(documents)::bigint as documents,
            sum(current_balance)::decimal(18, 2) as current_balance,
            sum(days_1_30)::decimal(18, 2) as days_1_30,
            sum(days_31_60)::decimal(18, 2) as days_31_60,
            sum(days_61_90)::decimal(18, 2) as days_61_90,
            sum(days_over_90)::decimal(18, 2) as days_over_90,
            sum(overdue)::decimal(18, 2) as overdue,
            sum(balance)::decimal(18, 2) as balance
        from reporting.ar_aging_history {_OF_CUSTOMER}
            and month_end_on >= $first_on and date_trunc('month', month_end_on) <= $last_on
        group by month_end_on, currency
        order by month_end_on desc
        """,
    ),
    "dso": (
        "dso",
        """
        with months as (
            select
                currency,
                bool_and(is_month_over) as is_month_over,
                month_end_on,
                max(measured_on) as measured_on,
                min(history_since) as history_since,
                sum(credit_sales)::decimal(18, 2) as credit_sales,
                sum(receivables)::decimal(18, 2) as receivables,
                sum(best_possible_dso * credit_sales) as best
            from reporting.dso
            where currency = $currency
                and month_end_on >= $first_on and date_trunc('month', month_end_on) <= $last_on
            group by currency, month_end_on
        ),
        days as (
            select
                *,
                days_of_sales(receivables, credit_sales) as dso,
                if(
                    credit_sales > 0, try_cast(best / credit_sales as decimal(18, 2)), null
                ) as best_possible_dso
            from months
        )
        select
            currency,
            is_month_over,
            month_end_on,
            measured_on,
            history_since,
            dso,
            best_possible_dso,
            try_cast(dso::decimal(19, 2) - best_possible_dso as decimal(18, 2))
                as average_days_late,
            credit_sales,
            receivables
        from days
        order by month_end_on desc
        """,
    ),
    "payment": (
        "payment_behaviour",
        """
        from reporting.payment_behaviour
        where $customer_id is null or customer_id = $customer_id
        order by average_days_late desc, customer_id
        """,
    ),
}
