"""How do versions come into the warehouse?

Into a scratch copy, by one dlt load: what goes wrong before the last rename has never happened.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import duckdb

from p4books import swap
from p4books.database import MEMORY, THREADS, connect
from p4books.endpoint import Endpoint
from p4books.endpoints import ENDPOINTS
from p4books.errors import DiskTrouble, LoadFailed, OutOfMemory, P4BooksError, WarehouseDamaged
from p4books.load import migrate, tables
from p4books.load.delta import Delta
from p4books.load.settle import settle

T = TypeVar("T")
GENERATIONS = 3  # earlier warehouses kept, and one more for each of the last
DAYS = 7  # days

_DAMAGED = ("Corrupt database", "Could not read enough bytes")  # as DuckDB says it
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


def load(  # noqa: PLR0913
    con: duckdb.DuckDBPyConnection,
    deltas: Sequence[Delta],
    warehouse: Path,
    scratch: Path,
    read_at: float,
    memory: str = MEMORY[0],
) -> Path:
    """Load the deltas into a copy of the warehouse and return the copy, closed.

    `con` is the connection the deltas were made on, `read_at` the instant, in seconds since 1970,
    from which the new versions are valid. Raises LoadFailed, LoadMismatch, WarehouseDamaged,
    OutOfMemory and DiskTrouble; the warehouse itself is not touched.
    """
    made = scratch / "warehouse.duckdb"
    try:
        if warehouse.exists():
            shutil.copyfile(warehouse, made)
        tables.create(made, tuple(ENDPOINTS.values()))
        # Held open, the file is checkpointed once, and not whenever dlt closes it.
        with (
            connect(made, spill=scratch, memory=memory) as held,
            ThreadPoolExecutor(THREADS) as writers,
        ):
            held.execute("set checkpoint_threshold = '1GB'")
            largest_first = sorted(deltas, key=lambda delta: -delta.versions)
            files = {
                delta.endpoint: writers.submit(_write, con.cursor(), delta, scratch)
                for delta in largest_first
                if delta.versions
            }
            _run_dlt(files, made, warehouse, memory)
            for delta in deltas:
                settle(con, held, delta, read_at)
            if any(delta.changes for delta in deltas):
                tables.stamp(held, read_at)
    except (OSError, duckdb.Error) as error:
        raise said(error, warehouse, scratch) from None
    return made


def renew(warehouse: Path, scratch: Path, endpoints: Mapping[str, Endpoint]) -> None:
    """Bring an older warehouse to our format, and its tables to the endpoints' columns."""
    if migrate.needed(warehouse, endpoints):
        alter(warehouse, scratch, lambda made: migrate.migrate(made, endpoints))


def alter(warehouse: Path, scratch: Path, change: Callable[[Path], T]) -> T:
    """Change a copy of the warehouse, put it in its place, and return what `change` does.

    Raises what `change` and `load` do.
    """
    made = scratch / "warehouse.duckdb"
    try:
        shutil.copyfile(warehouse, made)
        done = change(made)
    except (OSError, duckdb.Error) as error:
        raise said(error, warehouse, scratch) from None
    commit(made, warehouse, keep=True)
    return done


def commit(made: Path, warehouse: Path, *, keep: bool) -> None:
    """Put the finished copy in the warehouse's place; `keep` the one before it as a generation."""
    try:
        if keep and warehouse.exists():
            _keep_generation(warehouse)
        swap.into_place(made, warehouse, 0o600)
    except OSError as error:
        raise DiskTrouble(warehouse, error.strerror or str(error)) from None


def said(error: BaseException, warehouse: Path, scratch: Path) -> P4BooksError:
    """Say in one sentence what DuckDB, dlt or the system did not do: by the first of its causes."""
    while error.__cause__ is not None:  # dlt wraps it several times
        error = error.__cause__
    text = str(error).strip() or type(error).__name__
    first = text.splitlines()[0].rstrip(".")
    if isinstance(error, P4BooksError):
        return error
    if isinstance(error, OSError):
        return DiskTrouble(scratch, error.strerror or first)
    if "Out of Memory" in text:
        return OutOfMemory(first)
    if "No space left" in text or "could not write" in text.lower():
        return DiskTrouble(scratch, first.rsplit(": ", 1)[-1])
    if any(sign in text for sign in _DAMAGED) and "duckdb_temp" not in text:
        return WarehouseDamaged(warehouse, first)
    return LoadFailed(first)


def _write(con: duckdb.DuckDBPyConnection, delta: Delta, scratch: Path) -> Path:
    """Write the versions to Parquet, with just the columns dlt expects: it takes them as is.

    One thread each: a result that is streamed is computed by the thread that takes it.
    """
    import pyarrow as pa  # noqa: PLC0415 - 0.1 s that a run without changes need not wait for
    from pyarrow import parquet  # noqa: PLC0415

    path = scratch / f"{delta.endpoint.name}.parquet"
    validity = "null::timestamptz as _dlt_valid_from, null::timestamptz as _dlt_valid_to"
    batches = con.execute(f"select *, {validity} from ({delta.query})").to_arrow_reader(
        tables.BATCH
    )
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
    with _environment({**_DLT, "DLT_DATA_DIR": str(scratch)}):
        import dlt  # noqa: PLC0415 - takes a second: only where needed, while the files are written
        import pyarrow as pa  # noqa: PLC0415
        from dlt.common.runtime.collector import NULL_COLLECTOR  # noqa: PLC0415
        from dlt.destinations import duckdb as duckdb_destination  # noqa: PLC0415
        from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials  # noqa: PLC0415

        from p4books.load import source  # noqa: PLC0415

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
            pipeline.run(source.versions(versions))
        except Exception as error:  # noqa: BLE001 - dlt wraps whatever went wrong
            raise said(error, warehouse, scratch) from None


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
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


def _keep_generation(warehouse: Path) -> None:
    """Keep the last few warehouses and the last one of each of the last days."""
    folder = warehouse.parent / "generations"
    folder.mkdir(exist_ok=True, mode=0o700)
    written = datetime.fromtimestamp(warehouse.stat().st_mtime, UTC)
    kept = folder / f"warehouse-{written:%Y%m%dT%H%M%S%f}Z.duckdb"
    kept.unlink(missing_ok=True)
    os.link(warehouse, kept)
    newest_first = sorted(folder.glob("warehouse-*.duckdb"), reverse=True)
    last_of_day = {path.name[:18]: path for path in reversed(newest_first)}
    days = [last_of_day[day] for day in sorted(last_of_day, reverse=True)[:DAYS]]
    for path in set(newest_first[GENERATIONS:]) - set(days):
        path.unlink()
