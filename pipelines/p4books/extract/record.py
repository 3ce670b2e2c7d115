"""Values of a record: what may be an id, and what is no text where text is expected."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from p4books.endpoints.definition import Endpoint, list_texts
from p4books.spelling import canonical_id
from p4books.storage.exact_json import Constant

TEXT_MISFITS = "text misfits"  # a key of the record; no field's name contains a space

_TEXT_TYPES = frozenset({str, int, float})  # a number is the text it is written as
_MAX_DIGITS = 40  # of an id
_ENCODER = msgspec.json.Encoder(enc_hook=str)

Misfit = dict[str, str]


def normalize_id(value: object) -> object:
    """Return an id in its one spelling, and a whole number as an integer.

    JSON has one kind of number: 1.0 is 1. What is no id is returned unchanged.
    """
    if type(value) is str:
        return canonical_id(value) or value.strip()
    if isinstance(value, float | Decimal):
        number = Decimal(str(value))
        is_whole = number.is_finite() and number == number.to_integral_value()
        return int(number) if is_whole and number.adjusted() < _MAX_DIGITS else value
    return value


def separate_misfits(record: Mapping[str, Any], endpoint: Endpoint) -> Mapping[str, Any]:
    """Return a record without what is no text in its text fields, and no object in its lists.

    Such values are listed under TEXT_MISFITS, with their fields and as JSON: they would be taken
    for texts, or for lines, once they are rows of text. An item that is no object becomes null.
    The record is returned unchanged if it has none.
    """
    misfits: list[Misfit] = []
    fitted = _separate_fields(record, endpoint.texts, "", misfits)
    for name, fields in endpoint.inner.items():
        if isinstance(items := record.get(name), list):
            texts = list_texts(fields)
            fitted[name] = [
                _separate_item(item, texts, f"{name}[{place}]", misfits)
                for place, item in enumerate(items, 1)
            ]
    if not misfits:
        return record
    return {**fitted, TEXT_MISFITS: sorted(misfits, key=lambda misfit: misfit["field"])}


def _separate_fields(
    values: Mapping[str, Any], texts: frozenset[str], before: str, misfits: list[Misfit]
) -> dict[str, Any]:
    odd = [name for name in texts & values.keys() if type(values[name]) not in _TEXT_TYPES]
    misfits += [_describe_misfit(before + name, values[name]) for name in odd]
    return {name: value for name, value in values.items() if name not in odd}


def _separate_item(item: Any, texts: frozenset[str], place: str, misfits: list[Misfit]) -> Any:
    if isinstance(item, dict):
        return _separate_fields(item, texts, f"{place}.", misfits)
    misfits.append(_describe_misfit(place, item))
    return None


def _describe_misfit(field: str, value: Any) -> Misfit:
    text = value if isinstance(value, Constant) else _ENCODER.encode(value).decode()
    return {"field": field, "value": text}
