"""How does a model become a table?"""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from p4books.errors import BrokenSql
from p4books.transform.build import build_custom_tables, build_tables
from p4books.transform.models import Model, ModelSet, SqlSources, load_models

Files = Callable[..., Path]

VENDORS = "-- One row per vendor.\nselect id as vendor_id, balance from raw.vendors"


@pytest.fixture
def con(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the warehouse and to an empty database in which the models are made."""
    with duckdb.connect() as con:
        con.execute(f"attach '{warehouse}' as warehouse (read_only)")
        con.execute("attach ':memory:' as made")
        yield con


def make(con: duckdb.DuckDBPyConnection, root: Path, *, is_last_try: bool = True) -> ModelSet:
    found = load_models(SqlSources.at(root))
    build_tables(con, found.models)
    return build_custom_tables(con, found, is_last_try=is_last_try)


def names(found: list[Model]) -> list[str]:
    return sorted(model.full for model in found)


def tables(con: duckdb.DuckDBPyConnection) -> list[str]:
    made = "select schema_name || '.' || table_name from duckdb_tables() where database_name='made'"
    return sorted(name for (name,) in con.execute(made).fetchall())


def test_from_tables(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """A model is made from the tables of those it reads: it is computed once for all of them."""
    root = sql(
        staging__vendors=VENDORS.replace("select", "select random() as lot,"),
        core__a="-- One row.\nselect * from staging.vendors",
        reporting__b="-- One row.\nselect * from core.a union all select * from staging.vendors",
        custom__c="-- One row.\nselect * from reporting.b",
    )

    found = make(con, root)

    lots = "select count(distinct lot), count(*) from made.custom.c"
    assert con.execute(lots).fetchall() == [(3, 6)]
    assert names(found.models) == tables(con)


def test_a_wide_house(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """However many read each other, each is made once, after all it reads."""
    layers = {f"staging__a{n:02}": VENDORS for n in range(20)}
    for n in range(20):
        reads = " union all ".join(f"select * from staging.a{m:02}" for m in range(n + 1))
        layers[f"core__b{n:02}"] = f"-- One row.\n{reads}"

    make(con, sql(**layers))

    assert len(tables(con)) == 40
    assert con.execute("select count(*) from made.core.b19").fetchall() == [(60,)]


def test_comments(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """A table says what its rows are, and its columns what they mean where that is known."""
    root = sql(staging__vendors=VENDORS, custom__mine=VENDORS)
    meanings = "column,meaning\nbalance,What we owe.\ncustom.mine.balance,'Mine'.\n"
    (root / "columns.csv").write_text(meanings)

    make(con, root)

    said = "select schema_name, column_name, comment from duckdb_columns()"
    assert con.execute(f"{said} where database_name = 'made' order by all").fetchall() == [
        ("custom", "balance", "'Mine'."),
        ("custom", "vendor_id", None),
        ("staging", "balance", "What we owe."),
        ("staging", "vendor_id", None),
    ]
    grains = con.execute("select comment from duckdb_tables() where database_name = 'made'")
    assert grains.fetchall() == [("One row per vendor.",)] * 2


def test_one_of_ours_that_fails(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """One of ours that can't be computed is named."""
    root = sql(staging__a=VENDORS, core__b="-- One row.\nselect 'x'::date\nfrom staging.a")

    with pytest.raises(BrokenSql, match=r"b\.sql, line 2: .*published file is unchanged"):
        make(con, root)


FAILING = {
    "value": ("select vendor_id::date\nfrom staging.vendors", 2),
    "column": ("select\n    nothing\nfrom staging.vendors", 3),
    "file": ("select *\nfrom read_csv('nowhere.csv')", 3),
    "raw table": ("select *\nfrom raw.nothing", 3),
    "doubled key": ("-- key: n\nselect 1 as n from staging.vendors", 2),
    "key with gaps": ("-- key: n\nselect null as n from staging.vendors limit 1", 2),
    "key of no column": ("-- key: m\nselect 1 as n", 2),
}


@pytest.mark.parametrize("case", FAILING)
def test_one_of_the_user_that_fails(con: duckdb.DuckDBPyConnection, sql: Files, case: str) -> None:
    """One of the user's own that fails is left out, and what reads it; all else is made."""
    text, line = FAILING[case]
    root = sql(
        staging__vendors=VENDORS,
        custom__failing=f"-- One row.\n{text}",
        custom__below="-- One row.\nselect *\nfrom custom.failing",
        custom__lowest="-- One row.\nselect * from custom.below",
        custom__whole="-- One row.\nselect * from staging.vendors",
    )

    found = make(con, root)

    assert tables(con) == names(found.models) == ["custom.whole", "staging.vendors"]
    where = [fault.where for fault in found.left_out]
    assert f"failing.sql, line {line}: " in where[0]
    assert "below.sql, line 3: it reads custom.failing, which is left out itself." in where[1]
    assert "lowest.sql, line 2: it reads custom.below, which is left out itself." in where[2]


def test_one_that_needs_too_much(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """One of the user's own that needs more memory than there is is left out in the last try."""
    con.execute("set memory_limit = '64MB'")
    root = sql(
        staging__vendors=VENDORS,
        custom__long="-- One row.\nselect repeat('x', 90_000_000) as text",
    )

    with pytest.raises(duckdb.OutOfMemoryException):
        make(con, root, is_last_try=False)
    con.execute("detach made")
    con.execute("attach ':memory:' as made")
    found = make(con, root)

    assert names(found.models) == ["staging.vendors"]
    assert "long.sql, line 1: Out of Memory" in found.left_out[0].where


def test_one_that_never_ends(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """A report of the user's own that takes too long is left out, and the next one is made."""
    root = sql(
        custom__endless="-- One row.\nselect count(*) as n from range(10000000000) as r, range(9)",
        custom__quick="-- One row.\nselect 1 as one",
    )
    found = load_models(SqlSources.at(root))
    build_tables(con, found.models)

    done = build_custom_tables(con, found, is_last_try=True, longest=0.2)

    assert names(done.models) == ["custom.quick"]
    (fault,) = done.left_out
    assert "endless.sql, line 1: it takes longer than the 0.2 s" in str(fault)


def test_one_that_cannot_be_sorted(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """A report of the user's own whose order names no column is left out: no export can fail."""
    root = sql(custom__a="-- One row.\n-- order: nothing desc\nselect 1 as one")

    done = make(con, root)

    assert names(done.models) == []
    assert "a.sql, line 2: it can't be sorted by nothing desc" in str(done.left_out[0])
