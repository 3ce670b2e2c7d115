"""Errors of a lake that cannot be read: a clear sentence, never that of DuckDB."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import boto3
import pytest
from pydantic import SecretStr
from tests.command import run_here
from tests.lake.lake_books import LakeBooks, make_lake_settings
from tests.postgres import PASSWORD, PostgresServer
from tests.s3 import BUCKET, KEY, SECRET, S3Server

from p4books.errors import QueryFailed
from p4books.lake import LakeTrouble, open_lake
from p4books.publish.query import execute_query, fetch_rows
from p4books.storage.postgres import connect_postgres

SQL = "select sum(amount) as total from core.sales"
FORMATS = {"table": (), "json": ("--json",), "file": ("-o", "sales.parquet")}


@pytest.fixture
def in_s3(s3: str, tmp_path: Path, catalog: SecretStr, small_file: Path) -> LakeBooks:
    """A tenant whose lake is in an S3."""
    books = LakeBooks(make_lake_settings(tmp_path, catalog, s3), small_file)
    books.publish()
    books.write_number()
    return books


def query(books: LakeBooks, *words: str) -> str:
    """Run a query of the lake that fails, and return what it says."""
    settings = books.settings
    assert settings.lake is not None
    environment = {
        "SOURCES__P4BOOKS__TENANT": settings.tenant,
        "SOURCES__P4BOOKS__DATA_DIR": str(settings.data_dir),
        "SOURCES__P4BOOKS__LAKE__CATALOG": f"postgres:{settings.lake.catalog.get_secret_value()}",
        "SOURCES__P4BOOKS__LAKE__STORAGE": str(settings.lake.storage),
    }
    done = run_here(("query", "--lake", SQL, *words), settings.data_dir, environment)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert not re.search(rf"\bError:|Traceback|LINE \d|{SECRET}|{KEY}|{PASSWORD}", done.stderr)
    assert done.stderr.startswith("The lake of tenant acme cannot be used: ")
    assert ". Nothing was changed. " in done.stderr
    return done.stderr


@contextmanager
def answer_with(status: int) -> Iterator[str]:
    """Run a storage that answers each request with a status, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_PUT = do_POST = do_GET  # noqa: N815 - names of the library

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("form", FORMATS)
def test_storage_away(in_s3: LakeBooks, s3_server: S3Server, form: str) -> None:
    """A storage that does not answer is named, in whatever format the rows are wanted."""
    s3_server.stop()
    try:
        said = query(in_s3, *FORMATS[form])
    finally:
        s3_server.start()

    assert f"the storage of s3://{BUCKET}/p4books/acme/ cannot be reached (Could not" in said
    assert "Check the network and AWS_ENDPOINT_URL" in said


STATUSES = {
    403: "refuses the login to s3://books/p4books/acme/ (HTTP 403). Nothing was changed. Check AWS",
    400: "rejects the request (HTTP 400). Nothing was changed. Check AWS_DEFAULT_REGION",
    503: "has a fault (HTTP 503). Nothing was changed. Run it again in a while.",
    404: ".parquet is missing or damaged. Nothing was changed. Check `storage` and AWS",
}


@pytest.mark.parametrize("status", STATUSES)
def test_status(in_s3: LakeBooks, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a storage refuses is explained by the status of its answer, reading and writing."""
    with answer_with(status) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        assert STATUSES[status] in query(in_s3)
        in_s3.publish("update core.sales set amount = 0")
        with pytest.raises(LakeTrouble) as raised:
            in_s3.write()
    assert "the next run writes what is missing" in str(raised.value)
    assert "Error:" not in str(raised.value)


def test_no_bucket(in_s3: LakeBooks) -> None:
    """A bucket that is gone, or is another one, is not taken for a file that is missing."""
    bucket = boto3.resource("s3").Bucket(BUCKET)
    bucket.objects.delete()
    assert "acme/core/sales/ducklake-" in query(in_s3)
    bucket.delete()
    try:
        assert f"has no bucket of s3://{BUCKET}/p4books. Nothing was changed. Check" in query(in_s3)
    finally:
        bucket.create()


def _delete(file: Path) -> None:
    file.unlink()


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:300])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("change", [_delete, _cut, _empty])
def test_file(books: LakeBooks, change: Callable[[Path], None]) -> None:
    """A file that is missing or damaged is named; nobody is advised to delete anything."""
    books.publish()
    books.write_number()
    (file,) = (books.settings.data_dir.parent / "lake").rglob("*.parquet")
    change(file)

    said = query(books)

    assert f"{file} is missing or damaged" in said
    assert "Nothing was changed. Check `storage`, and that it is mounted, and run it" in said
    assert not re.search(r"\b(?:drop|delete)\b", said)


VALUES = {
    "a file": "select 'Profile ''L'' 20mm'::int",
    "a Parquet file": "select 'Invalid Input Error: File ''/lake/a.parquet'' too small'::int",
    "missing": "select 'x: IO Error: Cannot open file \"/a\": No such file'::int",
    "a row": "select replace(i::varchar, '4999', 'File ''L'' x')::int from range(5000) t(i)",
    "a table": "from nowhere where x = 'IO Error: No such file'",
}


@pytest.mark.parametrize("sql", VALUES.values(), ids=VALUES)
def test_value(books: LakeBooks, sql: str) -> None:
    """A value of the user that reads like an error of a file is one of the query."""
    books.publish()
    books.write_number()

    with pytest.raises(QueryFailed), open_lake(books.settings) as lake:
        list(fetch_rows(execute_query(lake.con, sql)))


def test_new_lake(books: LakeBooks, catalog: SecretStr, tmp_path: Path) -> None:
    """A lake whose files are lost can be put aside, as the README says, and a new one begun."""
    books.publish()
    books.write_number()
    shutil.rmtree(tmp_path / "lake")
    assert ".parquet is missing or damaged" in query(books)
    with connect_postgres(catalog, "Nothing.") as connection:
        connection.execute("alter schema p4books_acme rename to p4books_acme_before")

    (tmp_path / "new").mkdir()
    new = LakeBooks(make_lake_settings(tmp_path, catalog, str(tmp_path / "new")), books.source)

    assert new.write_number() == 1
    assert new.find_differences() == []


def test_catalog_away(books: LakeBooks, postgres: PostgresServer) -> None:
    """A Postgres that ends while the lake is read is named as the cause."""
    books.publish()
    books.write_number()
    try:
        with pytest.raises(LakeTrouble, match="Check `catalog` and its server") as raised:
            _query_without_postgres(books, postgres)
    finally:
        postgres.start()

    assert "Error:" not in str(raised.value)
    assert "127.0.0.1" in str(raised.value)


def _query_without_postgres(books: LakeBooks, postgres: PostgresServer) -> None:
    with open_lake(books.settings) as lake:
        postgres.kill()
        execute_query(lake.con, "from core.as_of")
