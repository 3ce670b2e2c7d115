"""Rows of totals above the header of a sheet, one per currency.

Each is a formula with its value, so that it is right for programs that do not calculate, too. With
one currency it adds up the rows that a filter leaves; with several, all rows of the currency.
"""

from collections.abc import Sequence
from decimal import Decimal

from xlsxwriter.utility import xl_range_abs
from xlsxwriter.worksheet import Worksheet

from p4books.publish.excel_cells import MAX_DIGITS, ColumnFormat, fits_excel
from p4books.publish.language import Language
from p4books.publish.workbook.formats import WorkbookFormats
from p4books.publish.workbook.rows import CURRENCY, Total

_SUM_OF_SHOWN = 109  # the function of SUBTOTAL that leaves out the rows that are not shown


class TotalRows:
    """Rows of totals, whose sheet has its values in the `rows` from the first to the last one."""

    def __init__(
        self,
        sheet: Worksheet,
        columns: Sequence[ColumnFormat],
        rows: tuple[int, int],
        formats: WorkbookFormats,
    ) -> None:
        self._sheet = sheet
        self._columns = columns
        self._rows = rows
        self._formats = formats
        self._places = {column.column.name: at for at, column in enumerate(columns)}

    def write(self, totals: Sequence[Total], language: Language) -> None:
        """Write the totals just above the header."""
        is_only = len(totals) == 1
        for row, total in enumerate(totals, self._rows[0] - 1 - len(totals)):
            self._sheet.set_row(row, None, self._formats.total())
            for name, amount in total.sums.items():
                if amount is not None:
                    formula = self._sum_shown(name) if is_only else self._sum_of(name, total)
                    self._write_amount(row, self._places[name], amount, formula)
            if self._columns[0].column.name not in total.sums:
                word = language.word("total_shown" if is_only else "total_all_rows")
                label = f"{total.currency} · {word}" if total.currency else word
                self._sheet.write_string(row, 0, label, self._formats.total())

    def _sum_shown(self, name: str) -> str:
        return f"=ROUND(SUBTOTAL({_SUM_OF_SHOWN},{self._cells(name)}),2)"

    def _sum_of(self, name: str, total: Total) -> str:
        wanted = (total.currency or "").replace('"', '""')
        is_wanted = f'--EXACT({self._cells(CURRENCY)},"{wanted}")'
        return f"=ROUND(SUMPRODUCT({is_wanted},{self._cells(name)}),2)"

    def _cells(self, name: str) -> str:
        first, last = self._rows
        return str(xl_range_abs(first, self._places[name], last, self._places[name]))

    def _write_amount(self, row: int, place: int, amount: Decimal, formula: str) -> None:
        """Write a total; what Excel would calculate otherwise is written without a formula."""
        column = self._columns[place]
        cell_format = self._formats.total(column.format, right=column.is_number)
        if not fits_excel(amount):
            self._sheet.write_string(row, place, f"{amount:f}", cell_format)
        elif column.digits + 2 > MAX_DIGITS:  # a value may be text, which Excel does not add up
            self._sheet.write_number(row, place, amount, cell_format)
        else:
            self._sheet.write_formula(row, place, formula, cell_format, float(amount))
