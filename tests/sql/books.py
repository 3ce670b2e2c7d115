"""A warehouse that is given rows and makes the models of them.

One connection to a warehouse of its own; each set of rows lives in a transaction that is taken
back, so that nothing need be made anew for the next.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.load.schema import create_tables, table_columns
from p4books.settings import validate_settings
from p4books.storage.database import open_database, quote_identifier
from p4books.transform.as_of import record_as_of
from p4books.transform.build import check_key, create_macros, run_checks
from p4books.transform.models import CUSTOM, LAYERS, SqlSources, load_models
from p4books.transform.seeds import load_seeds

Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]  # by table of raw

SOURCES = SqlSources.at()
MODELS = [each for each in load_models(SOURCES).models if each.layer != CUSTOM]
KINDS = {
    table: {
        **table_columns(endpoint),
        "_dlt_valid_from": "timestamptz",
        "_dlt_valid_to": "timestamptz",
    }
    for table, endpoint in ENDPOINTS.items()
}


class Books:
    """A warehouse to which rows are given, and of which the models are asked."""

    def __init__(self, folder: Path) -> None:
        path = folder / "warehouse.duckdb"
        create_tables(path, tuple(ENDPOINTS.values()))
        self.con = open_database(path)
        self.con.execute("set threads = 1")  # there is little to share among several
        load_seeds(self.con, SOURCES)
        record_as_of(self.con, validate_settings({"tenant": "acme"}), ())
        create_macros(self.con, SOURCES.macros)
        for layer in LAYERS[1:]:
            self.con.execute(f"create schema {layer}")

    @contextmanager
    def holding(self, rows: Rows, as_of: Row) -> Iterator[None]:
        """Hold rows for a while, and the models that are made of them."""
        self.con.execute("begin")
        try:
            for table, given in rows.items():
                fill(self.con, table, given)
            told = ", ".join(f"{column} = ?" for column in as_of)
            self.con.execute(f"update raw.as_of set {told}", list(as_of.values()))
            for model in MODELS:
                self.con.execute(
                    f"create table {model.layer}.{quote_identifier(model.name)} as {model.sql}"
                )
            yield
        finally:
            self.con.execute("rollback")

    def check(self) -> None:
        """Run all checks, of the keys of every model too. Raises CheckFailed."""
        for model in MODELS:
            check_key(self.con, model)
        run_checks(self.con, (), SOURCES.files("checks"))

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the models."""
        return self.con.execute(query).fetchall()


def fill(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    """Put rows into a table of raw; inner lists are given as lists of dicts."""
    if not rows:
        return
    kinds = KINDS.get(table) or {
        column: kind for column, kind, *_ in con.execute(f"describe raw.{table}").fetchall()
    }
    shape = json.dumps([dict.fromkeys(kinds, "VARCHAR")])
    texts = [
        {n: json.dumps(v) if isinstance(v, list) else v for n, v in row.items()} for row in rows
    ]
    typed = ", ".join(
        f"{quote_identifier(each)}::{kind} as {quote_identifier(each)}"
        for each, kind in kinds.items()
    )
    con.execute(
        f"insert into raw.{table} by name select {typed}"
        " from (select unnest(from_json(?, ?), recursive := true))",
        [json.dumps(texts, default=str), shape],
    )
