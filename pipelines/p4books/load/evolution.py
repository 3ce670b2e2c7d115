"""Schema evolution: migration of older warehouses and adoption of new fields."""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from p4books.endpoints import get_endpoint
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.errors import UsageError, describe_unknown
from p4books.load.normalize import fit_column
from p4books.load.schema import (
    FIELD_TYPES,
    FORMAT,
    MISFITS,
    UnknownField,
    WarehouseState,
    create_tables,
    load_endpoints,
    load_unknown_fields,
    match_spellings,
    read_state,
    record_unknown_fields,
    stamp_change,
    table_columns,
)
from p4books.load.warehouse import change_warehouse, check_warehouse
from p4books.settings import Settings
from p4books.storage.database import open_database, quote_identifier, quote_literal
from p4books.storage.files import scratch_dir, tenant_lock


@dataclass(frozen=True)
class WarehouseContents:
    """What a warehouse contains before a run: its state, its endpoints, its unknown fields."""

    state: WarehouseState
    endpoints: Mapping[str, Endpoint]
    unknown: Sequence[UnknownField]


def open_warehouse(warehouse: Path, scratch: Path) -> WarehouseContents:
    """Check a warehouse, migrate it if it is an older one, and read what it contains.

    One that does not exist yet is empty. Raises WarehouseDamaged, WarehouseTooNew, WarehouseOpen
    and DiskTrouble.
    """
    check_warehouse(warehouse)
    endpoints = load_endpoints(warehouse)
    unknown = load_unknown_fields(warehouse)
    migrate_if_needed(warehouse, scratch, endpoints)
    return WarehouseContents(read_state(warehouse), endpoints, unknown)


def migrate_if_needed(warehouse: Path, scratch: Path, endpoints: Mapping[str, Endpoint]) -> None:
    """Bring an older warehouse to our format, and its tables to the endpoints' columns."""
    if needs_migration(warehouse, endpoints):
        change_warehouse(warehouse, scratch, lambda made: migrate_warehouse(made, endpoints))


def infer_type(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, field: str) -> FieldType:
    """Return a kind that fits every value of a field in `extra`: text, where no other does.

    An id is text, be it a number today.
    """
    if field.endswith("_id"):
        return FieldType.TEXT
    raw = quote_identifier(field)
    looks = {
        FieldType.MEASURE: "json_type(value) in ('UBIGINT', 'BIGINT', 'HUGEINT', 'DOUBLE')",
        FieldType.DAY: rf"regexp_full_match({raw}, '\s*\d{{4}}-\d\d-\d\d\s*')",
        FieldType.INSTANT: rf"regexp_matches({raw}, '^\s*\d{{4}}-\d\d-\d\d[T ]')",
    }
    fits = [(kind, fit_column(field, kind)) for kind in looks]
    conditions = [
        f"bool_and({looks[kind]} and {fit.value} is not null and len({fit.misfits}) = 0)"
        for kind, fit in fits
    ]
    path = quote_literal(f'$."{field}"')
    row = con.execute(
        f"""
        select {", ".join(conditions)}
        from (
            select extra -> {path} as value, extra ->> {path} as {raw}
            from raw.{endpoint.name}
            where json_exists(extra, {path})
        )
        """
    ).fetchone()
    fitting = [kind for (kind, _), fit in zip(fits, row or (), strict=True) if fit]
    return fitting[0] if fitting else FieldType.TEXT


_OLD_COLUMN = '"the column before"'  # no field has a space in its name


def find_outdated_columns(
    con: duckdb.DuckDBPyConnection, endpoints: Iterable[Endpoint]
) -> list[tuple[Endpoint, str]]:
    """Return the fields whose column their endpoint's table lacks, or has in another type.

    None of a table that is not there yet.
    """
    held: dict[str, dict[str, str]] = {}
    found = "select table_name, column_name, data_type from duckdb_columns() where schema_name = ?"
    for table, column, kind in con.execute(found, ["raw"]).fetchall():
        held.setdefault(table, {})[column] = kind
    own = {endpoint: table_columns(endpoint) for endpoint in endpoints}
    kinds = sorted({kind for columns in own.values() for kind in columns.values()})
    names = con.execute(f"select {', '.join(f'typeof(null::{kind})' for kind in kinds)}").fetchone()
    spelled = dict(zip(kinds, names or (), strict=True))
    return [
        (endpoint, key)
        for endpoint, columns in own.items()
        for key, kind in columns.items()
        if endpoint.name in held and held[endpoint.name].get(key) != spelled[kind]
    ]


