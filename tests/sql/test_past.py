"""Books as of a past day."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.sql.books import MODELS, SOURCES, fill
from tests.sql.fixed_books import rows

from p4books.endpoints import ENDPOINTS
from p4books.load.schema import create_tables
from p4books.publish.publish import publish_report
from p4books.settings import Settings
from p4books.storage.database import open_database
from p4books.storage.run_log import EndpointRun, Run, RunLog
from p4books.transform.as_of import rewind_to_day
from p4books.transform.build import create_views
from p4books.transform.inputs import ModelInputs
from p4books.transform.models import load_models

Query = Callable[[str], list[tuple[Any, ...]]]
Build = Callable[..., Query]

KNOWN_TO = "2026-06-30 17:00:00+00"  # the as-of timestamp of the fixed books
CUSTOMER = "from reporting.ar_aging where customer_id = '1' and currency = 'USD'"


def create_run() -> Run:
    """Return a run at noon in Panama on the last day."""
    at = datetime(2026, 6, 30, 17, tzinfo=UTC).timestamp()
    endpoint_run = EndpointRun("invoices", "whole", "done", at, at, current_to=at, complete=True)
    return Run(1, at, at, "done", 1, 0, 0.0, (endpoint_run,))


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """Build the fixed books as of a day, without what became known after `known_to`.

    Without `publish`, the models are tables of the warehouse. Equal arguments build only once;
    another `copy` builds again.
    """
    connections: dict[tuple[Any, ...], duckdb.DuckDBPyConnection] = {}

    def build(
        day: str | None, known_to: str = KNOWN_TO, *, publish: bool = False, copy: int = 0
    ) -> Query:
        key = (day, known_to, publish, copy)
        if key not in connections:
            connections[key] = build_warehouse(
                tmp_path_factory.mktemp("past"), day, known_to, publish=publish
            )
        return lambda query: connections[key].execute(query).fetchall()

    yield build
    for con in connections.values():
        con.close()


def build_warehouse(
    folder: Path, day: str | None, known_to: str, *, publish: bool
) -> duckdb.DuckDBPyConnection:
    """Build the fixed books and open the warehouse or its published file."""
    warehouse = folder / "warehouse.duckdb"
    create_tables(warehouse, tuple(ENDPOINTS.values()))
    with open_database(warehouse) as con:
        for name, table_rows in rows().items():
            if name in {*ENDPOINTS, "seen"}:
                fill(con, name, table_rows)
        for name in ENDPOINTS:
            con.execute(f"delete from raw.{name} where _dlt_valid_from > '{known_to}'")
            con.execute(
                f"update raw.{name} set _dlt_valid_to = null where _dlt_valid_to > '{known_to}'"
            )
    settings = Settings(tenant="acme", data_dir=folder)
    settings.private.mkdir(parents=True, exist_ok=True)
    log, run = RunLog(settings.run_log), create_run()
    log.record_endpoint_runs(log.begin_run(), run.readings[0])
    as_of = date.fromisoformat(day) if day else None
    if publish:
        warehouse.rename(settings.warehouse)
        file, _ = publish_report(settings, as_of)
        return open_database(file, read_only=True)
    with open_database(warehouse) as con:
        ModelInputs(settings, SOURCES, [run]).load(con)
    if as_of:
        rewind_to_day(warehouse, as_of, settings)
    with open_database(warehouse) as con:
        create_views(con, load_models(SOURCES), kind="table")
    return open_database(warehouse, read_only=True)


def money(*values: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(each) for each in values)


@pytest.mark.parametrize(
    ("day", "balance", "buckets"),
    [
        # current, 1-30, 31-60, 61-90, 90+
        ("2026-04-30", "204.10", ("42.88", "160.15", "0", "0", "1.07")),
        ("2026-05-10", "107.80", ("42.88", "63.85", "0", "0", "1.07")),
        ("2026-06-02", "107.80", ("21.48", "32.10", "53.15", "0", "1.07")),
    ],
)
def test_receivables(build: Build, day: str, balance: str, buckets: tuple[str, ...]) -> None:
    """A customer's balance and its aging are those of that day."""
    query = build(day)

    assert query(
        "select balance, current_balance, days_1_30, days_31_60, days_61_90, days_over_90 "
        + CUSTOMER
    ) == [money(balance, *buckets)]


