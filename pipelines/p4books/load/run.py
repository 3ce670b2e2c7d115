"""How do versions come into the warehouse?

Into a scratch copy, by one dlt load: what goes wrong before the last rename has never happened.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from p4books import swap
from p4books.endpoint import Endpoint
from p4books.endpoints import ENDPOINTS
from p4books.errors import DiskTrouble, LoadFailed, LoadMismatch
from p4books.load import tables, typed
from p4books.load.delta import Delta

BATCH = 20_000  # rows handed to dlt at a time
MEMORY = "256MB"  # of DuckDB while dlt merges
GENERATIONS = 3  # earlier warehouses kept, and one more for each of the last
DAYS = 7  # days

_DLT = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "CRITICAL",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "LOAD__TRUNCATE_STAGING_DATASET": "true",
    "LOAD__WORKERS": "2",
    "NORMALIZE__WORKERS": "1",
}


def load(
    con: duckdb.DuckDBPyConnection,
    deltas: Sequence[Delta],
    warehouse: Path,
    scratch: Path,
    read_at: float,
) -> Path:
    """Load the deltas into a copy of the warehouse and return the copy, closed.

    `con` is the connection the deltas were made on, `read_at` the instant, in seconds since 1970,
    from which the new versions are valid. Raises LoadFailed, LoadMismatch and DiskTrouble; the
    warehouse itself is not touched.
    """
    made = scratch / "warehouse.duckdb"
    try:
        if warehouse.exists():
            shutil.copyfile(warehouse, made)
        tables.create(made, tuple(ENDPOINTS.values()))
        with_rows = [delta for delta in deltas if delta.versions]
        if with_rows:
            _run_dlt(con, with_rows, made, scratch)
        con.execute(f"attach {typed.text(str(made))} as made")
        try:
            for delta in deltas:
                _finish(con, delta, _instant(con, delta, read_at))
        finally:
            con.execute("detach made")
    except (OSError, duckdb.Error) as error:
        raise _said(error, scratch) from None
    return made


def commit(made: Path, warehouse: Path, *, keep: bool) -> None:
    """Put the finished copy in the warehouse's place; `keep` the one before it as a generation."""
    try:
        if keep and warehouse.exists():
            _keep_generation(warehouse)
        swap.into_place(made, warehouse, 0o600)
    except OSError as error:
        raise DiskTrouble(warehouse, error.strerror or str(error)) from None


def _run_dlt(
    con: duckdb.DuckDBPyConnection, deltas: Sequence[Delta], made: Path, scratch: Path
) -> None:
    by_name = {delta.endpoint.name: delta for delta in deltas}

    def rows(endpoint: Endpoint) -> Iterator[pa.RecordBatch]:
        # A cursor of its own: two open results on one connection cut each other short.
        with con.cursor() as cursor:
            yield from cursor.execute(by_name[endpoint.name].query).to_arrow_reader(BATCH)

    with _environment({**_DLT, "DLT_DATA_DIR": str(scratch)}):
        import dlt  # noqa: PLC0415 - a second that a run without changes need not wait for
        from dlt.destinations import duckdb as duckdb_destination  # noqa: PLC0415
        from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials  # noqa: PLC0415

        from p4books.load import source  # noqa: PLC0415

        pipeline = dlt.pipeline(
            "p4books",
            pipelines_dir=str(scratch / "dlt"),
            destination=duckdb_destination(
                DuckDbCredentials(str(made), global_config={"memory_limit": MEMORY, "threads": 2})
            ),
            dataset_name="raw",
        )
        # Held open, the file is not checkpointed whenever dlt closes it: a third of the time.
        with duckdb.connect(made) as held:
            held.execute("set checkpoint_threshold = '1GB'")
            try:
                pipeline.run(source.versions([delta.endpoint for delta in deltas], rows))
            except Exception as error:  # noqa: BLE001 - dlt wraps whatever went wrong
                raise _said(error, scratch) from None


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


def _said(error: BaseException, scratch: Path) -> Exception:
    """Say in one sentence why a load failed: by the first cause, which dlt wraps several times."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error).strip()
    if "No space left" in text or "could not write" in text.lower():
        return DiskTrouble(scratch, "no space left on the disk")
    if isinstance(error, OSError):
        return DiskTrouble(scratch, error.strerror or text)
    return LoadFailed(text.splitlines()[0].rstrip(".") if text else type(error).__name__)


def _instant(con: duckdb.DuckDBPyConnection, delta: Delta, read_at: float) -> datetime:
    """Return from when the versions are valid: never before those they follow."""
    at = datetime.fromtimestamp(read_at, UTC)
    row = con.execute(
        "select greatest($at, max(_dlt_valid_from) + interval 1 microsecond)"
        f" from active_{delta.endpoint.name}",
        {"at": at},
    ).fetchone()
    return row[0] if row else at


def _finish(con: duckdb.DuckDBPyConnection, delta: Delta, at: datetime) -> None:
    """Date the versions by when they were read, count them, and note what was seen."""
    name = delta.endpoint.name
    opened = con.execute(
        f"""
        update made.raw.{name} as target set _dlt_valid_from = $at
        from delta_{name} as delta
        where target.id = delta.id and target._dlt_valid_to is null and delta.kind <> 'gone'
            and target.row_hash = delta.row_hash
        """,
        {"at": at},
    ).fetchone()
    closed = con.execute(
        f"""
        update made.raw.{name} as target set _dlt_valid_to = $at
        from delta_{name} as delta, active_{name} as active
        where target.id = delta.id and target.id = active.id
            and target._dlt_valid_to is not null
            and target.row_hash = active.row_hash
            and target._dlt_valid_from = active._dlt_valid_from
        """,
        {"at": at},
    ).fetchone()
    for sent, found in (
        (delta.new + delta.changed, opened),
        (delta.changed + delta.gone, closed),
    ):
        if found is None or found[0] != sent:
            raise LoadMismatch(f"raw.{name}", sent, found[0] if found else 0)
    _note(con, name)


def _note(con: duckdb.DuckDBPyConnection, name: str) -> None:
    con.execute(
        f"""
        delete from made.raw.seen where endpoint = '{name}' and (
            id in (select id from seen_{name})
            or id in (select id from delta_{name} where kind = 'gone'));
        insert into made.raw.seen select '{name}', id, read_at from seen_{name};
        delete from made.raw.missed where endpoint = '{name}';
        insert into made.raw.missed select '{name}', id from missed_{name};
        """
    )


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
