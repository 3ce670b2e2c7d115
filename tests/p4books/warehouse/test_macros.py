"""SQL macros, in the warehouse and in what is published from it."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from p4books.warehouse import models, views
from p4books.warehouse.errors import BrokenSql
from p4books.warehouse.models import Sources

Files = Callable[..., Path]

MACROS = """-- A comment; with a semicolon.
create macro twice(amount) as 2 * amount;

create macro known(list) as table
    select * from query_table(list) where one is not null;
"""
MODEL = """-- One row.
with numbers as (select 1 as one union all select null)
select twice(one) as two from known(numbers)"""


@pytest.fixture
def root(sql: Files) -> Path:
    """A folder with two macros, and a model that uses both."""
    root = sql(staging__two=MODEL)
    (root / "macros.sql").write_text(MACROS, encoding="utf-8")
    return root


def build(warehouse: Path, root: Path) -> None:
    with duckdb.connect(warehouse) as con:
        views.build(con, models.read(Sources.at(root)))


def test_views_use_macros(warehouse: Path, root: Path) -> None:
    """A view that uses macros can be queried by anyone who opens the warehouse."""
    build(warehouse, root)

    with duckdb.connect(warehouse, read_only=True) as con:
        assert con.execute("from staging.two").fetchall() == [(2,)]


def test_published_tables_use_macros(warehouse: Path, root: Path, publish_models: Files) -> None:
    """The published file holds what the macros computed, and no macro."""
    build(warehouse, root)

    published = publish_models(staging__two=MODEL)

    with duckdb.connect(published, read_only=True) as con:
        assert con.execute("from staging.two").fetchall() == [(2,)]
        assert con.execute(
            "select count(*) from duckdb_functions() where not internal"
        ).fetchone() == (0,)


def test_a_removed_macro_is_gone(warehouse: Path, root: Path) -> None:
    """A macro that is no longer in the file is dropped, so that no model goes on using it."""
    build(warehouse, root)
    (root / "macros.sql").write_text("create macro thrice(amount) as 3 * amount;")

    with pytest.raises(BrokenSql, match=r"two\.sql, line 3: .*(twice|known)"):
        build(warehouse, root)


BROKEN = {
    "syntax": ("create macro half(amount) as amount / ;", 3),
    "unknown function": ("create macro half(amount) as\n    divide_by_two(amount);", 4),
    "unknown column": ("create macro half(amount) as\n\n    amount / two;", 5),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_macro_is_reported(warehouse: Path, root: Path, case: str) -> None:
    """File and line are named, as of any broken SQL file."""
    text, line = BROKEN[case]
    file = root / "macros.sql"
    file.write_text(f"create macro twice(amount) as 2 * amount;\n\n{text}\n", encoding="utf-8")

    with pytest.raises(BrokenSql) as caught:
        build(warehouse, root)

    assert str(caught.value).startswith(f"{file}, line {line}: ")


def test_an_unreadable_file_is_reported(warehouse: Path, root: Path) -> None:
    """A file that is not UTF-8 is named."""
    (root / "macros.sql").write_bytes(b"-- \xff")

    with pytest.raises(BrokenSql, match=r"macros\.sql, line 1: "):
        build(warehouse, root)


def test_a_change_of_a_macro_republishes(root: Path) -> None:
    """The digest of the SQL changes with the macros."""
    before = Sources.at(root).digest()
    (root / "macros.sql").write_text(MACROS.replace("2 *", "3 *"), encoding="utf-8")

    assert Sources.at(root).digest() != before
