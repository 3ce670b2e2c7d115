"""What does a row say?"""

from collections.abc import Mapping
from typing import Any

from p4books.endpoint import Endpoint, Kind
from p4books.push import columns, references, strict, values
from p4books.push.books import Books
from p4books.push.columns import Columns, Place
from p4books.push.document import Cell, Cells, Document
from p4books.push.fault import Fault
from p4books.push.row import Row
from p4books.push.values import Unfit, shown

_NO_LIST = "Write it as a list of objects in JSON, or write each in a row of its own."


class Reader:
    """Reads the rows of one file; it remembers which faults of the whole file were told."""

    def __init__(self, endpoint: Endpoint, books: Books, renamed: Mapping[str, str]) -> None:
        """Take what `check` was given. Raises UsageError for a senseless `renamed`."""
        self._books = books
        self._top = Columns(endpoint.name, columns.places(endpoint), renamed)
        self._top.check(renamed)
        self._within = {
            inner: Columns(f"the {inner} of {endpoint.name}", places, renamed)
            for inner, fields in endpoint.inner.items()
            for places in [columns.item_places(fields, inner)]
        }
        self._told: set[tuple[str, ...]] = set()

    def read(self, row: Row) -> Document:
        """Return what one row says, with the faults of its values."""
        document = Document([row])
        flat: dict[str, Cells] = {}
        for column, value in row.values.items():
            if not column.strip() and _is_empty(value):
                continue  # as a separator at the end of each line makes one
            place = self._top.find(column)
            if isinstance(place, Place):
                first = document.names.setdefault((place.items_of, place.field), column)
                if first != column:
                    place = columns.doubled(first, column, place.field)
            if isinstance(place, Unfit):
                self._tell(document, Fault(0, column, "", place.what, place.remedy), value)
            elif place and place.kind is None:
                self._read_list(document, place.field, column, value)
            elif place:
                into = flat.setdefault(place.items_of, {}) if place.items_of else document.header
                self._put(document, into, Cell(row.number, column, None), place, value)
        self._add_flat(document, flat)
        return document

    def _tell(self, document: Document, fault: Fault, value: object, *also: str) -> None:
        """Tell a fault of the whole file once; a document that loses a value by it is blocked."""
        document.is_blocked |= not _is_empty(value)
        key = also or (fault.column, fault.what)
        if key not in self._told:
            self._told.add(key)
            document.told.append(fault)

    def _put(self, document: Document, into: Cells, at: Cell, place: Place, value: object) -> None:
        """Read one value into its cell; one that can't be sent is told, and its cell is None."""
        try:
            said = values.read(value, place.kind or Kind.TEXT)
            if said is not None:
                said = references.meant(place.field, said, place.by, self._books)
                into[place.field] = at._replace(value=said)
        except Unfit as unfit:
            into[place.field] = at
            fault = Fault(at.row, at.column, shown(value), unfit.what, unfit.remedy)
            document.faults.append(fault)

    def _read_list(self, document: Document, inner: str, column: str, value: object) -> None:
        try:
            items = _objects(value)
        except Unfit as unfit:
            document.items[inner] = []
            document.is_nested = True
            fault = Fault(document.row, column, shown(value), unfit.what, unfit.remedy)
            document.faults.append(fault)
            return
        document.is_nested |= bool(items)
        for number, item in enumerate(items, 1):
            cells = self._read_item(document, inner, f"{column}[{number}]", item)
            document.items.setdefault(inner, []).append(cells)

    def _read_item(
        self, document: Document, inner: str, above: str, item: Mapping[str, Any]
    ) -> Cells:
        cells: Cells = {}
        seen: dict[str, str] = {}
        for name, value in item.items():
            at = Cell(document.row, f"{above}.{name}", None)
            place = self._within[inner].find(name)
            if isinstance(place, Place):
                first = seen.setdefault(place.field, name)
                if first != name:
                    place = columns.doubled(first, name, place.field)
            if isinstance(place, Unfit):
                fault = Fault(at.row, at.column, shown(value), place.what, place.remedy)
                self._tell(document, fault, value, inner, name, place.what)
            elif place:
                self._put(document, cells, at, place, value)
        return cells

    def _add_flat(self, document: Document, flat: Mapping[str, Cells]) -> None:
        for inner, cells in flat.items():
            if cells and document.is_nested:
                at = next(iter(cells.values()))
                what = f"The {inner} stand in one value and, beside it, in columns too."
                remedy = f"Write the {inner} one way only."
                document.faults.append(Fault(at.row, at.column, shown(at.value), what, remedy))
            elif cells:
                document.items.setdefault(inner, []).append(cells)


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _objects(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list, which a file of flat rows has as JSON text. Raises Unfit."""
    if _is_empty(value):
        return []
    if isinstance(value, str):
        try:
            value = strict.parse(value)
        except (ValueError, RecursionError):
            raise Unfit("It is no list in JSON.", _NO_LIST) from None
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise Unfit("It is no list of objects.", _NO_LIST)
    return value
