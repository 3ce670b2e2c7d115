"""Tests of the README files: every command runs, and prints what they show.

Blocks are used in the order of the text: `sh` blocks are run, and an unmarked block after one is
what it prints (numbers may differ). A block with a file name after its language is that file, and a
`csv` block is the .csv file that the text names next.
"""

import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from tests.command import Completed, run_here, run_process
from tests.moved_books import move_books
from tests.readme_blocks import ROOT, Block, find_blocks, list_commands, write_block

from p4books.cli.app import app
from p4books.cli.demo import DEMO_TENANT
from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint
from p4books.settings import ENV_PREFIX, Delivery, Group, Settings, load_groups, load_settings
from p4books.settings.delivery import parse_deliveries
from p4books_sandbox import Sandbox

FILES = sorted(
    file
    for file in ROOT.rglob("README.md")
    if not any(part.startswith(".") for part in file.relative_to(ROOT).parts)
)
RECIPES = ROOT / "pipelines" / "p4books" / "publish" / "README.md"  # tests/recipes runs them
LAKE = ROOT / "pipelines" / "p4books" / "lake" / "README.md"  # tests/lake has a Postgres for it
INVOICES = 150  # enough for every status


@dataclass(frozen=True)
class Project:
    """A folder with the tenant of a demo, whose P4 Books runs again, and what the demo printed."""

    folder: Path
    sandbox: Sandbox
    demo: str

    def run(self, command: str) -> Completed:
        """Run a command as typed in this folder; p4books runs in this process."""
        words = shlex.split(command, comments=True)
        environment = {"HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder / "state")}
        if Path(words[0]).name == "p4books" and not set("|>;&") & set(words):
            return run_here(words[1:], self.folder, environment)
        return run_process(["bash", "-c", command], self.folder, environment)

    def write_env(self) -> None:
        """Fill in .env as a user would: the tenant of the demo, its key and its address."""
        (self.folder / ".env").write_text(
            f"{ENV_PREFIX}TENANT={DEMO_TENANT}\n{ENV_PREFIX}API_KEY={self.sandbox.key}\n"
            f"{ENV_PREFIX}BASE_URL={self.sandbox.base_url}\n{ENV_PREFIX}PAGE_SIZE=250\n"
        )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder and the output of a demo, whose history begins in January."""
    folder = tmp_path_factory.mktemp("demo")
    done = run_here(
        ["demo", "--invoices", str(INVOICES)], folder, {"XDG_STATE_HOME": str(folder / "state")}
    )
    assert done.returncode == 0, done.stderr
    warehouse = folder / "data" / ".private" / DEMO_TENANT / "warehouse.duckdb"
    with duckdb.connect(warehouse) as con:  # so that a past day can be shown
        con.execute("update raw.history set since = '2026-01-01'")
        for name in ENDPOINTS:
            con.execute(f"update raw.{name} set _dlt_valid_from = '2026-01-01'")
    return folder, done.stdout


@pytest.fixture
def project(demo: tuple[Path, str], tmp_path: Path) -> Iterator[Project]:
    """A copy of the demo's tenant, with the books of the demo in a sandbox of its own."""
    folder, printed = demo
    shutil.copytree(folder / "data", tmp_path / "data")
    shutil.copy(ROOT / ".env.example", tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    today = datetime.now(ZoneInfo(Settings.model_fields["timezone"].default)).date()
    with Sandbox(invoices=INVOICES, limit=0, last_day=today) as sandbox:
        sandbox.books["customers"].replace(1, credit_days=30)  # a field to adopt
        project = Project(tmp_path, sandbox, printed)
        project.write_env()
        warehouse = tmp_path / "data" / ".private" / DEMO_TENANT / "warehouse.duckdb"
        move_books(warehouse, sandbox.base_url)
        yield project


@pytest.mark.parametrize(
    "file",
    [file for file in FILES if file not in {RECIPES, LAKE}],
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_commands(file: Path, project: Project) -> None:
    """Every command of a README ends well, in the order of the text, and prints what it shows."""
    printed: str | None = None
    for block in find_blocks(file.read_text()):
        if block.file:
            write_block(block, project.folder)
        elif block.language == "sh":
            printed = "".join(run_line(line, project) for line in list_commands(block))
        elif block.language == "" and block.text.startswith("$ "):
            commands = re.findall(r"^\$ (.*)$", block.text, re.MULTILINE)
            assert_shown(
                block, "".join(f"$ {line}\n{run_line(line, project)}" for line in commands)
            )
        elif block.language == "" and printed is not None:
            assert_shown(block, printed)
        else:
            printed = None
    assert_created_once(file, project)


def run_line(line: str, project: Project) -> str:
    """Run one line of a README and return its output; what CI runs anyway only has to exist."""
    words = shlex.split(line, comments=True)
    while "=" in words[0]:
        words.pop(0)
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line
        return project.demo if words[1] == "demo" else ""
    if words[0] == "git" or "pytest" in words:
        paths = [word for word in words if word.startswith("tests/")]
        assert paths, line
        assert all((ROOT / path).exists() for path in paths), line
        return ""
    done = project.run(line)
    assert done.returncode == 0, (line, done.stdout, done.stderr)
    if words[0] == "cp":
        project.write_env()
    return done.stdout + done.stderr


def assert_shown(block: Block, printed: str) -> None:
    """Expect the lines of a block among those that were printed, in their order."""
    lines = iter(mask_numbers(printed))
    for line in mask_numbers(block.text):
        assert line in lines, (line, mask_numbers(printed))


def assert_created_once(file: Path, project: Project) -> None:
    """Expect one record for each code in the files of new records."""
    records = [record for book in project.sandbox.books.values() for record in book.records()]
    for block in find_blocks(file.read_text()):
        if block.language == "csv" and not block.file.startswith("sql/"):
            codes = {re.split("[,;]", line)[0] for line in block.text.splitlines()[1:]}
            assert codes
            for code in codes:
                assert sum(record.get("code") == code for record in records) == 1, code


def mask_numbers(text: str) -> list[str]:
    """Return the lines of a text with numbers, dates and widths of columns made equal."""
    return [
        re.sub(r"\s+", " ", re.sub(r"\d[\d,.:-]*(?<!\.)", "#", line)).strip()
        for line in text.splitlines()
        if line.strip()
    ]


def test_log_of_the_schedule(project: Project) -> None:
    """The lines of the log in a README are those that a scheduled sync prints."""
    book = project.sandbox.books["vendors"]
    book.replace(1, name="Renamed")
    book.insert({**book.records()[1], "id": 9001, "code": "V-9001"}, at=len(book))
    changed = project.run("p4books sync")
    nothing = project.run("p4books sync")
    with (project.folder / ".env").open("a") as env:
        env.write(f"{ENV_PREFIX}API_KEY=wrong\n")
    refused = project.run("p4books sync")
    project.write_env()
    printed = [line for done in (changed, nothing, refused) for line in mask_numbers(done.stdout)]

    for file in FILES:
        for log in find_blocks(file.read_text()):
            if log.language == "log" and "Published" in log.text:
                assert mask_numbers(log.text.replace("acme", DEMO_TENANT)) == printed


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_inline_commands(file: Path) -> None:
    """Every command and option that a README mentions in its text exists."""
    text = re.sub(r"^ *```.*?^ *```", "", file.read_text(), flags=re.MULTILINE | re.DOTALL)
    for span in re.findall(r"`(?:\.venv/bin/)?p4books ([^`]+)`", text):
        name, *words = span.split()
        if name.startswith("-"):
            continue
        options = {option for param in app.commands[name].params for option in param.opts}
        used = {word for word in words if word.startswith("--")}
        assert used <= options or name == "sandbox", span


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_links(file: Path) -> None:
    """Every relative link of a README leads to a file or folder of the project."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", file.read_text()):
        assert (file.parent / target).exists(), target


def test_readme_is_short() -> None:
    """README.md has fewer than 200 lines; the details are in the folders."""
    assert len((ROOT / "README.md").read_text().splitlines()) < 200


def test_env_example() -> None:
    """.env.example lacks two values, which are all that has to be set."""
    names = re.findall(r"^([A-Z0-9_]+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE)

    assert names == [f"{ENV_PREFIX}TENANT", f"{ENV_PREFIX}API_KEY"]


def test_tenants(tmp_path: Path) -> None:
    """The table of tenants, as printed, gives each tenant its own settings."""
    (text,) = [block.text for block in all_blocks() if "[sources.p4books.tenants." in block.text]
    tomllib.loads(text)
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(text.replace("…", "a-key"))

    south = load_settings("south", tmp_path)

    assert south.timezone == "America/Costa_Rica"
    assert south.address == "https://south.p4books.com/api/v1"


def test_groups(tmp_path: Path) -> None:
    """The table of a group, as printed below that of its tenants, is a group of them."""
    texts = [block.text for block in all_blocks() if block.text.startswith("[sources.p4books.")]
    (tenants,) = [text for text in texts if "p4books.tenants." in text]
    (groups,) = [text for text in texts if "p4books.groups." in text]
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/secrets.toml").write_text(f"{tenants}\n{groups}", encoding="utf-8")
    assert load_groups(tmp_path) == ([Group("caribe", ("north", "south"))], [])


def test_deliver(tmp_path: Path) -> None:
    """The setting `deliver`, as printed in both notations, is valid."""
    (text,) = [block.text for block in all_blocks() if "deliver = [" in block.text]
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(f"{text}\ntenant = 'acme'\n")
    (variable,) = re.findall(r"DELIVER='(.*)'`", RECIPES.read_text())

    deliver = load_settings(None, tmp_path, need_key=False).deliver

    assert [delivery.kind for delivery in deliver] == [
        *("workbook", "page", "excel-csv", "statements"),
    ]
    assert parse_deliveries(variable) == (Delivery("page", Path("/srv/books")),)


def test_notify(tmp_path: Path) -> None:
    """The setting `notify`, as printed, is valid, with a channel of each kind."""
    texts = [block.text for block in all_blocks() if "p4books.notify]]" in block.text]
    (tmp_path / ".dlt").mkdir()
    kinds = []
    for text in texts:
        filled = text.replace("…", "x")
        (tmp_path / ".dlt" / "config.toml").write_text(
            f"[sources.p4books]\ntenant='acme'\n{filled}"
        )
        settings = load_settings(None, tmp_path, need_key=False)
        kinds.append([channel.kind for channel in settings.notify])

    assert kinds == [["command"], ["smtp", "webhook", "ping", "command"]]


def test_dlt_pipeline(tmp_path: Path) -> None:
    """The dlt pipeline, as printed, loads every row of every list."""
    (script,) = [
        block.text for block in all_blocks() if block.language == "python" and not block.file
    ]
    with Sandbox(invoices=20, limit=0) as sandbox:
        environment = {
            f"{ENV_PREFIX}TENANT": "shop",
            f"{ENV_PREFIX}API_KEY": sandbox.key,
            f"{ENV_PREFIX}BASE_URL": sandbox.base_url,
            "HOME": str(tmp_path),
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "DLT_DATA_DIR": str(tmp_path / "dlt"),
        }
        done = run_process([sys.executable, "-c", script], tmp_path, environment)
        assert done.returncode == 0, done.stderr
        with duckdb.connect(tmp_path / "books.duckdb", read_only=True) as con:
            for path, book in sandbox.books.items():
                table = path.replace("-", "_")
                count = con.execute(f"select count(*) from p4books.{table}").fetchone()
                assert count == (len(book),)


def test_endpoint_file() -> None:
    """The file of a new endpoint, as printed, defines one that none has yet."""
    (script,) = [block.text for block in all_blocks() if block.file == "price_lists.py"]
    names: dict[str, object] = {}
    exec(script, names)  # noqa: S102 - our own README

    endpoint = names["PRICE_LISTS"]
    assert isinstance(endpoint, Endpoint)
    assert endpoint.name not in ENDPOINTS
    assert endpoint.path == "price-lists"


def all_blocks() -> list[Block]:
    """Return the blocks of all README files."""
    return [block for file in FILES for block in find_blocks(file.read_text())]
