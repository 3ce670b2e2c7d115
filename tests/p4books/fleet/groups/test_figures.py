"""Figures of a group: the sums of its tenants', and those of one tenant if it is chosen."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime
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
from p4books.publish.figures.sales import load_sales
from p4books.publish.figures.tables import FigureTable
from p4books.publish.figures.trust import load_trust
from p4books.publish.headlines import describe_missing
from p4books.publish.language import Language
from p4books.publish.query import list_models

Connection = duckdb.DuckDBPyConnection
Load = Callable[[Connection, Filters], Any]

LOADERS: tuple[Load, ...] = (
    *(load_overview, load_receivables, load_cash, load_itbms, load_sales),
    *(load_customers, load_orders, load_trust),
)
CURRENCIES = ("USD", "EUR")
ADDED = {  # tables whose rows are sums over the tenants, by the column of a row
    *("ages", "ar_aging_history", "cash_forecast", "itbms_months", "sales_by_month"),
    *("intake", "commitments", "customer_stages", "rules"),
}
NOT_ADDED = {  # columns of these that are ratios or keys, or running sums over the rows shown
    *("growth", "ratio", "average_net", "net_year_to_date", "tenant"),
}


def _filters(currency: str, **chosen: Any) -> Filters:
    everything = Filters(currency, date(1, 1, 1), date(9999, 12, 31))
    return replace(everything, **chosen)


def _tables(figures: object) -> list[FigureTable]:
    values = (getattr(figures, each.name) for each in fields(figures))  # type: ignore[arg-type]
    return [each for each in values if isinstance(each, FigureTable)]


def _rows(table: FigureTable) -> list[tuple[Any, ...]]:
    return [
        tuple(value for name, value in record.items() if name != "tenant")
        for record in table.records()
    ]


def _sum(tables: list[FigureTable]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Add up the numbers of rows that are alike in all else."""
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for record in (record for table in tables for record in table.records()):
        numbers = {
            name: value
            for name, value in record.items()
            if isinstance(value, Decimal | int)
            and not isinstance(value, bool)
            and name not in NOT_ADDED
        }
        key = tuple(
            str(value)
            for name, value in record.items()
            if name not in numbers and name not in NOT_ADDED and not name.endswith("due_on")
        )
        known = sums.setdefault(key, dict.fromkeys(numbers, 0))
        sums[key] = {name: known[name] + value for name, value in numbers.items()}
    return sums


@pytest.mark.parametrize("currency", CURRENCIES)
def test_one_tenant_of_a_group(
    group: Connection, members: dict[str, Connection], currency: str
) -> None:
    """With a tenant chosen, every figure and table is the one of its own file."""
    for tenant in ("north", "south"):
        chosen, own = _filters(currency, tenant=tenant), _filters(currency)
        for load in LOADERS:
            theirs, ours = _tables(load(members[tenant], own)), _tables(load(group, chosen))
            for their_table, our_table in zip(theirs, ours, strict=True):
                assert our_table.count == their_table.count, (tenant, our_table.name)
                if their_table.is_whole:
                    shown = tenant, our_table.name
                    assert sorted(map(str, _rows(our_table))) == sorted(
                        map(str, _rows(their_table))
                    ), shown


@pytest.mark.parametrize("currency", CURRENCIES)
def test_group_is_the_sum_of_its_tenants(
    group: Connection, members: dict[str, Connection], currency: str
) -> None:
    """Without one, what is of a month, week or age is the sum, and other tables have all rows."""
    filters, seen = _filters(currency), set()
    for load in LOADERS:
        ours = _tables(load(group, filters))
        theirs = [_tables(load(con, filters)) for con in members.values()]
        for place, table in enumerate(ours):
            own = [tables[place] for tables in theirs]
            if table.name in ADDED:
                seen.add(table.name)
                columns = [column.name for column in table.columns]
                totals = [each for each in columns if each == "net_cash_to_date"]
                assert _drop(_sum([table]), totals) == _drop(_sum(own), totals), table.name
            elif table.name != "dso":
                assert table.count == sum(each.count for each in own), table.name
    assert seen == ADDED


@pytest.mark.parametrize("currency", CURRENCIES)
def test_key_figures_are_sums(
    group: Connection, members: dict[str, Connection], currency: str
) -> None:
    """What is read first is the sum to the cent, per currency."""
    filters = _filters(currency)
    overview = load_overview(group, filters)
    parts = [load_overview(con, filters) for con in members.values()]
    assert overview.receivables.balance == sum(each.receivables.balance for each in parts)
    assert overview.receivables.customers == sum(each.receivables.customers for each in parts)
    assert overview.orders.amount == sum(each.orders.amount for each in parts)
    real = parts[:2]  # the month of an empty file is another one
    assert overview.sales.net == sum(each.sales.net for each in real)
    assert overview.itbms.tax == sum(each.itbms.tax for each in real)
    cash = load_cash(group, filters)
    assert cash.sum.net_cash == sum(
        load_cash(con, filters).sum.net_cash for con in members.values()
    )
    assert (
        cash.forecast.values("net_cash_to_date")[-1:] == [cash.sum.net_cash][: cash.forecast.count]
    )
    dso = load_receivables(group, filters).dso
    for record in dso.records():
        if record["credit_sales"] > 0:
            expected = record["receivables"] / record["credit_sales"] * 90
            assert abs(record["dso"] - expected) < Decimal("0.01")


