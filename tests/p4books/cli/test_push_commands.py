"""Tests of the commands push and pushes."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from tests.command import Run, run_here
from tests.moved_books import move_books
from tests.p4books.cli.conftest import assert_one_sentence

from p4books.settings import ENV_PREFIX
from p4books_sandbox import Fault, Sandbox


@pytest.fixture
def p4books(run_shop: Run, home: Path, sandbox: Sandbox) -> Run:
    """Run the command on the synced shop with the test's sandbox and an empty ledger."""
    private = home / "data" / ".private" / "shop"
    for file in private.glob("ledger.sqlite*"):
        file.unlink()
    move_books(private / "warehouse.duckdb", sandbox.base_url)
    address = {f"{ENV_PREFIX}API_KEY": sandbox.key, f"{ENV_PREFIX}BASE_URL": sandbox.base_url}
    return lambda *words, **more: run_shop(*map(str, words), **address, **more)


@pytest.fixture
def vendors(tmp_path: Path) -> Path:
    """A file of two vendors."""
    file = tmp_path / "vendors.csv"
    file.write_text("code;name;balance\nNEW-1;Molino Ñandú;10.50\nNEW-2;Other;\n")
    return file


def _new_records(sandbox: Sandbox, path: str = "vendors") -> list[dict[str, Any]]:
    return [r for r in sandbox.books[path].records() if str(r["code"]).startswith("NEW")]


def test_push(p4books: Run, vendors: Path, sandbox: Sandbox) -> None:
    """A file is pushed, and one line counts what was created."""
    done = p4books("push", "vendors", vendors)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Push 1, vendors: of 2 records 2 created; 2 requests in ")
    assert [r["name"] for r in _new_records(sandbox)] == ["Molino Ñandú", "Other"]


def test_pushed_before(p4books: Run, vendors: Path, sandbox: Sandbox) -> None:
    """The same rows in a file of another format are not sent again, and the line says so."""
    p4books("push", "vendors", vendors)
    other = vendors.with_name("other.ndjson")
    other.write_text('{"Name": "Molino Ñandú", "Balance": 10.5, "Code": "NEW-1"}\n')

    done = p4books("push", "vendors", other)

    assert "of 1 record 1 created by an earlier push; 0 requests" in done.stdout
    assert (done.returncode, len(_new_records(sandbox))) == (0, 2)


def test_workbook(p4books: Run, tmp_path: Path, sandbox: Sandbox) -> None:
    """A sheet with one row per line creates documents; `--map` renames and ignores columns."""
    product = sandbox.books["products"].records()[0]["code"]
    customer = sandbox.books["customers"].records()[0]["code"]
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
    (made,) = _new_records(sandbox, "invoices")
    assert [(line["quantity"], line["price"]) for line in made["lines"]] == [(2, 10.1), (1, 0.07)]


def test_what_is_seen_of_a_workbook(p4books: Run, tmp_path: Path, sandbox: Sandbox) -> None:
    """Only what is seen is sent, and the push says how columns were read and what was left out."""
    book = Workbook()
    for row in (
        ["Proveedores nuevos"],
        ["Código", "Nombre", "Condiciones de pago", "Estado"],
        [1, "Molino Ñandú", "Net 30", "x"],
        [2, "Hidden", "Cash", "x"],
        [3, "Other", "Cash", "x"],
    ):
        book.active.append(row)
    for number in (3, 4, 5):
        book.active[f"A{number}"].number_format = '"NEW"-000'
    book.active.row_dimensions[4].hidden = True
    book.active.column_dimensions["D"].hidden = True
    book.save(tmp_path / "proveedores.xlsx")

    done = p4books("push", "vendors", tmp_path / "proveedores.xlsx")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:3] == [
        "Columns: Código as code, Nombre as name, Condiciones de pago as payment_terms.",
        "The names of the columns are in row 2.",
        "Left out, since the workbook hides them: 1 row (4) and the columns Estado.",
    ]
    codes = [(r["code"], r["payment_terms"], r.get("status")) for r in _new_records(sandbox)]
    assert codes == [("NEW-001", "Net 30", None), ("NEW-003", "Cash", None)]


