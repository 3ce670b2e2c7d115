"""When is what is held published, and as what?"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from p4books.database import roomier
from p4books.load import tables
from p4books.settings import Settings
from p4books.version import VERSION
from p4books.warehouse import publish, views
from p4books.warehouse.views import View

AFTER = timedelta(hours=1)  # of a file in which only `verified_at` is old


def is_due(warehouse: Path, settings: Settings, sql: Path) -> bool:
    """Tell whether what is published is missing, was made of something else, or long ago."""
    made_of, published_at = publish.made_of(settings.published)
    age = datetime.now(UTC) - published_at if published_at else AFTER
    return made_of != _made_of(warehouse, sql) or abs(age) >= AFTER


def release(
    warehouse: Path, models: list[View], scratch: Path, settings: Settings, sql: Path
) -> None:
    """Publish the models of a warehouse. Raises BrokenSql, OutOfMemory and DiskTrouble."""
    about: dict[str, str | datetime] = {
        "tenant": settings.tenant,
        "p4books_version": VERSION,
        "published_at": datetime.now(UTC),
        "made_of": _made_of(warehouse, sql),
    }

    def work(memory: str) -> None:
        publish.publish(
            warehouse,
            models,
            scratch,
            settings.published,
            about=about,
            mode=settings.published_mode,
            memory=memory,
        )

    roomier(work)


def _made_of(warehouse: Path, sql: Path) -> str:
    return f"{tables.held(warehouse).stamp}-{views.digest(sql)}-{VERSION}"
