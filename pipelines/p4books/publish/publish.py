"""Building, checking and replacing the published file."""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import duckdb

from p4books.errors import (
    BrokenSeed,
    BrokenSql,
    CheckFailed,
    DiskTrouble,
    NoPicture,
    OutOfMemory,
    PublishedHasMore,
)
from p4books.home import hold_state
from p4books.load.books import check_not_lost, find_unfinished_lists
from p4books.load.evolution import migrate_warehouse, needs_migration
from p4books.load.schema import create_tables, load_endpoints, read_stamp, read_state
from p4books.load.warehouse import check_warehouse, translate_error
from p4books.publish.catalogue import write_about, write_catalogue
from p4books.publish.published_file import (
    REPUBLISH_AFTER,
    FileAccess,
    FileState,
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
    plan_for_few_rows,
    quote_path,
    retry_with_more_memory,
)
from p4books.storage.files import copy_file, scratch_dir
from p4books.storage.interrupt import is_stop_requested
from p4books.storage.run_log import BuildRecord, CheckRecord, RunLog
from p4books.transform.as_of import rewind_to_day
from p4books.transform.build import build_custom_tables, build_tables, drop_unpublished
from p4books.transform.changes import LOOKUP_PATH, TARGET, find_changes, list_changes
from p4books.transform.checks import run_checks
from p4books.transform.inputs import INPUTS, ModelInputs, use_inputs
from p4books.transform.models import CUSTOM, ModelSet, SqlSources, load_models
from p4books.transform.slices import Slices

LARGE = 100_000  # rows in a published file of which parts of tables are computed

log = logging.getLogger(__name__)

try:
    VERSION = version("p4books")
except PackageNotFoundError:  # run from a working tree that is not installed
    VERSION = "0"

About = Mapping[str, str | datetime | date | None]


@dataclass(frozen=True)
class LastPublished:
    """The last published file, and fingerprints: of its inputs, and of its tables if known."""

    file: Path
    fingerprints: Mapping[str, str]


@dataclass(frozen=True)
class PublishTarget:
    """A published file to write: where, with which mode, what it says about itself.

    `about` is the row of the table `about`, `checks` are the files of the checks that must pass,
    and `scratch` is a folder in which the file is built. `inputs` are those of the models, None if
    the warehouse has them. `last` is the file of which is kept what did not change; if it has more
    than `large` rows, only parts of its tables are computed, which takes longer in a small one.
    `group` is the number of the file's group; None leaves that to its folder. `log` is where it is
    recorded what was published, and what the checks found; None if nowhere.
    """

    scratch: Path
    file: Path
    mode: int
    about: About = field(default_factory=dict)
    checks: Sequence[Path] = ()
    inputs: ModelInputs | None = None
    last: LastPublished | None = None
    group: int | None = None
    log: RunLog | None = None
    large: int = LARGE

    @property
    def made_at(self) -> float:
        """When this file is made, in seconds since 1970."""
        at = self.about.get("published_at")
        return at.timestamp() if isinstance(at, datetime) else time.time()


def publish_report(
    settings: Settings, day: date | None = None, sql: Path | None = None, *, rebuild: bool = False
) -> tuple[Path, ModelSet]:
    """Publish the reports from the warehouse, without a sync; return the file and its models.

    With a `day`, they show the books at its end and go to a separate file beside the published one.
    That is built from scratch, and so is the published one with `rebuild`; else what did not change
    is taken from the last one. Raises SettingsError, NoPicture, BrokenSql, CheckFailed,
    AlreadyRunning, WarehouseLost, WarehouseDamaged, PublishedHasMore, DiskTrouble and
    PublishedFileBlocked; the published file is unchanged then. Raises PublishedFileUnreadable if
    readers can't open the new one.
    """
    find_access(settings)
    warehouse = settings.warehouse
    name = "report" if day else "run"
    sources = SqlSources.at(sql)
    with hold_state(settings, name), scratch_dir(settings.scratch(name)) as scratch:
        check_not_lost(settings)
        if not warehouse.exists():
            raise NoPicture("Nothing has been copied yet. Run `p4books sync` first.")
        check_warehouse(warehouse)
        try:
            runs = RunLog(settings.run_log).load_runs(last=None)
            inputs = ModelInputs(settings, sources, runs)
            if day:
                copy = _copy_of_day(warehouse, scratch, inputs, day)
                models = load_models(sources)
                target = _make_target(copy, scratch, inputs, day)
                return target.file, _publish_with_retries(copy, models, target)
            if needs_migration(warehouse, load_endpoints(warehouse)):
                warehouse = _copy_warehouse(warehouse, scratch)
            copied = read_state(warehouse).scans
            if unfinished := find_unfinished_lists(settings, scratch, copied):
                raise PublishedHasMore(settings.published, unfinished)
            found = None if rebuild else inspect_published(settings)
            return settings.published, publish_warehouse(warehouse, inputs, scratch, found)
        except OSError as error:
            raise DiskTrouble(scratch, error.strerror or str(error)) from None
        except duckdb.Error as error:
            raise translate_error(error, warehouse, scratch) from None


