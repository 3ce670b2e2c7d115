"""The user's own tables: their types, and what cannot be read."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from p4books.transform.inputs import use_inputs
from p4books.transform.user_tables import load_user_tables


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the schemas of the inputs, which all tests share."""
    with duckdb.connect() as con:
        con.execute("attach ':memory:' as warehouse; create schema warehouse.raw")
        use_inputs(con)
        yield con


class Table:
    """A CSV file in a folder of its own, and the table that it becomes."""

    def __init__(self, con: duckdb.DuckDBPyConnection, file: Path) -> None:
        self.con = con
        self.file = file
        self.hints: list[str] | None = None

    def load(self, content: str | bytes, name: str = "mine.csv") -> str:
        """Write and load the file; return why it was left out, empty if it was not."""
        file = self.file.with_name(name)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        found = load_user_tables(self.con, [file])
        self.hints, left_out = found.hints.get("seeds.mine"), found.left_out
        assert set(left_out) <= {f"seeds.{file.stem}"}
        return "".join(error.where.rpartition("/")[2] for error in left_out.values())

    def types(self) -> list[str]:
        """Return the types of the columns."""
        described = self.con.execute("describe memory.seeds.mine").fetchall()
        return [kind for _, kind, *_ in described]

    def query(self, sql: str = "from memory.seeds.mine") -> list[tuple[Any, ...]]:
        """Return what a query finds."""
        return self.con.execute(sql).fetchall()


