"""Sync: what it loads and publishes, and what it leaves untouched when it fails."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr
from tests.moved_books import move_books
from tests.staging_sync import STAGING, VENDORS, sync, sync_vendors

from p4books.endpoints import ENDPOINTS
from p4books.errors import (
    AlreadyRunning,
    BrokenSql,
    DiskTrouble,
    Incomplete,
    KeyRefused,
    WarehouseDamaged,
    WarehouseTooNew,
)
from p4books.settings import Settings
from p4books.storage.database import borrow_reader
from p4books_sandbox import Arrival, Fault, Sandbox

MakeSettings = Callable[..., Settings]
Row = tuple[Any, ...]


@pytest.fixture(scope="module")
def first_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder after the first sync of the books of every test's sandbox."""
    folder = tmp_path_factory.mktemp("first") / "data"
    with pytest.MonkeyPatch.context() as patch, Sandbox(invoices=30, limit=0) as sandbox:
        patch.setenv("XDG_STATE_HOME", str(folder.parent / "state"))
        settings = Settings(
            tenant="acme",
            api_key=SecretStr(sandbox.key),
            base_url=sandbox.base_url,
            data_dir=folder,
            requests_per_window=100_000,
        )
        summary = sync(settings)
    assert (summary.loaded, summary.published, summary.faults) == (True, True, [])
    return folder


@pytest.fixture
def synced(settings: Settings, first_copy: Path) -> Settings:
    """Settings of a tenant that was synced once."""
    shutil.copytree(first_copy, settings.data_dir)
    move_books(settings.warehouse, settings.address)
    return settings


def ask(file: Path, sql: str) -> list[Row]:
    with borrow_reader(file) as con:
        return con.execute(sql).fetchall()


def read_published(settings: Settings) -> dict[str, list[Row]]:
    """Return the rows of every published table but `about`, which has the time of publication."""
    names = "select schema_name || '.' || table_name from duckdb_tables()"
    with borrow_reader(settings.published) as con:
        return {
            name: con.execute(f"from {name} order by all").fetchall()
            for (name,) in con.execute(names).fetchall()
            if name != "main.about"
        }


def stat_files(settings: Settings) -> dict[str, tuple[int, int]]:
    """Return when each database file was written, and its inode."""
    files = [settings.published, settings.warehouse]
    return {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in files}


def oldest_seen_at(settings: Settings) -> datetime:
    """Return the oldest time at which a row was last seen."""
    oldest: datetime = ask(settings.warehouse, "select min(verified_at) from raw.seen")[0][0]
    return oldest


# An independent recount of the sandbox's records, in plain Python.


def as_text(value: Any) -> Any:
    return None if value is None else str(value)


def as_number(value: Any) -> Any:
    return None if value is None else Decimal(str(value))


def as_day(value: Any) -> Any:
    return None if value is None else date.fromisoformat(value[:10])


def as_instant(value: Any) -> Any:
    return None if value is None else datetime.fromisoformat(value)


