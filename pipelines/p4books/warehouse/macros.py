"""SQL macros: the expressions that several models share, as defined in sql/macros.sql."""

from pathlib import Path

import duckdb

from p4books.database import name
from p4books.warehouse.errors import BrokenSql, broken_sql


def create(con: duckdb.DuckDBPyConnection, file: Path | None) -> None:
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