def is_publish_due(settings: Settings, sql: SqlSources, found: FileState) -> bool:
    """Return whether the published file, as it was found, is missing, outdated or damaged."""
    age = datetime.now(UTC) - found.published_at if found.published_at else REPUBLISH_AFTER
    is_current = found.made_of == _fingerprint(settings.warehouse, settings, sql)
    return found.damage is not None or not is_current or abs(age) >= REPUBLISH_AFTER


def publish_warehouse(
    warehouse: Path,
    inputs: ModelInputs,
    scratch: Path,
    found: FileState | None,
    *,
    large: int = LARGE,
) -> ModelSet:
    """Publish the models of a warehouse of this format, and return those that were built.

    What did not change is taken from the last published file, as it was `found`; None means to take
    nothing from it. Of one with more than `large` rows only parts of tables are computed. Nor is
    anything taken if that fails, for example since the file is damaged: so what is wrong in the
    books is found twice. Raises BrokenSql, CheckFailed, OutOfMemory, DiskTrouble,
    PublishedFileUnreadable, PublishedFileBlocked and SettingsError.
    """
    models = load_models(inputs.sql)
    target = _make_target(warehouse, scratch, inputs)
    if found and (last := _find_last(inputs.settings, target, found)):
        try:
            return _publish_with_retries(warehouse, models, replace(target, last=last, large=large))
        except BrokenSeed:
            raise
        except (BrokenSql, CheckFailed, OutOfMemory, DiskTrouble, duckdb.Error) as error:
            if is_stop_requested():  # the update is not at fault
                raise KeyboardInterrupt from None
            log.warning("built from scratch, since an update failed: %s", error)
    return _publish_with_retries(warehouse, models, target)


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
        if target.last:
            copy_file(target.last.file, file)
        with open_database(spill=target.scratch, memory=memory) as con:
            con.execute("set preserve_insertion_order = false")  # but of what is sorted
            con.execute(f"attach {quote_path(warehouse)} as warehouse (read_only)")
            con.execute(
                f"attach {quote_path(file)} as {TARGET}"
                f" (storage_version '{STORAGE_VERSION}', recovery_mode no_wal_writes)"
            )
            published, fingerprints, build = _build_models(
                con, models, target, is_last_try=memory == MEMORY_STEPS[-1]
            )
            con.execute("use memory")
            con.execute(f"checkpoint {TARGET}")
            is_half_empty = _is_half_empty(con)
            con.execute(f"detach {TARGET}")
        record = replace_published(file, target.file, FileAccess(target.mode, target.group))
        file.unlink()
    except duckdb.OutOfMemoryException as error:
        raise OutOfMemory(str(error).splitlines()[0]) from None
    except (OSError, duckdb.IOException) as error:
        raise DiskTrouble(target.file, str(error).splitlines()[0]) from None
    if target.log:
        kept = "" if is_half_empty else json.dumps(fingerprints)
        target.log.save_published(replace(record, inputs=kept), build)
    return published


def _build_models(
    con: duckdb.DuckDBPyConnection, models: ModelSet, target: PublishTarget, *, is_last_try: bool
) -> tuple[ModelSet, Mapping[str, str], BuildRecord]:
    """Build and check all tables of the file.

    Returns the models, the fingerprints of inputs and tables, and what became of models and checks.
    """
    use_inputs(con)
    if target.inputs:
        target.inputs.load(con)
    before = target.last.fingerprints if target.last else None
    builtin = [model for model in models.models if model.layer != CUSTOM]
    changes, fingerprints = find_changes(con, builtin, before)
    if target.last:
        con.execute(f"drop schema if exists {TARGET}.{CUSTOM} cascade")
    con.execute("set threads = 1")  # of each query: two may run at a time
    slices = Slices(are_used=changes is None or _count_published(con) > target.large)
    of_tables = {}
    if before and not slices.are_used:
        of_tables = {name: text for name, text in before.items() if name not in fingerprints}
    with nullcontext() if slices.are_used else plan_for_few_rows(con):
        build_tables(con, models, changes, slices, of_tables)
        if changes is not None:
            kept = sum(model.full_name not in changes for model in builtin if model.has_table)
            log.info("%d tables kept from the last published file", kept)
        claims = run_checks(con, builtin, target.checks, changes, slices)
    con.execute(f"set search_path = '{TARGET}.main,{LOOKUP_PATH}'")
    built = build_custom_tables(con, models, is_last_try=is_last_try)
    published = drop_unpublished(con, built)
    write_catalogue(con, published, changes)
    _write_about(con, target)
    by_name = {model.full_name: model for model in models.models}
    changed = {
        model.full_name: changes is None
        or model.layer == CUSTOM
        or bool(list_changes([model.full_name], by_name, changes))
        for model in published.models
    }
    return published, {**of_tables, **fingerprints}, BuildRecord(target.made_at, changed, claims)


