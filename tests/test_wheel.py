"""Does the wheel carry all that the command needs?"""

import os
import subprocess
import sys
import venv
import zipfile
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from p4books.cli.demo import DEMO_TENANT

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as a publisher would build it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (made,) = folder.glob("p4books-*.whl")
    return made


def test_the_wheel_carries_every_sql_file(wheel: Path) -> None:
    """Models, checks, seeds and meanings are in the package, and nothing of tests or data."""
    names = set(zipfile.ZipFile(wheel).namelist())

    files = {
        file for ending in ("sql", "csv", "md") for file in (ROOT / "sql").rglob(f"*.{ending}")
    }
    wanted = {f"p4books/{file.relative_to(ROOT)}" for file in files}
    assert {"p4books/sql/macros.sql", "p4books/sql/seeds/tax_rates.csv"} < wanted
    assert wanted <= names
    assert not {name for name in names if name.startswith(("tests", "data", ".dlt"))}


def test_the_installed_wheel_runs_the_demo_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """Installed elsewhere, without this tree, the command finds its SQL and ends well.

    What the user keeps in sql/ of his own folder counts: a report, and a seed in place of ours.
    The packages it needs are lent from the environment of the tests; the wheel itself is installed.
    """
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--quiet", wheel],
        check=True,
        capture_output=True,
    )
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    lent = Path(pytest.__file__).parents[1]
    (packages / "lent.pth").write_text(f"import sys; sys.path.append({str(lent)!r})\n")
    folder = tmp_path / "empty"
    (folder / "sql" / "custom").mkdir(parents=True)
    (folder / "sql" / "custom" / "mine.sql").write_text(
        "-- One row per tax code.\nselect tax_code, tax_rate from staging.tax_rates"
    )
    (folder / "sql" / "seeds").mkdir()
    (folder / "sql" / "seeds" / "tax_rates.csv").write_text(
        "tax_code;rate;valid_from;valid_to;source\nMINE;0.03;;;\n"
    )

    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "p4books", "demo", "--invoices", "40"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Top customers" in done.stdout
    with duckdb.connect(folder / "data" / f"{DEMO_TENANT}.duckdb", read_only=True) as con:
        assert con.execute("from custom.mine").fetchall() == [("MINE", Decimal("0.03"))]
    where = subprocess.run(
        [python, "-c", "import p4books; print(p4books.__file__)"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert str(tmp_path / "venv") in where