Parser = Callable[[Any], Any]
PARTY: dict[str, tuple[str, Parser]] = {
    "email": ("email", as_text),
    "phone": ("phone", as_text),
    "tax_id": ("tax_id", as_text),
    "payment_terms": ("payment_terms", as_text),
    "currency": ("currency", as_text),
    "balance": ("balance", as_number),
}
COLUMNS: dict[str, dict[str, tuple[str, Parser]]] = {
    "product": {
        "product_name": ("name", as_text),
        "product_description": ("description", as_text),
        "product_type": ("product_type", as_text),
        "unit_of_measure": ("unit_of_measure", as_text),
        "product_group_id": ("product_group_id", as_text),
        "tax_code": ("tax_code", as_text),
        "list_price": ("price", as_number),
        "unit_cost": ("cost", as_number),
    },
    "customer": {
        **PARTY,
        "customer_name": ("name", as_text),
        "tax_code": ("tax_code", as_text),
        "credit_limit": ("credit_limit", as_number),
    },
    "vendor": {**PARTY, "vendor_name": ("name", as_text)},
    "invoice": {
        "customer_id": ("customer_id", as_text),
        "sales_order_id": ("sales_order_id", as_text),
        "due_on": ("due_date", as_day),
        "posted_on": ("posting_date", as_day),
        "amount_paid": ("amount_paid", as_number),
        "balance": ("balance", as_number),
    },
    "purchase_order": {
        "vendor_id": ("vendor_id", as_text),
        "warehouse_id": ("warehouse_id", as_text),
        "expected_on": ("expected_date", as_day),
    },
    "sales_order": {
        "customer_id": ("customer_id", as_text),
        "warehouse_id": ("warehouse_id", as_text),
        "required_on": ("required_date", as_day),
    },
}
LINE: dict[str, tuple[str, Parser]] = {
    "line_number": ("line_number", int),
    "product_id": ("product_id", as_text),
    "line_description": ("description", as_text),
    "tax_code": ("tax_code", as_text),
    "quantity": ("quantity", as_number),
    "unit_price": ("price", as_number),
    "discount": ("discount", as_number),
    "line_net": ("subtotal", as_number),
}
ADDRESS = {
    "address_type": "address_type",
    "address_line1": "line1",
    "address_line2": "line2",
    "city": "city",
    "state": "state",
    "postal_code": "postal_code",
    "country": "country",
}
DOCUMENTS = {"invoice", "purchase_order", "sales_order"}


def columns_of(entity: str) -> dict[str, tuple[str, Parser]]:
    common: dict[str, tuple[str, Parser]] = {
        f"{entity}_id": ("id", as_text),
        f"{entity}_code": ("code", as_text),
        f"{entity}_status": ("status", as_text),
        "created_at": ("date_created", as_instant),
        "modified_at": ("date_modified", as_instant),
    }
    amounts: dict[str, tuple[str, Parser]] = {
        "document_on": ("document_date", as_day),
        f"{entity}_subtotal": ("subtotal", as_number),
        f"{entity}_tax": ("tax_total", as_number),
        f"{entity}_total": ("total", as_number),
    }
    return {**common, **COLUMNS[entity], **(amounts if entity in DOCUMENTS else {})}


def records(sandbox: Sandbox, path: str) -> list[dict[str, Any]]:
    rows, _ = sandbox.books[path].page(0, 1_000_000)
    return [json.loads(row, parse_float=Decimal) for row in rows]


def check_table(file: Path, table: str, columns: list[str], expected: list[Row]) -> None:
    rows = ask(file, f"select {', '.join(columns)} from staging.{table}")
    assert len(rows) == len(expected)
    key = [columns.index(name) for name in columns[:2]]
    by_key = sorted(rows, key=lambda row: [str(row[place]) for place in key])
    assert by_key == sorted(expected, key=lambda row: [str(row[place]) for place in key])


def check_everything(file: Path, sandbox: Sandbox) -> None:
    """Compare every published row with the sandbox's records, to the cent."""
    for path in sandbox.books:
        table = path.replace("-", "_")
        entity = table.removesuffix("s")
        given = records(sandbox, path)
        columns = columns_of(entity)
        expected = [
            tuple(read(record.get(field)) for field, read in columns.values()) for record in given
        ]
        check_table(file, table, list(columns), expected)
        if entity in DOCUMENTS:
            expected = [
                (str(record["id"]), *(read(line.get(field)) for field, read in LINE.values()))
                for record in given
                for line in record.get("lines") or []
            ]
            check_table(file, f"{entity}_lines", [f"{entity}_id", *LINE], expected)
    expected = [
        (str(record["id"]), place, *(address.get(field) for field in ADDRESS.values()))
        for record in records(sandbox, "customers")
        for place, address in enumerate(record.get("addresses") or [], 1)
    ]
    check_table(file, "customer_addresses", ["customer_id", "address_number", *ADDRESS], expected)


