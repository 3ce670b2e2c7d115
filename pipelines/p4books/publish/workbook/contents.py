"""Sheet of contents: whose books these are, as of when, and what each sheet answers."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from xlsxwriter.worksheet import Worksheet

from p4books.publish.figures.overview import Freshness
from p4books.publish.period import Period
from p4books.publish.workbook.about import write_about
from p4books.publish.workbook.names import link_to_sheet
from p4books.publish.workbook.sheet import (
    SheetContents,
    SheetStyle,
    describe_omissions,
    set_up_page,
)

_COLUMNS = {  # their words
    "sheet": "contents_sheet",
    "question": "contents_question",
    "rows": "contents_rows",
    "outside": "contents_outside",
    "model": "contents_model",
    "note": "contents_note",
}
_COUNTS = {"rows", "outside"}
_MAX_WIDTH = 90  # characters


class ContentsSheet:
    """Sheet that lists the others, by section."""

    def __init__(self, page: Worksheet, style: SheetStyle, sections: Mapping[str, str]) -> None:
        self._page = page
        self._style = style
        self._formats = style.formats
        self._language = style.language
        self._sections = sections

    def write(
        self, freshness: Freshness, sheets: Sequence[SheetContents], period: Period | None
    ) -> None:
        """Write the sheet; the lists by date have the rows of the period, None means all."""
        lines = [(sheet, self._describe(sheet)) for sheet in sheets]
        shown = [
            name for name in _COLUMNS if any(line[name] for _, line in lines) or name == "rows"
        ]
        header_row = 1 + write_about(self._page, freshness, self._style, "books_of", period)
        self._write_header(header_row, shown, [line for _, line in lines])
        row = header_row + 1
        for section, group in groupby(lines, lambda line: self._section_of(line[0])):
            for at in range(len(shown)):
                self._page.write_blank(row, at, None, self._formats.section)
            self._page.write_string(row, 0, section, self._formats.section)
            row += 1
            for _, line in group:
                self._write_line(row, shown, line)
                row += 1

    def _describe(self, sheet: SheetContents) -> dict[str, Any]:
        code = self._language.code
        return {
            "sheet": sheet.model.title(code),
            "name": sheet.name,
            "question": sheet.model.question_in(code),
            "rows": sheet.rows,
            "outside": sheet.outside,
            "model": sheet.model.full_name,
            "note": describe_omissions(sheet, self._language),
        }

    def _section_of(self, sheet: SheetContents) -> str:
        word = sheet.model.section or sheet.model.layer
        return self._sections.get(word, word)

    def _write_header(
        self, row: int, shown: Sequence[str], lines: Sequence[Mapping[str, Any]]
    ) -> None:
        set_up_page(self._page, row, 1, self._language)
        for at, name in enumerate(shown):
            label = self._language.word(_COLUMNS[name])
            width = max(len(str(text)) for text in [label, *(line[name] for line in lines)]) + 3
            self._page.set_column(at, at, min(width, _MAX_WIDTH))
            header = self._formats.header(right=name in _COUNTS)
            self._page.write_string(row, at, label, header)

    def _write_line(self, row: int, shown: Sequence[str], line: Mapping[str, Any]) -> None:
        page, formats = self._page, self._formats
        count = formats.values("#,##0;-#,##0;-", right=True)
        for at, name in enumerate(shown):
            value = line[name]
            if name == "sheet":
                page.write_url(row, at, link_to_sheet(line["name"]), formats.link, value)
            elif name in _COUNTS:
                page.write_number(row, at, value, count)
            elif value:
                plain = formats.warning if name == "note" else formats.plain
                page.write_string(row, at, value, formats.text if name == "question" else plain)