def test_faults_of_a_workbook(p4books: Run, tmp_path: Path, sandbox: Sandbox) -> None:
    """Each fault names its cell."""
    book = Workbook()
    for row in (["code", "name", "balance", "extra"], [100000, None, 12.345, 1]):
        book.active.append(row)
    book.active["A2"].number_format, book.active["C2"].number_format = "0.00E+00", "0.00"
    book.save(tmp_path / "new.xlsx")

    done = p4books("push", "vendors", tmp_path / "new.xlsx", "--dry-run", "--json")

    faults = json.loads(done.stdout)["faults"]
    assert [(fault["cell"], fault["value"]) for fault in faults] == [
        ("Sheet!D1", ""),
        ("Sheet!A2", "1.00E+05"),
        ("Sheet!B2", ""),
        ("Sheet!C2", "12.35"),
    ]


SPANISH = "código;nombre;RUC;saldo\nNEW-1;Molino Ñandú;8-1-2 DV 5;1.234,56\n"


@pytest.mark.parametrize("saved", [False, True])
def test_spanish_office(p4books: Run, tmp_path: Path, sandbox: Sandbox, saved: bool) -> None:
    """A CSV of an office in Spanish is read with options, or with settings that say the same."""
    file = tmp_path / "proveedores.csv"
    file.write_bytes(SPANISH.encode("cp1252"))
    options = ["--decimal", ",", "--encoding", "cp1252"]
    settings = {f"{ENV_PREFIX}PUSH_DECIMAL": ",", f"{ENV_PREFIX}PUSH_ENCODING": "cp1252"}

    words = ["push", "vendors", file]
    done = p4books(*words, **settings) if saved else p4books(*words, *options)

    (record,) = _new_records(sandbox)
    assert (done.returncode, done.stderr) == (0, "")
    assert (record["name"], record["tax_id"], record["balance"]) == (
        *("Molino Ñandú", "8-1-2 DV 5"),
        1234.56,
    )


def test_wrong_check_digits(p4books: Run, tmp_path: Path, sandbox: Sandbox) -> None:
    """Check digits that do not fit are a warning, and the record is created all the same."""
    file = tmp_path / "new.csv"
    file.write_text(
        "code,name,RUC\nNEW-1,One,8-1-2 DV 3\nNEW-2,Two,8-1-2 DV 5\nNEW-3,Three,8-1-2\n"
    )

    checked = p4books("push", "customers", file, "--dry-run", "--json")
    done = p4books("push", "customers", file)

    (warning,) = json.loads(checked.stdout)["warnings"]
    assert (warning["row"], warning["column"], warning["value"]) == (2, "RUC", "8-1-2 DV 3")
    assert done.returncode == 0
    assert done.stderr == (
        "row 2, RUC: DV 03 does not fit 8-1-2: it is 05. Ask whose it is; this is a warning only, "
        "and holds back nothing.\n"
    )
    assert len(_new_records(sandbox, "customers")) == 3


def test_settings_of_an_office(p4books: Run, tmp_path: Path, sandbox: Sandbox) -> None:
    """The settings on how people write do not concern what programs write; options do."""
    file = tmp_path / "new.json"
    file.write_text('[{"code": "NEW-1", "name": "One", "balance": "1234.56"}]')
    saved = {f"{ENV_PREFIX}PUSH_DECIMAL": ",", f"{ENV_PREFIX}PUSH_ENCODING": "cp1252"}

    refused = p4books("push", "vendors", file, "--decimal", ",", "--dry-run", **saved)
    done = p4books("push", "vendors", file, **saved)

    assert "not a number with `,` as its decimal sign" in refused.stdout
    assert (done.returncode, done.stderr) == (0, "")
    assert [record["balance"] for record in _new_records(sandbox)] == [1234.56]


def test_query(p4books: Run, sandbox: Sandbox) -> None:
    """The result of a query against the published file is pushed."""
    sql = """
        select 'NEW-' || product_id as code, product_name as name, list_price * 2 as price
        from staging.products limit 3
    """

    done = p4books("push", "products", "--query", sql)

    assert "of 3 records 3 created" in done.stdout, done.stderr
    assert len(_new_records(sandbox, "products")) == 3


