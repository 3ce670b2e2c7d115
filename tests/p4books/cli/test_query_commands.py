"""Which words lead to what was published?"""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from openpyxl import load_workbook

from p4books.endpoints import ENDPOINTS

Run = Callable[..., subprocess.CompletedProcess[str]]
P4BOOKS = str(Path(sys.executable).with_name("p4books"))
COUNT = "select count(*) as n from staging.invoices"


def said(done: subprocess.CompletedProcess[str], code: int) -> str:
    """Expect an end with this code and one sentence on stderr, and give it."""
    assert (done.returncode, done.stdout) == (code, "")
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], " n\n30\n"),
        (["--format", "csv"], "n\n30\n"),
        (["--format", "json"], '[\n  {\n    "n": 30\n  }\n]\n'),
        (["--json"], '[\n  {\n    "n": 30\n  }\n]\n'),
    ],
)
def test_query_in_each_format(ask: Run, words: list[str], told: str) -> None:
    """An answer is told as a table, or as asked."""
    done = ask("query", *words, COUNT)

    assert (done.stdout, done.stderr, done.returncode) == (told, "", 0)


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
def test_query_into_a_file(ask: Run, tmp_path: Path, name: str, words: list[str]) -> None:
    """An answer goes into a file in the format of its ending, or as asked; nothing is printed."""
    out = tmp_path / name

    done = ask("query", *words, "-o", str(out), COUNT)

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    kind = "json" if words == ["--json"] else name.partition(".")[2].lower() or "csv"
    with duckdb.connect() as con:
        assert con.execute(f"select n from read_{kind}('{out}')").fetchall() == [(30,)]


@pytest.mark.parametrize("name", ["invoices", "staging.invoices", "Invoices"])
def test_query_a_model(ask: Run, name: str) -> None:
    """A model is asked by its name, with or without its layer, in the order of its catalogue."""
    done = ask("query", "--model", name, "--format", "csv")

    rows = list(csv.DictReader(done.stdout.splitlines()))
    wanted = json.loads(ask("query", "--json", "from staging.invoices").stdout)
    assert sorted(row["invoice_id"] for row in rows) == sorted(r["invoice_id"] for r in wanted)


def test_query_a_file(ask: Run, tmp_path: Path) -> None:
    """A question may stand in a file."""
    file = tmp_path / "question.sql"
    file.write_text(f"-- How many?\n{COUNT};\n", encoding="utf-8-sig")

    assert ask("query", "--file", str(file), "--format", "csv").stdout == "n\n30\n"


