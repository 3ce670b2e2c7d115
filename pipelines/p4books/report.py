"""How are the reports made without asking the API?

From the private warehouse as it is: anew, after the SQL was changed, or as of a day that is past.
"""

import shutil
from datetime import date
from pathlib import Path

import duckdb

from p4books import release
from p4books.alone import alone, scratch
from p4books.errors import DiskTrouble
from p4books.load import fields, migrate, run, tables
from p4books.runlog import RunLog
from p4books.settings import Settings
from p4books.warehouse.errors import NoPicture
from p4books.warehouse.models import Found, Sources


def report(
    settings: Settings, day: date | None = None, sql: Path | None = None
) -> tuple[Path, Found]:
    """Publish the reports, and return where, and of what they are made.

    With a `day` they show the books as they stood at its end, in a file of its own beside the
    published one. Raises NoPicture, BrokenSql, CheckFailed, AlreadyRunning, WarehouseDamaged and
    DiskTrouble; what was published stays.
    """
    warehouse = settings.private / "warehouse.duckdb"
    published = settings.published_as_of(day)
    name = "report" if day else "run"
    with alone(settings, name), scratch(settings.private / f"work-{name}") as folder:
        if not warehouse.exists():
            raise NoPicture("Nothing is held yet. Run `p4books sync` first.")
        tables.doubt(warehouse)
        sources = Sources.at(sql)
        try:
            made = folder / "warehouse.duckdb"
            shutil.copyfile(warehouse, made)
            endpoints = fields.endpoints(made)
            tables.create(made, tuple(endpoints.values()))
            if migrate.needed(made, endpoints):
                migrate.migrate(made, endpoints)
            runs = RunLog(settings.private / "runs.sqlite").runs(last=None)
            found = release.build(made, settings, sources, runs, day)
            return published, release.release(made, found, folder, settings, sources, published)
        except OSError as error:
            raise DiskTrouble(folder, error.strerror or str(error)) from None
        except duckdb.Error as error:
            raise run.said(error, warehouse, folder) from None
