"""Checks of keys and sums."""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from p4books.errors import BrokenSql, CheckFailed
from p4books.transform.checks import run_checks
from p4books.transform.models import Model, SqlSources, load_models

Connection = duckdb.DuckDBPyConnection
Files = Callable[..., Path]

KEYED = """-- One row per line of a sale.
-- question: Which?
-- key: sale_id, line_number
select 1 as one"""


@pytest.fixture
def sales() -> Iterator[Connection]:
    """A database with a table of sales, as a model would build it."""
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as published")
        for layer in ("staging", "core", "reporting", "custom"):
            con.execute(f"create schema published.{layer}")
        con.execute("use published")
        con.execute("create table core.sales (sale_id text, line_number int, net decimal(18, 2))")
        yield con


def model(sql: Files, text: str = KEYED) -> Model:
    return load_models(SqlSources.at(sql(core__sales=text))).models[0]


def check(sql: Files, text: str) -> list[Path]:
    return [sql(checks__sums_agree=text) / "checks" / "sums_agree.sql"]


def test_checks_pass(sales: Connection, sql: Files) -> None:
    """A check without rows and a key that identifies the rows pass."""
    sales.execute("insert into core.sales values ('1', 1, 10), ('1', 2, 10), ('2', 1, 10)")

    run_checks(sales, [model(sql)], check(sql, "select * from core.sales where net < 0;\n"))


def test_failed_check(sales: Connection, sql: Files) -> None:
    """A failed check says its claim, how many rows contradict it, and shows them."""
    sales.execute("insert into core.sales values ('1', 1, -0.10), ('2', 1, 5)")
    text = "-- Why.\nselect sale_id, net, null as seen\nfrom core.sales\nwhere net < 0 -- so"

    with pytest.raises(CheckFailed) as caught:
        run_checks(sales, [], check(sql, text))

    assert str(caught.value).startswith(
        "The check `sums agree` failed: 1 row contradicts it. Nothing was published; "
        "any earlier file is unchanged.\n- sale_id: 1, net: -0.10, seen: None\nThe figures"
    )


def test_failed_check_with_many_rows(sales: Connection, sql: Files) -> None:
    """Ten rows are shown in the order of the check; the others are counted."""
    sales.execute("insert into core.sales select i, 1, -i from range(1, 1235) as _(i)")

    with pytest.raises(CheckFailed, match="failed: 1,234 rows contradict it") as caught:
        run_checks(sales, [], check(sql, "select net from core.sales order by net desc"))

    shown = [line for line in str(caught.value).splitlines() if line.startswith("- ")]
    assert shown[0] == "- net: -1.00"
    assert shown[9:] == ["- net: -10.00", "- and 1,224 more"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("-- Why.\nselect *\nfrom core.sale", 3),
        ("selec 1", 1),
        ("select net,\n    nothing\nfrom core.sales", 2),
        ("\n\nselect net::text::date from core.sales", 3),
    ],
    ids=["table", "not SQL", "column", "value"],
)
def test_broken_check(sales: Connection, sql: Files, text: str, line: int) -> None:
    """A check that cannot be run is reported with its line, as any other SQL."""
    sales.execute("insert into core.sales values ('1', 1, 1)")

    with pytest.raises(BrokenSql, match=rf"sums_agree\.sql, line {line}: "):
        run_checks(sales, [], check(sql, text))


def test_check_in_another_encoding(sales: Connection, sql: Files) -> None:
    """A check that is not UTF-8 is reported."""
    (file,) = check(sql, "")
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(BrokenSql, match=r"sums_agree\.sql, line 1: .*utf-8"):
        run_checks(sales, [], [file])


def test_repeated_key(sales: Connection, sql: Files) -> None:
    """Rows with the same key are shown by their key."""
    sales.execute("insert into core.sales values ('1', 1, 10), ('1', 1, 20), ('2', 1, 10)")

    with pytest.raises(CheckFailed) as caught:
        run_checks(sales, [model(sql)], [])

    assert "`core.sales has one row per sale_id, line_number` failed: 1 row" in str(caught.value)
    assert "\n- sale_id: 1, line_number: 1, rows: 2\n" in str(caught.value)


def test_null_in_a_key(sales: Connection, sql: Files) -> None:
    """A row without a part of its key is shown."""
    sales.execute("insert into core.sales values ('1', null, 10), ('2', 1, 10)")

    with pytest.raises(CheckFailed, match="has no row without sale_id, line_number` failed: 1 row"):
        run_checks(sales, [model(sql)], [])


def test_unknown_column_in_a_key(sales: Connection, sql: Files) -> None:
    """A key that names an unknown column is reported with the line of the header."""
    text = KEYED.replace("line_number", "line")

    with pytest.raises(BrokenSql, match=r"sales\.sql, line 3: its key names line, which is not"):
        run_checks(sales, [model(sql, text)], [])


@pytest.mark.parametrize(
    "header", ["", "-- key: sale_id\n-- published: no\n"], ids=["no key", "not published"]
)
def test_models_whose_key_is_not_checked(sales: Connection, sql: Files, header: str) -> None:
    """Without a key there is nothing to check; a model that is not published has no table."""
    sales.execute("insert into core.sales values (null, null, 1), (null, null, 1)")

    run_checks(sales, [model(sql, f"-- One row.\n{header}select 1 as one")], [])


def test_check_without_enough_memory(sales: Connection, sql: Files) -> None:
    """A check that runs out of memory is not broken: it is tried again with more."""
    sales.execute("set memory_limit = '10MB'; set temp_directory = ''")

    with pytest.raises(duckdb.OutOfMemoryException):
        run_checks(sales, [], check(sql, "select list(x) as xs from range(5_000_000) as r (x)"))
