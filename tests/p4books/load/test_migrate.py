"""How does an older warehouse become one of ours?

`format-1.duckdb.gz` was made by the p4books that knew format 1, in two syncs with edits and a
deletion between them; `format-1.json.gz` is what P4 Books had after the second one.
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
from p4books.errors import WarehouseDamaged
from p4books.load.evolution import migrate_warehouse, needs_migration
from p4books.load.schema import FORMAT, ScanProgress, load_unknown_fields, read_state, table_columns
from p4books.load.warehouse import check_warehouse
from p4books.settings import Settings
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
    """The old warehouse, to be copied by who changes it."""
    path = tmp_path_factory.mktemp("old") / "warehouse.duckdb"
    with gzip.open(HERE / "format-1.duckdb.gz") as packed, path.open("wb") as file:
        shutil.copyfileobj(packed, file)
    return path


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """P4 Books as it was when the old warehouse was made."""
    with gzip.open(HERE / "format-1.json.gz") as packed:
        data = json.load(packed)
    with Sandbox(data=data, limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def old(settings: Settings, format_1: Path) -> Settings:
    """Settings of a tenant whose warehouse the older p4books made."""
    settings.private.mkdir(parents=True)
    shutil.copyfile(format_1, settings.warehouse)
    return settings


def ask(file: Path, sql: str) -> list[Row]:
    with duckdb.connect(file, read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        return con.execute(sql).fetchall()


def history(file: Path, name: str) -> list[Row]:
    """Give every version, by the columns that format 1 knew."""
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


def test_a_sync_on_top_of_format_1(old: Settings, format_1: Path) -> None:
    """A sync goes on from the old warehouse: no row makes a version, all history is there."""
    warehouse = old.private / "warehouse.duckdb"

    summary = sync(old)

    assert summary.faults == []
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


def test_changes_on_top_of_format_1(old: Settings, sandbox: Sandbox) -> None:
    """Edits and deletions since then make their versions, and no others are made."""
    sandbox.books["invoices"].replace(3, status="Posted")
    sandbox.books["vendors"].delete(3)

    summary = sync(old)

    found = {each.endpoint: (each.new, each.changed, each.gone) for each in summary.readings}
    assert found["invoices"] == (0, 1, 0)
    assert found["vendors"] == (0, 0, 1)
    assert sum(map(sum, found.values())) == 2
    again = sync(old)
    assert (again.loaded, again.published) == (False, False)


def test_whole_copies(old: Settings) -> None:
    """Of each list that format 1 has rows of it has a whole copy: slices of it can be taken in."""
    warehouse = old.private / "warehouse.duckdb"

    migrate_warehouse(warehouse, ENDPOINTS)

    assert read_state(warehouse).scans == dict.fromkeys(VERSIONS, ScanProgress())


def test_what_format_1_had_in_extra(old: Settings) -> None:
    """A field that the old warehouse had in `extra` is reported in the first run, and noted."""
    first, second = sync(old), sync(old)

    assert [note for note in first.notes if "ruc_verified" in note]
    assert not [note for note in second.notes if "ruc_verified" in note]
    (found,) = load_unknown_fields(old.private / "warehouse.duckdb")
    assert (found.endpoint, found.field) == ("customers", "ruc_verified")
    since = "select max(_dlt_valid_from) from raw.customers"
    assert [(found.first_seen_at,)] == ask(old.private / "warehouse.duckdb", since)


def test_a_migration_that_is_cut_short(old: Settings, format_1: Path) -> None:
    """What stops the run before the rename leaves the old warehouse byte for byte as it was."""
    (old.private / "generations").write_text("in the way")

    with pytest.raises(Exception, match="cannot be written"):
        sync(old)

    assert (old.private / "warehouse.duckdb").read_bytes() == format_1.read_bytes()


@pytest.mark.parametrize("spoilt", ["set format = 0", "set format = -1"])
def test_no_format_of_ours(warehouse: Path, spoilt: str) -> None:
    """A warehouse of a format that never was is refused in a sentence."""
    with duckdb.connect(warehouse) as con:
        con.execute(f"update raw.p4books_format {spoilt}")

    with pytest.raises(WarehouseDamaged, match=r"names no format of ours.*Nothing was changed"):
        check_warehouse(warehouse)


def test_no_format(warehouse: Path) -> None:
    """A warehouse that does not say its format is refused in a sentence."""
    with duckdb.connect(warehouse) as con:
        con.execute("delete from raw.p4books_format")

    with pytest.raises(WarehouseDamaged, match="names no format of ours"):
        check_warehouse(warehouse)


def test_nothing_to_do(warehouse: Path) -> None:
    """A warehouse as we make them needs no migration, nor does one that is not there yet."""
    assert not needs_migration(warehouse, ENDPOINTS)
    assert not needs_migration(warehouse.with_name("none.duckdb"), ENDPOINTS)


# Other columns than the endpoint's file has


def grown(name: str, **more: FieldType) -> dict[str, Endpoint]:
    """Give the registry as if an endpoint's file had these fields too, or in these kinds."""
    before = ENDPOINTS[name]
    return {**ENDPOINTS, name: Endpoint(name, {**before.fields, **more}, before.inner)}


