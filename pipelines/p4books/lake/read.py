"""Reading the lake: one snapshot of a tenant, or of all tenants of a group."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time

import duckdb
import pendulum

from p4books.errors import UsageError
from p4books.lake.connection import attach_lake, load_extensions, translate_errors
from p4books.lake.errors import LEFT_READING, LakeMissing
from p4books.lake.place import LakePlace, require_lake
from p4books.settings import Settings
from p4books.storage.database import open_database, quote_literal

LAKE = "lake"


@contextmanager
def open_lake(settings: Settings, at: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the lake of a tenant read-only, as of its last snapshot or that of `at`.

    `at` is the number of a snapshot, a day, which is shown as it was at its end, or an instant;
    without a zone it is in the tenant's. Nothing but the lake is accessible. Raises NoLake,
    LakeMissing, LakeTrouble, PostgresTrouble, SettingsError and UsageError.
    """
    place = require_lake(settings)
    choice = parse_at(at, settings.timezone)
    with translate_errors(place, LEFT_READING), open_database() as con:
        load_extensions(con, place)
        _attach(con, place, LAKE, choice)
        con.execute(f"use {LAKE}")
        _lock_down(con, place)
        yield con


def parse_at(at: str | None, timezone: str) -> str | None:
    """Return the option of `attach` for a snapshot's number, a day or an instant, as SQL.

    None stays None. Raises UsageError.
    """
    if at is None:
        return None
    if re.fullmatch(r"\d{1,18}", at):
        return f"snapshot_version {at}"
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        raise UsageError(
            f"{at} is neither the number of a snapshot nor a day or an instant such as "
            "2026-10-31 or 2026-10-31T18:00. `p4books lake` lists the snapshots."
        ) from None
    if re.fullmatch(r"\d{4}-?\d\d-?\d\d|\d{4}-?W\d\d(-?\d)?", at):
        instant = datetime.combine(instant, time.max)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=pendulum.timezone(timezone))
    return f"snapshot_time {quote_literal(instant.astimezone(UTC).isoformat(' '))}"


def _attach(
    con: duckdb.DuckDBPyConnection, place: LakePlace, name: str, choice: str | None
) -> None:
    """Attach a snapshot of a lake. Raises LakeMissing and duckdb.Error."""
    key, _, value = (choice or "").partition(" ")
    options = {"read_only": "", "create_if_not_exists": "false"} | ({key: value} if key else {})
    try:
        attach_lake(con, place, name, options)
    except duckdb.InvalidInputException as error:
        if "No snapshot found" in str(error):
            which = f"number {value}" if key == "snapshot_version" else f"as early as {value}"
            raise LakeMissing(
                f"The lake of tenant {place.tenant} has no snapshot {which}. `p4books lake` lists "
                "those that it has."
            ) from None
        if "does not exist" in str(error):
            raise LakeMissing(
                f"The lake of tenant {place.tenant} has no snapshot yet. Run `p4books sync` first."
            ) from None
        raise


def _lock_down(con: duckdb.DuckDBPyConnection, *places: LakePlace) -> None:
    """Deny access to everything but the files of these lakes."""
    folders = ", ".join(quote_literal(place.data) for place in places)
    con.execute(f"set allowed_directories = [{folders}]")
    con.execute("set enable_external_access = false")
    con.execute("set lock_configuration = true")
