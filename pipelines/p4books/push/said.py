"""What does P4 Books say of a record that was sent?"""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from p4books.api import exact
from p4books.api.spelling import canonical
from p4books.endpoint import Endpoint
from p4books.push.entry import CREATED, REFUSED, UNKNOWN

KEPT = 500  # characters of an answer

AT_THE_DOOR = frozenset({401, 405})  # says nothing of the record, which was not taken
PERHAPS_AT_THE_DOOR = frozenset({403, 404})  # may be about the record, or about who we are
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
CONFLICT = 409  # the code is there: perhaps ours, that something between us sent twice
NO_VERDICT = frozenset({408, 421, 425, 426, 499})  # 4xx that blame the line, not the record


@dataclass(frozen=True)
class Said:
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


def read(status: int, body: bytes, endpoint: Endpoint) -> Said:
    """Read an answer that is neither 429 nor one of AT_THE_DOOR (contract: 200 or 201, 4xx, 5xx).

    Only a record with an id proves that it was created, and a 4xx that it was not: but for a
    record that may have been sent before.
    """
    if 400 <= status < 500 and status not in NO_VERDICT:
        return Said(REFUSED, message(body), status)
    if status not in {200, 201}:
        return Said(UNKNOWN, message(body) or f"status {status}", status)
    record = _record(body, endpoint)
    if record is None:
        return Said(UNKNOWN, f"an answer that shows no record: {message(body)}", status)
    code = record.get("code")
    return Said(
        CREATED,
        "",
        status,
        id=str(record["id"]).strip(),
        code=None if code is None else str(code).strip(),
        record=record,
    )


def message(body: bytes) -> str:
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


def parse(body: bytes) -> Any:
    """Read JSON, every number exactly. Raises ValueError and RecursionError."""
    if exact.has_long_number(body):
        return json.loads(body, parse_float=Decimal)
    return _DECODER.decode(body)


def _record(body: bytes, endpoint: Endpoint) -> dict[str, Any] | None:
    try:
        told = parse(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(told, dict) and isinstance(told.get("data"), dict):
        told = told["data"]
    if not isinstance(told, dict):
        return None
    record = dict(canonical(told, endpoint))
    id_ = record.get("id")
    plain = isinstance(id_, int | str) and not isinstance(id_, bool) and str(id_).strip()
    return record if plain and "error" not in record else None