def change(warehouse: Path, endpoints: dict[str, Endpoint], sql: str) -> list[Row]:
    """Migrate a warehouse, and ask it."""
    assert needs_migration(warehouse, endpoints)
    migrate_warehouse(warehouse, endpoints)
    assert not needs_migration(warehouse, endpoints)
    return ask(warehouse, sql)


def test_a_new_line_in_an_endpoints_file(warehouse: Path, hold: Hold) -> None:
    """A field of the file that the table lacks becomes a column, filled in every version."""
    hold(
        ENDPOINTS["vendors"], '{"ponumber":7,"id":1}', '{"id":2}', '{"id":3,"other":1,"ponumber":8}'
    )
    with duckdb.connect(warehouse) as con:
        con.execute("update raw.vendors set _dlt_valid_to = now() where id = '3'")

    found = change(
        warehouse,
        grown("vendors", po_number=FieldType.COUNT),
        "select id, po_number, extra, misfits from raw.vendors order by id",
    )

    assert found == [("1", 7, None, None), ("2", None, None, None), ("3", 8, '{"other":1}', None)]


def test_a_wider_column(warehouse: Path, hold: Hold) -> None:
    """A column gets the type that its field has now, and the digits it had lost come back."""
    hold(
        ENDPOINTS["vendors"],
        '{"balance":1.5,"id":1}',
        '{"balance":2.345,"id":2}',
        '{"balance":"1234567890123456.78","id":3}',
        '{"balance":"N/A","id":4}',
    )

    found = change(
        warehouse,
        grown("vendors", balance=FieldType.MEASURE),
        "select id, balance::varchar, extra, misfits, typeof(balance) from raw.vendors order by id",
    )

    lost = '[{"field":"balance","value":"%s"}]'
    wide = "DECIMAL(18,6)"
    assert found == [
        ("1", "1.500000", None, None, wide),
        ("2", "2.345000", None, None, wide),
        ("3", None, None, lost % "1234567890123456.78", wide),
        ("4", None, None, lost % "N/A", wide),
    ]


def test_a_narrower_column(warehouse: Path, hold: Hold) -> None:
    """Digits that a column no longer holds are kept: whole in `extra`, and with the misfits."""
    hold(ENDPOINTS["products"], '{"code":"x","cost":1.234567,"id":1}', '{"code":"7","id":2}')

    found = change(
        warehouse,
        grown("products", cost=FieldType.MONEY, code=FieldType.COUNT),
        "select id, code, cost::varchar, extra, misfits from raw.products order by id",
    )

    assert found[1] == ("2", 7, None, None, None)
    id_, code, cost, extra, misfits = found[0]
    assert (id_, code, cost, json.loads(extra)) == ("1", None, "1.23", {"cost": "1.234567"})
    assert sorted(json.loads(misfits), key=str) == [
        {"field": "code", "value": "x"},
        {"field": "cost", "value": "1.234567"},
    ]


def test_a_column_of_text(warehouse: Path, hold: Hold) -> None:
    """A column that is text now has what came, also what did not fit it before."""
    hold(ENDPOINTS["products"], '{"cost":2.5,"id":1}', '{"cost":"N/A","id":2,"price":"?"}')

    found = change(
        warehouse,
        grown("products", cost=FieldType.TEXT),
        "select cost, extra, misfits from raw.products order by id",
    )

    assert found == [
        ("2.500000", None, None),
        ("N/A", None, '[{"field":"price","value":"?"}]'),
    ]


def test_a_new_inner_list(warehouse: Path, hold: Hold) -> None:
    """A list of items becomes a column too; what is no list goes to the misfits."""
    hold(ENDPOINTS["vendors"], '{"contacts":[{"n":1}],"id":1}', '{"contacts":"none","id":2}')
    vendors = ENDPOINTS["vendors"]
    endpoints = {**ENDPOINTS, "vendors": Endpoint("vendors", vendors.fields, {"contacts": {}})}

    found = change(
        warehouse, endpoints, "select contacts, extra, misfits from raw.vendors order by id"
    )

    assert found == [
        ('[{"n":1}]', None, None),
        (None, None, '[{"field":"contacts","value":"\\"none\\""}]'),
    ]