def test_first_sync(synced: Settings, sandbox: Sandbox) -> None:
    """After the first sync the published file has what P4 Books has: every row, every cent."""
    check_everything(synced.published, sandbox)

    (about,) = ask(synced.published, "select tenant, p4books_version, made_of from about")
    assert about[0] == "acme"
    assert synced.published.stat().st_mode & 0o777 == 0o440
    assert synced.private.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in synced.data_dir.iterdir()) == [".private", "acme.duckdb"]
    assert not (synced.private / "work").exists()


def test_nothing_changed(synced: Settings) -> None:
    """A sync without changes leaves the published file, records when rows were seen, and reports
    its progress page by page.
    """
    before, published = oldest_seen_at(synced), stat_files(synced)["acme.duckdb"]
    progress: list[tuple[str, int, int, int]] = []

    summary = sync(synced, progress=lambda *step: progress.append(step))

    assert (summary.loaded, summary.published, summary.faults) == (False, False, [])
    assert [(each.new, each.changed, each.gone) for each in summary.readings] == [(0, 0, 0)] * 6
    assert sum(each.seen for each in summary.readings) == 335
    assert (summary.requests, summary.refused) == (9, 0)
    assert stat_files(synced)["acme.duckdb"] == published
    assert oldest_seen_at(synced) > before
    assert not (synced.private / "generations").exists()
    assert {name for name, *_ in progress} == set(ENDPOINTS)
    assert [step[1:3] for step in progress if step[0] == "invoices"] == [(1, 1)]


def change_hashes(settings: Settings) -> dict[str, list[Row]]:
    """Make every version look hashed in another way; return the correct hashes."""
    right = {}
    with duckdb.connect(settings.warehouse) as con:
        for name in ENDPOINTS:
            right[name] = con.execute(f"select id, row_hash from raw.{name} order by id").fetchall()
            con.execute(f"update raw.{name} set row_hash = 'old ' || row_hash")
    return right


def test_new_hash(synced: Settings) -> None:
    """If the hash function changed, one scan updates every hash, and no row makes a version."""
    right, before = change_hashes(synced), stat_files(synced)["acme.duckdb"]

    summary = sync(synced)

    assert (summary.loaded, summary.published, summary.faults) == (False, False, [])
    assert [(each.new, each.changed, each.gone) for each in summary.readings] == [(0, 0, 0)] * 6
    warehouse = synced.private / "warehouse.duckdb"
    for name in ENDPOINTS:
        assert ask(warehouse, f"select id, row_hash from raw.{name} order by id") == right[name]
    assert stat_files(synced)["acme.duckdb"] == before


def test_new_hash_and_changes(synced: Settings, sandbox: Sandbox) -> None:
    """If the hash function changed, only rows that changed too make a version."""
    change_hashes(synced)
    change_everything(sandbox)

    summary = sync(synced)

    assert sum(each.new + each.changed + each.gone for each in summary.readings) == 8
    check_everything(synced.published, sandbox)
    wrong = "select count(*) from raw.invoices where row_hash like 'old%' and _dlt_valid_to is null"
    assert ask(synced.private / "warehouse.duckdb", wrong) == [(0,)]


def change_everything(sandbox: Sandbox) -> None:
    """Edit, delete and insert records in several lists."""
    invoices = sandbox.books["invoices"]
    invoices.replace(3, status="Void", balance=Decimal("0.01"))
    invoices.replace(4, lines=records(sandbox, "invoices")[3]["lines"][:1])
    invoices.delete(5)
    invoices.insert({**records(sandbox, "invoices")[5], "id": 31, "code": "FAC-000031"})
    sandbox.books["customers"].replace(1, addresses=[])
    sandbox.books["vendors"].delete(2)
    sandbox.books["products"].replace(1, price=Decimal("25.01"))
    sandbox.books["purchase-orders"].delete(1)


