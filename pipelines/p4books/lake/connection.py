"""DuckDB connections to lakes: extensions, credentials, and errors without them.

The extensions are DuckDB's own signed files from wheels of its version; nothing is downloaded.
The whole address of a catalog is in a temporary secret of the connection, so that neither a
message nor a list of databases shows a password.
"""

import ctypes
import importlib.resources
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from p4books.errors import OutOfMemory, P4BooksError, UsageError
from p4books.lake.causes import find_cause
from p4books.lake.errors import LakeConflict, LakeMoved, LakeTrouble, LakeUncertain
from p4books.lake.s3 import DEFAULT_REGION, find_login, find_server
from p4books.publish.published_file import read_mark
from p4books.storage.database import (
    open_database,
    quote_identifier,
    quote_literal,
    quote_path,
)
from p4books.storage.lake_place import LakePlace
from p4books.storage.postgres import parse_catalog

INLINED_ROWS = 50  # of a change; so few go into the catalog instead of a file of their own
_EXTENSIONS = ("ducklake", "postgres_scanner")
_MOVED = re.compile(r'DATA_PATH parameter "(.*)" does not match .* in the catalog "(.*)"\.')
_UNCERTAIN = re.compile('query "COMMIT"|file system operations are disabled')
_verified: set[str] = set()  # files whose signatures this process has seen; it takes 0.3 s
_IDLE = "-c idle_in_transaction_session_timeout=1h"  # a first snapshot is written for minutes


@contextmanager
def open_lake_database(
    places: Sequence[LakePlace], spill: Path, memory: str
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that can attach lakes, with the logins to their storages.

    Raises UsageError if a package is missing or is for another DuckDB, and duckdb.Error.
    """
    storages = {place.storage for place in places if place.is_in_s3}
    files = [_find_extension(name) for name in (*_EXTENSIONS, *(["httpfs"] if storages else []))]
    marks = {read_mark(file) for file in files}
    config = {"allow_unsigned_extensions": "true"} if marks <= _verified else {}
    con = open_database(spill=spill, memory=memory, config=config)
    try:
        con.execute("set autoinstall_known_extensions = false")
        con.execute("set autoload_known_extensions = false")
        for file in files:
            con.execute(f"load {quote_path(file)}")
        _verified.update(marks)
        if storages:
            _log_in(con, storages)
        yield con
    finally:
        _close(con)


def _close(con: duckdb.DuckDBPyConnection) -> None:
    """Close a connection after its transaction, whatever became of Postgres meanwhile.

    If DuckDB itself has to roll back while it closes, and cannot, it aborts the whole process. One
    that was invalidated, as by a Postgres that died while it was read, is therefore never closed.
    """
    try:
        con.execute("rollback")
    except duckdb.FatalException:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(con))
        return
    except duckdb.Error:  # there is no transaction, or it was rolled back and Postgres did not hear
        pass
    con.close()


def attach_lake(
    con: duckdb.DuckDBPyConnection, place: LakePlace, name: str, options: dict[str, str]
) -> None:
    """Attach a lake under a name; `options` are of `attach`, as SQL. Raises duckdb.Error."""
    words = parse_catalog(place.catalog)
    words["options"] = f"{words['options']} {_IDLE}"
    secret = f"{name}_catalog"
    listed = ", ".join(f"{word} {quote_literal(str(value))}" for word, value in words.items())
    con.execute(
        f"create or replace temporary secret {quote_identifier(secret)} (type postgres, {listed})"
    )
    own = {"metadata_schema": quote_literal(place.schema), "meta_secret": quote_literal(secret)}
    listed = ", ".join(f"{key} {value}" for key, value in {**own, **options}.items())
    con.execute(f"attach 'ducklake:postgres:' as {quote_identifier(name)} ({listed})")


@contextmanager
def translate_errors(place: LakePlace, left: str) -> Iterator[None]:
    """Turn errors of DuckDB into ours; `left` says what is unchanged.

    Raises LakeTrouble, LakeUncertain, LakeConflict, LakeMoved, OutOfMemory, and what is ours.
    """
    try:
        yield
    except P4BooksError:
        raise
    except duckdb.OutOfMemoryException as error:
        raise OutOfMemory(str(error).splitlines()[0]) from None
    except duckdb.Error as error:
        if "conflict" in str(error) and isinstance(error, duckdb.TransactionException):
            raise LakeConflict(place.tenant) from None
        if moved := _MOVED.search(str(error)):
            statement = (
                f"update {quote_identifier(place.schema)}.ducklake_metadata"
                f" set value = {quote_literal(moved[1])} where key = 'data_path'"
            )
            raise LakeMoved(place.tenant, moved[2], moved[1], statement) from None
        if _UNCERTAIN.search(str(error)):
            raise LakeUncertain(place.tenant) from None
        cause = find_cause(place, str(error))
        raise LakeTrouble(place.tenant, cause.why, left, cause.remedy) from None
    except OSError as error:
        why = f"{error.filename or place.data}: {error.strerror or error}"
        raise LakeTrouble(place.tenant, why, left) from None


def _find_extension(name: str) -> Path:
    """Return the path of an extension's file. Raises UsageError."""
    with suppress(ModuleNotFoundError):
        folder = importlib.resources.files(f"duckdb_extension_{name}")
        file = Path(f"{folder}/extensions/v{duckdb.__version__}/{name}.duckdb_extension")
        if file.is_file():
            return file
    raise UsageError(
        f"The lake needs DuckDB's extension {name} for version {duckdb.__version__}. Nothing was "
        "written into it. Install the extra: `pip install 'p4books[lake]'`."
    )


def _log_in(con: duckdb.DuckDBPyConnection, storages: Iterable[str]) -> None:
    """Give a connection the login to its storages, from where backups have theirs."""
    server = find_server()
    region = quote_literal(DEFAULT_REGION)
    options = {"type": "s3", "region": region, **server.options, **find_login()}
    if server.certificates:
        con.execute(f"set ca_cert_file = {quote_literal(server.certificates)}")
    for number, storage in enumerate(sorted(storages)):
        scoped = {**options, "scope": quote_literal(f"{storage.rstrip('/')}/")}
        listed = ", ".join(f"{key} {value}" for key, value in scoped.items())
        con.execute(f"create temporary secret p4books_storage_{number} ({listed})")
