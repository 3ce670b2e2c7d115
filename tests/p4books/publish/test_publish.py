"""What do readers open?"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from p4books.errors import BrokenSql, CheckFailed, DiskTrouble, OutOfMemory
from p4books.publish.publish import PublishTarget, build_published_file, read_fingerprint
from p4books.transform.build import create_views
from p4books.transform.models import SqlSources, load_models

Files = Callable[..., Path]
Publish = Callable[[Path], Path]

HISTORY = "-- One row per version of a vendor, or ''two''.\nfrom raw.vendors"
NOW = """-- One row per vendor.
select
    id as vendor_id,
    name as vendor_name,
    _dlt_valid_from as valid_from,
    balance
from staging.vendors_history
where _dlt_valid_to is null"""
MADE_AT = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)


@pytest.fixture
def make(warehouse: Path, tmp_path: Path) -> Publish:
    """Build the views in the warehouse and publish them."""

    def make(root: Path) -> Path:
        with duckdb.connect(warehouse) as con:
            found = load_models(SqlSources.at(root))
            create_views(con, found)
        (tmp_path / "work").mkdir(exist_ok=True)
        about: dict[str, str | datetime] = {"made_of": "m", "published_at": MADE_AT}
        out = tmp_path / "acme.duckdb"
        claims = sorted((root / "checks").glob("*.sql"))
        build_published_file(
            warehouse, found, PublishTarget(tmp_path / "work", out, 0o640), about, claims
        )
        return out

    return make


@pytest.fixture
def root(sql: Files) -> Path:
    """Two views."""
    return sql(staging__vendors_history=HISTORY, staging__vendors=NOW)


def rows(file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(file, read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        return con.execute(query).fetchall()


def test_rows(make: Publish, root: Path, warehouse: Path) -> None:
    """Each table holds its view's rows, value by value, in columns of the same types."""
    out = make(root)

    for model in load_models(SqlSources.at(root)).models:
        everything = f"select * from {model.full} order by all"
        assert rows(out, everything) == rows(warehouse, everything) != []
        assert rows(out, f"describe {model.full}") == rows(warehouse, f"describe {model.full}")


def test_tables(make: Publish, root: Path) -> None:
    """The file holds tables with their grain as comment, and no view."""
    out = make(root)

    assert rows(
        out, "select schema_name, table_name, comment from duckdb_tables() order by all"
    ) == [
        ("main", "about", "One row: what this file is and when it was made."),
        ("main", "catalogue", "One row per model in this file."),
        ("staging", "vendors", "One row per vendor."),
        ("staging", "vendors_history", "One row per version of a vendor, or ''two''."),
    ]
    assert rows(out, "select count(*) from duckdb_views() where not internal") == [(0,)]


def test_about(make: Publish, root: Path) -> None:
    """The one row of `about` tells what the file is."""
    out = make(root)

    assert rows(out, "from about") == [("m", MADE_AT, 2, 5)]
    assert read_fingerprint(out) == ("m", MADE_AT)


def test_too_little_memory(warehouse: Path, sql: Files, tmp_path: Path) -> None:
    """A model that needs more memory than it may take is no trouble of the disk."""
    root = sql(staging__long="-- One row.\nselect repeat('x', 90_000_000) as text")
    found = load_models(SqlSources.at(root))
    out = tmp_path / "acme.duckdb"

    with pytest.raises(OutOfMemory, match="ran out of memory"):
        build_published_file(
            warehouse, found, PublishTarget(tmp_path, out, 0o640), {}, memory="64MB"
        )

    assert not out.exists()


def test_the_file(make: Publish, root: Path, tmp_path: Path) -> None:
    """It opens in DuckDB 1.4, has the mode asked for, and nothing is left beside it."""
    out = make(root)

    storage = "select tags['storage_version'] from duckdb_databases() where not internal"
    assert rows(out, storage) == [("v1.4.0+",)]
    assert out.stat().st_mode & 0o777 == 0o640
    assert [path for path in (tmp_path / "work").rglob("*") if path.is_file()] == []
    assert [path.name for path in tmp_path.glob("*.wal")] == []


def test_readers(make: Publish, root: Path, warehouse: Path) -> None:
    """Who has the old file open goes on reading it; who opens it next gets the new one."""
    out = make(root)
    with duckdb.connect(warehouse) as con:
        con.execute("delete from raw.vendors where id = '1'")
    with duckdb.connect(out, read_only=True) as reader:
        reader.execute("select count(*) from staging.vendors")

        make(root)

        assert reader.execute("select count(*) from staging.vendors").fetchall() == [(2,)]
    assert rows(out, "select count(*) from staging.vendors") == [(1,)]


FAILING = {
    "cast": "cast(name as integer)",
    "error": "error('no such rate')",
    "overflow": "cast(balance * 1e17::decimal(18, 0) as decimal(18, 2))",
    "out of range": "127::tinyint + length(name)::tinyint",
    "subquery": "(select name from raw.vendors)",
}


