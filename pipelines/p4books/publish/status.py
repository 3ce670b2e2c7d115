"""Status of a tenant: what is published and how fresh it is."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.errors import (
    ClockWrong,
    DiskTrouble,
    NotPublished,
    PublishedFileBlocked,
    PublishedFileUnreadable,
    WarehouseDamaged,
    WarehouseLost,
    WarehouseOpen,
    WarehouseTooNew,
)
from p4books.extract.clock import MAX_SKEW
from p4books.extract.spool import measure_spool
from p4books.load.books import check_not_lost
from p4books.load.schema import load_unknown_fields
from p4books.load.warehouse import check_warehouse, measure_generations
from p4books.publish.published_file import describe_changes, explain_open_error
from p4books.publish.query import open_published
from p4books.settings import Settings
from p4books.storage.files import measure_files
from p4books.storage.run_log import DAY, Freshness, Run, RunLog


@dataclass(frozen=True)
class EndpointStatus:
    """Tables of one endpoint in the published file; instants are in UTC, None means never.

    If the file cannot be read, `rows` are those of the last run, and `versions` are None.

    `mode` is how the last run read the list. `oldest` is the least recent instant at which a row
    was last seen.
    """

    table: str
    rows: int
    versions: int | None
    mode: str | None
    current_to: datetime | None
    verified_to: datetime | None
    oldest: datetime | None


@dataclass(frozen=True)
class FirstCopy:
    """A list of which nothing is published yet: pages read, of about how many, and their rows."""

    endpoint: str
    pages: int
    announced_pages: int
    rows: int
    percent: int


@dataclass(frozen=True)
class DiskUse:
    """Bytes on disk of a tenant's private files, and the number of its generations."""

    warehouse: int
    spool: int
    generations: int
    generations_bytes: int


@dataclass(frozen=True)
class TenantStatus:
    """Published file: size in bytes, when it was made, its tables; and what keeping it costs.

    `unknown` lists the fields that no column holds, as ENDPOINT.FIELD. `traits` is what
    `check --deep` detected about the API, None if it was never run. `problem` says why the file
    cannot be read and what to do, then `bytes` and `published_at` may be None; or that the
    warehouse is missing or damaged, or that another program changed the file. `first_copies` are
    the lists that are not read to their ends yet, also while a run reads them. `clock` says what is
    wrong with the clock of this machine, now or in an earlier run. `disk` is None for who may not
    access the private files.
    """

    file: str
    bytes: int | None
    published_at: datetime | None
    tables: tuple[EndpointStatus, ...]
    requests_last_run: int
    requests_last_day: int
    unknown: tuple[str, ...]
    traits: dict[str, Any] | None
    problem: str | None = None
    first_copies: tuple[FirstCopy, ...] = ()
    clock: str | None = None
    disk: DiskUse | None = None


def read_status(settings: Settings) -> TenantStatus:
    """Read the status from the published file and the run log.

    If the file cannot be read, `problem` says why, and the rest is still shown. Raises
    NotPublished if there never was one, unless the first copy is in progress.
    """
    file, log = settings.published, RunLog(settings.run_log)
    last_runs, freshness = log.load_runs(1), log.load_freshness()
    first_copies = _find_first_copies(settings, freshness)
    published_at, as_of_at, counts, problem = None, None, {}, None
    try:
        problem = describe_changes(settings, file)
        with open_published(file) as con:
            (published_at,) = con.execute("select published_at from about").fetchone() or (None,)
            as_of_at = _read_as_of(con)
            counts = _count_rows(con)
    except NotPublished as error:
        has_copy = os.access(settings.warehouse, os.F_OK) and not first_copies
        if log.load_published() is None and not has_copy:
            if not first_copies:
                raise
            problem = str(error)
        else:
            problem = f"{file} is missing. Run `p4books report` to publish it again."
    except (PublishedFileUnreadable, PublishedFileBlocked) as error:
        problem = str(error)
    except duckdb.Error as error:  # not a file of ours
        problem = str(explain_open_error(file, error))
    return TenantStatus(
        file=str(file),
        bytes=file.stat().st_size if file.is_file() else None,
        published_at=published_at,
        tables=_list_tables(counts, freshness),
        requests_last_run=last_runs[0].requests if last_runs else 0,
        requests_last_day=log.count_requests_since(time.time() - DAY),
        unknown=_list_unknown_fields(settings.warehouse),
        traits=log.load_capabilities(),
        problem=_find_loss(settings) or problem,
        first_copies=first_copies,
        clock=_describe_clock(last_runs, as_of_at, datetime.now(UTC)),
        disk=_measure_disk(settings),
    )


