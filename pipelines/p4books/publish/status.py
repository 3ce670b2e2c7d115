"""Status of a tenant: what is published and how fresh it is."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.load.schema import load_unknown_fields
from p4books.publish.query import open_published
from p4books.settings import Settings
from p4books.storage.run_log import DAY, RunLog


@dataclass(frozen=True)
class EndpointStatus:
    """Tables of one endpoint in the published file; instants are in UTC, None means never.

    `mode` is how the last run read the list. `oldest` is the least recent instant at which a row
    was last seen.
    """

    table: str
    rows: int
    versions: int
    mode: str | None
    current_to: datetime | None
    verified_to: datetime | None
    oldest: datetime | None


@dataclass(frozen=True)
class TenantStatus:
    """Published file: size in bytes, when it was made, its tables; and what keeping it costs.

    `unknown` lists the fields that no column holds, as ENDPOINT.FIELD. `traits` is what
    `check --deep` detected about the API, None if it was never run.
    """

    file: str
    bytes: int
    published_at: datetime
    tables: tuple[EndpointStatus, ...]
    requests_last_run: int
    requests_last_day: int
    unknown: tuple[str, ...]
    traits: dict[str, Any] | None


def read_status(settings: Settings) -> TenantStatus:
    """Read the status from the published file and the run log.

    Raises NotPublished and QueryFailed.
    """
    log = RunLog(settings.run_log)
    last_runs = log.runs(1)
    with open_published(settings.published) as con:
        (published_at,) = con.execute("select published_at from about").fetchone() or (None,)
        tables = _read_tables(con, log)
    return TenantStatus(
        file=str(settings.published),
        bytes=settings.published.stat().st_size,
        published_at=published_at,
        tables=tables,
        requests_last_run=last_runs[0].requests if last_runs else 0,
        requests_last_day=log.requests_since(time.time() - DAY),
        unknown=_list_unknown_fields(settings.warehouse),
        traits=log.traits(),
    )


def _read_tables(con: duckdb.DuckDBPyConnection, log: RunLog) -> tuple[EndpointStatus, ...]:
    freshness = log.freshness()
    tables = []
    for name in ENDPOINTS:
        rows, versions = con.execute(
            f"select (select count(*) from staging.{name}),"
            f" (select count(*) from staging.{name}_history)"
        ).fetchone() or (0, 0)
        fresh = freshness.get(name)
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
