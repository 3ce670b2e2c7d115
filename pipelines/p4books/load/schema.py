"""Tables and columns of the warehouse."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.errors import list_some
from p4books.storage.database import borrow_reader, open_database, quote_literal

BATCH = 10_000  # rows in memory at a time
FORMAT = 3  # of the private warehouse; a higher one was written by a newer p4books
FIELD_TYPES = {kind.name.lower(): kind for kind in FieldType}  # by the names that users type
MISFITS = '[{"field": "VARCHAR", "value": "VARCHAR"}]'  # the shape of a row's misfits

_TABLES = {  # beside those of the endpoints: their columns
    "p4books_format": "format integer not null",
    "seen": "endpoint varchar not null, id varchar not null, verified_at timestamptz not null",
    "missed": "endpoint varchar not null, id varchar not null",
    "scans": "endpoint varchar primary key, concluded varchar, running varchar, loaded integer",
    "tallies": "endpoint varchar primary key, scan varchar, held integer, missed integer,"
    " arrived integer, met integer, compared integer, recoded integer, replaced integer",
    "stamp": "stamp varchar not null",
    "origins": "place integer primary key, address varchar not null, run integer not null",
    "history": "endpoint varchar primary key, since timestamptz not null",
    "fields": "endpoint varchar not null, field varchar not null, first_seen_at timestamptz,"
    " primary key (endpoint, field)",
    "adopted": "endpoint varchar not null, field varchar not null, kind varchar not null,"
    " primary key (endpoint, field)",
}


def table_columns(endpoint: Endpoint) -> dict[str, str]:
    """Return the columns of an endpoint's table and their DuckDB types, in order.

    Beside the endpoint's own fields: the inner lists and `extra`, the unknown fields, as JSON text;
    `misfits`, the values that do not fit their column's type, as JSON text; `row_hash` over the
    whole record; `gone`, true only in the tombstones that make dlt close a row.
    """
    return {
        **{name: kind.value for name, kind in endpoint.fields.items()},
        **dict.fromkeys(endpoint.inner, FieldType.TEXT.value),
        "extra": "varchar",
        "misfits": "varchar",
        "row_hash": "varchar",
        "gone": "boolean",
    }


def create_tables(path: Path, endpoints: Sequence[Endpoint]) -> None:
    """Create the warehouse, or add what a new endpoint needs."""
    with open_database(path) as con:
        add_tables(con, endpoints)


def add_tables(con: duckdb.DuckDBPyConnection, endpoints: Sequence[Endpoint]) -> None:
    """Add the tables that a warehouse lacks."""
    con.execute("create schema if not exists raw")
    for schema in ("staging", "core", "reporting"):  # views of an earlier version
        con.execute(f"drop schema if exists {schema} cascade")
    declared = _TABLES | {endpoint.name: _declare_columns(endpoint) for endpoint in endpoints}
    present = list_tables(con)
    for name, columns in declared.items():
        if name not in present:
            con.execute(f"create table raw.{name} ({columns})")
    con.execute(
        "insert into raw.p4books_format select ? where not exists (from raw.p4books_format)",
        [FORMAT],
    )
    con.execute(_findings_ddl(endpoints))


def list_tables(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the tables of a warehouse."""
    tables = con.execute(
        "select table_name from duckdb_tables()"
        " where schema_name = 'raw' and database_name = current_database()"
    ).fetchall()
    return {name for (name,) in tables}


@dataclass(frozen=True)
class ScanTally:
    """What the pages of one scan showed, over all its runs.

    Before it there were `held` active rows, of which `missed` were missing from the scan before.
    Of its rows, `arrived` were not there and `met` were. Of the rows read again whose identity is
    final, `compared`, `recoded` had another value in a field of their identity and `replaced` in
    all of them.
    """

    held: int = 0
    missed: int = 0
    arrived: int = 0
    met: int = 0
    compared: int = 0
    recoded: int = 0
    replaced: int = 0


