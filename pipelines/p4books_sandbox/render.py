"""How is a record written by this server?"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from p4books_sandbox import contract
from p4books_sandbox.options import Options


@cache
def pascal(name: str) -> str:
    """Spell document_date as DocumentDate."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


@cache
def camel(name: str) -> str:
    """Spell document_date as documentDate."""
    spelt = pascal(name)
    return spelt[:1].lower() + spelt[1:]


SPELLINGS: dict[str, Callable[[str], str]] = {"snake": str, "pascal": pascal, "camel": camel}


def key_of(record: Mapping[str, Any], name: str) -> str | None:
    """Give the key that is the name, however it is spelt; None when there is none."""
    return next((key for key in record if _plain(key) == _plain(name)), None)


def value_of(record: Mapping[str, Any], name: str) -> Any:
    """Give the value under a name, however it is spelt; None when there is none."""
    key = key_of(record, name)
    return None if key is None else record[key]


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


Record = Mapping[str, Any]
Dress = Callable[[Record], dict[str, Any]]
Edit = Callable[[str, Any], tuple[str, Any] | None]
"""Takes a field's name and value, and gives those it has now; None: the field is left out."""

EVERY = "*"
UNKNOWN = {"sandbox_note": "Ñandú", "sandbox_number": 1.5, "sandbox_tags": {"of": [{"a": None}]}}
AMOUNTS = frozenset(
    name
    for shape in (contract.Product, contract.Customer, contract.Invoice, contract.Line)
    for name, field in shape.model_fields.items()
    if field.annotation == float | None
)

_LONG = 10**18
_MIXED_EVERY = 5  # rows


def dress_of(options: Options, path: str) -> Dress | None:
    """Make what writes a list's records in the server's ways; None: as they are.

    It takes records in snake_case with integer ids, whole ones or parts of them; what is
    written otherwise already stays.
    """
    edits = list(_edits(options, path.removesuffix("s").replace("-", "_")))
    extra = UNKNOWN if options.unknown_fields else {}
    if not (edits or extra or options.mixed):
        return None
    return lambda record: _walk({**_mix(record, options.mixed), **extra}, edits)


def _edits(options: Options, one: str) -> Iterator[Edit]:
    if options.ids != "integers":
        yield _renumber(options, one)
    if options.leave_out:
        yield lambda name, value: None if _is_among(name, options.leave_out) else (name, value)
    if options.nulls:
        yield lambda name, value: (name, None if _is_among(name, options.nulls) else value)
    if options.amounts == "strings":
        yield _as_text
    if options.spelling != "snake":
        spell = SPELLINGS[options.spelling]
        yield lambda name, value: (spell(name), value)


def _walk(record: Record, edits: list[Edit]) -> dict[str, Any]:
    """Edit every field of a record and of the records inside it."""
    written = {}
    for name, value in record.items():
        field: tuple[str, Any] | None = (name, _inside(value, edits))
        for edit in edits:
            field = edit(*field) if field else None
        if field:
            written[field[0]] = field[1]
    return written


def _inside(value: Any, edits: list[Edit]) -> Any:
    if isinstance(value, Mapping):
        return _walk(value, edits)
    if isinstance(value, list):
        return [_inside(each, edits) for each in value]
    return value


def _mix(record: Record, names: tuple[str, ...]) -> Record:
    """Write N/A into the fields that hold now this, now that: in every fifth row."""
    number = record.get("id")
    if not isinstance(number, int) or number % _MIXED_EVERY:
        return record
    return {**record, **{name: "N/A" for name in names if name in record}}


def _renumber(options: Options, one: str) -> Edit:
    """Turn a record's own integer id, and those by which it points to others."""
    new: Callable[[int, str, int], int | str] = _long if options.ids == "long" else _uuid

    def renumber(name: str, value: Any) -> tuple[str, Any]:
        of = one if name == "id" else name.removesuffix("_id")
        if of == name or not isinstance(value, int):
            return name, value
        return name, new(options.seed, of, value)

    return renumber


def _long(_: int, __: str, number: int) -> int:
    return number if number >= _LONG else _LONG + number


@cache
def _uuid(seed: int, of: str, number: int) -> str:
    return str(uuid5(NAMESPACE_URL, f"p4books sandbox {seed} {of} {number}"))


def _is_among(name: str, names: tuple[str, ...]) -> bool:
    return name in names or (EVERY in names and name != "id")


def _as_text(name: str, value: Any) -> tuple[str, Any]:
    is_amount = name in AMOUNTS and value is not None and not isinstance(value, str)
    return name, str(value) if is_amount else value
