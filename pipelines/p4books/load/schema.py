"""Tables and columns of the warehouse."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.storage.database import open_database, quote_literal

BATCH = 10_000  # rows that travel at a time: what is in memory of them at once
FORMAT = 2  # of the private warehouse; a higher one was made by a newer p4books
MISFITS = '[{"field": "VARCHAR", "value": "VARCHAR"}]'  # the shape of a row's misfits


def table_columns(endpoint: Endpoint) -> dict[str, str]:
    """Return the columns of an endpoint's table and their DuckDB types, in order.

    Beside the endpoint's own: `extra`, the fields we do not know, and the inner lists, as JSON
    text; `misfits`, the values that their column's type does not hold, as JSON text; `row_hash`
    over the whole record; `gone`, true only in the tombstones that tell dlt to close a row.
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
    """Make the warehouse, or add what a new endpoint needs."""
    with open_database(path) as con:
        con.execute("create schema if not exists raw")
        con.execute("create table if not exists raw.p4books_format (format integer not null)")
        con.execute(
            "insert into raw.p4books_format select ? where not exists (from raw.p4books_format)",
            [FORMAT],
        )
        con.execute(
            "create table if not exists raw.seen"
            " (endpoint varchar not null, id varchar not null, verified_at timestamptz not null)"
        )
        con.execute(
            "create table if not exists raw.missed (endpoint varchar not null, id varchar not null)"
        )
        con.execute(
            "create table if not exists raw.scans"
            " (endpoint varchar primary key, concluded varchar, running varchar, loaded integer)"
        )
        con.execute("create table if not exists raw.stamp (stamp varchar not null)")
        con.execute(
            "create table if not exists raw.history"
            " (endpoint varchar primary key, since timestamptz not null)"
        )
        con.execute(
            "create table if not exists raw.fields (endpoint varchar not null,"
            " field varchar not null, first_seen_at timestamptz, primary key (endpoint, field))"
        )
        con.execute(
            "create table if not exists raw.adopted (endpoint varchar not null,"
            " field varchar not null, kind varchar not null, primary key (endpoint, field))"
        )
        for endpoint in endpoints:
            con.execute(_ddl(endpoint))
        con.execute(_findings_ddl(endpoints))


@dataclass(frozen=True)
class ScanProgress:
    """How far the scans of one endpoint were taken in; scans are told by their identities.

    `concluded` came to its end; of `running` the first `loaded` pages are held. None: there was no
    such scan.
    """

    concluded: str | None = None
    running: str | None = None
    loaded: int = 0

    def loaded_of(self, identity: str) -> int:
        """Return how many pages of a scan are held, in the order of reading."""
        return self.loaded if self.running == identity else 0


NO_SCAN = ScanProgress()


@dataclass(frozen=True)
class WarehouseState:
    """What the warehouse says of itself.

    `scans` of the endpoints of which it holds a whole copy; `stamp` changes whenever a version
    does.
    """

    scans: Mapping[str, ScanProgress] = field(default_factory=dict)
    stamp: str = ""


def read_state(path: Path) -> WarehouseState:
    """Read what a warehouse says of itself; nothing of one that is not there yet."""
    if not path.exists():
        return WarehouseState()
    with open_database(path, read_only=True) as con:
        scans = con.execute("select endpoint, concluded, running, loaded from raw.scans").fetchall()
        stamp = con.execute("select max(stamp) from raw.stamp").fetchone()
    return WarehouseState(
        {name: ScanProgress(*scanned) for name, *scanned in scans},
        str(stamp[0] or "") if stamp else "",
    )


def stamp_change(con: duckdb.DuckDBPyConnection, at: float) -> None:
    """Note in a warehouse that it says something else, since an instant in seconds since 1970."""
    con.execute("delete from raw.stamp")
    con.execute("insert into raw.stamp values (?)", [f"{at:.6f}"])


@dataclass(frozen=True)
class VersionCounts:
    """What is counted of one endpoint after a load.

    `findings` are the values that did not fit, in the versions it brought; `oldest` is when the row
    was seen that was not seen for longest, in seconds since 1970.
    """

    findings: int = 0
    oldest: float | None = None


