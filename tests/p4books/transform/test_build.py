"""Building views, macros and tables, and running checks."""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from p4books.errors import BrokenSql
from p4books.transform.build import (
    build_custom_tables,
    build_tables,
    create_views,
)
from p4books.transform.inputs import use_inputs
from p4books.transform.models import Model, ModelSet, SqlSources, load_models

Connection = duckdb.DuckDBPyConnection
Files = Callable[..., Path]

VENDORS = "-- One row per vendor.\nselect id as vendor_id, balance from raw.vendors"


def rebuild_views(warehouse: Path, root: Path) -> None:
    with duckdb.connect(warehouse) as con:
        create_views(con, load_models(SqlSources.at(root)))


def test_views_are_replaced(sql: Files, warehouse: Path) -> None:
    """The views have their grain as comment; a view whose file is gone is dropped."""
    root = sql(staging__vendors=VENDORS, core__old="-- One row.\nselect 1 as one")
    rebuild_views(warehouse, root)
    (root / "core" / "old.sql").unlink()
    sql(staging__vendors=VENDORS.replace("vendor.", "vendor's id."))
    rebuild_views(warehouse, root)

    with duckdb.connect(warehouse, read_only=True) as con:
        views = con.execute(
            "select schema_name, view_name, comment from duckdb_views()"
            " where schema_name in ('staging', 'core')"
        ).fetchall()
        rows = con.execute("select count(*) from staging.vendors").fetchall()

    assert views == [("staging", "vendors", "One row per vendor's id.")]
    assert rows == [(3,)]


@pytest.mark.parametrize("ending", ["", ";", ";\n\n", "\n-- the end", " ; \n"])
def test_endings_of_files(sql: Files, warehouse: Path, ending: str) -> None:
    """A semicolon, a comment or blank lines may follow the query."""
    rebuild_views(warehouse, sql(staging__vendors=VENDORS + ending))

    with duckdb.connect(warehouse, read_only=True) as con:
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
def test_unknown_names_in_a_view(sql: Files, warehouse: Path, text: str, line: int) -> None:
    """An unknown column, table or function is reported with the line of the file."""
    root = sql(staging__a=text)

    with pytest.raises(BrokenSql, match=rf"a\.sql, line {line}: "):
        rebuild_views(warehouse, root)


def test_custom_models_are_not_views(sql: Files, warehouse: Path) -> None:
    """A broken custom model cannot abort the transaction in which the views are built."""
    root = sql(
        staging__vendors=VENDORS,
        custom__a="-- One row.\nselect * from read_csv('nowhere.csv')",
        custom__b="-- One row.\nselect * from staging.vendors",
    )
    with duckdb.connect(warehouse) as con:
        con.execute("begin")

        create_views(con, load_models(SqlSources.at(root)))

        con.execute("commit")
        views = "select schema_name, view_name from duckdb_views() where not internal"
        assert ("staging", "vendors") in con.execute(views).fetchall()
        assert not con.execute(f"{views} and schema_name = 'custom'").fetchall()


MACROS = """-- A comment; with a semicolon.
create macro twice(amount) as 2 * amount;

create macro known(list) as table
    select * from query_table(list) where one is not null;
"""
TWO = """-- One row.
with numbers as (select 1 as one union all select null)
select twice(one) as two from known(numbers)"""


@pytest.fixture
def macros(sql: Files) -> Path:
    """A folder with two macros, and a model that uses both."""
    root = sql(staging__two=TWO)
    (root / "macros.sql").write_text(MACROS, encoding="utf-8")
    return root


def test_views_use_macros(warehouse: Path, macros: Path) -> None:
    """A view that uses macros can be queried by everyone who opens the warehouse."""
    rebuild_views(warehouse, macros)

    with duckdb.connect(warehouse, read_only=True) as con:
        assert con.execute("from staging.two").fetchall() == [(2,)]


def test_published_tables_use_macros(warehouse: Path, macros: Path, publish_models: Files) -> None:
    """The published file has what the macros computed, and no macro."""
    rebuild_views(warehouse, macros)

    published = publish_models(staging__two=TWO)

    with duckdb.connect(published, read_only=True) as con:
        assert con.execute("from staging.two").fetchall() == [(2,)]
        assert con.execute(
            "select count(*) from duckdb_functions() where not internal"
        ).fetchone() == (0,)


def test_removed_macros_are_dropped(warehouse: Path, macros: Path) -> None:
    """A macro that is no longer in the file is dropped, so that no model goes on using it."""
    rebuild_views(warehouse, macros)
    (macros / "macros.sql").write_text("create macro thrice(amount) as 3 * amount;")

    with pytest.raises(BrokenSql, match=r"two\.sql, line 3: .*(twice|known)"):
        rebuild_views(warehouse, macros)


BROKEN_MACROS = {
    "syntax": ("create macro half(amount) as amount / ;", 3),
    "unknown function": ("create macro half(amount) as\n    divide_by_two(amount);", 4),
    "unknown column": ("create macro half(amount) as\n\n    amount / two;", 5),
}


