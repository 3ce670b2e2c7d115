"""How is a model laid out on a sheet?

A title, a line with the way back, the names of the columns, then the rows, each written once and
never held.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from p4books.warehouse import cells
from p4books.warehouse.catalogue import Listed
from p4books.warehouse.cells import Shape

HEAD = 2  # the row with the names of the columns
CONTENTS = "Contents"  # the sheet that all lead back to

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
class Held:
    """What a sheet holds of its model: how many rows, and how many texts were cut in them."""

    model: Listed
    sheet: str
    rows: int
    cut: int

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing of the model is missing."""
        return self.rows == self.model.rows and not self.cut


class Look:
    """The formats of one workbook, each made once."""

    def __init__(self, book: Workbook) -> None:
        self._make: Callable[..., Format] = cache(lambda **properties: book.add_format(properties))
        self.title = self._make(bold=True, font_size=14, font_color="#1F3864")
        self.plain = self._make(font_color="#595959")
        self.link = self._make(font_color="#0563C1", underline=1)
        self.warning = self._make(bold=True, font_color="#C00000")

    def values(self, form: str, *, right: bool) -> Format:
        """Give the format of a column's values; numbers stand on the right."""
        return self._make(num_format=form, **_side(right=right))

    def fill(self, colour: str) -> Format:
        """Give a ground of one colour, for cells whose value asks for it."""
        return self._make(bg_color=colour)

    def head(self, *, right: bool = False, colour: str | None = None) -> Format:
        """Give the format of a column's name."""
        return self._make(
            bold=True,
            **_side(right=right),
            valign="vcenter",
            bg_color=colour or "#1F3864",
            font_color="#000000" if colour else "#FFFFFF",
        )


def _side(*, right: bool) -> dict[str, Any]:
    return {"align": "right", "indent": 1} if right else {"align": "left"}


def write(  # noqa: PLR0913
    sheet: Worksheet,
    model: Listed,
    shapes: Sequence[Shape],
    rows: Iterable[Sequence[Any]],
    look: Look,
    most: int,
) -> Held:
    """Write a model's rows, as many as a sheet of `most` rows holds; the rest is not read."""
    room = most - HEAD - 1
    _head(sheet, model, shapes, look, room)
    writers = [_writer(sheet, each) for each in shapes]
    cut = written = 0
    for row in rows:
        if written == room:
            break
        place = HEAD + 1 + written
        for column, value in enumerate(row):
            if value is not None:
                cut += writers[column](place, column, value)
        written += 1
    last = HEAD + max(written, 1)
    sheet.autofilter(HEAD, 0, last, len(shapes) - 1)
    texts = xl_range(HEAD + 1, 0, last, len(shapes) - 1)
    sheet.ignore_errors({"number_stored_as_text": texts})
    _colour(sheet, shapes, look, last)
    return Held(model, sheet.get_name(), written, cut)


def head(sheet: Worksheet, row: int) -> None:
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


def _head(sheet: Worksheet, model: Listed, shapes: Sequence[Shape], look: Look, room: int) -> None:
    head(sheet, HEAD)
    for place, shape in enumerate(shapes):
        form = look.values(shape.format, right=shape.is_number)
        sheet.set_column(place, place, shape.width, form)
    sheet.write_string(0, 0, model.question or model.full, look.title)
    sheet.write_url(1, 0, f"internal:'{CONTENTS}'!A1", look.link, "← Contents")
    if model.rows > room:
        said = f"Only the first {room:,} of {model.rows:,} rows fit on a sheet; the CSV has all."
        sheet.write_string(1, 1, said, look.warning)
    else:
        sheet.write_string(1, 1, model.grain, look.plain)
    for place, shape in enumerate(shapes):
        form = look.head(right=shape.is_number, colour=AGES.get(shape.column.name))
        sheet.write_string(HEAD, place, shape.column.name, form)
        if meaning := shape.column.meaning:
            lines = 1 + len(meaning) // _LINE
            box = {"x_scale": 2, "height": 14 + 17 * lines, "font_size": 9}
            sheet.write_comment(HEAD, place, meaning, box)


def _writer(sheet: Worksheet, shape: Shape) -> Callable[[int, int, Any], int]:
    """Give what writes a value of a column and returns how many texts were cut by it."""

    def write_text(row: int, column: int, value: Any) -> int:
        kept, was_cut = cells.cut(str(value))
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
        if cells.fits(value):
            write_own(row, column, value)
            return 0
        return write_text(row, column, value)

    return write_value


def _colour(sheet: Worksheet, shapes: Sequence[Shape], look: Look, last: int) -> None:
    """Colour what is late, from green to red, where there is an amount or the word for it."""
    for place, shape in enumerate(shapes):
        where = (HEAD + 1, place, last, place)
        if colour := AGES.get(shape.column.name):
            asked = {"type": "cell", "criteria": "!=", "value": 0, "format": look.fill(colour)}
            sheet.conditional_format(*where, asked)
        if shape.column.name == BUCKET:
            for word, colour in BUCKETS.items():
                form = look.fill(colour)
                asked = {"type": "cell", "criteria": "==", "value": f'"{word}"', "format": form}
                sheet.conditional_format(*where, asked)