def test_bad_rows(p4books: Run, tmp_path: Path, sandbox: Sandbox) -> None:
    """Each fault is printed with row, column, value and remedy, and written to a file."""
    file, faults = tmp_path / "bad.csv", tmp_path / "faults.csv"
    file.write_text('code,name,balance\nNEW-1,One,\n,Two,\nNEW-3,,"1,5"\n')

    done = p4books("push", "vendors", file, "--faults", faults)

    assert done.returncode == 1
    assert done.stderr == (
        "2 of 3 records cannot be sent as written; nothing was sent. Fix the file, or send the "
        "others with --skip-bad.\n"
    )
    written = list(csv.DictReader(StringIO(faults.read_text())))
    assert [(row["row"], row["column"], row["value"]) for row in written] == [
        ("3", "code", ""),
        ("4", "name", ""),
        ("4", "balance", "1,5"),
    ]
    assert all(row["what"] and row["remedy"] for row in written)
    assert all(row["remedy"] in done.stdout for row in written)
    assert sandbox.requests == []


def test_faults_that_cannot_be_written(p4books: Run, vendors: Path, sandbox: Sandbox) -> None:
    """If the faults cannot be written, what was sent is reported all the same."""
    done = p4books("push", "vendors", vendors, "--faults", vendors.parent / "no" / "faults.csv")

    assert done.returncode == 1
    assert "2 created" in done.stdout
    assert "faults.csv" in done.stderr
    assert len(_new_records(sandbox)) == 2


def test_report_as_json(p4books: Run, vendors: Path) -> None:
    """`--json` has the same counts as the line."""
    done = p4books("push", "vendors", vendors, "--json")

    report = json.loads(done.stdout)
    assert (report["push"], report["rows"], report["created"], report["errors"]) == (1, 2, 2, [])


def test_faults_as_json(p4books: Run, tmp_path: Path) -> None:
    """`--json` has the faults with their rows and columns, and the errors of stderr."""
    file = tmp_path / "bad.json"
    file.write_text('[{"code": "NEW-1"}]')

    done = p4books("push", "vendors", file, "--json", "--dry-run")

    report = json.loads(done.stdout)
    assert [(fault["row"], fault["column"]) for fault in report["faults"]] == [(1, "name")]
    assert report["errors"] == done.stderr.splitlines()


def test_not_all_created(p4books: Run, vendors: Path, sandbox: Sandbox) -> None:
    """A refused or unknown row ends with 1, and `pushes` shows it in each format."""
    sandbox.faults.stage(Fault("status", method="POST", status=406, text="Locked."))
    sandbox.faults.stage(Fault("reset", method="POST"))

    done = p4books("push", "vendors", vendors)
    rows = p4books("pushes", "1")
    as_csv = list(csv.DictReader(StringIO(p4books("pushes", "1", "--format", "csv").stdout)))
    as_json = json.loads(p4books("pushes", "1", "--json").stdout)

    assert done.returncode == 1
    assert "Not all records were created: 1 refused, 1 unknown. `p4books pushes 1`" in done.stderr
    assert "Locked." in rows.stdout
    assert [(row["code"], row["state"]) for row in as_csv] == [
        ("NEW-1", "refused"),
        ("NEW-2", "unknown"),
    ]
    assert [row["answer"] for row in as_json] == ["Locked.", "a dropped connection"]


def test_resend(p4books: Run, vendors: Path, sandbox: Sandbox) -> None:
    """`--resend-refused` resends at once, `--resend-unknown` only after five minutes."""
    sandbox.faults.stage(Fault("status", method="POST", status=406))
    sandbox.faults.stage(Fault("reset", method="POST"))
    p4books("push", "vendors", vendors)

    done = p4books("push", "vendors", vendors, "--resend-unknown", "--resend-refused")

    assert (done.returncode, len(_new_records(sandbox))) == (1, 1), done.stderr
    assert "sent again 5 minutes after" in p4books("pushes", "2").stdout


def test_pushes(p4books: Run, vendors: Path) -> None:
    """Pushes are listed, newest first, with the present states of their rows."""
    p4books("push", "vendors", vendors, "--limit", "1")
    p4books("push", "vendors", vendors)

    report = json.loads(p4books("pushes", "--json").stdout)
    listed = p4books("pushes", "--format", "csv").stdout.splitlines()

    assert [(each["push"], each["created"], each["already"]) for each in report] == [
        (2, 1, 1),
        (1, 2, 0),
    ]
    assert listed[0].startswith("push,began,endpoint,source,outcome,rows,created")
    assert ",vendors,vendors.csv,done,2,1,1," in listed[1]


