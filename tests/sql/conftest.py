"""Fixtures of the SQL tests: a warehouse for hand-written rows, and a synced tenant."""

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr
from tests.sql.books import MODELS, Books
from tests.sql.fixed_books import AS_OF, rows

from p4books.endpoints import ENDPOINTS
from p4books.load.schema import create_tables
from p4books.settings import Settings, validate_settings
from p4books.sync import sync
from p4books.transform.as_of import record_as_of
from p4books.transform.build import create_views
from p4books.transform.models import Model, SqlSources, load_models
from p4books.transform.seeds import load_seeds
from p4books_sandbox import Sandbox

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]


SETTINGS = validate_settings({"tenant": "acme"})


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse without rows, with the views of the models that are no reports.

    Those of the reports take four seconds; `query` makes tables of them.
    """
    path = tmp_path_factory.mktemp("sql") / "warehouse.duckdb"
    create_tables(path, tuple(ENDPOINTS.values()))
    with duckdb.connect(path) as con:
        load_seeds(con, SqlSources.at())
        record_as_of(con, SETTINGS, ())
        models = load_models(SqlSources.at())
        below = [model for model in models.models if model.layer != "reporting"]
        create_views(con, replace(models, models=below))
    return path


@pytest.fixture(scope="session")
def fixed_books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """The fixed books and the models built from them. They have what only history can show."""
    books = Books(tmp_path_factory.mktemp("fixed"))
    books.load(rows(), AS_OF)
    yield books
    books.con.close()


@pytest.fixture(scope="session")
def connection(empty: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the warehouse that all tests share."""
    with duckdb.connect(empty) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute("set threads = 1")  # the tables are too small to gain from more
        yield con


@pytest.fixture
def con(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The connection, in a transaction that is rolled back after the test."""
    connection.execute("begin")
    yield connection
    connection.execute("rollback")


@pytest.fixture
def insert(con: duckdb.DuckDBPyConnection) -> Action:
    """Insert a row into a table of raw; nested lists are passed as lists of dicts.

    By default a version of a record is current, and valid since 1 January 2026.
    """

    def insert(table: str, **values: Any) -> None:
        valid = {"_dlt_valid_from": "2026-01-01", "_dlt_valid_to": None}
        row = {**valid, **values} if table in ENDPOINTS else values
        row = {
            name: json.dumps(value) if isinstance(value, list) else value
            for name, value in row.items()
        }
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" for _ in row)
        con.execute(f"insert into raw.{table} ({names}) values ({marks})", list(row.values()))

    return insert


@pytest.fixture
def set_as_of(con: duckdb.DuckDBPyConnection) -> Action:
    """Set the as-of day, at noon in Panama, and any other column of the as-of row."""

    def set_as_of(day: str, **values: Any) -> None:
        values_by_column = {
            "as_of_at": f"{day} 12:00:00-05",
            "as_of_on": day,
            "history_since": "2026-01-01",
            **values,
        }
        names = ", ".join(f'"{name}" = ?' for name in values_by_column)
        con.execute(f"update raw.as_of set {names}", list(values_by_column.values()))

    return set_as_of


@pytest.fixture
def query(con: duckdb.DuckDBPyConnection) -> Query:
    """Run a query over the models.

    To plan a report whose models are views within views takes up to a second. So its models become
    tables, as they are when they are published, of the rows that there are at the time of the call.
    """
    tables: set[str] = set()

    def query(sql: str) -> list[tuple[Any, ...]]:
        for model in list_models_below(sql):
            name = model.full_name
            if name not in tables:
                con.execute(f"drop view if exists {name}")
                tables.add(name)
            con.execute(f"create or replace table {name} as {model.sql}")
        return con.execute(sql).fetchall()

    return query


def list_models_below(sql: str) -> list[Model]:
    """Return the models that a query reads and those that these read, each after what it reads."""
    needed = set(re.findall(r"\b(?:staging|core|reporting)\.\w+", sql))
    if not any(name.startswith("reporting.") for name in needed):
        return []
    found = []
    for model in reversed(MODELS):
        if model.full_name in needed:
            needed |= model.reads
            found.append(model)
    return found[::-1]


@dataclass(frozen=True)
class Synced:
    """A tenant that was synced from a sandbox, and the lists as its API returned them."""

    settings: Settings
    customers: list[dict[str, Any]]
    invoices: list[dict[str, Any]]
    sales_orders: list[dict[str, Any]]
    purchase_orders: list[dict[str, Any]]


@pytest.fixture(scope="session")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Synced:
    """A tenant with a few hundred documents up to three days ago. Tests may change copies only."""
    folder = tmp_path_factory.mktemp("synced")
    last_day = datetime.now(UTC).date() - timedelta(days=3)
    books = Sandbox(invoices=300, limit=0, last_day=last_day)
    with pytest.MonkeyPatch.context() as patch, books as sandbox:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("DLT_PROJECT_DIR", str(folder))
        settings = Settings(
            tenant="acme",
            api_key=SecretStr(sandbox.key),
            base_url=sandbox.base_url,
            data_dir=folder / "data",
            requests_per_window=100_000,
        )
        summary = sync(settings, full=True)
        assert (summary.faults, summary.published) == ([], True)
        lists = ("customers", "invoices", "sales-orders", "purchase-orders")
        return Synced(settings, *(_fetch(sandbox, path) for path in lists))


def _fetch(sandbox: Sandbox, path: str) -> list[dict[str, Any]]:
    """Fetch a list page by page, with exact numbers and without code of p4books."""
    rows: list[dict[str, Any]] = []
    for page in range(1, 1000):
        request = urllib.request.Request(  # noqa: S310 - our own sandbox
            f"{sandbox.base_url}/{path}?page={page}&page_size=100",
            headers={"Authorization": f"Bearer {sandbox.key}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            body = json.load(response, parse_float=Decimal, parse_int=Decimal)
        rows += body["data"]
        if len(rows) >= body["total"]:
            return rows
    raise AssertionError(f"{path} does not end")