def _read_as_of(con: duckdb.DuckDBPyConnection) -> datetime | None:
    """Return the as-of instant; None if the file was published by a version without it."""
    try:
        row = con.execute("select as_of_at from about").fetchone()
    except duckdb.BinderException:
        return None
    return row[0] if row else None


def _describe_clock(
    last_runs: Sequence[Run], as_of_at: datetime | None, now: datetime
) -> str | None:
    """Say that the last run rejected the clock, or that the figures are of the future."""
    if last_runs and last_runs[0].outcome == ClockWrong.__name__:
        return next(iter(last_runs[0].messages), None)
    if as_of_at is None or as_of_at <= now + timedelta(seconds=MAX_SKEW):
        return None
    return (
        f"The published figures are as of {as_of_at:%Y-%m-%d %H:%M:%S} UTC, but the clock of this "
        f"machine says {now:%Y-%m-%d %H:%M:%S} UTC. If the clock is right, run `p4books sync`: it "
        "corrects times that lie in the future."
    )


def _find_first_copies(
    settings: Settings, freshness: Mapping[str, Freshness]
) -> tuple[FirstCopy, ...]:
    """Find the lists that have pages in their spools and were never read to the end."""
    copies = []
    for name in ENDPOINTS:
        fresh = freshness.get(name)
        if fresh and (fresh.held or fresh.verified_to is not None):
            continue
        if read := measure_spool(settings.spool / name):
            percent = 100 * read.pages // read.announced
            copies.append(FirstCopy(name, read.pages, read.announced, read.rows, percent))
    return tuple(copies)


def _find_loss(settings: Settings) -> str | None:
    """Return what the next sync will say because the warehouse is missing or damaged; else None.

    Who reads the published file may not access the private folder, or has none; but whoever may
    write where it was is who runs the syncs.
    """
    try:
        if settings.run_log.exists() or os.access(settings.data_dir, os.W_OK):
            check_not_lost(settings)
            check_warehouse(settings.warehouse)
    except (WarehouseLost, WarehouseDamaged, WarehouseTooNew) as error:
        return str(error)
    except (OSError, WarehouseOpen, DiskTrouble):
        return None
    return None


def _measure_disk(settings: Settings) -> DiskUse | None:
    if not os.access(settings.private, os.R_OK | os.X_OK):
        return None
    return DiskUse(
        measure_files(settings.warehouse),
        measure_files(settings.spool),
        *measure_generations(settings.warehouse),
    )


def _count_rows(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    """Count the rows and the versions of each endpoint."""
    return {
        name: con.execute(
            f"select (select count(*) from staging.{name}),"
            f" (select count(*) from staging.{name}_history)"
        ).fetchone()
        or (0, 0)
        for name in ENDPOINTS
    }


def _list_tables(
    counts: Mapping[str, tuple[int, int]], freshness: Mapping[str, Freshness]
) -> tuple[EndpointStatus, ...]:
    tables = []
    for name in ENDPOINTS:
        fresh = freshness.get(name)
        rows, versions = counts.get(name) or (fresh.held if fresh else 0, None)
        tables.append(
            EndpointStatus(
                table=name,
                rows=rows,
                versions=versions,
                mode=fresh.mode if fresh else None,
                current_to=_to_datetime(fresh.current_to if fresh else None),
                verified_to=_to_datetime(fresh.verified_to if fresh else None),
                oldest=_to_datetime(fresh.oldest if fresh else None),
            )
        )
    return tuple(tables)


def _to_datetime(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _list_unknown_fields(warehouse: Path) -> tuple[str, ...]:
    try:
        return tuple(f"{field.endpoint}.{field.field}" for field in load_unknown_fields(warehouse))
    except (duckdb.Error, OSError):  # who reads the published file may not access the warehouse
        return ()
