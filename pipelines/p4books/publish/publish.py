"""Building, checking and replacing the published file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import duckdb

from p4books.errors import DiskTrouble, NoPicture, OutOfMemory, PublishedHasMore
from p4books.load.books import check_not_lost, find_unfinished_lists
from p4books.load.evolution import migrate_warehouse, needs_migration
from p4books.load.schema import create_tables, load_endpoints, read_state
from p4books.load.warehouse import check_warehouse, translate_error
from p4books.publish.published_file import (
    FileAccess,
    find_access,
    inspect_published,
    locate_file,
    replace_published,
)
from p4books.settings import Settings
from p4books.storage.database import (
    MEMORY_STEPS,
    STORAGE_VERSION,
    open_database,
    quote_identifier,
    quote_path,
    retry_with_more_memory,
)
from p4books.storage.files import copy_file, scratch_dir, tenant_lock
from p4books.storage.run_log import PublishedRecord, Run, RunLog
from p4books.transform.build import (
    TARGET,
    build_custom_tables,
    build_tables,
    drop_unpublished,
    prepare_models,
    run_checks,
)
from p4books.transform.models import Model, ModelSet, SqlSources

REPUBLISH_AFTER = timedelta(hours=1)  # if nothing changed but `verified_at`

try:
    VERSION = version("p4books")
except PackageNotFoundError:  # run from a working tree that is not installed
    VERSION = "0"

About = Mapping[str, str | datetime | date | None]


@dataclass(frozen=True)
class PublishTarget:
    """A published file to write: where, with which mode, what it says about itself.

    `about` is the row of the table `about`, `checks` are the files of the checks that must pass,
    and `scratch` is a folder in which the file is built. `group` is the number of the file's group;
    None leaves that to its folder. `remember` is called with what to remember of the file.
    """

    scratch: Path
    file: Path
    mode: int
    about: About = field(default_factory=dict)
    checks: Sequence[Path] = ()
    group: int | None = None
    remember: Callable[[PublishedRecord], None] | None = None


def publish_report(
    settings: Settings, day: date | None = None, sql: Path | None = None
) -> tuple[Path, ModelSet]:
    """Publish the reports from the warehouse, without a sync; return the file and its models.

    With a `day`, they show the books at its end and go to a separate file beside the published one.
    Raises SettingsError, NoPicture, BrokenSql, CheckFailed, AlreadyRunning, WarehouseLost,
    WarehouseDamaged, PublishedHasMore, DiskTrouble and PublishedFileBlocked; the published file is
    unchanged then. Raises PublishedFileUnreadable if readers can't open the new one.
    """
    find_access(settings)
    warehouse = settings.warehouse
    name = "report" if day else "run"
    sources = SqlSources.at(sql)
    with tenant_lock(settings, name), scratch_dir(settings.scratch(name)) as scratch:
        check_not_lost(settings)
        if not warehouse.exists():
            raise NoPicture("Nothing has been copied yet. Run `p4books sync` first.")
        check_warehouse(warehouse)
        try:
            copy = _copy_warehouse(warehouse, scratch)
            copied = read_state(copy).scans
            if not day and (unfinished := find_unfinished_lists(settings, scratch, copied)):
                raise PublishedHasMore(settings.published, unfinished)
            runs = RunLog(settings.run_log).load_runs(last=None)
            models = prepare_models(copy, settings, sources, runs, day)
            target = _make_target(copy, scratch, settings, sources, day)
            return target.file, _publish_with_retries(copy, models, target)
        except OSError as error:
            raise DiskTrouble(scratch, error.strerror or str(error)) from None
        except duckdb.Error as error:
            raise translate_error(error, warehouse, scratch) from None


def prepare_if_due(
    warehouse: Path, settings: Settings, sql: SqlSources, load_runs: Callable[[], Sequence[Run]]
) -> ModelSet | None:
    """Build the views in a warehouse if it is due to be published; None if it is not.

    `load_runs` returns all runs of the log, which is read only if they are needed. Raises
    BrokenSql, with the views unchanged.
    """
    if not is_publish_due(warehouse, settings, sql):
        return None
    return prepare_models(warehouse, settings, sql, load_runs())


def is_publish_due(warehouse: Path, settings: Settings, sql: SqlSources) -> bool:
    """Return whether the published file is missing, outdated or not as it was published."""
    found = inspect_published(settings)
    age = datetime.now(UTC) - found.published_at if found.published_at else REPUBLISH_AFTER
    is_current = found.made_of == _fingerprint(warehouse, settings, sql)
    return found.damage is not None or not is_current or abs(age) >= REPUBLISH_AFTER


def restore_published(
    settings: Settings, scratch: Path, sql: SqlSources, load_runs: Callable[[], Sequence[Run]]
) -> ModelSet:
    """Publish again from the warehouse as it is, without a change to it.

    `load_runs` returns all runs of the log. Raises what `prepare_if_due` and `publish_warehouse`
    raise.
    """
    copy = _copy_warehouse(settings.warehouse, scratch)
    models = prepare_models(copy, settings, sql, load_runs())
    return publish_warehouse(copy, models, scratch, settings, sql)


def publish_warehouse(
    warehouse: Path, models: ModelSet, scratch: Path, settings: Settings, sql: SqlSources
) -> ModelSet:
    """Publish the models of a prepared warehouse, and return those that were built.

    Raises BrokenSql, CheckFailed, OutOfMemory, DiskTrouble, PublishedFileUnreadable,
    PublishedFileBlocked and SettingsError.
    """
    return _publish_with_retries(
        warehouse, models, _make_target(warehouse, scratch, settings, sql, day=None)
    )


def build_published_file(
    warehouse: Path, models: ModelSet, target: PublishTarget, memory: str = MEMORY_STEPS[0]
) -> ModelSet:
    """Build the models as tables of a new published file, check them and replace the old file.

    Returns the models that were built; a custom model that fails is left out. Raises BrokenSql if a
    built-in model cannot be computed, CheckFailed, OutOfMemory, DiskTrouble and
    PublishedFileBlocked; the old file is unchanged then. Raises PublishedFileUnreadable if readers
    can't open the new one.
    """
    locate_file(target.file)  # before the work of building it
    file = target.scratch / "published.duckdb"
    file.unlink(missing_ok=True)
    try:
        with open_database(spill=target.scratch, memory=memory) as con:
            con.execute("set preserve_insertion_order = false")  # but of what is sorted
            con.execute(f"attach {quote_path(warehouse)} as warehouse (read_only)")
            con.execute(
                f"attach {quote_path(file)} as {TARGET} (storage_version '{STORAGE_VERSION}')"
            )
            con.execute("set checkpoint_threshold = '1GB'")
            builtin = build_tables(con, models.models)
            con.execute(f"use {TARGET}")
            run_checks(con, builtin, target.checks)
            built = build_custom_tables(con, models, is_last_try=memory == MEMORY_STEPS[-1])
            published = drop_unpublished(con, built)
            _write_catalogue(con, published.models)
            _write_about(con, target.about)
            con.execute("use memory")
            con.execute(f"checkpoint {TARGET}")
            con.execute(f"detach {TARGET}")
        record = replace_published(file, target.file, FileAccess(target.mode, target.group))
        file.unlink()
    except duckdb.OutOfMemoryException as error:
        raise OutOfMemory(str(error).splitlines()[0]) from None
    except (OSError, duckdb.IOException) as error:
        raise DiskTrouble(target.file, str(error).splitlines()[0]) from None
    if target.remember:
        target.remember(record)
    return published


def _copy_warehouse(warehouse: Path, scratch: Path) -> Path:
    """Copy the warehouse, and bring the copy to the format of this version."""
    copy = copy_file(warehouse, scratch / warehouse.name)
    endpoints = load_endpoints(copy)
    create_tables(copy, tuple(endpoints.values()))
    if needs_migration(copy, endpoints):
        migrate_warehouse(copy, endpoints)
    return copy


def _make_target(
    warehouse: Path, scratch: Path, settings: Settings, sql: SqlSources, day: date | None
) -> PublishTarget:
    with open_database(warehouse, read_only=True) as con:
        row = con.execute("select as_of_at, as_of_on from raw.as_of").fetchone() or (None, None)
    about: About = {
        "tenant": settings.tenant,
        "as_of_at": row[0],
        "as_of_on": row[1],
        "timezone": settings.timezone,
        "currency": settings.currency,
        "p4books_version": VERSION,
        "published_at": datetime.now(UTC),
        "made_of": _fingerprint(warehouse, settings, sql),
    }
    access = find_access(settings)
    return PublishTarget(
        scratch,
        settings.published_as_of(day),
        access.mode,
        about,
        sql.files("checks"),
        access.group,
        None if day else RunLog(settings.run_log).save_published,
    )


def _publish_with_retries(warehouse: Path, models: ModelSet, target: PublishTarget) -> ModelSet:
    def work(memory: str) -> ModelSet:
        return build_published_file(warehouse, models, target, memory)

    return retry_with_more_memory(work)


def _fingerprint(warehouse: Path, settings: Settings, sql: SqlSources) -> str:
    options = f"{settings.timezone}-{settings.currency}"
    return f"{read_state(warehouse).stamp}-{sql.digest()}-{options}-{VERSION}"


def _write_catalogue(con: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> None:
    con.execute(
        f"""
        create table {TARGET}.catalogue (
            layer varchar, model varchar, grain varchar, key varchar, sorted_by varchar,
            question varchar, query varchar, reads varchar, rows bigint
        )
        """
    )
    con.execute(f"comment on table {TARGET}.catalogue is 'One row per model in this file.'")
    for model in sorted(models, key=lambda model: model.full_name):
        table = f"{TARGET}.{model.layer}.{quote_identifier(model.name)}"
        con.execute(
            f"insert into {TARGET}.catalogue"
            f" select ?, ?, ?, ?, ?, ?, ?, ?, (select count(*) from {table})",
            [
                *(model.layer, model.name, model.grain, ", ".join(model.key), model.sorted_by),
                *(model.question, model.query, ", ".join(sorted(model.reads))),
            ],
        )


def _write_about(con: duckdb.DuckDBPyConnection, about: About) -> None:
    """Write the table `about`, which ends with the numbers of models and rows in the file."""
    totals = con.execute(
        f"select count(*), coalesce(sum(rows), 0)::bigint from {TARGET}.catalogue"
    ).fetchone() or (0, 0)
    columns = ", ".join(f"? as {name}" for name in [*about, "models", "rows"])
    con.execute(f"create table {TARGET}.about as select {columns}", [*about.values(), *totals])
    con.execute(
        f"comment on table {TARGET}.about is 'One row: what this file is and when it was made.'"
    )
