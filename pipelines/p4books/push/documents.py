"""Records and their items, assembled from the rows of a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from p4books.endpoints.definition import Endpoint, FieldType
from p4books.push.lookups import Lookups
from p4books.push.mapping import (
    ColumnMapping,
    ColumnTarget,
    column_targets,
    duplicate_column,
    item_targets,
    resolve_reference,
)
from p4books.push.types import Fault, SourceRow
from p4books.push.values import UnfitValue, Value, format_value, parse_value
from p4books.storage.exact_json import parse_strict


class FieldValue(NamedTuple):
    """A value and where it stands; None is one that was told as a fault."""

    row: int
    column: str
    value: Value | None


FieldValues = dict[str, FieldValue]  # by field; what is empty is not in it


@dataclass
class Document:
    """One record with the items of its lists, as its rows say them.

    `names` are the columns of its fields, by the list in which a field is (None: in none) and by
    field. `told` are faults of the whole file that its rows show first. `is_blocked` where a value
    of it stands where nobody knows a field: it can't be sent, and the fault was told already.
    `is_nested` where a list of it stands in one value, not in rows. `last` is what its last row
    said, where it has several.
    """

    rows: list[SourceRow]
    header: FieldValues = field(default_factory=dict)
    items: dict[str, list[FieldValues]] = field(default_factory=dict)
    names: dict[tuple[str | None, str], str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    told: list[Fault] = field(default_factory=list)
    is_blocked: bool = False
    is_nested: bool = False
    last: "Document | None" = None

    @property
    def row(self) -> int:
        """Where it begins."""
        return self.rows[0].number

    @property
    def code(self) -> str | None:
        """Its code; None where it has none that can be sent."""
        cell = self.header.get("code")
        return str(cell.value) if cell and cell.value is not None else None

    def goes_on_in(self, other: "Document") -> bool:
        """Tell whether another's rows are more of this one: items under the same code.

        Where a code is missing nobody knows whose items they are, so that both are one, and bad.
        """
        if self.is_nested or other.is_nested or not other.items:
            return False
        before = (self.last or self).code
        if before is None or other.code is None:
            return bool(self.items)
        return before == other.code

    def take(self, other: "Document") -> None:
        """Add rows that are more of this one; what they say of the record must be the same."""
        self.faults += other.faults
        self.told += other.told
        self.is_blocked |= other.is_blocked
        if self.code is not None and other.code is None:
            self.faults.append(_nameless(other.row, self.header["code"].column))
        for name, cell in other.header.items():
            self._compare(name, cell, self.header.get(name))
        for inner, items in other.items.items():
            self.items.setdefault(inner, []).extend(items)
        self.rows += other.rows
        self.last = other

    def _compare(self, name: str, cell: FieldValue, before: FieldValue | None) -> None:
        if before and (cell.value is None or before.value in {None, cell.value}):
            return
        first = (
            f"{name} is {format_value(before.value)} there" if before else f"{name} is empty there"
        )
        self.faults.append(
            Fault(
                cell.row,
                cell.column,
                format_value(cell.value),
                f"The record {format_value(self.code)} begins in row {self.row}, and {first}.",
                "Write the same in every row of a record, or only in its first.",
            )
        )

    def sorted_faults(self) -> list[Fault]:
        """Return its faults in the order of its rows, and of the columns in each."""
        places = {
            (row.number, column): place
            for row in self.rows
            for place, column in enumerate(row.values)
        }

        def place(fault: Fault) -> tuple[int, int]:
            whole, inner = (fault.row, fault.column), (fault.row, fault.column.partition("[")[0])
            return fault.row, places.get(whole, places.get(inner, len(places)))

        return [replace(fault, record=self.row) for fault in sorted(self.faults, key=place)]


def _nameless(row: int, column: str) -> Fault:
    what = "Whose row it is can't be told, and the record before it may lack it."
    return Fault(row, column, "", what, "Write the record's code in each of its rows.")


_NO_LIST = "Write it as a list of objects in JSON, or write each in a row of its own."


class RecordReader:
    """Reads the rows of one file; it remembers which faults of the whole file were told."""

    def __init__(self, endpoint: Endpoint, books: Lookups, renamed: Mapping[str, str]) -> None:
        """Take what `check` was given. Raises UsageError for a senseless `renamed`."""
        self._books = books
        self._top = ColumnMapping(endpoint.name, column_targets(endpoint), renamed)
        self._top.check(renamed)
        self._within = {
            inner: ColumnMapping(f"the {inner} of {endpoint.name}", places, renamed)
            for inner, fields in endpoint.inner.items()
            for places in [item_targets(fields, inner)]
        }
        self._told: set[tuple[str, ...]] = set()

    def read(self, row: SourceRow) -> Document:
        """Return what one row says, with the faults of its values."""
        document = Document([row])
        flat: dict[str, FieldValues] = {}
        for column, value in row.values.items():
            if not column.strip() and _is_empty_value(value):
                continue  # as a separator at the end of each line makes one
            place = self._top.find(column)
            if isinstance(place, ColumnTarget):
                first = document.names.setdefault((place.items_of, place.field), column)
                if first != column:
                    place = duplicate_column(first, column, place.field)
            if isinstance(place, UnfitValue):
                self._tell(document, Fault(0, column, "", place.what, place.remedy), value)
            elif place and place.kind is None:
                self._read_list(document, place.field, column, value)
            elif place:
                into = flat.setdefault(place.items_of, {}) if place.items_of else document.header
                self._put(document, into, FieldValue(row.number, column, None), place, value)
        self._add_flat(document, flat)
        return document

    def _tell(self, document: Document, fault: Fault, value: object, *also: str) -> None:
        """Tell a fault of the whole file once; a document that loses a value by it is blocked."""
        document.is_blocked |= not _is_empty_value(value)
        key = also or (fault.column, fault.what)
        if key not in self._told:
            self._told.add(key)
            document.told.append(fault)

    def _put(
        self,
        document: Document,
        into: FieldValues,
        at: FieldValue,
        place: ColumnTarget,
        value: object,
    ) -> None:
        """Read one value into its cell; one that can't be sent is told, and its cell is None."""
        try:
            said = parse_value(value, place.kind or FieldType.TEXT)
            if said is not None:
                said = resolve_reference(place.field, said, place.by, self._books)
                into[place.field] = at._replace(value=said)
        except UnfitValue as unfit:
            into[place.field] = at
            fault = Fault(at.row, at.column, format_value(value), unfit.what, unfit.remedy)
            document.faults.append(fault)

    def _read_list(self, document: Document, inner: str, column: str, value: object) -> None:
        try:
            items = _parse_items(value)
        except UnfitValue as unfit:
            document.items[inner] = []
            document.is_nested = True
            fault = Fault(document.row, column, format_value(value), unfit.what, unfit.remedy)
            document.faults.append(fault)
            return
        document.is_nested |= bool(items)
        for number, item in enumerate(items, 1):
            cells = self._read_item(document, inner, f"{column}[{number}]", item)
            document.items.setdefault(inner, []).append(cells)

    def _read_item(
        self, document: Document, inner: str, above: str, item: Mapping[str, Any]
    ) -> FieldValues:
        cells: FieldValues = {}
        seen: dict[str, str] = {}
        for name, value in item.items():
            at = FieldValue(document.row, f"{above}.{name}", None)
            place = self._within[inner].find(name)
            if isinstance(place, ColumnTarget):
                first = seen.setdefault(place.field, name)
                if first != name:
                    place = duplicate_column(first, name, place.field)
            if isinstance(place, UnfitValue):
                fault = Fault(at.row, at.column, format_value(value), place.what, place.remedy)
                self._tell(document, fault, value, inner, name, place.what)
            elif place:
                self._put(document, cells, at, place, value)
        return cells

    def _add_flat(self, document: Document, flat: Mapping[str, FieldValues]) -> None:
        for inner, cells in flat.items():
            if cells and document.is_nested:
                at = next(iter(cells.values()))
                what = f"The {inner} stand in one value and, beside it, in columns too."
                remedy = f"Write the {inner} one way only."
                document.faults.append(
                    Fault(at.row, at.column, format_value(at.value), what, remedy)
                )
            elif cells:
                document.items.setdefault(inner, []).append(cells)


def _is_empty_value(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _parse_items(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list, which a file of flat rows has as JSON text. Raises Unfit."""
    if _is_empty_value(value):
        return []
    if isinstance(value, str):
        try:
            value = parse_strict(value)
        except (ValueError, RecursionError):
            raise UnfitValue("It is no list in JSON.", _NO_LIST) from None
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise UnfitValue("It is no list of objects.", _NO_LIST)
    return value
