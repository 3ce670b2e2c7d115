"""Is every line of the README true?"""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from p4books.cli.demo import DEMO_TENANT
from p4books.settings import load_settings
from p4books_sandbox import Sandbox

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """Return the README's blocks of code in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Return every command of the README's shell blocks and its text, without comments."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    inline = re.findall(r"`(\.venv/bin/p4books [^`…]+)`", README)
    return [shlex.join(shlex.split(line, comments=True)) for line in [*lines, *inline] if line]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the README's .env filled in for a sandbox, and the command in .venv/bin."""
    folder = tmp_path_factory.mktemp("project")
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    (folder / ".env.example").write_text((ROOT / ".env.example").read_text())
    for name, text in zip(("new_customers.csv", "new_invoices.csv"), blocks("csv"), strict=True):
        (folder / name).write_text(text)
    with Sandbox(invoices=40, limit=0) as sandbox:
        (folder / "sandbox.env").write_text(
            f"SOURCES__P4BOOKS__TENANT=shop\nSOURCES__P4BOOKS__API_KEY={sandbox.key}\n"
            f"SOURCES__P4BOOKS__BASE_URL={sandbox.base_url}\n"
        )
        yield folder


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one command of the README in the project's folder."""
    return subprocess.run(
        ["bash", "-c", command],  # noqa: S607
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_of_the_readme_works(project: Path) -> None:
    """Typed one after another, in the README's order, each command ends well.

    The make targets are run by CI itself; here they must exist.
    """
    makefile = (ROOT / "Makefile").read_text()
    found = commands()
    assert len(found) >= 9
    for command in found:
        if command.startswith("make "):
            assert re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE), command
            if command == "make demo":
                assert run(".venv/bin/p4books demo --invoices 30", project).returncode == 0
            continue

        done = run(command, project)

        assert done.returncode == 0, (command, done.stderr)
        if command.startswith("cp "):
            (project / ".env").write_text((project / "sandbox.env").read_text())
    assert (project / "data" / "shop.duckdb").exists()
    pushed = run(".venv/bin/p4books pushes --json", project)
    assert [each["created"] for each in json.loads(pushed.stdout)] == [1, 0, 2]
    assert (project / "data" / f"{DEMO_TENANT}.duckdb").exists()


def test_the_report_of_the_readme_is_published(project: Path) -> None:
    """The report of one's own, as printed, is a table after a sync, whole and in ten lines."""
    (report,) = blocks("sql")
    (name,) = re.findall(r"Saved as `(sql/custom/\w+\.sql)`", README)
    (project / name).parent.mkdir(parents=True)
    (project / name).write_text(report)
    (project / ".env").write_text((project / "sandbox.env").read_text())

    done = run(".venv/bin/p4books sync --full", project)

    assert done.returncode == 0, done.stderr
    with duckdb.connect(project / "data" / "shop.duckdb", read_only=True) as con:
        late = con.execute(f"from custom.{Path(name).stem}").fetchall()
        wanted = con.execute(
            "select count(distinct product_id) from core.fct_sales_order_line where days_late > 0"
        ).fetchone()
    assert (len(late),) == wanted
    assert len(late) > 0
    assert len(report.splitlines()) == 10


def test_the_env_example_lacks_two_values_only() -> None:
    """Filled in, .env.example is all that one must set."""
    names = re.findall(r"^([A-Z0-9_]+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE)

    assert names == ["SOURCES__P4BOOKS__TENANT", "SOURCES__P4BOOKS__API_KEY"]


def test_the_tenants_of_the_readme_can_be_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of tenants, as printed, gives each its own settings."""
    for name in list(os.environ):
        if name.upper().startswith("SOURCES__P4BOOKS__"):
            monkeypatch.delenv(name)
    (text,) = blocks("toml")
    tomllib.loads(text)
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(text.replace("…", "a-key"))

    south = load_settings("south", tmp_path)

    assert south.timezone == "America/Costa_Rica"
    assert south.address == "https://south.p4books.com/api/v1"


def test_the_pipeline_of_the_readme_brings_every_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python of the README, as printed, loads the six tables."""
    (script,) = blocks("python")
    with Sandbox(invoices=20, limit=0) as sandbox:
        monkeypatch.setenv("SOURCES__P4BOOKS__TENANT", "shop")
        monkeypatch.setenv("SOURCES__P4BOOKS__API_KEY", sandbox.key)
        monkeypatch.setenv("SOURCES__P4BOOKS__BASE_URL", sandbox.base_url)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        with duckdb.connect(tmp_path / "books.duckdb", read_only=True) as con:
            for path, book in sandbox.books.items():
                table = path.replace("-", "_")
                found = con.execute(f"select count(*) from p4books.{table}").fetchone()
                assert found == (len(book),)


def test_every_table_of_the_readme_is_a_view() -> None:
    """Each staging table that the README names is a file of sql/staging, and none is left out."""
    named = set(re.findall(r"`staging\.(\w+)`", README))

    assert named == {file.stem for file in (ROOT / "sql" / "staging").glob("*.sql")}
