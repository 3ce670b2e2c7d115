"""Do the models agree with the rows?"""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from p4books.errors import BrokenSql, CheckFailed
from p4books.transform.build import run_checks
from p4books.transform.models import Model, SqlSources, load_models

Files = Callable[..., Path]

KEYED = "-- One row per sale.\n-- order: net\n-- key: sale_id, line_number\nselect 1 as one"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with a table of sales, made as a model would be."""
    with duckdb.connect() as con:
        con.execute("create schema core")
        con.execute("create table core.sales (sale_id text, line_number int, net decimal(18, 2))")
        yield con


def model(sql: Files, text: str = KEYED) -> Model:
    return load_models(SqlSources.at(sql(core__sales=text))).models[0]


def claim(sql: Files, text: str, name: str = "sums_agree") -> list[Path]:
    return [sql(**{f"checks__{name}": text}) / "checks" / f"{name}.sql"]


def test_nothing_contradicts(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """Checks that return no rows, and keys that tell rows apart, pass."""
    con.execute("insert into core.sales values ('1', 1, 10), ('1', 2, 10), ('2', 1, 10)")

    run_checks(con, [model(sql)], claim(sql, "select * from core.sales where net < 0;\n"))


def test_what_contradicts(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """A check that fails says its claim, how many rows contradict it, and shows the row."""
    con.execute("insert into core.sales values ('1', 1, -0.10), ('2', 1, 5)")
    text = "-- Why.\nselect sale_id, net, null as seen\nfrom core.sales\nwhere net < 0 -- so"

    with pytest.raises(CheckFailed) as caught:
        run_checks(con, [], claim(sql, text))

    assert str(caught.value).startswith(
        "The check `sums agree` found 1 row that contradicts it. Nothing was published; the "
        "last published file is unchanged.\n- sale_id: 1, net: -0.10, seen: None\nThe figures"
    )


def test_many_rows(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """Of many rows ten are shown, in the order of the check, and the others counted."""
    con.execute("insert into core.sales select i, 1, -i from range(1, 1235) as _(i)")

    with pytest.raises(CheckFailed, match="found 1,234 rows that contradict it") as caught:
        run_checks(con, [], claim(sql, "select net from core.sales order by net desc"))

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
    ids=["relation", "not sql", "column", "value"],
)
def test_a_check_that_is_broken(
    con: duckdb.DuckDBPyConnection, sql: Files, text: str, line: int
) -> None:
    """A check that can't be made is named, with its line, as any file of SQL."""
    con.execute("insert into core.sales values ('1', 1, 1)")

    with pytest.raises(BrokenSql, match=rf"sums_agree\.sql, line {line}: "):
        run_checks(con, [], claim(sql, text))


def test_a_check_that_is_no_text(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """A check that is not UTF-8 is named."""
    (file,) = claim(sql, "")
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(BrokenSql, match=r"sums_agree\.sql, line 1: .*utf-8"):
        run_checks(con, [], [file])


def test_a_key_that_tells_nothing_apart(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """Two rows with one key are shown, by their key."""
    con.execute("insert into core.sales values ('1', 1, 10), ('1', 1, 20), ('2', 1, 10)")

    with pytest.raises(CheckFailed) as caught:
        run_checks(con, [model(sql)], [])

    assert "`core.sales has one row per sale_id, line_number` found 1 row" in str(caught.value)
    assert "\n- sale_id: 1, line_number: 1, rows: 2\n" in str(caught.value)


def test_a_key_with_a_gap(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """A row without a part of its key is shown."""
    con.execute("insert into core.sales values ('1', null, 10), ('2', 1, 10)")

    with pytest.raises(CheckFailed, match="has no row without sale_id, line_number` found 1 row"):
        run_checks(con, [model(sql)], [])


def test_a_key_of_no_column(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """A key that names a column which is not there is named, with the line it stands on."""
    text = KEYED.replace("line_number", "line")

    with pytest.raises(BrokenSql, match=r"sales\.sql, line 3: it has no column line, which its"):
        run_checks(con, [model(sql, text)], [])


def test_no_key(con: duckdb.DuckDBPyConnection, sql: Files) -> None:
    """Of a model that names no key nothing is claimed."""
    con.execute("insert into core.sales values (null, null, 1), (null, null, 1)")

    run_checks(con, [model(sql, "-- One row.\nselect 1 as one")], [])
