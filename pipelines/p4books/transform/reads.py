"""Tables that a query names."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from p4books.errors import BrokenSql
from p4books.storage.database import open_database, quote_literal

_NOT_ONE_SELECT = "the file must contain exactly one SELECT"


class TableName(NamedTuple):
    """A table that a query names; without a schema it may be one of its CTEs."""

    schema: str
    name: str
    is_cte: bool


@cache  # a process may publish the same models more than once
def find_reads(sql: str, file: Path) -> frozenset[str]:
    """Return the tables that a query names, as schema.table. Raises BrokenSql."""
    named = _list_tables(sql, file)
    for table in named:
        if not table.schema and re.fullmatch(r"\w+", table.name) and not table.is_cte:
            why = f"{table.name} has no layer; write LAYER.MODEL, as in staging.invoices"
            raise BrokenSql(
                file, find_line_number(sql, rf"(?:from|join)\s+{re.escape(table.name)}\b"), why
            )
    return frozenset(f"{table.schema}.{table.name}".lower() for table in named if table.schema)


def _list_tables(sql: str, file: Path) -> list[TableName]:
    """List the tables and CTEs that a query names, with DuckDB's own parser."""
    tables: list[tuple[str, str]] = []
    ctes: set[str] = set()

    def collect(node: dict[str, Any]) -> dict[str, Any]:
        if node.get("type") == "BASE_TABLE":
            tables.append((node["schema_name"], node["table_name"]))
        ctes.update(entry["key"].lower() for entry in node.get("cte_map", {}).get("map", ()))
        return node

    parsed = json.loads(serialize_query(sql), object_hook=collect)
    if parsed.get("error_type") == "not implemented":  # it makes several statements of a PIVOT
        return _list_tables_of_pivot(sql, file)
    if parsed.get("error"):
        line = sql.encode()[: int(parsed.get("position") or 0)].count(b"\n") + 1
        raise BrokenSql(file, line, parsed["error_message"])
    if len(parsed["statements"]) != 1:
        raise BrokenSql(file, 1, _NOT_ONE_SELECT)
    return [TableName(schema, name, name.lower() in ctes) for schema, name in tables]


def _list_tables_of_pivot(sql: str, file: Path) -> list[TableName]:
    import sqlglot  # noqa: PLC0415 - 0.1 s that only a PIVOT without a list of values waits for
    from sqlglot import exp  # noqa: PLC0415 - as above
    from sqlglot.errors import ParseError, TokenError  # noqa: PLC0415 - as above

    try:
        statements = [part for part in sqlglot.parse(sql, dialect="duckdb") if part]
    except (ParseError, TokenError):
        raise BrokenSql(file, 1, _NOT_ONE_SELECT) from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query | exp.Pivot):
        raise BrokenSql(file, 1, _NOT_ONE_SELECT)
    ctes = {cte.alias.lower() for cte in statements[0].find_all(exp.CTE)}
    return [
        TableName(table.db, table.name, table.name.lower() in ctes)
        for table in statements[0].find_all(exp.Table)
        if isinstance(table.this, exp.Identifier)
    ]


@cache
def serialize_query(sql: str) -> str:
    """Return the syntax tree of a query as JSON, as `json_serialize_sql` of DuckDB does."""
    query = f"select json_serialize_sql({quote_literal(sql)})"
    row = _parser().cursor().execute(query).fetchone()
    return str(row[0] if row else "{}")


def find_line_number(sql: str, pattern: str, start: int = 0) -> int:
    """Return the line of the first match of a pattern, regardless of case; 1 if there is none."""
    match = re.compile(pattern, re.IGNORECASE | re.MULTILINE).search(sql, start)
    return sql.count("\n", 0, match.start()) + 1 if match else 1


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    return open_database()
