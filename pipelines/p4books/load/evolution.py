"""Schema evolution: migration of older warehouses and adoption of new fields."""

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from p4books.endpoints import ENDPOINTS, get_endpoint
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.errors import UsageError, describe_unknown
from p4books.home import hold_state, refresh_state
from p4books.load.books import check_not_lost
from p4books.load.normalize import fit_column
from p4books.load.schema import (
    FIELD_TYPES,
    FORMAT,
    MISFITS,
    UnknownField,
    WarehouseState,
    create_tables,
    list_tables,
    load_endpoints,
    match_spellings,
    read_state,
    record_unknown_fields,
    select_endpoints,
    select_state,
    select_unknown_fields,
    stamp_migration,
    table_columns,
)
from p4books.load.warehouse import change_warehouse, check_warehouse, open_checked, read_format
from p4books.settings import Settings
from p4books.spelling import canonical_id
from p4books.storage.database import borrow_reader, open_database, quote_identifier, quote_literal
from p4books.storage.files import scratch_dir

# What dlt, too, accepts as the name of a column without changing it.
_PLAIN_NAME = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
_OLD_COLUMN = '"the column before"'  # no field name contains a space


@dataclass(frozen=True)
class WarehouseContents:
    """Contents of a warehouse before a run: its state, its endpoints, its unknown fields."""

    state: WarehouseState
    endpoints: Mapping[str, Endpoint]
    unknown: Sequence[UnknownField]


@dataclass(frozen=True)
class AdoptedField:
    """An adopted field: how many of the versions have a value, and how many do not fit."""

    endpoint: str
    field: str
    kind: str
    versions: int
    values: int
    misfits: int


def open_warehouse(warehouse: Path, scratch: Path) -> WarehouseContents:
    """Check a warehouse, migrate it if it is older, and return its contents.

    A warehouse that does not exist yet is empty. Raises WarehouseDamaged, WarehouseTooNew,
    WarehouseOpen and DiskTrouble.
    """
    if not warehouse.exists():
        return WarehouseContents(WarehouseState(), dict(ENDPOINTS), ())
    with open_checked(warehouse) as con:
        endpoints, unknown = select_endpoints(con), select_unknown_fields(con)
        is_outdated = _is_outdated(con, endpoints)
        state = WarehouseState() if is_outdated else select_state(con)
    if is_outdated:
        change_warehouse(warehouse, scratch, lambda copy: migrate_warehouse(copy, endpoints))
        state = read_state(warehouse)
    return WarehouseContents(state, endpoints, unknown)


def adopt_field(
    settings: Settings,
    word: str,
    kind: str | None = None,
    list_reserved: Callable[[str], Collection[str]] = lambda _: (),
) -> AdoptedField:
    """Make a field of `extra` a column in every version, without making new versions.

    `word` is ENDPOINT.FIELD, `kind` one of FIELD_TYPES (default: inferred from the values); with
    it, the type of an adopted field can be changed. `list_reserved` returns the names of columns
    that models add to an endpoint's own. The next sync publishes the column. Raises
    UsageError with nothing changed, and the errors of `open_warehouse`.
    """
    endpoint, field = _split_field(word)
    warehouse = settings.warehouse
    refresh_state(settings)
    if not warehouse.exists():
        check_not_lost(settings)
        raise UsageError(
            f"Tenant {settings.tenant} has no warehouse yet. Nothing was changed. "
            "Run `p4books sync` first."
        )
    with hold_state(settings), scratch_dir(settings.work) as folder:
        check_warehouse(warehouse)
        reserved = list_reserved(endpoint)
        change = partial(_adopt_in_copy, name=endpoint, field=field, kind=kind, reserved=reserved)
        return change_warehouse(warehouse, folder, change)


def needs_migration(path: Path, endpoints: Mapping[str, Endpoint]) -> bool:
    """Return whether a warehouse has an older format, or other tables or columns than declared."""
    if not path.exists():
        return False
    with borrow_reader(path) as con:
        return _is_outdated(con, endpoints)


def migrate_warehouse(path: Path, endpoints: Mapping[str, Endpoint]) -> None:
    """Migrate a copy of a warehouse to the current format, with a column for each field."""
    create_tables(path, tuple(endpoints.values()))
    with open_database(path) as con:
        for endpoint, key in find_outdated_columns(con, endpoints.values()):
            add_column(con, endpoint, key)
        before = read_format(con)
        for endpoint in endpoints.values():
            if before < 2:
                _upgrade_from_1(con, endpoint)
            if before < 3:
                _upgrade_from_2(con, endpoint)
        con.execute("update raw.p4books_format set format = ?", [FORMAT])
        stamp_migration(con, time.time())