@pytest.mark.parametrize("case", FAILING)
def test_a_view_that_fails_when_it_runs(make: Publish, root: Path, sql: Files, case: str) -> None:
    """A view that can be made but not computed is named; the last file stays as it is."""
    out = make(root)
    before = out.read_bytes()
    sql(staging__zero=f"-- One row.\nselect {FAILING[case]} as x\nfrom raw.vendors")

    with pytest.raises(BrokenSql, match=r"zero\.sql, line \d+: .*published file is unchanged"):
        make(root)

    assert out.read_bytes() == before


def catalogue(file: Path, columns: str) -> list[tuple[Any, ...]]:
    return rows(file, f"select {columns} from catalogue order by layer, model")


def test_catalogue(make: Publish, sql: Files) -> None:
    """The catalogue tells of each model what its file says, what it reads, and how many rows."""
    head = "-- One row per vendor.\n-- key: vendor_id\n-- order: balance desc\n"
    asked = "-- question: Whom do we owe?\n-- query: from core.vendors\n"
    root = sql(
        staging__vendors_history=HISTORY,
        core__vendors=head + asked + NOW.partition("\n")[2],
        custom__empty="-- One row per nothing.\n-- key: n\nselect 1 as n where false",
    )

    out = make(root)

    told = "layer, model, grain, key, sorted_by, question, query, reads, rows"
    assert catalogue(out, told) == [
        (
            *("core", "vendors", "One row per vendor.", "vendor_id", "balance desc"),
            *("Whom do we owe?", "from core.vendors", "staging.vendors_history", 2),
        ),
        ("custom", "empty", "One row per nothing.", "n", "n", "", "", "", 0),
        (
            *("staging", "vendors_history", "One row per version of a vendor, or ''two''."),
            *("", "", "", "", "raw.vendors", 3),
        ),
    ]


def test_one_of_the_users_own_that_fails(make: Publish, root: Path, sql: Files) -> None:
    """One that fails when it runs is left out of file and catalogue; all else is published."""
    sql(custom__failing="-- One row.\nselect vendor_name::date as x from staging.vendors")
    sql(custom__whole="-- One row.\nselect * from staging.vendors")

    out = make(root)

    published = [("custom", "whole"), ("staging", "vendors"), ("staging", "vendors_history")]
    assert catalogue(out, "layer, model") == published
    assert rows(out, "select models, rows from about") == [(3, 7)]
    assert rows(out, "select count(*) from custom.whole") == [(2,)]


def test_a_check_that_fails(make: Publish, root: Path, sql: Files) -> None:
    """Where a check or a key fails, nothing is published: the last file stays, byte for byte."""
    out = make(root)
    before = out.read_bytes()
    sql(checks__no_vendor="select vendor_id, balance from staging.vendors")
    with pytest.raises(CheckFailed, match=r"`no vendor` found 2 rows .*\n- vendor_id: "):
        make(root)
    (root / "checks" / "no_vendor.sql").write_text("-- Fine.\nselect 1 where false")
    sql(staging__vendors_history=HISTORY.replace("\n", "\n-- key: id\n"))

    with pytest.raises(CheckFailed, match=r"staging\.vendors_history has one row per id"):
        make(root)

    assert out.read_bytes() == before


def test_a_check_of_all_layers(make: Publish, root: Path, sql: Files) -> None:
    """A check reads the tables that are published, not the views beneath them."""
    sql(checks__same="select * from made.staging.vendors where vendor_id is null")

    assert rows(make(root), "select count(*) from staging.vendors") == [(2,)]


def test_a_place_that_cannot_be_written(make: Publish, root: Path, tmp_path: Path) -> None:
    """A published file that can't be replaced is told as trouble with the disk."""
    (tmp_path / "acme.duckdb").mkdir()

    with pytest.raises(DiskTrouble, match=r"acme\.duckdb cannot be written"):
        make(root)


def test_after_a_run_that_died(make: Publish, root: Path, tmp_path: Path) -> None:
    """What a dead run left half made is in nobody's way."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "published.duckdb").write_bytes(b"half")

    out = make(root)

    assert rows(out, "select count(*) from staging.vendors") == [(2,)]


def test_made_of_what_is_no_file_of_ours(tmp_path: Path) -> None:
    """Where there is no published file, or a strange one, it is made of nothing."""
    strange = tmp_path / "strange.duckdb"
    strange.write_bytes(b"strange" * 1000)
    with duckdb.connect(tmp_path / "other.duckdb") as con:
        con.execute("create table about (made_by text)")

    assert read_fingerprint(tmp_path / "none.duckdb") == (None, None)
    assert read_fingerprint(strange) == (None, None)
    assert read_fingerprint(tmp_path / "other.duckdb") == (None, None)
