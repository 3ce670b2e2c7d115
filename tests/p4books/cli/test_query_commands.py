"""Tests of the commands query, models and export."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from openpyxl import load_workbook
from tests.command import P4BOOKS, Run, run_process
from tests.p4books.cli.conftest import get_error, shop_environment

from p4books.settings import ENV_PREFIX

COUNT = "select count(*) as n from staging.invoices"


@pytest.mark.parametrize(
    ("words", "output"),
    [
        ([], " n\n30\n"),
        (["--format", "csv"], "n\n30\n"),
        (["--format", "json"], '[\n  {\n    "n": 30\n  }\n]\n'),
        (["--json"], '[\n  {\n    "n": 30\n  }\n]\n'),
    ],
)
def test_query(run_shop: Run, words: list[str], output: str) -> None:
    """A result is printed as a table, or in the format asked for."""
    done = run_shop("query", *words, COUNT)

    assert (done.stdout, done.stderr, done.returncode) == (output, "", 0)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("out.csv", []),
        ("out.JSON", []),
        ("out.parquet", []),
        ("out", ["--format", "csv"]),
        ("out.csv", ["--json"]),
    ],
)
def test_query_to_a_file(run_shop: Run, tmp_path: Path, name: str, words: list[str]) -> None:
    """A result is written in the format of the suffix, or the one asked for, and not printed."""
    out = tmp_path / name

    done = run_shop("query", *words, "-o", str(out), COUNT)

    assert (done.stdout, done.stderr, done.returncode) == ("", f"{out}: 1 row.\n", 0)
    kind = "json" if words == ["--json"] else name.partition(".")[2].lower() or "csv"
    with duckdb.connect() as con:
        assert con.execute(f"select n from read_{kind}('{out}')").fetchall() == [(30,)]


@pytest.mark.parametrize("name", ["invoices", "staging.invoices", "Invoices"])
def test_query_a_model(run_shop: Run, name: str) -> None:
    """A model is selected by its name, with or without its layer."""
    done = run_shop("query", "--model", name, "--format", "csv")

    rows = list(csv.DictReader(done.stdout.splitlines()))
    expected = json.loads(run_shop("query", "--json", "from staging.invoices").stdout)
    assert sorted(row["invoice_id"] for row in rows) == sorted(r["invoice_id"] for r in expected)


@pytest.mark.parametrize(
    "sql",
    [
        "from range(9) order by range desc",
        "/* ; */ with t as (from range(9)) select * from t order by all desc -- ;",
        "select range from range(9) order by 1 desc limit 5; -- the newest;",
    ],
)
def test_limit(run_shop: Run, sql: str) -> None:
    """With --limit a query has its first rows, in its order."""
    done = run_shop("query", sql, "--limit", "2", "--format", "csv")

    assert (done.stdout, done.stderr) == ("range\n8\n7\n", "")


def test_limit_of_a_model(run_shop: Run, tmp_path: Path) -> None:
    """A model has its first rows, in its sort order, in a file, too; another statement has all."""
    every = run_shop("query", "--model", "ar_open_items", "--format", "csv").stdout
    run_shop("query", "--model", "ar_open_items", "--limit", "1", "-o", str(tmp_path / "a.csv"))
    explained = run_shop("query", "explain select 1", "--limit", "1")

    assert (tmp_path / "a.csv").read_text().splitlines() == every.splitlines()[:2]
    assert explained.returncode == 0
    assert "LINE 1: selec" in run_shop("query", "selec", "--limit", "1").stderr


def test_query_from_a_file(run_shop: Run, tmp_path: Path) -> None:
    """The SQL may be in a file, with comments and a byte order mark."""
    file = tmp_path / "question.sql"
    file.write_text(f"-- How many?\n{COUNT};\n", encoding="utf-8-sig")

    assert run_shop("query", "--file", str(file), "--format", "csv").stdout == "n\n30\n"


def test_amounts_in_json_keep_all_digits(run_shop: Run) -> None:
    """A decimal is printed as the number it is, not as a float near it."""
    done = run_shop("query", "--json", "select 1234567890123456.78::decimal(18, 2) as amount")

    assert "1234567890123456.78" in done.stdout


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("selec 1", "syntax error"),
        ("select * from staging.invoies", "invoices"),
        ("select * from read_csv('/etc/hostname')", "Permission"),
        ("create table x (i int)", "read-only"),
    ],
)
def test_bad_sql(run_shop: Run, sql: str, says: str) -> None:
    """DuckDB's message is passed on, without a traceback, with 2."""
    done = run_shop("query", sql)

    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


