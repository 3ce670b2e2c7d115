"""Tables of figures: their columns as in the catalogue, and their rows.

The file may be that of a group, in which every model begins with the column `tenant`. The queries
are the same for both: what is of one record is grouped and joined by `tenant` as well if there is
such a column, as COLUMNS and natural joins do; what is of a month is summed up over the tenants.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb

from p4books.publish.query import CatalogColumn, CatalogEntry, list_columns, result_columns
from p4books.storage.database import quote_identifier

Row = tuple[Any, ...]

SHOWN_ROWS = 300  # of a table on a screen
TODAY = """(
    select max(as_of_on) as as_of_on, any_value(timezone) as timezone from core.today
)"""  # the day of the figures: of a group, that of its newest tenant

_MODEL = re.compile(r"\b(from|join)\s+((?:core|reporting)\.\w+)")


@dataclass(frozen=True)
class TableQuery:
    """What a table is made of: a query with `$name` parameters, on top of one model.

    `model` is the full name of the model whose title the table has, and whose columns its own are
    called after.
    """

    name: str
    model: str
    sql: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class FigureTable:
    """The first rows of a table, in its order; `count` is how many it has in all.

    `query` reads it again, as for a download of every row.
    """

    query: TableQuery
    columns: tuple[CatalogColumn, ...]
    rows: tuple[Row, ...]
    count: int

    @property
    def name(self) -> str:
        """Return a name that is used once among all tables of figures."""
        return self.query.name

    @property
    def is_whole(self) -> bool:
        """Return whether `rows` are all there are."""
        return len(self.rows) == self.count

    def index(self, column: str) -> int:
        """Return the place of a column. Raises KeyError."""
        for index, known in enumerate(self.columns):
            if known.name == column:
                return index
        raise KeyError(column)

    def values(self, column: str) -> list[Any]:
        """Return the values of a column. Raises KeyError."""
        index = self.index(column)
        return [row[index] for row in self.rows]

    def records(self) -> Iterator[dict[str, Any]]:
        """Iterate over the rows, as values by the name of their column."""
        names = [column.name for column in self.columns]
        return (dict(zip(names, row, strict=True)) for row in self.rows)


def read_table(
    con: duckdb.DuckDBPyConnection, query: TableQuery, limit: int | None = SHOWN_ROWS
) -> FigureTable:
    """Read the first rows of a table; without `limit` all of them. Raises duckdb.Error."""
    shown = query.sql if limit is None else f"from ({query.sql}) limit {limit + 1}"
    result = _execute(con, shown, query.values)
    described = [(name, str(kind)) for name, kind, *_ in result.description or ()]
    rows = result.fetchall()
    count = len(rows)
    if limit is not None and count > limit:
        rows, count = rows[:limit], _count_rows(con, query)
    columns = _describe_columns(con, query.model, described)
    return FigureTable(query, columns, tuple(rows), count)


def sum_columns(
    con: duckdb.DuckDBPyConnection, table: FigureTable, columns: Sequence[str]
) -> dict[str, Any]:
    """Sum columns over all rows of a table, whether they were read; None if there is no value.

    Its rows must be in one currency. Raises duckdb.Error.
    """
    sums = ", ".join(f"sum({name}) as {name}" for name in map(quote_identifier, columns))
    sql = f"select {sums} from ({table.query.sql})"
    return read_record(con, sql, table.query.values) if columns else {}


def select_rows(
    con: duckdb.DuckDBPyConnection, query: TableQuery, columns: str = "*"
) -> duckdb.DuckDBPyConnection:
    """Select columns of all rows of a table and return the connection with the result."""
    return _execute(con, f"select {columns} from ({query.sql})", query.values)


def read_record(
    con: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Read the only row of a query as values by column; empty if there is none."""
    row = _execute(con, sql, values).fetchone()
    return dict(zip(result_columns(con), row, strict=True)) if row else {}


def load_as_of_day(con: duckdb.DuckDBPyConnection) -> date:
    """Return the day of the figures: if nothing was copied yet, the one of the empty file."""
    row = con.execute(
        f"""
        select coalesce(today.as_of_on, timezone(today.timezone, about.published_at)::date)
        from {TODAY} as today cross join main.about as about
        """
    ).fetchone()
    day: date = row[0] if row else date.min
    return day


def _execute(
    con: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any]
) -> duckdb.DuckDBPyConnection:
    """Run a query on all rows or, with a value for `tenant`, on those of one tenant of a group."""
    if values.get("tenant") is not None:
        sql = _MODEL.sub(r"\1 (from \2 where tenant = $tenant)", sql)
    named = {name: value for name, value in values.items() if f"${name}" in sql}
    return con.execute(sql, named)  # DuckDB refuses values that are not named


def _count_rows(con: duckdb.DuckDBPyConnection, query: TableQuery) -> int:
    row = _execute(con, f"select count(*) from ({query.sql})", query.values).fetchone()
    return row[0] if row else 0


def _describe_columns(
    con: duckdb.DuckDBPyConnection, model: str, described: Sequence[tuple[str, str]]
) -> tuple[CatalogColumn, ...]:
    """Return the columns as the catalogue describes them, those of the model first."""
    known = _list_known_columns(con, model)
    for name, _ in described:
        if name not in known and (other := _find_model(con, name)):
            known |= {name: _list_known_columns(con, other)[name]}
    return tuple(
        replace(known.get(name, CatalogColumn(name, kind, "")), type=kind)
        for name, kind in described
    )


def _list_known_columns(con: duckdb.DuckDBPyConnection, model: str) -> dict[str, CatalogColumn]:
    layer, _, name = model.partition(".")
    entry = CatalogEntry(
        layer, name, grain="", key="", sorted_by="", question="", query="", reads="", rows=0
    )
    return {column.name: column for column in list_columns(con, entry)}


def _find_model(con: duckdb.DuckDBPyConnection, column: str) -> str | None:
    """Return the full name of some report that has a column; None if none has."""
    row = con.execute(
        "select schema_name || '.' || table_name from duckdb_columns()"
        " where column_name = ? and schema_name = 'reporting' order by all limit 1",
        [column],
    ).fetchone()
    return row[0] if row else None
