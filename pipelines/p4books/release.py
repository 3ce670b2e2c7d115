"""When is what is held published, and as what?"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from p4books.database import connect, roomier
from p4books.load import tables
from p4books.runlog import Run
from p4books.settings import Settings
from p4books.version import VERSION
from p4books.warehouse import as_of, models, publish, seeds, views
from p4books.warehouse.models import Found, Sources
from p4books.warehouse.publish import About, Place

AFTER = timedelta(hours=1)  # of a file in which only `verified_at` is old


def is_due(warehouse: Path, settings: Settings, sql: Sources) -> bool:
    """Tell whether what is published is missing, was made of something else, or long ago."""
    made_of, published_at = publish.made_of(settings.published)
    age = datetime.now(UTC) - published_at if published_at else AFTER
    return made_of != _made_of(warehouse, settings, sql) or abs(age) >= AFTER


def build(
    warehouse: Path,
    settings: Settings,
    sql: Sources,
    runs: Sequence[Run],
    day: date | None = None,
) -> Found:
    """Make the views anew in a warehouse, with all that they are told; return what to publish.

    `day` takes the warehouse back to its end. Raises BrokenSql, with the views as they were, and
    NoPicture where that day can't be shown.
    """
    found = models.read(sql)
    with connect(warehouse) as con:
        con.execute("begin")
        seeds.sow(con, sql)
        as_of.note(con, settings, runs)
        views.build(con, found)
        con.execute("commit")
    if day:
        as_of.rewind(warehouse, day, settings)
    return found


def release(  # noqa: PLR0913
    warehouse: Path,
    found: Found,
    scratch: Path,
    settings: Settings,
    sql: Sources,
    published: Path | None = None,
) -> Found:
    """Publish the models of a warehouse and return them.

    Raises BrokenSql, CheckFailed, OutOfMemory and DiskTrouble.
    """
    place = Place(scratch, published or settings.published, settings.published_mode)
    about = _about(warehouse, settings, sql)

    def work(memory: str) -> Found:
        return publish.publish(warehouse, found, place, about, sql.files("checks"), memory)

    return roomier(work)


def _about(warehouse: Path, settings: Settings, sql: Sources) -> About:
    with connect(warehouse, read_only=True) as con:
        row = con.execute("select as_of_at, as_of_on from raw.as_of").fetchone() or (None, None)
    return {
        "tenant": settings.tenant,
        "as_of_at": row[0],
        "as_of_on": row[1],
        "timezone": settings.timezone,
        "currency": settings.currency,
        "p4books_version": VERSION,
        "published_at": datetime.now(UTC),
        "made_of": _made_of(warehouse, settings, sql),
    }


def _made_of(warehouse: Path, settings: Settings, sql: Sources) -> str:
    told = f"{settings.timezone}-{settings.currency}"
    return f"{tables.held(warehouse).stamp}-{sql.digest()}-{told}-{VERSION}"
