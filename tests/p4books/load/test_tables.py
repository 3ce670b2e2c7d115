"""Which tables hold the rows?"""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.products import PRODUCTS
from p4books.errors import WarehouseDamaged, WarehouseTooNew
from p4books.load.schema import create_tables, table_columns
from p4books.load.warehouse import check_warehouse

Hold = Callable[..., None]


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
def test_every_column(warehouse: Path, endpoint: object) -> None:
    """A list that never had a row has its table, each column with its type all the same."""
    name = getattr(endpoint, "name", "")
    with duckdb.connect(warehouse, read_only=True) as con:
        found = con.execute(f"describe raw.{name}").fetchall()

    held = {column: kind.lower() for column, kind, *_ in found}
    assert held.pop("_dlt_valid_from") == held.pop("_dlt_valid_to") == "timestamp with time zone"
    declared = {
        column: kind.replace(" ", "").replace("timestamptz", "timestamp with time zone")
        for column, kind in table_columns(ENDPOINTS[name]).items()
    }
    assert held == declared


def test_columns_of_an_invoice() -> None:
    """Money has two decimals, days are days, and lines, extras and misfits are text."""
    columns = table_columns(INVOICES)

    assert columns["total"] == "decimal(18, 2)"
    assert columns["document_date"] == "date"
    assert columns["date_created"] == "timestamptz"
    assert [columns[name] for name in ("id", "lines", "extra", "misfits")] == ["varchar"] * 4
    assert list(columns)[-4:] == ["extra", "misfits", "row_hash", "gone"]


def test_a_seventh_endpoint(warehouse: Path, hold: Hold) -> None:
    """To make the tables again adds what is missing and touches no row."""
    hold(PRODUCTS, '{"id":1}')
    with duckdb.connect(warehouse) as con:
        con.execute("drop view raw.findings")
        con.execute("drop table raw.vendors")

    create_tables(warehouse, tuple(ENDPOINTS.values()))

    with duckdb.connect(warehouse, read_only=True) as con:
        assert con.execute("select id from raw.products").fetchall() == [("1",)]
        assert con.execute("select count(*) from raw.vendors").fetchall() == [(0,)]
        assert con.execute("select format from raw.p4books_format").fetchall() == [(2,)]


def test_storage(warehouse: Path) -> None:
    """The file opens in DuckDB 1.4 and later."""
    with duckdb.connect(warehouse, read_only=True) as con:
        rows = con.execute(
            "select tags['storage_version'] from duckdb_databases() where not internal"
        ).fetchall()

    assert rows == [("v1.4.0+",)]


def test_findings(warehouse: Path, hold: Hold) -> None:
    """Each value that did not fit is one row of raw.findings, with its version's days."""
    hold(INVOICES, '{"id":7,"total":"N/A","lines":[{"price":"?"}]}', '{"id":8,"total":1.50}')

    with duckdb.connect(warehouse, read_only=True) as con:
        found = con.execute(
            "select endpoint, id, field, value, year(valid_from), valid_to"
            " from raw.findings order by field"
        ).fetchall()

    assert found == [
        ("invoices", "7", "lines[1].price", "?", 2026, None),
        ("invoices", "7", "total", "N/A", 2026, None),
    ]


def test_doubt_of_a_good_one(warehouse: Path) -> None:
    """A warehouse of ours is not doubted, and one that is not there yet is none."""
    check_warehouse(warehouse)
    check_warehouse(warehouse.with_name("none.duckdb"))


def test_doubt_of_a_newer_one(warehouse: Path) -> None:
    """A warehouse of a newer p4books is refused, with both formats told."""
    with duckdb.connect(warehouse) as con:
        con.execute("update raw.p4books_format set format = 7")

    with pytest.raises(
        WarehouseTooNew, match=r"format 7; this version reads up to 2.*Nothing was changed"
    ):
        check_warehouse(warehouse)


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000], ids=["empty", "garbage"])
def test_doubt_of_a_damaged_one(tmp_path: Path, content: bytes) -> None:
    """A file that is no warehouse is refused, says where a good one is, and stays as it is."""
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(content)

    with pytest.raises(WarehouseDamaged, match=r"Nothing was changed.*generations"):
        check_warehouse(path)

    assert path.read_bytes() == content


def test_doubt_of_a_stranger(tmp_path: Path) -> None:
    """A DuckDB file that p4books did not make is refused."""
    with duckdb.connect(tmp_path / "warehouse.duckdb") as con:
        con.execute("create table mine (id integer)")

    with pytest.raises(WarehouseDamaged):
        check_warehouse(tmp_path / "warehouse.duckdb")