@pytest.fixture
def table(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Table:
    """A table without a file yet."""
    return Table(connection, tmp_path / "mine.csv")


ROWS = [(date(2026, 1, 1), Decimal("1000.50")), (date(2026, 2, 1), None)]
PLAIN = "month_on,target\n2026-01-01,1000.50\n2026-02-01,\n"
ACCEPTED: dict[str, str | bytes] = {
    "plain": PLAIN,
    "no final newline": PLAIN.strip(),
    "windows": PLAIN.replace("\n", "\r\n"),
    "old Mac": PLAIN.replace("\n", "\r"),
    "byte order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "semicolons": PLAIN.replace(",", ";"),
    "tabs": PLAIN.replace(",", "\t"),
    "quotes": '"month_on","target"\n"2026-01-01","1000.50"\n"2026-02-01",""\n',
    "spaces and blank lines": " month_on , target\n\n 2026-01-01, 1000.50\n,\n2026-02-01, \n",
    "empty columns at the end": PLAIN.replace("\n", ",,\n"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted_files(table: Table, case: str) -> None:
    """A table is the same in every form in which a spreadsheet or an editor saves it."""
    assert table.load(ACCEPTED[case]) == ""

    assert table.types() == ["DATE", "DECIMAL(18,2)"]
    assert table.query() == ROWS


TYPES = {
    "BIGINT": ["0", "-7", "999999999999999999"],
    "DECIMAL(18,2)": ["1", "-0.5", "9999999999999999.99"],
    "DECIMAL(18,6)": ["1", "0.125", "-999999999999.999999"],
    "DATE": ["2026-02-28", "0202-01-01"],
    "TIMESTAMP": ["2026-02-28 10:00", "2026-02-28T23:59:59.999999"],
    "BOOLEAN": ["true", "FALSE"],
}
TEXTS = [
    *(
        "007",
        "1,000",
        "1.000,50",
        "1_000",
        "$5",
        "7%",
        "1e3",
        "+5",
        ".5",
        "5.",
        "10000000000000000",
    ),
    *("0.1234567", "01/02/2026", "2026-2-1", "2026-02-30", "2026-02", "10:00", "yes", "1 000"),
    *("99999999999999999999", "NaN", "-", 'Año "ñ" \'', "=1+1", "1\n2", "155-1-2020", "null"),
]


def test_types(table: Table) -> None:
    """A type fits all values of a column, and only if none can mean something else."""
    columns = list(TYPES.values())
    longest = max(map(len, columns))
    lines = [",".join(each[place : place + 1][0] if place < len(each) else "" for each in columns)
             for place in range(longest)]  # fmt: skip

    assert table.load("\n".join([",".join(f"c{n}" for n in range(len(columns))), *lines])) == ""

    assert table.types() == list(TYPES)
    moment = datetime(2026, 2, 28, 23, 59, 59, 999999)  # noqa: DTZ001 - as written
    assert table.query("select c1, c4 from memory.seeds.mine")[1] == (Decimal("-0.5"), moment)


def test_texts(table: Table) -> None:
    """What could be read in two ways stays as it is, and with it the whole column."""
    cells = [('"' + text.replace('"', '""') + '"') for text in TEXTS]
    header = ",".join(f"c{place}" for place in range(len(cells)))

    assert table.load("\n".join([header, ",".join(cells), ",".join("1" for _ in cells)])) == ""

    wide = {kind for kind, text in zip(table.types(), TEXTS, strict=True) if text != TEXTS[10]}
    assert wide == {"VARCHAR"}
    assert list(table.query()[0])[:10] == TEXTS[:10]
    assert list(table.query()[0])[11:] == TEXTS[11:]


def test_hints(table: Table) -> None:
    """If all but a few values of a column fit a type, the first of these is named."""
    rows = '2026-01-01,1,x,1\n2026-02-01,"4\nx",y,2\n2026-02-30,5,3,3\n2026-03-01,z,4,y\n'

    assert table.load(f"day,target,half,code\n{rows},,,\n2026-04-01,7,,\n") == ""

    assert table.hints == [
        "day is text because of '2026-02-30' in mine.csv, line 5",
        "target is text because of '4\\nx' in mine.csv, line 4",
    ]
    assert table.load("day,target\n2026-01-01,1\n2026-02-01,2\n") == ""
    assert table.hints == []


@pytest.mark.parametrize(
    "value", ["3000,50", "B/. 3000", "3,000.50", "01/10/2026", "7 %", "$3'000"]
)
def test_hint_about_figures(table: Table, value: str) -> None:
    """The first value is named if most look like numbers or dates, written in another way."""
    assert table.load(f'a,b\n"{value}",x\n"{value}",7 Eleven Panamá\n') == ""

    assert table.hints == [f"a is text because of {value!r} in mine.csv, line 2"]


def test_ids_and_codes(table: Table) -> None:
    """Ids and codes are texts as in our tables, so that they can be joined."""
    assert table.load("customer_id,Product_CODE,id,code,barcode\n1,2,3,4,5\n") == ""

    assert table.types() == [*["VARCHAR"] * 4, "BIGINT"]


def test_column_without_values(table: Table) -> None:
    """A column without any value fits every expression, also in a file with a header only."""
    for content in ("month_on,target\n", "month_on,target\n,\n", "month_on,target"):
        assert table.load(content) == ""
        found = table.query(
            "select sum(target), max(trim(target)), count(*) from memory.seeds.mine"
            " where month_on >= date '2026-01-01'"
        )
        assert found == [(None, None, 0)]


def test_odd_names_of_columns(table: Table) -> None:
    """Names stay as they are written; DuckDB needs quotes around odd ones."""
    names = ["Año 2026", "select", "1st", "a.b", "with \"quotes\" 'x'"]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)

    assert table.load(f"{header}\n1,2,3,4,5\n") == ""

    assert table.query('select "Año 2026", "select" from memory.seeds.mine') == [(1, 2)]


BROKEN: dict[str, tuple[str | bytes, int, str]] = {
    "empty": ("", 1, "it is empty; the first line must have the names of the columns"),
    "no names": (",,\n1,2,3\n", 1, "it is empty"),
    "no name": ("a,,c\n1,2,3\n", 1, "column 2 has no name"),
    "doubled name": ("month,Month \n1,2\n", 1, "the column Month is there twice"),
    "too many values": ("a,b\n1,2\n1,2,3\n", 3, "it has 3 values for 2 columns; quote values"),
    "too few values": ('a,b\n"1\n2",2\n\n1\n', 5, "it has 1 value for 2 columns; write a"),
    "open quote": ('a,b\n1,"2\n3,4\n', 3, "unexpected end"),
    "quote in a value": ('a,b\n1,"2"3\n', 2, "expected after"),
    "windows-1252": ("a,b\n1,2\nAño,3\n".encode("cp1252"), 3, "it is not UTF-8: save it as `CSV"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), 1, "it is not UTF-8"),
    "huge value": (f"a,b\n1,{'x' * 200_000}\n", 2, "field larger than field limit"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files(table: Table, case: str) -> None:
    """A file that cannot be read is left out, with line and reason."""
    content, line, why = BROKEN[case]

    error = table.load(content)

    assert error.startswith(f"mine.csv, line {line}: ")
    assert why in error


@pytest.mark.parametrize(
    "name", ["Targets.csv", "metas 2026.csv", "2026.csv", "año.csv", "a.b.csv"]
)
def test_odd_names_of_files(table: Table, name: str) -> None:
    """A table has a name that a query need not quote."""
    assert table.load(PLAIN, name) == (
        f"{name}, line 1: a table name has only lower-case letters, digits and underscores;"
        " rename the file."
    )
