"""How does an answer become a file?"""

import csv
import json
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from p4books.errors import QueryFailed
from p4books.publish.export import QUERY_FORMATS, write_rows
from p4books.publish.query import execute_query, open_published

VALUES = {
    "amount": "1234567890123456.78::decimal(18, 2)",
    "whole": "170141183460469231731687303715884105::hugeint",
    "day": "date '2026-03-31'",
    "at": "timestamptz '2026-03-31T10:00:00.123456Z'",
    "word": "'Óptica \"Luz\", 😀'",
    "empty": "''",
    "nothing": "null::varchar",
    "listed": "[1.10::decimal(9, 2), null]",
    "struct": "{'a': 1.10::decimal(9, 2), 'b': ['x']}",
    "mapped": "map {'k': 2}",
}


@pytest.fixture
def con(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """A connection as `query` has it: shut off, and able to write nothing."""
    with duckdb.connect(tmp_path / "acme.duckdb") as made:
        made.execute("create table numbers as select i from range(300_000) as r (i)")
    return open_published(tmp_path / "acme.duckdb")


@pytest.fixture
def answer(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """One row with a value of every kind."""
    return execute_query(con, f"select {', '.join(f'{v} as {n}_' for n, v in VALUES.items())}")


def test_csv(answer: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """CSV has every digit, instants in UTC, and nested values as text; null is no empty text."""
    out = tmp_path / "answer.csv"

    write_rows(answer, out, "csv")

    text = out.read_text(encoding="utf-8")
    (row,) = csv.DictReader(text.splitlines())
    assert list(row.values()) == [
        "1234567890123456.78",
        "170141183460469231731687303715884105",
        "2026-03-31",
        "2026-03-31 10:00:00.123456+00",
        'Óptica "Luz", 😀',
        "",
        "",
        "[1.10, NULL]",
        "{'a': 1.10, 'b': [x]}",
        "{k=2}",
    ]
    assert ',"",,' in text


def test_parquet(answer: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Parquet gives back each value as it was, in a column of its type."""
    out = tmp_path / "answer.parquet"

    write_rows(answer, out, "parquet")

    with duckdb.connect() as reader:
        reader.execute("set TimeZone = 'UTC'")
        select = ", ".join(f"{value} as {name}_" for name, value in VALUES.items())
        wanted = reader.execute(f"select {select}").fetchall()
        assert reader.execute(f"from '{out}'").fetchall() == wanted
        types = dict(
            reader.execute(f"select column_name, column_type from (describe '{out}')").fetchall()
        )
    assert types["amount_"] == "DECIMAL(18,2)"
    assert types["at_"] == "TIMESTAMP WITH TIME ZONE"
    assert types["listed_"] == "DECIMAL(9,2)[]"


def test_json(answer: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """JSON has amounts as numbers with every digit, and nested values as they are."""
    out = tmp_path / "answer.json"

    write_rows(answer, out, "json")

    (row,) = json.loads(out.read_text(encoding="utf-8"), parse_float=Decimal)
    assert row["amount_"] == Decimal("1234567890123456.78")
    assert row["at_"] == "2026-03-31T10:00:00.123456Z"
    assert (row["empty_"], row["nothing_"]) == ("", None)
    assert row["struct_"] == {"a": Decimal("1.10"), "b": ["x"]}
    assert row["mapped_"] == {"k": 2}


@pytest.mark.parametrize("kind", QUERY_FORMATS)
def test_many_rows_in_their_order(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, kind: str
) -> None:
    """Rows handed over in many batches all come, in the order asked for."""
    out = tmp_path / f"answer.{kind}"

    write_rows(execute_query(con, "select i from numbers order by i desc"), out, kind)

    with duckdb.connect() as reader:
        found = reader.execute(f"select i from '{out}'").fetchall()
    assert found == [(number,) for number in reversed(range(300_000))]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_no_rows(con: duckdb.DuckDBPyConnection, tmp_path: Path, kind: str) -> None:
    """An answer without rows still has its columns."""
    out = tmp_path / f"answer.{kind}"

    write_rows(execute_query(con, "select i, i as j from numbers where false"), out, kind)

    with duckdb.connect() as reader:
        described = reader.execute(f"select column_name from (describe '{out}')").fetchall()
        assert described == [("i",), ("j",)]
        assert reader.execute(f"from '{out}'").fetchall() == []


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_two_columns_of_one_name(con: duckdb.DuckDBPyConnection, tmp_path: Path, kind: str) -> None:
    """Of two columns of one name the second gets another; none is lost."""
    out = tmp_path / f"answer.{kind}"

    write_rows(execute_query(con, "select 1 as a, 2 as a"), out, kind)

    with duckdb.connect() as reader:
        assert reader.execute(f"select a, a_1 from '{out}'").fetchall() == [(1, 2)]


@pytest.mark.parametrize("kind", QUERY_FORMATS)
def test_a_query_that_fails_on_its_way(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, kind: str
) -> None:
    """A row that can't be computed is told as a failure of the query, not of the disk."""
    answer = execute_query(
        con, "select if(i = 290_000, error('no such rate'), i) as i from numbers"
    )

    with pytest.raises(QueryFailed, match=r"to its end: .*(no such rate|be computed\.)$"):
        write_rows(answer, tmp_path / "answer", kind)
