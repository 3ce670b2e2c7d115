"""Pages of the spool and versions in a warehouse, written by hand."""

import itertools
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from p4books.api.answer import Answer
from p4books.api.spool import Spool, Stored
from p4books.endpoint import Endpoint
from p4books.endpoints import ENDPOINTS
from p4books.load import delta, tables

Write = Callable[..., list[Stored]]
Hold = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write pages into a spool, each a list of records as JSON text; page n is read at at + n."""
    numbers = itertools.count()

    def write(*pages: Sequence[str], at: float = 1_000.0) -> list[Stored]:
        spool = Spool(tmp_path / f"spool-{next(numbers)}", {})
        spool.open(at)
        for page, records in enumerate(pages, 1):
            lines = [record.encode() for record in records]
            ids = [str(json.loads(line)["id"]) for line in lines]
            found = dict(zip(ids, lines, strict=True))
            spool.keep(Answer(page, len(lines), len(lines), found, None, strange=True), at + page)
        return spool.pages()

    return write


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """A warehouse that holds nothing yet."""
    path = tmp_path / "warehouse.duckdb"
    tables.create(path, tuple(ENDPOINTS.values()))
    return path


@pytest.fixture
def hold(warehouse: Path, write: Write, tmp_path: Path) -> Hold:
    """Put records into the warehouse as versions valid since 2026, without dlt."""

    def hold(endpoint: Endpoint, *records: str, missed: Sequence[str] = ()) -> None:
        since = datetime(2026, 1, 1, tzinfo=UTC)
        with delta.comparing(tmp_path / "none.duckdb", tmp_path) as con:
            found = delta.compare(con, endpoint, write(records), complete=True, quiet=True)
            con.execute(f"attach '{warehouse}' as target")
            table = f"target.raw.{endpoint.name}"
            con.execute(f"insert into {table} select *, ?, null from ({found.query})", [since])
            for missing in missed:
                con.execute("insert into target.raw.missed values (?, ?)", [endpoint.name, missing])

    return hold
