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

from p4books.database import connect, name
from p4books.endpoints import ENDPOINTS
from p4books.load import tables
from p4books.settings import make
from p4books.warehouse import checks, models, seeds, views
from p4books.warehouse.as_of import note
from p4books.warehouse.model import CUSTOM, LAYERS
from p4books.warehouse.models import Sources

Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]  # by table of raw

SOURCES = Sources.at()
MODELS = [each for each in models.read(SOURCES).models if each.layer != CUSTOM]
KINDS = {
    table: {
        **tables.columns(endpoint),
        "_dlt_valid_from": "timestamptz",
        "_dlt_valid_to": "timestamptz",
    }
    for table, endpoint in ENDPOINTS.items()
}


class Books:
    """A warehouse to which rows are given, and of which the models are asked."""

    def __init__(self, folder: Path) -> None:
        path = folder / "warehouse.duckdb"
        tables.create(path, tuple(ENDPOINTS.values()))
        self.con = connect(path)
        self.con.execute("set threads = 1")  # there is little to share among several
        seeds.sow(self.con, SOURCES)
        note(self.con, make({"tenant": "acme"}), ())
        views.create_macros(self.con, SOURCES.macros)
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
                self.con.execute(f"create table {model.layer}.{name(model.name)} as {model.sql}")
            yield
        finally:
            self.con.execute("rollback")

    def check(self) -> None:
        """Run all checks, of the keys of every model too. Raises CheckFailed."""
        for model in MODELS:
            checks.keys(self.con, model)
        checks.run(self.con, (), SOURCES.files("checks"))

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
    typed = ", ".join(f"{name(each)}::{kind} as {name(each)}" for each, kind in kinds.items())
    con.execute(
        f"insert into raw.{table} by name select {typed}"
        " from (select unnest(from_json(?, ?), recursive := true))",
        [json.dumps(texts, default=str), shape],
    )
