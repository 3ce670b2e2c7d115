"""Snapshots, sizes and place of a tenant's lake, as the catalog has them, without DuckDB."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, LiteralString

from p4books.lake.errors import LEFT_READING, LakeForbidden, LakeMissing
from p4books.storage.lake_place import LakePlace
from p4books.storage.postgres import connect_postgres

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class SnapshotInfo:
    """One snapshot: when it was written, by which run, as of which day, and what it changed.

    `run` and `as_of_on` are None of what no run wrote; `changed` are names of tables and views.
    """

    number: int
    written_at: datetime
    message: str
    run: int | None = None
    as_of_on: str | None = None
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class LakeSize:
    """How large a lake is: its snapshots, its files in the storage, and bytes in both places."""

    snapshots: int
    files: int
    file_bytes: int
    catalog_bytes: int


def load_last_number(place: LakePlace, left: str = LEFT_READING) -> int | None:
    """Load the number of the last snapshot; None if there is no lake yet.

    `left` says what is unchanged if Postgres cannot be reached. Raises PostgresTrouble, and
    LakeForbidden if the user of the catalog may not read it.
    """
    with connect_postgres(place.catalog, left) as connection:
        if not _has_lake(connection, place):
            return None
        (number,) = _query(connection, place, "select max(snapshot_id) from {schema}.{snapshot}")[0]
    return int(number)


def load_data_path(place: LakePlace, left: str) -> str | None:
    """Load where the catalog says that the files of a lake that exists are.

    Raises PostgresTrouble.
    """
    with connect_postgres(place.catalog, left) as connection:
        rows = _query(
            connection,
            place,
            "select value from {schema}.{metadata} where key = 'data_path' and scope is null",
        )
    return str(rows[0][0]) if rows else None


def move_empty_lake(place: LakePlace, left: str) -> None:
    """Tell the catalog where the files of a lake will be, unless it has had a table or a file.

    A transaction that writes its first snapshot into the old place meanwhile is waited for, and
    then nothing is changed. Raises PostgresTrouble.
    """
    with connect_postgres(place.catalog, left, autocommit=False) as connection:
        _execute(connection, place, "lock table {schema}.{snapshot} in access exclusive mode")
        _execute(
            connection,
            place,
            "update {schema}.{metadata} set value = %s where key = 'data_path' and scope is null"
            " and (select max(snapshot_id) from {schema}.{snapshot}) = 0"
            " and not exists (select from {schema}.{tables})"
            " and not exists (select from {schema}.{data})",
            place.data,
        )


def load_server_time(place: LakePlace) -> datetime:
    """Return the time by the clock of the catalog's server. Raises PostgresTrouble."""
    with connect_postgres(place.catalog, LEFT_READING) as connection:
        row = connection.execute("select now()").fetchone()
    return row[0] if row else datetime.now(UTC)


def list_snapshots(place: LakePlace, last: int | None = None) -> list[SnapshotInfo]:
    """List the last snapshots, or all if `last` is None, the newest first.

    Raises LakeMissing if there is no lake yet, and PostgresTrouble.
    """
    with _open_lake_catalog(place) as connection:
        rows = _query(
            connection,
            place,
            "select snapshot_id, snapshot_time, commit_message, commit_extra_info"
            " from {schema}.{snapshot} left join {schema}.{changes} using (snapshot_id)"
            " order by snapshot_id desc limit %s",
            last,
        )
    return [_build_snapshot(*row) for row in rows]


def measure_lake(place: LakePlace) -> LakeSize:
    """Measure a lake, with what earlier snapshots need and what upkeep has not deleted yet.

    Raises LakeMissing if there is no lake yet, and PostgresTrouble.
    """
    with _open_lake_catalog(place) as connection:
        ((snapshots, files, size, catalog),) = _query(
            connection,
            place,
            "select (select count(*) from {schema}.{snapshot}), count(*),"
            " coalesce(sum(file_size_bytes), 0)::bigint,"
            " (select sum(pg_total_relation_size(pg_class.oid))::bigint from pg_class"
            " join pg_namespace on pg_namespace.oid = relnamespace"
            " where nspname = %s and relkind = 'r')"
            " from (select file_size_bytes from {schema}.{data} union all"
            " select file_size_bytes from {schema}.{deletes}) as files",
            place.schema,
        )
    return LakeSize(snapshots, files, size, catalog)


