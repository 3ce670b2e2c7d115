"""The SQL macros, and what Python computes with them."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import duckdb

from p4books.errors import BrokenSql, locate_sql_error
from p4books.storage.database import open_database, quote_identifier
from p4books.transform.models import SqlSources
from p4books.transform.reads import serialize_query

ScalarMacros = Mapping[str, tuple[Sequence[str], str]]

_SURROGATE = re.compile("[\ud800-\udfff]")  # which no database can store


def create_macros(con: duckdb.DuckDBPyConnection, file: Path | None) -> None:
    """Create the macros of a file in the schema `main`, which has none; None means no file.

    In `main` they are found by everyone who opens the warehouse and queries a view. Raises
    BrokenSql, naming file and line.
    """
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


def drop_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Drop all macros in the schema `main`."""
    macros = con.execute(
        "select if(function_type = 'table_macro', 'macro table', 'macro'), function_name"
        " from duckdb_functions() where not internal and schema_name = 'main'"
        " and database_name = current_database() group by all"
    ).fetchall()
    for kind, macro in macros:
        con.execute(f"drop {kind} if exists main.{quote_identifier(macro)}")


def load_macros(con: duckdb.DuckDBPyConnection) -> ScalarMacros:
    """Return the scalar macros that were created: names of parameters, and the body, by name."""
    found = con.execute(
        "select function_name, parameters, macro_definition from duckdb_functions()"
        " where function_type = 'macro' and not internal and schema_name = 'main'"
    ).fetchall()
    return {name: (parameters, body) for name, parameters, body in found}


def write_out_macros(con: duckdb.DuckDBPyConnection, sql: str, macros: ScalarMacros) -> str:
    """Return a query with the bodies of the macros that it calls in place of the calls.

    So it can be run where the macros are not, as in a view of the published file. `sql` is a query
    that DuckDB's parser accepts, but no PIVOT. Raises duckdb.Error, and ValueError for a call that
    would mean something else written out.
    """
    query = _parse(sql)
    written = _write_out(query, macros)
    if written == query:
        return sql
    tree = json.dumps({"error": False, "statements": [written]})
    row = con.execute("select json_deserialize_sql(?::json)", [tree]).fetchone()
    return cast(str, (row or ("",))[0])


@cache
def write_out_expression(expression: str) -> str:
    """Return a SQL expression with the bodies of the macros that it calls in place of the calls.

    It is for queries of the published file, which has no macros.
    """
    with open_database() as con:
        create_macros(con, SqlSources.at().macros)
        written = write_out_macros(con, f"select {expression}", load_macros(con))
    return written.removeprefix("SELECT ")


def compute_end_of_day(day: date, zone: str) -> datetime:
    """Return the last microsecond of a day in a time zone, by the macro that the models use."""
    with open_database() as con:
        create_macros(con, SqlSources.at().macros)
        ((end,),) = con.execute("select end_of_day(?, ?)", [day, zone]).fetchall()
    return cast(datetime, end)


@dataclass(frozen=True)
class WrongCheckDigits:
    """A RUC whose check digits (DV) are not those given with it; `expected` may name two."""

    ruc: str
    given: str
    expected: str

    def __str__(self) -> str:
        """Say what is wrong, in the words of reporting.data_quality."""
        return f"DV {self.given} does not fit {self.ruc}: it is {self.expected}"


def find_wrong_check_digits(tax_ids: Iterable[str]) -> dict[str, WrongCheckDigits]:
    """Return which tax ids have wrong check digits, by the macro that the models use.

    One without check digits, or of an unknown kind, is not wrong.
    """
    texts = {text for text in tax_ids if "V" in text.upper() and not _SURROGATE.search(text)}
    if not texts:
        return {}
    with open_database() as con:
        create_macros(con, SqlSources.at().macros)
        rows = con.execute(
            """
            with given as (select unnest(from_json(?, '["VARCHAR"]')) as tax_id)
            select tax_id, ruc, given_dv, expected_dv from wrong_check_digits(given)
            """,
            [json.dumps(sorted(texts))],
        ).fetchall()
    return {tax_id: WrongCheckDigits(*wrong) for tax_id, *wrong in rows}


def _parse(sql: str) -> Any:
    parsed = json.loads(serialize_query(sql))
    if parsed.get("error"):
        raise duckdb.ParserException(parsed["error_message"])
    return parsed["statements"][0]


def _write_out(node: Any, macros: ScalarMacros) -> Any:
    """Return a syntax tree with the bodies of macros in place of their calls."""
    if isinstance(node, list):
        return [_write_out(item, macros) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _write_out(value, macros) for key, value in node.items()}
    if node.get("class") != "FUNCTION" or node["function_name"] not in macros:
        return node
    name = node["function_name"]
    parameters, body = macros[name]
    expression = _parse(f"select {body}")["node"]["select_list"][0]
    if len(node["children"]) != len(parameters) or not _is_plain(expression):
        raise ValueError(f"the macro {name} cannot be written out in a published view")
    arguments = dict(zip(parameters, node["children"], strict=True))
    return {**_substitute(_write_out(expression, macros), arguments), "alias": node["alias"]}


def _is_plain(node: Any) -> bool:
    """Return whether all names in a syntax tree are parameters, without fields of them.

    A lambda has names of its own, and so has a subquery.
    """
    if isinstance(node, list):
        return all(map(_is_plain, node))
    if not isinstance(node, dict):
        return True
    if node.get("class") in {"LAMBDA", "SUBQUERY"} or len(node.get("column_names", ())) > 1:
        return False
    return all(map(_is_plain, node.values()))


def _substitute(node: Any, arguments: dict[str, Any]) -> Any:
    """Return an expression with the arguments of a macro in place of its parameters."""
    if isinstance(node, list):
        return [_substitute(item, arguments) for item in node]
    if not isinstance(node, dict):
        return node
    names = node.get("column_names")
    if node.get("class") == "COLUMN_REF" and names is not None and names[0] in arguments:
        return {**deepcopy(arguments[names[0]]), "alias": node["alias"]}
    return {key: _substitute(value, arguments) for key, value in node.items()}
