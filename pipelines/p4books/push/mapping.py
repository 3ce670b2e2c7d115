"""Mapping of file columns to fields, and of references to records."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from p4books.endpoints.definition import Endpoint, Fields, FieldType
from p4books.errors import UsageError, describe_unknown
from p4books.extract.page import snake_case
from p4books.push.lookups import REFERENCES, Lookups, RecordIndex
from p4books.push.values import UnfitValue, Value, format_value

_AS_THEY_ARE = {"sales_order_id", "warehouse_id", "product_group_id"}  # nothing to look them up in


class ReferenceBy(Enum):
    """How a column names a record."""

    EITHER = "id or code"
    CODE = "code"


def resolve_reference(
    field: str, value: Value | None, by: ReferenceBy, books: Lookups
) -> Value | None:
    """Return what is sent for a value of a field: for a reference the id of its record.

    Raises Unfit where it means none, or may mean two, and for a tax code that nobody knows.
    """
    if not isinstance(value, str):
        return value
    if field == "tax_code":
        return _check_tax_code(value, books)
    if field in _AS_THEY_ARE:
        return _find_by_id(value)
    if field not in REFERENCES:
        return value
    noun = field.removesuffix("_id")
    listed = books.lists[REFERENCES[field]]
    return _find_by_id(_find_by_code(value, by, listed, noun))


def _find_by_id(value: str) -> str | int:
    """Tell an id as P4 Books does: as a number, where it is one."""
    return int(value) if re.fullmatch("0|[1-9][0-9]{0,17}", value) else value


def _find_by_code(value: str, by: ReferenceBy, listed: RecordIndex, noun: str) -> str:
    as_code = listed.codes.get(value)
    if by is ReferenceBy.EITHER and (value in listed.ids or value in listed.gone):
        if as_code and as_code != value:
            raise UnfitValue(
                f"It is the id of one {noun} and the code of another.",
                f"Name the column {noun}_code and write codes in it.",
            )
        if value in listed.ids:
            return value
    if as_code and value in listed.doubled:
        raise UnfitValue(f"More than one {noun} has this code.", f"Write the {noun}'s id instead.")
    if as_code:
        return as_code
    raise _unknown_reference(value, by, listed, noun)


def _unknown_reference(value: str, by: ReferenceBy, listed: RecordIndex, noun: str) -> UnfitValue:
    if value in listed.gone_codes or (by is ReferenceBy.EITHER and value in listed.gone):
        return UnfitValue(
            f"This {noun} is gone: P4 Books no longer shows it.",
            f"Write a {noun} that is there.",
        )
    return UnfitValue(
        listed.describe_unknown(noun, format_value(value)),
        f"Correct it, or create the {noun} and run `p4books sync`.",
    )


def _check_tax_code(value: str, books: Lookups) -> str:
    if not books.tax_codes or value.upper() in books.tax_codes:
        return value
    known = ", ".join(sorted(books.tax_codes.values())[:20])
    raise UnfitValue(
        f"Nobody knows this tax code; known are {known}.",
        "Write one of them, or add it with its rate to sql/seeds/tax_rates.csv.",
    )


@dataclass(frozen=True)
class ColumnTarget:
    """Where the values of a column go: to a field of the record, or of the items in a list of it.

    `kind` is None where the column holds a whole list. `by` is how it names a record.
    """

    field: str
    kind: FieldType | None
    items_of: str | None = None
    by: ReferenceBy = ReferenceBy.EITHER


ColumnTargets = Mapping[str, ColumnTarget]


def column_targets(endpoint: Endpoint) -> dict[str, ColumnTarget]:
    """Return every name that a column may have, in our spelling, and its place.

    Where a record has one list, the fields of its items may stand beside the record's own: under
    their names where the record has no such field, and always after the list's (line_subtotal).
    """
    found = _own_names(endpoint.fields) | {
        name: ColumnTarget(name, None) for name in endpoint.inner
    }
    if len(endpoint.inner) == 1:
        ((inner, fields),) = endpoint.inner.items()
        items = item_targets(fields, inner)
        one = inner.removesuffix("es") if inner.endswith("sses") else inner.removesuffix("s")
        found = {f"{one}_{name}": place for name, place in items.items()} | items | found
    return found


def item_targets(fields: Fields, inner: str) -> dict[str, ColumnTarget]:
    """Return the same of the items in a list that stands in one value."""
    return {name: replace(place, items_of=inner) for name, place in _own_names(fields).items()}


def _own_names(fields: Fields) -> dict[str, ColumnTarget]:
    named = {name: ColumnTarget(name, kind) for name, kind in fields.items() if name != "id"}
    spelled = {}
    for name in named.keys() & REFERENCES.keys():
        noun = name.removesuffix("_id")
        spelled[noun] = ColumnTarget(name, FieldType.TEXT)
        spelled[f"{noun}_code"] = ColumnTarget(name, FieldType.TEXT, by=ReferenceBy.CODE)
    return spelled | named


class ColumnMapping:
    """The columns of a file or of the items in it; `of` is whose they are: invoices, lines.

    `renamed` says of some which field they are, under another name; an empty one leaves it out.
    """

    def __init__(
        self, of: str, known: ColumnTargets, renamed: Mapping[str, str] | None = None
    ) -> None:
        self._of = of
        self._known = known
        self._names = frozenset(known)
        self._renamed = {_normalize_name(theirs): ours for theirs, ours in (renamed or {}).items()}
        self._found: dict[str, ColumnTarget | UnfitValue | None] = {}

    def find(self, column: str) -> ColumnTarget | UnfitValue | None:
        """Return a column's place, or why it has none; None where it is left out."""
        if column not in self._found:
            self._found[column] = self._look_up(column)
        return self._found[column]

    def check(self, renamed: Mapping[str, str]) -> None:
        """Make sure that what columns are renamed to exists. Raises UsageError."""
        for theirs, ours in renamed.items():
            name = snake_case(ours, self._names)
            if ours and name not in self._known:
                why = (
                    "P4 Books assigns the ids."
                    if name == "id"
                    else describe_unknown(f"{self._of} field", ours, sorted(self._names))
                )
                raise UsageError(f"`--map {theirs}={ours}`: {why} Nothing was sent.")

    def _look_up(self, column: str) -> ColumnTarget | UnfitValue | None:
        ours = self._renamed.get(_normalize_name(column))
        if ours == "":
            return None
        if ours and (place := self._known.get(snake_case(ours, self._names))):
            return place
        name = snake_case(column, self._names | {"id"})
        return self._known.get(name) or self._unknown(column, name)

    def _unknown(self, column: str, name: str) -> UnfitValue:
        map_it = f"`--map {_map_argument(column, 'FIELD')}`"
        leave_it = f"`--map {_map_argument(column)}`"
        if not column.strip():
            return UnfitValue(
                "A column without a name holds values.", "Name it in the file's header."
            )
        if name == "id":
            return UnfitValue("P4 Books assigns the ids.", f"Leave the column out: {leave_it}.")
        kind, names = f"{self._of} field", sorted(self._names)
        return UnfitValue(
            describe_unknown(kind, format_value(column), names, "No field is similar."),
            f"Say which field it is with {map_it}, or leave it out with {leave_it}.",
        )


def duplicate_column(first: str, second: str, field: str) -> UnfitValue:
    """Say that two columns are the same field."""
    return UnfitValue(
        f"{format_value(first)} and {format_value(second)} are both {field}.",
        f"Keep one of them: leave the other out with `--map {_map_argument(second)}`.",
    )


def _normalize_name(column: str) -> str:
    return " ".join(column.split())  # in its own case: Code and code may be two


def _map_argument(column: str, ours: str = "") -> str:
    said = f"{format_value(column)}={ours}"
    return f'"{said}"' if " " in said else said
