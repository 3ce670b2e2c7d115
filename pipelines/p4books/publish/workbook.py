"""Excel workbook with one sheet per model."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from p4books.publish.excel_cells import (
    MAX_TEXT,
    ColumnFormat,
    ColumnMeasure,
    choose_format,
    fits_excel,
    select_as_written,
    select_measures,
    truncate_text,
)
from p4books.publish.query import (
    CatalogEntry,
    execute_query,
    fetch_rows,
    list_columns,
    query_model,
    read_about,
)

HEADER_ROW = 2  # the row with the names of the columns
CONTENTS_NAME = "Contents"  # the sheet that all lead back to

GREEN, YELLOW, ORANGE, RED, DARK = "#D5E8C8", "#FFF0B8", "#FCD9A8", "#F7B99A", "#EE9A8C"
AGES = {  # how late: the colour of a column with amounts, and of a cell with the word
    "current_balance": GREEN,
    "days_1_30": YELLOW,
    "days_31_60": ORANGE,
    "days_61_90": RED,
    "days_over_90": DARK,
}
BUCKETS = dict(zip(("current", "1-30", "31-60", "61-90", "90+"), AGES.values(), strict=True))
BUCKET = "aging_bucket"

_LETTER, _LINE = 1, 38  # paper, and the letters of one line of a note


@dataclass(frozen=True)
class SheetContents:
    """What a sheet holds of its model: how many rows, and how many texts were cut in them."""

    model: CatalogEntry
    sheet: str
    rows: int
    cut: int

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing of the model is missing."""
        return self.rows == self.model.rows and not self.cut


class WorkbookFormats:
    """The formats of one workbook, each made once."""

    def __init__(self, book: Workbook) -> None:
        self._make: Callable[..., Format] = cache(lambda **properties: book.add_format(properties))
        self.title = self._make(bold=True, font_size=14, font_color="#1F3864")
        self.plain = self._make(font_color="#595959")
        self.link = self._make(font_color="#0563C1", underline=1)
        self.warning = self._make(bold=True, font_color="#C00000")

    def values(self, form: str, *, right: bool) -> Format:
        """Give the format of a column's values; numbers stand on the right."""
        return self._make(num_format=form, **_alignment(right=right))

    def fill(self, colour: str) -> Format:
        """Give a ground of one colour, for cells whose value asks for it."""
        return self._make(bg_color=colour)

    def head(self, *, right: bool = False, colour: str | None = None) -> Format:
        """Give the format of a column's name."""
        return self._make(
            bold=True,
            **_alignment(right=right),
            valign="vcenter",
            bg_color=colour or "#1F3864",
            font_color="#000000" if colour else "#FFFFFF",
        )


def _alignment(*, right: bool) -> dict[str, Any]:
    return {"align": "right", "indent": 1} if right else {"align": "left"}


def write_sheet(  # noqa: PLR0913
    sheet: Worksheet,
    model: CatalogEntry,
    shapes: Sequence[ColumnFormat],
    rows: Iterable[Sequence[Any]],
    look: WorkbookFormats,
    most: int,
) -> SheetContents:
    """Write a model's rows, as many as a sheet of `most` rows holds; the rest is not read."""
    room = most - HEADER_ROW - 1
    _write_header(sheet, model, shapes, look, room)
    writers = [_cell_writer(sheet, each) for each in shapes]
    cut = written = 0
    for row in rows:
        if written == room:
            break
        place = HEADER_ROW + 1 + written
        for column, value in enumerate(row):
            if value is not None:
                cut += writers[column](place, column, value)
        written += 1
    last = HEADER_ROW + max(written, 1)
    sheet.autofilter(HEADER_ROW, 0, last, len(shapes) - 1)
    texts = xl_range(HEADER_ROW + 1, 0, last, len(shapes) - 1)
    sheet.ignore_errors({"number_stored_as_text": texts})
    _color_overdue(sheet, shapes, look, last)
    return SheetContents(model, sheet.get_name(), written, cut)


def freeze_header(sheet: Worksheet, row: int) -> None:
    """Keep a row of names in sight, on the screen and on every printed page."""
    sheet.set_row(0, 24)
    sheet.set_row(row, 20)
    sheet.freeze_panes(row + 1, 0)
    sheet.set_landscape()
    sheet.set_paper(_LETTER)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(row)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    sheet.set_footer("&L&A&RPage &P of &N")