def find_outdated_columns(
    con: duckdb.DuckDBPyConnection, endpoints: Iterable[Endpoint]
) -> list[tuple[Endpoint, str]]:
    """Return the fields whose column is missing in their table, or has another type.

    Tables that do not exist yet are not outdated.
    """
    present = list_tables(con)
    declared = {each: table_columns(each) for each in endpoints if each.name in present}
    if not declared:
        return []
    select = "select '{0}', name, type from pragma_table_info('raw.{0}')"
    # `duckdb_columns()` reads all views, too, which takes ten times as long
    columns = con.execute(" union all ".join(select.format(each.name) for each in declared))
    existing = {(table, name): kind for table, name, kind in columns.fetchall()}
    kinds = sorted({kind for columns in declared.values() for kind in columns.values()})
    names = con.execute(f"select {', '.join(f'typeof(null::{kind})' for kind in kinds)}").fetchone()
    type_names = dict(zip(kinds, names or (), strict=True))
    return [
        (endpoint, key)
        for endpoint, columns in declared.items()
        for key, kind in columns.items()
        if existing.get((endpoint.name, key)) != type_names[kind]
    ]


def _is_outdated(con: duckdb.DuckDBPyConnection, endpoints: Mapping[str, Endpoint]) -> bool:
    if endpoints.keys() - list_tables(con) or read_format(con) < FORMAT:
        return True
    return bool(find_outdated_columns(con, endpoints.values()))


def add_column(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, key: str) -> None:
    """Make a field a column of its type and fill it; what does not fit goes to the misfits.

    Each statement is its own transaction: use it on a copy.
    """
    table = f"raw.{endpoint.name}"
    column = f"{quote_identifier(key)} {table_columns(endpoint)[key]}"
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
    # dlt loads rows into this schema before it merges them.
    if _has_column(con, "raw_staging", endpoint.name, "id"):
        con.execute(
            f"alter table raw_staging.{endpoint.name} drop column if exists {quote_identifier(key)}"
        )
        con.execute(f"alter table raw_staging.{endpoint.name} add column {column}")


def list_extra_fields(con: duckdb.DuckDBPyConnection, endpoint: Endpoint) -> set[str]:
    """Return the field names in `extra` of any version."""
    rows = con.execute(f"select distinct unnest(json_keys(extra)) from raw.{endpoint.name}")
    return {key for (key,) in rows.fetchall()}


