"""Statements of account as Excel workbooks, with days and amounts that can be calculated with."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from p4books.publish.excel_cells import fits_excel, truncate_text
from p4books.publish.language import format_amount
from p4books.publish.statements.accounts import AGES
from p4books.publish.statements.content import COLUMNS, TEXT_COLUMNS, Cell, Section, Statement

_INK, _PALE, _RED, _MUTED = "#1F3864", "#EEF2F8", "#B00020", "#595959"
_AMOUNT = "#,##0.00"
_MIN_WIDTH, _MAX_WIDTH = 11, 60  # characters
_BALANCE_COLUMN = COLUMNS.index("balance")
_FIRST_AGE_COLUMN = len(COLUMNS) - len(AGES) - 1  # so that the total is in the last one
_LETTER_PAPER = 1


def write_workbook(statement: Statement, path: Path) -> None:
    """Write a statement as a workbook of one sheet. Raises OSError."""
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = Workbook(path, options)
    book.set_properties({"title": statement.title, "author": statement.letterhead.company})
    sheet = book.add_worksheet(statement.labels["statement"])
    _StatementSheet(book, sheet, statement).write()
    try:
        book.close()
    except FileCreateError as error:  # it wraps the OSError
        raise error.args[0] from None


class _StatementSheet:
    """The sheet of a statement, written from top to bottom."""

    def __init__(self, book: Workbook, sheet: Worksheet, statement: Statement) -> None:
        self._sheet = sheet
        self._statement = statement
        self._labels = statement.labels
        self._day = statement.language.excel_day
        self._row = 0
        self._format: Callable[..., Format] = cache(
            lambda **properties: book.add_format({"font_size": 10, **properties})
        )

    def write(self) -> None:
        """Write the whole sheet."""
        for column, width in enumerate(self._measure_widths()):
            self._sheet.set_column(column, column, width, self._format())
        self._write_head()
        self._write_ages()
        header_row = self._write_header()
        for section in self._statement.sections:
            self._write_section(section)
        account = self._statement.account
        label = f"{self._labels['total_balance']} ({account.currency})"
        self._write_total(label, account.balance, top=2, bottom=2, font_color=_INK)
        self._row += 1
        self._write_line(self._labels["note"], font_color=_MUTED, italic=True, font_size=9)
        self._set_up_print(header_row)

    def _write_head(self) -> None:
        statement, account = self._statement, self._statement.account
        as_of = f"{self._labels['as_of']} {statement.language.day(statement.as_of_on)}"
        self._write_line(statement.letterhead.company, bold=True, font_size=15, font_color=_INK)
        for line in statement.letterhead.details:
            self._write_line(line, font_color=_MUTED)
        self._write_line(
            f"{self._labels['statement']}, {as_of[0].lower()}{as_of[1:]}",
            font_size=12,
            font_color=_INK,
        )
        self._row += 1
        self._write_line(account.customer.name, bold=True, font_size=12)
        for line in account.customer.address:
            self._write_line(line)
        for label, value in statement.facts:
            self._write_cell(1, value, self._format())
            self._write_line(label, font_color=_MUTED)
        self._row += 1

    def _write_ages(self) -> None:
        self._write_line(self._labels["ageing"], bold=True, font_size=11, font_color=_INK)
        ages = self._statement.ages
        label = self._format(bg_color=_PALE, align="right", bottom=1)
        for column, (name, amount) in enumerate(ages, _FIRST_AGE_COLUMN):
            is_total = column == len(COLUMNS) - 1
            self._write_cell(column, name, label)
            self._row += 1
            self._write_cell(column, amount, self._amount(bold=is_total))
            self._row -= 1
        self._row += 3

    def _write_header(self) -> int:
        for column, name in enumerate(COLUMNS):
            side = "left" if column < TEXT_COLUMNS else "right"
            header = self._format(bold=True, bg_color=_INK, font_color="#FFFFFF", align=side)
            self._write_cell(column, self._labels[name], header)
        self._row += 1
        return self._row - 1

    def _write_section(self, section: Section) -> None:
        color = _RED if section.is_overdue else _INK
        title = self._format(bold=True, bg_color=_PALE, font_color=color)
        for column in range(len(COLUMNS)):
            self._write_cell(column, section.title if column == 0 else None, title)
        self._row += 1
        for row in section.rows:
            for column, cell in enumerate(row):
                self._write_cell(column, cell, self._choose_format(cell))
            self._row += 1
        self._write_total(section.total_label, section.total)

    def _write_total(self, label: str, amount: Decimal, **properties: object) -> None:
        cells: dict[int, Cell] = {_BALANCE_COLUMN - 1: label, _BALANCE_COLUMN: amount}
        for column in range(len(COLUMNS)):
            self._write_cell(column, cells.get(column), self._amount(bold=True, **properties))
        self._row += 1

    def _write_line(self, text: str, **properties: object) -> None:
        self._write_cell(0, text, self._format(**properties))
        self._row += 1

    def _choose_format(self, cell: Cell) -> Format:
        if isinstance(cell, Decimal):
            return self._amount()
        if isinstance(cell, date):
            return self._format(num_format=self._day, align="left")
        return self._format(align="right" if isinstance(cell, int) else "left")

    def _amount(self, **properties: object) -> Format:
        return self._format(num_format=_AMOUNT, align="right", **properties)

    def _measure_widths(self) -> list[float]:
        """Return the widths of the columns, in characters, so that no amount is cut."""
        rows = [row for section in self._statement.sections for row in section.rows]
        texts = [[self._labels[name]] for name in COLUMNS]
        for column, own in enumerate(texts):
            own += [self._as_text(row[column]) for row in rows]
        for column, (name, amount) in enumerate(self._statement.ages, _FIRST_AGE_COLUMN):
            texts[column] += [name, format_amount(amount)]
        longest = [max(map(len, own)) for own in texts]
        return [min(max(1.1 * length + 2, _MIN_WIDTH), _MAX_WIDTH) for length in longest]

    def _write_cell(self, column: int, cell: Cell, cell_format: Format) -> None:
        """Write a value; one that Excel cannot store exactly is written as text."""
        sheet, row = self._sheet, self._row
        if cell is None:
            sheet.write_blank(row, column, None, cell_format)
        elif isinstance(cell, str) or not fits_excel(cell):
            sheet.write_string(row, column, self._as_text(cell), cell_format)
        elif isinstance(cell, date):
            sheet.write_datetime(row, column, cell, cell_format)
        else:
            sheet.write_number(row, column, cell, cell_format)

    def _as_text(self, cell: Cell) -> str:
        if isinstance(cell, date):
            return self._statement.language.day(cell)
        if isinstance(cell, Decimal):
            return format_amount(cell)
        if cell is None:
            return ""
        return truncate_text(str(cell))[0]

    def _set_up_print(self, header_row: int) -> None:
        sheet, labels = self._sheet, self._labels
        sheet.set_paper(_LETTER_PAPER)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(header_row)
        sheet.hide_gridlines(2)
        sheet.set_margins(left=0.6, right=0.6, top=0.6, bottom=0.7)
        sheet.set_footer(f"&R{labels['page']} &P {labels['of']} &N")