def add_column(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, key: str) -> None:
    """Make a field a column of its kind, and fill it; what does not fit is kept with the misfits.

    Each statement is a transaction of its own: work on a copy.
    """
    table, column = (
        f"raw.{endpoint.name}",
        f"{quote_identifier(key)} {table_columns(endpoint)[key]}",
    )
    had = _has_column(con, "raw", endpoint.name, key)
    if had:
        con.execute(f"alter table {table} rename column {quote_identifier(key)} to {_OLD_COLUMN}")
    con.execute(f"alter table {table} add column {column}")
    sources = match_spellings(key, {key, *list_extra_fields(con, endpoint)})
    _fill_column(con, endpoint, sources, had=had)
    con.execute(
        "delete from raw.fields where endpoint = ? and list_contains(?, field)",
        [endpoint.name, sources],
    )
    if had:
        con.execute(f"alter table {table} drop column {_OLD_COLUMN}")
    if _has_column(
        con, "raw_staging", endpoint.name, "id"
    ):  # where dlt puts rows before they are merged
        con.execute(
            f"alter table raw_staging.{endpoint.name} drop column if exists {quote_identifier(key)}"
        )
        con.execute(f"alter table raw_staging.{endpoint.name} add column {column}")


def list_extra_fields(con: duckdb.DuckDBPyConnection, endpoint: Endpoint) -> set[str]:
    """Return the names that stand in `extra` of any version."""
    found = con.execute(f"select distinct unnest(json_keys(extra)) from raw.{endpoint.name}")
    return {key for (key,) in found.fetchall()}


def _has_column(con: duckdb.DuckDBPyConnection, schema: str, table: str, column: str) -> bool:
    found = con.execute(
        "select 1 from duckdb_columns()"
        " where schema_name = ? and table_name = ? and column_name = ?",
        [schema, table, column],
    )
    return found.fetchone() is not None


def _fill_column(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, sources: Sequence[str], *, had: bool
) -> None:
    """Fill the column of the first of these spellings from the first that a row has."""
    table, key = f"raw.{endpoint.name}", sources[0]
    fit = fit_column(key, endpoint.fields.get(key) or endpoint.inner[key])
    column = quote_identifier(key)
    others = f"list_filter({_current_misfits()}, lambda each: each.field <> {quote_literal(key)})"
    con.execute(
        f"""
        create or replace temp table found as
        select
            place,
            {fit.value} as value,
            ({fit.misfits})::struct("field" varchar, "value" varchar)[] as odd,
            {fit.whole} as whole
        from (
            select rowid as place, {_raw_value(endpoint, sources, had=had)} as {column} from {table}
        )
        where {column} is not null
        """
    )
    con.execute(
        f"""
        update {table} as target set
            {column} = found.value,
            extra = nullif(
                json_merge_patch(coalesce(extra, '{{}}'), {_extra_patch(sources)})::varchar, '{{}}'
            ),
            misfits = nullif(to_json({others} || found.odd)::varchar, '[]')
        from found
        where target.rowid = found.place
        """
    )


def _raw_value(endpoint: Endpoint, sources: Sequence[str], *, had: bool) -> str:
    """Return the expression of the value as it came: where a column lost digits, `extra` has it."""
    key = sources[0]
    if key in endpoint.inner:
        return _first_spelling(sources, "->")
    is_this_field = f"lambda each: each.field = {quote_literal(key)}"
    misfit = f"list_filter({_current_misfits()}, {is_this_field})[1].value"
    before = f", {_OLD_COLUMN}::varchar" if had else ""
    return f"coalesce({_first_spelling(sources)}, {misfit}{before})"


def _first_spelling(sources: Sequence[str], arrow: str = "->>") -> str:
    paths = [f"extra {arrow} {_json_path(source)}" for source in sources]
    return f"coalesce({', '.join(paths)})"


def _extra_patch(sources: Sequence[str]) -> str:
    """Return the patch that takes out of `extra` what is in the column, but for a whole number."""
    key, *others = sources
    patch = [f"{quote_literal(key)}, found.whole"]
    patch += [
        f"{quote_literal(other)}, case when {_first_spelling(sources[:place])} is not null"
        f" then extra -> {_json_path(other)} end"
        for place, other in enumerate(others, 1)
    ]
    return f"json_object({', '.join(patch)})"


def _json_path(key: str) -> str:
    return quote_literal(f'$."{key}"')


def _current_misfits() -> str:
    return f"coalesce(from_json(misfits, '{MISFITS}'), [])"


def needs_migration(path: Path, endpoints: Mapping[str, Endpoint]) -> bool:
    """Tell whether a warehouse is of an older format, or has not just the endpoints' columns."""
    if not path.exists():
        return False
    with open_database(path, read_only=True) as con:
        return _read_format(con) < FORMAT or bool(find_outdated_columns(con, endpoints.values()))


def migrate_warehouse(path: Path, endpoints: Mapping[str, Endpoint]) -> None:
    """Make a copy of a warehouse one of our format, with a column for each field."""
    create_tables(path, tuple(endpoints.values()))
    with open_database(path) as con:
        for endpoint, key in find_outdated_columns(con, endpoints.values()):
            add_column(con, endpoint, key)
        if _read_format(con) < FORMAT:
            for endpoint in endpoints.values():
                _upgrade_from_1(con, endpoint)
        con.execute("update raw.p4books_format set format = ?", [FORMAT])
        stamp_change(con, time.time())


