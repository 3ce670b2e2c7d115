"""Spool pages and warehouse versions, written by hand."""

import itertools
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from p4books.endpoints.definition import Endpoint
from p4books.extract.page import Page
from p4books.extract.spool import Spool, StoredPage
from p4books.load.delta import Delta, compare_scan, open_copy

Write = Callable[..., list[StoredPage]]
Hold = Callable[..., None]
Rows = list[dict[str, Any]]


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
            records_by_id = dict(zip(ids, lines, strict=True))
            spool.store(
                Page(page, len(lines), len(lines), records_by_id, None, has_unknown_fields=True),
                at + page,
            )
        return spool.list_pages()

    return write


@pytest.fixture
def warehouse(empty_warehouse: Path, tmp_path: Path) -> Path:
    """An empty warehouse."""
    return Path(shutil.copy(empty_warehouse, tmp_path))


@pytest.fixture
def hold(warehouse: Path, write: Write, tmp_path: Path) -> Hold:
    """Put records into the warehouse as versions valid since 2026, without dlt."""

    def hold(endpoint: Endpoint, *records: str, missed: Sequence[str] = ()) -> None:
        since = datetime(2026, 1, 1, tzinfo=UTC)
        with open_copy(tmp_path / "none.duckdb", tmp_path / "rows.duckdb") as con:
            delta = compare_scan(con, endpoint, write(records), complete=True, quiet=True)
            con.execute(f"attach '{warehouse}' as target")
            table = f"target.raw.{endpoint.name}"
            con.execute(f"insert into {table} select *, ?, null from ({delta.query})", [since])
            for missing in missed:
                con.execute("insert into target.raw.missed values (?, ?)", [endpoint.name, missing])

    return hold


@dataclass(frozen=True)
class Comparison:
    """A comparison with the warehouse, and access to its results."""

    con: duckdb.DuckDBPyConnection
    write: Write

    def compare(
        self,
        endpoint: Endpoint,
        *pages: list[str],
        complete: bool = True,
        quiet: bool = True,
    ) -> Delta:
        """Compare pages of records as JSON text."""
        return compare_scan(self.con, endpoint, self.write(*pages), complete=complete, quiet=quiet)

    def rows(self, delta: Delta) -> Rows:
        """Return what dlt would be sent, by id."""
        self.con.execute(f"from ({delta.query}) order by id")
        names = [column[0] for column in self.con.description or ()]
        return [dict(zip(names, row, strict=True)) for row in self.con.fetchall()]

    def ids(self, table: str) -> list[str]:
        """Return the ids in one of the comparison's tables."""
        return [
            id_ for (id_,) in self.con.execute(f"select id from {table} order by id").fetchall()
        ]


Open = Callable[[], Comparison]


@pytest.fixture
def open_warehouse(warehouse: Path, write: Write, tmp_path: Path) -> Iterator[Open]:
    """Open the warehouse for a comparison, after the test has filled it."""
    with ExitStack() as stack:

        def open_warehouse() -> Comparison:
            copy = tmp_path / "copy.duckdb"
            return Comparison(stack.enter_context(open_copy(warehouse, copy)), write)

        yield open_warehouse
