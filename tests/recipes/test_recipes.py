"""Tests of the page "Open it with …": each of its recipes runs, in the tool that it is for.

The blocks are used in the order of the page: a block with a file name is that file, `sh` blocks are
run in the environment that `make recipes` makes, and an unmarked block after one is what it prints.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import filelock
import pytest
from tests.command import run_process
from tests.readme_blocks import ROOT, Block, find_blocks, list_commands, write_block

from p4books.settings import Settings
from p4books.sync import sync
from p4books_sandbox import Sandbox

PAGE = ROOT / "pipelines" / "p4books" / "publish" / "README.md"
SECTIONS = {
    title: find_blocks(text)
    for title, _, text in (
        part.partition("\n") for part in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    )
}
COMMANDS = [title for title, blocks in SECTIONS.items() if any(b.language == "sh" for b in blocks)]
TOOLS = ROOT / ".recipes"
QUIET = {"DAGSTER_DISABLE_TELEMETRY": "yes", "NO_COLOR": "1", "IPYTHONDIR": "ipython"}

NOTEBOOK = """
import json, sys
import nbformat
from nbclient import NotebookClient

new = nbformat.v4.new_code_cell
cells = [new(text) for text in json.load(sys.stdin)]
notebook = nbformat.v4.new_notebook(cells=cells)
NotebookClient(notebook, timeout=100).execute()
json.dump([cell.outputs for cell in cells], sys.stdout)
"""
DASHBOARD = """
from streamlit.testing.v1 import AppTest

app = AppTest.from_file("dashboard.py", default_timeout=100).run()
assert not app.exception, app.exception
print(app.caption[0].value)
print(app.dataframe[0].value.head(1))
"""
SUPERSET = """
import superset_config
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

engine = sa.create_engine("duckdb:///:memory:", poolclass=NullPool)
with engine.connect() as con:
    print(con.execute(sa.text("select max(balance) from p4.reporting.ar_aging")).scalar())
file = sa.create_engine("duckdb:///other.duckdb")
with file.connect() as con:
    count = "select count(*) from duckdb_databases() where not internal"
    print(con.execute(sa.text(count)).scalar())