@pytest.mark.parametrize(
    ("day", "open_items"),
    [
        # 1 is paid on 5 May; 15 is deleted from 20 April to 20 May, 14 since 2 June
        ("2026-04-19", {"1": "107", "13": "10.70", "14": "10.70", "15": "10.70"}),
        ("2026-04-30", {"1": "107", "13": "10.70", "14": "10.70"}),
        # 13 changes on 10 May, at half past midnight in Panama
        ("2026-05-09", {"13": "10.70", "14": "10.70"}),
        ("2026-05-10", {"13": "21.40", "14": "10.70"}),
        ("2026-06-02", {"13": "21.40", "15": "10.70"}),
    ],
)
def test_documents(build: Build, day: str, open_items: dict[str, str]) -> None:
    """Payments, changes, deletions and restorations of later days do not show."""
    query = build(day)

    actual = query(
        "select invoice_id, balance from reporting.ar_open_items"
        " where invoice_id in ('1', '13', '14', '15')"
    )

    assert dict(actual) == {each: Decimal(balance) for each, balance in open_items.items()}


@pytest.mark.parametrize(
    ("day", "price", "is_deleted", "void_or_deleted"),
    [
        ("2026-04-30", "10", False, {("invoice", "8"), ("invoice", "15"), ("sales order", "2")}),
        ("2026-05-10", "12", False, {("invoice", "8"), ("invoice", "15"), ("sales order", "2")}),
        ("2026-06-02", "12", True, {("invoice", "8"), ("invoice", "14"), ("sales order", "2")}),
    ],
)
def test_prices_and_deletions(
    build: Build, day: str, price: str, is_deleted: bool, void_or_deleted: set[tuple[str, str]]
) -> None:
    """Prices are those of that day, and only records deleted by then are deleted."""
    query = build(day)

    assert query("select list_price from core.dim_product where product_id = '1'") == [money(price)]
    assert query("select is_deleted from core.dim_customer where customer_id = '4'") == [
        (is_deleted,)
    ]
    assert (
        set(query("select document_type, document_id from reporting.void_and_deleted"))
        == void_or_deleted
    )


def test_as_of(build: Build) -> None:
    """The published file states its as-of timestamp and has no later run or month."""
    query = build("2026-05-10", publish=True)

    assert query("select as_of_on, as_of_at from core.as_of") == [
        (date(2026, 5, 10), datetime(2026, 5, 11, 4, 59, 59, 999999, UTC))
    ]
    assert query("select count(*) from reporting.sync_health") == [(0,)]
    assert query("select month_end_on, is_month_over from core.month_ends order by 1") == [
        (date(2026, 3, 31), True),
        (date(2026, 4, 30), True),
        (date(2026, 5, 31), False),
    ]


@pytest.mark.parametrize("day", [None, "2026-04-30"])
def test_month_ends(build: Build, day: str | None) -> None:
    """The aging history shows the same figures for the end of April, whatever the as-of day."""
    query = build(day)

    assert query(
        "select balance, overdue from reporting.ar_aging_history"
        " where month_end_on = '2026-04-30' and customer_id = '1' and currency = 'USD'"
    ) == [money("204.10", "161.22")]


@pytest.mark.parametrize("model", [model.full_name for model in MODELS if model.published])
def test_reproducible(build: Build, model: str) -> None:
    """A past day is the same, row by row, if published again or before later changes."""
    query, day = f"select * from {model} order by all", "2026-05-10"

    first = build(day, publish=True)(query)

    assert build(day, publish=True, copy=1)(query) == first
    assert build(day, known_to="2026-06-11 00:00:00+00", publish=True)(query) == first
