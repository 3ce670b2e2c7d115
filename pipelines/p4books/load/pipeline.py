"""The dlt pipeline that loads deltas into a copy of the warehouse."""

import logging
import os
import shutil
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.errors import LoadMismatch, P4BooksError
from p4books.extract.reader import ExtractedList
from p4books.load.delta import Delta, open_comparison
from p4books.load.guards import Guards, compare_lists
from p4books.load.schema import (
    BATCH,
    Origin,
    VersionCounts,
    WarehouseState,
    add_tables,
    count_versions,
    create_tables,
    record_origin,
    record_progress,
    record_unknown_fields,
    stamp_change,
)
from p4books.load.warehouse import translate_error, translate_errors
from p4books.storage.database import (
    LOGS,
    MEMORY_STEPS,
    THREADS,
    open_database,
    quote_file,
    quote_literal,
    quote_path,
)
from p4books.storage.files import copy_file

log = logging.getLogger(__name__)

# dlt takes its settings from the environment and has one active pipeline: both are the process's.
_dlt_lock = threading.Lock()

_DLT_SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RESTORE_FROM_DESTINATION": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "LOAD__TRUNCATE_STAGING_DATASET": "true",
    "LOAD__WORKERS": str(THREADS),
    "NORMALIZE__WORKERS": "1",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "false",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID": "false",
    "DEV_MODE": "false",
}


@dataclass(frozen=True)
class LoadResult:
    """Result of a load, by endpoint.

    `copy` is a copy of the warehouse with the deltas loaded, None if there is nothing to load or to
    record; `faults` are the errors of lists that were not loaded, `counts` those of the copy;
    `waiting` says which lists wait until more of them is read, and why.
    """

    deltas: Mapping[str, Delta]
    faults: Mapping[str, P4BooksError]
    copy: Path | None
    counts: Mapping[str, VersionCounts]
    waiting: Sequence[str] = ()

    @property
    def versions(self) -> int:
        """Number of versions loaded."""
        return sum(delta.versions for delta in self.deltas.values())

    @property
    def has_changes(self) -> bool:
        """Whether the books in the copy differ from those in the warehouse."""
        return any(delta.changes for delta in self.deltas.values())


def load_lists(  # noqa: PLR0913 - what to load, where, and within which limits
    lists: Sequence[ExtractedList],
    state: WarehouseState,
    warehouse: Path,
    scratch: Path,
    guards: Guards,
    memory: str = MEMORY_STEPS[0],
    origin: Origin | None = None,
) -> LoadResult:
    """Compare lists with the warehouse, and load the differences into a copy of it.

    `origin` is recorded in the copy. Raises what `load_deltas` raises; the warehouse itself is not
    changed.
    """
    with (
        translate_errors(warehouse, scratch),
        open_comparison(warehouse, scratch, memory) as con,
    ):
        pairs, faults, waiting = compare_lists(con, lists, state, guards, _start_import)
        deltas = {extracted.endpoint.name: delta for extracted, delta in pairs}
        if not pairs:
            return LoadResult(deltas, faults, None, {}, waiting)
        read_at = max(extracted.scan.ended_at for extracted, _ in pairs)
        copy = load_deltas(con, list(deltas.values()), warehouse, scratch, read_at, memory, origin)
    log.info("loaded into a copy of the warehouse")
    return LoadResult(deltas, faults, copy, count_versions(copy, read_at), waiting)


def load_deltas(  # noqa: PLR0913 - as load_lists, with the connection of the deltas
    con: duckdb.DuckDBPyConnection,
    deltas: Sequence[Delta],
    warehouse: Path,
    scratch: Path,
    read_at: float,
    memory: str = MEMORY_STEPS[0],
    origin: Origin | None = None,
) -> Path:
    """Load the deltas into a copy of the warehouse and return the copy, closed.

    `con` is the connection of the deltas, `read_at` the time, in seconds since 1970, from which
    the new versions are valid. Raises LoadFailed, LoadMismatch, WarehouseDamaged, OutOfMemory and
    DiskTrouble; the warehouse itself is not changed.
    """
    copy, loading = scratch / warehouse.name, [delta for delta in deltas if delta.versions]
    with translate_errors(warehouse, scratch):
        if loading:
            _start_import()
        for suffix in ("", *LOGS):  # of an attempt with less memory
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)
        shutil.rmtree(scratch / "dlt", ignore_errors=True)
        files = [(delta, _write_versions(con, delta, read_at, scratch)) for delta in loading]
        if warehouse.exists():
            copy_file(warehouse, copy)
        else:  # made before it is kept open: its storage version would keep dlt from opening it
            create_tables(copy, tuple(ENDPOINTS.values()))
        # While we keep it open, the file is checkpointed once, not whenever dlt closes it.
        with open_database(copy, spill=scratch, memory=memory) as database:
            add_tables(database, tuple(ENDPOINTS.values()))
            if files:
                database.execute("set checkpoint_threshold = '1GB'")
                with _dlt_lock, _dlt_environment({**_DLT_SETTINGS, "DLT_DATA_DIR": str(scratch)}):
                    _run_dlt(files, copy, warehouse, memory)
            database.begin()
            finalize_load(con, database, deltas, read_at, scratch)
            if origin:
                record_origin(database, origin)
            if any(delta.changes for delta in deltas):
                stamp_change(database, read_at)
            database.commit()
    return copy


