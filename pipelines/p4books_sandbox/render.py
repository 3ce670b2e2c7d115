"""Rendering of records: the spelling, ids, amounts and extra fields that the options ask for."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from p4books_sandbox.contract import ENDPOINTS, find_amount_fields
from p4books_sandbox.options import Options

Fields = Mapping[str, Any]
Renderer = Callable[[Fields], dict[str, Any]]
FieldEdit = Callable[[str, Any], tuple[str, Any] | None]
"""Takes a field's name and value and returns the new ones; None leaves the field out."""

ALL_FIELDS = "*"
EXTRA_FIELDS = {
    "sandbox_note": "Ñandú",
    "sandbox_number": 1.5,
    "sandbox_tags": {"of": [{"a": None}]},
}
AMOUNTS = frozenset(name for each in ENDPOINTS for name in find_amount_fields(each.record))

_LONG_ID = 10**18
_MIXED_EVERY = 5  # rows
_SINGULARS = {endpoint.path: endpoint.singular.replace(" ", "_") for endpoint in ENDPOINTS}


def make_renderer(options: Options, path: str) -> Renderer | None:
    """Return what renders the records of a list; None if they stay as they are.

    It takes records in snake_case with integer ids, whole or in part. What is rendered already
    does not change.
    """
    edits = list(_choose_edits(options, _SINGULARS.get(path, path)))
    extra = EXTRA_FIELDS if options.unknown_fields else {}
    if not (edits or extra or options.mixed):
        return None
    return lambda record: _edit_fields({**_mix_types(record, options.mixed), **extra}, edits)


@cache
def to_pascal(name: str) -> str:
    """Spell document_date as DocumentDate."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


@cache
def to_camel(name: str) -> str:
    """Spell document_date as documentDate."""
    pascal = to_pascal(name)
    return pascal[:1].lower() + pascal[1:]


SPELLINGS: dict[str, Callable[[str], str]] = {"snake": str, "pascal": to_pascal, "camel": to_camel}


def find_key(record: Fields, name: str) -> str | None:
    """Return the record's key for a name in any spelling; None if it has none."""
    return next((key for key in record if _fold_name(key) == _fold_name(name)), None)


def get_value(record: Fields, name: str) -> Any:
    """Return the value under a name in any spelling; None if it has none."""
    key = find_key(record, name)
    return None if key is None else record[key]


def _choose_edits(options: Options, singular: str) -> Iterator[FieldEdit]:
    if options.ids != "integers":
        yield _renumber_ids(options, singular)
    if options.leave_out:
        yield lambda name, value: None if _is_named(name, options.leave_out) else (name, value)
    if options.nulls:
        yield lambda name, value: (name, None if _is_named(name, options.nulls) else value)
    if options.amounts == "strings":
        yield _write_amount_as_text
    if options.spelling != "snake":
        spell = SPELLINGS[options.spelling]
        yield lambda name, value: (spell(name), value)


def _edit_fields(record: Fields, edits: list[FieldEdit]) -> dict[str, Any]:
    """Edit every field of a record and of the records inside it."""
    edited = {}
    for name, value in record.items():
        field: tuple[str, Any] | None = (name, _edit_nested(value, edits))
        for edit in edits:
            field = edit(*field) if field else None
        if field:
            edited[field[0]] = field[1]
    return edited


def _edit_nested(value: Any, edits: list[FieldEdit]) -> Any:
    if isinstance(value, Mapping):
        return _edit_fields(value, edits)
    if isinstance(value, list):
        return [_edit_nested(item, edits) for item in value]
    return value


def _mix_types(record: Fields, names: tuple[str, ...]) -> Fields:
    """Write N/A into the named fields of every fifth record."""
    number = record.get("id")
    if not isinstance(number, int) or number % _MIXED_EVERY:
        return record
    return {**record, **{name: "N/A" for name in names if name in record}}


def _renumber_ids(options: Options, singular: str) -> FieldEdit:
    """Return an edit of a record's own integer id and of those that refer to other records."""
    convert: Callable[[int, str, int], int | str] = (
        _make_long_id if options.ids == "long" else _make_uuid
    )

    def renumber(name: str, value: Any) -> tuple[str, Any]:
        kind = singular if name == "id" else name.removesuffix("_id")
        if kind == name or not isinstance(value, int):
            return name, value
        return name, convert(options.seed, kind, value)

    return renumber


def _make_long_id(_: int, __: str, number: int) -> int:
    return number if number >= _LONG_ID else _LONG_ID + number


@cache
def _make_uuid(seed: int, kind: str, number: int) -> str:
    return str(uuid5(NAMESPACE_URL, f"p4books sandbox {seed} {kind} {number}"))


def _is_named(name: str, names: tuple[str, ...]) -> bool:
    return name in names or (ALL_FIELDS in names and name != "id")


def _write_amount_as_text(name: str, value: Any) -> tuple[str, Any]:
    is_amount = name in AMOUNTS and value is not None and not isinstance(value, str)
    return name, str(value) if is_amount else value


def _fold_name(name: str) -> str:
    return name.replace("_", "").lower()
