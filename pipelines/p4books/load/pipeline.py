"""The dlt pipeline that loads deltas into a copy of the warehouse."""

import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint
from p4books.errors import LoadMismatch, P4BooksError
from p4books.extract.reader import ExtractedList
from p4books.load.delta import DeletionGuard, Delta, compare_lists, open_comparison
from p4books.load.schema import (
    BATCH,
    VersionCounts,
    WarehouseState,
    count_versions,
    create_tables,
    record_unknown_fields,
    stamp_change,
)
from p4books.load.warehouse import translate_error, translate_errors
from p4books.storage.database import MEMORY_STEPS, THREADS, open_database

log = logging.getLogger(__name__)


def finalize_load(
    con: duckdb.DuckDBPyConnection, made: duckdb.DuckDBPyConnection, delta: Delta, read_at: float
) -> None:
    """Settle one endpoint in the database of `made`; `con` is where its delta was taken.

    `read_at`, in seconds since 1970, is the instant from which its new versions are valid. Raises
    LoadMismatch where the versions in the warehouse are not those that were sent.
    """
    name = delta.endpoint.name
    _register(con, made, "delta_", f"select id, row_hash, kind from delta_{name}")
    _register(
        con,
        made,
        "active_",
        f"""
        select active.id, active.row_hash, active._dlt_valid_from
        from active_{name} as active
        join delta_{name} as delta on active.id = delta.id
        where delta.kind in ('changed', 'gone')
        """,
    )
    _register(con, made, "seen_", f"select id, read_at from seen_{name}")
    _register(con, made, "missed_", f"select id from missed_{name}")
    if delta.versions:
        _date(made, delta, _instant(con, name, read_at))
        _count_active(con, made, delta)
        changed = "select id from delta_ where kind in ('new', 'changed')"
        record_unknown_fields(made, delta.endpoint, f"_dlt_valid_to is null and id in ({changed})")
    _respell(made, name)
    _record_scan(made, delta, datetime.fromtimestamp(read_at, UTC))


def _register(
    con: duckdb.DuckDBPyConnection, made: duckdb.DuckDBPyConnection, name: str, query: str
) -> None:
    made.register(name, con.execute(query).to_arrow_table())


def _instant(con: duckdb.DuckDBPyConnection, name: str, read_at: float) -> datetime:
    """Return from when the versions are valid: never before those they follow."""
    at = datetime.fromtimestamp(read_at, UTC)
    row = con.execute(
        f"select greatest($at, max(_dlt_valid_from) + interval 1 microsecond) from active_{name}",
        {"at": at},
    ).fetchone()
    return row[0] if row else at


def _date(made: duckdb.DuckDBPyConnection, delta: Delta, at: datetime) -> None:
    table = f"raw.{delta.endpoint.name}"
    opened = made.execute(
        f"""
        update {table} as target set _dlt_valid_from = $at
        from delta_ as delta
        where target.id = delta.id and target._dlt_valid_to is null
            and delta.kind in ('new', 'changed') and target.row_hash = delta.row_hash
        """,
        {"at": at},
    ).fetchone()
    closed = made.execute(
        f"""
        update {table} as target set _dlt_valid_to = $at
        from active_ as active
        where target.id = active.id and target.row_hash = active.row_hash
            and target._dlt_valid_from = active._dlt_valid_from
            and target._dlt_valid_to is not null
        """,
        {"at": at},
    ).fetchone()
    for sent, found in (
        (delta.new + delta.changed, opened),
        (delta.changed + delta.gone, closed),
    ):
        if found is None or found[0] != sent:
            raise LoadMismatch(table, sent, found[0] if found else 0)


def _respell(made: duckdb.DuckDBPyConnection, name: str) -> None:
    """Note the hash of a new spelling, or by a new way of hashing, with the version it leaves."""
    made.execute(
        f"""
        update raw.{name} as target set row_hash = delta.row_hash
        from delta_ as delta
        where target.id = delta.id and target._dlt_valid_to is null and delta.kind = 'same'
        """
    )


def _count_active(
    con: duckdb.DuckDBPyConnection, made: duckdb.DuckDBPyConnection, delta: Delta
) -> None:
    """Doubt dlt once more: as many rows are active as were, and the new, without the gone."""
    name = delta.endpoint.name
    (before,) = con.execute(f"select count(*) from active_{name}").fetchone() or (0,)
    (after,) = made.execute(
        f"select count(*) from raw.{name} where _dlt_valid_to is null"
    ).fetchone() or (0,)
    wanted = before + delta.new - delta.gone
    if after != wanted:
        raise LoadMismatch(f"raw.{name}", wanted, after)


def _record_scan(made: duckdb.DuckDBPyConnection, delta: Delta, at: datetime) -> None:
    name = delta.endpoint.name
    made.execute(  # since when its history is known: its first copy, be it without a row
        f"""
        insert or ignore into raw.history
        select '{name}', coalesce(min(_dlt_valid_from), $at) from raw.{name}
        """,
        {"at": at},
    )
    made.execute(
        f"""
        delete from raw.seen where endpoint = '{name}' and (
            id in (select id from seen_) or id in (select id from delta_ where kind = 'gone'));
        insert into raw.seen select '{name}', id, read_at from seen_;
        delete from raw.missed where endpoint = '{name}';
        insert into raw.missed select '{name}', id from missed_;
        """
    )
    scanned = delta.scanned
    made.execute(
        "insert or replace into raw.scans values (?, ?, ?, ?)",
        [name, scanned.concluded, scanned.running, scanned.loaded],
    )


