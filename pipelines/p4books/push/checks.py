"""What of a user's file may be sent?

Each record is checked by itself, its references against the books; nothing of the file is kept but
the codes and where they stand.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from p4books.endpoint import Endpoint
from p4books.push import needs, totals
from p4books.push.books import Books
from p4books.push.document import Cells, Document
from p4books.push.draft import Draft
from p4books.push.fault import Fault
from p4books.push.meaning import Reader
from p4books.push.row import Row
from p4books.push.values import Value, shown

_ENCODER = msgspec.json.Encoder(order="sorted", decimal_format="number")


def check(
    rows: Iterable[Row], endpoint: Endpoint, books: Books, renamed: Mapping[str, str]
) -> Iterator[Draft | Fault]:
    """Give each record of a file as a draft, or all that is wrong with it, as its rows come.

    `renamed` says of columns which field they are (theirs to ours); an empty one is left out. A
    fault of the whole file has row 0 and comes once, and no record that loses a value by it is
    given. Raises UsageError for a `renamed` that names no field, and nothing for a row.
    """
    return _checked(rows, endpoint, books, Reader(endpoint, books, renamed))


def _checked(
    rows: Iterable[Row], endpoint: Endpoint, books: Books, reader: Reader
) -> Iterator[Draft | Fault]:
    seen: dict[str, int] = {}
    told: set[str] = set()
    for document in _documents(reader.read(row) for row in rows):
        yield from document.told
        document.faults += needs.lacking(document, endpoint)
        again = list(_again(document, seen, told))
        yield from again
        if not (again or document.faults or document.is_blocked):
            document.faults += _contradictions(document, endpoint, books)
        if document.faults:
            yield from document.sorted_faults()
        elif not (again or document.is_blocked):
            yield _draft(document, endpoint, books)


def _documents(rows: Iterable[Document]) -> Iterator[Document]:
    """Put together the rows that stand one after the other and are one record."""
    current: Document | None = None
    for row in rows:
        if current and current.goes_on_in(row):
            current.take(row)
            continue
        if current:
            yield current
        current = row
    if current:
        yield current


def _again(document: Document, seen: dict[str, int], told: set[str]) -> Iterator[Fault]:
    """Tell of a code that stood in the file before, here and, once, where it stood first."""
    code = document.code
    if code is None or (first := seen.setdefault(code, document.row)) == document.row:
        return
    remedy = "Keep each record once."
    if document.items:
        remedy = "Keep each record once, its rows one after the other: sort the file by code."
    cell = document.header["code"]
    for row, other, where in ((cell.row, first, "already"), (first, cell.row, "again")):
        if row != first or code not in told:
            what = f"This code stands in row {other} {where}."
            yield Fault(row, cell.column, shown(code), what, remedy, row)
    told.add(code)


def _contradictions(document: Document, endpoint: Endpoint, books: Books) -> Iterator[Fault]:
    if "lines" not in endpoint.inner:
        return
    lines = document.items["lines"]
    odd = totals.contradictions(
        _values(document.header), [_values(line) for line in lines], books.rate
    )
    for each in odd:
        cell = (document.header if each.line is None else lines[each.line])[each.field]
        yield Fault(
            cell.row,
            cell.column,
            shown(cell.value),
            each.what,
            "Correct whichever is wrong; nothing is sent that does not add up.",
        )


def _values(cells: Cells) -> dict[str, Value]:
    return {name: cell.value for name, cell in cells.items() if cell.value is not None}


def _draft(document: Document, endpoint: Endpoint, books: Books) -> Draft:
    record: dict[str, Any] = _values(document.header)
    for inner, items in document.items.items():
        record[inner] = [_values(item) for item in items if item]
    body = _ENCODER.encode(record)
    code = document.code or ""
    told = hashlib.sha256(endpoint.name.encode() + b"\n" + body).hexdigest()
    there = code if code in books.own.codes else books.own.spelt(code)
    return Draft(document.row, code, body, told, books.own.codes.get(there or ""), there)
