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
    """One endpoint's tables in the published file; instants are in UTC, None where never.

    `mode` is how the last run read its list; `oldest` when the row was seen that was not seen for
    longest.
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
    """The published file: its size in bytes, when it was made, what is in it; what that cost.

    `unknown` are the fields that no column holds, as ENDPOINT.FIELD; `traits` are those of the API,
    as `check --deep` found them, None before it was asked.
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
    """Look at the published file and the run log. Raises NotPublished and QueryFailed."""
    log = RunLog(settings.run_log)
    fresh, last = log.load_freshness(), log.load_runs(1)
    with open_published(settings.published) as con:
        (made,) = con.execute("select published_at from about").fetchone() or (None,)
        tables = []
        for name in ENDPOINTS:
            found = con.execute(
                f"select (select count(*) from staging.{name}),"
                f" (select count(*) from staging.{name}_history)"
            ).fetchone() or (0, 0)
            seen = fresh.get(name)
            tables.append(
                EndpointStatus(
                    table=name,
                    rows=found[0],
                    versions=found[1],
                    mode=seen.mode if seen else None,
                    current_to=_to_instant(seen.current_to if seen else None),
                    verified_to=_to_instant(seen.verified_to if seen else None),
                    oldest=_to_instant(seen.oldest if seen else None),
                )
            )
    return TenantStatus(
        file=str(settings.published),
        bytes=settings.published.stat().st_size,
        published_at=made,
        tables=tuple(tables),
        requests_last_run=last[0].requests if last else 0,
        requests_last_day=log.count_requests_since(time.time() - DAY),
        unknown=_count_unknown(settings.warehouse),
        traits=log.load_capabilities(),
    )


def _count_unknown(warehouse: Path) -> tuple[str, ...]:
    try:
        return tuple(f"{each.endpoint}.{each.field}" for each in load_unknown_fields(warehouse))
    except (duckdb.Error, OSError):  # a reader of the published file need not see how it is made
        return ()


def _to_instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