def select_versions(con: duckdb.DuckDBPyConnection, delta: Delta, read_at: float) -> str:
    """Return the query of the rows to send to dlt, with the columns of the time they are valid.

    `read_at` is in seconds since 1970. If the delta closes versions, those times are null: then
    dlt's merge sets them, and `finalize_load` corrects them.
    """
    since = "null"
    if not delta.closes:
        since = quote_literal(str(_compute_valid_from(con, delta.endpoint.name, read_at)))
    validity = f"{since}::timestamptz as _dlt_valid_from, null::timestamptz as _dlt_valid_to"
    return f"select *, {validity} from ({delta.query})"


def finalize_load(
    con: duckdb.DuckDBPyConnection,
    copy: duckdb.DuckDBPyConnection,
    deltas: Sequence[Delta],
    read_at: float,
    scratch: Path,
) -> None:
    """Complete the load of the deltas in `copy`; `con` is their connection.

    `read_at`, in seconds since 1970, is the time from which the new versions are valid. Raises
    LoadMismatch if the versions in the copy are not those that were sent.
    """
    for delta in deltas:
        name = delta.endpoint.name
        if delta.versions:
            _finalize_versions(con, copy, delta, read_at, scratch)
        same = f"from delta_{name} where kind = 'same'"
        if con.execute(f"{same} limit 1").fetchone():
            _copy_rows(con, f"select id, row_hash {same}", copy, "same_", scratch)
            _update_hashes(copy, name)
        if delta.missed:
            _copy_rows(con, f"select id from missed_{name}", copy, "missed_", scratch)
            copy.execute(f"delete from raw.missed where endpoint = '{name}'")
            copy.execute(f"insert into raw.missed select '{name}', id from missed_")
    _record_seen(con, copy, deltas, scratch)
    for delta in deltas:
        _record_scan(copy, delta, datetime.fromtimestamp(read_at, UTC))


def _finalize_versions(
    con: duckdb.DuckDBPyConnection,
    copy: duckdb.DuckDBPyConnection,
    delta: Delta,
    read_at: float,
    scratch: Path,
) -> None:
    """Set the times of the versions that dlt merged, and check all of them."""
    name = delta.endpoint.name
    valid_from = _compute_valid_from(con, name, read_at)
    if delta.closes:
        closed = f"""
            select active.id, active.row_hash, active._dlt_valid_from
            from active_{name} as active
            join delta_{name} as delta on active.id = delta.id
            where delta.kind in ('changed', 'gone')
            """
        _copy_rows(con, closed, copy, "active_", scratch)
        sent = f"select id, row_hash from delta_{name} where kind in ('new', 'changed')"
        _copy_rows(con, sent, copy, "sent_", scratch)
        _set_validity(copy, delta, valid_from)
    _check_versions(con, copy, delta, valid_from)
    rows = f"_dlt_valid_from = {quote_literal(str(valid_from))}::timestamptz"
    record_unknown_fields(copy, delta.endpoint, rows)


def _write_versions(
    con: duckdb.DuckDBPyConnection, delta: Delta, read_at: float, scratch: Path
) -> Path:
    """Write the rows of a delta to Parquet with exactly the columns that dlt expects.

    Then dlt imports the file as it is. Groups of few rows need little memory.
    """
    path = scratch / f"{delta.endpoint.name}.parquet"
    _write_parquet(con, select_versions(con, delta, read_at), path)
    return path


def _run_dlt(files: Sequence[tuple[Delta, Path]], copy: Path, warehouse: Path, memory: str) -> None:
    scratch = copy.parent
    import dlt  # noqa: PLC0415 - takes a second: only where needed, in a thread
    import pyarrow as pa  # noqa: PLC0415 - as above
    from dlt.common.runtime.collector import NULL_COLLECTOR  # noqa: PLC0415 - as above
    from dlt.destinations import duckdb as duckdb_destination  # noqa: PLC0415 - as above
    from dlt.destinations.impl.duckdb import configuration  # noqa: PLC0415 - as above

    from p4books.load.source import versions_source  # noqa: PLC0415 - as above

    config = {"memory_limit": memory, "threads": THREADS}
    # The default pool does not return 100 MB to the system.
    pa.set_memory_pool(pa.system_memory_pool())
    credentials = configuration.DuckDbCredentials(str(copy), global_config=config)
    pipeline = dlt.pipeline(
        "p4books",
        pipelines_dir=str(scratch / "dlt"),
        destination=duckdb_destination(credentials),
        dataset_name="raw",
        progress=NULL_COLLECTOR,
    )
    try:
        pipeline.run(versions_source(files))
    except Exception as error:  # noqa: BLE001 - dlt raises errors of many kinds
        raise translate_error(error, warehouse, scratch) from None


def _start_import() -> None:
    """Import dlt in a thread: it takes half a second, while DuckDB does something else."""
    if "dlt" not in sys.modules:
        threading.Thread(target=_import_dlt, daemon=True).start()