WRONG_USAGE = {
    "nothing": ([], "Give exactly one of SQL, --file F.sql and --model NAME."),
    "two sources": (["--model", "invoices", COUNT], "Give exactly one of SQL"),
    "empty SQL": ([""], "query is empty"),
    "two statements": ([f"{COUNT}; {COUNT}"], "statement"),
    "missing model": (["--model", "invoies"], "Did you mean 'invoices'?"),
    "missing file": (["--file", "gone.sql"], "gone.sql cannot be read (No such file or directory)"),
    "parquet on stdout": (["--format", "parquet", COUNT], "name it with -o FILE"),
    "workbook on stdout": (["--format", "xlsx", COUNT], "A workbook needs a file"),
    "unknown suffix": (
        ["-o", "out.txt", COUNT],
        "use --format csv, excel-csv, json, parquet or xlsx",
    ),
    "no suffix": (["-o", "out", COUNT], "use --format csv, excel-csv, json, parquet or xlsx"),
    "table in a file": (["--format", "table", "-o", "out.csv", COUNT], "use --format csv"),
    "two formats": (["--json", "--format", "csv", COUNT], "it excludes --format csv"),
    "comma without Excel": (["--decimal", ",", "-o", "out.csv", COUNT], "needs --format excel-csv"),
    "bad day": (["--as-of", "yesterday", COUNT], "yesterday is not a valid day; write it as 2026"),
}


@pytest.mark.parametrize("case", WRONG_USAGE)
def test_wrong_usage_of_query(run_shop: Run, case: str) -> None:
    """Wrong usage is an error in one sentence, with 2."""
    words, says = WRONG_USAGE[case]

    assert says in get_error(run_shop("query", *words), 2)


def test_query_to_a_new_folder(run_shop: Run, tmp_path: Path) -> None:
    """The folder of a file is made, if it is missing."""
    file = tmp_path / "new" / "folder" / "out.csv"

    done = run_shop("query", "from range(1234)", "-o", str(file))

    assert (done.returncode, done.stderr) == (0, f"{file}: 1,234 rows.\n")
    assert len(file.read_text().splitlines()) == 1235


@pytest.mark.parametrize(
    "words",
    [
        ["query", "from main.about", "-o", "s3://bucket/about.csv"],
        ["query", "from main.about", "-o", "s3:/bucket/about.csv"],
        ["export", "vendors", "--format", "csv", "--to", "s3://bucket"],
        ["statement", "--overdue", "--to", "s3:bucket"],
    ],
)
def test_url_for_a_folder(
    run_shop: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """Files are written into folders; what begins like a URL is refused, and no folder is made."""
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())

    done = run_shop(*words)

    assert "it must be a folder, not a URL; " in get_error(done, 2)
    assert set(tmp_path.iterdir()) == before


def test_query_to_a_folder_that_cannot_be_made(run_shop: Run, tmp_path: Path) -> None:
    """A file in the place of the folder is kept, which is an error in one sentence."""
    (tmp_path / "taken").write_text("")

    done = run_shop("query", COUNT, "-o", str(tmp_path / "taken" / "out.csv"))

    assert "taken cannot be written (it exists and is not a folder)." in get_error(done, 1)