def _write_header(
    sheet: Worksheet,
    model: CatalogEntry,
    shapes: Sequence[ColumnFormat],
    look: WorkbookFormats,
    room: int,
) -> None:
    freeze_header(sheet, HEADER_ROW)
    for place, shape in enumerate(shapes):
        form = look.values(shape.format, right=shape.is_number)
        sheet.set_column(place, place, shape.width, form)
    sheet.write_string(0, 0, model.question or model.full, look.title)
    sheet.write_url(1, 0, f"internal:'{CONTENTS_NAME}'!A1", look.link, "← Contents")
    if model.rows > room:
        said = f"Only the first {room:,} of {model.rows:,} rows fit on a sheet; the CSV has all."
        sheet.write_string(1, 1, said, look.warning)
    else:
        sheet.write_string(1, 1, model.grain, look.plain)
    for place, shape in enumerate(shapes):
        form = look.head(right=shape.is_number, colour=AGES.get(shape.column.name))
        sheet.write_string(HEADER_ROW, place, shape.column.name, form)
        if meaning := shape.column.meaning:
            lines = 1 + len(meaning) // _LINE
            box = {"x_scale": 2, "height": 14 + 17 * lines, "font_size": 9}
            sheet.write_comment(HEADER_ROW, place, meaning, box)


def _cell_writer(sheet: Worksheet, shape: ColumnFormat) -> Callable[[int, int, Any], int]:
    """Give what writes a value of a column and returns how many texts were cut by it."""

    def write_text(row: int, column: int, value: Any) -> int:
        kept, was_cut = truncate_text(str(value))
        if kept.startswith("<r>"):  # xlsxwriter takes it for a text with formats, in its own XML
            sheet.write_rich_string(row, column, kept[:1], kept[1:2], kept[2:])
        else:
            sheet.write_string(row, column, kept)
        return was_cut

    own: dict[str, Callable[..., Any]] = {
        "flag": sheet.write_boolean,
        "day": sheet.write_datetime,
        "instant": sheet.write_datetime,
        "number": sheet.write_number,
        "float": sheet.write_number,
    }
    if shape.kind not in own:
        return write_text
    write_own = own[shape.kind]

    def write_value(row: int, column: int, value: Any) -> int:
        if fits_excel(value):
            write_own(row, column, value)
            return 0
        return write_text(row, column, value)

    return write_value


def _color_overdue(
    sheet: Worksheet, shapes: Sequence[ColumnFormat], look: WorkbookFormats, last: int
) -> None:
    """Colour what is late, from green to red, where there is an amount or the word for it."""
    for place, shape in enumerate(shapes):
        where = (HEADER_ROW + 1, place, last, place)
        if colour := AGES.get(shape.column.name):
            asked = {"type": "cell", "criteria": "!=", "value": 0, "format": look.fill(colour)}
            sheet.conditional_format(*where, asked)
        if shape.column.name == BUCKET:
            for word, colour in BUCKETS.items():
                form = look.fill(colour)
                asked = {"type": "cell", "criteria": "==", "value": f'"{word}"', "format": form}
                sheet.conditional_format(*where, asked)


MAX_ROWS = 1_048_576  # of a sheet
MAX_NAME = 31  # of a sheet's name

_CONTENTS_TOP = 4  # the row of the contents with the names of its columns