def _import_dlt() -> None:
    with suppress(ImportError):  # which is raised again where it is used
        import p4books.load.source  # noqa: F401, PLC0415


@contextmanager
def _dlt_environment(variables: dict[str, str]) -> Iterator[None]:
    """Override dlt's settings for one load; the user's may be for other pipelines."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _copy_rows(
    con: duckdb.DuckDBPyConnection,
    query: str,
    copy: duckdb.DuckDBPyConnection,
    table: str,
    scratch: Path,
) -> None:
    """Make a temporary table in `copy` from a query; through a file, since Arrow takes 50 MB."""
    with NamedTemporaryFile(dir=scratch, suffix=".parquet") as file:
        path = Path(file.name)
        _write_parquet(con, query, path)
        source = f"read_parquet({quote_file(path)}, hive_partitioning = false)"
        copy.execute(f"create or replace temporary table {table} as from {source}")


def _write_parquet(con: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    con.execute(f"copy ({query}) to {quote_path(path)} (format parquet, row_group_size {BATCH})")


def _compute_valid_from(con: duckdb.DuckDBPyConnection, name: str, read_at: float) -> datetime:
    """Return the time from which the new versions are valid, after all times of earlier ones."""
    at = datetime.fromtimestamp(read_at, UTC)
    row = con.execute(
        f"select greatest($at, newest + interval 1 microsecond) from newest_{name}",
        {"at": at},
    ).fetchone()
    return row[0] if row else at


def _set_validity(copy: duckdb.DuckDBPyConnection, delta: Delta, at: datetime) -> None:
    table = f"raw.{delta.endpoint.name}"
    opened = copy.execute(
        f"""
        update {table} as target set _dlt_valid_from = $at
        from sent_ as sent
        where target.id = sent.id and target._dlt_valid_to is null
            and target.row_hash = sent.row_hash
        """,
        {"at": at},
    ).fetchone()
    closed = copy.execute(
        f"""
        update {table} as target set _dlt_valid_to = $at
        from active_ as active
        where target.id = active.id and target.row_hash = active.row_hash
            and target._dlt_valid_from = active._dlt_valid_from
            and target._dlt_valid_to is not null
        """,
        {"at": at},
    ).fetchone()
    for sent, row in (
        (delta.new + delta.changed, opened),
        (delta.changed + delta.gone, closed),
    ):
        if row is None or row[0] != sent:
            raise LoadMismatch(table, sent, row[0] if row else 0)


def _update_hashes(copy: duckdb.DuckDBPyConnection, name: str) -> None:
    """Store the hashes of rows whose notation or hash function changed, but not their values."""
    copy.execute(
        f"""
        update raw.{name} as target set row_hash = same.row_hash
        from same_ as same
        where target.id = same.id and target._dlt_valid_to is null
        """
    )


def _check_versions(
    con: duckdb.DuckDBPyConnection, copy: duckdb.DuckDBPyConnection, delta: Delta, at: datetime
) -> None:
    """Check dlt once more: the new versions are those sent, and no other one was opened or closed.

    The active rows are those before, plus the new, minus the gone.
    """
    name = delta.endpoint.name
    (before,) = con.execute(f"select count(*) from active_{name}").fetchone() or (0,)
    opened, active = copy.execute(
        f"""
        select count(*) filter (_dlt_valid_from = $at), count(*)
        from raw.{name} where _dlt_valid_to is null
        """,
        {"at": at},
    ).fetchone() or (0, 0)
    for expected, arrived in (
        (delta.new + delta.changed, opened),
        (before + delta.new - delta.gone, active),
    ):
        if arrived != expected:
            raise LoadMismatch(f"raw.{name}", expected, arrived)


def _record_seen(
    con: duckdb.DuckDBPyConnection,
    copy: duckdb.DuckDBPyConnection,
    deltas: Sequence[Delta],
    scratch: Path,
) -> None:
    """Record when the rows were last seen; one that is gone has no such time."""
    names = [delta.endpoint.name for delta in deltas]
    rows = [f"select '{name}' as endpoint, id, read_at from seen_{name}" for name in names]
    rows += [
        f"select '{delta.endpoint.name}', id, null from delta_{delta.endpoint.name}"
        " where kind = 'gone'"
        for delta in deltas
        if delta.gone
    ]
    _copy_rows(con, " union all ".join(rows), copy, "seen_", scratch)
    copy.execute(
        """
        delete from raw.seen using seen_ as fresh
        where seen.endpoint = fresh.endpoint and seen.id = fresh.id;
        insert into raw.seen select endpoint, id, read_at from seen_ where read_at is not null;
        """
    )


def _record_scan(copy: duckdb.DuckDBPyConnection, delta: Delta, at: datetime) -> None:
    name = delta.endpoint.name
    copy.execute(  # its history is known since its first copy, even one without rows
        f"""
        insert or ignore into raw.history
        select '{name}', coalesce(min(_dlt_valid_from), $at) from raw.{name}
        """,
        {"at": at},
    )
    record_progress(copy, name, delta.scanned)
