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
from typing import Any

import duckdb

from p4books.errors import LoadMismatch, P4BooksError
from p4books.extract.reader import ExtractedList
from p4books.load.delta import Delta, open_copy
from p4books.load.guards import Guards, compare_lists
from p4books.load.schema import (
    BATCH,
    Origin,
    UnknownField,
    VersionCounts,
    WarehouseState,
    count_versions,
    record_origin,
    record_progress,
    record_unknown_fields,
    select_unknown_fields,
    stamp_change,
)
from p4books.load.warehouse import translate_error, translate_errors
from p4books.storage.database import MEMORY_STEPS, THREADS, quote_literal, quote_path

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


# What is not said here, dlt looks up in all places for settings, a dozen times in each load.
_DESTINATION: Any = {
    "destination_name": "warehouse",
    "environment": "warehouse",
    "replace_strategy": "truncate-and-insert",
    "staging_dataset_name_layout": "%s_staging",
    "enable_dataset_name_normalization": True,
    "info_tables_query_threshold": 1000,
    "staging_config": None,
    "truncate_tables_on_staging_destination_before_load": True,
}


@dataclass(frozen=True)
class LoadResult:
    """Result of a load, by endpoint.

    `copy` is a copy of the warehouse with the deltas loaded, None if there is nothing to load or to
    record; `counts` and `unknown` are of the copy. `faults` are the errors of lists that were not
    loaded; `waiting` says which lists wait until more of them is read, and why.
    """

    deltas: Mapping[str, Delta]
    faults: Mapping[str, P4BooksError]
    copy: Path | None
    counts: Mapping[str, VersionCounts]
    unknown: Sequence[UnknownField] = ()
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
    copy = scratch / warehouse.name
    with translate_errors(warehouse, scratch), open_copy(warehouse, copy, memory) as con:
        pairs, faults, waiting = compare_lists(con, lists, state, guards, _start_import)
        deltas = {extracted.endpoint.name: delta for extracted, delta in pairs}
        if not pairs:
            return LoadResult(deltas, faults, None, {}, waiting=waiting)
        read_at = max(extracted.scan.ended_at for extracted, _ in pairs)
        load_deltas(con, list(deltas.values()), warehouse, copy, read_at, memory, origin)
        counts, unknown = count_versions(con, read_at), select_unknown_fields(con)
    log.info("loaded into a copy of the warehouse")
    return LoadResult(deltas, faults, copy, counts, unknown, waiting)


def load_deltas(  # noqa: PLR0913 - as load_lists, with the open copy
    con: duckdb.DuckDBPyConnection,
    deltas: Sequence[Delta],
    warehouse: Path,
    copy: Path,
    read_at: float,
    memory: str = MEMORY_STEPS[0],
    origin: Origin | None = None,
) -> None:
    """Load the deltas into the copy of the warehouse in which they were found, open as `con`.

    `read_at` is the time, in seconds since 1970, from which the new versions are valid. The copy is
    complete when it is closed. Raises LoadFailed, LoadMismatch, WarehouseDamaged, OutOfMemory and
    DiskTrouble; the warehouse itself is not changed.
    """
    scratch, loading = copy.parent, [delta for delta in deltas if delta.versions]
    with translate_errors(warehouse, scratch):
        shutil.rmtree(scratch / "dlt", ignore_errors=True)  # of an attempt with less memory
        if loading:
            _start_import()
            files = [(delta, _write_versions(con, delta, read_at, scratch)) for delta in loading]
            # While we keep it open, the file is checkpointed once, not whenever dlt closes it.
            con.execute("set checkpoint_threshold = '1GB'")
            with _dlt_lock, _dlt_environment({**_DLT_SETTINGS, "DLT_DATA_DIR": str(scratch)}):
                _run_dlt(files, copy, warehouse, memory)
        con.begin()
        finalize_load(con, deltas, read_at)
        if origin:
            record_origin(con, origin)
        if any(delta.changes for delta in deltas):
            stamp_change(con, read_at)
        con.commit()


def select_versions(delta: Delta, read_at: float) -> str:
    """Return the query of the rows to send to dlt, with the columns of the time they are valid.

    `read_at` is in seconds since 1970. If the delta closes versions, those times are null: then
    dlt's merge sets them, and `finalize_load` corrects them.
    """
    since = "null" if delta.closes else quote_literal(str(delta.valid_from(read_at)))
    validity = f"{since}::timestamptz as _dlt_valid_from, null::timestamptz as _dlt_valid_to"
    return f"select *, {validity} from ({delta.query})"


