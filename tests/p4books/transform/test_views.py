"""How do our models come into a warehouse?"""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from p4books.errors import BrokenSql
from p4books.transform.build import create_views
from p4books.transform.models import SqlSources, load_models

Files = Callable[..., Path]

VENDORS = "-- One row per vendor.\nselect id as vendor_id from raw.vendors\n"


def test_build(sql: Files, warehouse: Path) -> None:
    """The views are made with their grain as comment, and made anew without what is gone."""
    first = sql(staging__vendors=VENDORS, core__old="-- One row.\nselect 1 as one")
    with duckdb.connect(warehouse) as con:
        create_views(con, load_models(SqlSources.at(first)))
        (first / "core" / "old.sql").unlink()
        sql(staging__vendors=VENDORS.replace("vendor.", "vendor's id."))
        create_views(con, load_models(SqlSources.at(first)))

        found = con.execute(
            "select schema_name, view_name, comment from duckdb_views()"
            " where schema_name in ('staging', 'core')"
        ).fetchall()
        rows = con.execute("select count(*) from staging.vendors").fetchall()

    assert found == [("staging", "vendors", "One row per vendor's id.")]
    assert rows == [(3,)]


@pytest.mark.parametrize("ending", ["", ";", ";\n\n", "\n-- the end", " ; \n"])
def test_endings(sql: Files, warehouse: Path, ending: str) -> None:
    """A file may end as it likes."""
    root = sql(staging__vendors=VENDORS.rstrip() + ending)

    with duckdb.connect(warehouse) as con:
        create_views(con, load_models(SqlSources.at(root)))
        assert con.execute("select count(*) from staging.vendors").fetchall() == [(3,)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("-- One row.\nselect\n    id,\n    nothing\nfrom raw.vendors", 4),
        ("-- One row.\nselect id from raw.nothing", 2),
        ("-- One row.\nselect\n    no_function(id) as x\nfrom raw.vendors", 3),
    ],
    ids=["column", "table", "function"],
)
def test_what_only_the_database_sees(sql: Files, warehouse: Path, text: str, line: int) -> None:
    """What is wrong with a column, a table or a function is told with the file's own line."""
    found = load_models(SqlSources.at(sql(staging__a=text)))

    with (
        duckdb.connect(warehouse) as con,
        pytest.raises(BrokenSql, match=rf"a\.sql, line {line}: "),
    ):
        create_views(con, found)


def test_the_users_own(sql: Files, warehouse: Path) -> None:
    """The user's own are no views: what is wrong with them spoils nothing that is held."""
    root = sql(
        staging__vendors=VENDORS,
        custom__a="-- One row.\nselect * from read_csv('nowhere.csv')",
        custom__b="-- One row.\nselect * from staging.vendors",
    )
    with duckdb.connect(warehouse) as con:
        con.execute("begin")

        create_views(con, load_models(SqlSources.at(root)))

        con.execute("commit")
        made = "select schema_name, view_name from duckdb_views() where not internal"
        assert ("staging", "vendors") in con.execute(made).fetchall()
        assert not con.execute(f"{made} and schema_name = 'custom'").fetchall()
