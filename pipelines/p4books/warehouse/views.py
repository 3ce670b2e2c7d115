"""How do the models come into a database?"""

import re
from collections.abc import Iterable

import duckdb

from p4books.database import text
from p4books.warehouse.errors import BrokenSql
from p4books.warehouse.model import CUSTOM, LAYERS, Model
from p4books.warehouse.models import Found


def build(con: duckdb.DuckDBPyConnection, found: Found) -> Found:
    """Make the views anew in the database of `con`; return those that were made.

    Raises BrokenSql, naming file and line; one of the user's own is left out.
    """
    for layer in LAYERS[1:]:
        con.execute(f"drop schema if exists {layer} cascade")
        con.execute(f"create schema {layer}")
    made, left_out = [], [*found.left_out]
    for model in found.models:
        try:
            _make(con, model)
            made.append(model)
        except BrokenSql as fault:
            if model.layer != CUSTOM:
                raise
            left_out.append(fault)
    return Found(made, left_out)


def broken(model: Model, error: duckdb.Error) -> BrokenSql:
    """Say where in the file DuckDB found a fault."""
    told = str(error)
    place = re.search(r"^LINE (\d+):", told, re.MULTILINE)
    line = max(int(place.group(1)) - 1, 1) if place else 1
    return BrokenSql(model.file, line, told.splitlines()[0])


def layers(models: Iterable[Model]) -> list[str]:
    """Return the layers that models stand in."""
    return sorted({model.layer for model in models})


def _make(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    try:
        con.execute(f'create view {model.layer}."{model.name}" as\n{model.sql}')
        con.execute(f'comment on view {model.layer}."{model.name}" is {text(model.grain)}')
    except duckdb.Error as error:
        raise broken(model, error) from None