def finalize_load(con: duckdb.DuckDBPyConnection, deltas: Sequence[Delta], read_at: float) -> None:
    """Complete the load of the deltas in the copy in which they were found, open as `con`.

    `read_at`, in seconds since 1970, is the time from which the new versions are valid. Raises
    LoadMismatch if the versions in the copy are not those that were sent.
    """
    for delta in deltas:
        name = delta.endpoint.name
        if delta.versions:
            _finalize_versions(con, delta, delta.valid_from(read_at))
        if delta.same:
            _update_hashes(con, name)
        if delta.missed:
            con.execute(f"delete from raw.missed where endpoint = '{name}'")
            con.execute(f"insert into raw.missed select '{name}', id from missed_{name}")
    _record_seen(con, deltas)
    _record_history(con, deltas, datetime.fromtimestamp(read_at, UTC))
    record_progress(con, {delta.endpoint.name: delta.scanned for delta in deltas})


def _finalize_versions(con: duckdb.DuckDBPyConnection, delta: Delta, valid_from: datetime) -> None:
    """Set the times of the versions that dlt merged, and check all of them."""
    if delta.closes:
        _set_validity(con, delta, valid_from)
    _check_versions(con, delta, valid_from)
    rows = f"_dlt_valid_from = {quote_literal(str(valid_from))}::timestamptz"
    record_unknown_fields(con, delta.endpoint, rows)


def _write_versions(
    con: duckdb.DuckDBPyConnection, delta: Delta, read_at: float, scratch: Path
) -> Path:
    """Write the rows of a delta to Parquet with exactly the columns that dlt expects.

    Then dlt imports the file as it is. Groups of few rows need little memory.
    """
    path, query = scratch / f"{delta.endpoint.name}.parquet", select_versions(delta, read_at)
    con.execute(f"copy ({query}) to {quote_path(path)} (format parquet, row_group_size {BATCH})")
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
    credentials.resolve()
    pipeline = dlt.pipeline(
        "p4books",
        pipelines_dir=str(scratch / "dlt"),
        destination=duckdb_destination(credentials, **_DESTINATION),
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


def _set_validity(con: duckdb.DuckDBPyConnection, delta: Delta, at: datetime) -> None:
    name = delta.endpoint.name
    table = f"raw.{name}"
    opened = con.execute(
        f"""
        update {table} as target set _dlt_valid_from = $at
        from delta_{name} as delta
        where delta.kind in ('new', 'changed')
            and target.id = delta.id and target._dlt_valid_to is null
            and target.row_hash = delta.row_hash
        """,
        {"at": at},
    ).fetchone()
    closed = con.execute(
        f"""
        update {table} as target set _dlt_valid_to = $at
        from delta_{name} as delta
        where delta.kind in ('changed', 'gone')
            and target.id = delta.id and target.row_hash = delta.active_hash
            and target._dlt_valid_from = delta.active_since
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


def _update_hashes(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Store the hashes of rows whose notation or hash function changed, but not their values."""
    con.execute(
        f"""
        update raw.{name} as target set row_hash = delta.row_hash
        from delta_{name} as delta
        where delta.kind = 'same' and target.id = delta.id and target._dlt_valid_to is null
        """
    )


def _check_versions(con: duckdb.DuckDBPyConnection, delta: Delta, at: datetime) -> None:
    """Check dlt once more: the new versions are those sent, and no other one was opened or closed.

    The active rows are those before, plus the new, minus the gone.
    """
    table = f"raw.{delta.endpoint.name}"
    opened, active = con.execute(
        f"""
        select count(*) filter (_dlt_valid_from = $at), count(*)
        from {table} where _dlt_valid_to is null
        """,
        {"at": at},
    ).fetchone() or (0, 0)
    for expected, arrived in (
        (delta.new + delta.changed, opened),
        (delta.held + delta.new - delta.gone, active),
    ):
        if arrived != expected:
            raise LoadMismatch(table, expected, arrived)


def _record_seen(con: duckdb.DuckDBPyConnection, deltas: Sequence[Delta]) -> None:
    """Record when the rows were last seen; one that is gone has no such time."""
    names = [delta.endpoint.name for delta in deltas]
    rows = [f"select '{name}' as endpoint, id, read_at from seen_{name}" for name in names]
    rows += [
        f"select '{delta.endpoint.name}', id, null from delta_{delta.endpoint.name}"
        " where kind = 'gone'"
        for delta in deltas
        if delta.gone
    ]
    con.execute(f"create or replace temp table fresh as {' union all '.join(rows)}")
    con.execute(
        """
        delete from raw.seen using fresh
        where seen.endpoint = fresh.endpoint and seen.id = fresh.id;
        insert into raw.seen select endpoint, id, read_at from fresh where read_at is not null;
        """
    )


def _record_history(con: duckdb.DuckDBPyConnection, deltas: Sequence[Delta], at: datetime) -> None:
    """Record since when the history of a list is known: its first copy, even one without rows."""
    known = {name for (name,) in con.execute("select endpoint from raw.history").fetchall()}
    for name in {delta.endpoint.name for delta in deltas} - known:
        con.execute(
            f"""
            insert into raw.history
            select '{name}', coalesce(min(_dlt_valid_from), $at) from raw.{name}
            """,
            {"at": at},
        )
