"""Workbook as LibreOffice reads and calculates it."""

import shutil
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader
from tests.p4books.publish.workbook.conftest import Export, read_totals

FIRST_PAGES = 'pdf:calc_pdf_Export:{"PageRange":{"type":"string","value":"1-12"}}'


def convert(file: Path, kind: str, folder: Path) -> Path:
    """Convert a file with LibreOffice, in a profile of the test's own."""
    office = shutil.which("soffice")
    if office is None:
        pytest.fail("This test needs LibreOffice: run `make system` (libreoffice-calc-nogui).")
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    words = [
        office,
        profile,
        "--headless",
        "--convert-to",
        kind,
        "--outdir",
        str(folder),
        str(file),
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
    written = folder / f"{file.stem}.{kind.partition(':')[0]}"
    assert written.exists(), done.stderr
    return written


def list_numbers(file: Path) -> Iterator[tuple[str, Any]]:
    """List the totals of each sheet, in cents."""
    for sheet in load_workbook(file, data_only=True).worksheets[2:-1]:
        for row in read_totals(sheet):
            yield from (
                (sheet.title, round(cell, 2)) for cell in row if isinstance(cell, int | float)
            )


def write_totals(file: Path, bare: Path) -> Path:
    """Write the sheets of a workbook that have totals, without the values of their formulas.

    The others have most of the cells: LibreOffice takes a second for ten thousand.
    """
    book = load_workbook(file)  # openpyxl writes formulas without their values
    for sheet in book.worksheets[2:-1]:
        if not any(isinstance(cell, str) and cell[0] == "=" for cell in chain(*read_totals(sheet))):
            book.remove(sheet)
    book.save(bare)
    return bare


def test_workbook(export_fixed: Export, tmp_path: Path) -> None:
    """LibreOffice calculates the totals that are written, and prints without an error.

    Formulas are calculated again, because the values that come with them are removed.
    """
    written = export_fixed("es").file
    calculated = convert(write_totals(written, tmp_path / "bare.xlsx"), "xlsx", tmp_path / "new")
    pages = PdfReader(convert(written, FIRST_PAGES, tmp_path)).pages

    expected = list(list_numbers(written))
    assert len(expected) > 50
    assert list(list_numbers(calculated)) == expected
    text = "\n".join(page.extract_text() for page in pages)
    assert "Ventas netas por mes" in pages[0].extract_text()
    assert not [word for word in ("#NAME?", "#REF!", "#VALUE!", "Err:", "###") if word in text]