@pytest.mark.parametrize("case", BROKEN_MACROS)
def test_broken_macro(warehouse: Path, macros: Path, case: str) -> None:
    """A broken macro is reported with file and line, as any other SQL."""
    text, line = BROKEN_MACROS[case]
    file = macros / "macros.sql"
    file.write_text(f"create macro twice(amount) as 2 * amount;\n\n{text}\n", encoding="utf-8")

    with pytest.raises(BrokenSql) as caught:
        rebuild_views(warehouse, macros)

    assert str(caught.value).startswith(f"{file}, line {line}: ")


def test_macros_in_another_encoding(warehouse: Path, macros: Path) -> None:
    """A file of macros that is not UTF-8 is reported."""
    (macros / "macros.sql").write_bytes(b"-- \xff")

    with pytest.raises(BrokenSql, match=r"macros\.sql, line 1: "):
        rebuild_views(warehouse, macros)


@pytest.fixture
def target(warehouse: Path) -> Iterator[Connection]:
    """A connection to the warehouse and to an empty database for the tables."""
    with duckdb.connect() as con:
        con.execute(f"attach '{warehouse}' as warehouse (read_only)")
        con.execute("attach ':memory:' as published")
        use_inputs(con)
        yield con


def build(con: Connection, root: Path, *, is_last_try: bool = True) -> ModelSet:
    models = load_models(SqlSources.at(root))
    build_tables(con, models)
    return build_custom_tables(con, models, is_last_try=is_last_try)


def names(models: list[Model]) -> list[str]:
    return sorted(model.full_name for model in models)


def tables(con: Connection) -> list[str]:
    query = (
        "select schema_name || '.' || table_name from duckdb_tables()"
        " where database_name = 'published'"
    )
    return sorted(name for (name,) in con.execute(query).fetchall())


def test_models_are_computed_once(target: Connection, sql: Files) -> None:
    """A model reads the tables of those it reads, which are computed once for all of them."""
    root = sql(
        staging__vendors=VENDORS.replace("select", "select random() as lot,"),
        core__a="-- One row.\nselect * from staging.vendors",
        reporting__b="-- One row.\nselect * from core.a union all select * from staging.vendors",
        custom__c="-- One row.\nselect * from reporting.b",
    )

    built = build(target, root)

    lots = "select count(distinct lot), count(*) from published.custom.c"
    assert target.execute(lots).fetchall() == [(3, 6)]
    assert names(built.models) == tables(target)


def test_many_models(target: Connection, sql: Files) -> None:
    """However many models read each other, each is built once, after all it reads."""
    layers = {f"staging__a{n:02}": VENDORS for n in range(20)}
    for n in range(20):
        reads = " union all ".join(f"select * from staging.a{m:02}" for m in range(n + 1))
        layers[f"core__b{n:02}"] = f"-- One row.\n{reads}"

    build(target, sql(**layers))

    assert len(tables(target)) == 40
    assert target.execute("select count(*) from published.core.b19").fetchall() == [(60,)]


