"""The README of the lake: its commands, and the programs that it shows, on a lake of their own.

Placeholders are replaced: the server by that of the test, the storage by a folder. Extensions come
from the wheels, not from the web.
"""

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import yaml
from pydantic import SecretStr
from tests.command import run_here
from tests.lake.lake_books import LakeBooks, load_extension, make_lake_settings
from tests.postgres import PASSWORD, PostgresServer
from tests.readme_blocks import ROOT, Block, find_blocks, list_commands

from p4books.storage.postgres import connect_postgres

PAGE = ROOT / "pipelines" / "p4books" / "lake" / "README.md"
BLOCKS = find_blocks(PAGE.read_text())


@dataclass(frozen=True)
class Reader:
    """A folder with settings of a lake, and the words by which its catalog is found."""

    folder: Path
    books: LakeBooks
    words: str
    environment: dict[str, str]

    def adapt(self, text: str) -> str:
        """Put the places of the test in those of the README."""
        text = re.sub(r"host=db\.example\.com dbname=lake user=\w+", self.words, text)
        text = text.replace("s3://BUCKET/lake", str(self.folder / "lake"))
        lines = [line for line in text.splitlines() if "secret" not in line and "aws" not in line]
        return re.sub(r"install (\w+);", load_extension, "\n".join(lines))

    def write(self, block: Block) -> Path:
        """Write a block that names its file."""
        file = self.folder / block.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.adapt(block.text))
        return file


BOOKS = """
create table core.dim_customer as select range as customer_id from range(100);
create table core.dim_date as select date '2026-03-31' as date_on;
create table core.fct_invoice_history as
    select range as invoice_id, 10.70::decimal(18, 2) as invoice_total from range(30);
create view core.fct_invoice as from core.fct_invoice_history;
create schema reporting;
create table reporting.ar_aging as select 1 as customer_id, 10.70::decimal(18, 2) as balance;
create table catalogue as select
    'reporting' as layer, 'ar_aging' as model, '' as grain, 'customer_id' as key, '' as sorted_by,
    '' as question, '' as query, '' as reads, 1::bigint as rows;
"""  # as far as the README reads them


@pytest.fixture(scope="module")
def reader(
    postgres: PostgresServer, small_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Reader:
    """Run the commands of the README in a folder with its settings, and compare what they print.

    Except for `sync`: a file is published, and its snapshot written, as a run does.
    """
    folder = tmp_path_factory.mktemp("recipes")
    catalog = postgres.make_catalog()
    books = LakeBooks(make_lake_settings(folder, catalog), small_file)
    books.publish(BOOKS)
    books.write(run=1)
    words = catalog.get_secret_value().replace(f" password={PASSWORD}", "")
    environment = {"XDG_STATE_HOME": str(folder / "state"), "PGPASSWORD": PASSWORD}
    reader = Reader(folder, books, words, environment)
    printed = ""
    for block in BLOCKS:
        if block.language == "toml":
            with reader.write(block).open("a") as settings:
                settings.write("\n[sources.p4books]\ntenant = 'acme'\n")
        elif block.language == "sh":
            printed = "".join(run_line(line, reader) for line in list_commands(block))
        elif block.language == "":
            assert mask(block.text) == mask(printed)
    return reader


def run_line(line: str, reader: Reader) -> str:
    """Run a command of the README, with its output in a file if it says so."""
    if line == "p4books sync":
        return ""
    command, _, file = line.partition(" > ")
    done = run_here(shlex.split(command)[1:], reader.folder, reader.environment)
    assert done.returncode == 0, (line, done.stderr)
    if file:
        (reader.folder / file).write_text(done.stdout)
    return done.stdout


def mask(text: str) -> list[str]:
    """Return the lines of a table without what differs between books and days."""
    lines = (re.sub(r"\d[\d.:-]*", "#", line) for line in text.splitlines())
    return [" ".join(line.split()) for line in lines if line.strip()]


def test_python(reader: Reader) -> None:
    """The SQL of the README is what `lake --attach` prints, and the program reads with it."""
    printed = reader.adapt((reader.folder / "attach.sql").read_text())
    (sql,) = (block for block in BLOCKS if block.file == "attach.sql")
    same = [sorted(re.findall(r"\w+", text)[-20:]) for text in (printed, reader.adapt(sql.text))]

    assert same[0] == same[1]
    assert PASSWORD not in printed
    (reader.folder / "attach.sql").write_text(printed)
    (program,) = (block for block in BLOCKS if block.language == "python")
    done = subprocess.run(
        [sys.executable, str(reader.write(program))],
        cwd=reader.folder,
        env=reader.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.findall(r"│ +(\d+) │", done.stdout) == ["30", "30"]


def test_dbt(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """The profile for dbt has the options by which DuckDB attaches the lake, as who only reads.

    As dbt-duckdb does: `options` are those of `attach`, and so is `read_only`.
    """
    (profile,) = (block for block in BLOCKS if block.language == "yaml")
    target = yaml.safe_load(reader.adapt(profile.text))["reports"]["outputs"]["prod"]
    (attached,) = target["attach"]
    options = [f"{key} '{value}'" for key, value in attached["options"].items()]
    options += ["read_only"] if attached["read_only"] else []
    words = attached["path"].replace("user=p4books", "user=reader")
    (grants,) = (block for block in BLOCKS if block.file == "grants.sql")
    catalog = SecretStr(f"{reader.words} password={PASSWORD}")
    with connect_postgres(catalog, "") as connection:
        connection.execute(f"create role reader login password '{PASSWORD}'".encode())
        for statement in grants.text.split(";\n"):
            connection.execute(statement.encode())
    reader.books.publish("create or replace table core.dim_date as select 1 as x, 2 as y")
    reader.books.write()
    monkeypatch.setenv("PGPASSWORD", PASSWORD)

    with duckdb.connect() as con:
        for name in target["extensions"]:
            con.execute(load_extension(name))
        con.execute(f"attach '{words}' as {attached['alias']} ({', '.join(options)})")
        assert con.sql("select count(*) from acme.core.fct_invoice").fetchall() == [(30,)]
        assert con.sql("from acme.core.dim_date").fetchall() == [(1, 2)]
