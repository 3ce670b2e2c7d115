"""Responses to a POST, and comparison of created records with what was sent."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from p4books.endpoints.definition import Endpoint, Fields, FieldType
from p4books.extract.page import canonical_record, describe_html
from p4books.push.types import CREATED, REFUSED, UNKNOWN
from p4books.spelling import canonical_id
from p4books.storage.exact_json import has_long_number

MAX_MESSAGE_LENGTH = 500  # characters of a response that are kept

DENIALS = frozenset({401, 405})  # concern the key or the address, and no record was processed
AMBIGUOUS_DENIALS = frozenset({403, 404})  # may concern the record, the key or the address
CONFLICT = 409  # the code exists: perhaps ours, which something in between sent twice
_INCONCLUSIVE = frozenset({408, 421, 425, 426, 499})  # concern the connection, not the record

_DECODER = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True)
class CreateResponse:
    """What a response to a POST shows: *created*, *refused*, or *unknown* if it shows neither.

    `text` is the beginning of its message; `record` the record as P4 Books stored it, in our
    spelling, with `id` and `code` taken from it; None if the response does not contain them.
    """

    state: str
    text: str
    status: int | None = None
    id: str | None = None
    code: str | None = None
    record: dict[str, Any] | None = None


def classify_response(status: int, body: bytes, endpoint: Endpoint) -> CreateResponse:
    """Classify a response that is neither 429 nor in DENIALS (contract: 200 or 201, 4xx, 5xx).

    Only a record with an id proves that it was created, and only a 4xx that it was not; the latter
    says nothing of an earlier request for the same record.
    """
    if 400 <= status < 500 and status not in _INCONCLUSIVE:
        return CreateResponse(REFUSED, extract_message(body), status)
    if status not in {200, 201}:
        return CreateResponse(UNKNOWN, extract_message(body) or f"status {status}", status)
    record = _parse_created_record(body, endpoint)
    if record is None:
        text = f"a response without a record: {extract_message(body)}"
        return CreateResponse(UNKNOWN, text, status)
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
    """Return the message of a response on one line: plain text, or {"error": {"message": …}}.

    Of an HTML page it is the title.
    """
    if page := describe_html(body):
        return page
    text = body.decode(errors="replace")
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, dict):
        error = parsed.get("error", parsed)
        message = error.get("message") if isinstance(error, dict) else error
        text = message if isinstance(message, str) else text
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:MAX_MESSAGE_LENGTH]


def parse_response_json(body: bytes) -> Any:
    """Parse JSON with exact numbers. Raises ValueError and RecursionError."""
    if has_long_number(body):
        return json.loads(body, parse_float=Decimal)
    return _DECODER.decode(body)


def list_differences(
    sent: Mapping[str, Any], record: Mapping[str, Any], endpoint: Endpoint
) -> Iterator[str]:
    """Name the fields that were sent and that the record lacks or has with another value.

    What P4 Books adds (an id, dates, sums) is not a difference. Both are in our spelling.
    """
    for name, value in sent.items():
        stored = record.get(name)
        if name in endpoint.inner:
            yield from _list_item_differences(name, value, stored, endpoint.inner[name])
        elif not _values_equal(value, stored, endpoint.fields.get(name, FieldType.TEXT)):
            yield name


def _parse_created_record(body: bytes, endpoint: Endpoint) -> dict[str, Any] | None:
    try:
        parsed = parse_response_json(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(parsed, dict) and isinstance(parsed.get("data"), dict):
        parsed = parsed["data"]
    if not isinstance(parsed, dict):
        return None
    record = dict(canonical_record(parsed, endpoint))
    id_ = record.get("id")
    has_id = isinstance(id_, int | str) and not isinstance(id_, bool) and str(id_).strip()
    return record if has_id and "error" not in record else None


def _list_item_differences(name: str, sent: Any, stored: Any, fields: Fields) -> Iterator[str]:
    if not isinstance(stored, list) or len(stored) != len(sent):
        yield name
        return
    for number, (ours, theirs) in enumerate(zip(sent, stored, strict=True), 1):
        for field, value in ours.items():
            other = theirs.get(field) if isinstance(theirs, dict) else None
            if not _values_equal(value, other, fields.get(field, FieldType.TEXT)):
                yield f"{name}[{number}].{field}"


def _values_equal(ours: Any, theirs: Any, kind: FieldType) -> bool:
    if theirs is None:
        return False
    if kind.decimals is not None:
        return _as_number(ours) == _as_number(theirs)
    if kind is FieldType.DAY:
        return str(ours)[:10] == str(theirs)[:10]
    if kind is FieldType.INSTANT:
        return _as_timestamp(ours) == _as_timestamp(theirs)
    return str(ours) == str(theirs) or canonical_id(str(ours)) == canonical_id(str(theirs))


def _as_number(value: Any) -> Decimal | str:
    try:
        return Decimal(str(value).strip())
    except InvalidOperation:
        return str(value)


def _as_timestamp(value: Any) -> datetime | str:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
