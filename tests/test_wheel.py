"""Tests of the wheel: what it contains, and what it can do with and without the extra."""

import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from zipfile import ZipFile

import duckdb
import pytest
from tests.command import Completed
from tests.readme_blocks import find_blocks

from p4books.cli.demo import DEMO_TENANT
from p4books.settings import ENV_PREFIX
from p4books_sandbox import Sandbox

ROOT = Path(__file__).parents[1]
PACKAGES = Path(pytest.__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as a publisher would build it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("p4books-*.whl")
    return built


@dataclass(frozen=True)
class Installation:
    """A virtual environment with the wheel, which borrows other packages from that of the tests."""

    folder: Path
    borrowed: Path

    def borrow(self, names: set[str]) -> None:
        """Make these entries of the tests' site-packages importable, and visible to pip."""
        for name in names:
            (self.borrowed / name).symlink_to(PACKAGES / name)

    def install(self, requirement: str) -> Completed:
        """Install from a file; every dependency must be there already."""
        python = self.folder / "venv" / "bin" / "python"
        pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index"]
        return self._run([*pip, "--quiet", requirement], dict(os.environ))

    def run(self, *words: str, **variables: str) -> Completed:
        """Run an installed program in an empty folder of its own."""
        program, *rest = words
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **variables}
        return self._run([str(self.folder / "venv" / "bin" / program), *rest], environment)

    @property
    def work(self) -> Path:
        """The folder in which the programs run."""
        return self.folder / "work"

    def _run(self, words: list[str], environment: dict[str, str]) -> Completed:
        return subprocess.run(
            words, cwd=self.work, env=environment, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel installed without the extra, where no package of the extra can be imported."""
    folder = tmp_path_factory.mktemp("installation")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    installation = Installation(folder, folder / "borrowed")
    installation.borrowed.mkdir()
    installation.work.mkdir()
    (packages / "borrowed.pth").write_text(f"{installation.borrowed}\n")
    installation.borrow(_list_packages() - _list_packages_of_the_extra())
    done = installation.install(str(wheel))
    assert done.returncode == 0, done.stderr
    return installation


@pytest.fixture
def variables() -> Iterator[dict[str, str]]:
    """Settings that lead to a sandbox in the process of the test."""
    with Sandbox(invoices=40, limit=0) as sandbox:
        yield {
            f"{ENV_PREFIX}TENANT": "shop",
            f"{ENV_PREFIX}API_KEY": sandbox.key,
            f"{ENV_PREFIX}BASE_URL": sandbox.base_url,
        }


def test_contents(wheel: Path) -> None:
    """Models, checks, seeds, meanings and layouts are in the package, not tests and data."""
    names = set(zipfile.ZipFile(wheel).namelist())

    files = {
        file for suffix in ("sql", "csv", "md") for file in (ROOT / "sql").rglob(f"*.{suffix}")
    }
    expected = {f"p4books/{file.relative_to(ROOT)}" for file in files}
    assert {
        "p4books/sql/macros.sql",
        "p4books/sql/columns.csv",
        "p4books/sql/seeds/tax_rates.csv",
    } < expected
    page = {f"p4books/publish/page/page.{suffix}" for suffix in ("html", "css", "js")}
    assert expected | page | {"p4books/publish/statements/statement.typ"} <= names
    assert not {name for name in names if name.startswith(("tests", "data", ".dlt"))}


def test_without_the_extra(installation: Installation, variables: dict[str, str]) -> None:
    """Installed elsewhere and without the extra, the command syncs, queries and pushes.

    The user's own sql/ counts: a report, and a seed that replaces ours.
    """
    work = installation.work
    (work / "sql" / "custom").mkdir(parents=True)
    (work / "sql" / "custom" / "mine.sql").write_text(
        "-- One row per tax code.\nselect tax_code, tax_rate from staging.tax_rates"
    )
    (work / "sql" / "seeds").mkdir()
    (work / "sql" / "seeds" / "tax_rates.csv").write_text(
        "tax_code;rate;valid_from;valid_to;source\nMINE;0.03;;;\n"
    )
    (work / "vendors.csv").write_text("code,name\nV-9001,Molino\n")

    synced = installation.run("p4books", "sync", **variables)
    queried = installation.run("p4books", "query", "--model", "ar_aging", "--json", **variables)
    pushed = installation.run("p4books", "push", "vendors", "vendors.csv", **variables)
    where = installation.run("python", "-c", "import p4books; print(p4books.__file__)")

    assert (synced.returncode, queried.returncode, pushed.returncode) == (0, 0, 0), synced.stderr
    with duckdb.connect(work / "data" / "shop.duckdb", read_only=True) as con:
        assert con.execute("from custom.mine").fetchall() == [("MINE", Decimal("0.03"))]
    assert "of 1 record 1 created" in pushed.stdout
    assert str(installation.folder) in where.stdout


@pytest.mark.parametrize("command", ["demo", "sandbox"])
def test_commands_that_need_the_extra(installation: Installation, command: str) -> None:
    """`demo` and `sandbox` name the extra in one sentence and end with 2, like wrong usage."""
    done = installation.run("p4books", command)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "The sandbox needs packages that are not installed (fastapi, httptools, uvicorn). "
        "Nothing was started. Install them with: pip install 'p4books[sandbox]'\n"
    )


def test_with_the_extra(installation: Installation, wheel: Path) -> None:
    """The extra brings what is missing, no more and no less, and then the demo runs."""
    requirement = f"{wheel}[sandbox]"
    refused = installation.install(requirement)
    installation.borrow(_list_packages_of_the_extra())

    installed = installation.install(requirement)
    done = installation.run("p4books", "demo", "--invoices", "40")

    assert refused.returncode != 0
    assert re.search(r"fastapi|httptools|uvicorn|uvloop", refused.stderr)
    assert installed.returncode == 0, installed.stderr
    assert done.returncode == 0, done.stderr
    assert "Top customers" in done.stdout
    assert (installation.work / "data" / f"{DEMO_TENANT}.duckdb").exists()


def _list_packages() -> set[str]:
    """Return the entries of the tests' site-packages, without the project itself."""
    return {
        path.name
        for path in PACKAGES.iterdir()
        if "p4books" not in path.name and path.suffix != ".pth" and path.name != "__pycache__"
    }


def _list_packages_of_the_extra() -> set[str]:
    """Return the entries that only the extra brings, with what those need; dlt has orjson too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {line.partition(">=")[0] for line in project["optional-dependencies"]["sandbox"]}
    pattern = rf"({'|'.join(names - {'orjson'} | {'starlette', 'h11'})})(-.*)?"
    return {name for name in _list_packages() if re.fullmatch(pattern, name)}


def test_ways_to_install(wheel: Path, tmp_path: Path) -> None:
    """Each way to install in the README installs the program, with dependencies as in the lock.

    Their wheels are empty, which saves downloading 200 MB.
    """
    text = (ROOT / "pipelines" / "README.md").read_text()
    (block,) = [each for each in find_blocks(text) if "pipx install" in each.text]
    links = tmp_path / "links"
    links.mkdir()
    for pin in (ROOT / "requirements.lock").read_text().splitlines():
        _write_empty_wheel(links, *pin.split("=="))
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        **dict.fromkeys(("PIP_NO_INDEX", "UV_OFFLINE", "UV_NO_INDEX", "UV_NO_CONFIG"), "1"),
        **dict.fromkeys(("PIP_FIND_LINKS", "UV_FIND_LINKS"), str(links)),
        "PIP_CONFIG_FILE": os.devnull,
    }
    commands = block.text.replace("/srv/p4books", str(tmp_path)).replace(" .\n", f" {wheel}\n")

    for command in commands.splitlines():
        done = subprocess.run(
            ["/bin/bash", "-c", command],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        program = tmp_path / (".venv/bin" if ".venv" in command else ".local/bin") / "p4books"
        assert program.exists(), command
        program.unlink()
    assert commands.count(str(wheel)) == len(commands.splitlines())


def _write_empty_wheel(folder: Path, name: str, version: str) -> None:
    """Write a wheel without modules: all that a resolver looks at."""
    stem = f"{name.replace('-', '_').replace('.', '_').lower()}-{version}"
    with ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        info = f"{stem}.dist-info"
        head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        archive.writestr(f"{info}/METADATA", head)
        tags = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tags)
        names = "".join(f"{info}/{each},,\n" for each in ("METADATA", "WHEEL", "RECORD"))
        archive.writestr(f"{info}/RECORD", names)
