"""Views over the lakes of several tenants: each table under the others, `tenant` first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import duckdb

from p4books.storage.database import quote_identifier, quote_literal

_TENANT = "tenant"
_CATALOGUE = {  # tables of the catalogue, and the keys of which the first tenant's row is kept
    "catalogue": "layer, model",
    "catalogue_columns": "layer, model, column_name",
    "catalogue_values": "column_name, value",
    "catalogue_sections": "section",
}


@dataclass
class _Union:
    """A table of several lakes: the types of its columns, and who has it."""

    types: dict[str, str] = field(default_factory=dict)
    databases: dict[str, list[str]] = field(default_factory=dict)  # with their columns

    def add(self, database: str, columns: Mapping[str, str]) -> str | None:
        """Add the table of one lake; return a column whose type differs, None if there is none."""
        known = {name.lower(): kind for name, kind in self.types.items()}
        for name, kind in columns.items():
            if known.get(name.lower(), kind) != kind:
                return name
        self.types |= {name: kind for name, kind in columns.items() if name.lower() not in known}
        self.databases[database] = [name for name in columns if name.lower() != _TENANT]
        return None


def describe_union(
    con: duckdb.DuckDBPyConnection, databases: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Describe views of all tables of attached lakes, in SQL; `databases` has the tenant of each.

    A table whose columns have different types is left out: the second list has a sentence for each.
    Raises duckdb.Error.
    """
    found, notes = _find_tables(con, databases)
    layers = sorted({layer for layer, _ in found})
    statements = [f"create schema if not exists {quote_identifier(layer)}" for layer in layers]
    for (layer, name), table in found.items():
        if (layer, name) == ("main", "lake_tables"):
            continue
        quoted = f"{quote_identifier(layer)}.{quote_identifier(name)}"
        selects = [
            _select(f"{quote_identifier(database)}.{quoted}", databases[database], columns)
            for database, columns in table.databases.items()
        ]
        query = " union all by name ".join(selects)
        if layer == "main" and name in _CATALOGUE:
            query = _select_catalogue(name, query)
        statements.append(f"create or replace view {quoted} as {query}")
    return statements, notes


def _find_tables(
    con: duckdb.DuckDBPyConnection, databases: Iterable[str]
) -> tuple[dict[tuple[str, str], _Union], list[str]]:
    """Find the tables of all lakes, and say which are left out."""
    found: dict[tuple[str, str], _Union] = {}
    differing: dict[tuple[str, str], str] = {}
    for database in databases:
        rows = con.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns()"
            " where database_name = ? order by table_name, column_index",
            [database],
        ).fetchall()
        tables: dict[tuple[str, str], dict[str, str]] = {}
        for layer, name, column, kind in rows:
            tables.setdefault((layer, name), {})[column] = kind
        for key, columns in tables.items():
            if column := found.setdefault(key, _Union()).add(database, columns):
                differing[key] = column
    notes = [
        f"{'.'.join(key)} is left out: its column {column} has different types in two tenants."
        for key, column in differing.items()
    ]
    return {key: table for key, table in found.items() if key not in differing}, notes


def _select(table: str, tenant: str, columns: Iterable[str]) -> str:
    names = ", ".join([f"{quote_literal(tenant)} as {_TENANT}", *map(quote_identifier, columns)])
    return f"select {names} from {table}"


def _select_catalogue(name: str, query: str) -> str:
    """Return the query for a table of the catalogue, which is the same for all tenants."""
    values = "* exclude (tenant)"
    if name == "catalogue":  # with the rows of all, by a key that begins with the tenant
        values += (
            " replace (concat_ws(', ', 'tenant', nullif(key, '')) as key,"
            " sum(rows) over (partition by layer, model)::bigint as rows)"
        )
    return (
        f"select {values} from ({query})"
        f" qualify row_number() over (partition by {_CATALOGUE[name]} order by tenant) = 1"
    )
