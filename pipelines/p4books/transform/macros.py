"""The SQL macros, and what Python computes with them."""

from datetime import date, datetime
from pathlib import Path
from typing import cast

import duckdb

from p4books.errors import BrokenSql, locate_sql_error
from p4books.storage.database import open_database, quote_identifier
from p4books.transform.models import SqlSources


def create_macros(con: duckdb.DuckDBPyConnection, file: Path | None) -> None:
    """Replace the macros in the schema `main` by those of a file; None means there are none.

    In `main` they are found by everyone who opens the warehouse and queries a view. Raises
    BrokenSql, naming file and line.
    """
    _drop_macros(con)
    if file is None:
        return
    try:
        sql = file.read_text(encoding="utf-8")
        statements = con.extract_statements(sql)
    except (OSError, UnicodeError) as error:
        raise BrokenSql(file, 1, str(error)) from None
    except duckdb.Error as error:
        raise locate_sql_error(file, error) from None
    start = 0
    for statement in statements:
        start = sql.index(statement.query, start)
        try:
            con.execute(statement.query)
        except duckdb.Error as error:
            raise locate_sql_error(file, error, above=-sql.count("\n", 0, start)) from None
        start += len(statement.query)


def compute_end_of_day(day: date, zone: str) -> datetime:
    """Return the last microsecond of a day in a time zone, by the macro that the models use."""
    with open_database() as con:
        create_macros(con, SqlSources.at().macros)
        ((end,),) = con.execute("select end_of_day(?, ?)", [day, zone]).fetchall()
    return cast(datetime, end)


def _drop_macros(con: duckdb.DuckDBPyConnection) -> None:
    macros = con.execute(
        "select if(function_type = 'table_macro', 'macro table', 'macro'), function_name"
        " from duckdb_functions() where not internal and schema_name = 'main'"
        " and database_name = current_database() group by all"
    ).fetchall()
    for kind, macro in macros:
        con.execute(f"drop {kind} if exists main.{quote_identifier(macro)}")
