"""Mapping of file columns to fields, and of references to the ids of records."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from p4books.endpoints.definition import Endpoint, Fields, FieldType
from p4books.errors import UsageError, describe_unknown
from p4books.extract.page import snake_case
from p4books.push.lookups import REFERENCES, Lookups, RecordIndex
from p4books.push.values import UnfitValue, Value, format_value
from p4books.spelling import canonical_id, clean_name, fold_name

_UNCHECKED = {"sales_order_id", "warehouse_id", "product_group_id"}  # their lists are not synced
_NAMES = {"code", "tax_code", "currency"}


class ReferenceBy(Enum):
    """How a column refers to a record."""

    EITHER = "id or code"
    CODE = "code"


@dataclass(frozen=True)
class ColumnTarget:
    """Where the values of a column go: to a field of the record, or of the items in `items_of`.

    `kind` is None if the column contains a whole list. `by` is how it refers to a record.
    """

    field: str
    kind: FieldType | None
    items_of: str | None = None
    by: ReferenceBy = ReferenceBy.EITHER


ColumnTargets = Mapping[str, ColumnTarget]


class ColumnMapping:
    """The columns of a file or of the items in it; `of` is whose they are: invoices, lines.

    `column_map` is our field by the file's column, for columns with another name; an empty field
    ignores the column.
    """

    def __init__(
        self, of: str, targets: ColumnTargets, column_map: Mapping[str, str] | None = None
    ) -> None:
        self._of = of
        self._targets = targets
        self._names = frozenset(targets)
        self._column_map = {
            _normalize_name(column): name for column, name in (column_map or {}).items()
        }
        self._resolved: dict[str, ColumnTarget | UnfitValue | None] = {}

    def check_fields(self, column_map: Mapping[str, str]) -> None:
        """Check that the fields that columns are mapped to exist. Raises UsageError."""
        for column, field in column_map.items():
            name = snake_case(field, self._names)
            if field and name not in self._targets:
                if name == "id":
                    why = "P4 Books assigns the ids."
                else:
                    why = describe_unknown(f"{self._of} field", field, sorted(self._names))
                raise UsageError(f"`--map {column}={field}`: {why} Nothing was sent.")

    def resolve(self, column: str) -> ColumnTarget | UnfitValue | None:
        """Return where a column goes, or why nowhere; None if it is ignored."""
        if column not in self._resolved:
            self._resolved[column] = self._resolve(column)
        return self._resolved[column]

    def _resolve(self, column: str) -> ColumnTarget | UnfitValue | None:
        field = self._column_map.get(_normalize_name(column))
        if field == "":
            return None
        if field and (target := self._targets.get(snake_case(field, self._names))):
            return target
        name = snake_case(column, self._names | {"id"})
        return self._targets.get(name) or self._explain_unknown(column, name)

    def _explain_unknown(self, column: str, name: str) -> UnfitValue:
        ignore = f"`--map {_map_argument(column)}`"
        if not column.strip():
            return UnfitValue(
                "A column without a name has values.", "Name it in the file's header."
            )
        if name == "id":
            return UnfitValue("P4 Books assigns the ids.", f"Ignore the column with {ignore}.")
        kind, names = f"{self._of} field", sorted(self._names)
        return UnfitValue(
            describe_unknown(kind, format_value(column), names, "No field is similar."),
            f"Map it to a field with `--map {_map_argument(column, 'FIELD')}`, "
            f"or ignore it with {ignore}.",
        )


def column_targets(endpoint: Endpoint) -> dict[str, ColumnTarget]:
    """Return the target of every name that a column can have, in our spelling.

    If a record has one list, the fields of its items can be columns beside the record's own: under
    their own names if the record has no such field, and always prefixed with the item
    (line_subtotal).
    """
    targets = _record_targets(endpoint.fields)
    targets |= {name: ColumnTarget(name, None) for name in endpoint.inner}
    if len(endpoint.inner) == 1:
        ((inner, fields),) = endpoint.inner.items()
        items = item_targets(fields, inner)
        singular = inner.removesuffix("es") if inner.endswith("sses") else inner.removesuffix("s")
        prefixed = {f"{singular}_{name}": target for name, target in items.items()}
        targets = prefixed | items | targets
    return targets


def item_targets(fields: Fields, inner: str) -> dict[str, ColumnTarget]:
    """Return the same for the items of a list that is in one value."""
    return {
        name: replace(target, items_of=inner) for name, target in _record_targets(fields).items()
    }


def duplicate_column(first: str, second: str, field: str) -> UnfitValue:
    """Describe two columns that are the same field."""
    return UnfitValue(
        f"{format_value(first)} and {format_value(second)} are both {field}.",
        f"Keep one of them and ignore the other with `--map {_map_argument(second)}`.",
    )


def resolve_reference(
    field: str, value: Value | None, by: ReferenceBy, lookups: Lookups
) -> Value | None:
    """Return what is sent for a value of a field: for a reference the id of its record.

    Raises UnfitValue if it matches no record or is ambiguous, and for an unknown tax code.
    """
    if not isinstance(value, str):
        return value
    if field in _NAMES and not (value := clean_name(value)):
        return None  # of invisible characters only
    if field == "tax_code":
        return _check_tax_code(value, lookups)
    if field in _UNCHECKED:
        return _format_id(canonical_id(value))
    if field not in REFERENCES:
        return value
    noun = field.removesuffix("_id")
    return _format_id(_find_id(clean_name(value), by, lookups.lists[REFERENCES[field]], noun))


def _record_targets(fields: Fields) -> dict[str, ColumnTarget]:
    targets = {name: ColumnTarget(name, kind) for name, kind in fields.items() if name != "id"}
    references = {}
    for name in targets.keys() & REFERENCES.keys():
        noun = name.removesuffix("_id")
        references[noun] = ColumnTarget(name, FieldType.TEXT)
        references[f"{noun}_code"] = ColumnTarget(name, FieldType.TEXT, by=ReferenceBy.CODE)
    return references | targets


def _normalize_name(column: str) -> str:
    return " ".join(column.split())  # case is kept: Code and code may be two columns


def _map_argument(column: str, field: str = "") -> str:
    argument = f"{format_value(column)}={field}"
    return f'"{argument}"' if " " in argument else argument


def _format_id(value: str) -> str | int:
    """Return an id as P4 Books writes it: as a number if it is one."""
    return int(value) if re.fullmatch("0|[1-9][0-9]{0,17}", value) else value


def _find_id(value: str, by: ReferenceBy, index: RecordIndex, noun: str) -> str:
    spellings = index.list_spellings(value)
    id_of_code = index.codes[spellings[0]] if spellings else None
    id_ = canonical_id(value)
    if by is ReferenceBy.EITHER and (id_ in index.ids or id_ in index.gone):
        if id_of_code and id_of_code != id_:
            raise UnfitValue(
                f"It is the id of one {noun} and the code of another.",
                f"Name the column {noun}_code and write codes in it.",
            )
        if id_ in index.ids:
            return id_
    if len(spellings) > 1 or not index.duplicates.isdisjoint(spellings):
        raise UnfitValue(f"More than one {noun} has this code.", f"Write the {noun}'s id instead.")
    if id_of_code:
        return id_of_code
    raise _unknown_reference(value, by, index, noun)


def _unknown_reference(value: str, by: ReferenceBy, index: RecordIndex, noun: str) -> UnfitValue:
    if index.is_gone(value) or (by is ReferenceBy.EITHER and canonical_id(value) in index.gone):
        return UnfitValue(
            f"This {noun} has been deleted in P4 Books.", f"Write a {noun} that still exists."
        )
    return UnfitValue(
        index.describe_unknown(noun, format_value(value)),
        f"Correct it, or create the {noun} and run `p4books sync`.",
    )


def _check_tax_code(value: str, lookups: Lookups) -> str:
    if not lookups.tax_codes or fold_name(value) in lookups.tax_codes:
        return value
    known = ", ".join(sorted(lookups.tax_codes.values())[:20])
    raise UnfitValue(
        f"Unknown tax code; known are {known}.",
        "Write one of them, or add it with its rate to sql/seeds/tax_rates.csv.",
    )
