"""Figures of cash: what is due to come in, and what open orders commit us to pay."""

from dataclasses import dataclass
from decimal import Decimal

import duckdb

from p4books.publish.figures.filters import Filters
from p4books.publish.figures.tables import TODAY, FigureTable, TableQuery, read_record, read_table

WEEKS = 13  # of the forecast that the sums are about


@dataclass(frozen=True)
class CashSum:
    """What comes in and goes out within `WEEKS` weeks, and what remains of it."""

    overdue_in: Decimal
    expected_in: Decimal
    committed_out: Decimal
    net_cash: Decimal


@dataclass(frozen=True)
class CashFigures:
    """What cash comes in and goes out, week by week, in one currency."""

    currency: str
    sum: CashSum
    forecast: FigureTable
    commitments: FigureTable


def load_cash(con: duckdb.DuckDBPyConnection, filters: Filters) -> CashFigures:
    """Load the figures of cash; the period does not matter. Raises duckdb.Error."""
    row = read_record(
        con,
        f"""
        select
            coalesce(sum(overdue_in), 0)::decimal(18, 2) as overdue_in,
            coalesce(sum(expected_in), 0)::decimal(18, 2) as expected_in,
            coalesce(sum(committed_out), 0)::decimal(18, 2) as committed_out,
            coalesce(sum(net_cash), 0)::decimal(18, 2) as net_cash
        from ({_FORECAST})
        """,
        filters.values,
    )
    commitments = TableQuery(
        "commitments_by_week",
        "reporting.commitments_by_week",
        """
        from reporting.commitments_by_week where currency = $currency
        order by week_on, amount desc, vendor_id
        """,
        filters.values,
    )
    return CashFigures(
        currency=filters.currency,
        sum=CashSum(**row),
        forecast=load_forecast(con, filters),
        commitments=read_table(con, commitments),
    )


def load_forecast(con: duckdb.DuckDBPyConnection, filters: Filters) -> FigureTable:
    """Load the first `WEEKS` weeks of the forecast."""
    model = "reporting.cash_forecast"
    return read_table(con, TableQuery("cash_forecast", model, _FORECAST, filters.values))


_FORECAST = f"""
    with weeks as (
        select
            currency,
            week_on,
            sum(overdue_in)::decimal(18, 2) as overdue_in,
            sum(expected_in)::decimal(18, 2) as expected_in,
            sum(committed_out)::decimal(18, 2) as committed_out,
            sum(net_cash)::decimal(18, 2) as net_cash
        from reporting.cash_forecast where currency = $currency
        group by currency, week_on
    )
    select
        *,
        (sum(net_cash) over (order by week_on))::decimal(18, 2) as net_cash_to_date
    from weeks
    where week_on < (
        select date_trunc('week', as_of_on)::date + {7 * WEEKS} from {TODAY}
    )
    order by week_on
"""
