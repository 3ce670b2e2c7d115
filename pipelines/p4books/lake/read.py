"""Reading the lake: one snapshot of a tenant, or those of all tenants of a group."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from p4books.errors import QueryFailed, UsageError
from p4books.lake.causes import find_cause, is_of_data
from p4books.lake.connection import attach_lake, open_lake_database, translate_errors
from p4books.lake.errors import LEFT_READING, LakeEmpty, LakeForbidden, LakeMissing, LakeTrouble
from p4books.lake.place import require_lake
from p4books.lake.snapshots import load_last_number
from p4books.lake.union import describe_union
from p4books.lake.write import LAKE
from p4books.settings import Settings, load_settings
from p4books.storage.database import MEMORY_STEPS, quote_literal
from p4books.storage.lake_place import LakePlace

_READING = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
# Functions that send SQL to the catalog or run SQL from a text, those that change a lake, and the
# one that shows what is in the catalog's address
_REFUSED = re.compile(
    r"postgres_\w+|query|json_execute_serialized_sql|duckdb_secrets"
    r"|ducklake_(?:add|cleanup|delete|expire|flush|merge|rewrite|set)\w*",
    re.IGNORECASE,
)
_DAY = re.compile(r"\d{4}-?\d\d-?\d\d")
_TIME = re.compile(r"[T ]\d\d(?P<minutes>:?\d\d)?(?P<seconds>:?\d\d)?(?:[.,](?P<decimals>\d+))?")


@dataclass(frozen=True)
class OpenLake:
    """A connection that reads a lake, and sentences about what is left out of it."""

    con: duckdb.DuckDBPyConnection
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SnapshotChoice:
    """Which snapshot to read: in words, and as an option of `attach` with its value as SQL."""

    words: str
    option: str
    value: str


@contextmanager
def open_lake(settings: Settings, at: str | None = None) -> Iterator[OpenLake]:
    """Open the lake of a tenant read-only, as of its last snapshot or that of `at`.

    `at` is the number of a snapshot, a day or a time, of which the end counts: of the second, if it
    has seconds. Without a zone it is in the tenant's. The lake of a group has the tables of its
    tenants' lakes, each under the others, with the column `tenant` first. Nothing but the files of
    the lake is accessible. Raises NoLake, LakeMissing, LakeTrouble (also for a QueryFailed within
    it because of what it read), PostgresTrouble, SettingsError and UsageError.
    """
    choice = parse_at(at, settings.timezone)
    if settings.members and choice and choice.option == "snapshot_version":
        raise UsageError(
            f"The snapshots of each tenant of {settings.tenant} have numbers of their own; name a "
            "day or an instant, such as --at 2026-10-31T18:00."
        )
    of = [load_settings(each, need_key=False) for each in settings.members] or [settings]
    places = [require_lake(each) for each in of]
    with TemporaryDirectory() as spill, ExitStack() as stack:
        with translate_errors(places[0], LEFT_READING):
            database = open_lake_database(places, Path(spill), MEMORY_STEPS[-1])
            con = stack.enter_context(database)
        notes: tuple[str, ...] = ()
        if settings.members:
            notes = _open_group(con, settings.tenant, places, choice)
        else:
            _attach(con, places[0], LAKE, choice)
            con.execute(f"use {LAKE}")
        _lock_down(con, places)
        with _explain_unreadable(places):
            yield OpenLake(con, notes)


def parse_at(at: str | None, timezone: str) -> SnapshotChoice | None:
    """Parse the number of a snapshot, a day or an instant; None stays None. Raises UsageError."""
    if at is None:
        return None
    if re.fullmatch(r"\d{1,7}", at):
        return SnapshotChoice(at, "snapshot_version", at)
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        raise UsageError(
            f"{at} is neither the number of a snapshot nor a day or an instant such as "
            "2026-10-31 or 2026-10-31T18:00. `p4books lake` lists the snapshots."
        ) from None
    if _DAY.fullmatch(at):
        instant = datetime.combine(instant, time.max)
    else:
        instant += _measure_precision(at) - timedelta(microseconds=1)
    if instant.tzinfo is None:
        import pendulum  # noqa: PLC0415 - 0.1 s

        instant = instant.replace(tzinfo=pendulum.timezone(timezone))
    value = quote_literal(instant.astimezone(UTC).isoformat(" "))
    return SnapshotChoice(f"as early as {at}", "snapshot_time", value)


def _measure_precision(at: str) -> timedelta:
    """Return how long the last unit of a time lasts, such as a minute of 18:00."""
    time_of_day = _TIME.search(at)
    if time_of_day is None:
        return timedelta(microseconds=1)
    if decimals := time_of_day["decimals"]:
        return timedelta(microseconds=10 ** max(6 - len(decimals), 0))
    if time_of_day["seconds"]:
        return timedelta(seconds=1)
    return timedelta(minutes=1) if time_of_day["minutes"] else timedelta(hours=1)


def refuse_writing(sql: str) -> None:
    """Raise QueryFailed if SQL does more than read: in the lake's own folder, or in its catalog.

    The catalog itself only knows the rights of the user of the setting.
    """
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error:  # whoever runs it says what is wrong
        return
    kinds = {each.type for each in statements if not _is_pivot(each)}
    if kinds - _READING or any(map(_REFUSED.fullmatch, _list_calls(sql))):
        raise QueryFailed(
            "A query of the lake only reads tables; nothing was run. To write a file, use -o FILE."
        )


def _is_pivot(statement: duckdb.Statement) -> bool:
    """Return whether a statement is the temporary type that DuckDB makes of a `pivot`."""
    return statement.type == duckdb.StatementType.CREATE and not statement.query


def _list_calls(sql: str) -> Iterator[str]:
    """Yield the names before parentheses, whatever is between: functions, and some keywords."""
    data = sql.encode()
    tokens = [
        (start, kind) for start, kind in duckdb.tokenize(sql) if kind != duckdb.token_type.comment
    ]
    for (start, _), (following, _) in pairwise(tokens):
        if data[following : following + 1] == b"(":
            name = re.match(r"\"?(\w+)", data[start:following].decode(errors="replace"))
            if name:
                yield name[1]


def attach_members(
    con: duckdb.DuckDBPyConnection,
    group: str,
    databases: Mapping[str, LakePlace],
    choice: SnapshotChoice | None = None,
) -> dict[str, str]:
    """Attach the lakes of a group under their names; return a sentence for each that is missing.

    Raises LakeMissing or LakeForbidden if all are, PostgresTrouble and LakeTrouble.
    """
    missing, forbidden = {}, None
    for name, place in databases.items():
        try:
            _attach(con, place, name, choice)
        except LakeMissing as error:
            missing[name] = f"{place.tenant} is left out: {error}"
            forbidden = forbidden or (error if isinstance(error, LakeForbidden) else None)
    if len(missing) == len(databases):
        if forbidden:
            raise forbidden
        first = next(iter(databases.values()))
        raise LakeMissing(group, choice.words if choice else "yet", first.tenant)
    return missing


def _open_group(
    con: duckdb.DuckDBPyConnection,
    group: str,
    places: Sequence[LakePlace],
    choice: SnapshotChoice | None,
) -> tuple[str, ...]:
    """Attach the lakes of a group, and make views of all of them; return what is left out."""
    databases = {f"{LAKE}_{number}": place for number, place in enumerate(places)}
    missing = attach_members(con, group, databases, choice)
    tenants = {name: place.tenant for name, place in databases.items() if name not in missing}
    with translate_errors(places[0], LEFT_READING):
        con.execute("use memory")
        views, notes = describe_union(con, tenants)
        for view in views:
            con.execute(view)
    return (*missing.values(), *notes)


def _attach(
    con: duckdb.DuckDBPyConnection, place: LakePlace, name: str, choice: SnapshotChoice | None
) -> None:
    """Attach a snapshot of a lake. Raises LakeMissing, PostgresTrouble and LakeTrouble."""
    if load_last_number(place) is None:
        raise LakeMissing(place.tenant)
    options = {"read_only": "", "create_if_not_exists": "false"}
    if choice:
        options[choice.option] = choice.value
    with translate_errors(place, LEFT_READING):
        try:
            attach_lake(con, place, name, options)
        except duckdb.InvalidInputException as error:
            if choice and "No snapshot found" in str(error):
                raise LakeMissing(place.tenant, choice.words) from None
            raise
        found = con.execute("select 1 from duckdb_tables() where database_name = $1", [name])
        if choice and found.fetchone() is None:  # that in which the lake was created
            raise LakeEmpty(place.tenant, choice.words)


@contextmanager
def _explain_unreadable(places: Sequence[LakePlace]) -> Iterator[None]:
    """Turn the failure of a query into LakeTrouble if it is one of what the query read."""
    try:
        yield
    except QueryFailed as error:
        text = str(error)
        if not is_of_data(text):
            raise
        named = (each for each in places if each.data.removeprefix("s3://") in text)
        place = next(named, places[0])
        cause = find_cause(place, text)
        raise LakeTrouble(place.tenant, cause.why, LEFT_READING, cause.remedy) from None


def _lock_down(con: duckdb.DuckDBPyConnection, places: Sequence[LakePlace]) -> None:
    """Deny access to everything but the files of these lakes."""
    folders = ", ".join(quote_literal(place.data) for place in places)
    con.execute(f"set allowed_directories = [{folders}]")
    con.execute("set enable_external_access = false")
    con.execute("set lock_configuration = true")