UNREADABLE = {
    "table of the warehouse": "select * from raw.vendors",
    "macro of tables": "from two()",
    "lambda": "select more(1) as x",
    "field of a parameter": "select field_of({'x': 1}) as x",
    "default": "select plus(1) as x",
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_view_that_readers_could_not_read(target: Connection, sql: Files, case: str) -> None:
    """A published view must do without `raw`, and macros must mean the same written out."""
    root = sql(core__a=f"-- One row.\n-- published: view\n{UNREADABLE[case]}")
    (root / "macros.sql").write_text(
        "create macro two() as table select 2 as x; create macro field_of(t) as t.x;"
        "create macro more(a) as list_transform([1], lambda x: x + a)[1];"
        "create macro plus(a, b := 1) as a + b;"
    )

    with pytest.raises(BrokenSql, match=r"a\.sql, line "):
        build_tables(target, load_models(SqlSources.at(root)))


def test_macros_of_a_view_are_written_out(target: Connection, sql: Files) -> None:
    """Macros that call macros become part of a published view, whatever their arguments."""
    root = sql(
        core__t="-- One row.\nselect 1 as a, 10 as b",
        core__v="""-- One row.
-- published: view
with t as (select * from core.t)
select less(a, b) as x, less(less(b, a), less(1, b) * 2) as y, list_transform([b], a -> a + 1) as z
from t where less(b, t.a) = 9 qualify less(row_number() over (order by b), a) = 0""",
    )
    macros = "create macro opposite(a) as -a; create macro less(a, b) as a + opposite(b);"
    (root / "macros.sql").write_text(macros)

    build(target, root)
    target.execute("drop macro less; drop macro opposite")

    assert target.execute("from published.core.v").fetchall() == [(-9, 27, [11])]


@pytest.mark.parametrize("layer", ["reporting", "custom"])
@pytest.mark.parametrize("ending", ["", ";", "\n-- the end"])
def test_rows_are_in_order(target: Connection, sql: Files, layer: str, ending: str) -> None:
    """The rows of a table are stored in its order, then by its key, without any ORDER BY."""
    header = "-- One row per n.\n-- key: n\n-- section: Trust\n-- order: n % 7 desc"
    query = "select hash(range) % 90_000 as lot, range as n from range(150_000) order by lot"
    target.execute("set preserve_insertion_order = false")  # as when a file is published

    build(target, sql(**{f"{layer}__a": f"{header}\n{query}{ending}"}))

    target.execute("reset preserve_insertion_order")
    stored = target.execute(f"select n % 7, n from published.{layer}.a").fetchall()
    assert len(stored) == 150_000
    assert stored == sorted(stored, key=lambda row: (-row[0], row[1]))


def test_comments(target: Connection, sql: Files) -> None:
    """A table has its grain as comment, and its columns their meanings as far as known."""
    root = sql(staging__vendors=VENDORS, custom__mine=VENDORS)
    meanings = "column,meaning\nbalance,What we owe.\ncustom.mine.balance,'Mine'.\n"
    (root / "columns.csv").write_text(meanings)

    build(target, root)

    of_columns = (
        "select schema_name, column_name, comment from duckdb_columns()"
        " where database_name = 'published' order by all"
    )
    assert target.execute(of_columns).fetchall() == [
        ("custom", "balance", "'Mine'."),
        ("custom", "vendor_id", None),
        ("staging", "balance", "What we owe."),
        ("staging", "vendor_id", None),
    ]
    of_tables = "select comment from duckdb_tables() where database_name = 'published'"
    assert target.execute(of_tables).fetchall() == [("One row per vendor.",)] * 2


def test_failing_builtin_model(target: Connection, sql: Files) -> None:
    """A built-in model that cannot be computed is an error."""
    root = sql(staging__a=VENDORS, core__b="-- One row.\nselect 'x'::date\nfrom staging.a")

    with pytest.raises(BrokenSql, match=r"b\.sql, line 2: .*published file is unchanged"):
        build(target, root)


FAILING = {
    "value": ("select vendor_id::date\nfrom staging.vendors", 2, "Conversion Error"),
    "column": ("select\n    nothing\nfrom staging.vendors", 3, "nothing"),
    "file": ("select *\nfrom read_csv('nowhere.csv')", 3, "nowhere.csv"),
    "raw table": ("select *\nfrom raw.nothing", 3, "nothing does not exist"),
    "repeated key": ("-- key: n\nselect 1 as n from staging.vendors", 2, "has one row per n"),
    "null in the key": ("-- key: n\nselect null as n", 2, "has no row without n: 1 row"),
    "unknown key": ("-- key: m\nselect 1 as n", 2, "its key names m"),
    "unknown order": ("-- order: x desc\nselect 1 as n", 2, "it cannot be sorted by x desc"),
    "no day": (
        "-- period: n\nselect 1 as n",
        2,
        "period names n, which is not a column of days or instants",
    ),
    "no amount": (
        "-- total: a, n\nselect 1.00::decimal(9, 2) as a, 1 as n",
        2,
        "total names n, which is not a column of amounts (decimals with cents)",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_failing_custom_model(target: Connection, sql: Files, case: str) -> None:
    """A failing custom model is left out, and so is what reads it; all others are built."""
    text, line, why = FAILING[case]
    root = sql(
        staging__vendors=VENDORS,
        custom__failing=f"-- One row.\n{text}",
        custom__below="-- One row.\nselect *\nfrom custom.failing",
        custom__lowest="-- One row.\nselect * from custom.below",
        custom__whole="-- One row.\nselect * from staging.vendors",
    )

    built = build(target, root)

    assert tables(target) == names(built.models) == ["custom.whole", "staging.vendors"]
    errors = [error.where for error in built.left_out]
    assert f"failing.sql, line {line}: " in errors[0]
    assert why in errors[0]
    assert "below.sql, line 3: it reads custom.failing, which was left out." in errors[1]
    assert "lowest.sql, line 2: it reads custom.below, which was left out." in errors[2]


def test_custom_model_without_enough_memory(target: Connection, sql: Files) -> None:
    """A custom model that runs out of memory is left out in the last try only."""
    target.execute("set memory_limit = '32MB'")
    root = sql(
        staging__vendors=VENDORS,
        custom__long="-- One row.\nselect repeat('x', 40_000_000) as text",
    )

    with pytest.raises(duckdb.OutOfMemoryException):
        build(target, root, is_last_try=False)
    target.execute("detach published")
    target.execute("attach ':memory:' as published")
    built = build(target, root)

    assert names(built.models) == ["staging.vendors"]
    assert "long.sql, line 1: Out of Memory" in built.left_out[0].where


def test_endless_custom_model(target: Connection, sql: Files) -> None:
    """A custom model that takes too long is left out, and the next one is built."""
    root = sql(
        custom__endless="-- One row.\nselect count(*) as n from range(10000000000) as r, range(9)",
        custom__quick="-- One row.\nselect 1 as one",
    )
    models = load_models(SqlSources.at(root))
    build_tables(target, models)

    built = build_custom_tables(target, models, is_last_try=True, timeout=0.2)

    assert names(built.models) == ["custom.quick"]
    (error,) = built.left_out
    assert "endless.sql, line 1: it did not finish within 0.2 s." in str(error)