@dataclass(frozen=True)
class ScanProgress:
    """How far the scans of one endpoint are loaded; scans are named by their identities.

    `concluded` reached its end; of `running` the first `loaded` pages are loaded, and `tally` is
    what they showed, None if an earlier version loaded them. None means that there is no such scan.
    """

    concluded: str | None = None
    running: str | None = None
    loaded: int = 0
    tally: ScanTally | None = None

    def loaded_of(self, identity: str) -> int:
        """Return how many pages of a scan are loaded, in the order of reading."""
        return self.loaded if self.running == identity else 0

    def tally_of(self, identity: str) -> ScanTally | None:
        """Return what the loaded pages of a scan showed, if that is known."""
        return self.tally if self.running == identity else None


NO_SCAN = ScanProgress()


@dataclass(frozen=True)
class WarehouseState:
    """State of the warehouse.

    `scans` of the endpoints with a complete copy; `stamp` changes whenever a version does.
    `addresses` are those that the books were read from, the latest one last; `run` is the number of
    the last run that loaded; both are unknown in a warehouse of an earlier version. An earlier
    version also leaves `run` as it is when it loads.
    """

    scans: Mapping[str, ScanProgress] = field(default_factory=dict)
    stamp: str = ""
    addresses: Sequence[str] = ()
    run: int | None = None

    def was_changed_at(self, times: Iterable[float]) -> bool:
        """Return whether one of these times (seconds since 1970) is that of the last change."""
        return self.stamp.split(" ")[0] in {_format_stamp(at) for at in times}


@dataclass(frozen=True)
class Origin:
    """Where the rows of a load come from: the address, normalized, and the number of the run."""

    address: str
    run: int


def read_state(path: Path) -> WarehouseState:
    """Read the state of a warehouse; that of one that does not exist yet is empty."""
    if not path.exists():
        return WarehouseState()
    with borrow_reader(path) as con:
        return select_state(con)


def read_stamp(path: Path) -> str:
    """Read the stamp of a warehouse, as in its state."""
    with borrow_reader(path) as con:
        return select_stamp(con)


def select_state(con: duckdb.DuckDBPyConnection) -> WarehouseState:
    """Return the state of an open warehouse."""
    scans = con.execute("select endpoint, concluded, running, loaded from raw.scans").fetchall()
    tallies, origins = _select_tallies(con), _select_origins(con)
    return WarehouseState(
        {
            name: ScanProgress(concluded, running, loaded, tallies.get((name, running)))
            for name, concluded, running, loaded in scans
        },
        select_stamp(con),
        tuple(origin.address for origin in origins),
        origins[-1].run if origins else None,
    )


def load_origins(path: Path) -> list[Origin]:
    """Return where the rows of a warehouse were read from, and by which runs, the last one last."""
    if not path.exists():
        return []
    with borrow_reader(path) as con:
        return _select_origins(con)


def record_origin(con: duckdb.DuckDBPyConnection, origin: Origin) -> None:
    """Record where the rows of a load come from."""
    last = con.execute("select place, address from raw.origins order by place desc limit 1")
    place, before = last.fetchone() or (0, None)
    place += before != origin.address
    values = [place, origin.address, origin.run]
    con.execute("insert or replace into raw.origins values (?, ?, ?)", values)


def record_progress(con: duckdb.DuckDBPyConnection, scans: Mapping[str, ScanProgress]) -> None:
    """Record how far the scans of endpoints are loaded, by name, and what they showed."""
    rows = [(name, each.concluded, each.running, each.loaded) for name, each in scans.items()]
    _insert_rows(con, "insert or replace into raw.scans", rows)
    con.execute("delete from raw.tallies where list_contains(?, endpoint)", [list(scans)])
    tallies = [
        (name, each.running, *astuple(each.tally)) for name, each in scans.items() if each.tally
    ]
    _insert_rows(con, "insert into raw.tallies", tallies)


