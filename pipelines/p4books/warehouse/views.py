"""How do our models come into a warehouse?

As views, so that a fault is found before anything is published. The user's own are made where they
are published only: one of them may spoil a transaction.
"""

from pathlib import Path

import duckdb

from p4books.database import name, text
from p4books.warehouse.errors import BrokenSql, broken_sql
from p4books.warehouse.model import CUSTOM, LAYERS, Model
from p4books.warehouse.models import Found


def build(con: duckdb.DuckDBPyConnection, found: Found) -> None:
    """Make our macros and views anew in the database of `con`. Raises BrokenSql."""
    create_macros(con, found.macros)
    for layer in LAYERS[1:]:
        con.execute(f"drop schema if exists {layer} cascade")
        con.execute(f"create schema {layer}")
    for model in found.models:
        if model.layer != CUSTOM:
            _make(con, model)


def create_macros(con: duckdb.DuckDBPyConnection, file: Path | None) -> None:
    """Create the macros of a file, and only these, in the schema `main` of the database in use.

    There they are found by whoever opens the warehouse and queries a view. None: there is no file.
    Raises BrokenSql, naming file and line.
    """
    for kind, macro in con.execute(
        "select if(function_type = 'table_macro', 'macro table', 'macro'), function_name"
        " from duckdb_functions() where not internal and schema_name = 'main'"
        " and database_name = current_database() group by all"
    ).fetchall():
        con.execute(f"drop {kind} if exists main.{name(macro)}")
    if file is None:
        return
    try:
        sql = file.read_text(encoding="utf-8")
        statements = con.extract_statements(sql)
    except (OSError, UnicodeError) as error:
        raise BrokenSql(file, 1, str(error)) from None
    except duckdb.Error as error:
        raise broken_sql(file, error) from None
    start = 0
    for statement in statements:
        start = sql.index(statement.query, start)
        try:
            con.execute(statement.query)
        except duckdb.Error as error:
            raise broken_sql(file, error, above=-sql.count("\n", 0, start)) from None
        start += len(statement.query)


def _make(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    view = f"{model.layer}.{name(model.name)}"
    try:
        con.execute(f"create view {view} as\n{model.sql}")
        con.execute(f"comment on view {view} is {text(model.grain)}")
    except duckdb.Error as error:
        raise broken_sql(model.file, error, above=1) from None
