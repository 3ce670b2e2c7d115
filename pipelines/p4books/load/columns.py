"""How does a field become a column?

In every version, also of what is long closed, from wherever its values were kept: in `extra`, among
the misfits, or in a column of another type. No hash changes by it, so no row makes a version.
"""

from collections.abc import Iterable, Sequence

import duckdb

from p4books.database import name, text
from p4books.endpoint import Endpoint
from p4books.load import fields, tables, typed

_BEFORE = '"the column before"'  # no field has a space in its name


def amiss(
    con: duckdb.DuckDBPyConnection, endpoints: Iterable[Endpoint]
) -> list[tuple[Endpoint, str]]:
    """Return the fields whose column their endpoint's table lacks, or has in another type.

    None of a table that is not there yet.
    """
    held: dict[str, dict[str, str]] = {}
    found = "select table_name, column_name, data_type from duckdb_columns() where schema_name = ?"
    for table, column, kind in con.execute(found, ["raw"]).fetchall():
        held.setdefault(table, {})[column] = kind
    own = {endpoint: tables.columns(endpoint) for endpoint in endpoints}
    kinds = sorted({kind for columns in own.values() for kind in columns.values()})
    names = con.execute(f"select {', '.join(f'typeof(null::{kind})' for kind in kinds)}").fetchone()
    spelled = dict(zip(kinds, names or (), strict=True))
    return [
        (endpoint, key)
        for endpoint, columns in own.items()
        for key, kind in columns.items()
        if endpoint.name in held and held[endpoint.name].get(key) != spelled[kind]
    ]


def make(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, key: str) -> None:
    """Make a field a column of its kind, and fill it; what does not fit is kept with the misfits.

    Each statement is a transaction of its own: work on a copy.
    """
    table, column = f"raw.{endpoint.name}", f"{name(key)} {tables.columns(endpoint)[key]}"
    had = _has(con, "raw", endpoint.name, key)
    if had:
        con.execute(f"alter table {table} rename column {name(key)} to {_BEFORE}")
    con.execute(f"alter table {table} add column {column}")
    sources = fields.spelled(key, {key, *in_extra(con, endpoint)})
    _fill(con, endpoint, sources, had=had)
    con.execute(
        "delete from raw.fields where endpoint = ? and list_contains(?, field)",
        [endpoint.name, sources],
    )
    if had:
        con.execute(f"alter table {table} drop column {_BEFORE}")
    if _has(con, "raw_staging", endpoint.name, "id"):  # where dlt puts rows before they are merged
        con.execute(f"alter table raw_staging.{endpoint.name} drop column if exists {name(key)}")
        con.execute(f"alter table raw_staging.{endpoint.name} add column {column}")


def in_extra(con: duckdb.DuckDBPyConnection, endpoint: Endpoint) -> set[str]:
    """Return the names that stand in `extra` of any version."""
    found = con.execute(f"select distinct unnest(json_keys(extra)) from raw.{endpoint.name}")
    return {key for (key,) in found.fetchall()}


def _has(con: duckdb.DuckDBPyConnection, schema: str, table: str, column: str) -> bool:
    found = con.execute(
        "select 1 from duckdb_columns()"
        " where schema_name = ? and table_name = ? and column_name = ?",
        [schema, table, column],
    )
    return found.fetchone() is not None


def _fill(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, sources: Sequence[str], *, had: bool
) -> None:
    """Fill the column of the first of these spellings from the first that a row has."""
    table, key = f"raw.{endpoint.name}", sources[0]
    fit = typed.fitted(key, endpoint.fields.get(key) or endpoint.inner[key])
    others = f"list_filter({_misfits()}, lambda each: each.field <> {text(key)})"
    con.execute(
        f"""
        create or replace temp table found as
        select
            place,
            {fit.value} as value,
            ({fit.misfits})::struct("field" varchar, "value" varchar)[] as odd,
            {fit.whole} as whole
        from (
            select rowid as place, {_raw(endpoint, sources, had=had)} as {name(key)} from {table}
        )
        where {name(key)} is not null
        """
    )
    con.execute(
        f"""
        update {table} as target set
            {name(key)} = found.value,
            extra = nullif(
                json_merge_patch(coalesce(extra, '{{}}'), {_taken(sources)})::varchar, '{{}}'),
            misfits = nullif(to_json({others} || found.odd)::varchar, '[]')
        from found
        where target.rowid = found.place
        """
    )


def _raw(endpoint: Endpoint, sources: Sequence[str], *, had: bool) -> str:
    """Return the expression of the value as it came: where a column lost digits, `extra` has it."""
    key = sources[0]
    if key in endpoint.inner:
        return _first(sources, "->")
    misfit = f"list_filter({_misfits()}, lambda each: each.field = {text(key)})[1].value"
    before = f", {_BEFORE}::varchar" if had else ""
    return f"coalesce({_first(sources)}, {misfit}{before})"


def _first(sources: Sequence[str], arrow: str = "->>") -> str:
    paths = [f"extra {arrow} {_path(source)}" for source in sources]
    return f"coalesce({', '.join(paths)})"


def _taken(sources: Sequence[str]) -> str:
    """Return the patch that takes out of `extra` what is in the column, but for a whole number."""
    key, *others = sources
    patch = [f"{text(key)}, found.whole"]
    patch += [
        f"{text(other)}, case when {_first(sources[:place])} is not null"
        f" then extra -> {_path(other)} end"
        for place, other in enumerate(others, 1)
    ]
    return f"json_object({', '.join(patch)})"


def _path(key: str) -> str:
    return text(f'$."{key}"')


def _misfits() -> str:
    return f"coalesce(from_json(misfits, '{tables.MISFITS}'), [])"
