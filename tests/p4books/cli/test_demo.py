"""What does p4books look like at work, without a key?"""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from p4books.cli.demo import DEMO_TENANT, FIGURES, query_figures
from p4books.settings import Settings
from p4books.sync import sync

P4BOOKS = str(Path(sys.executable).with_name("p4books"))


@pytest.fixture
def synced(settings: Settings) -> Settings:
    """A tenant whose books were synced once."""
    sync(settings)
    return settings


def test_the_demo_runs_by_itself_and_ends(tmp_path: Path) -> None:
    """It shows two syncs, the second of them unchanged, three figures, and where the file is."""
    done = subprocess.run(
        [P4BOOKS, "demo", "--invoices", "60"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Nothing changed" in done.stdout
    for title in FIGURES:
        assert title in done.stdout
    file = tmp_path / "data" / f"{DEMO_TENANT}.duckdb"
    assert f"The file: data/{DEMO_TENANT}.duckdb" in done.stdout
    with duckdb.connect(file, read_only=True) as con:
        assert con.execute("select count(*) from staging.invoices").fetchone() == (60,)


def test_receivables_by_age_add_up_to_all_open_balances(synced: Settings) -> None:
    """The ages of the demo's receivables leave no open cent out."""
    figures = {figure.title: figure for figure in query_figures(synced)}
    (ages,) = [figure for title, figure in figures.items() if "Receivables" in title]

    with duckdb.connect(synced.published, read_only=True) as con:
        owed = con.execute(
            "select sum(balance) from staging.invoices"
            " where lower(invoice_status) not in ('void', 'draft')"
        ).fetchone()

    assert owed is not None
    assert sum(row[-1] for row in ages.rows) == owed[0] != 0
    assert all(sum(row[1:-1]) == row[-1] for row in ages.rows)


def test_an_empty_tenant_has_figures_without_rows(tmp_path: Path) -> None:
    """Books without an invoice make a demo without figures, not an error."""
    done = subprocess.run(
        [P4BOOKS, "demo", "--invoices", "0"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