def test_changes(synced: Settings, sandbox: Sandbox) -> None:
    """Edits, deletions and new rows are published by the next sync, with their history."""
    change_everything(sandbox)

    summary = sync(synced)

    found = {each.endpoint: (each.new, each.changed, each.gone) for each in summary.readings}
    assert found == {
        "products": (0, 1, 0),
        "customers": (0, 1, 0),
        "vendors": (0, 0, 1),
        "invoices": (1, 2, 1),
        "purchase_orders": (0, 0, 1),
        "sales_orders": (0, 0, 0),
    }
    assert (summary.loaded, summary.published, summary.faults) == (True, True, [])
    check_everything(synced.published, sandbox)
    history = "select invoice_status, valid_to is null from staging.invoices_history"
    assert ask(synced.published, f"{history} where invoice_id = '3' order by valid_from") == [
        ("Paid", False),
        ("Void", True),
    ]
    assert ask(synced.published, f"{history} where invoice_id = '5'") == [("Paid", False)]


def test_returning_row(synced: Settings, sandbox: Sandbox) -> None:
    """A deleted row that returns unchanged is current again, with a gap in its history."""
    record = records(sandbox, "vendors")[1]
    sandbox.books["vendors"].delete(2)
    gone = sync_vendors(synced)
    sandbox.books["vendors"].insert(record, at=1)

    back = sync_vendors(synced)

    assert [sum(each.gone for each in one.readings) for one in (gone, back)] == [1, 0]
    assert sum(each.new for each in back.readings) == 1
    assert ask(synced.published, "select count(*) from staging.vendors") == [(20,)]
    versions = ask(
        synced.published,
        "select valid_from, valid_to from staging.vendors_history where vendor_id = '2' order by 1",
    )
    assert len(versions) == 2
    assert versions[0][1] < versions[1][0]
    assert versions[1][1] is None


def test_odd_names(synced: Settings, sandbox: Sandbox) -> None:
    """Names are exact: accents, quotes, emoji, a leading =, control characters, empty."""
    names = [
        "Ñandú & Compañía, S.A.",
        'O\'Higgins "el bueno"',
        "🧀🇵🇦 Quesería",
        "=1+1",
        "a\tb\nc\\n",
        "e\u0301 is not \u00e9",
        "\u202eright\u0000left",
        "; drop table raw.vendors; --",
        " ",
        "",
    ]
    for number, name in enumerate(names, 1):
        sandbox.books["vendors"].replace(number, name=name)

    sync_vendors(synced)

    held = ask(
        synced.published,
        "select vendor_name from staging.vendors order by vendor_id::integer limit 10",
    )
    assert [name for (name,) in held] == names


def test_unknown_fields_and_misfits(synced: Settings, sandbox: Sandbox) -> None:
    """An unknown field and a value that does not fit are kept, and stop nothing."""
    sandbox.books["invoices"].replace(3, total="N/A", Filename="a.pdf", margin=Decimal("1.5"))

    summary = sync(synced)

    assert summary.faults == []
    rows = "select invoice_total, extra from staging.invoices where invoice_id = '3'"
    ((total, extra),) = ask(synced.published, rows)
    assert (total, json.loads(extra)) == (None, {"filename": "a.pdf", "margin": 1.5})
    found = "select id, field, value from raw.findings order by field"
    assert ask(synced.private / "warehouse.duckdb", found) == [
        (None, "filename", None),
        (None, "margin", None),
        ("3", "total", "N/A"),
    ]


def test_new_field_is_reported_once(synced: Settings, sandbox: Sandbox) -> None:
    """A new field is reported in its first run, and in no later one."""
    sandbox.books["vendors"].replace(3, Filename="a.pdf", balance="1.123456789")
    first = sync_vendors(synced)
    sandbox.books["vendors"].replace(4, Filename="b.pdf")
    sandbox.books["vendors"].replace(3, Filename="c.pdf", colour="red")
    second = sync_vendors(synced)
    third = sync_vendors(synced)

    (note,) = first.notes
    assert note == (
        "P4 Books returns a new field, vendors.filename. It is kept in `extra`; "
        "run `p4books adopt vendors.filename` to make it a column."
    )
    assert ["colour" in note for note in second.notes] == [True]
    assert third.notes == []


