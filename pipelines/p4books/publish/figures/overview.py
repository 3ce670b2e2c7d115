"""Figures of the overview: freshness, receivables, sales of the month, open orders, ITBMS."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from p4books.errors import P4BooksError
from p4books.publish.figures.cash import load_forecast
from p4books.publish.figures.filters import Filters
from p4books.publish.figures.itbms import load_itbms_months
from p4books.publish.figures.receivables import Receivables, load_ages, load_receivables_sum
from p4books.publish.figures.sales import MonthSales, load_month_sales, load_sales_months
from p4books.publish.figures.tables import FigureTable, load_as_of_day, read_record
from p4books.publish.query import list_left_out, read_about
from p4books.settings import Settings, load_tenants
from p4books.storage.run_log import RunLog

FindReading = Callable[[datetime | None], datetime | None]

NOTHING = Decimal("0.00")


def find_no_reading(published_at: datetime | None) -> None:
    """Say that no later run read anything, as of a past day; see `load_freshness`."""


@dataclass(frozen=True)
class Freshness:
    """How fresh a published file is.

    `as_of_on` and `current_to` are None if nothing was copied yet; `missing_lists` are the
    endpoints of which nothing is in any figure yet. Of a group `left_out` are the tenants without
    a file that can be read.
    """

    tenant: str
    timezone: str
    as_of_on: date | None
    as_of_at: datetime | None
    current_to: datetime | None
    published_at: datetime | None
    missing_lists: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    def age(self, now: datetime) -> timedelta | None:
        """Return how long ago the lists were read; None if they never were."""
        return None if self.current_to is None else max(now - self.current_to, timedelta(0))

    def with_reading(self, latest: datetime | None) -> "Freshness":
        """Return the freshness if the lists were read up to then by a run that changed nothing."""
        if latest is None or (self.current_to is not None and latest <= self.current_to):
            return self
        return replace(self, current_to=latest)

    def is_stale(self, now: datetime, interval: timedelta) -> bool:
        """Return whether the lists are older than twice the interval between two runs."""
        age = self.age(now)
        return age is not None and age > 2 * interval


@dataclass(frozen=True)
class OpenOrders:
    """Sales orders that are not fully delivered, whole: number, net, and number of late ones."""

    orders: int
    amount: Decimal
    late: int


@dataclass(frozen=True)
class MonthItbms:
    """ITBMS of a month as charged; days None if there is no return for the month."""

    month_on: date
    tax: Decimal
    due_on: date | None
    pay_by_on: date | None


@dataclass(frozen=True)
class OverviewFigures:
    """What a person looks at first, in one currency."""

    freshness: Freshness
    currency: str
    receivables: Receivables
    sales: MonthSales
    orders: OpenOrders
    itbms: MonthItbms
    ages: FigureTable
    sales_months: FigureTable
    forecast: FigureTable
    itbms_months: FigureTable


def load_overview(con: duckdb.DuckDBPyConnection, filters: Filters) -> OverviewFigures:
    """Load the figures of the overview, of all customers and products. Raises duckdb.Error."""
    filters = replace(filters, customer_id=None, product_id=None)
    month_on = load_as_of_day(con).replace(day=1)
    return OverviewFigures(
        freshness=load_freshness(con),
        currency=filters.currency,
        receivables=load_receivables_sum(con, filters),
        sales=load_month_sales(con, filters, month_on),
        orders=load_open_orders(con, filters),
        itbms=load_month_itbms(con, filters, month_on),
        ages=load_ages(con, filters),
        sales_months=load_sales_months(con, filters),
        forecast=load_forecast(con, filters),
        itbms_months=load_itbms_months(con, filters),
    )


def load_freshness(
    con: duckdb.DuckDBPyConnection, find_reading: FindReading = find_no_reading
) -> Freshness:
    """Load how fresh the file is. Raises duckdb.Error if it has no `about`.

    `find_reading` returns up to when the lists were read by later runs that changed nothing, as
    `find_latest_reading` does, given when the file was published; None if there were none.
    """
    about: dict[str, Any] = read_about(con)
    missing = str(about.get("missing_lists") or "")
    freshness = Freshness(
        tenant=str(about["tenant"]),
        timezone=str(about["timezone"]),
        as_of_on=about.get("as_of_on"),
        as_of_at=about.get("as_of_at"),
        current_to=about.get("current_to"),
        published_at=about.get("published_at"),
        missing_lists=tuple(missing.split(", ")) if missing else (),
        left_out=list_left_out(con),
    )
    return freshness.with_reading(find_reading(freshness.published_at))


def find_latest_reading(settings: Settings, published_at: datetime | None) -> datetime | None:
    """Return up to when a file shows what was read, by the run log; None if that does not say more.

    A run that changed nothing publishes nothing, so that only the run log knows of it. What was
    loaded after the file was published is not in it, whatever was read since. Of a group it is the
    oldest reading of its tenants.
    """
    if settings.members:
        tenants = load_tenants(names=settings.members, need_key=False)
        latest = [
            find_latest_reading(each.settings, published_at) if each.settings else None
            for each in tenants
        ]
        instants = [each for each in latest if each is not None]
        return min(instants) if instants and len(instants) == len(latest) else None
    log = RunLog(settings.run_log)
    try:
        freshness = log.load_freshness()
        if published_at is None or log.find_change_since(published_at.timestamp()):
            return None
    except (OSError, P4BooksError):  # who reads the published file may not access the run log
        return None
    read = [
        freshness[name].current_to if name in freshness else None for name in settings.endpoints
    ]
    known = [each for each in read if each is not None]
    if not known or len(known) < len(read):
        return None
    return datetime.fromtimestamp(min(known), UTC)


def load_open_orders(con: duckdb.DuckDBPyConnection, filters: Filters) -> OpenOrders:
    """Load the sum of the open sales orders, whoever placed them."""
    row = read_record(
        con,
        """
        select
            count(*) as orders,
            coalesce(sum(amount), 0)::decimal(18, 2) as amount,
            count(*) filter (where days_late > 0) as late
        from reporting.sales_backlog where currency = $currency
        """,
        filters.values,
    )
    return OpenOrders(**row)


def load_month_itbms(
    con: duckdb.DuckDBPyConnection, filters: Filters, month_on: date
) -> MonthItbms:
    """Load the ITBMS of a month: what was charged, and when the return is due."""
    values = filters.values | {"month_on": month_on}
    charged = read_record(
        con,
        """
        with tenants as (
            select
                columns(each -> each in ('tenant', 'month_on')),
                any_value(month_tax_charged) as tax
            from reporting.itbms_by_month
            where currency = $currency and month_on = $month_on
            group by all
        )
        select sum(tax)::decimal(18, 2) as tax from tenants
        """,
        values,
    )
    days = read_record(
        con,
        """
        select min(due_on) as due_on, min(pay_by_on) as pay_by_on
        from reporting.itbms_return where currency = $currency and month_on = $month_on
        """,
        values,
    )
    return MonthItbms(month_on, charged.get("tax") or NOTHING, days["due_on"], days["pay_by_on"])
