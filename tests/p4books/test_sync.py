"""What happens in a sync?"""

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
from tests.staging_sync import STAGING, sync

from p4books.endpoints import ENDPOINTS
from p4books.errors import (
    AlreadyRunning,
    BadAnswer,
    BrokenSql,
    DiskTrouble,
    Incomplete,
    KeyRefused,
    RightMissing,
    WarehouseDamaged,
    WarehouseTooNew,
)
from p4books.settings import Settings
from p4books_sandbox import Arrival, Fault, Sandbox

MakeSettings = Callable[..., Settings]
Row = tuple[Any, ...]


@pytest.fixture(scope="module")
def first_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder after the first sync of the books that every test's sandbox begins with."""
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
    return settings


def ask(file: Path, sql: str) -> list[Row]:
    with duckdb.connect(file, read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        return con.execute(sql).fetchall()


def picture(settings: Settings) -> dict[str, list[Row]]:
    """Give the rows of every published table but the one that tells when it was made."""
    names = "select schema_name || '.' || table_name from duckdb_tables()"
    with duckdb.connect(settings.published, read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        return {
            name: con.execute(f"from {name} order by all").fetchall()
            for (name,) in con.execute(names).fetchall()
            if name != "main.about"
        }


def stamps(settings: Settings) -> dict[str, tuple[int, int]]:
    """Give when each database file was written, and its inode."""
    files = [settings.published, settings.warehouse]
    return {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in files}


def seen_at(settings: Settings) -> datetime:
    """Give when the row was seen that was not seen for longest."""
    found = ask(settings.warehouse, "select min(verified_at) from raw.seen")
    instant: datetime = found[0][0]
    return instant


# An independent recount: what the sandbox's records say, in plain Python.


def as_text(value: Any) -> Any:
    return None if value is None else str(value)


def as_number(value: Any) -> Any:
    return None if value is None else Decimal(str(value))


def as_day(value: Any) -> Any:
    return None if value is None else date.fromisoformat(value[:10])


def as_instant(value: Any) -> Any:
    return None if value is None else datetime.fromisoformat(value)


Reader = Callable[[Any], Any]
PARTY: dict[str, tuple[str, Reader]] = {
    "email": ("email", as_text),
    "phone": ("phone", as_text),
    "tax_id": ("tax_id", as_text),
    "payment_terms": ("payment_terms", as_text),
    "currency": ("currency", as_text),
    "balance": ("balance", as_number),
}
COLUMNS: dict[str, dict[str, tuple[str, Reader]]] = {
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
LINE: dict[str, tuple[str, Reader]] = {
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


def columns_of(entity: str) -> dict[str, tuple[str, Reader]]:
    common: dict[str, tuple[str, Reader]] = {
        f"{entity}_id": ("id", as_text),
        f"{entity}_code": ("code", as_text),
        f"{entity}_status": ("status", as_text),
        "created_at": ("date_created", as_instant),
        "modified_at": ("date_modified", as_instant),
    }
    amounts: dict[str, tuple[str, Reader]] = {
        "document_on": ("document_date", as_day),
        f"{entity}_subtotal": ("subtotal", as_number),
        f"{entity}_tax": ("tax_total", as_number),
        f"{entity}_total": ("total", as_number),
    }
    return {**common, **COLUMNS[entity], **(amounts if entity in DOCUMENTS else {})}


def records(sandbox: Sandbox, path: str) -> list[dict[str, Any]]:
    rows, _ = sandbox.books[path].page(0, 1_000_000)
    return [json.loads(row, parse_float=Decimal) for row in rows]


def check_table(file: Path, table: str, columns: list[str], told: list[Row]) -> None:
    held = ask(file, f"select {', '.join(columns)} from staging.{table}")
    assert len(held) == len(told)
    key = [columns.index(name) for name in columns[:2]]
    by_key = sorted(held, key=lambda row: [str(row[place]) for place in key])
    assert by_key == sorted(told, key=lambda row: [str(row[place]) for place in key])


def check_everything(file: Path, sandbox: Sandbox) -> None:
    """Compare every row that is published with what the sandbox has: all to the last cent."""
    for path in sandbox.books:
        table = path.replace("-", "_")
        entity = table.removesuffix("s")
        given = records(sandbox, path)
        columns = columns_of(entity)
        told = [
            tuple(read(record.get(field)) for field, read in columns.values()) for record in given
        ]
        check_table(file, table, list(columns), told)
        if entity in DOCUMENTS:
            told = [
                (str(record["id"]), *(read(line.get(field)) for field, read in LINE.values()))
                for record in given
                for line in record.get("lines") or []
            ]
            check_table(file, f"{entity}_lines", [f"{entity}_id", *LINE], told)
    told = [
        (str(record["id"]), place, *(address.get(field) for field in ADDRESS.values()))
        for record in records(sandbox, "customers")
        for place, address in enumerate(record.get("addresses") or [], 1)
    ]
    check_table(file, "customer_addresses", ["customer_id", "address_number", *ADDRESS], told)


def test_first_sync(synced: Settings, sandbox: Sandbox) -> None:
    """After the first sync what is published is what P4 Books has: every row, every cent."""
    check_everything(synced.published, sandbox)

    (about,) = ask(synced.published, "select tenant, p4books_version, made_of from about")
    assert about[0] == "acme"
    assert synced.published.stat().st_mode & 0o777 == 0o640
    assert synced.private.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in synced.data_dir.iterdir()) == [".private", "acme.duckdb"]
    assert not (synced.private / "work").exists()


def test_nothing_changed(synced: Settings) -> None:
    """A sync that finds nothing new leaves the published file, and notes that rows were seen."""
    before, published = seen_at(synced), stamps(synced)["acme.duckdb"]

    summary = sync(synced)

    assert (summary.loaded, summary.published, summary.faults) == (False, False, [])
    assert [(each.new, each.changed, each.gone) for each in summary.readings] == [(0, 0, 0)] * 6
    assert sum(each.seen for each in summary.readings) == 335
    assert (summary.requests, summary.refused) == (9, 0)
    assert stamps(synced)["acme.duckdb"] == published
    assert seen_at(synced) > before
    assert not (synced.private / "generations").exists()


def spoil_hashes(settings: Settings) -> dict[str, list[Row]]:
    """Let every version have been hashed in another way; give the hashes that were right."""
    right = {}
    with duckdb.connect(settings.warehouse) as con:
        for name in ENDPOINTS:
            right[name] = con.execute(f"select id, row_hash from raw.{name} order by id").fetchall()
            con.execute(f"update raw.{name} set row_hash = 'old ' || row_hash")
    return right


def test_another_hash(synced: Settings) -> None:
    """Where hashing changed, one scan mends every hash, and not one row makes a version."""
    right, before = spoil_hashes(synced), stamps(synced)["acme.duckdb"]

    summary = sync(synced)

    assert (summary.loaded, summary.published, summary.faults) == (False, False, [])
    assert [(each.new, each.changed, each.gone) for each in summary.readings] == [(0, 0, 0)] * 6
    warehouse = synced.private / "warehouse.duckdb"
    for name in ENDPOINTS:
        assert ask(warehouse, f"select id, row_hash from raw.{name} order by id") == right[name]
    assert stamps(synced)["acme.duckdb"] == before


def test_another_hash_and_changes(synced: Settings, sandbox: Sandbox) -> None:
    """Where hashing changed, a row that changed too makes its one version, and no other does."""
    spoil_hashes(synced)
    change_everything(sandbox)

    summary = sync(synced)

    assert sum(each.new + each.changed + each.gone for each in summary.readings) == 8
    check_everything(synced.published, sandbox)
    wrong = "select count(*) from raw.invoices where row_hash like 'old%' and _dlt_valid_to is null"
    assert ask(synced.private / "warehouse.duckdb", wrong) == [(0,)]


def change_everything(sandbox: Sandbox) -> None:
    """Edit, delete and insert in every kind of list."""
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
    """Edits, deletions and new rows are all there after the next sync, and their history is."""
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


def test_a_row_that_returns(synced: Settings, sandbox: Sandbox) -> None:
    """A row that was deleted, and is there again as it was, is current again with a gap."""
    record = records(sandbox, "vendors")[1]
    sandbox.books["vendors"].delete(2)
    gone = sync(synced)
    sandbox.books["vendors"].insert(record, at=1)

    back = sync(synced)

    assert [sum(each.gone for each in one.readings) for one in (gone, back)] == [1, 0]
    assert sum(each.new for each in back.readings) == 1
    check_everything(synced.published, sandbox)
    versions = ask(
        synced.published,
        "select valid_from, valid_to from staging.vendors_history where vendor_id = '2' order by 1",
    )
    assert len(versions) == 2
    assert versions[0][1] < versions[1][0]
    assert versions[1][1] is None


def test_odd_names(synced: Settings, sandbox: Sandbox) -> None:
    """Names survive byte for byte: accents, quotes, emoji, a leading =, control signs, no sign."""
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

    sync(synced)

    held = ask(
        synced.published,
        "select vendor_name from staging.vendors order by vendor_id::integer limit 10",
    )
    assert [name for (name,) in held] == names


def test_unknown_fields_and_misfits(synced: Settings, sandbox: Sandbox) -> None:
    """A field nobody knows and a value that does not fit stop nothing and are kept."""
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


def test_a_new_field_is_told_once(synced: Settings, sandbox: Sandbox) -> None:
    """A field that P4 Books never gave before is told in that run, and in no later one."""
    sandbox.books["invoices"].replace(3, Filename="a.pdf", total="1.123456789")
    first = sync(synced)
    sandbox.books["invoices"].replace(4, Filename="b.pdf")
    sandbox.books["invoices"].replace(3, Filename="c.pdf", colour="red")
    second = sync(synced)
    third = sync(synced)

    (note,) = first.notes
    assert note == (
        "invoices: P4 Books gives a new field, filename. It is kept in `extra`; "
        "`p4books adopt invoices.filename` makes it a column."
    )
    assert ["colour" in note for note in second.notes] == [True]
    assert third.notes == []


def test_a_new_field_in_a_run_that_fails(synced: Settings, sandbox: Sandbox) -> None:
    """A field is told in the first run that holds it: one that is thrown away does not count."""
    sandbox.books["vendors"].replace(3, colour="red")
    generations = synced.private / "generations"
    generations.write_text("in the way")
    with pytest.raises(DiskTrouble):
        sync(synced)
    generations.unlink()

    summary = sync(synced)

    assert ["colour" in note for note in summary.notes] == [True]


# What can't be read


def test_no_right(synced: Settings, sandbox: Sandbox) -> None:
    """A list that the key may not read is told; the others are read and published."""
    sandbox.forbid("invoices")
    change_everything(sandbox)

    summary = sync(synced)

    (fault,) = summary.faults
    assert isinstance(fault, RightMissing)
    assert len(summary.readings) == 5
    assert (summary.loaded, summary.published) == (True, True)
    assert len(ask(synced.published, "from staging.vendors")) == 19
    assert ask(synced.published, "select count(*) from staging.invoices") == [(30,)]


def test_a_list_that_fails_for_ever(synced: Settings, sandbox: Sandbox) -> None:
    """A list that is answered with 500 again and again is given up; the others go on."""
    sandbox.faults.stage(Fault("status", endpoint="products", times=None))
    change_everything(sandbox)

    summary = sync(synced)

    (fault,) = summary.faults
    assert isinstance(fault, BadAnswer)
    assert "status 500" in str(fault)
    assert (summary.loaded, summary.published) == (True, True)
    sandbox.books["products"].replace(1, price=25)
    check_everything(synced.published, sandbox)


def test_a_wrong_key(synced: Settings, make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """A wrong key ends the run after one request, and nothing is touched."""
    before = stamps(synced)

    with pytest.raises(KeyRefused):
        sync(make_settings(sandbox, api_key="wrong"))

    assert len(sandbox.requests) == 1
    assert stamps(synced) == before
    assert sync(synced).faults == []


def test_some_endpoints(settings: Settings, sandbox: Sandbox) -> None:
    """Only the lists asked for are read; those never read are published without a row."""
    summary = sync(settings, ["vendors", "products"])

    assert [each.endpoint for each in summary.readings] == ["vendors", "products"]
    assert {request.endpoint for request in sandbox.requests} == {"vendors", "products"}
    assert ask(settings.published, "select count(*) from staging.vendors") == [(20,)]
    assert ask(settings.published, "select count(*) from staging.invoices") == [(0,)]


def twin(sandbox: Sandbox, path: str, record_id: int) -> None:
    """Let a list announce a row more than it gives: one id stands in it twice."""
    sandbox.books[path].insert({"id": record_id, "code": "twin"})


def test_a_first_copy_that_is_not_whole(settings: Settings, sandbox: Sandbox) -> None:
    """A list whose first copy is not whole is not loaded; the next whole one is."""
    twin(sandbox, "vendors", 3)

    first = sync(settings, ["vendors", "products"])
    rows = ask(settings.published, "select count(*) from staging.vendors")
    sandbox.books["vendors"].delete(3)
    sandbox.books["vendors"].delete(3)
    second = sync(settings, ["vendors", "products"])

    (fault,) = first.faults
    assert isinstance(fault, Incomplete)
    assert "Nothing was loaded for it" in str(fault)
    assert {each.endpoint: each.outcome for each in first.readings} == {
        "vendors": "Incomplete",
        "products": "done",
    }
    assert rows == [(0,)]
    assert second.faults == []
    assert ask(settings.published, "select count(*) from staging.vendors") == [(19,)]


def test_a_later_copy_that_is_not_whole(synced: Settings, sandbox: Sandbox) -> None:
    """Of a later copy that is not whole all that came is loaded and nothing is closed."""
    sandbox.books["vendors"].delete(2)
    sandbox.books["vendors"].replace(4, name="new name")
    twin(sandbox, "vendors", 3)

    summary = sync(synced)

    (fault,) = summary.faults
    assert isinstance(fault, Incomplete)
    assert "nothing was closed" in str(fault)
    assert ask(synced.published, "select count(*) from staging.vendors") == [(20,)]
    name = "select vendor_name from staging.vendors where vendor_id = '4'"
    assert ask(synced.published, name) == [("new name",)]


def test_a_list_that_moves(synced: Settings, sandbox: Sandbox, make_settings: MakeSettings) -> None:
    """A row that two moving scans in a row lack is gone after the second; others never are."""
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


# What can't be written or built


def sql_with(tmp_path: Path, text: str) -> Path:
    """Copy the SQL of the clean tables and add one file, in place of the last one."""
    root = tmp_path / "sql"
    shutil.copytree(STAGING, root, dirs_exist_ok=True)
    (root / "core").mkdir(exist_ok=True)
    (root / "core" / "mine.sql").write_text(text)
    return root


BROKEN = {
    "build": "-- One row.\nselect nothing from staging.vendors",
    "run": "-- One row.\nselect vendor_name::integer as x from staging.vendors",
}


@pytest.mark.parametrize("how", BROKEN)
def test_broken_sql(synced: Settings, sandbox: Sandbox, tmp_path: Path, how: str) -> None:
    """A broken view keeps no row from being held: what is out stays until the file is mended."""
    before = picture(synced)
    change_everything(sandbox)

    broken = sync(synced, sql=sql_with(tmp_path, BROKEN[how]))
    out = picture(synced)
    held = ask(synced.private / "warehouse.duckdb", "select count(*) from raw.invoices")
    mended = sync(synced, sql=sql_with(tmp_path, "-- One row.\nselect 1 as one"))

    (fault,) = broken.faults
    assert isinstance(fault, BrokenSql)
    assert "mine.sql" in str(fault)
    assert (broken.loaded, broken.published) == (True, False)
    assert out == before
    assert held == [(33,)]
    assert (mended.loaded, mended.published, mended.faults) == (False, True, [])
    check_everything(synced.published, sandbox)
    assert ask(synced.published, "from core.mine") == [(1,)]


OWN = {
    "not sql": "selec 1",
    "column": "select nothing from staging.vendors",
    "file": "select * from read_csv('nowhere.csv')",
    "value": "select vendor_name::integer as x from staging.vendors",
    "key": "-- key: one\nselect 1 as one from staging.vendors",
}


@pytest.mark.parametrize("how", OWN)
def test_a_broken_report_of_ones_own(
    synced: Settings, sandbox: Sandbox, tmp_path: Path, how: str
) -> None:
    """A broken report of the user's own is told and left out; rows and all else are published."""
    root = Path(shutil.copytree(STAGING, tmp_path / "sql"))
    own = root / "custom"
    own.mkdir()
    (own / "broken.sql").write_text(f"-- One row.\n{OWN[how]}")
    (own / "whole.sql").write_text("-- One row.\nselect count(*) as n from staging.vendors")
    change_everything(sandbox)

    summary = sync(synced, sql=root)

    (note,) = summary.notes
    assert note.startswith(f"{own / 'broken.sql'}, line ")
    assert "This report was left out; everything else is published." in note
    assert (summary.loaded, summary.published, summary.faults) == (True, True, [])
    check_everything(synced.published, sandbox)
    assert ask(synced.published, "from custom.whole") == [(19,)]


def test_new_sql(synced: Settings, tmp_path: Path) -> None:
    """A new view is published by the next sync, though no row changed, and then left alone."""
    root = sql_with(tmp_path, "-- One row.\nselect count(*) as vendors from staging.vendors")

    first = sync(synced, sql=root)
    second = sync(synced, sql=root)

    assert [one.published for one in (first, second)] == [True, False]
    assert [one.loaded for one in (first, second)] == [False, False]
    assert ask(synced.published, "from core.mine") == [(20,)]


def test_published_file_deleted(synced: Settings, sandbox: Sandbox) -> None:
    """A published file that was deleted is made again by the next sync."""
    synced.published.unlink()

    summary = sync(synced)

    assert (summary.loaded, summary.published) == (False, True)
    check_everything(synced.published, sandbox)


def test_published_file_damaged(synced: Settings, sandbox: Sandbox) -> None:
    """A published file that was damaged is made again by the next sync."""
    synced.published.write_bytes(b"damaged" * 10_000)

    assert sync(synced).published
    check_everything(synced.published, sandbox)


def test_a_reader_during_a_sync(synced: Settings, sandbox: Sandbox) -> None:
    """Who reads the published file neither stops a sync nor sees it."""
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
        summary = sync(synced)
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
    """A second run ends at once with nothing touched; a run that died is no obstacle."""
    before = stamps(synced)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(synced.private / "run.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(AlreadyRunning, match="tenant acme is going on") as caught:
            sync(synced)
        holder.kill()

    assert caught.value.exit_code == 75
    assert (sandbox.requests, stamps(synced)) == ([], before)
    assert sync(synced).faults == []


def spoil(path: Path, how: str) -> None:
    if how == "middle":
        with path.open("r+b") as file:
            file.seek(path.stat().st_size // 4)
            file.write(os.urandom(path.stat().st_size // 2))
    else:
        os.truncate(path, int(path.stat().st_size * float(how)))


@pytest.mark.parametrize("how", ["middle", "0.3", "0.8"])
def test_damaged_warehouse(synced: Settings, sandbox: Sandbox, how: str) -> None:
    """A damaged warehouse is told in a sentence, and nothing is touched; a generation helps."""
    path = synced.private / "warehouse.duckdb"
    whole = path.read_bytes()
    spoil(path, how)
    spoilt = path.read_bytes()
    published = stamps(synced)["acme.duckdb"]
    change_everything(sandbox)

    with pytest.raises(WarehouseDamaged, match=r"Nothing was changed.*generations"):
        sync(synced)

    assert path.read_bytes() == spoilt
    assert stamps(synced)["acme.duckdb"] == published
    path.write_bytes(whole)
    assert sync(synced).faults == []
    check_everything(synced.published, sandbox)


def test_a_newer_warehouse(synced: Settings, sandbox: Sandbox) -> None:
    """A warehouse of a newer p4books is told in a sentence, without a request."""
    with duckdb.connect(synced.private / "warehouse.duckdb") as con:
        con.execute("update raw.p4books_format set format = 3")
    before = stamps(synced)

    with pytest.raises(WarehouseTooNew, match="format 3"):
        sync(synced)

    assert (sandbox.requests, stamps(synced)) == ([], before)


def test_what_a_dead_run_left(synced: Settings, sandbox: Sandbox) -> None:
    """Whatever a dead run left half made is cleared away and used for nothing."""
    work = synced.private / "work"
    work.mkdir()
    (work / "warehouse.duckdb").write_bytes(b"half")
    (work / "warehouse.duckdb.wal").write_bytes(b"half")
    (work / "published.duckdb").write_bytes(b"half")
    change_everything(sandbox)

    assert sync(synced).faults == []

    assert not work.exists()
    check_everything(synced.published, sandbox)


def test_no_folder(make_settings: MakeSettings, sandbox: Sandbox, tmp_path: Path) -> None:
    """A data folder that can't be made is told, before anything is asked of P4 Books."""
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(DiskTrouble, match="cannot be written"):
        sync(make_settings(sandbox, data_dir=tmp_path / "file" / "data"))

    assert sandbox.requests == []


MOUNT, UNMOUNT = "/bin/mount", "/bin/umount"


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount something at a folder; CI that does not let us fails the test, loudly.

    Elsewhere it is skipped, and pytest's summary says so: a person need not be root.
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


def test_a_read_only_folder(synced: Settings, sandbox: Sandbox) -> None:
    """A data folder that can't be written is told; what is published can still be read."""
    change_everything(sandbox)
    before = picture(synced)
    folder = synced.data_dir

    with mounted(folder, "--bind", str(folder)):
        subprocess.run([MOUNT, "-o", "remount,bind,ro", str(folder)], check=True)
        with pytest.raises(DiskTrouble, match="cannot be written"):
            sync(synced)
        assert picture(synced) == before

    assert sync(synced).faults == []
    check_everything(synced.published, sandbox)


@pytest.mark.parametrize("room", [0, 1000, 4000, 8000])
def test_a_full_disk(
    make_settings: MakeSettings, sandbox: Sandbox, first_copy: Path, tmp_path: Path, room: int
) -> None:
    """A disk that is full, wherever in the run, costs nothing: with room the next run ends well."""
    disk = tmp_path / "disk"
    change_everything(sandbox)
    with mounted(disk, "-t", "tmpfs", "-o", "size=64m", "none"):
        shutil.copytree(first_copy, disk / "data")
        settings = make_settings(sandbox, data_dir=disk / "data")
        before = picture(settings)
        free = shutil.disk_usage(disk).free // 1024
        (disk / "filler").write_bytes(bytes((free - room) * 1024))

        with contextlib.suppress(DiskTrouble):
            assert sync(settings).published, "it neither published nor said why"
            before = picture(settings)
        assert picture(settings) == before

        (disk / "filler").unlink()
        assert sync(settings).faults == []
        check_everything(settings.published, sandbox)
        assert not (settings.work).exists()


def test_a_disk_that_is_full_from_the_start(
    make_settings: MakeSettings, sandbox: Sandbox, tmp_path: Path
) -> None:
    """A first sync on a disk that is too small for it says so in a sentence."""
    disk = tmp_path / "disk"
    with mounted(disk, "-t", "tmpfs", "-o", "size=3m", "none"):
        with pytest.raises(DiskTrouble, match="cannot be written"):
            sync(make_settings(sandbox, data_dir=disk / "data"))

        assert not (disk / "data" / "acme.duckdb").exists()
        assert not (disk / "data" / ".private" / "acme" / "warehouse.duckdb").exists()


def test_the_run_log(synced: Settings, sandbox: Sandbox) -> None:
    """Each run is in the log with its outcome, that of a failed one too."""
    sandbox.forbid("invoices")

    sync(synced)
    with pytest.raises(KeyRefused):
        sync(synced.model_copy(update={"api_key": SecretStr("wrong")}))

    with contextlib.closing(sqlite3.connect(synced.private / "runs.sqlite")) as log:
        outcomes = log.execute("select outcome from run order by id").fetchall()
        readings = log.execute("select run_id, count(*) from reading group by 1").fetchall()
    assert outcomes == [("done",), ("RightMissing",), ("KeyRefused",)]
    assert readings == [(1, 6), (2, 6)]


def test_progress(synced: Settings) -> None:
    """Who asks is told how far each list is, page by page."""
    told: list[tuple[str, int, int, int]] = []

    sync(synced, progress=lambda *each: told.append(each))

    assert {name for name, *_ in told} == set(ENDPOINTS)
    assert [each[1:3] for each in told if each[0] == "invoices"] == [(1, 1)]
