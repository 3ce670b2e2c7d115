"""Responses to a POST, and comparison of created records with what was sent."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from p4books.endpoints.definition import Endpoint, Fields, FieldType
from p4books.extract.page import canonical_record
from p4books.push.types import CREATED, REFUSED, UNKNOWN
from p4books.storage.exact_json import has_long_number

KEPT = 500  # characters of an answer

AT_THE_DOOR = frozenset({401, 405})  # says nothing of the record, which was not taken
PERHAPS_AT_THE_DOOR = frozenset({403, 404})  # may be about the record, or about who we are
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
CONFLICT = 409  # the code is there: perhaps ours, that something between us sent twice
NO_VERDICT = frozenset({408, 421, 425, 426, 499})  # 4xx that blame the line, not the record


@dataclass(frozen=True)
class CreateResponse:
    """What an answer to a POST says: the record was created or refused, or we can't know.

    `text` is what the answer says, its beginning; `record` what P4 Books keeps, in our spelling,
    with `id` and `code` taken from it; None where the answer does not tell.
    """

    state: str
    text: str
    status: int | None = None
    id: str | None = None
    code: str | None = None
    record: dict[str, Any] | None = None


def classify_response(status: int, body: bytes, endpoint: Endpoint) -> CreateResponse:
    """Read an answer that is neither 429 nor one of AT_THE_DOOR (contract: 200 or 201, 4xx, 5xx).

    Only a record with an id proves that it was created, and a 4xx that it was not: but for a
    record that may have been sent before.
    """
    if 400 <= status < 500 and status not in NO_VERDICT:
        return CreateResponse(REFUSED, extract_message(body), status)
    if status not in {200, 201}:
        return CreateResponse(UNKNOWN, extract_message(body) or f"status {status}", status)
    record = _created_record(body, endpoint)
    if record is None:
        return CreateResponse(
            UNKNOWN, f"an answer that shows no record: {extract_message(body)}", status
        )
    code = record.get("code")
    return CreateResponse(
        CREATED,
        "",
        status,
        id=str(record["id"]).strip(),
        code=None if code is None else str(code).strip(),
        record=record,
    )


def extract_message(body: bytes) -> str:
    """Take what a person should read out of an answer: a text, or {"error": {"message"}}."""
    text = body.decode(errors="replace")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict):
        error = told.get("error", told)
        said = error.get("message") if isinstance(error, dict) else error
        text = said if isinstance(said, str) else text
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:KEPT]


def parse_response_json(body: bytes) -> Any:
    """Read JSON, every number exactly. Raises ValueError and RecursionError."""
    if has_long_number(body):
        return json.loads(body, parse_float=Decimal)
    return _DECODER.decode(body)


def _created_record(body: bytes, endpoint: Endpoint) -> dict[str, Any] | None:
    try:
        told = parse_response_json(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(told, dict) and isinstance(told.get("data"), dict):
        told = told["data"]
    if not isinstance(told, dict):
        return None
    record = dict(canonical_record(told, endpoint))
    id_ = record.get("id")
    plain = isinstance(id_, int | str) and not isinstance(id_, bool) and str(id_).strip()
    return record if plain and "error" not in record else None


def list_differences(
    sent: Mapping[str, Any], record: Mapping[str, Any], endpoint: Endpoint
) -> Iterator[str]:
    """Name the fields that were sent and that the record holds otherwise, or not at all.

    What P4 Books adds (an id, dates, sums) is no difference. Both are in our spelling.
    """
    for name, value in sent.items():
        there = record.get(name)
        if name in endpoint.inner:
            yield from _item_differences(name, value, there, endpoint.inner[name])
        elif not _values_equal(value, there, endpoint.fields.get(name, FieldType.TEXT)):
            yield name


def _item_differences(name: str, sent: Any, there: Any, fields: Fields) -> Iterator[str]:
    if not isinstance(there, list) or len(there) != len(sent):
        yield name
        return
    for place, (ours, theirs) in enumerate(zip(sent, there, strict=True), 1):
        for field, value in ours.items():
            held = theirs.get(field) if isinstance(theirs, dict) else None
            if not _values_equal(value, held, fields.get(field, FieldType.TEXT)):
                yield f"{name}[{place}].{field}"


def _values_equal(ours: Any, theirs: Any, kind: FieldType) -> bool:
    if theirs is None:
        return False
    if kind.decimals is not None:
        return _as_number(ours) == _as_number(theirs)
    if kind is FieldType.DAY:
        return str(ours)[:10] == str(theirs)[:10]
    if kind is FieldType.INSTANT:
        return _as_instant(ours) == _as_instant(theirs)
    return str(ours).strip() == str(theirs).strip()


def _as_number(value: Any) -> Decimal | str:
    try:
        return Decimal(str(value).strip())
    except InvalidOperation:
        return str(value)


def _as_instant(value: Any) -> datetime | str:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
