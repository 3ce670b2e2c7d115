"""How do models become one workbook?

A sheet for each, and before them one that tells whose books these are, as of when, and what is in
it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from p4books.warehouse import catalogue, cells, query, sheet
from p4books.warehouse.catalogue import Listed
from p4books.warehouse.cells import Measure, Shape
from p4books.warehouse.sheet import CONTENTS, Held, Look

ROWS = 1_048_576  # of a sheet
LETTERS = 31  # of a sheet's name

_TOP = 4  # the row of the contents with the names of its columns


def write(
    con: duckdb.DuckDBPyConnection, models: Sequence[Listed], path: Path, most: int = ROWS
) -> list[Held]:
    """Write models of the published file as a workbook, and tell what it holds of each.

    A sheet has at most `most` rows. No rows are kept in memory; the drafts of the sheets lie beside
    the file. Raises QueryFailed and OSError.
    """
    about = catalogue.about(con)
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
    look = Look(book)
    contents = book.add_worksheet(CONTENTS)
    held = []
    for model, name in zip(models, sheet_names([m.model for m in models]), strict=True):
        shapes = _shapes(con, model)
        rows = _rows(con, model, shapes, about["timezone"])
        held.append(sheet.write(book.add_worksheet(name), model, shapes, rows, look, most))
    _contents(contents, about, held, look)
    try:
        book.close()
    except FileCreateError as error:  # it wraps what the disk said
        raise error.args[0] from None
    return held


def sheet_names(models: Iterable[str]) -> list[str]:
    """Give each model a name that a sheet may have: short, and no two alike."""
    taken = {CONTENTS.lower(), "history"}  # Excel keeps the latter for itself
    found = []
    for model in models:
        found.append(next(each for each in _variants(model) if each not in taken))
        taken.add(found[-1])
    return found


def _variants(name: str) -> Iterator[str]:
    yield name[:LETTERS]
    for number in count(2):
        ending = f" {number}"
        yield name[: LETTERS - len(ending)] + ending


def _shapes(con: duckdb.DuckDBPyConnection, model: Listed) -> list[Shape]:
    columns = catalogue.columns(con, model)
    measured = ", ".join(cells.measured(column) for column in columns)
    row = query.ask(con, f"select {measured} from {model.source}").fetchone() or ()
    sizes = (Measure(*row[place : place + 3]) for place in range(0, len(row), 3))
    return [cells.shape(column, size) for column, size in zip(columns, sizes, strict=True)]


def _rows(
    con: duckdb.DuckDBPyConnection, model: Listed, shapes: Sequence[Shape], zone: str
) -> Iterator[tuple[Any, ...]]:
    told = ", ".join(cells.told(shape.column, zone) for shape in shapes)
    return query.rows(catalogue.ask(con, model, told))


def _contents(page: Worksheet, about: dict[str, Any], held: Sequence[Held], look: Look) -> None:
    sheet.head(page, _TOP)
    zone = ZoneInfo(about["timezone"])
    known = about["as_of_at"]
    said = f"As of {about['as_of_on']}, known to {_said(known, zone)}." if known else "Empty yet."
    page.write_string(0, 0, f"Books of {about['tenant']}", look.title)
    page.write_string(1, 0, said, look.plain)
    published = f"Published {_said(about['published_at'], zone)}."
    zoned = f"All instants are told in the time zone {about['timezone']}."
    page.write_string(2, 0, f"{published} {zoned}", look.plain)
    if missing := about.get("missing_lists"):
        page.write_string(3, 0, f"Not copied yet, and in no figure: {missing}.", look.warning)
    lines = [_line(each) for each in held]
    noted = any(line[5] for line in lines)
    columns = ["Sheet", "Question", "What a row is", "Layer", "Rows", *["Note"] * noted]
    count_format = look.values("#,##0", right=True)
    for place, name in enumerate(columns):
        widest = max(len(str(line[place])) for line in [columns, *lines])
        page.set_column(place, place, widest + 3)
        page.write_string(_TOP, place, name, look.head(right=name == "Rows"))
    for row, (each, line) in enumerate(zip(held, lines, strict=True), _TOP + 1):
        page.write_url(row, 0, f"internal:'{each.sheet}'!A1", look.link, each.sheet)
        for place in (1, 2, 3):
            page.write_string(row, place, str(line[place]))
        page.write_number(row, 4, each.model.rows, count_format)
        if not each.is_whole:
            page.write_string(row, 5, note(each), look.warning)
    page.activate()


def _line(held: Held) -> tuple[str | int, ...]:
    model = held.model
    return held.sheet, model.question, model.grain, model.layer, model.rows, note(held)


def note(held: Held) -> str:
    """Say what a sheet lacks of its model, if anything."""
    if held.is_whole:
        return ""
    said = []
    if held.rows < held.model.rows:
        said.append(f"the first {held.rows:,} of {held.model.rows:,} rows")
    if held.cut:
        plural = "" if held.cut == 1 else "s"
        said.append(f"{held.cut:,} text{plural} cut at {cells.LETTERS:,} letters")
    return f"Holds {', '.join(said)}; the CSV beside has all."


def _said(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
