"""Tables and columns of the warehouse, adopted and unknown fields."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.products import PRODUCTS
from p4books.load.schema import (
    FORMAT,
    ScanProgress,
    ScanTally,
    UnknownField,
    create_tables,
    describe_new_fields,
    load_endpoints,
    load_unknown_fields,
    match_spellings,
    read_state,
    record_progress,
    record_unknown_fields,
    table_columns,
)
from p4books.storage.database import borrow_reader

Hold = Callable[..., None]


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
def test_every_column(warehouse: Path, endpoint: Endpoint) -> None:
    """A list that never had a row has its table, with all columns and their types."""
    with borrow_reader(warehouse) as con:
        described = con.execute(f"describe raw.{endpoint.name}").fetchall()

    actual = {column: kind.lower() for column, kind, *_ in described}
    assert (
        actual.pop("_dlt_valid_from") == actual.pop("_dlt_valid_to") == "timestamp with time zone"
    )
    declared = {
        column: kind.replace(" ", "").replace("timestamptz", "timestamp with time zone")
        for column, kind in table_columns(endpoint).items()
    }
    assert actual == declared


def test_columns_of_an_invoice() -> None:
    """Money has two decimals, days are dates, and lines, extra and misfits are text."""
    columns = table_columns(INVOICES)

    assert columns["total"] == "decimal(18, 2)"
    assert columns["document_date"] == "date"
    assert columns["date_created"] == "timestamptz"
    assert [columns[name] for name in ("id", "lines", "extra", "misfits")] == ["varchar"] * 4
    assert list(columns)[-4:] == ["extra", "misfits", "row_hash", "gone"]


def test_new_endpoint(warehouse: Path, hold: Hold) -> None:
    """Creating the tables again adds what is missing, and changes no row."""
    hold(PRODUCTS, '{"id":1}')
    with duckdb.connect(warehouse) as con:
        con.execute("drop view raw.findings")
        con.execute("drop table raw.vendors")

    create_tables(warehouse, tuple(ENDPOINTS.values()))

    with borrow_reader(warehouse) as con:
        assert con.execute("select id from raw.products").fetchall() == [("1",)]
        assert con.execute("select count(*) from raw.vendors").fetchall() == [(0,)]
        assert con.execute("select format from raw.p4books_format").fetchall() == [(FORMAT,)]


def test_storage(warehouse: Path) -> None:
    """The file opens in DuckDB 1.4 and later."""
    with duckdb.connect(warehouse, read_only=True) as con:
        rows = con.execute(
            "select tags['storage_version'] from duckdb_databases() where not internal"
        ).fetchall()

    assert rows == [("v1.4.0+",)]


def test_findings(warehouse: Path, hold: Hold) -> None:
    """Each value that did not fit is a row of raw.findings, with the validity of its version."""
    hold(INVOICES, '{"id":7,"total":"N/A","lines":[{"price":"?"}]}', '{"id":8,"total":1.50}')

    with borrow_reader(warehouse) as con:
        found = con.execute(
            "select endpoint, id, field, value, year(valid_from), valid_to"
            " from raw.findings order by field"
        ).fetchall()

    assert found == [
        ("invoices", "7", "lines[1].price", "?", 2026, None),
        ("invoices", "7", "total", "N/A", 2026, None),
    ]


def adopt(warehouse: Path, *rows: tuple[str, str, str]) -> None:
    with duckdb.connect(warehouse) as con:
        con.executemany("insert into raw.adopted values (?, ?, ?)", rows)


def test_nothing_adopted(warehouse: Path) -> None:
    """Without adopted fields, each endpoint is the one in the registry."""
    assert load_endpoints(warehouse) == ENDPOINTS
    assert load_endpoints(warehouse.with_name("none.duckdb")) == ENDPOINTS


def test_adopted(warehouse: Path) -> None:
    """An adopted field comes after those of the file; other endpoints are unchanged."""
    adopt(warehouse, ("products", "colour", "text"), ("products", "made_on", "day"))

    endpoints = load_endpoints(warehouse)

    more = {"colour": FieldType.TEXT, "made_on": FieldType.DAY}
    assert list(endpoints["products"].fields.items()) == [*PRODUCTS.fields.items(), *more.items()]
    assert endpoints["products"].inner == PRODUCTS.inner
    assert endpoints["vendors"] is ENDPOINTS["vendors"]


@pytest.mark.parametrize("field", ["price", "unitofmeasure"])
def test_file_takes_precedence(warehouse: Path, field: str) -> None:
    """A field that is now in the endpoint's file is as the file says, in any spelling."""
    adopt(warehouse, ("products", field, "text"), ("leads", "name", "text"))

    assert load_endpoints(warehouse) == ENDPOINTS


def test_unknown_fields(warehouse: Path, hold: Hold) -> None:
    """Unknown fields are recorded once, with the time of their first version."""
    hold(PRODUCTS, '{"id":1,"price":0.12345678}', '{"colour":"red","id":2}', '{"a":1,"id":3}')
    with duckdb.connect(warehouse) as con:
        con.execute("insert into raw.fields values ('products', 'a', '1999-01-01 00:00:00+00')")
        record_unknown_fields(con, PRODUCTS, "true")

    old, since = datetime(1999, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    assert load_unknown_fields(warehouse) == [
        UnknownField("products", "a", old),
        UnknownField("products", "colour", since),
    ]
    assert load_unknown_fields(warehouse.with_name("none.duckdb")) == []


def test_new_fields() -> None:
    """Only fields that were unknown before are reported."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    before = [UnknownField("vendors", "colour", at)]

    (note,) = describe_new_fields(before, [*before, UnknownField("products", "colour", at)])

    assert "`p4books adopt products.colour`" in note


def test_spellings() -> None:
    """A name matches in any spelling, the exact one first."""
    known = {"po_number", "ponumber", "number", "p_o_number"}

    assert match_spellings("ponumber", known) == ["ponumber", "p_o_number", "po_number"]


def test_progress(tmp_path: Path) -> None:
    """What a running scan showed is kept with it; a warehouse of an earlier version has none."""
    path = tmp_path / "warehouse.duckdb"
    create_tables(path, [PRODUCTS])
    progress = ScanProgress("done", "running", 7, ScanTally(9, 1, 2, 3, 4, 5, 6))
    with duckdb.connect(path) as con:
        record_progress(con, {"products": ScanProgress("earlier", "done", 3, ScanTally(1))})
        record_progress(con, {"products": progress})
    assert read_state(path).scans == {"products": progress}
    with duckdb.connect(path) as con:
        con.execute("drop table raw.tallies")

    assert read_state(path).scans == {"products": replace(progress, tally=None)}
    create_tables(path, [PRODUCTS])
    assert read_state(path).scans == {"products": replace(progress, tally=None)}
