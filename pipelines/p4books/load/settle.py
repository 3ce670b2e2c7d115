"""What is settled once dlt is done?

The versions are counted against what was sent, and dated by when they were read, not by when dlt
got round to them; when each row was seen, which were missed, and which fields nobody knows, is
noted beside them.
"""

from datetime import UTC, datetime

import duckdb

from p4books.errors import LoadMismatch
from p4books.load import fields
from p4books.load.delta import Delta


def settle(
    con: duckdb.DuckDBPyConnection, made: duckdb.DuckDBPyConnection, delta: Delta, read_at: float
) -> None:
    """Settle one endpoint in the database of `made`; `con` is where its delta was taken.

    `read_at`, in seconds since 1970, is the instant from which its new versions are valid. Raises
    LoadMismatch where the versions in the warehouse are not those that were sent.
    """
    name = delta.endpoint.name
    _lend(con, made, "delta_", f"select id, row_hash, kind from delta_{name}")
    _lend(
        con,
        made,
        "active_",
        f"""
        select active.id, active.row_hash, active._dlt_valid_from
        from active_{name} as active
        join delta_{name} as delta on active.id = delta.id
        where delta.kind in ('changed', 'gone')
        """,
    )
    _lend(con, made, "seen_", f"select id, read_at from seen_{name}")
    _lend(con, made, "missed_", f"select id from missed_{name}")
    if delta.versions:
        _date(made, delta, _instant(con, name, read_at))
        _count_active(con, made, delta)
        changed = "select id from delta_ where kind in ('new', 'changed')"
        fields.note(made, delta.endpoint, f"_dlt_valid_to is null and id in ({changed})")
    _respell(made, name)
    _note(made, delta, datetime.fromtimestamp(read_at, UTC))


def _lend(
    con: duckdb.DuckDBPyConnection, made: duckdb.DuckDBPyConnection, name: str, query: str
) -> None:
    made.register(name, con.execute(query).to_arrow_table())


def _instant(con: duckdb.DuckDBPyConnection, name: str, read_at: float) -> datetime:
    """Return from when the versions are valid: never before those they follow."""
    at = datetime.fromtimestamp(read_at, UTC)
    row = con.execute(
        f"select greatest($at, max(_dlt_valid_from) + interval 1 microsecond) from active_{name}",
        {"at": at},
    ).fetchone()
    return row[0] if row else at


def _date(made: duckdb.DuckDBPyConnection, delta: Delta, at: datetime) -> None:
    table = f"raw.{delta.endpoint.name}"
    opened = made.execute(
        f"""
        update {table} as target set _dlt_valid_from = $at
        from delta_ as delta
        where target.id = delta.id and target._dlt_valid_to is null
            and delta.kind in ('new', 'changed') and target.row_hash = delta.row_hash
        """,
        {"at": at},
    ).fetchone()
    closed = made.execute(
        f"""
        update {table} as target set _dlt_valid_to = $at
        from active_ as active
        where target.id = active.id and target.row_hash = active.row_hash
            and target._dlt_valid_from = active._dlt_valid_from
            and target._dlt_valid_to is not null
        """,
        {"at": at},
    ).fetchone()
    for sent, found in (
        (delta.new + delta.changed, opened),
        (delta.changed + delta.gone, closed),
    ):
        if found is None or found[0] != sent:
            raise LoadMismatch(table, sent, found[0] if found else 0)


def _respell(made: duckdb.DuckDBPyConnection, name: str) -> None:
    """Note the hash of a new spelling, or by a new way of hashing, with the version it leaves."""
    made.execute(
        f"""
        update raw.{name} as target set row_hash = delta.row_hash
        from delta_ as delta
        where target.id = delta.id and target._dlt_valid_to is null and delta.kind = 'same'
        """
    )


def _count_active(
    con: duckdb.DuckDBPyConnection, made: duckdb.DuckDBPyConnection, delta: Delta
) -> None:
    """Doubt dlt once more: as many rows are active as were, and the new, without the gone."""
    name = delta.endpoint.name
    (before,) = con.execute(f"select count(*) from active_{name}").fetchone() or (0,)
    (after,) = made.execute(
        f"select count(*) from raw.{name} where _dlt_valid_to is null"
    ).fetchone() or (0,)
    wanted = before + delta.new - delta.gone
    if after != wanted:
        raise LoadMismatch(f"raw.{name}", wanted, after)


def _note(made: duckdb.DuckDBPyConnection, delta: Delta, at: datetime) -> None:
    name = delta.endpoint.name
    made.execute(  # since when its history is known: its first copy, be it without a row
        f"""
        insert or ignore into raw.history
        select '{name}', coalesce(min(_dlt_valid_from), $at) from raw.{name}
        """,
        {"at": at},
    )
    made.execute(
        f"""
        delete from raw.seen where endpoint = '{name}' and (
            id in (select id from seen_) or id in (select id from delta_ where kind = 'gone'));
        insert into raw.seen select '{name}', id, read_at from seen_;
        delete from raw.missed where endpoint = '{name}';
        insert into raw.missed select '{name}', id from missed_;
        """
    )
    scanned = delta.scanned
    made.execute(
        "insert or replace into raw.scans values (?, ?, ?, ?)",
        [name, scanned.concluded, scanned.running, scanned.loaded],
    )