def _read_format(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute("select max(format) from raw.p4books_format").fetchone()
    return int(row[0]) if row else 0


def _upgrade_from_1(con: duckdb.DuckDBPyConnection, endpoint: Endpoint) -> None:
    """Note what format 1 did not: where it has rows, it has a whole copy of their list."""
    con.execute(
        f"""
        insert into raw.scans
        select '{endpoint.name}', null, null, 0
        where exists (from raw.{endpoint.name} where _dlt_valid_to is null)
        on conflict do nothing
        """
    )
    record_unknown_fields(con, endpoint, "true")


_PLAIN_NAME = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"  # what dlt, too, takes for a column's name as it is


@dataclass(frozen=True)
class AdoptedField:
    """A field that is a column now: how many of the versions have a value, and what misfits."""

    endpoint: str
    field: str
    kind: str
    versions: int
    values: int
    misfits: int


def adopt_field(settings: Settings, word: str, kind: str | None = None) -> AdoptedField:
    """Make a field of `extra` a column, in every version; no row makes a version by it.

    `word` is ENDPOINT.FIELD, `kind` one of `fields.KINDS` (default: what all its values fit); a
    field that was adopted before gets another kind by it. The next sync publishes it. Raises
    UsageError with nothing changed, and what a sync raises of a warehouse.
    """
    endpoint, field = _split_field(word)
    warehouse = settings.warehouse
    if not warehouse.exists():
        raise UsageError(
            f"Tenant {settings.tenant} has no warehouse yet; nothing was changed. "
            "Run `p4books sync` first."
        )
    with tenant_lock(settings), scratch_dir(settings.work) as folder:
        check_warehouse(warehouse)
        change = partial(_adopt_in_copy, name=endpoint, field=field, kind=kind)
        return change_warehouse(warehouse, folder, change)


def _split_field(word: str) -> tuple[str, str]:
    name, dot, field = word.partition(".")
    name = name.lower().replace("-", "_")
    if not dot or not field:
        raise UsageError(f"{word} is no ENDPOINT.FIELD, as customers.credit_days is.")
    return get_endpoint(name).name, field


def _adopt_in_copy(made: Path, name: str, field: str, kind: str | None) -> AdoptedField:
    """Adopt a field in a copy of the warehouse."""
    migrate_warehouse(made, load_endpoints(made))
    endpoint = load_endpoints(made)[name]
    with open_database(made) as con:
        field = (kind and _find_adopted(con, name, field)) or _resolve_field(con, endpoint, field)
        found = FIELD_TYPES[kind] if kind else infer_type(con, endpoint, field)
        chosen = found.name.lower()
        con.execute("insert or replace into raw.adopted values (?, ?, ?)", [name, field, chosen])
    merged = load_endpoints(made)[name]
    counts = f"""
        select count(*), count("{field}"), (
            select count(*) from raw.findings where endpoint = ? and field = ?)
        from raw.{name}
    """
    with open_database(made) as con:
        add_column(con, merged, field)
        versions, values, misfits = con.execute(counts, [name, field]).fetchone() or (0, 0, 0)
    if misfits and not values:
        raise UsageError(
            f"Not one of the {misfits:,} values of {name}.{field} is a {chosen}; "
            "nothing was changed."
        )
    return AdoptedField(name, field, chosen, versions, values, misfits)


def _find_adopted(con: duckdb.DuckDBPyConnection, name: str, field: str) -> str | None:
    """Return the field that was adopted before, and may get another kind."""
    rows = con.execute("select field from raw.adopted where endpoint = ?", [name]).fetchall()
    return next(iter(match_spellings(field, [own for (own,) in rows])), None)


def _resolve_field(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, field: str) -> str:
    """Return the field of `extra` that is meant, in whatever spelling; raises UsageError."""
    if own := match_spellings(field, endpoint.known):
        raise UsageError(f"{endpoint.name}.{own[0]} is a column already; nothing was changed.")
    there = sorted(list_extra_fields(con, endpoint) - endpoint.known)
    if not there:
        raise UsageError(
            f"P4 Books gives no field of {endpoint.name} that is not a column already; "
            "nothing was changed."
        )
    found = match_spellings(field, there)
    if not found:
        raise UsageError(describe_unknown(f"{endpoint.name} field", field, there))
    taken = {*table_columns(endpoint), *_published_names(con, endpoint)}
    if not re.fullmatch(_PLAIN_NAME, found[0]) or found[0] in taken:
        raise UsageError(
            f"{endpoint.name}.{found[0]} can't be a column: its name is not plain, or one of ours. "
            "It stays in `extra`; nothing was changed."
        )
    return found[0]


def _published_names(con: duckdb.DuckDBPyConnection, endpoint: Endpoint) -> list[str]:
    """Return the names that the list's own models give to columns."""
    columns = "select column_name from duckdb_columns() where schema_name = ? and table_name in ?"
    tables = [endpoint.name, f"{endpoint.name}_history"]
    found = con.execute(f"{columns} except {columns}", ["staging", tables, "raw", tables])
    return [column for (column,) in found.fetchall()]