def test_whom_to_call(group: Connection) -> None:
    """The list of calls of a group is in the order of urgency over all tenants."""
    calls = load_receivables(group, _filters("USD")).calls
    urgency = list(zip(calls.values("overdue"), calls.values("worst_days"), strict=True))

    assert len(set(calls.values("tenant"))) > 1
    assert urgency == sorted(urgency, reverse=True)
    assert calls.values("rank") == list(range(1, calls.count + 1))
    of_tenant = load_receivables(group, replace(_filters("USD"), tenant="south")).calls
    assert of_tenant.values("rank") == list(range(1, of_tenant.count + 1))


def test_ranks(group: Connection, members: dict[str, Connection]) -> None:
    """Read in the order of its model, ranks ascend: over all tenants, or for each of them."""
    models = {entry.model: entry for entry in list_models(group)}
    for model, within in (("collections_worklist", "currency"), ("abc_customers", "tenant")):
        rows = group.execute(
            f"select {within}, rank, tenant from reporting.{model} where currency = 'USD'"
            f" order by {models[model].sorted_by}"
        ).fetchall()
        assert len({tenant for _, _, tenant in rows}) > 1
        ranks = [(each, rank) for each, rank, _ in rows]
        assert ranks == sorted(set(ranks))
    ranking = load_customers(group, _filters("USD")).ranking
    places = list(zip(ranking.values("tenant"), ranking.values("rank"), strict=True))
    assert places == sorted(places)
    own = list_models(members["north"])
    assert next(each for each in own if each.model == "abc_customers").sorted_by == "currency, rank"


def test_grain(group: Connection) -> None:
    """What a row is says that there is one for each tenant, in the catalogue and the comments."""
    entry = next(each for each in list_models(group) if each.model == "ar_aging")
    ((comment,),) = group.execute(
        "select comment from duckdb_tables() where table_name = 'ar_aging'"
    ).fetchall()

    assert entry.grain.startswith("For each tenant, one row per customer and currency ")
    assert entry.grain_es.startswith("Por cada empresa, una fila por ")
    assert comment == entry.grain


def test_customers_that_share_an_id(group: Connection) -> None:
    """A customer is chosen with its tenant; one of another tenant is ignored, and named."""
    choices = load_choices(group)
    assert choices.tenants == ("empty", "north", "south")
    assert {"north/1", "south/1"} <= set(choices.customers)
    assert choices.customers["north/1"] != choices.customers["south/1"]

    filters, ignored = Filters.from_query({"customer": "south/1"}, choices)
    assert (filters.tenant, filters.customer_id, ignored) == ("south", "1", ())
    assert Filters.from_query(filters.to_query(choices.defaults), choices) == (filters, ())

    filters, ignored = Filters.from_query({"tenant": "north", "customer": "south/1"}, choices)
    assert (filters.tenant, filters.customer_id) == ("north", None)
    assert [each.value for each in ignored] == ["south/1"]


def test_what_is_missing_in_a_group(group: Connection) -> None:
    """Lists that a tenant has not copied are named with it, and tenants that are left out."""
    with duckdb.connect() as con:
        con.execute("create table about as select 'group-x' as tenant, 'UTC' as timezone")
        con.execute("create table tenants as select 'west' as tenant, 'damaged' as why_not")
        con.execute(
            "create schema core; create table core.as_of as from (values"
            " ('north', timestamptz '2026-06-30 12:00:00Z', null),"
            " ('south', timestamptz '2026-06-30 11:00:00Z', 'invoices'))"
            " as rows (tenant, current_to, missing_lists)"
        )
        freshness = load_freshness(con)

    assert freshness.current_to == datetime(2026, 6, 30, 11, tzinfo=UTC)
    assert describe_missing(freshness, Language("en"), {("endpoint", "invoices"): "Invoices"}) == (
        "Without the books of west, which could not be read. Not copied yet, so not in any figure:"
        " south: Invoices."
    )
    assert load_freshness(group).left_out == ()


def _drop(
    sums: dict[tuple[Any, ...], dict[str, Any]], names: list[str]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {
        key: {name: value for name, value in each.items() if name not in names}
        for key, each in sums.items()
        if any(each.values())
    }
