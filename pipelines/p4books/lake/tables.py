"""Tables and views of the published file as the lake holds them: their types, and digests of rows.

DuckLake writes Parquet, which has no exact type for some of DuckDB's: a HUGEINT becomes a DOUBLE.
Such columns, which only custom models have, are decimals or texts in the lake.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import duckdb

from p4books.storage.database import quote_identifier

_RESERVED = frozenset(  # columns that DuckLake or Postgres have themselves where rows are inlined
    [
        *("row_id", "begin_snapshot", "end_snapshot"),
        *("_ducklake_internal_row_id", "_ducklake_internal_snapshot_id"),
        *("ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"),
    ]
)
_EXACT = re.compile(
    r"BOOLEAN|U?(TINYINT|SMALLINT|INTEGER|BIGINT)|FLOAT|DOUBLE|DECIMAL\(\d+,\d+\)|VARCHAR|BLOB|DATE"
    r"|TIME|TIMESTAMP(_S|_MS|_NS| WITH TIME ZONE)?|UUID|JSON"
)
_NESTED = re.compile(r"STRUCT\(.*\)|MAP\(.*\)|.*\[\]")
_INEXACT = re.compile(
    r"\b(U?HUGEINT|ENUM|BIT|UNION|BIGNUM|INTERVAL|TIME WITH TIME ZONE|TIMETZ|VARIANT|GEOMETRY)\b"
    r'|"NULL"|\[\d+\]'
)
_EXCLUDED = re.compile(r"(?<=EXCLUDE \()[^()]*(?=\))")  # DuckDB writes them in any order
_WHOLE = "DECIMAL(38,0)"
_TEXT = "VARCHAR"
_SALT = "'p4books'"  # of the second half of a digest


@dataclass(frozen=True)
class LakeTable:
    """A table or view, with the types of its columns in the lake; `sql` is None for a table."""

    layer: str
    name: str
    columns: Mapping[str, str]  # in the lake
    types: Mapping[str, str]  # in the published file
    comment: str = ""
    column_comments: Mapping[str, str] | None = None
    sql: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The layer and the name."""
        return self.layer, self.name

    @property
    def full_name(self) -> str:
        """The name with its layer, as people write it."""
        return f"{self.layer}.{self.name}"

    @property
    def quoted(self) -> str:
        """The full name as SQL."""
        return f"{quote_identifier(self.layer)}.{quote_identifier(self.name)}"

    @property
    def values(self) -> str:
        """The columns of the published file as the lake holds them, as SQL."""
        return ", ".join(
            quote_identifier(name)
            if kind == self.types[name]
            else f"cast({quote_identifier(name)} as {kind}) as {quote_identifier(name)}"
            for name, kind in self.columns.items()
        )

    @property
    def hashes(self) -> str:
        """Two hashes of a row of the lake, `h1` and `h2`, as SQL; together they have 128 bits."""
        first, second = self._hash_pair
        return f"{first} as h1, {second} as h2"

    @property
    def hash_pair(self) -> str:
        """The two hashes of a row without names, as SQL."""
        return ", ".join(self._hash_pair)

    @property
    def layout(self) -> str:
        """What is another one if the table has to be made again."""
        sql = _EXCLUDED.sub(_sort_names, self.sql or "")
        return _digest(f"{sql} {list(self.columns.items())}")

    @property
    def comments(self) -> str:
        """What is another one if a comment changed."""
        return _digest(f"{self.comment} {list((self.column_comments or {}).items())}")

    @property
    def reserved(self) -> list[str]:
        """The columns because of which the lake cannot have the table."""
        return [name for name in self.columns if name.lower() in _RESERVED]

    @property
    def has_rowid(self) -> bool:
        """Whether a column hides the number that DuckLake gives each row."""
        return any(name.lower() == "rowid" for name in self.columns)

    @property
    def _hash_pair(self) -> tuple[str, str]:
        names = ", ".join(map(quote_identifier, self.columns))
        return f"hash({names})", f"hash({_SALT}, {names})"

    def as_texts(self) -> "LakeTable":
        """Return the table with texts for whole numbers that are too long."""
        columns = {
            name: _TEXT if kind == _WHOLE and self.types[name] != _WHOLE else kind
            for name, kind in self.columns.items()
        }
        return replace(self, columns=columns)

    def as_table(self) -> "LakeTable":
        """Return a view as a table with its rows."""
        return replace(self, sql=None)


def fit_type(kind: str) -> str:
    """Return the type of the lake that holds all values of a type of DuckDB exactly."""
    if kind == "HUGEINT":
        return _WHOLE
    if _EXACT.fullmatch(kind) or (_NESTED.fullmatch(kind) and not _INEXACT.search(kind)):
        return kind
    return _TEXT


def list_tables(con: duckdb.DuckDBPyConnection, database: str) -> list[LakeTable]:
    """List the tables and views of an attached published file, the views last."""
    comments = {
        (layer, name): (comment or "", sql)
        for layer, name, comment, sql in con.execute(
            "select schema_name, table_name, comment, null from duckdb_tables()"
            " where database_name = $1 union all"
            " select schema_name, view_name, comment, sql from duckdb_views()"
            " where database_name = $1 and not internal",
            [database],
        ).fetchall()
    }
    rows = con.execute(
        "select schema_name, table_name, column_name, data_type, comment from duckdb_columns()"
        " where database_name = ? order by schema_name, table_name, column_index",
        [database],
    ).fetchall()
    found: dict[tuple[str, str], list[tuple[str, str, str | None]]] = {}
    for layer, name, *column in rows:
        found.setdefault((layer, name), []).append((column[0], column[1], column[2]))
    tables = [
        LakeTable(
            *key,
            columns={name: fit_type(kind) for name, kind, _ in columns},
            types={name: kind for name, kind, _ in columns},
            comment=comments[key][0],
            column_comments={name: text for name, _, text in columns if text},
            sql=comments[key][1],
        )
        for key, columns in found.items()
    ]
    return sorted(tables, key=lambda table: (table.sql is not None, table.key))


def fit_values(con: duckdb.DuckDBPyConnection, table: LakeTable, database: str) -> LakeTable:
    """Return the table as it is, or with texts where a whole number is too long for a decimal."""
    narrowed = [
        quote_identifier(name)
        for name, kind in table.columns.items()
        if kind == _WHOLE and table.types[name] != kind
    ]
    if not narrowed:
        return table
    too_long = " or ".join(
        f"(try_cast({x} as {_WHOLE}) is null and {x} is not null)" for x in narrowed
    )
    found = con.execute(f"select 1 from {database}.{table.quoted} where {too_long} limit 1")
    return table.as_texts() if found.fetchone() else table


def digest_rows(con: duckdb.DuckDBPyConnection, table: LakeTable, database: str) -> tuple[int, str]:
    """Return the number of rows of a table and a digest that does not depend on their order.

    `database` is the published file, whose values are digested as the lake holds them.
    """
    source = f"select {table.values} from {database}.{table.quoted}"
    rows, first, second = con.execute(
        f"select count(*), sum(h1), sum(h2) from (select {table.hashes} from ({source}))"
    ).fetchone() or (0, None, None)
    return rows, f"{first or 0:x}-{second or 0:x}-{duckdb.__version__}"  # hash() may change


def _sort_names(names: re.Match[str]) -> str:
    return ", ".join(sorted(names[0].split(", ")))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