def write_workbook(
    con: duckdb.DuckDBPyConnection, models: Sequence[CatalogEntry], path: Path, most: int = MAX_ROWS
) -> list[SheetContents]:
    """Write models of the published file as a workbook, and tell what it holds of each.

    A sheet has at most `most` rows. No rows are kept in memory; the drafts of the sheets lie beside
    the file. Raises QueryFailed and OSError.
    """
    about = read_about(con)
    book = Workbook(
        path,
        {
            "constant_memory": True,
            "tmpdir": str(path.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    book.use_zip64()
    book.set_properties({"title": f"Books of {about['tenant']}", "author": "p4books"})
    look = WorkbookFormats(book)
    contents = book.add_worksheet(CONTENTS_NAME)
    held = []
    for model, name in zip(models, sheet_names([m.model for m in models]), strict=True):
        shapes = _choose_formats(con, model)
        rows = _select_rows(con, model, shapes, about["timezone"])
        held.append(write_sheet(book.add_worksheet(name), model, shapes, rows, look, most))
    _write_contents(contents, about, held, look)
    try:
        book.close()
    except FileCreateError as error:  # it wraps what the disk said
        raise error.args[0] from None
    return held


def sheet_names(models: Iterable[str]) -> list[str]:
    """Give each model a name that a sheet may have: short, and no two alike."""
    taken = {CONTENTS_NAME.lower(), "history"}  # Excel keeps the latter for itself
    found = []
    for model in models:
        found.append(next(each for each in _name_variants(model) if each not in taken))
        taken.add(found[-1])
    return found


def _name_variants(name: str) -> Iterator[str]:
    yield name[:MAX_NAME]
    for number in count(2):
        ending = f" {number}"
        yield name[: MAX_NAME - len(ending)] + ending


def _choose_formats(con: duckdb.DuckDBPyConnection, model: CatalogEntry) -> list[ColumnFormat]:
    columns = list_columns(con, model)
    measured = ", ".join(select_measures(column) for column in columns)
    row = execute_query(con, f"select {measured} from {model.source}").fetchone() or ()
    sizes = (ColumnMeasure(*row[place : place + 3]) for place in range(0, len(row), 3))
    return [choose_format(column, size) for column, size in zip(columns, sizes, strict=True)]


def _select_rows(
    con: duckdb.DuckDBPyConnection, model: CatalogEntry, shapes: Sequence[ColumnFormat], zone: str
) -> Iterator[tuple[Any, ...]]:
    told = ", ".join(select_as_written(shape.column, zone) for shape in shapes)
    return fetch_rows(query_model(con, model, told))


def _write_contents(
    page: Worksheet, about: dict[str, Any], held: Sequence[SheetContents], look: WorkbookFormats
) -> None:
    freeze_header(page, _CONTENTS_TOP)
    zone = ZoneInfo(about["timezone"])
    known = about["as_of_at"]
    said = (
        f"As of {about['as_of_on']}, known to {_describe_as_of(known, zone)}."
        if known
        else "Empty yet."
    )
    page.write_string(0, 0, f"Books of {about['tenant']}", look.title)
    page.write_string(1, 0, said, look.plain)
    published = f"Published {_describe_as_of(about['published_at'], zone)}."
    zoned = f"All instants are told in the time zone {about['timezone']}."
    page.write_string(2, 0, f"{published} {zoned}", look.plain)
    if missing := about.get("missing_lists"):
        page.write_string(3, 0, f"Not copied yet, and in no figure: {missing}.", look.warning)
    lines = [_write_contents_line(each) for each in held]
    noted = any(line[5] for line in lines)
    columns = ["Sheet", "Question", "What a row is", "Layer", "Rows", *["Note"] * noted]
    count_format = look.values("#,##0", right=True)
    for place, name in enumerate(columns):
        widest = max(len(str(line[place])) for line in [columns, *lines])
        page.set_column(place, place, widest + 3)
        page.write_string(_CONTENTS_TOP, place, name, look.head(right=name == "Rows"))
    for row, (each, line) in enumerate(zip(held, lines, strict=True), _CONTENTS_TOP + 1):
        page.write_url(row, 0, f"internal:'{each.sheet}'!A1", look.link, each.sheet)
        for place in (1, 2, 3):
            page.write_string(row, place, str(line[place]))
        page.write_number(row, 4, each.model.rows, count_format)
        if not each.is_whole:
            page.write_string(row, 5, describe_omissions(each), look.warning)
    page.activate()


def _write_contents_line(held: SheetContents) -> tuple[str | int, ...]:
    model = held.model
    return (
        held.sheet,
        model.question,
        model.grain,
        model.layer,
        model.rows,
        describe_omissions(held),
    )


def describe_omissions(held: SheetContents) -> str:
    """Say what a sheet lacks of its model, if anything."""
    if held.is_whole:
        return ""
    said = []
    if held.rows < held.model.rows:
        said.append(f"the first {held.rows:,} of {held.model.rows:,} rows")
    if held.cut:
        plural = "" if held.cut == 1 else "s"
        said.append(f"{held.cut:,} text{plural} cut at {MAX_TEXT:,} letters")
    return f"Holds {', '.join(said)}; the CSV beside has all."


def _describe_as_of(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
