"""Which tables hold the rows?

One table per endpoint in the schema `raw` of the private warehouse, one row per version of a
record, made from the endpoint's own fields. dlt finds them made and only fills them, so that a
column that is always empty, or a list without rows, exists all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from p4books.database import connect
from p4books.endpoint import Endpoint, Kind
from p4books.errors import (
    DiskTrouble,
    P4BooksError,
    WarehouseDamaged,
    WarehouseOpen,
    WarehouseTooNew,
)

BATCH = 10_000  # rows that travel at a time: what is in memory of them at once
FORMAT = 2  # of the private warehouse; a higher one was made by a newer p4books
MISFITS = '[{"field": "VARCHAR", "value": "VARCHAR"}]'  # the shape of a row's misfits


def columns(endpoint: Endpoint) -> dict[str, str]:
    """Return the columns of an endpoint's table and their DuckDB types, in order.

    Beside the endpoint's own: `extra`, the fields we do not know, and the inner lists, as JSON
    text; `misfits`, the values that their column's type does not hold, as JSON text; `row_hash`
    over the whole record; `gone`, true only in the tombstones that tell dlt to close a row.
    """
    return {
        **{name: kind.value for name, kind in endpoint.fields.items()},
        **dict.fromkeys(endpoint.inner, Kind.TEXT.value),
        "extra": "varchar",
        "misfits": "varchar",
        "row_hash": "varchar",
        "gone": "boolean",
    }


def create(path: Path, endpoints: Sequence[Endpoint]) -> None:
    """Make the warehouse, or add what a new endpoint needs."""
    with connect(path) as con:
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
class Scanned:
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


NEVER = Scanned()


@dataclass(frozen=True)
class Held:
    """What the warehouse says of itself.

    `scans` of the endpoints of which it holds a whole copy; `stamp` changes whenever a version
    does.
    """

    scans: Mapping[str, Scanned] = field(default_factory=dict)
    stamp: str = ""


def held(path: Path) -> Held:
    """Read what a warehouse says of itself; nothing of one that is not there yet."""
    if not path.exists():
        return Held()
    with connect(path, read_only=True) as con:
        scans = con.execute("select endpoint, concluded, running, loaded from raw.scans").fetchall()
        stamp = con.execute("select max(stamp) from raw.stamp").fetchone()
    return Held(
        {name: Scanned(*scanned) for name, *scanned in scans},
        str(stamp[0] or "") if stamp else "",
    )


def stamp(con: duckdb.DuckDBPyConnection, at: float) -> None:
    """Note in a warehouse that it says something else, since an instant in seconds since 1970."""
    con.execute("delete from raw.stamp")
    con.execute("insert into raw.stamp values (?)", [f"{at:.6f}"])


@dataclass(frozen=True)
class Tally:
    """What is counted of one endpoint after a load.

    `findings` are the values that did not fit, in the versions it brought; `oldest` is when the row
    was seen that was not seen for longest, in seconds since 1970.
    """

    findings: int = 0
    oldest: float | None = None


NOTHING = Tally()


def tally(path: Path, since: float) -> dict[str, Tally]:
    """Count each endpoint of a warehouse, its versions valid from `since` (seconds since 1970)."""
    with connect(path, read_only=True) as con:
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
    return {name: Tally(findings, oldest) for name, findings, oldest in rows}


def doubt(path: Path) -> None:
    """Make sure that the warehouse can be read by us; one that is not there yet can.

    Raises WarehouseDamaged, WarehouseTooNew, WarehouseOpen and DiskTrouble.
    """
    if not path.exists():
        return
    try:
        with connect(path, read_only=True) as con:
            row = con.execute("select max(format) from raw.p4books_format").fetchone()
    except duckdb.Error as error:
        raise _said(path, str(error)) from None
    found = row[0] if row else None
    if not found or found < 1:
        raise WarehouseDamaged(path, "it names no format of ours")
    if found > FORMAT:
        raise WarehouseTooNew(path, found, FORMAT)


def _said(path: Path, text: str) -> P4BooksError:
    first = text.splitlines()[0].rstrip(".")
    if "Could not set lock" in text:
        return WarehouseOpen(path)
    if "Permission denied" in text:
        return DiskTrouble(path, "permission denied")
    if "newer version of DuckDB" in text or "newer DuckDB version" in text:
        return WarehouseTooNew(path, "of DuckDB's own", "an older one")
    return WarehouseDamaged(path, first)


def _ddl(endpoint: Endpoint) -> str:
    small = dict.fromkeys(endpoint.inner, " using compression zstd")  # nearly half the file
    own = ",\n    ".join(
        f'"{name}" {kind}{small.get(name, "")}' for name, kind in columns(endpoint).items()
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