_DLT = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
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
    """What became of the lists of a run, by endpoint.

    `copy` is the warehouse with the deltas loaded, None if there is nothing to load or to note;
    `faults` are what could not be loaded, `counts` what the copy contains.
    """

    deltas: Mapping[str, Delta]
    faults: Mapping[str, P4BooksError]
    copy: Path | None
    counts: Mapping[str, VersionCounts]

    @property
    def versions(self) -> int:
        """How many versions were loaded."""
        return sum(delta.versions for delta in self.deltas.values())

    @property
    def has_changes(self) -> bool:
        """Whether the books in the copy differ from those in the warehouse."""
        return any(delta.changes for delta in self.deltas.values())


def load_lists(  # noqa: PLR0913
    lists: Sequence[ExtractedList],
    state: WarehouseState,
    warehouse: Path,
    scratch: Path,
    guard: DeletionGuard,
    memory: str = MEMORY_STEPS[0],
) -> LoadResult:
    """Compare lists with the warehouse, and load what differs into a copy of it.

    Raises what `load_deltas` raises; the warehouse itself is not touched.
    """
    with open_comparison(warehouse, scratch, memory) as con:
        pairs, faults = compare_lists(con, lists, state, guard)
        deltas = {one.endpoint.name: delta for one, delta in pairs}
        if not pairs:
            return LoadResult(deltas, faults, None, {})
        read_at = max(one.scan.ended_at for one, _ in pairs)
        copy = load_deltas(con, list(deltas.values()), warehouse, scratch, read_at, memory)
    log.info("loaded into a copy of the warehouse")
    return LoadResult(deltas, faults, copy, count_versions(copy, read_at))


def load_deltas(  # noqa: PLR0913
    con: duckdb.DuckDBPyConnection,
    deltas: Sequence[Delta],
    warehouse: Path,
    scratch: Path,
    read_at: float,
    memory: str = MEMORY_STEPS[0],
) -> Path:
    """Load the deltas into a copy of the warehouse and return the copy, closed.

    `con` is the connection the deltas were made on, `read_at` the instant, in seconds since 1970,
    from which the new versions are valid. Raises LoadFailed, LoadMismatch, WarehouseDamaged,
    OutOfMemory and DiskTrouble; the warehouse itself is not touched.
    """
    made = scratch / "warehouse.duckdb"
    with translate_errors(warehouse, scratch):
        if warehouse.exists():
            shutil.copyfile(warehouse, made)
        create_tables(made, tuple(ENDPOINTS.values()))
        # Held open, the file is checkpointed once, and not whenever dlt closes it.
        with (
            open_database(made, spill=scratch, memory=memory) as held,
            ThreadPoolExecutor(THREADS) as writers,
        ):
            held.execute("set checkpoint_threshold = '1GB'")
            largest_first = sorted(deltas, key=lambda delta: -delta.versions)
            files = {
                delta.endpoint: writers.submit(_write_deltas, con.cursor(), delta, scratch)
                for delta in largest_first
                if delta.versions
            }
            _run_dlt(files, made, warehouse, memory)
            for delta in deltas:
                finalize_load(con, held, delta, read_at)
            if any(delta.changes for delta in deltas):
                stamp_change(held, read_at)
    return made


def _write_deltas(con: duckdb.DuckDBPyConnection, delta: Delta, scratch: Path) -> Path:
    """Write the versions to Parquet, with just the columns dlt expects: it takes them as is.

    One thread each: a result that is streamed is computed by the thread that takes it.
    """
    import pyarrow as pa  # noqa: PLC0415 - 0.1 s that a run without changes need not wait for
    from pyarrow import parquet  # noqa: PLC0415

    path = scratch / f"{delta.endpoint.name}.parquet"
    validity = "null::timestamptz as _dlt_valid_from, null::timestamptz as _dlt_valid_to"
    batches = con.execute(f"select *, {validity} from ({delta.query})").to_arrow_reader(BATCH)
    schema = pa.schema([each.with_nullable(each.name != "row_hash") for each in batches.schema])
    plain = {"compression": "none", "use_dictionary": False, "write_statistics": False}
    with parquet.ParquetWriter(path, schema, **plain) as file:
        for batch in batches:
            file.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
    return path


def _run_dlt(
    files: Mapping[Endpoint, Future[Path]], made: Path, warehouse: Path, memory: str
) -> None:
    if not files:
        return
    scratch = made.parent
    with _dlt_environment({**_DLT, "DLT_DATA_DIR": str(scratch)}):
        import dlt  # noqa: PLC0415 - takes a second: only where needed, while the files are written
        import pyarrow as pa  # noqa: PLC0415
        from dlt.common.runtime.collector import NULL_COLLECTOR  # noqa: PLC0415
        from dlt.destinations import duckdb as duckdb_destination  # noqa: PLC0415
        from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials  # noqa: PLC0415

        from p4books.load.source import versions_source  # noqa: PLC0415

        config = {"memory_limit": memory, "threads": THREADS}
        pa.set_memory_pool(pa.system_memory_pool())  # the default one keeps 100 MB it once had
        pipeline = dlt.pipeline(
            "p4books",
            pipelines_dir=str(scratch / "dlt"),
            destination=duckdb_destination(DuckDbCredentials(str(made), global_config=config)),
            dataset_name="raw",
            progress=NULL_COLLECTOR,
        )
        versions = {endpoint: file.result() for endpoint, file in files.items()}
        try:
            pipeline.run(versions_source(versions))
        except Exception as error:  # noqa: BLE001 - dlt wraps whatever went wrong
            raise translate_error(error, warehouse, scratch) from None


@contextmanager
def _dlt_environment(variables: dict[str, str]) -> Iterator[None]:
    """Set dlt's own settings for one load, whatever the user's say of his other pipelines."""
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