def _count_published(con: duckdb.DuckDBPyConnection) -> int:
    """Return how many rows the models in a published file have."""
    row = con.execute(f"select rows from {TARGET}.about").fetchone()
    return row[0] if row else 0


def _is_half_empty(con: duckdb.DuckDBPyConnection) -> bool:
    """Return whether most of the file is what was replaced in it, so that the next one is new."""
    used, free = con.execute(
        "select used_blocks, free_blocks from pragma_database_size() where database_name = ?",
        [TARGET],
    ).fetchone() or (0, 0)
    return bool(free > used)


def _copy_of_day(warehouse: Path, scratch: Path, inputs: ModelInputs, day: date) -> Path:
    """Copy the warehouse, with the inputs of the models, as it was at the end of a day."""
    copy = _copy_warehouse(warehouse, scratch)
    with open_database(copy) as con:
        inputs.load(con)
    rewind_to_day(copy, day, inputs.settings)
    return copy


def _copy_warehouse(warehouse: Path, scratch: Path) -> Path:
    """Copy the warehouse, and bring the copy to the format of this version."""
    copy = copy_file(warehouse, scratch / warehouse.name)
    endpoints = load_endpoints(copy)
    create_tables(copy, tuple(endpoints.values()))
    if needs_migration(copy, endpoints):
        migrate_warehouse(copy, endpoints)
    return copy


def _make_target(
    warehouse: Path, scratch: Path, inputs: ModelInputs, day: date | None = None
) -> PublishTarget:
    settings = inputs.settings
    about: About = {
        "tenant": settings.tenant,
        "as_of_at": None,  # is known when the inputs are loaded
        "as_of_on": None,
        "timezone": settings.timezone,
        "currency": settings.currency,
        "p4books_version": VERSION,
        "published_at": datetime.now(UTC),
        "made_of": _fingerprint(warehouse, settings, inputs.sql),
    }
    access = find_access(settings)
    return PublishTarget(
        scratch,
        settings.published_as_of(day),
        access.mode,
        about,
        inputs.sql.files("checks"),
        None if day else inputs,
        None,
        access.group,
        None if day else RunLog(settings.run_log),
    )


def _find_last(settings: Settings, target: PublishTarget, found: FileState) -> LastPublished | None:
    """Return the last published file if it is intact, and made by the same program and SQL."""
    record = RunLog(settings.run_log).load_published()
    if record is None or not record.inputs or found.damage or not found.made_of:
        return None
    _, _, code = found.made_of.partition("-")
    if code != str(target.about["made_of"]).partition("-")[2]:
        return None
    return LastPublished(settings.published, json.loads(record.inputs))


def _publish_with_retries(warehouse: Path, models: ModelSet, target: PublishTarget) -> ModelSet:
    def work(memory: str) -> ModelSet:
        return build_published_file(warehouse, models, target, memory)

    try:
        return retry_with_more_memory(work)
    except CheckFailed as error:
        if target.log:
            target.log.save_failed_check(error.claim, CheckRecord(target.made_at, error.finding))
        raise


def _fingerprint(warehouse: Path, settings: Settings, sql: SqlSources) -> str:
    """Return what a published file is made of.

    First when rows changed last, and the inputs; then what a file that is updated has in common
    with the last one.
    """
    changed_at, _, migrated_at = read_stamp(warehouse).partition(" ")
    changed_at = f"{changed_at} {sql.digest_inputs()}"
    options = f"{settings.timezone}-{settings.currency}-{settings.tax_date}"
    program = f"{VERSION}-{duckdb.__version__}"
    return f"{changed_at}-{migrated_at}-{sql.digest()}-{options}-{program}"


def _write_about(con: duckdb.DuckDBPyConnection, target: PublishTarget) -> None:
    """Write the table `about`, which ends with the numbers of models and rows in the file."""
    about = dict(target.about)
    if "as_of_at" in about and about["as_of_at"] is None:
        raw = INPUTS if target.inputs else "warehouse.raw"
        row = con.execute(f"select as_of_at, as_of_on from {raw}.as_of").fetchone()
        about["as_of_at"], about["as_of_on"] = row or (None, None)
    write_about(con, about)