def test_new_field_in_a_failed_run(synced: Settings, sandbox: Sandbox) -> None:
    """A new field is reported in the first run that loads it; a failed run does not count."""
    sandbox.books["vendors"].replace(3, colour="red")
    generations = synced.private / "generations"
    generations.write_text("in the way")
    with pytest.raises(DiskTrouble):
        sync_vendors(synced)
    generations.unlink()

    summary = sync_vendors(synced)

    assert ["colour" in note for note in summary.notes] == [True]


# Lists that can't be read


def test_lists_that_fail(synced: Settings, sandbox: Sandbox) -> None:
    """Lists that can't be read are reported; the others are loaded and published."""
    sandbox.forbid("invoices")
    sandbox.faults.stage(Fault("status", status=422, endpoint="products", times=None))
    change_everything(sandbox)

    summary = sync(synced)

    assert sorted(type(fault).__name__ for fault in summary.faults) == ["Refused", "RightMissing"]
    assert any("status 422" in str(fault) for fault in summary.faults)
    assert len(summary.readings) == 4
    assert (summary.loaded, summary.published) == (True, True)
    assert ask(synced.published, "select count(*) from staging.vendors") == [(19,)]
    assert ask(synced.published, "select count(*) from staging.invoices") == [(30,)]
    price = "select list_price from staging.products where product_id = '1'"
    assert ask(synced.published, price) == [(25,)]