def infer_type(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, field: str) -> FieldType:
    """Return a type that fits every value of a field in `extra`, text if no other does.

    An id is text, even if all its values are numbers.
    """
    if field.endswith("_id"):
        return FieldType.TEXT
    raw = quote_identifier(field)
    patterns = {
        FieldType.MEASURE: "json_type(value) in ('UBIGINT', 'BIGINT', 'HUGEINT', 'DOUBLE')",
        FieldType.DAY: rf"regexp_full_match({raw}, '\s*\d{{4}}-\d\d-\d\d\s*')",
        FieldType.INSTANT: rf"regexp_matches({raw}, '^\s*\d{{4}}-\d\d-\d\d[T ]')",
    }
    fits = [(kind, fit_column(field, kind)) for kind in patterns]
    conditions = [
        f"bool_and({patterns[kind]} and {fit.value} is not null and len({fit.misfits}) = 0)"
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


def _has_column(con: duckdb.DuckDBPyConnection, schema: str, table: str, column: str) -> bool:
    row = con.execute(
        "select 1 from duckdb_columns()"
        " where schema_name = ? and table_name = ? and column_name = ?",
        [schema, table, column],
    ).fetchone()
    return row is not None


def _fill_column(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, sources: Sequence[str], *, had: bool
) -> None:
    """Fill the column named by the first spelling from the first one that a row has."""
    table, key = f"raw.{endpoint.name}", sources[0]
    fit = fit_column(key, endpoint.fields.get(key) or endpoint.inner[key])
    column = quote_identifier(key)
    others = (
        f"list_filter({_current_misfits()}, lambda misfit: misfit.field <> {quote_literal(key)})"
    )
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
    """Return the expression of the value as it came; `extra` has the digits a column lost."""
    key = sources[0]
    if key in endpoint.inner:
        return _first_spelling(sources, "->")
    is_this_field = f"lambda misfit: misfit.field = {quote_literal(key)}"
    old_misfit = f"list_filter({_current_misfits()}, {is_this_field})[1].value"
    before = f", {_OLD_COLUMN}::varchar" if had else ""
    return f"coalesce({_first_spelling(sources)}, {old_misfit}{before})"


def _first_spelling(sources: Sequence[str], arrow: str = "->>") -> str:
    paths = [f"extra {arrow} {_json_path(source)}" for source in sources]
    return f"coalesce({', '.join(paths)})"


def _extra_patch(sources: Sequence[str]) -> str:
    """Return the patch that removes the field from `extra`, unless the column lost digits."""
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


def _upgrade_from_1(con: duckdb.DuckDBPyConnection, endpoint: Endpoint) -> None:
    """Record what format 1 did not: a list with rows has a complete copy."""
    con.execute(
        f"""
        insert into raw.scans
        select '{endpoint.name}', null, null, 0
        where exists (from raw.{endpoint.name} where _dlt_valid_to is null)
        on conflict do nothing
        """
    )
    record_unknown_fields(con, endpoint, "true")


def _upgrade_from_2(con: duckdb.DuckDBPyConnection, endpoint: Endpoint) -> None:
    """Give the ids the one spelling that format 3 has, unless another record has it already."""
    found = con.execute(
        f"select distinct id from raw.{endpoint.name} where not regexp_full_match(id, '[0-9a-z-]+')"
    ).fetchall()
    spelled = {id_: canonical_id(id_) for (id_,) in found}
    renamed = [[id_, new] for id_, new in spelled.items() if new != id_]
    if not renamed:
        return
    con.execute("create or replace temp table renamed (id varchar, new varchar)")
    con.executemany("insert into renamed values (?, ?)", renamed)
    con.execute(
        f"delete from renamed where new in (select id from raw.{endpoint.name})"
        " or new in (select new from renamed group by new having count(*) > 1)"
    )
    own = f"and endpoint = {quote_literal(endpoint.name)}"
    for table, where in ((endpoint.name, ""), ("seen", own), ("missed", own)):
        con.execute(
            f"update raw.{table} as held set id = renamed.new from renamed"
            f" where held.id = renamed.id {where}"
        )


def _split_field(word: str) -> tuple[str, str]:
    name, dot, field = word.partition(".")
    name = name.lower().replace("-", "_")
    if not dot or not field:
        raise UsageError(
            f"'{word}' is not of the form ENDPOINT.FIELD, such as customers.credit_days. "
            "Nothing was changed."
        )
    return get_endpoint(name).name, field


def _adopt_in_copy(
    copy: Path, name: str, field: str, kind: str | None, reserved: Collection[str]
) -> AdoptedField:
    """Adopt a field in a copy of the warehouse."""
    migrate_warehouse(copy, load_endpoints(copy))
    endpoint = load_endpoints(copy)[name]
    with open_database(copy) as con:
        field = (kind and _find_adopted(con, name, field)) or _resolve_field(
            con, endpoint, field, reserved
        )
        chosen = FIELD_TYPES[kind] if kind else infer_type(con, endpoint, field)
        type_name = chosen.name.lower()
        con.execute("insert or replace into raw.adopted values (?, ?, ?)", [name, field, type_name])
    merged = load_endpoints(copy)[name]
    counts = f"""
        select count(*), count("{field}"), (
            select count(*) from raw.findings where endpoint = ? and field = ?)
        from raw.{name}
    """
    with open_database(copy) as con:
        add_column(con, merged, field)
        versions, values, misfits = con.execute(counts, [name, field]).fetchone() or (0, 0, 0)
    if misfits and not values:
        raise UsageError(
            f"None of the {misfits:,} values of {name}.{field} fits the type {type_name}. "
            "Nothing was changed. Choose another type."
        )
    return AdoptedField(name, field, type_name, versions, values, misfits)


def _find_adopted(con: duckdb.DuckDBPyConnection, name: str, field: str) -> str | None:
    """Return the adopted field that matches a name; None if there is none."""
    rows = con.execute("select field from raw.adopted where endpoint = ?", [name]).fetchall()
    return next(iter(match_spellings(field, [own for (own,) in rows])), None)


def _resolve_field(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, field: str, reserved: Collection[str]
) -> str:
    """Return the field of `extra` that matches a name in any spelling. Raises UsageError."""
    if own := match_spellings(field, endpoint.known):
        raise UsageError(f"{endpoint.name}.{own[0]} is already a column. Nothing was changed.")
    unknown = sorted(list_extra_fields(con, endpoint) - endpoint.known)
    if not unknown:
        raise UsageError(
            f"All fields that P4 Books returns for {endpoint.name} are already columns. "
            "Nothing was changed."
        )
    matches = match_spellings(field, unknown)
    if not matches:
        raise UsageError(describe_unknown(f"{endpoint.name} field", field, unknown))
    taken = {*table_columns(endpoint), *reserved}
    if not re.fullmatch(_PLAIN_NAME, matches[0]) or matches[0] in taken:
        raise UsageError(
            f"{endpoint.name}.{matches[0]} can't be a column: its name is reserved or has unusual "
            "characters. It stays in `extra`; nothing was changed."
        )
    return matches[0]
