"""How much is there, and how fresh is it?"""

from dataclasses import dataclass
from datetime import UTC, datetime

from p4books.endpoints import ENDPOINTS
from p4books.runlog import RunLog
from p4books.settings import Settings
from p4books.warehouse.query import connect


@dataclass(frozen=True)
class TableStatus:
    """One endpoint's tables in the published file; instants are in UTC, None where never."""

    table: str
    rows: int
    versions: int
    current_to: datetime | None
    verified_to: datetime | None


@dataclass(frozen=True)
class Status:
    """The published file: its size in bytes, when it was made, what is in it."""

    file: str
    bytes: int
    published_at: datetime
    tables: tuple[TableStatus, ...]


def status(settings: Settings) -> Status:
    """Look at the published file and the run log. Raises NotPublished and QueryFailed."""
    fresh = RunLog(settings.private / "runs.sqlite").freshness()
    with connect(settings.published) as con:
        (made,) = con.execute("select published_at from about").fetchone() or (None,)
        tables = []
        for name in ENDPOINTS:
            found = con.execute(
                f"select (select count(*) from staging.{name}),"
                f" (select count(*) from staging.{name}_history)"
            ).fetchone() or (0, 0)
            seen = fresh.get(name)
            tables.append(
                TableStatus(
                    table=name,
                    rows=found[0],
                    versions=found[1],
                    current_to=_instant(seen.current_to if seen else None),
                    verified_to=_instant(seen.verified_to if seen else None),
                )
            )
    return Status(
        file=str(settings.published),
        bytes=settings.published.stat().st_size,
        published_at=made,
        tables=tuple(tables),
    )


def _instant(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