def test_a_wrong_key(synced: Settings, make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """A wrong key ends the run after one request, with nothing changed."""
    before = stat_files(synced)

    with pytest.raises(KeyRefused):
        sync(make_settings(sandbox, api_key="wrong"))

    assert len(sandbox.requests) == 1
    assert stat_files(synced) == before
    assert sync(synced).faults == []


def test_some_endpoints(settings: Settings, sandbox: Sandbox) -> None:
    """Only the requested lists are read; those never read are published without a row."""
    summary = sync(settings, ["vendors", "products"])

    assert [each.endpoint for each in summary.readings] == ["vendors", "products"]
    assert {request.endpoint for request in sandbox.requests} == {"vendors", "products"}
    assert ask(settings.published, "select count(*) from staging.vendors") == [(20,)]
    assert ask(settings.published, "select count(*) from staging.invoices") == [(0,)]


def duplicate_id(sandbox: Sandbox, path: str, record_id: int) -> None:
    """Make a list announce one row more than it returns: one id occurs twice."""
    sandbox.books[path].insert({"id": record_id, "code": "duplicate"})


def test_incomplete_first_copy(settings: Settings, sandbox: Sandbox) -> None:
    """An incomplete first copy is not loaded; the next complete one is."""
    duplicate_id(sandbox, "vendors", 3)

    first = sync(settings, ["vendors", "products"], VENDORS)
    rows = ask(settings.published, "select count(*) from staging.vendors")
    sandbox.books["vendors"].delete(3)
    sandbox.books["vendors"].delete(3)
    second = sync(settings, ["vendors", "products"], VENDORS)

    (fault,) = first.faults
    assert isinstance(fault, Incomplete)
    assert "Nothing was loaded for vendors" in str(fault)
    assert {each.endpoint: each.outcome for each in first.readings} == {
        "vendors": "Incomplete",
        "products": "done",
    }
    assert rows == [(0,)]
    assert second.faults == []
    assert ask(settings.published, "select count(*) from staging.vendors") == [(19,)]


def test_incomplete_later_scan(synced: Settings, sandbox: Sandbox) -> None:
    """An incomplete later scan loads what came, and closes no row."""
    sandbox.books["vendors"].delete(2)
    sandbox.books["vendors"].replace(4, name="new name")
    duplicate_id(sandbox, "vendors", 3)

    summary = sync_vendors(synced)

    (fault,) = summary.faults
    assert isinstance(fault, Incomplete)
    assert "no row was closed" in str(fault)
    assert ask(synced.published, "select count(*) from staging.vendors") == [(20,)]
    name = "select vendor_name from staging.vendors where vendor_id = '4'"
    assert ask(synced.published, name) == [("new name",)]


def test_moving_list(synced: Settings, sandbox: Sandbox, make_settings: MakeSettings) -> None:
    """A row missing from two scans in a row of a moving list is gone after the second."""
    sandbox.books["products"].delete(2)

    def move(arrival: Arrival) -> None:
        if arrival.endpoint == "products" and arrival.page == 1:
            sandbox.books["products"].insert({"name": "late"})

    sandbox.before_each = move
    small = make_settings(sandbox, page_size=60)
    counts = []
    for _ in range(2):
        summary = sync(small, ["products"])
        assert summary.faults == []
        counts += [(each.quiet, each.gone) for each in summary.readings]

    quiet = [each for each, _ in counts]
    assert [gone for _, gone in counts] == ([1, 0] if quiet[0] else [0, 1])
    assert ask(
        synced.published, "select count(*) from staging.products where product_id = '2'"
    ) == [(0,)]


# SQL that can't be built


def sql_with(tmp_path: Path, text: str) -> Path:
    """Copy the staging models and add one file, in place of the last one."""
    root = tmp_path / "sql"
    shutil.copytree(STAGING, root, dirs_exist_ok=True)
    (root / "core").mkdir(exist_ok=True)
    (root / "core" / "mine.sql").write_text(text)
    return root


BROKEN = {
    "build": "-- One row.\nselect nothing from staging.vendors",
    "run": "-- One row.\nselect vendor_name::integer as x from staging.vendors",
}


def test_broken_sql(synced: Settings, sandbox: Sandbox, tmp_path: Path) -> None:
    """A model that can't be built, or fails, stops no load: only publishing waits for a fix."""
    before = read_published(synced)
    change_everything(sandbox)
    loaded = []

    for number, text in enumerate(BROKEN.values(), 1):
        sandbox.books["vendors"].replace(3, code=f"change {number}")
        broken = sync(synced, sql=sql_with(tmp_path, text))
        loaded += ask(synced.warehouse, "select count(*) from raw.vendors where id = '3'")

        (fault,) = broken.faults
        assert isinstance(fault, BrokenSql)
        assert "mine.sql" in str(fault)
        assert (broken.loaded, broken.published) == (True, False)
        assert read_published(synced) == before

    corrected = sync(synced, sql=sql_with(tmp_path, "-- One row.\nselect 1 as one"))
    assert loaded == [(2,), (3,)]
    assert (corrected.loaded, corrected.published, corrected.faults) == (False, True, [])
    check_everything(synced.published, sandbox)
    assert ask(synced.published, "from core.mine") == [(1,)]


OWN = {
    "not_sql": "selec 1",
    "column": "select nothing from staging.vendors",
    "file": "select * from read_csv('nowhere.csv')",
    "value": "select vendor_name::integer as x from staging.vendors",
    "key": "-- key: one\nselect 1 as one from staging.vendors",
}


def test_broken_custom_reports(synced: Settings, sandbox: Sandbox, tmp_path: Path) -> None:
    """Broken reports of the user's own are reported and left out; the rest is published."""
    root = Path(shutil.copytree(STAGING, tmp_path / "sql"))
    own = root / "custom"
    own.mkdir()
    for name, text in OWN.items():
        (own / f"{name}.sql").write_text(f"-- One row.\n{text}")
    (own / "whole.sql").write_text("-- One row.\nselect count(*) as n from staging.vendors")
    change_everything(sandbox)

    summary = sync(synced, sql=root)

    assert sorted(note.split(", line ")[0] for note in summary.notes) == [
        str(own / f"{name}.sql") for name in sorted(OWN)
    ]
    assert all("This report was left out; everything" in note for note in summary.notes)
    assert (summary.loaded, summary.published, summary.faults) == (True, True, [])
    check_everything(synced.published, sandbox)
    assert ask(synced.published, "from custom.whole") == [(19,)]
    tables = "select table_name from duckdb_tables() where schema_name = 'custom'"
    assert ask(synced.published, tables) == [("whole",)]


def test_new_sql(synced: Settings, tmp_path: Path) -> None:
    """A new model is published by the next sync, although no row changed, and only once."""
    root = sql_with(tmp_path, "-- One row.\nselect count(*) as vendors from staging.vendors")

    first = sync(synced, sql=root)
    second = sync(synced, sql=root)

    assert [one.published for one in (first, second)] == [True, False]
    assert [one.loaded for one in (first, second)] == [False, False]
    assert ask(synced.published, "from core.mine") == [(20,)]


@pytest.mark.parametrize("content", [None, b"damaged" * 10_000], ids=["deleted", "damaged"])
def test_published_file_lost(synced: Settings, sandbox: Sandbox, content: bytes | None) -> None:
    """A published file that was deleted or damaged is published again by the next sync."""
    synced.published.unlink()
    if content:
        synced.published.write_bytes(content)

    summary = sync(synced, ["vendors"])

    assert (summary.loaded, summary.published) == (False, True)
    check_everything(synced.published, sandbox)


def test_reader_during_a_sync(synced: Settings, sandbox: Sandbox) -> None:
    """A reader of the published file neither blocks a sync nor notices it."""
    program = (
        "import duckdb, sys\n"
        "con = duckdb.connect(sys.argv[1], read_only=True)\n"
        "print(con.execute('select count(*) from staging.vendors').fetchone()[0], flush=True)\n"
        "sys.stdin.readline()\n"
        "print(con.execute('select count(*) from staging.vendors').fetchone()[0], flush=True)\n"
    )
    sandbox.books["vendors"].delete(2)
    with subprocess.Popen(
        [sys.executable, "-c", program, str(synced.published)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "20\n"
        summary = sync_vendors(synced)
        out, _ = reader.communicate("go on\n")

    assert (summary.published, out) == (True, "20\n")
    assert ask(synced.published, "select count(*) from staging.vendors") == [(19,)]


HOLDER = """
import sys
from pathlib import Path
import filelock
lock = filelock.FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
sys.stdin.readline()
"""


def test_another_run(synced: Settings, sandbox: Sandbox) -> None:
    """A second run ends at once with nothing changed; a killed run leaves no lock."""
    before = stat_files(synced)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(synced.private / "run.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(AlreadyRunning, match="tenant acme is in progress") as caught:
            sync(synced)
        holder.kill()

    assert caught.value.exit_code == 75
    assert (sandbox.requests, stat_files(synced)) == ([], before)
    assert sync(synced).faults == []


def damage(path: Path, how: str) -> None:
    if how == "middle":
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 4)
            file.write(os.urandom(path.stat().st_size // 2))
    else:
        os.truncate(path, int(path.stat().st_size * float(how)))


def test_damaged_warehouse(synced: Settings, sandbox: Sandbox) -> None:
    """A damaged warehouse is an error and nothing is changed; an earlier generation helps."""
    path, published = synced.warehouse, stat_files(synced)["acme.duckdb"]
    whole = path.read_bytes()
    change_everything(sandbox)

    for how in ("middle", "0.3", "0.8"):
        path.write_bytes(whole)
        damage(path, how)
        damaged = path.read_bytes()
        with pytest.raises(WarehouseDamaged, match=r"changed\..*generations"):
            sync(synced)

        assert path.read_bytes() == damaged
        assert stat_files(synced)["acme.duckdb"] == published

    path.write_bytes(whole)
    assert sync(synced).faults == []
    check_everything(synced.published, sandbox)


def test_newer_warehouse(synced: Settings, sandbox: Sandbox) -> None:
    """A warehouse of a newer p4books is rejected without a request."""
    with duckdb.connect(synced.private / "warehouse.duckdb") as con:
        con.execute("update raw.p4books_format set format = 7")
    before = stat_files(synced)

    with pytest.raises(WarehouseTooNew, match="format 7"):
        sync(synced)

    assert (sandbox.requests, stat_files(synced)) == ([], before)


def test_leftovers_of_a_dead_run(synced: Settings, sandbox: Sandbox) -> None:
    """What a dead run left half written is deleted, and not used."""
    work = synced.private / "work"
    work.mkdir()
    (work / "warehouse.duckdb").write_bytes(b"half")
    (work / "warehouse.duckdb.wal").write_bytes(b"half")
    (work / "published.duckdb").write_bytes(b"half")
    sandbox.books["vendors"].delete(2)

    assert sync_vendors(synced).faults == []

    assert not work.exists()
    assert ask(synced.published, "select count(*) from staging.vendors") == [(19,)]


def test_no_data_folder(make_settings: MakeSettings, sandbox: Sandbox, tmp_path: Path) -> None:
    """A data folder that can't be created is an error before the first request."""
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(DiskTrouble, match="cannot be written"):
        sync(make_settings(sandbox, data_dir=tmp_path / "file" / "data"))

    assert sandbox.requests == []


MOUNT, UNMOUNT = "/bin/mount", "/bin/umount"


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount something at a folder; the test fails in CI if that is not allowed.

    Elsewhere it is skipped, because a developer need not be root.
    """
    if "CI" not in os.environ and os.geteuid() != 0:
        pytest.skip("only root may mount; CI runs this test")
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [MOUNT, *options, str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"This test must be run by root, who may mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run([UNMOUNT, "-l", str(folder)], check=True)


def test_read_only_folder(synced: Settings, sandbox: Sandbox) -> None:
    """A read-only data folder is an error; the published file can still be read."""
    sandbox.books["vendors"].delete(2)
    before = read_published(synced)
    folder = synced.data_dir

    with mounted(folder, "--bind", str(folder)):
        subprocess.run([MOUNT, "-o", "remount,bind,ro", str(folder)], check=True)
        with pytest.raises(DiskTrouble, match="cannot be written"):
            sync_vendors(synced)
        assert read_published(synced) == before

    assert sync_vendors(synced).faults == []
    assert ask(synced.published, "select count(*) from staging.vendors") == [(19,)]


@pytest.mark.parametrize("room", [0, 300, 2000, 3500])
def test_full_disk(
    make_settings: MakeSettings, sandbox: Sandbox, first_copy: Path, tmp_path: Path, room: int
) -> None:
    """A disk that is full at any point of a run costs nothing: with space the next run succeeds."""
    disk = tmp_path / "disk"
    change_everything(sandbox)
    with mounted(disk, "-t", "tmpfs", "-o", "size=64m", "none"):
        shutil.copytree(first_copy, disk / "data")
        settings = make_settings(sandbox, data_dir=disk / "data")
        move_books(settings.warehouse, settings.address)
        before = read_published(settings)
        free = shutil.disk_usage(disk).free // 1024
        (disk / "filler").write_bytes(bytes((free - room) * 1024))

        with contextlib.suppress(DiskTrouble):
            assert sync(settings).published, "it neither published nor raised an error"
            before = read_published(settings)
        assert read_published(settings) == before

        (disk / "filler").unlink()
        assert sync(settings).faults == []
        check_everything(settings.published, sandbox)
        assert not (settings.work).exists()


def test_disk_too_small_for_the_first_sync(
    make_settings: MakeSettings, sandbox: Sandbox, tmp_path: Path
) -> None:
    """A first sync on a disk that is too small for it raises DiskTrouble and leaves no file."""
    disk = tmp_path / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=1m", "none"):
        with pytest.raises(DiskTrouble, match="cannot be written"):
            sync(make_settings(sandbox, data_dir=disk / "data"))

        assert not (disk / "data" / "acme.duckdb").exists()
        assert not (disk / "data" / ".private" / "acme" / "warehouse.duckdb").exists()


def test_run_log(synced: Settings, sandbox: Sandbox) -> None:
    """Each run is in the log with its outcome, failed ones too."""
    sandbox.forbid("invoices")

    sync(synced)
    with pytest.raises(KeyRefused):
        sync(synced.model_copy(update={"api_key": SecretStr("wrong")}))

    with contextlib.closing(sqlite3.connect(synced.private / "runs.sqlite")) as log:
        outcomes = log.execute("select outcome from run order by id").fetchall()
        readings = log.execute("select run_id, count(*) from reading group by 1").fetchall()
    assert outcomes == [("done",), ("RightMissing",), ("KeyRefused",)]
    assert readings == [(1, 6), (2, 6)]