NO_VERSIONS = VersionCounts()


def count_versions(path: Path, since: float) -> dict[str, VersionCounts]:
    """Count each endpoint of a warehouse, its versions valid from `since` (seconds since 1970)."""
    with open_database(path, read_only=True) as con:
        rows = con.execute(
            """
            with found as (
                select endpoint, count(*) as findings
                from raw.findings
                where id is not null
                    and valid_to is null and valid_from >= make_timestamptz($micros)
                group by endpoint
            )
            select endpoint, coalesce(any_value(findings), 0), epoch(min(verified_at))
            from raw.seen
            left join found using (endpoint)
            group by endpoint
            """,
            {"micros": round(since * 1e6)},
        ).fetchall()
    return {name: VersionCounts(findings, oldest) for name, findings, oldest in rows}


def _ddl(endpoint: Endpoint) -> str:
    small = dict.fromkeys(endpoint.inner, " using compression zstd")  # nearly half the file
    own = ",\n    ".join(
        f'"{name}" {kind}{small.get(name, "")}' for name, kind in table_columns(endpoint).items()
    )
    return f"""
    create table if not exists raw.{endpoint.name} (
    {own},
    _dlt_valid_from timestamptz,
    _dlt_valid_to timestamptz)
    """


def _findings_ddl(endpoints: Sequence[Endpoint]) -> str:
    """One row per value that did not fit its column, in whichever version it stood.

    And one per field that no column holds, since it was first seen: without an id or a value.
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


FIELD_TYPES = {kind.name.lower(): kind for kind in FieldType}  # as a person says them


@dataclass(frozen=True)
class UnknownField:
    """A field that no column holds; `first_seen_at` is in UTC."""

    endpoint: str
    field: str
    first_seen_at: datetime


def load_endpoints(warehouse: Path) -> dict[str, Endpoint]:
    """Return every endpoint with its fields: those of its file, then those that were adopted.

    An endpoint without adopted fields is the registry's own. Call it once a run: what is kept for
    an endpoint is kept for this object.
    """
    merged = dict(ENDPOINTS)
    for name, key, kind in _select_if_present(warehouse, "adopted", "endpoint, field, kind"):
        if (endpoint := merged.get(name)) and not match_spellings(key, endpoint.known):
            merged[name] = replace(endpoint, fields={**endpoint.fields, key: FIELD_TYPES[kind]})
    return merged


def load_unknown_fields(warehouse: Path) -> list[UnknownField]:
    """Return the fields that stand in `extra`; of a warehouse that is not there yet, none."""
    return [
        UnknownField(*row)
        for row in _select_if_present(warehouse, "fields", "endpoint, field, first_seen_at")
    ]


def describe_new_fields(
    before: Collection[UnknownField], after: Iterable[UnknownField]
) -> list[str]:
    """Say of each field that is new that it is kept, and how it becomes a column."""
    known = {(each.endpoint, each.field) for each in before}
    return [
        f"{each.endpoint}: P4 Books gives a new field, {each.field}. It is kept in `extra`; "
        f"`p4books adopt {each.endpoint}.{each.field}` makes it a column."
        for each in after
        if (each.endpoint, each.field) not in known
    ]


def record_unknown_fields(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, rows: str) -> None:
    """Remember the fields in `extra` of these versions: a condition on the endpoint's table.

    A number with too many digits stands there under a name that we know, and is no new field.
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
    """Return the known names that are this field's, in whatever spelling; its own stands first."""
    squashed = field.replace("_", "").lower()
    found = (name for name in known if name.replace("_", "").lower() == squashed)
    return sorted(found, key=lambda name: (name != field, name))


def _select_if_present(warehouse: Path, table: str, columns: str) -> list[tuple[Any, ...]]:
    if not warehouse.exists():
        return []
    with open_database(warehouse, read_only=True) as con:
        try:
            return con.execute(f"select {columns} from raw.{table} order by all").fetchall()
        except duckdb.CatalogException:  # an older p4books made it, and knew no such table
            return []
