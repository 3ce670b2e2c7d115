"""CSV files for Excel."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from p4books.publish.excel_csv import BYTE_ORDER_MARK, ExcelCsv
from p4books.publish.export import PeopleWords, write_rows
from p4books.publish.language import Language
from p4books.publish.query import CatalogColumn, choose_columns
from p4books.push.readers.text import read_csv
from p4books.storage.database import quote_literal

PANAMA = ExcelCsv("America/Panama", Language("en"))
SPAIN = ExcelCsv("Europe/Madrid", Language("es"), ",")


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory."""
    with duckdb.connect() as con:
        yield con


def write_fields(
    con: duckdb.DuckDBPyConnection, sql: str, file: Path, excel: ExcelCsv = PANAMA
) -> list[list[str]]:
    """Write the result of a query for Excel; return the fields of its rows."""
    rows = write_rows(con.execute(f"select {sql}"), file, "excel-csv", excel)
    body = file.read_bytes()
    assert body.startswith(BYTE_ORDER_MARK)
    lines = body.decode("utf-8-sig").splitlines(keepends=True)
    header, *fields = csv.reader(lines, delimiter=excel.delimiter)
    assert header
    assert len(fields) == rows
    return fields


def show_in_excel(field: str) -> str:
    """Return what Excel shows of a formula of texts, and every other field as it is."""
    if not field.startswith("="):
        return field
    parts = re.findall(r'(?:^=|&)"((?:[^"]|"")*)"', field)
    assert "=" + "&".join(f'"{part}"' for part in parts) == field
    assert max(len(part.replace('""', '"').encode("utf-16-le")) for part in parts) <= 2 * 255
    return "".join(part.replace('""', '"') for part in parts)


@pytest.mark.parametrize(
    "text",
    [
        *("=SUM(A1)", "+507 6123-4567", "-Descuento-", "@cmd", "#N/A", " =1+1", "\t=1", "\r=1"),
        *(
            "\uff1d1+1",
            "007",
            "1-2",
            "8-12-45",
            "1E5",
            "MAR1",
            "12:30",
            "5 %",
            "B/. 5",
            "155123456789012345",
        ),
        *(
            "TRUE",
            "falso",
            "٣",
            'Tubo 5" de "PVC"',
            "a\n1",
            "-" * 700,
            "=" + '"' * 300,
            "=😀" * 150,
        ),
    ],
)
def test_text_that_excel_would_change(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, text: str
) -> None:
    """A text that Excel would calculate or convert is a formula that returns it."""
    ((field,),) = write_fields(con, quote_literal(text), tmp_path / "c.csv")

    assert field != text
    assert show_in_excel(field) == text


@pytest.mark.parametrize(
    "text",
    [
        "José Ñandú",
        "Abarrotes, S.A.",
        'La "Única"',
        "",
        "a=b",
        "n/a",
        '{"a": "' + "0" * 9000 + '"}',
    ],
)
def test_text_that_excel_shows_as_it_is(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, text: str
) -> None:
    """Any other text is written as it is."""
    assert write_fields(con, quote_literal(text), tmp_path / "c.csv") == [[text]]


VALUES = (
    "-5.00::decimal(18, 2), 1234567890123.45::decimal(18, 2), 42, 1.5::double, null::decimal(9, 2),"
    " date '2026-03-31', timestamptz '2026-03-31T02:00:00.123456Z', true, null::varchar"
)


@pytest.mark.parametrize(
    ("excel", "fields"),
    [
        (
            PANAMA,
            "-5.00 1234567890123.45 42 1.5  2026-03-31 2026-03-30T21:00:00 YES ",
        ),
        (
            SPAIN,
            "-5,00 1234567890123,45 42 1,5  2026-03-31 2026-03-31T04:00:00 SÍ ",
        ),
    ],
    ids=["Panama", "Spain"],
)
def test_values_that_are_not_text(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, excel: ExcelCsv, fields: str
) -> None:
    """Numbers and days stay such, flags are in the language, instants in the zone of the tenant."""
    (written,) = write_fields(con, VALUES, tmp_path / "c.csv", excel)

    assert written == [field.replace("T", " ") for field in fields.split(" ")]


def test_number_of_too_many_digits(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """A number of more than 15 digits, which Excel would round, is a text, as in a workbook."""
    sql = "1234567890123456.78::decimal(18, 2), -170141183460469231731687303715884105::hugeint"

    ((amount, whole),) = write_fields(con, sql, tmp_path / "c.csv", SPAIN)

    assert amount == '="1234567890123456,78"'
    assert whole == '="-170141183460469231731687303715884105"'


def test_nested_values_and_equal_names(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Lists and structs are texts; the second of two columns with one name is kept."""
    ((first, second),) = write_fields(con, "[1, 2] as a, {'b': '='} as a", tmp_path / "c.csv")

    assert show_in_excel(first) == "[1, 2]"
    assert second.startswith("{'b': ")


def test_a_push_reads_it_as_it_was(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """A file written for Excel is read by a push with the values of the books."""
    names = ["-Ñandú-", 'Tubo 5" de "PVC"', "=" + '"' * 300, "a\n1", '=" & "', "José"]
    file = tmp_path / "customers.csv"
    sql = "unnest([" + ", ".join(map(quote_literal, names)) + "]) as name"

    write_fields(con, f"'007' as code, {sql}, -5.00::decimal(9, 2) as c", file)

    rows = [row.values for row in read_csv(file)]
    assert rows == [{"code": "007", "name": name, "c": "-5.00"} for name in names]


def test_words_of_a_model(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Of a model, headers and words of the SQL are in the language, equal labels stay apart, and a
    column in both languages is there once."""
    columns = [
        CatalogColumn("rule", "VARCHAR", "", "Finding", "Hallazgo"),
        CatalogColumn("detail", "VARCHAR", "", "Detail", "Detalle"),
        CatalogColumn("detail_es", "VARCHAR", "", "Detail (Spanish)", "Detalle (español)"),
        CatalogColumn("name_es", "VARCHAR", "", "Name", "Hallazgo"),
    ]
    values = {("rule", "no total"): "=Sin total", ("rule", "x"): "x", ("detail", "a"): "b"}
    words = PeopleWords(choose_columns(columns, "es"), values)
    file = tmp_path / "c.csv"
    con.execute(
        "create or replace temp view found as select 'no total' as rule, 'a' as detail,"
        " 'á' as detail_es, null as name_es union all select 'y', 'a', 'á', 'n'"
    )

    write_rows(con.execute(f"select {words.select()} from found"), file, "excel-csv", SPAIN, words)

    header, *rows = csv.reader(file.read_text("utf-8-sig").splitlines(), delimiter=";")
    assert header == ["Hallazgo", "Detalle", "Hallazgo_1"]
    assert rows == [['="=Sin total"', "á", ""], ["y", "á", "n"]]
    english = choose_columns(columns, "en")
    assert [column.name for column in english] == ["rule", "detail", "name_es"]
