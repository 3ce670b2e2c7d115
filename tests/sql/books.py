"""Warehouse that materializes all models from a given set of rows.

It has a single connection. Each set of rows is loaded in a transaction that is rolled back, so the
warehouse is created only once.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.load.schema import create_tables, table_columns
from p4books.settings import validate_settings
from p4books.storage.database import open_database, quote_identifier
from p4books.transform.as_of import record_as_of
from p4books.transform.checks import check_key, run_check
from p4books.transform.macros import create_macros
from p4books.transform.models import CUSTOM, LAYERS, SqlSources, load_models
from p4books.transform.seeds import load_seeds

Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]  # by table in raw

SOURCES = SqlSources.at()
MODELS = [model for model in load_models(SOURCES).models if model.layer != CUSTOM]
COLUMN_TYPES = {
    table: {
        **table_columns(endpoint),
        "_dlt_valid_from": "timestamptz",
        "_dlt_valid_to": "timestamptz",
    }
    for table, endpoint in ENDPOINTS.items()
}


class Books:
    """A warehouse that loads rows and answers queries on the models."""

    def __init__(self, folder: Path) -> None:
        path = folder / "warehouse.duckdb"
        create_tables(path, tuple(ENDPOINTS.values()))
        self.con = open_database(path)
        self.con.execute("set threads = 1")  # the tables are too small to gain from more
        load_seeds(self.con, SOURCES)
        record_as_of(self.con, validate_settings({"tenant": "acme"}), ())
        create_macros(self.con, SOURCES.macros)
        for layer in LAYERS[1:]:
            self.con.execute(f"create schema {layer}")

    @contextmanager
    def loaded(self, rows: Rows, as_of: Row) -> Iterator[None]:
        """Load rows and create the models from them, until the context is left."""
        self.con.execute("begin")
        try:
            self.load(rows, as_of)
            yield
        finally:
            self.con.execute("rollback")

    def load(self, rows: Rows, as_of: Row) -> None:
        """Load rows and create the models from them, for good."""
        for table, table_rows in rows.items():
            fill(self.con, table, table_rows)
        assignments = ", ".join(f"{column} = ?" for column in as_of)
        self.con.execute(f"update raw.as_of set {assignments}", list(as_of.values()))
        for model in MODELS:
            self.con.execute(
                f"create table {model.layer}.{quote_identifier(model.name)} as {model.sql}"
            )

    def check(self) -> None:
        """Run all checks, including those of every model's key. Raises CheckFailed."""
        for model in MODELS:
            check_key(self.con, model)
        for file in SOURCES.files("checks"):
            run_check(self.con, file)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query on the models."""
        return self.con.execute(sql).fetchall()


def sum_by_key(books: Books, sql: str) -> dict[Any, Decimal]:
    """Return the last column by the columns before it, without amounts of 0."""
    actual: dict[Any, Decimal] = {}
    for *key, amount in books.query(sql):
        assert amount is not None, sql
        if amount:
            actual[key[0] if len(key) == 1 else tuple(key)] = Decimal(amount)
    return actual


def fill(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    """Insert rows into a table of raw; nested lists are passed as lists of dicts."""
    if not rows:
        return
    types = COLUMN_TYPES.get(table) or {
        column: type_name
        for column, type_name, *_ in con.execute(f"describe raw.{table}").fetchall()
    }
    shape = json.dumps([dict.fromkeys(types, "VARCHAR")])
    texts = [
        {
            name: json.dumps(value) if isinstance(value, list) else value
            for name, value in row.items()
        }
        for row in rows
    ]
    typed = ", ".join(
        f"{quote_identifier(column)}::{type_name} as {quote_identifier(column)}"
        for column, type_name in types.items()
    )
    con.execute(
        f"insert into raw.{table} by name select {typed}"
        " from (select unnest(from_json(?, ?), recursive := true))",
        [json.dumps(texts, default=str), shape],
    )