WRONG = {
    "nothing": ([], "Ask in one way: with SQL, with --file F.sql or with --model NAME."),
    "two ways": (["--model", "invoices", COUNT], "Ask in one way"),
    "an empty text": ([""], "The query is empty"),
    "two statements": ([f"{COUNT}; {COUNT}"], "Only one statement per query; nothing was run"),
    "no model": (["--model", "invoies"], "Unknown model 'invoies'. Did you mean 'invoices'?"),
    "no file": (["--file", "gone.sql"], "gone.sql cannot be read (No such file or directory)."),
    "parquet on the screen": (["--format", "parquet", COUNT], "name it with -o FILE"),
    "an unknown ending": (["-o", "out.txt", COUNT], "say --format csv, json or parquet"),
    "no ending": (["-o", "out", COUNT], "say --format csv, json or parquet"),
    "a table in a file": (["--format", "table", "-o", "out.csv", COUNT], "say --format csv"),
    "two formats": (["--json", "--format", "csv", COUNT], "it can't be csv too"),
    "no day": (["--as-of", "yesterday", COUNT], "yesterday is no day; write it as in 2026-10-31."),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_words_of_query(ask: Run, case: str) -> None:
    """What can't be asked so is said in one sentence, with 2."""
    words, says = WRONG[case]

    assert says in said(ask("query", *words), 2)


def test_a_folder_that_is_not_there(ask: Run, tmp_path: Path) -> None:
    """A file in a missing folder is not written, which is said in one sentence."""
    done = ask("query", COUNT, "-o", str(tmp_path / "gone" / "out.csv"))

    assert "out.csv cannot be written (No such file or directory)." in said(done, 1)


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
def test_a_full_disk(ask: Run, tmp_path: Path, words: list[str]) -> None:
    """A disk without room is said in one sentence; nothing half is left, the old is untouched."""
    for name in (
        "out.csv",
        "out.json",
        "out.parquet",
        "shop.invoice_lines.xlsx",
        "shop.staging.invoice_lines.csv",
    ):
        (tmp_path / name).write_text("old")
    before = sorted(tmp_path.iterdir())

    named = [word.format(folder=tmp_path) for word in words]
    limited = 'ulimit -f 4; exec "$0" "$@"'
    done = ask("-c", limited, P4BOOKS, *named, program="bash", PYTHONDONTWRITEBYTECODE="1")

    assert "cannot be written (File too large). An existing file is unchanged." in said(done, 1)
    assert sorted(tmp_path.iterdir()) == before
    assert {path.read_text() for path in before} == {"old"}


def test_a_reader_that_has_enough(ask: Run) -> None:
    """A pipe that is closed early is nothing to speak of."""
    pipe = '"$0" query --format csv "from range(1_000_000)" | head -n 2'

    done = ask("-c", pipe, P4BOOKS, program="bash")

    assert (done.stdout, done.stderr) == ("range\n0\n", "")


def test_models(ask: Run) -> None:
    """The models are listed with their rows and what a row is."""
    listed = json.loads(ask("models", "--json").stdout)
    shown = ask("models").stdout

    found = {f"{each['layer']}.{each['model']}": each for each in listed}
    assert found["staging.invoices"]["rows"] == 30
    lines = [line.split()[:3] for line in shown.splitlines()]
    assert ["staging", "invoices", "30"] in lines
    assert "One row per invoice" in shown


def test_one_model(ask: Run) -> None:
    """Of one model its columns are listed, with what it reads."""
    told = json.loads(ask("models", "invoices", "--json").stdout)
    shown = ask("models", "staging.invoices").stdout

    assert "staging.invoices_history" in told["reads"].split(", ")
    assert {"name": "balance", "type": "DECIMAL(18,2)"}.items() <= next(
        column for column in told["columns"] if column["name"] == "balance"
    ).items()
    assert shown.startswith("staging.invoices, 30 rows. One row per invoice")
    assert f"\nReads: {told['reads']}\n" in shown
    assert "DECIMAL(18,2)" in shown


def test_a_model_that_is_not_there(ask: Run) -> None:
    """A wrong name is answered with the nearest, by each verb that takes one."""
    for verb in ("models", "export"):
        assert "Did you mean 'vendors'?" in said(ask(verb, "vendrs"), 2)


def test_export_a_workbook(ask: Run, tmp_path: Path) -> None:
    """A workbook is the default; its place, models and rows are told."""
    done = ask("export", "vendors", "products", "--to", str(tmp_path))

    assert (done.stderr, done.returncode) == ("", 0)
    book = load_workbook(tmp_path / "shop.vendors-products.xlsx")
    assert book.sheetnames == ["Contents", "vendors", "products"]
    assert str(tmp_path / "shop.vendors-products.xlsx") in done.stdout


def test_export_as_json(ask: Run, tmp_path: Path) -> None:
    """What was written is told to a program too."""
    told = json.loads(
        ask("export", "invoices", "--format", "parquet", "--to", str(tmp_path), "--json").stdout
    )

    file = str(tmp_path / "shop.staging.invoices.parquet")
    assert told == [{"file": file, "models": ["staging.invoices"], "rows": 30, "notes": []}]
    assert [str(path) for path in tmp_path.iterdir()] == [file]


def test_before_the_first_sync(tmp_path: Path, ask: Run) -> None:
    """Without a published file each verb says what to do, and makes no folder."""
    for verb in (["models"], ["export"], ["query", COUNT], ["report"]):
        done = ask(*verb, SOURCES__P4BOOKS__DATA_DIR=str(tmp_path / "data"))

        assert "Run `p4books sync` first." in said(done, 1 if verb != ["report"] else 2)


def test_report(ask: Run) -> None:
    """Reports are published anew, without a key; in one line it is said where, and as of when."""
    done = ask("report")
    told = json.loads(ask("report", "--json").stdout)

    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.startswith(f"Published data/shop.duckdb as of {told['as_of_on']} (known to ")
    assert done.stdout.count("\n") == 1
    assert told["left_out"] == []


def test_a_report_of_ones_own_that_is_broken(ask: Run, home: Path) -> None:
    """A broken report of the user's own is left out, which is said; all else is published."""
    own = home / "sql" / "custom" / "mine.sql"
    own.parent.mkdir(parents=True)
    own.write_text("-- One row.\nselect * from staging.nothing")

    done = ask("report")
    told = json.loads(ask("report", "--json").stdout)

    own.unlink()
    assert done.returncode == 0
    assert done.stdout.startswith("Published data/shop.duckdb")
    assert "mine.sql, line 2: staging.nothing does not exist." in done.stderr
    assert "left out" in told["left_out"][0]


@pytest.mark.parametrize(
    ("day", "says"),
    [
        ("2026-13-01", "2026-13-01 is no day; write it as in 2026-10-31."),
        (str(date.today() + timedelta(days=2)), "cannot be shown"),  # noqa: DTZ011
        ("9999-12-31", "cannot be shown"),
        ("0001-01-01", "cannot be shown"),
    ],
)
def test_a_day_that_cannot_be_shown(ask: Run, day: str, says: str) -> None:
    """A day that is none, to come, or before all history is refused in one sentence, with 2."""
    assert says in said(ask("report", "--as-of", day), 2)


def test_a_day_of_the_past(ask: Run, home: Path) -> None:
    """What `report --as-of` made is asked, listed and exported; else it is said how to make it."""
    before = said(ask("query", COUNT, "--as-of", "2026-10-31"), 1)
    with duckdb.connect(home / "data" / ".private" / "shop" / "warehouse.duckdb") as con:
        con.execute("update raw.history set since = '2026-01-01'")
        for name in ENDPOINTS:
            con.execute(f"update raw.{name} set _dlt_valid_from = '2026-01-01'")

    made = ask("report", "--as-of", "2026-10-31")

    file = "shop-asof-2026-10-31"
    assert before.endswith(
        f"{file}.duckdb does not exist yet. Run `p4books report --as-of 2026-10-31` first."
    )
    assert made.stdout.startswith(f"Published data/{file}.duckdb as of 2026-10-31 ")
    asked = ask("query", "--as-of", "2026-10-31", "select as_of_on from about", "--format", "csv")
    assert asked.stdout == "as_of_on\n2026-10-31\n"
    listed = json.loads(ask("models", "--as-of", "2026-10-31", "--json").stdout)
    assert len(listed) > 10
    done = ask("export", "--as-of", "2026-10-31", "vendors", "--to", str(home / "out"))
    assert (home / "out" / f"{file}.vendors.xlsx").exists(), done.stderr


def test_what_is_not_needed_is_not_loaded(ask: Run) -> None:
    """Asking waits neither for dlt nor for what writes workbooks."""
    script = (
        "import sys; sys.argv = ['p4books', 'query', 'select 1']\n"
        "from p4books.cli.app import app\n"
        "app(standalone_mode=False)\n"
        "print(sorted({'dlt', 'pandas', 'pyarrow', 'xlsxwriter', 'sqlglot'} & set(sys.modules)))"
    )

    assert ask("-c", script, program=sys.executable).stdout.endswith("[]\n")