@pytest.mark.parametrize("command", ["query", "export"])
def test_csv_for_excel(run_shop: Run, tmp_path: Path, command: str) -> None:
    """CSV is exact, and excel-csv is as people and Excel expect it."""
    exact, excel = tmp_path / "exact", tmp_path / "excel"
    people = ["--format", "excel-csv", "--decimal", ",", "--lang", "es"]
    for folder, options in ((exact, ["--format", "csv"]), (excel, people)):
        if command == "query":
            words = ["--model", "staging.customers", "-o", f"{folder}/c.csv"]
        else:
            words = ["staging.customers", "--to", str(folder)]
        assert run_shop(command, *words, *options).returncode == 0

    (exact_file,), (excel_file,) = exact.iterdir(), excel.iterdir()
    assert exact_file.read_bytes().startswith(b"customer_id,customer_code,customer_name,")
    assert excel_file.read_bytes().startswith(
        "\ufeffId. de cliente;Código de cliente;Cliente;".encode()
    )
    header, first, *_ = csv.reader(excel_file.read_text("utf-8-sig").splitlines(), delimiter=";")
    row = dict(zip(header, first, strict=True))
    assert re.fullmatch(r'="[\w-]+"', row["Código de cliente"])
    assert re.fullmatch(r"-?\d+,\d\d", row["Saldo"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", row["Verificado"])


@pytest.mark.parametrize(
    "words",
    [
        ["query", "--model", "invoice_lines", "-o", "{folder}/out.csv"],
        ["query", "--model", "invoice_lines", "-o", "{folder}/out.json"],
        ["query", "--model", "invoice_lines", "-o", "{folder}/out.parquet"],
        ["export", "invoice_lines", "--to", "{folder}"],
        ["export", "invoice_lines", "--to", "{folder}", "--format", "csv"],
    ],
)
def test_full_disk(run_shop: Run, home: Path, tmp_path: Path, words: list[str]) -> None:
    """A full disk is an error in one sentence; no part of a file is left, the old is untouched."""
    for name in (
        "out.csv",
        "out.json",
        "out.parquet",
        "shop.invoice_lines.xlsx",
        "shop.staging.invoice_lines.csv",
    ):
        (tmp_path / name).write_text("old")
    before = sorted(tmp_path.iterdir())

    given = [word.format(folder=tmp_path) for word in words]
    done = run_process(
        ["bash", "-c", 'ulimit -f 4; exec "$0" "$@"', P4BOOKS, *given],
        home,
        {**shop_environment(home), "PYTHONDONTWRITEBYTECODE": "1"},
    )

    message = get_error(done, 1)
    assert "cannot be written (File too large). " in message
    assert "unchanged" in message
    assert sorted(tmp_path.iterdir()) == before
    assert {path.read_text() for path in before} == {"old"}


def test_closed_pipe(run_shop: Run, home: Path) -> None:
    """A reader that closes its pipe early is not an error."""
    pipe = '"$0" query --format csv "from range(1_000_000)" | head -n 2'

    done = run_process(["bash", "-c", pipe, P4BOOKS], home, shop_environment(home))

    assert (done.stdout, done.stderr) == ("range\n0\n", "")


ENDLESS = "with recursive t (n) as (select 1 union all select n + 1 from t) select count(*) from t"


@pytest.mark.skipif(sys.platform != "linux", reason="sees in /proc that the query has begun")
@pytest.mark.parametrize(
    ("words", "number"),
    [
        ([ENDLESS], signal.SIGTERM),
        ([ENDLESS], signal.SIGINT),
        (["--json", ENDLESS], signal.SIGHUP),
        (["-o", "out.csv", "from range(9_000_000_000)"], signal.SIGTERM),
    ],
)
def test_stopped_query(home: Path, words: list[str], number: signal.Signals) -> None:
    """A signal ends a query at once with 130 and one line; no part of a file is left."""
    before = sorted(home.iterdir())
    with subprocess.Popen(
        [P4BOOKS, "query", *words],
        cwd=home,
        env={**os.environ, **shop_environment(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        descriptors = Path(f"/proc/{running.pid}/fd")
        deadline = time.monotonic() + 60
        while not any("shop.duckdb" in str(each.resolve()) for each in descriptors.iterdir()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.3)
        running.send_signal(number)
        began = time.monotonic()
        try:
            out, error = running.communicate(timeout=30)
        finally:
            running.kill()  # nothing, if it has ended

    assert (running.returncode, out) == (130, "")
    assert error == "Stopped. An output file is written completely or not at all.\n"
    assert time.monotonic() - began < 4  # the 5 s after which it would be killed
    assert sorted(home.iterdir()) == before


def test_models(run_shop: Run) -> None:
    """The models are listed with their rows and what a row is."""
    entries = json.loads(run_shop("models", "--json").stdout)
    shown = run_shop("models").stdout

    rows = {f"{entry['layer']}.{entry['model']}": entry["rows"] for entry in entries}
    assert rows["staging.invoices"] == 30
    lines = [line.split()[:3] for line in shown.splitlines()]
    assert ["staging", "invoices", "30"] in lines
    assert "Invoices in P4 Books" in shown
    assert "One row per invoice" in shown


def test_models_of_a_layer(run_shop: Run) -> None:
    """A layer's name lists the models of that layer only; one without models is an error."""
    every = json.loads(run_shop("models", "--json").stdout)
    core = json.loads(run_shop("models", "Core", "--json").stdout)
    shown = run_shop("models", "core").stdout.splitlines()

    assert core == [entry for entry in every if entry["layer"] == "core"]
    assert {line.split()[0] for line in shown} == {"layer", "core"}
    assert "There is no model in custom." in get_error(run_shop("models", "custom"), 2)


def test_one_model(run_shop: Run) -> None:
    """A model is shown with its columns and what it reads."""
    model = json.loads(run_shop("models", "invoices", "--json").stdout)
    shown = run_shop("models", "staging.invoices").stdout

    assert "staging.invoices_history" in model["reads"].split(", ")
    (balance,) = [column for column in model["columns"] if column["name"] == "balance"]
    assert balance["type"] == "DECIMAL(18,2)"
    assert shown.startswith("staging.invoices, Invoices in P4 Books, 30 rows. One row per invoice")
    assert f"\nReads: {model['reads']}\n" in shown
    assert re.search(r"^balance +Balance +DECIMAL\(18,2\) +Amount still", shown, re.MULTILINE)


def test_models_in_spanish(run_shop: Run) -> None:
    """Texts are in the language of the setting or of `--lang`; JSON has those of both."""
    one = run_shop("models", "ar_aging", "--lang", "es").stdout
    listed = run_shop("models", "reporting", **{f"{ENV_PREFIX}LANGUAGE": "es"}).stdout
    model = json.loads(run_shop("models", "ar_aging", "--json", "--lang", "es").stdout)

    assert one.startswith("reporting.ar_aging, Antigüedad de saldos, ")
    assert "\nPregunta: ¿Quién nos debe, y desde cuándo?\n" in one
    assert re.search(
        r"^days_over_90 +Más de 90 días +DECIMAL\(18,2\) +Saldo con", one, re.MULTILINE
    )
    assert listed.splitlines()[0].split()[:4] == ["capa", "modelo", "filas", "título"]
    assert re.search(r"reporting +ar_aging +\d+ +Antigüedad de saldos +Una fila por", listed)
    assert (model["question"], model["title_en"]) == (
        "Who owes us, and how late?",
        "Receivables ageing",
    )
    assert model["title_es"] == "Antigüedad de saldos"
    (bucket,) = [column for column in model["columns"] if column["name"] == "days_over_90"]
    assert (bucket["label_en"], bucket["label_es"]) == ("Over 90 days", "Más de 90 días")
    assert bucket["meaning_es"].startswith("Saldo con")


@pytest.mark.parametrize("command", ["models", "export"])
def test_missing_model(run_shop: Run, command: str) -> None:
    """A wrong name is an error that suggests the nearest one."""
    assert "Did you mean 'vendors'?" in get_error(run_shop(command, "vendrs"), 2)


def test_export_a_workbook(run_shop: Run, tmp_path: Path) -> None:
    """A workbook is the default; its path is printed."""
    done = run_shop("export", "vendors", "products", "--to", str(tmp_path))

    assert (done.stderr, done.returncode) == ("", 0)
    book = load_workbook(tmp_path / "shop.vendors-products.xlsx")
    assert book.sheetnames == ["Contents", "Vendors in P4 Books", "Products in P4 Books"]
    assert str(tmp_path / "shop.vendors-products.xlsx") in done.stdout


PERIODS = {
    "a month": (["--month", "2026-10"], "shop.2026-10", "2026-10-01", "2026-10-31"),
    "days": (
        ["--from", "2026-10-02", "--to", "2026-10-30"],
        "shop.from-2026-10-02-to-2026-10-30",
        *("2026-10-02", "2026-10-30"),
    ),
    "from a day": (["--from", "2026-10-02"], "shop.from-2026-10-02", "2026-10-02", "9999-12-31"),
    "up to a day": (["--to", "2026-10-02"], "shop.to-2026-10-02", "0001-01-01", "2026-10-02"),
    "all": (["--all-rows"], "shop", "0001-01-01", "9999-12-31"),
    "by default": ([], "shop", "0001-01-01", "9999-12-31"),
}


@pytest.mark.parametrize("case", PERIODS)
def test_export_of_a_period(run_shop: Run, tmp_path: Path, case: str) -> None:
    """A period chooses the rows of a list by date, and is in the name of the file."""
    words, name, first, last = PERIODS[case]

    done = run_shop("export", "fct_invoice", "--format", "csv", "--to", str(tmp_path), *words)

    assert (done.stderr, done.returncode) == ("", 0)
    sql = f"select count(*) as n from core.fct_invoice where document_on between '{first}'"
    expected = json.loads(run_shop("query", "--json", f"{sql} and '{last}'").stdout)
    with (tmp_path / f"{name}.core.fct_invoice.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == expected[0]["n"]


WRONG_PERIODS = {
    "no month": (["--month", "2026-13"], "2026-13 is not a valid month; write it as 2026-11."),
    "no day": (["--from", "1/2/26"], "1/2/26 is not a valid day; write it as 2026-10-31."),
    "no folder": (["--to", "31/10/2026"], "31/10/2026 is not a valid day"),
    "two periods": (
        ["--month", "2026-11", "--last", "3"],
        "--month and --last exclude each other.",
    ),
    "all of a month": (
        ["--all-rows", "--from", "2026-11-01"],
        "--from/--to and --all-rows exclude",
    ),
    "backwards": (
        ["--from", "2026-11-02", "--to", "2026-11-01"],
        "--from 2026-11-02 is after --to 2026-11-01. Nothing was written.",
    ),
    "two folders": (["--to", "a", "--to", "b"], "--to is given twice"),
    "not by date": (["ar_aging", "--month", "2026-11"], "ar_aging: as of a day, not by date"),
    "no months": (["--last", "0"], "0 is not in the range"),
}


@pytest.mark.parametrize("case", WRONG_PERIODS)
def test_wrong_period(run_shop: Run, tmp_path: Path, case: str) -> None:
    """A period that makes no sense is an error in one sentence, and nothing is written."""
    words, says = WRONG_PERIODS[case]

    done = run_shop("export", *words)

    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert not [path for path in tmp_path.iterdir() if path.name in {"a", "b", "exports"}]


def test_query_to_a_workbook(run_shop: Run, tmp_path: Path) -> None:
    """A query and a model become a sheet, in the language that is asked for."""
    for words in ([COUNT], ["--model", "ar_aging", "--lang", "es"]):
        done = run_shop("query", *words, "-o", str(tmp_path / "a.xlsx"))
        assert done.returncode == 0
    assert done.stderr.startswith(f"{tmp_path / 'a.xlsx'}: ")
    assert load_workbook(tmp_path / "a.xlsx").sheetnames == ["Antigüedad de saldos"]


def test_export_as_json(run_shop: Run, tmp_path: Path) -> None:
    """`--json` lists the files with their models and rows."""
    done = run_shop("export", "invoices", "--format", "parquet", "--to", str(tmp_path), "--json")

    file = str(tmp_path / "shop.staging.invoices.parquet")
    assert json.loads(done.stdout) == [
        {"file": file, "models": ["staging.invoices"], "rows": 30, "notes": []}
    ]
    assert [str(path) for path in tmp_path.iterdir()] == [file]


@pytest.mark.parametrize("words", [["query", "select 1"], ["models"], ["export", "ar_aging"]])
def test_changes_of_another_program(run_shop: Run, home: Path, words: list[str]) -> None:
    """Who reads a file that has values of another program is told so, and gets them."""
    log = home / "data/shop.duckdb.wal"
    log.touch()
    try:
        done = run_shop(*words)
    finally:
        log.unlink()

    assert (done.returncode, done.stdout != "") == (0, True)
    (line,) = done.stderr.splitlines()
    assert "has changes of another program beside it, in shop.duckdb.wal; the next" in line


@pytest.mark.parametrize("command", ["export", "models"])
def test_missing_published_file(run_shop: Run, tmp_path: Path, command: str) -> None:
    """The remedy is `report` if there is a warehouse; only tenants with a file are named."""
    for name in ("shop", "other"):
        (tmp_path / f"data/.private/{name}").mkdir(parents=True)
    (tmp_path / "data/third.duckdb").touch()

    data = {f"{ENV_PREFIX}DATA_DIR": str(tmp_path / "data")}
    before = run_shop(command, **data)
    (tmp_path / "data/.private/shop/warehouse.duckdb").touch()
    after = run_shop(command, **data)

    assert "Run `p4books sync` first. There is third: --tenant third." in get_error(before, 1)
    assert "Run `p4books report` first." in get_error(after, 1)


def test_before_the_first_sync(tmp_path: Path, run_shop: Run) -> None:
    """Without a published file each command says what to do, and creates no folder."""
    data = tmp_path / "data"
    for words in (["models"], ["export"], ["query", COUNT], ["report"]):
        done = run_shop(*words, **{f"{ENV_PREFIX}DATA_DIR": str(data)})

        assert "Run `p4books sync` first." in get_error(done, 1 if words != ["report"] else 2)
        assert words == ["report"] or not data.exists()


@pytest.mark.parametrize("words", [["query", "select 1"], ["status"]])
def test_heavy_libraries_are_not_loaded(run_shop: Run, home: Path, words: list[str]) -> None:
    """On a published file, too, `query` and `status` load neither dlt nor what writes workbooks."""
    script = (
        "import sys\n"
        "from p4books.cli.app import app\n"
        f"app({words!r}, standalone_mode=False)\n"
        "heavy = {'dlt', 'pandas', 'pyarrow', 'xlsxwriter', 'openpyxl', 'sqlglot'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )

    done = run_process([sys.executable, "-c", script], home, shop_environment(home))

    assert (done.returncode, done.stdout[-3:]) == (0, "[]\n"), done.stderr
