"""Mapping of file columns to fields, and of references to the ids of records."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from p4books.endpoints.column_names import column_names, fields_by_name, fold_column
from p4books.endpoints.definition import Endpoint, Fields, FieldType
from p4books.errors import UsageError, describe_unknown
from p4books.extract.page import snake_case
from p4books.push.lookups import REFERENCES, Lookups, RecordIndex
from p4books.push.values import UnfitValue, Value, format_value
from p4books.spelling import canonical_id, clean_name, fold_name

_UNCHECKED = {"sales_order_id", "warehouse_id", "product_group_id"}  # their lists are not synced
_NAMES = {"code", "tax_code", "currency"}
_CODES_SHOWN = 5  # of records that have one name


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

    @property
    def key(self) -> tuple[str | None, str]:
        """The field that it is: two columns of a file cannot have the same one."""
        return self.items_of, self.field


ColumnTargets = Mapping[str, ColumnTarget]
Resolved = ColumnTarget | UnfitValue | None


class ColumnMapping:
    """The columns of a file or of the items in it; `of` is whose they are: invoices, lines.

    `names` are the fields that a column can stand for, by its name in Spanish or English offices;
    `column_map` is our field by the file's column, for columns with another name; an empty field
    ignores the column. `used` are the columns of the map that were found.
    """

    def __init__(
        self,
        of: str,
        targets: ColumnTargets,
        column_map: Mapping[str, str] | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._of = of
        self._targets = targets
        self._fields = frozenset(targets)
        self._names = names or {}
        self._column_map = {
            _normalize_name(column): name for column, name in (column_map or {}).items()
        }
        self._resolved: dict[tuple[str, ...], dict[str, Resolved]] = {}
        self.used: set[str] = set()

    def check_fields(self, column_map: Mapping[str, str]) -> None:
        """Check that the fields that columns are mapped to exist. Raises UsageError."""
        for column, field in column_map.items():
            name = snake_case(field, self._fields)
            if field and name not in self._targets:
                if name == "id":
                    why = "P4 Books assigns the ids."
                else:
                    why = describe_unknown(f"{self._of} field", field, sorted(self._fields))
                raise UsageError(f"`--map {column}={field}`: {why} Nothing was sent.")

    def resolve(self, columns: Iterable[str]) -> Mapping[str, Resolved]:
        """Return where each column of a row goes, or why nowhere; None if it is ignored.

        A name that stands for several fields is the one of them that no other column is.
        """
        key = tuple(columns)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(key)
        return self._resolved[key]

    def knows(self, column: str) -> bool:
        """Return whether a column of this name can be a field, or is in the map."""
        return not isinstance(self._find_targets(column), UnfitValue)

    def _resolve(self, columns: Sequence[str]) -> dict[str, Resolved]:
        found: dict[str, Resolved] = {}
        unclear: dict[str, list[ColumnTarget]] = {}
        for column in columns:
            targets = self._find_targets(column)
            if isinstance(targets, list) and len(targets) > 1:
                unclear[column] = targets
            else:
                found[column] = targets[0] if isinstance(targets, list) else targets
        taken = {each.key for each in found.values() if isinstance(each, ColumnTarget)}
        for column, targets in unclear.items():
            left = [target for target in targets if target.key not in taken] or targets[:1]
            found[column] = left[0] if len(left) == 1 else self._explain_unclear(column, left)
        return {column: found[column] for column in columns}

    def _find_targets(self, column: str) -> list[ColumnTarget] | UnfitValue | None:
        """Return where a column can go by its name alone."""
        name = _normalize_name(column)
        if name in self._column_map:
            self.used.add(name)
            if not (field := self._column_map[name]):
                return None
            if target := self._targets.get(snake_case(field, self._fields)):
                return [target]
        name = snake_case(column, self._fields | {"id"})
        if target := self._targets.get(name):
            return [target]
        targets = [
            target
            for field in self._names.get(fold_column(column), ())
            if (
                target := self._targets.get(field) or self._targets.get(field.removeprefix("line_"))
            )
        ]
        return targets or self._explain_unknown(column, name)

    def _explain_unclear(self, column: str, targets: Sequence[ColumnTarget]) -> UnfitValue:
        fields = [self.name_target(target) for target in targets]
        return UnfitValue(
            f"{format_value(column)} can be {' or '.join(fields)}.",
            f"Say which with `--map {_map_argument(column, fields[0])}` or "
            f"`--map {_map_argument(column, fields[-1])}`.",
        )

    def name_target(self, target: ColumnTarget) -> str:
        """Return the shortest name that a column of this target can have."""
        return min((name for name, each in self._targets.items() if each == target), key=len)

    def _explain_unknown(self, column: str, name: str) -> UnfitValue:
        ignore = f"`--map {_map_argument(column)}`"
        if not column.strip():
            return UnfitValue(
                "A column without a name has values.", "Name it in the file's header."
            )
        if name in {"id", f"{self._of.removesuffix('s')}_id"}:
            return UnfitValue("P4 Books assigns the ids.", f"Ignore the column with {ignore}.")
        kind, names = f"{self._of} field", sorted(self._fields)
        return UnfitValue(
            describe_unknown(kind, format_value(column), names, "No field is similar."),
            f"Map it to a field with `--map {_map_argument(column, 'FIELD')}`, "
            f"or ignore it with {ignore}.",
        )


def list_unused(
    column_map: Mapping[str, str], used: Iterable[str], columns: Iterable[str]
) -> Iterator[tuple[str, UnfitValue]]:
    """Yield the columns of a map that the file does not have, and what it has instead."""
    found = set(used)
    for column in column_map:
        if _normalize_name(column) not in found:
            what = describe_unknown("column", format_value(column), [*columns])
            yield column, UnfitValue(what, "Correct or omit its `--map`.")


def field_checker(
    endpoint: Endpoint, column_map: Mapping[str, str] | None = None
) -> Callable[[str], bool]:
    """Return a function that tells whether a column of this name can be a field."""
    mapping = ColumnMapping(
        endpoint.name, column_targets(endpoint), column_map, fields_by_name(endpoint.name)
    )
    return mapping.knows


def list_column_names(endpoint: Endpoint, field: str, inner: str | None = None) -> list[str]:
    """Return names that a column of a field can have, besides the field's own.

    A name that stands for several fields has a question mark.
    """
    own = [name for name, each in column_targets(endpoint).items() if each.key == (inner, field)]
    found = [
        name
        for name in own
        if field not in own or (field in REFERENCES and name != field and name[:5] != "line_")
    ]
    fields = fields_by_name(endpoint.name)
    for name in own:
        found += [
            f"{each}?" if len(fields[fold_column(each)]) > 1 else each
            for each in column_names(endpoint.name).get(name, ())
        ]
    return found


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
        return _format_id(clean_name(value))
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
    return " ".join(clean_name(column).split())  # case is kept: Code and code may be two columns


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
    if codes := index.list_codes_named(value):
        return _explain_name(codes, noun)
    return UnfitValue(
        index.describe_unknown(noun, format_value(value)),
        f"Correct it, or create the {noun} and run `p4books sync`.",
    )


def _explain_name(codes: Sequence[str], noun: str) -> UnfitValue:
    """Say which records have the name that was written in place of a code."""
    shown = ", ".join(format_value(code) for code in codes[:_CODES_SHOWN])
    if len(codes) == 1:
        return UnfitValue(f"It is the name of {noun} {shown}.", f"Write its code: {shown}.")
    more = ", …" if len(codes) > _CODES_SHOWN else ""
    return UnfitValue(
        f"It is the name of {len(codes):,} {noun}s: {shown}{more}.",
        "Write the code of the right one.",
    )


def _check_tax_code(value: str, lookups: Lookups) -> str:
    if not lookups.tax_codes or fold_name(value) in lookups.tax_codes:
        return value
    known = ", ".join(sorted(lookups.tax_codes.values())[:20])
    if codes := lookups.list_codes_with_rate(value):
        raise UnfitValue(
            "It is a rate, not a tax code.", f"Write the tax code: {' or '.join(codes)}."
        )
    raise UnfitValue(
        f"Unknown tax code; known are {known}.",
        "Write one of them, or add it with its rate to sql/seeds/tax_rates.csv.",
    )