"""


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder with the programs of the tools, which are installed first if they are missing."""
    with filelock.FileLock(f"{TOOLS}.lock"):
        made = subprocess.run(
            ["make", "--no-print-directory", "recipes"],  # noqa: S607 - the user's make
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert made.returncode == 0, made.stdout + made.stderr
    return TOOLS / "bin"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file with all models, to be copied."""
    folder = tmp_path_factory.mktemp("published")
    with Sandbox(invoices=100, limit=0, last_day=date(2025, 12, 31)) as sandbox:
        given: dict[str, Any] = {"api_key": sandbox.key, "base_url": sandbox.base_url}
        settings = Settings(
            tenant="acme", data_dir=folder / "data", requests_per_window=100_000, **given
        )
        sync(settings)
    return settings.published


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder whose `data` has the published file, which nothing that is run there may change."""
    (tmp_path / "data").mkdir()
    file = Path(shutil.copy(published, tmp_path / "data"))
    before = file.stat()
    yield tmp_path
    if file.stat().st_ino == before.st_ino:  # else the test replaced it
        assert file.read_bytes() == published.read_bytes()
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def run_tool(words: list[str], folder: Path, tools: Path, stdin: str = "") -> str:
    """Run a program in the environment of the tools; return what it prints."""
    done = run_process(
        words,
        folder,
        {**QUIET, "PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(folder)},
        stdin,
    )
    assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def write_files(blocks: list[Block], folder: Path) -> None:
    """Write the blocks that are files."""
    for block in blocks:
        if block.file:
            write_block(block, folder)


def prepare_other(folder: Path) -> Path:
    """Make new.duckdb, a published file with other figures; return its path."""
    new = Path(shutil.copyfile(folder / "data" / "acme.duckdb", folder / "new.duckdb"))
    with duckdb.connect(new) as con:
        con.execute("update reporting.ar_aging set balance = 1234.56")
    return new


def replace_published(folder: Path) -> None:
    """Put a file with other figures in the place of the published one, as a sync does."""
    prepare_other(folder).replace(folder / "data" / "acme.duckdb")


@pytest.mark.parametrize("title", COMMANDS)
def test_commands(title: str, folder: Path, tools: Path) -> None:
    """Every command of a recipe ends well, prints what is shown, and leaves the file unchanged."""
    printed = ""
    for block in SECTIONS[title]:
        if block.file:
            write_block(block, folder)
        elif block.language == "sh":
            printed = "".join(
                run_tool(["bash", "-c", line], folder, tools) for line in list_commands(block)
            )
        else:
            assert block.text.strip()
            assert block.text in printed, printed


def test_notebook(folder: Path, tools: Path) -> None:
    """The cells of the notebook show the table, and the newest one when they are run again."""
    cells = [block.text for block in SECTIONS["Jupyter"]]
    first, show = cells
    replace = "import os; os.replace('new.duckdb', 'data/acme.duckdb')"
    prepare_other(folder)

    outputs = json.loads(
        run_tool(
            ["python", "-c", NOTEBOOK],
            folder,
            tools,
            json.dumps([first, show, replace, show]),
        )
    )

    shown = [output[0]["data"]["text/plain"] for output in outputs if output]
    assert len(shown) == 2
    assert "decimal[18,2]" in shown[0]
    assert "1234.56" not in shown[0]
    assert "1234.56" in shown[1]


def test_open_session_of_the_cli(folder: Path, tools: Path) -> None:
    """A session of the DuckDB CLI sees the newest file after the command that the page names."""
    (reopen,) = re.findall(r"`(\.open [^`]+)`", PAGE.read_text())
    prepare_other(folder)
    show = "select max(balance) from reporting.ar_aging;"
    session = [show, ".shell mv new.duckdb data/acme.duckdb", show, reopen, show]

    printed = run_tool(
        ["duckdb", "-readonly", "-list", "-noheader", "data/acme.duckdb"],
        folder,
        tools,
        "\n".join(session),
    )

    first, still, now = printed.split()
    assert first == still != now == "1234.56"


def test_dashboard(folder: Path, tools: Path) -> None:
    """The dashboard shows the day and the table, without an exception."""
    write_files(SECTIONS["Streamlit"], folder)

    printed = run_tool(["python", "-c", DASHBOARD], folder, tools)

    as_of, *table = printed.splitlines()
    assert re.fullmatch(r"As of \d{4}-\d\d-\d\d", as_of)
    assert table[0].split() == ["customer_name", "balance"]


def test_superset_configuration(folder: Path, tools: Path) -> None:
    """The books are attached to the database in memory, and to no other."""
    (block,) = SECTIONS["Superset"]
    path = "/srv/p4books/data/acme.duckdb"
    assert path in block.text
    text = block.text.replace(path, str(folder / "data" / "acme.duckdb"))
    write_block(Block(block.language, block.file, text), folder)

    printed = run_tool(["python", "-c", SUPERSET], folder, tools)

    with duckdb.connect(folder / "data" / "acme.duckdb", read_only=True) as con:
        (highest,) = con.execute("select max(balance) from reporting.ar_aging").fetchone() or ()
    assert printed.split() == [str(highest), "1"]


def load_books(folder: Path) -> ModuleType:
    """Import the page's books.py."""
    (block,) = SECTIONS["Programs that stay open"]
    write_block(block, folder)
    spec = importlib.util.spec_from_file_location("books", folder / block.file)
    assert spec
    assert spec.loader
    books = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(books)
    return books


def read_highest(con: duckdb.DuckDBPyConnection) -> str:
    """Return the highest balance that a connection sees."""
    (highest,) = con.execute("select max(balance) from reporting.ar_aging").fetchone() or ()
    return str(highest)


def test_attached_books_are_the_newest(folder: Path) -> None:
    """A new connection, and one that is reopened, see the new file; others the whole old one."""
    books = load_books(folder)
    with books.connect() as held, books.connect() as reopened:
        old = read_highest(held)
        running = reopened.cursor().execute("from p4.core.dim_date")
        days = 1 + len(held.execute("from p4.core.dim_date offset 1").fetchall())

        replace_published(folder)
        books.reopen(reopened)

        with books.connect() as new:
            assert read_highest(new) == "1234.56" != old
        assert read_highest(reopened) == "1234.56"
        assert read_highest(held) == old
        assert len(running.fetchall()) == days


def test_a_path_is_opened_once_per_process(folder: Path) -> None:
    """Without detaching, a process sees the old file while a connection to it is open."""
    file = folder / "data" / "acme.duckdb"
    with duckdb.connect(file, read_only=True) as held, duckdb.connect() as attached:
        old = read_highest(held)
        attached.execute(f"attach '{file}' as p4 (read_only)")

        replace_published(folder)

        with duckdb.connect(file, read_only=True) as again:
            assert read_highest(again) == old
        attached.execute(f"attach or replace '{file}' as p4 (read_only)")
        attached.execute("use p4")
        assert read_highest(attached) == old
    with duckdb.connect(file, read_only=True) as later:
        assert read_highest(later) == "1234.56"
