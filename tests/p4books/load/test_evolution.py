"""Migration of older warehouses, changed columns, and inferred types.

`format-1.duckdb.gz` was written by the p4books of format 1, in two syncs with edits and a deletion
between them; `format-1.json.gz` is what P4 Books had after the second one.
"""

import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.staging_sync import sync

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.endpoints.vendors import VENDORS
from p4books.load.evolution import infer_type, migrate_warehouse, needs_migration
from p4books.load.schema import (
    FORMAT,
    ScanProgress,
    create_tables,
    load_unknown_fields,
    read_state,
    table_columns,
)
from p4books.settings import Settings
from p4books.storage.database import borrow_reader, open_database
from p4books_sandbox import Sandbox

HERE = Path(__file__).parent
VERSIONS = {
    "products": (200, 201),
    "customers": (60, 61),
    "vendors": (19, 20),
    "invoices": (12, 14),
    "purchase_orders": (3, 3),
    "sales_orders": (8, 8),
}
Hold = Callable[..., None]
Row = tuple[Any, ...]


@pytest.fixture(scope="module")
def format_1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The old warehouse; copy it before changing it."""
    path = tmp_path_factory.mktemp("old") / "warehouse.duckdb"
    with gzip.open(HERE / "format-1.duckdb.gz") as packed, path.open("wb") as file:
        shutil.copyfileobj(packed, file)
    return path


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """P4 Books as it was when the old warehouse was written."""
    with gzip.open(HERE / "format-1.json.gz") as packed:
        data = json.load(packed)
    with Sandbox(data=data, limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def old(settings: Settings, format_1: Path) -> Settings:
    """Settings of a tenant whose warehouse is the old one."""
    settings.private.mkdir(parents=True)
    shutil.copyfile(format_1, settings.warehouse)
    return settings


def ask(file: Path, sql: str) -> list[Row]:
    with borrow_reader(file) as con:
        return con.execute(sql).fetchall()


def history(file: Path, name: str) -> list[Row]:
    """Return every version, with the columns of format 1."""
    columns = ", ".join(f'"{key}"' for key in table_columns(ENDPOINTS[name]))
    return ask(
        file, f"select {columns}, _dlt_valid_from, _dlt_valid_to from raw.{name} order by all"
    )


def amounts(file: Path, schema: str) -> list[Row]:
    return ask(
        file,
        f"select (select sum(invoice_total) from {schema}.invoices),"
        f" (select sum(balance) from {schema}.invoices),"
        f" (select sum(invoice_total) from {schema}.invoices_history),"
        f" (select sum(list_price) from {schema}.products_history),"
        f" (select sum(line_net) from {schema}.invoice_lines)",
    )


def test_sync_of_format_1(old: Settings, format_1: Path) -> None:
    """A sync continues from the old warehouse: no row makes a version, and all history is kept.

    A field that the old warehouse had in `extra` is reported in the first run only.
    """
    warehouse = old.private / "warehouse.duckdb"

    summary, second = sync(old), sync(old)

    assert summary.faults == []
    assert [note for note in summary.notes if "ruc_verified" in note]
    assert not [note for note in second.notes if "ruc_verified" in note]
    (unknown,) = load_unknown_fields(warehouse)
    assert (unknown.endpoint, unknown.field) == ("customers", "ruc_verified")
    since = "select max(_dlt_valid_from) from raw.customers"
    assert [(unknown.first_seen_at,)] == ask(warehouse, since)
    assert [(each.new, each.changed, each.gone) for each in summary.readings] == [(0, 0, 0)] * 6
    assert ask(warehouse, "from raw.p4books_format") == [(FORMAT,)]
    for name, counts in VERSIONS.items():
        assert history(warehouse, name) == history(format_1, name)
        rows = f"select (select count(*) from staging.{name}), count(*) from staging.{name}_history"
        assert ask(old.published, rows) == [counts]
    assert amounts(old.published, "staging") == amounts(format_1, "staging")
    assert amounts(old.published, "staging") == [
        tuple(map(Decimal, ("5161.07", "1379.35", "7076.61", "1673.990000", "5130.91")))
    ]
    (kept,) = (old.private / "generations").iterdir()
    assert kept.read_bytes() == format_1.read_bytes()


UUID = "5f0c8a52-6b1d-4e7a-9c3e-0a1b2c3d4e5f"
SPELT = {"A": UUID.upper(), "B": "1.0", "C": "1", "D": "x\u200b", "E": "aB", "F": "7"}


def test_ids_of_format_2(tmp_path: Path) -> None:
    """Ids get the one spelling of format 3, unless another record has it already."""
    path = tmp_path / "warehouse.duckdb"
    create_tables(path, tuple(ENDPOINTS.values()))
    with duckdb.connect(path) as con:
        for code, id_ in SPELT.items():
            con.execute("insert into raw.vendors (id, code) values (?, ?)", [id_, code])
            for endpoint in ("vendors", "customers"):
                con.execute("insert into raw.seen values (?, ?, now())", [endpoint, id_])
        con.execute("update raw.p4books_format set format = 2")

    migrate_warehouse(path, ENDPOINTS)

    own = [(UUID,), ("1.0",), ("1",), ("x",), ("aB",), ("7",)]
    assert ask(path, "select id from raw.vendors order by code") == own
    seen = "select id from raw.seen where endpoint = '{}' order by id"
    assert ask(path, seen.format("vendors")) == sorted(own)
    assert ask(path, seen.format("customers")) == sorted((id_,) for id_ in SPELT.values())


def test_changes_since_format_1(old: Settings, sandbox: Sandbox) -> None:
    """Edits and deletions since then make their versions, and no others."""
    sandbox.books["invoices"].replace(3, status="Posted")
    sandbox.books["vendors"].delete(3)

    summary = sync(old)

    found = {each.endpoint: (each.new, each.changed, each.gone) for each in summary.readings}
    assert found["invoices"] == (0, 1, 0)
    assert found["vendors"] == (0, 0, 1)
    assert sum(map(sum, found.values())) == 2
    again = sync(old)
    assert (again.loaded, again.published) == (False, False)


def test_complete_copies(old: Settings) -> None:
    """Each list with rows in format 1 has a complete copy, so that slices of it can be loaded."""
    warehouse = old.private / "warehouse.duckdb"

    migrate_warehouse(warehouse, ENDPOINTS)

    assert read_state(warehouse).scans == dict.fromkeys(VERSIONS, ScanProgress())


def test_interrupted_migration(old: Settings, format_1: Path) -> None:
    """A run that stops before the rename leaves the old warehouse unchanged, byte for byte."""
    (old.private / "generations").write_text("in the way")

    with pytest.raises(Exception, match="cannot be written"):
        sync(old)

    assert (old.private / "warehouse.duckdb").read_bytes() == format_1.read_bytes()


def test_nothing_to_do(warehouse: Path) -> None:
    """A new warehouse needs no migration, nor does one that does not exist yet."""
    assert not needs_migration(warehouse, ENDPOINTS)
    assert not needs_migration(warehouse.with_name("none.duckdb"), ENDPOINTS)


# Columns that differ from the endpoint's file


def extend_endpoint(name: str, **more: FieldType) -> dict[str, Endpoint]:
    """Return the endpoints, one of them with more fields or other types."""
    before = ENDPOINTS[name]
    return {**ENDPOINTS, name: Endpoint(name, {**before.fields, **more}, before.inner)}


def migrate_and_ask(warehouse: Path, endpoints: dict[str, Endpoint], sql: str) -> list[Row]:
    """Migrate a warehouse and query it."""
    assert needs_migration(warehouse, endpoints)
    migrate_warehouse(warehouse, endpoints)
    assert not needs_migration(warehouse, endpoints)
    return ask(warehouse, sql)


def test_new_endpoint(warehouse: Path) -> None:
    """An endpoint that the warehouse does not know gets its table, without rows."""
    endpoints = {**ENDPOINTS, "price_lists": Endpoint("price_lists", {"id": FieldType.TEXT})}

    assert migrate_and_ask(warehouse, endpoints, "select count(*) from raw.price_lists") == [(0,)]


def test_new_field(warehouse: Path, hold: Hold) -> None:
    """A new field of an endpoint becomes a column, filled in every version."""
    hold(
        ENDPOINTS["vendors"], '{"ponumber":7,"id":1}', '{"id":2}', '{"id":3,"other":1,"ponumber":8}'
    )
    with duckdb.connect(warehouse) as con:
        con.execute("update raw.vendors set _dlt_valid_to = now() where id = '3'")

    rows = migrate_and_ask(
        warehouse,
        extend_endpoint("vendors", po_number=FieldType.COUNT),
        "select id, po_number, extra, misfits from raw.vendors order by id",
    )

    assert rows == [("1", 7, None, None), ("2", None, None, None), ("3", 8, '{"other":1}', None)]


def test_wider_column(warehouse: Path, hold: Hold) -> None:
    """A column gets the new type of its field, and the digits it had lost come back."""
    hold(
        ENDPOINTS["vendors"],
        '{"balance":1.5,"id":1}',
        '{"balance":2.345,"id":2}',
        '{"balance":"1234567890123456.78","id":3}',
        '{"balance":"N/A","id":4}',
    )

    rows = migrate_and_ask(
        warehouse,
        extend_endpoint("vendors", balance=FieldType.MEASURE),
        "select id, balance::varchar, extra, misfits, typeof(balance) from raw.vendors order by id",
    )

    lost = '[{"field":"balance","value":"%s"}]'
    wide = "DECIMAL(18,6)"
    assert rows == [
        ("1", "1.500000", None, None, wide),
        ("2", "2.345000", None, None, wide),
        ("3", None, None, lost % "1234567890123456.78", wide),
        ("4", None, None, lost % "N/A", wide),
    ]


def test_narrower_column(warehouse: Path, hold: Hold) -> None:
    """Digits that do not fit a column any more are kept in `extra` and in the misfits."""
    hold(ENDPOINTS["products"], '{"code":"x","cost":1.234567,"id":1}', '{"code":"7","id":2}')

    rows = migrate_and_ask(
        warehouse,
        extend_endpoint("products", cost=FieldType.MONEY, code=FieldType.COUNT),
        "select id, code, cost::varchar, extra, misfits from raw.products order by id",
    )

    assert rows[1] == ("2", 7, None, None, None)
    id_, code, cost, extra, misfits = rows[0]
    assert (id_, code, cost, json.loads(extra)) == ("1", None, "1.23", {"cost": "1.234567"})
    assert sorted(json.loads(misfits), key=str) == [
        {"field": "code", "value": "x"},
        {"field": "cost", "value": "1.234567"},
    ]


def test_text_column(warehouse: Path, hold: Hold) -> None:
    """A column that becomes text has all values, even those that did not fit before."""
    hold(ENDPOINTS["products"], '{"cost":2.5,"id":1}', '{"cost":"N/A","id":2,"price":"?"}')

    rows = migrate_and_ask(
        warehouse,
        extend_endpoint("products", cost=FieldType.TEXT),
        "select cost, extra, misfits from raw.products order by id",
    )

    assert rows == [
        ("2.500000", None, None),
        ("N/A", None, '[{"field":"price","value":"?"}]'),
    ]


def test_new_inner_list(warehouse: Path, hold: Hold) -> None:
    """A new list of items becomes a column; a value that is not a list is a misfit."""
    hold(ENDPOINTS["vendors"], '{"contacts":[{"n":1}],"id":1}', '{"contacts":"none","id":2}')
    vendors = ENDPOINTS["vendors"]
    endpoints = {**ENDPOINTS, "vendors": Endpoint("vendors", vendors.fields, {"contacts": {}})}

    rows = migrate_and_ask(
        warehouse, endpoints, "select contacts, extra, misfits from raw.vendors order by id"
    )

    assert rows == [
        ('[{"n":1}]', None, None),
        (None, None, '[{"field":"contacts","value":"\\"none\\""}]'),
    ]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5", "-0.000001"], FieldType.MEASURE),
        (["1", '"2"'], FieldType.TEXT),
        (["7501234567890"], FieldType.TEXT),
        (["0.12345678"], FieldType.TEXT),
        (["true", "false"], FieldType.TEXT),
        (['"2026-03-31"', '"2026-02-28"'], FieldType.DAY),
        (['"2026-03-31"', '"2026-02-30"'], FieldType.TEXT),
        (['"2026-03-31T10:00:00Z"', '"2026-03-31 10:00:00-05:00"'], FieldType.INSTANT),
        (['"2026-03-31T10:00:00Z"', '"2026-03-31"'], FieldType.TEXT),
        (['"red"'], FieldType.TEXT),
        (['{"a":1}', "[1]"], FieldType.TEXT),
        ([], FieldType.TEXT),
    ],
)
def test_infer_type(warehouse: Path, hold: Hold, values: list[str], kind: FieldType) -> None:
    """A type is inferred only if every value fits it exactly; otherwise the field is text."""
    records = [f'{{"colour":{value},"id":{number}}}' for number, value in enumerate(values)]
    hold(VENDORS, *records, '{"id":99,"other":"x"}')

    with open_database(warehouse, read_only=True) as con:
        assert infer_type(con, VENDORS, "colour") is kind


def test_type_of_an_id(warehouse: Path, hold: Hold) -> None:
    """An id is text, even if all values are numbers."""
    hold(VENDORS, '{"branch_id":7,"id":1}')

    with open_database(warehouse, read_only=True) as con:
        assert infer_type(con, VENDORS, "branch_id") is FieldType.TEXT
