"""Which words create records?"""

import csv
import json
import subprocess
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from tests.conftest import Run

from p4books_sandbox import Fault, Sandbox

Done = subprocess.CompletedProcess[str]
Words = Callable[..., Done]


@pytest.fixture
def shop() -> Iterator[Sandbox]:
    """A P4 Books that has what was synced."""
    with Sandbox(invoices=30, limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def p4books(ask: Run, home: Path, shop: Sandbox) -> Words:
    """Run the command against the shop, with a ledger that is empty at first."""
    for file in (home / "data" / ".private" / "shop").glob("ledger.sqlite*"):
        file.unlink()
    address = {
        "SOURCES__P4BOOKS__API_KEY": shop.key,
        "SOURCES__P4BOOKS__BASE_URL": shop.base_url,
    }
    return lambda *words: ask(*map(str, words), **address)


@pytest.fixture
def vendors(tmp_path: Path) -> Path:
    """A file of two vendors."""
    file = tmp_path / "vendors.csv"
    file.write_text("code;name;balance\nNEW-1;Molino Ñandú;10.50\nNEW-2;Other;\n")
    return file


def _new(shop: Sandbox, path: str = "vendors") -> list[dict[str, Any]]:
    return [r for r in shop.books[path].records() if str(r["code"]).startswith("NEW")]


def test_push(p4books: Words, vendors: Path, shop: Sandbox) -> None:
    """A file is pushed, and one line says what became of it."""
    done = p4books("push", "vendors", vendors)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Push 1, vendors: of 2 records 2 created; 2 requests in ")
    assert [r["name"] for r in _new(shop)] == ["Molino Ñandú", "Other"]


def test_again(p4books: Words, vendors: Path, shop: Sandbox) -> None:
    """The same rows in another file, in another form, send nothing, and that is said."""
    p4books("push", "vendors", vendors)
    other = vendors.with_name("other.ndjson")
    other.write_text('{"Name": "Molino Ñandú", "Balance": 10.5, "Code": "NEW-1"}\n')

    done = p4books("push", "vendors", other)

    assert "of 1 record 1 created by an earlier push; 0 requests" in done.stdout
    assert (done.returncode, len(_new(shop))) == (0, 2)


def test_a_workbook(p4books: Words, tmp_path: Path, shop: Sandbox) -> None:
    """A sheet with one row for each line makes documents; names are mapped."""
    product = shop.books["products"].records()[0]["code"]
    customer = shop.books["customers"].records()[0]["code"]
    book = Workbook()
    sheet = book.active
    sheet.append(["numero", "cliente", "producto", "cantidad", "precio", "notas"])
    sheet.append(["NEW-1", customer, product, 2, 10.1, "x"])
    sheet.append(["NEW-1", customer, product, 1, 0.07, None])
    book.save(tmp_path / "facturas.xlsx")
    words = "numero=code cliente=customer_code producto=product_code cantidad=quantity precio=price"

    done = p4books(
        "push",
        "invoices",
        tmp_path / "facturas.xlsx",
        *(f"--map={word}" for word in [*words.split(), "notas="]),
    )

    assert (done.returncode, done.stderr) == (0, "")
    (made,) = _new(shop, "invoices")
    assert [(line["quantity"], line["price"]) for line in made["lines"]] == [(2, 10.1), (1, 0.07)]


def test_a_query(p4books: Words, shop: Sandbox) -> None:
    """What a query of the published file gives is pushed."""
    sql = """
        select 'NEW-' || product_id as code, product_name as name, list_price * 2 as price
        from staging.products limit 3
    """

    done = p4books("push", "products", "--query", sql)

    assert "of 3 records 3 created" in done.stdout, done.stderr
    assert len(_new(shop, "products")) == 3


def test_bad_rows(p4books: Words, tmp_path: Path, shop: Sandbox) -> None:
    """Each fault is listed with row, column, value and remedy, and written into a file."""
    file, faults = tmp_path / "bad.csv", tmp_path / "faults.csv"
    file.write_text('code,name,balance\nNEW-1,One,\n,Two,\nNEW-3,,"1,5"\n')

    done = p4books("push", "vendors", file, "--faults", faults)

    assert done.returncode == 1
    assert done.stderr == (
        "2 of 3 records can't be sent as they are; nothing was sent. Mend them, or send the others "
        "with --skip-bad.\n"
    )
    written = list(csv.DictReader(StringIO(faults.read_text())))
    assert [(row["row"], row["column"], row["value"]) for row in written] == [
        ("3", "code", ""),
        ("4", "name", ""),
        ("4", "balance", "1,5"),
    ]
    assert all(row["what"] and row["remedy"] for row in written)
    assert all(row["remedy"] in done.stdout for row in written)
    assert shop.requests == []


def test_faults_that_can_t_be_written(p4books: Words, vendors: Path, shop: Sandbox) -> None:
    """Where the faults can't be written, what was sent is told all the same."""
    done = p4books("push", "vendors", vendors, "--faults", vendors.parent / "no" / "faults.csv")

    assert done.returncode == 1
    assert "2 created" in done.stdout
    assert "faults.csv" in done.stderr
    assert len(_new(shop)) == 2


def test_json(p4books: Words, vendors: Path) -> None:
    """A program gets what a person does."""
    done = p4books("push", "vendors", vendors, "--json")

    told = json.loads(done.stdout)
    assert (told["push"], told["rows"], told["created"], told["errors"]) == (1, 2, 2, [])


def test_json_of_faults(p4books: Words, tmp_path: Path) -> None:
    """Faults are told to a program too, each with its place."""
    file = tmp_path / "bad.json"
    file.write_text('[{"code": "NEW-1"}]')

    done = p4books("push", "vendors", file, "--json", "--dry-run")

    told = json.loads(done.stdout)
    assert [(fault["row"], fault["column"]) for fault in told["faults"]] == [(1, "name")]
    assert told["errors"] == done.stderr.splitlines()


def test_not_all_created(p4books: Words, vendors: Path, shop: Sandbox) -> None:
    """Where a row is refused or unknown the end is 1, and it is said where to look."""
    shop.faults.stage(Fault("status", method="POST", status=406, text="Locked."))
    shop.faults.stage(Fault("reset", method="POST"))

    done = p4books("push", "vendors", vendors)
    rows = p4books("pushes", "1")
    as_csv = list(csv.DictReader(StringIO(p4books("pushes", "1", "--format", "csv").stdout)))
    as_json = json.loads(p4books("pushes", "1", "--json").stdout)

    assert done.returncode == 1
    assert "Not all was created: 1 refused, 1 unknown. `p4books pushes 1`" in done.stderr
    assert "Locked." in rows.stdout
    assert [(row["code"], row["state"]) for row in as_csv] == [
        ("NEW-1", "refused"),
        ("NEW-2", "unknown"),
    ]
    assert [row["answer"] for row in as_json] == ["Locked.", "a dropped connection"]


def test_resend(p4books: Words, vendors: Path, shop: Sandbox) -> None:
    """What was refused is sent again on wish; what is unknown not before some minutes."""
    shop.faults.stage(Fault("status", method="POST", status=406))
    shop.faults.stage(Fault("reset", method="POST"))
    p4books("push", "vendors", vendors)

    done = p4books("push", "vendors", vendors, "--resend-unknown", "--resend-refused")

    assert (done.returncode, len(_new(shop))) == (1, 1), done.stderr
    assert "not before 5 minutes" in p4books("pushes", "2").stdout


def test_pushes(p4books: Words, vendors: Path) -> None:
    """Pushes are listed, the newest first, with what became of their rows by now."""
    p4books("push", "vendors", vendors, "--limit", "1")
    p4books("push", "vendors", vendors)

    told = json.loads(p4books("pushes", "--json").stdout)
    listed = p4books("pushes", "--format", "csv").stdout.splitlines()

    assert [(each["push"], each["created"], each["already"]) for each in told] == [
        (2, 1, 1),
        (1, 2, 0),
    ]
    assert listed[0].startswith("push,began,endpoint,source,outcome,rows,created")
    assert ",vendors,vendors.csv,done,2,1,1," in listed[1]


def test_no_pushes(p4books: Words) -> None:
    """Where nothing was pushed the list is empty, and a push that is not there is named."""
    assert json.loads(p4books("pushes", "--json").stdout) == []
    done = p4books("pushes", "7")
    assert (done.returncode, done.stderr) == (
        2,
        "There is no push 7. `p4books pushes` lists them.\n",
    )


def test_sync(p4books: Words, tmp_path: Path) -> None:
    """On wish what was created is in the published file at once."""
    file = tmp_path / "synced.csv"  # of codes that no other test pushes: the books keep them
    file.write_text("code,name\nSYNCED-1,Molino Ñandú\nSYNCED-2,Other\n")

    done = p4books("push", "vendors", file, "--sync")

    assert (done.returncode, "vendors: what was created is in the" in done.stderr) == (0, True)
    names = "select vendor_name from staging.vendors where vendor_code like 'SYNCED%' order by 1"
    assert p4books("query", "--format", "csv", names).stdout == "vendor_name\nMolino Ñandú\nOther\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["vendors"], "Name the file to push, or ask for its rows with --query SQL"),
        (["vendors", "{file}", "--query", "select 1"], "Name the file to push"),
        (["vendor", "{file}"], "Unknown endpoint 'vendor'. Did you mean 'vendors'?"),
        (["sales-orders", "{file}"], "P4 Books lets nobody create sales_orders"),
        (["vendors", "{file}", "--map", "name"], "is not written as THEIRS=OURS"),
        (["vendors", "{file}", "--map", "name=nam"], "Did you mean 'name'?"),
        (["vendors", "nowhere.csv"], "nowhere.csv"),
        (["vendors", "{file}", "--faults", "faults.pdf"], "faults.pdf"),
        (["vendors", "--query", "select"], "query"),
        (["vendors", "{file}", "--faults", "{file}"], "is the file to push"),
    ],
)
def test_wrong_words(
    p4books: Words, vendors: Path, shop: Sandbox, words: list[str], sentence: str
) -> None:
    """What can't be meant is said in a sentence, and nothing is sent."""
    done = p4books("push", *(word.format(file=vendors) for word in words))

    assert done.returncode in {1, 2}
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert shop.requests == []


def test_no_key_is_shown(p4books: Words, vendors: Path, shop: Sandbox) -> None:
    """Whatever goes wrong, no output holds the key."""
    shop.faults.stage(Fault("status", method="POST", status=401))

    done = p4books("push", "vendors", vendors)
    told = done.stdout + done.stderr + p4books("pushes", "1", "--json").stdout

    assert done.returncode == 1
    assert "did not accept the API key" in done.stderr
    assert shop.key not in told


def test_fields(p4books: Words, shop: Sandbox) -> None:
    """The fields that a file may have are listed, with those that it must have."""
    done = p4books("push", "invoices", "--fields")

    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["code", "text", "yes"] in lines
    assert ["quantity", "lines", "measure", "yes"] in lines
    assert ["due_date", "day"] in lines
    assert shop.requests == []
