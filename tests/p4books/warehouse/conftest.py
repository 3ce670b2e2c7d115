"""A folder of SQL files, and a warehouse with a few rows in it."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from p4books.endpoints import ENDPOINTS
from p4books.load import tables

Files = Callable[..., Path]


@pytest.fixture
def sql(tmp_path: Path) -> Files:
    """Write SQL files, named layer/name without the ending, and give their root."""

    def write(**files: str) -> Path:
        root = tmp_path / "sql"
        for name, text in files.items():
            layer, _, stem = name.partition("__")
            (root / layer).mkdir(parents=True, exist_ok=True)
            (root / layer / f"{stem}.sql").write_text(text, encoding="utf-8")
        return root

    return write


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """A warehouse with two vendors now, and a version that one of them had before."""
    path = tmp_path / "warehouse.duckdb"
    tables.create(path, tuple(ENDPOINTS.values()))
    with duckdb.connect(path) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(
            "insert into raw.vendors (id, name, balance, _dlt_valid_from, _dlt_valid_to) values"
            " ('1', 'Óptica \"Luz\" 😀', 12.30, '2026-01-01', null),"
            " ('2', '=SUM(A1)', 0.10, '2026-01-01', '2026-02-01'),"
            " ('2', '=SUM(A1)', 0.20, '2026-02-01', null)"
        )
    return path
