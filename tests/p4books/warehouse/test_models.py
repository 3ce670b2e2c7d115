"""What do the SQL files say?"""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from p4books.warehouse import models, views
from p4books.warehouse.errors import BrokenSql
from p4books.warehouse.models import Sources

Files = Callable[..., Path]

VENDORS = "-- One row per vendor.\nselect id as vendor_id from raw.vendors\n"


def test_ours() -> None:
    """The views of this project are found, sound and in order, each with its grain."""
    found = models.read(Sources.at()).models

    placed = {model.full: place for place, model in enumerate(found)}
    assert placed["staging.invoices_history"] < placed["staging.invoices"]
    for model in found:
        assert model.grain.startswith("One row"), model.full
        assert all(placed[read] < placed[model.full] for read in model.reads if read in placed)


def test_order(sql: Files) -> None:
    """A view comes after those it reads, whatever their names and however it reads them."""
    root = sql(
        staging__z="-- One row.\nselect 1 as one",
        staging__b="-- One row.\nwith a as (select * from staging.c) select * from a",
        staging__c='-- One row.\nselect (select max(one) from "staging"."z") as one',
        core__a="-- One row.\nselect * from STAGING.B where one in (from staging.z)",
        reporting__a="-- One row.\nselect * from core.a",
    )

    found = models.read(Sources.at(root)).models

    names = [model.full for model in found]
    assert names == ["staging.z", "staging.c", "staging.b", "core.a", "reporting.a"]
    assert found[3].reads == {"staging.b", "staging.z"}


def test_build(sql: Files, warehouse: Path) -> None:
    """The views are made with their grain as comment, and made anew without what is gone."""
    first = sql(staging__vendors=VENDORS, core__old="-- One row.\nselect 1 as one")
    with duckdb.connect(warehouse) as con:
        views.build(con, models.read(Sources.at(first)))
        (first / "core" / "old.sql").unlink()
        sql(staging__vendors=VENDORS.replace("vendor.", "vendor's id."))
        views.build(con, models.read(Sources.at(first)))

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
        views.build(con, models.read(Sources.at(root)))
        assert con.execute("select count(*) from staging.vendors").fetchall() == [(3,)]


BROKEN = {
    "no grain": ("select 1 as one", 1, "the first line is not the grain"),
    "two statements": ("-- One row.\nselect 1; select 2", 1, "the file is not one select"),
    "no statement": ("-- One row.\n", 1, "the file is not one select"),
    "no select": ("-- One row.\ndrop table raw.vendors", 1, "the file is not one select"),
    "a copy": ("-- One row.\ncopy raw.vendors to 'x.csv'", 1, "the file is not one select"),
    "not sql": ("-- One row.\nselect 1 as one\nfrom (select 2", 3, "near"),
    "open quote": ("-- One row.\nselect 'one", 1, ""),
    "no relation": (
        "-- One row.\nselect *\nfrom staging.nothing",
        3,
        "there is no staging.nothing",
    ),
    "no layer": ("-- One row.\nselect *\n\nfrom mart.thing", 4, "there is no layer mart"),
    "higher": ("-- One row.\nselect *\nfrom core.fine", 3, "it reads core.fine, of a higher layer"),
    "itself": ("-- One row.\nselect * from staging.broken", 1, "a circle: staging.broken"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken(sql: Files, case: str) -> None:
    """A file that can't be a view is named, with the line and the reason."""
    text, line, why = BROKEN[case]
    root = sql(core__fine="-- One row.\nselect 1 as one", staging__broken=text)

    with pytest.raises(BrokenSql) as caught:
        models.read(Sources.at(root))

    assert str(caught.value).startswith(f"{root / 'staging' / 'broken.sql'}, line {line}: ")
    assert why in str(caught.value)


def test_circle(sql: Files) -> None:
    """Views that read each other are told as a circle."""
    root = sql(
        staging__a="-- One row.\nselect * from staging.b",
        staging__b="-- One row.\nselect * from staging.c",
        staging__c="-- One row.\nselect * from staging.a",
    )

    with pytest.raises(BrokenSql, match=r"staging/[abc]\.sql, line 1: a circle: staging\..* → "):
        models.read(Sources.at(root))


def test_not_text(sql: Files) -> None:
    """A file that is not UTF-8 is named."""
    root = sql(staging__a="")
    (root / "staging" / "a.sql").write_bytes(b"-- \xff\xfe")

    with pytest.raises(BrokenSql, match=r"a\.sql, line 1: .*utf-8"):
        models.read(Sources.at(root))


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
    found = models.read(Sources.at(sql(staging__a=text)))

    with (
        duckdb.connect(warehouse) as con,
        pytest.raises(BrokenSql, match=rf"a\.sql, line {line}: "),
    ):
        views.build(con, found)


def test_digest(sql: Files) -> None:
    """The digest tells any change of any file, its name included, and nothing else."""
    root = sql(staging__a="-- One row.\nselect 1", core__b="-- One row.\nselect 2")
    first = Sources.at(root).digest()
    (root / "notes.txt").write_text("none")
    same = Sources.at(root).digest()
    (root / "core" / "b.sql").rename(root / "core" / "c.sql")
    renamed = Sources.at(root).digest()
    sql(staging__a="-- One row.\nselect 3")

    assert first == same
    assert len({first, renamed, Sources.at(root).digest()}) == 3
