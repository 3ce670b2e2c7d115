"""A folder of SQL files, and a warehouse with a few rows in it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from p4books.endpoints import ENDPOINTS
from p4books.load import tables
from p4books.warehouse import models, publish
from p4books.warehouse.models import Sources
from p4books.warehouse.publish import Place

Files = Callable[..., Path]

ABOUT: dict[str, Any] = {
    "tenant": "acme",
    "as_of_at": datetime(2026, 3, 31, 12, 30, tzinfo=UTC),
    "as_of_on": date(2026, 3, 31),
    "timezone": "America/Panama",
    "published_at": datetime(2026, 3, 31, 12, 45, tzinfo=UTC),
}


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


@pytest.fixture
def publish_models(sql: Files, warehouse: Path, tmp_path: Path) -> Files:
    """Publish models, named layer__name, with what their columns mean, and give the file."""

    def write(meanings: str = "", **files: str) -> Path:
        root = sql(**files)
        (root / "columns.csv").write_text(f"column,meaning\n{meanings}", encoding="utf-8")
        found = models.read(Sources.at(root))
        (tmp_path / "work").mkdir(exist_ok=True)
        out = tmp_path / "acme.duckdb"
        publish.publish(warehouse, found, Place(tmp_path / "work", out, 0o640), ABOUT)
        return out

    return write