def _insert_rows(
    con: duckdb.DuckDBPyConnection, insert: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows at once: one by one each would take 3 ms."""
    if rows:
        marks = ", ".join(f"({', '.join('?' * len(row))})" for row in rows)
        con.execute(f"{insert} values {marks}", [value for row in rows for value in row])


def stamp_change(con: duckdb.DuckDBPyConnection, at: float) -> None:
    """Record that versions were added or ended, at a time in seconds since 1970."""
    _, _, migrated_at = select_stamp(con).partition(" ")
    _write_stamp(con, f"{_format_stamp(at)} {migrated_at}")


def stamp_migration(con: duckdb.DuckDBPyConnection, at: float) -> None:
    """Record that columns or versions became others; the time of the last change stays.

    `at` is in seconds since 1970.
    """
    changed_at, _, _ = select_stamp(con).partition(" ")
    _write_stamp(con, f"{changed_at or _format_stamp(0)} {_format_stamp(at)}")


def select_stamp(con: duckdb.DuckDBPyConnection) -> str:
    """Return the stamp of an open warehouse; empty if it never changed."""
    row = con.execute("select max(stamp) from raw.stamp").fetchone()
    return (row and row[0]) or ""


def _write_stamp(con: duckdb.DuckDBPyConnection, stamp: str) -> None:
    con.execute("delete from raw.stamp")
    con.execute("insert into raw.stamp values (?)", [stamp.strip()])


@dataclass(frozen=True)
class VersionCounts:
    """Counts of one endpoint after a load.

    `findings` are the values that did not fit, in the versions of this load; `oldest` is the oldest
    time at which a row was last seen, in seconds since 1970.
    """

    findings: int = 0
    oldest: float | None = None


NO_VERSIONS = VersionCounts()


def count_versions(con: duckdb.DuckDBPyConnection, since: float) -> dict[str, VersionCounts]:
    """Count by endpoint the findings in versions valid from `since` (seconds since 1970)."""
    rows = con.execute(
        """
        with counted as (
            select endpoint, count(*) as findings
            from raw.findings
            where id is not null
                and valid_to is null and valid_from >= make_timestamptz($micros)
            group by endpoint
        )
        select endpoint, coalesce(any_value(findings), 0), epoch(min(verified_at))
        from raw.seen
        left join counted using (endpoint)
        group by endpoint
        """,
        {"micros": round(since * 1e6)},
    ).fetchall()
    return {name: VersionCounts(findings, oldest) for name, findings, oldest in rows}


def _format_stamp(at: float) -> str:
    return f"{at:.6f}"


def _declare_columns(endpoint: Endpoint) -> str:
    compression = dict.fromkeys(endpoint.inner, " using compression zstd")  # nearly half the file
    own = "".join(
        f'"{name}" {kind}{compression.get(name, "")}, '
        for name, kind in table_columns(endpoint).items()
    )
    return f"{own}_dlt_valid_from timestamptz, _dlt_valid_to timestamptz"


def _findings_ddl(endpoints: Sequence[Endpoint]) -> str:
    """Return the view with one row per value that did not fit its column, in any version.

    Unknown fields are in it, too, since they were first seen, without an id or a value.
    """
    parts = "\nunion all\n".join(
        f"""
        select
            '{endpoint.name}' as endpoint,
            id,
            unnest(from_json(misfits, '{MISFITS}'), recursive := true),
            _dlt_valid_from as valid_from,
            _dlt_valid_to as valid_to
        from raw.{endpoint.name}
        where misfits is not null"""
        for endpoint in endpoints
    )
    return f"""
    create or replace view raw.findings as {parts}
    union all
    select endpoint, null, field, null, first_seen_at, null from raw.fields
    """


@dataclass(frozen=True)
class UnknownField:
    """A field without a column; `first_seen_at` is in UTC."""

    endpoint: str
    field: str
    first_seen_at: datetime


def load_endpoints(warehouse: Path) -> dict[str, Endpoint]:
    """Return every endpoint with its fields: those of its file, then the adopted ones.

    An endpoint without adopted fields is the object in the registry. Call this once per run:
    endpoints are compared by identity.
    """
    if not warehouse.exists():
        return dict(ENDPOINTS)
    with borrow_reader(warehouse) as con:
        return select_endpoints(con)


def select_endpoints(con: duckdb.DuckDBPyConnection) -> dict[str, Endpoint]:
    """Return every endpoint as `load_endpoints` does, from an open warehouse."""
    merged = dict(ENDPOINTS)
    for name, key, kind in _select_if_present(con, "adopted", "endpoint, field, kind"):
        if (endpoint := merged.get(name)) and not match_spellings(key, endpoint.known):
            merged[name] = replace(
                endpoint,
                fields={**endpoint.fields, key: FIELD_TYPES[kind]},
                adopted=endpoint.adopted | {key},
            )
    return merged


def load_unknown_fields(warehouse: Path) -> list[UnknownField]:
    """Return the fields that are in `extra` only; none if the warehouse does not exist yet."""
    if not warehouse.exists():
        return []
    with borrow_reader(warehouse) as con:
        return select_unknown_fields(con)


def select_unknown_fields(con: duckdb.DuckDBPyConnection) -> list[UnknownField]:
    """Return the fields that are in `extra` only, from an open warehouse."""
    columns = "endpoint, field, first_seen_at"
    return [UnknownField(*row) for row in _select_if_present(con, "fields", columns)]


def describe_new_fields(
    before: Collection[UnknownField], after: Iterable[UnknownField]
) -> list[str]:
    """Return a note on new fields, if any: they are kept, and how to make one a column."""
    known = {(field.endpoint, field.field) for field in before}
    new = [
        f"{field.endpoint}.{field.field}"
        for field in after
        if (field.endpoint, field.field) not in known
    ]
    if not new:
        return []
    note = (
        f"P4 Books returns {len(new):,} new fields: {list_some(new)}. They are kept in `extra`; "
        "run `p4books adopt ENDPOINT.FIELD` to make one a column."
    )
    if len(new) == 1:
        note = (
            f"P4 Books returns a new field, {new[0]}. It is kept in `extra`; run `p4books adopt "
            f"{new[0]}` to make it a column."
        )
    return [note]


def record_unknown_fields(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, rows: str) -> None:
    """Record the unknown fields in `extra` of the versions that meet the condition `rows`.

    A number with too many digits is in `extra` under a known name, and is not a new field.
    """
    known = ", ".join(quote_literal(key) for key in endpoint.known)
    con.execute(
        f"""
        insert into raw.fields
        select '{endpoint.name}', field, min(since)
        from (
            select unnest(json_keys(extra)) as field, _dlt_valid_from as since
            from raw.{endpoint.name}
            where extra is not null and {rows}
        )
        where field not in ({known})
        group by field
        on conflict do nothing
        """
    )


def match_spellings(field: str, known: Iterable[str]) -> list[str]:
    """Return the known names that match a field in any spelling, the exact one first."""
    squashed = field.replace("_", "").lower()
    matches = (name for name in known if name.replace("_", "").lower() == squashed)
    return sorted(matches, key=lambda name: (name != field, name))


def _select_tallies(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], ScanTally]:
    """Return what the running scans showed, by endpoint and scan."""
    try:
        rows = con.execute("from raw.tallies").fetchall()
    except duckdb.CatalogException:  # written by an older p4books
        return {}
    return {(name, scan): ScanTally(*counts) for name, scan, *counts in rows}


def _select_origins(con: duckdb.DuckDBPyConnection) -> list[Origin]:
    try:
        rows = con.execute("select address, run from raw.origins order by place").fetchall()
    except duckdb.CatalogException:  # written by an older p4books
        return []
    return [Origin(*row) for row in rows]


def _select_if_present(
    con: duckdb.DuckDBPyConnection, table: str, columns: str
) -> list[tuple[Any, ...]]:
    try:
        return con.execute(f"select {columns} from raw.{table} order by all").fetchall()
    except duckdb.CatalogException:  # written by an older p4books, without this table
        return []
