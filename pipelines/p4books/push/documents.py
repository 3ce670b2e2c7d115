"""Documents: records with their items, assembled from the rows of a file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from p4books.endpoints.column_names import fields_by_name
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.push.lookups import Lookups
from p4books.push.mapping import (
    ColumnMapping,
    ColumnTarget,
    Resolved,
    column_targets,
    duplicate_column,
    item_targets,
    list_unused,
    resolve_reference,
)
from p4books.push.types import FileFormat, RowFault, SourceRow
from p4books.push.values import UnfitValue, Value, format_value, parse_value
from p4books.spelling import is_same_name
from p4books.storage.exact_json import parse_strict

_AS_LIST = "Write it as a JSON list of objects, or write each item in a row of its own."


class FieldValue(NamedTuple):
    """A value and where it is in the file; None if it was reported as a fault."""

    row: int
    column: str
    value: Value | None


FieldValues = dict[str, FieldValue]  # by field, without empty ones


class HiddenRow(NamedTuple):
    """A row that a person does not see, and the code in it; None if it has none."""

    number: int
    code: str | None


@dataclass
class Document:
    """One record with the items of its lists, assembled from its rows.

    `columns` are the columns of its fields, by the list that a field belongs to (None: to none) and
    by field. `file_faults` are faults of the whole file that its rows are the first to show.
    `is_blocked` if a value of it is in a column that is not a field: it cannot be sent, and the
    fault has been reported. `is_nested` if a list of it is in one value, not in rows. `last` is its
    last row, if it has several.
    """

    rows: list[SourceRow]
    header: FieldValues = field(default_factory=dict)
    items: dict[str, list[FieldValues]] = field(default_factory=dict)
    columns: dict[tuple[str | None, str], str] = field(default_factory=dict)
    faults: list[RowFault] = field(default_factory=list)
    file_faults: list[RowFault] = field(default_factory=list)
    is_blocked: bool = False
    is_nested: bool = False
    last: "Document | None" = None

    @property
    def row(self) -> int:
        """The row where it begins."""
        return self.rows[0].number

    @property
    def code(self) -> str | None:
        """Its code; None if it has none that can be sent."""
        cell = self.header.get("code")
        return str(cell.value) if cell and cell.value is not None else None

    def continues_in(self, row: "Document") -> bool:
        """Return whether the next row belongs to this record: it has items and the same code.

        If a code is missing nobody knows whose items they are, so both are one record with a fault.
        """
        if self.is_nested or row.is_nested or not row.items:
            return False
        code = (self.last or self).code
        if code is None or row.code is None:
            return bool(self.items)
        return is_same_name(code, row.code)

    def append(self, row: "Document") -> None:
        """Add a row of this record; what it says of the record itself must be the same."""
        self.faults += row.faults
        self.file_faults += row.file_faults
        self.is_blocked |= row.is_blocked
        if self.code is not None and row.code is None:
            self.faults.append(_missing_code(row.row, self.header["code"].column))
        for name, cell in row.header.items():
            self._compare(name, cell, self.header.get(name))
        for inner, items in row.items.items():
            self.items.setdefault(inner, []).extend(items)
        self.rows += row.rows
        self.last = row

    def report_hidden(self, rows: Sequence["HiddenRow"]) -> None:
        """Report rows of this record that are hidden: it would be sent without them."""
        code = self.code
        if code is None or not self.items:
            return
        own = [row for row in rows if row.code is not None and is_same_name(row.code, code)]
        for row in own:
            self.faults.append(
                RowFault(
                    row.number,
                    self.header["code"].column,
                    format_value(code),
                    "The row is hidden, but other rows of its record are not.",
                    "Show it (clear the filter, or Unhide), or delete it: only what is seen is "
                    "sent.",
                )
            )

    def sorted_faults(self) -> list[RowFault]:
        """Return its faults in the order of its rows, and of the columns in each."""
        if not self.faults:
            return []
        places = {
            (row.number, column): place
            for row in self.rows
            for place, column in enumerate(row.values)
        }

        def position(fault: RowFault) -> tuple[int, int]:
            cell, list_cell = (fault.row, fault.column), (fault.row, fault.column.partition("[")[0])
            return fault.row, places.get(cell, places.get(list_cell, len(places)))

        return [self.locate(fault) for fault in sorted(self.faults, key=position)]

    def locate(self, fault: RowFault) -> RowFault:
        """Return a fault with the row where the record begins, and the address of its cell."""
        cell = self.cell(fault.row, fault.column.partition("[")[0])
        return replace(fault, record=self.row, cell=cell)

    def cell(self, row: int, column: str) -> str:
        """Return the address of a cell in a workbook; empty for another file."""
        layout = self.rows[0].layout
        return layout.cell(row, column) if layout else ""

    def _compare(self, name: str, cell: FieldValue, first: FieldValue | None) -> None:
        if first and (cell.value is None or first.value in {None, cell.value}):
            return
        there = (
            f"{name} is {format_value(first.value)} there" if first else f"{name} is empty there"
        )
        self.faults.append(
            RowFault(
                cell.row,
                cell.column,
                format_value(cell.value),
                f"The record {format_value(self.code)} begins in row {self.row}, and {there}.",
                "Write the same value in every row of a record, or only in its first.",
            )
        )


def read_documents(rows: Iterable[SourceRow], reader: "RowReader") -> Iterator[Document]:
    """Map the rows of a file to documents, as they come; consecutive rows may be one document.

    Rows that are hidden are left out; a document of which only some rows are hidden has a fault.
    """
    current: Document | None = None
    hidden: list[HiddenRow] = []  # since the last row that is seen
    for row in rows:
        if row.is_hidden:
            hidden.append(reader.read_hidden(row))
            continue
        document = reader.read_row(row)
        if current and current.continues_in(document):
            current.append(document)
        else:
            if current:
                current.report_hidden(hidden)
                yield current
            current = document
        current.report_hidden(hidden)
        hidden = []
    if current:
        current.report_hidden(hidden)
        yield current


class RowReader:
    """Reads the rows of one file; it remembers which faults of the whole file were reported.

    `columns` are the fields that its columns were taken as, `hidden_rows` and `hidden_columns` what
    was left out because nobody sees it, `header_row` is where its header is, None without one.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        lookups: Lookups,
        column_map: Mapping[str, str] | None = None,
        file_format: FileFormat | None = None,
    ) -> None:
        """`column_map` is our field by the file's column; an empty field ignores the column.

        Raises UsageError for a `column_map` that names an unknown field.
        """
        self._lookups = lookups
        self._format = file_format or FileFormat()
        self._column_map = column_map or {}
        names = fields_by_name(endpoint.name)
        self._mapping = ColumnMapping(
            endpoint.name, column_targets(endpoint), self._column_map, names
        )
        self._mapping.check_fields(self._column_map)
        self._item_mappings = {
            inner: ColumnMapping(
                f"the {inner} of {endpoint.name}",
                item_targets(fields, inner),
                self._column_map,
                names,
            )
            for inner, fields in endpoint.inner.items()
        }
        self._reported: set[tuple[str, ...]] = set()
        self.columns: dict[str, str] = {}
        self.hidden_rows: list[int] = []
        self.hidden_columns: tuple[str, ...] = ()
        self.header_row: int | None = None

    def read_row(self, row: SourceRow) -> Document:
        """Return one row as a document, with the faults of its values."""
        document = Document([row])
        items: dict[str, FieldValues] = {}
        targets = self._resolve_columns(row)
        for column, value in row.values.items():
            if not column.strip() and _is_empty_value(value):
                continue  # as a separator at the end of each line makes one
            target = targets[column]
            if isinstance(target, ColumnTarget):
                first = document.columns.setdefault(target.key, column)
                if first != column:
                    target = duplicate_column(first, column, target.field)
            if isinstance(target, UnfitValue):
                fault = RowFault(0, column, "", target.what, target.remedy)
                self._report_once(document, fault, value)
            elif target and target.kind is None:
                self._read_list(document, target.field, column, value)
            elif target:
                inner = target.items_of
                cells = items.setdefault(inner, {}) if inner else document.header
                self._read_value(
                    document, cells, FieldValue(row.number, column, None), target, value
                )
        self._add_items(document, items)
        return document

    def read_hidden(self, row: SourceRow) -> HiddenRow:
        """Note a row that is hidden, and return its code."""
        self.hidden_rows.append(row.number)
        code = None
        for column, target in self._resolve_columns(row).items():
            if isinstance(target, ColumnTarget) and target.key == (None, "code"):
                with suppress(UnfitValue):
                    code = parse_value(row.values[column], FieldType.TEXT)
        return HiddenRow(row.number, None if code is None else str(code))

    def find_unused(self) -> Iterator[RowFault]:
        """Yield a fault for each column of the map that no row had; call it after the last row."""
        if not self.columns:
            return
        used = {*self._mapping.used, *self.hidden_columns}
        for mapping in self._item_mappings.values():
            used |= mapping.used
        for column, unused in list_unused(self._column_map, used, self.columns):
            yield RowFault(0, column, "", unused.what, unused.remedy)

    def _resolve_columns(self, row: SourceRow) -> Mapping[str, Resolved]:
        targets = self._mapping.resolve(row.values)
        if not self.columns.keys() >= row.values.keys():
            for column, target in targets.items():
                name = self._mapping.name_target(target) if isinstance(target, ColumnTarget) else ""
                self.columns[column] = name
        if row.layout:
            self.header_row, self.hidden_columns = row.layout.header_row, row.layout.hidden
        return targets

    def _report_once(self, document: Document, fault: RowFault, value: object, *key: str) -> None:
        """Report a fault of the whole file once; a document that loses a value by it is blocked."""
        document.is_blocked |= not _is_empty_value(value)
        key = key or (fault.column, fault.what)
        if key not in self._reported:
            self._reported.add(key)
            layout = document.rows[0].layout
            cell = layout.cell(layout.header_row, fault.column) if layout and not fault.row else ""
            document.file_faults.append(replace(fault, cell=cell))

    def _read_value(
        self,
        document: Document,
        cells: FieldValues,
        cell: FieldValue,
        target: ColumnTarget,
        value: object,
    ) -> None:
        """Parse one value into its cell; one that cannot be sent is a fault, and its cell None."""
        try:
            parsed = parse_value(value, target.kind or FieldType.TEXT, self._format)
            if parsed is not None:
                sent = resolve_reference(target.field, parsed, target.by, self._lookups)
                if sent is not None:
                    cells[target.field] = cell._replace(value=sent)
        except UnfitValue as unfit:
            cells[target.field] = cell
            fault = RowFault(cell.row, cell.column, format_value(value), unfit.what, unfit.remedy)
            document.faults.append(fault)

    def _read_list(self, document: Document, inner: str, column: str, value: object) -> None:
        try:
            items = _parse_items(value)
        except UnfitValue as unfit:
            document.items[inner] = []
            document.is_nested = True
            fault = RowFault(document.row, column, format_value(value), unfit.what, unfit.remedy)
            document.faults.append(fault)
            return
        document.is_nested |= bool(items)
        for number, item in enumerate(items, 1):
            cells = self._read_item(document, inner, f"{column}[{number}]", item)
            document.items.setdefault(inner, []).append(cells)

    def _read_item(
        self, document: Document, inner: str, path: str, item: Mapping[str, Any]
    ) -> FieldValues:
        cells: FieldValues = {}
        names: dict[str, str] = {}
        targets = self._item_mappings[inner].resolve(item)
        for name, value in item.items():
            cell = FieldValue(document.row, f"{path}.{name}", None)
            target = targets[name]
            if isinstance(target, ColumnTarget):
                first = names.setdefault(target.field, name)
                if first != name:
                    target = duplicate_column(first, name, target.field)
            if isinstance(target, UnfitValue):
                fault = RowFault(
                    cell.row, cell.column, format_value(value), target.what, target.remedy
                )
                self._report_once(document, fault, value, inner, name, target.what)
            elif target:
                self._read_value(document, cells, cell, target, value)
        return cells

    def _add_items(self, document: Document, items: Mapping[str, FieldValues]) -> None:
        """Add the items whose fields are columns of the row."""
        for inner, cells in items.items():
            if cells and document.is_nested:
                cell = next(iter(cells.values()))
                what = f"The {inner} are given both as one value and in columns of their own."
                remedy = f"Write the {inner} in one way only."
                document.faults.append(
                    RowFault(cell.row, cell.column, format_value(cell.value), what, remedy)
                )
            elif cells:
                document.items.setdefault(inner, []).append(cells)


def _missing_code(row: int, column: str) -> RowFault:
    what = "Without a code it is unclear which record this row belongs to."
    return RowFault(row, column, "", what, "Write the record's code in each of its rows.")


def _is_empty_value(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _parse_items(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list; flat files have it as JSON text. Raises UnfitValue."""
    if _is_empty_value(value):
        return []
    if isinstance(value, str):
        try:
            value = parse_strict(value)
        except (ValueError, RecursionError):
            raise UnfitValue("It is not a JSON list.", _AS_LIST) from None
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise UnfitValue("It is not a list of objects.", _AS_LIST)
    return value