def test_no_pushes(p4books: Run) -> None:
    """Without pushes the list is empty; the number of a missing push is an error, with 2."""
    assert json.loads(p4books("pushes", "--json").stdout) == []
    done = p4books("pushes", "7")
    assert (done.returncode, done.stderr) == (
        2,
        "There is no push 7. `p4books pushes` lists them.\n",
    )


def test_push_and_sync(p4books: Run, tmp_path: Path) -> None:
    """With `--sync` the created records are in the published file at once."""
    file = tmp_path / "synced.csv"  # the shop keeps them: no other test uses these codes
    file.write_text("code,name\nSYNCED-1,Molino Ñandú\nSYNCED-2,Other\n")

    done = p4books("push", "vendors", file, "--sync")

    assert (
        done.returncode,
        "vendors: the created records are in the warehouse" in done.stderr,
    ) == (
        0,
        True,
    )
    names = "select vendor_name from staging.vendors where vendor_code like 'SYNCED%' order by 1"
    assert p4books("query", "--format", "csv", names).stdout == "vendor_name\nMolino Ñandú\nOther\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["vendors"], "Give either the file to push or --query SQL."),
        (["vendors", "{file}", "--query", "select 1"], "Give either the file to push"),
        (["vendor", "{file}"], "Did you mean 'vendors'?"),
        (["sales-orders", "{file}"], "The API of P4 Books cannot create sales_orders"),
        (["vendors", "{file}", "--map", "name"], "is not of the form COLUMN=FIELD"),
        (["vendors", "{file}", "--map", "name=nam"], "Did you mean 'name'?"),
        (["vendors", "{file}", "--encoding", "cp12520"], "Unknown encoding 'cp12520'"),
        (["vendors", "{file}", "--header-row", "9"], "line 9 is empty"),
        (["vendors", "nowhere.csv"], "nowhere.csv"),
        (["vendors", "{file}", "--faults", "faults.pdf"], "faults.pdf"),
        (["vendors", "--query", "select"], "query"),
        (["vendors", "{file}", "--faults", "{file}"], "is the file to push"),
    ],
)
def test_wrong_usage(
    p4books: Run, vendors: Path, sandbox: Sandbox, words: list[str], sentence: str
) -> None:
    """Wrong usage is an error in one sentence, and nothing is requested."""
    done = p4books("push", *(word.format(file=vendors) for word in words))

    assert done.returncode in {1, 2}
    assert_one_sentence(done, sentence)
    assert sandbox.requests == []


def test_key_is_not_shown(p4books: Run, vendors: Path, sandbox: Sandbox) -> None:
    """No output has the key in it, even if P4 Books rejects it."""
    sandbox.faults.stage(Fault("status", method="POST", status=401))

    done = p4books("push", "vendors", vendors)
    output = done.stdout + done.stderr + p4books("pushes", "1", "--json").stdout

    assert done.returncode == 1
    assert "rejected the API key" in done.stderr
    assert sandbox.key not in output


def test_fields(p4books: Run, sandbox: Sandbox) -> None:
    """`--fields` lists the fields of a file and which are required, without a request."""
    done = p4books("push", "invoices", "--fields")

    starts = [line.split()[:7] for line in done.stdout.splitlines()]
    assert ["code", "text", "yes", "A-1001", "código?,", "cód?,", "número,"] in starts
    assert ["quantity", "lines", "measure", "yes", "10.5", "cantidad,", "cant,"] in starts
    assert ["due_date", "day", "2026-03-31", "vence,", "vence", "el,", "vencimiento,"] in starts
    assert sandbox.requests == []


def test_fields_without_settings(tmp_path: Path) -> None:
    """`--fields` needs no settings, and shows all names of the columns as JSON."""
    done = run_here(["push", "customers", "--fields", "--json"], tmp_path, {})

    fields = {(field["of"], field["field"]): field for field in json.loads(done.stdout)}
    assert fields[None, "name"]["required"] == "yes"
    assert "RUC" in fields[None, "tax_id"]["recognized"]
    assert "cliente?" in fields[None, "code"]["recognized"]
    assert fields["addresses", "line1"]["recognized"][:2] == ["dirección", "dirección 1"]