def list_crowded_tables(place: LakePlace, most: int) -> list[tuple[str, str]]:
    """List the tables, as layer and name, whose rows are in more than `most` files.

    Raises LakeMissing if there is no lake yet, and PostgresTrouble.
    """
    with _open_lake_catalog(place) as connection:
        rows = _query(
            connection,
            place,
            "select schema_name, table_name from {schema}.{data} as files"
            " join {schema}.{tables} as tables on tables.table_id = files.table_id"
            " and tables.end_snapshot is null"
            " join {schema}.{schemas} as schemas on schemas.schema_id = tables.schema_id"
            " and schemas.end_snapshot is null where files.end_snapshot is null"
            " group by schema_name, table_name having count(*) > %s order by 1, 2",
            most,
        )
    return [(layer, name) for layer, name in rows]


@contextmanager
def _open_lake_catalog(place: LakePlace) -> "Iterator[psycopg.Connection]":
    """Open the catalog of a lake that exists.

    Raises LakeMissing, LakeForbidden and PostgresTrouble.
    """
    with connect_postgres(place.catalog, LEFT_READING) as connection:
        if not _has_lake(connection, place):
            raise LakeMissing(place.tenant)
        yield connection


def _has_lake(connection: "psycopg.Connection", place: LakePlace) -> bool:
    """Return whether there is a lake. Raises LakeForbidden if its catalog may not be read."""
    found = connection.execute(
        "select has_schema_privilege(pg_namespace.oid, 'usage')"
        " and bool_and(has_table_privilege(pg_class.oid, 'select')), current_user::text,"
        " min(pg_get_userbyid(relowner)::text) from pg_namespace"
        " join pg_class on relnamespace = pg_namespace.oid and relkind = 'r'"
        r" and relname ~ '^ducklake_' and relname !~ '_\d+$'"  # of each table, once it has rows
        " where nspname = %s group by pg_namespace.oid"
        " having bool_or(relname = 'ducklake_snapshot')",
        [place.schema],
    ).fetchone()
    if found and not found[0]:
        raise LakeForbidden(place.tenant, found[1], _describe_grants(place, *found[1:]))
    return found is not None


def _describe_grants(place: LakePlace, reader: str, owner: str) -> str:
    """Return the statements by which a reader gets the rights, as lake/README.md has them."""
    from p4books.storage.database import quote_identifier  # noqa: PLC0415 - DuckDB, for an error

    schema, role = quote_identifier(place.schema), quote_identifier(reader)
    return (
        f"grant usage on schema {schema} to {role}; "
        f"grant select on all tables in schema {schema} to {role}; "
        f"alter default privileges for role {quote_identifier(owner)} in schema {schema} "
        f"grant select on tables to {role};"
    )


def _query(
    connection: "psycopg.Connection", place: LakePlace, sql: LiteralString, *values: Any
) -> list[tuple[Any, ...]]:
    """Run a query on the tables that DuckLake's specification describes."""
    return _execute(connection, place, sql, *values).fetchall()


def _execute(
    connection: "psycopg.Connection", place: LakePlace, sql: LiteralString, *values: Any
) -> "psycopg.Cursor":
    from psycopg.sql import SQL, Identifier  # noqa: PLC0415 - 0.15 s

    names = {
        "schema": place.schema,
        "snapshot": "ducklake_snapshot",
        "changes": "ducklake_snapshot_changes",
        "data": "ducklake_data_file",
        "deletes": "ducklake_delete_file",
        "tables": "ducklake_table",
        "schemas": "ducklake_schema",
        "metadata": "ducklake_metadata",
    }
    query = SQL(sql).format(**{key: Identifier(name) for key, name in names.items()})
    return connection.execute(query, values)


def _build_snapshot(
    number: int, written_at: datetime, message: str | None, extra: str | None
) -> SnapshotInfo:
    try:
        found = json.loads(extra or "{}")
    except ValueError:  # of another program
        found = {}
    return SnapshotInfo(
        number,
        written_at,
        message or ("Created" if number == 0 else "Another program"),
        found.get("run"),
        found.get("as_of_on"),
        tuple(found.get("changed", ())),
    )
