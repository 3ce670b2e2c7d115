"""Building, checking and replacing the published file."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import duckdb

from p4books.errors import DiskTrouble, NoPicture, OutOfMemory
from p4books.load.evolution import migrate_warehouse, needs_migration
from p4books.load.schema import create_tables, load_endpoints, read_state
from p4books.load.warehouse import check_warehouse, translate_error
from p4books.settings import Settings
from p4books.storage.database import (
    MEMORY_STEPS,
    STORAGE_VERSION,
    open_database,
    quote_identifier,
    quote_literal,
    retry_with_more_memory,
)
from p4books.storage.files import replace_atomically, scratch_dir, tenant_lock
from p4books.storage.run_log import Run, RunLog
from p4books.transform.build import (
    build_custom_tables,
    build_tables,
    prepare_models,
    run_checks,
)
from p4books.transform.models import Model, ModelSet, SqlSources

try:
    VERSION = version("p4books")
except PackageNotFoundError:  # read from a tree that nobody installed
    VERSION = "0"

About = Mapping[str, str | datetime]


@dataclass(frozen=True)
class PublishTarget:
    """Where a file is published, with which mode, and the folder in which it is made."""

    scratch: Path
    published: Path
    mode: int


def build_published_file(  # noqa: PLR0913
    warehouse: Path,
    found: ModelSet,
    place: PublishTarget,
    about: About,
    claims: Sequence[Path] = (),
    memory: str = MEMORY_STEPS[0],
) -> ModelSet:
    """Make the models as tables in a new published file, check them, and put it in place.

    The models are computed anew, each from the tables made before it. Returns those that were made;
    one of the user's own that can't be made is left out. `about` goes into the one row of the table
    `about`; `claims` are the files of checks. Raises BrokenSql where a model can't be computed,
    CheckFailed, OutOfMemory and DiskTrouble; the last published file then stays.
    """
    made = place.scratch / "published.duckdb"
    made.unlink(missing_ok=True)
    try:
        with open_database(spill=place.scratch, memory=memory) as con:
            con.execute("set preserve_insertion_order = false")  # a table has no order anyway
            con.execute(f"attach {quote_literal(str(warehouse))} as warehouse (read_only)")
            con.execute(
                f"attach {quote_literal(str(made))} as made (storage_version '{STORAGE_VERSION}')"
            )
            con.execute("set checkpoint_threshold = '1GB'")
            ours = build_tables(con, found.models)
            con.execute("use made")
            run_checks(con, ours, claims)
            published = build_custom_tables(con, found, is_last_try=memory == MEMORY_STEPS[-1])
            _add_comments(con, published.models, about)
            con.execute("use memory")
            con.execute("checkpoint made")
            con.execute("detach made")
        replace_atomically(made, place.published, place.mode)
    except duckdb.OutOfMemoryException as error:
        raise OutOfMemory(str(error).splitlines()[0]) from None
    except (OSError, duckdb.IOException) as error:
        raise DiskTrouble(place.published, str(error).splitlines()[0]) from None
    return published


def read_fingerprint(published: Path) -> tuple[str | None, datetime | None]:
    """Read of what a published file was made, and when; None where there is none we can read."""
    if not published.exists():
        return None, None
    try:
        with open_database(published, read_only=True) as con:
            row = con.execute("select made_of, published_at from about").fetchone()
    except duckdb.Error:
        return None, None
    return row or (None, None)


def _add_comments(con: duckdb.DuckDBPyConnection, models: Sequence[Model], about: About) -> None:
    """Write the tables `about` and `catalogue`."""
    con.execute(
        """
        create table made.catalogue (
            layer varchar, model varchar, grain varchar, key varchar, sorted_by varchar,
            question varchar, query varchar, reads varchar, rows bigint
        )
        """
    )
    con.execute("comment on table made.catalogue is 'One row per model in this file.'")
    total = 0
    for model in sorted(models, key=lambda each: each.full):
        counted = con.execute(
            f"select count(*) from made.{model.layer}.{quote_identifier(model.name)}"
        ).fetchone()
        rows = counted[0] if counted else 0
        total += rows
        told = (model.grain, ", ".join(model.key), model.sorted_by, model.question, model.query)
        con.execute(
            "insert into made.catalogue values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [model.layer, model.name, *told, ", ".join(sorted(model.reads)), rows],
        )
    marks = ", ".join(f"? as {key}" for key in [*about, "models", "rows"])
    values = [*about.values(), len(models), total]
    con.execute(f"create table made.about as select {marks}", values)
    con.execute("comment on table made.about is 'One row: what this file is and when it was made.'")


REPUBLISH_AFTER = timedelta(hours=1)  # of a file in which only `verified_at` is old


def is_publish_due(warehouse: Path, settings: Settings, sql: SqlSources) -> bool:
    """Tell whether what is published is missing, was made of something else, or long ago."""
    made_of, published_at = read_fingerprint(settings.published)
    age = datetime.now(UTC) - published_at if published_at else REPUBLISH_AFTER
    return made_of != _fingerprint(warehouse, settings, sql) or abs(age) >= REPUBLISH_AFTER


def prepare_if_due(
    warehouse: Path, settings: Settings, sql: SqlSources, runs: Sequence[Run]
) -> ModelSet | None:
    """Build the views in a warehouse if it is due to be published; None if it is not.

    Raises BrokenSql, with the views as they were.
    """
    if not is_publish_due(warehouse, settings, sql):
        return None
    return prepare_models(warehouse, settings, sql, runs)


def publish_warehouse(  # noqa: PLR0913
    warehouse: Path,
    found: ModelSet,
    scratch: Path,
    settings: Settings,
    sql: SqlSources,
    published: Path | None = None,
) -> ModelSet:
    """Publish the models of a warehouse and return them.

    Raises BrokenSql, CheckFailed, OutOfMemory and DiskTrouble.
    """
    place = PublishTarget(scratch, published or settings.published, settings.published_mode)
    about = _build_about(warehouse, settings, sql)

    def work(memory: str) -> ModelSet:
        return build_published_file(warehouse, found, place, about, sql.files("checks"), memory)

    return retry_with_more_memory(work)


def _build_about(warehouse: Path, settings: Settings, sql: SqlSources) -> About:
    with open_database(warehouse, read_only=True) as con:
        row = con.execute("select as_of_at, as_of_on from raw.as_of").fetchone() or (None, None)
    return {
        "tenant": settings.tenant,
        "as_of_at": row[0],
        "as_of_on": row[1],
        "timezone": settings.timezone,
        "currency": settings.currency,
        "p4books_version": VERSION,
        "published_at": datetime.now(UTC),
        "made_of": _fingerprint(warehouse, settings, sql),
    }


def _fingerprint(warehouse: Path, settings: Settings, sql: SqlSources) -> str:
    told = f"{settings.timezone}-{settings.currency}"
    return f"{read_state(warehouse).stamp}-{sql.digest()}-{told}-{VERSION}"


def publish_report(
    settings: Settings, day: date | None = None, sql: Path | None = None
) -> tuple[Path, ModelSet]:
    """Publish the reports, and return where, and of what they are made.

    With a `day` they show the books as they stood at its end, in a file of its own beside the
    published one. Raises NoPicture, BrokenSql, CheckFailed, AlreadyRunning, WarehouseDamaged and
    DiskTrouble; what was published stays.
    """
    warehouse = settings.warehouse
    published = settings.published_as_of(day)
    name = "report" if day else "run"
    with tenant_lock(settings, name), scratch_dir(settings.private / f"work-{name}") as folder:
        if not warehouse.exists():
            raise NoPicture("Nothing is held yet. Run `p4books sync` first.")
        check_warehouse(warehouse)
        sources = SqlSources.at(sql)
        try:
            made = folder / "warehouse.duckdb"
            shutil.copyfile(warehouse, made)
            endpoints = load_endpoints(made)
            create_tables(made, tuple(endpoints.values()))
            if needs_migration(made, endpoints):
                migrate_warehouse(made, endpoints)
            runs = RunLog(settings.run_log).load_runs(last=None)
            found = prepare_models(made, settings, sources, runs, day)
            return published, publish_warehouse(made, found, folder, settings, sources, published)
        except OSError as error:
            raise DiskTrouble(folder, error.strerror or str(error)) from None
        except duckdb.Error as error:
            raise translate_error(error, warehouse, folder) from None
