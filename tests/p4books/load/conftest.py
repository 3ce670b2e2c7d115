"""Pages of the spool and versions in a warehouse, written by hand."""

import itertools
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint
from p4books.extract.page import Page
from p4books.extract.spool import Spool, StoredPage
from p4books.load.delta import compare_scan, open_comparison
from p4books.load.schema import create_tables

Write = Callable[..., list[StoredPage]]
Hold = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write pages into a spool, each a list of records as JSON text; page n is read at at + n."""
    numbers = itertools.count()

    def write(*pages: Sequence[str], at: float = 1_000.0) -> list[StoredPage]:
        spool = Spool(tmp_path / f"spool-{next(numbers)}", {})
        spool.resume(at)
        for page, records in enumerate(pages, 1):
            lines = [record.encode() for record in records]
            ids = [str(json.loads(line)["id"]) for line in lines]
            found = dict(zip(ids, lines, strict=True))
            spool.store(
                Page(page, len(lines), len(lines), found, None, has_unknown_fields=True), at + page
            )
        return spool.list_pages()

    return write


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """A warehouse that holds nothing yet."""
    path = tmp_path / "warehouse.duckdb"
    create_tables(path, tuple(ENDPOINTS.values()))
    return path


@pytest.fixture
def hold(warehouse: Path, write: Write, tmp_path: Path) -> Hold:
    """Put records into the warehouse as versions valid since 2026, without dlt."""

    def hold(endpoint: Endpoint, *records: str, missed: Sequence[str] = ()) -> None:
        since = datetime(2026, 1, 1, tzinfo=UTC)
        with open_comparison(tmp_path / "none.duckdb", tmp_path) as con:
            found = compare_scan(con, endpoint, write(records), complete=True, quiet=True)
            con.execute(f"attach '{warehouse}' as target")
            table = f"target.raw.{endpoint.name}"
            con.execute(f"insert into {table} select *, ?, null from ({found.query})", [since])
            for missing in missed:
                con.execute("insert into target.raw.missed values (?, ?)", [endpoint.name, missing])

    return hold
