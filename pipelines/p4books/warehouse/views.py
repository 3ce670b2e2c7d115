"""How do our models come into a warehouse?

As views, so that a fault is found before anything is published. The user's own are made where they
are published only: one of them may spoil a transaction.
"""

import duckdb

from p4books.database import name, text
from p4books.warehouse import macros
from p4books.warehouse.errors import broken_sql
from p4books.warehouse.model import CUSTOM, LAYERS, Model
from p4books.warehouse.models import Found


def build(con: duckdb.DuckDBPyConnection, found: Found) -> None:
    """Make our macros and views anew in the database of `con`. Raises BrokenSql."""
    macros.create(con, found.macros)
    for layer in LAYERS[1:]:
        con.execute(f"drop schema if exists {layer} cascade")
        con.execute(f"create schema {layer}")
    for model in found.models:
        if model.layer != CUSTOM:
            _make(con, model)


def _make(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    view = f"{model.layer}.{name(model.name)}"
    try:
        con.execute(f"create view {view} as\n{model.sql}")
        con.execute(f"comment on view {view} is {text(model.grain)}")
    except duckdb.Error as error:
        raise broken_sql(model.file, error, above=1) from None
