"""Statements of account as workbooks."""

from datetime import datetime
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from tests.p4books.publish.statements.conftest import MakeStatement

from p4books.publish.statements.workbook import write_workbook


def read_rows(path: Path) -> list[list[Any]]:
    """Return the cells that have a value, row by row."""
    sheet = load_workbook(path).active
    assert sheet is not None
    rows = [[cell for cell in row if cell.value is not None] for row in sheet.iter_rows()]
    return [row for row in rows if row]


def test_workbook(make_statement: MakeStatement, tmp_path: Path) -> None:
    """It has what the PDF has; days and amounts are such, with the formats of the language."""
    path = tmp_path / "statement.xlsx"
    write_workbook(make_statement(["1234.50", "-20.00"], due_in=1, tax_id="8-1-1"), path)

    rows = read_rows(path)
    values = [[cell.value for cell in row] for row in rows]

    assert ["Estado de cuenta, al 31/03/2026"] in values
    assert ["RUC y DV", "8-1-1"] in values
    (ages,) = [row for row in values if row[0] == "Por vencer"]
    assert ages[1:3] == ["1\u201330 días", "31\u201360 días"]
    (item,) = [row for row in rows if row[0].value == "F-0001"]
    due = datetime(2026, 4, 1)  # noqa: DTZ001 - a day of Excel has no zone
    assert [cell.value for cell in item[1:]] == [
        *("Nota de crédito", datetime(2026, 1, 5), due),  # noqa: DTZ001
        *(-20.0, 0.0, -20.0, 1214.5),
    ]
    assert (item[3].number_format, item[-1].number_format) == ("dd/mm/yyyy", "#,##0.00")
    assert ["Total por vencer", 1214.5] in values
    assert ["Saldo total (USD)", 1214.5] in values


def test_texts_stay_texts(make_statement: MakeStatement, tmp_path: Path) -> None:
    """What looks like a formula or a link is a text, and a number too long for Excel as well."""
    path = tmp_path / "statement.xlsx"
    statement = make_statement(["1234567890123456.78"], name="=SUM(A1)", lang="en")
    write_workbook(statement, path)

    cells = [cell for row in read_rows(path) for cell in row]

    assert {cell.data_type for cell in cells} <= {"s", "d", "n"}
    assert "=SUM(A1)" in {cell.value for cell in cells}
    assert "1,234,567,890,123,456.78" in {cell.value for cell in cells}
    assert "[$-409]d mmm yyyy" in {cell.number_format for cell in cells}


def test_wide_amounts(make_statement: MakeStatement, tmp_path: Path) -> None:
    """A column is as wide as its longest value, so that Excel shows no ###."""
    path = tmp_path / "statement.xlsx"
    write_workbook(make_statement(["-1234567890.12"]), path)

    sheet = load_workbook(path).active

    assert sheet is not None
    assert sheet.column_dimensions["H"].width > len("-1,234,567,890.12")
    (header,) = [row[0].row for row in sheet.iter_rows() if row[0].value == "Documento n.º"]
    assert sheet.print_title_rows == f"${header}:${header}"
