"""Tests of the demo and the sandbox command."""

import subprocess
import tomllib
from pathlib import Path

import duckdb
import pytest
from tests.command import P4BOOKS, Completed, run_here

from p4books.cli.demo import DEMO_TENANT, FIGURES, SANDBOX_PACKAGES, query_figures
from p4books.settings import Settings

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the demo runs."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(folder: Path) -> Completed:
    """A demo of 60 invoices."""
    state = {"XDG_STATE_HOME": str(folder / "state")}
    return run_here(["demo", "--invoices", "60"], folder, state)


def test_demo(demo: Completed, folder: Path) -> None:
    """It shows two syncs, the second without changes, three figures, and where the file is."""
    assert (demo.returncode, demo.stderr) == (0, ""), demo.stderr
    assert demo.stdout.count("Published data/") == 1
    assert "Nothing changed" in demo.stdout
    for title in FIGURES:
        assert title in demo.stdout
    file = folder / "data" / f"{DEMO_TENANT}.duckdb"
    assert f"file: data/{DEMO_TENANT}.duckdb" in demo.stdout
    with duckdb.connect(file, read_only=True) as con:
        assert con.execute("select count(*) from staging.invoices").fetchone() == (60,)


@pytest.mark.usefixtures("demo")
def test_receivables_by_age_add_up(folder: Path) -> None:
    """The ages of the demo's receivables add up to all open balances."""
    settings = Settings(tenant=DEMO_TENANT, data_dir=folder / "data")
    figures = {figure.title: figure for figure in query_figures(settings)}

    with duckdb.connect(settings.published, read_only=True) as con:
        owed = con.execute(
            "select sum(balance) from staging.invoices"
            " where lower(invoice_status) not in ('void', 'draft')"
        ).fetchone()

    ages = figures["Receivables by age"]
    assert owed is not None
    assert sum(row[-1] for row in ages.rows) == owed[0] != 0
    assert all(sum(row[1:-1]) == row[-1] for row in ages.rows)


def test_demo_without_invoices(tmp_path: Path) -> None:
    """Books without an invoice give figures without rows, not an error."""
    done = run_here(["demo", "--invoices", "0"], tmp_path, {})

    assert (done.returncode, done.stderr) == (0, "")


def test_sandbox_prints_settings(tmp_path: Path) -> None:
    """`p4books sandbox` starts and prints lines for `.env`."""
    with subprocess.Popen(
        [P4BOOKS, "sandbox", "--invoices", "5"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(4)]
        running.terminate()

    assert any(line.startswith("SOURCES__P4BOOKS__API_KEY=") for line in lines)
    assert any(line.startswith("SOURCES__P4BOOKS__BASE_URL=http://127.0.0.1:") for line in lines)


def test_sandbox_packages_are_those_of_the_extra() -> None:
    """The packages that the demo looks for are those of the extra, but for the optional loop."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = {line.partition(">=")[0] for line in project["optional-dependencies"]["sandbox"]}

    assert extra == {*SANDBOX_PACKAGES, "uvloop"}
