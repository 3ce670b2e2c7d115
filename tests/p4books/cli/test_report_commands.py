"""Tests of the command report: what it publishes again, and what of past days."""

import json
import re
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from tests.command import Run
from tests.p4books.cli.conftest import get_error

from p4books.endpoints import ENDPOINTS


def test_report_with_a_broken_custom_report(run_shop: Run, home: Path) -> None:
    """`report` names a broken custom report, publishes all the others, and ends with 1."""
    custom = home / "sql" / "custom" / "mine.sql"
    custom.parent.mkdir(parents=True)
    custom.write_text("-- One row.\nselect * from staging.nothing")

    text = run_shop("report")
    as_json = run_shop("report", "--json")
    published = json.loads(as_json.stdout)

    custom.unlink()
    assert as_json.returncode == 1
    assert text.returncode == 1
    assert text.stdout.startswith(
        f"Published data/shop.duckdb as of {published['as_of_on']} (known to "
    )
    assert text.stdout.endswith(" models, 1 left out.\n")
    assert text.stdout.count("\n") == 1
    assert re.search(r"mine\.sql, line 2: .*staging\.nothing.* left out", text.stderr)
    (left_out,) = published["left_out"]
    assert "mine.sql" in left_out


@pytest.mark.parametrize(
    ("day", "says"),
    [
        ("2026-13-01", "2026-13-01 is not a valid day; write it as 2026-10-31."),
        (str(date.today() + timedelta(days=2)), "cannot be shown"),  # noqa: DTZ011 - any zone
        ("9999-12-31", "cannot be shown"),
        ("0001-01-01", "cannot be shown"),
    ],
)
def test_day_that_cannot_be_shown(run_shop: Run, day: str, says: str) -> None:
    """A day that does not exist, is not over, or is before all history is an error, with 2."""
    assert says in get_error(run_shop("report", "--as-of", day), 2)


def test_past_day(p4books: Run, synced: Path, tmp_path: Path) -> None:
    """What `report --as-of` publishes is queried, listed and exported with the same option."""
    before = get_error(p4books("query", "select 1", "--as-of", "2026-10-31"), 1)
    with duckdb.connect(synced / ".private" / "shop" / "warehouse.duckdb") as con:
        con.execute("update raw.history set since = '2026-01-01'")
        for name in ENDPOINTS:
            con.execute(f"update raw.{name} set _dlt_valid_from = '2026-01-01'")

    done = p4books("report", "--as-of", "2026-10-31", api_key="")

    file = "shop-asof-2026-10-31"
    assert before.endswith(
        f"{file}.duckdb does not exist yet. Run `p4books report --as-of 2026-10-31` first."
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Published data/{file}.duckdb as of 2026-10-31 (known to ")
    assert "left out" not in done.stdout
    queried = p4books(
        "query", "--as-of", "2026-10-31", "select as_of_on from about", "--format", "csv"
    )
    assert queried.stdout == "as_of_on\n2026-10-31\n"
    assert len(json.loads(p4books("models", "--as-of", "2026-10-31", "--json").stdout)) > 10
    exported = p4books("export", "--as-of", "2026-10-31", "vendors", "--to", str(tmp_path / "out"))
    assert (tmp_path / "out" / f"{file}.vendors.xlsx").exists(), exported.stderr
