"""What must a record have?"""

from collections.abc import Iterator

from p4books.endpoint import Endpoint
from p4books.push.books import REFERENCES
from p4books.push.document import Cells, Document
from p4books.push.fault import Fault

_OF_A_LINE = ("quantity", "price")


def lacking(document: Document, endpoint: Endpoint) -> Iterator[Fault]:
    """Tell what a record lacks: a code; a name, or a party and lines with quantity and price.

    Where the file has no column for it, our own name of the field is told.
    """
    for name in required(endpoint):
        if name not in document.header:
            column = document.names.get((None, name), name)
            yield _fault(document.row, column, f"{name} is empty.")
    if "lines" not in endpoint.inner:
        return
    if "lines" not in document.items:
        yield _fault(document.row, document.names.get((None, "lines"), "lines"), "It has no lines.")
    for number, line in enumerate(document.items.get("lines", []), 1):
        for name in _OF_A_LINE:
            if name not in line:
                row, column = _place(document, line, number, name)
                yield _fault(row, column, f"{name} of line {number} is empty.")


def required(endpoint: Endpoint, inner: str | None = None) -> list[str]:
    """Name the fields that a record must have, or an item of one of its lists."""
    if inner:
        return list(_OF_A_LINE) if inner == "lines" else []
    if "lines" not in endpoint.inner:
        return ["code", "name"]
    return ["code", *(name for name in endpoint.fields if name in REFERENCES)]


def _place(document: Document, line: Cells, number: int, name: str) -> tuple[int, str]:
    if document.is_nested:
        whole = document.names.get((None, "lines"), "lines")
        return document.row, f"{whole}[{number}].{name}"
    beside = next(iter(line.values()))
    return beside.row, document.names.get(("lines", name), name)


def _fault(row: int, column: str, what: str) -> Fault:
    return Fault(row, column, "", what, "Fill it in: a record without it can't be sent.")
