"""Fixtures: workbooks of hand-written rows, in both languages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from p4books.publish.export import ExportOptions, export_models
from p4books.publish.language import Language

Export = Callable[..., "Exported"]


@dataclass(frozen=True)
class Exported:
    """A workbook that was exported: its file, and what openpyxl reads of it."""

    file: Path
    values: Workbook
    formulas: Workbook


@pytest.fixture(scope="session")
def export_fixed(fixed_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Export the small distributor's books in a language, once for all tests of this folder."""
    folder = tmp_path_factory.mktemp("workbooks")

    @cache
    def export(code: str = "en") -> Exported:
        options = ExportOptions("xlsx", folder / code, 0o640, language=Language(code))
        (written,) = export_models(fixed_file, [], options)
        values = load_workbook(written.file, data_only=True)
        return Exported(written.file, values, load_workbook(written.file))

    return export


def find_header(sheet: Worksheet) -> int:
    """Return the number of the row with the names of the columns."""
    return int(sheet.auto_filter.ref.partition(":")[0].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def read_header(sheet: Worksheet) -> list[Any]:
    """Return the names of the columns."""
    return [cell.value for cell in sheet[find_header(sheet)]]


def read_rows(sheet: Worksheet) -> list[tuple[Any, ...]]:
    """Return the rows below the names of the columns, up to the first one that is empty."""
    width = sum(name is not None for name in read_header(sheet))
    first = find_header(sheet) + 1
    rows: list[tuple[Any, ...]] = list(
        sheet.iter_rows(min_row=first, max_col=width, values_only=True)
    )
    while rows and not any(value is not None for value in rows[-1]):
        rows.pop()
    return rows


def read_totals(sheet: Worksheet) -> list[Sequence[Any]]:
    """Return the rows of totals, which are between the title and the names of the columns."""
    return list(sheet.iter_rows(min_row=4, max_row=find_header(sheet) - 1, values_only=True))
