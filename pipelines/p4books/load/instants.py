"""Times in the warehouse that lie in the future, from a run whose clock was ahead."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.load.schema import stamp_change, stamp_migration
from p4books.load.warehouse import change_warehouse, correct_generation_times
from p4books.storage.database import borrow_reader, open_database

# Tables of the warehouse with times, beside those of the endpoints.
_COLUMNS = {"seen": ["verified_at"], "history": ["since"], "fields": ["first_seen_at"]}


def find_known_times(warehouse: Path, now: float) -> list[float]:
    """Return the newest time in a warehouse, and the newest that is not after `now`.

    Times are in seconds since 1970; there are none if the warehouse does not exist or has no rows.
    """
    if not warehouse.exists():
        return []
    with borrow_reader(warehouse) as con:
        newest = con.execute(
            "select epoch(max(instant)), epoch(max(instant) filter (where instant <= $now))"
            f" from ({_all_times()})",
            {"now": datetime.fromtimestamp(now, UTC)},
        ).fetchone()
    return [at for at in newest or () if at is not None]


def correct_future_times(
    warehouse: Path, scratch: Path, now: float, known_times: Sequence[float]
) -> str | None:
    """Move all times after `now` (seconds since 1970) to the past; return a note, None if none are.

    The newest becomes `now`, and the others keep their distance to it, but stay after the newest
    that was not in the future: so their order stays, and no version is lost. The run that had the
    right clock is not known; `now` is by when their rows were seen. `known_times` are those that
    `find_known_times` found. The warehouse before becomes a generation.
    """
    newest = max(known_times, default=now)
    correct_generation_times(warehouse, now)
    if newest <= now:
        return None
    moved = change_warehouse(warehouse, scratch, lambda copy: _move_times(copy, now))
    at = datetime.fromtimestamp(newest, UTC)
    return (
        f"The warehouse had times in the future, up to {at:%Y-%m-%d %H:%M:%S} UTC, from a run "
        f"whose clock was ahead: {moved:,} {'was' if moved == 1 else 'were'} moved to before this "
        "run, in their order. No row and no version is lost; the earlier warehouse is kept as a "
        "generation."
    )


def _move_times(copy: Path, now: float) -> int:
    """Move the times in a copy of a warehouse; return how many distinct ones."""
    with open_database(copy) as con:
        con.execute(
            f"""
            create temp table moved as
            with times as (select distinct instant from ({_all_times()})),
            bounds as (
                select
                    max(instant) as newest,
                    max(instant) filter (where instant <= $now) as last_right
                from times
            )
            select
                instant,
                greatest(
                    instant - (newest - $now::timestamptz),
                    last_right + to_microseconds(row_number() over (order by instant))
                ) as moved_to
            from times cross join bounds
            where instant > $now
            """,
            {"now": datetime.fromtimestamp(now, UTC)},
        )
        con.execute("begin")
        for table, column in _time_columns():
            con.execute(
                f"update raw.{table} as target set {column} = moved.moved_to"
                f" from moved where target.{column} = moved.instant"
            )
        for name in ENDPOINTS:
            _separate_versions(con, name)
        stamp_change(con, now)
        stamp_migration(con, now)
        con.execute("commit")
        (count,) = con.execute("select count(*) from moved").fetchone() or (0,)
    return int(count)


def _separate_versions(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Let a version begin when the one before it ended, if it began earlier.

    Versions end in the order in which they were loaded; the open one is the last.
    """
    con.execute(
        f"""
        update raw.{name} as target set _dlt_valid_from = pairs.ended_before
        from (
            select
                rowid as place,
                lag(_dlt_valid_to) over (
                    partition by id order by _dlt_valid_to nulls last, _dlt_valid_from
                ) as ended_before
            from raw.{name}
        ) as pairs
        where target.rowid = pairs.place and pairs.ended_before > target._dlt_valid_from
        """
    )


def _all_times() -> str:
    return " union all ".join(
        f"select {column} as instant from raw.{table}" for table, column in _time_columns()
    )


def _time_columns() -> Iterator[tuple[str, str]]:
    for name in ENDPOINTS:
        yield name, "_dlt_valid_from"
        yield name, "_dlt_valid_to"
    for table, columns in _COLUMNS.items():
        for column in columns:
            yield table, column
