"""Faults that a test stages: which requests they affect, and what goes wrong."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from orjson import Fragment
from pydantic import TypeAdapter, ValidationError

from p4books_sandbox.contract import ENDPOINTS
from p4books_sandbox.render import find_key
from p4books_sandbox.responses import SandboxResponse
from p4books_sandbox.server import Exchange
from p4books_sandbox.store import decode_json, encode_json


@dataclass(frozen=True)
class Arrival:
    """One request that arrived; `at` is the clock's seconds, `status` None until the response.

    `page` and `page_size` are None if they are not whole numbers; `page` is 1 if a list is
    requested without it. `headers` are in lower case and without the key.
    """

    method: str
    endpoint: str
    page: int | None
    page_size: int | None
    at: float
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """Which part of a response is corrupted, and with what; each edit uses some of it.

    `row` counts from 0 on the page, from -1 backwards (None: every row). `field` is found in any
    spelling, and added if missing. `text` is JSON as it appears in the response.
    """

    row: int | None = 0
    field: str = ""
    text: str = ""
    rows: int = 1
    megabytes: int = 1
    levels: int = 10_000


@dataclass(frozen=True)
class Fault(Corruption):
    """Something that goes wrong with the requests it matches.

    `kind` is a name in FAULT_KINDS. None for endpoint, page or method matches any. The first
    `after` matching requests pass, the next `times` (None: all) are affected. With `done` the
    server first does what was requested, so a POST has created its record whatever the response
    is. The rest is used by some kinds only: status, text (the body), headers; seconds; and the
    fields of Corruption. Raises ValueError; its message is one sentence.
    """

    kind: str
    endpoint: str | None = None
    page: int | None = None
    method: str | None = None
    after: int = 0
    times: int | None = 1
    done: bool = False
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 1.0

    def __post_init__(self) -> None:
        _check_choice("fault", self.kind, FAULT_KINDS)
        _check_choice("list", self.endpoint, (None, *(endpoint.path for endpoint in ENDPOINTS)))
        _check_choice("method", self.method, (None, "GET", "POST"))
        if self.times is not None and self.times < 1:
            raise ValueError(
                f"times must be 1 or more, or None for all requests, not {self.times}."
            )
        if not 200 <= self.status <= 599:
            raise ValueError(f"status must be from 200 to 599, not {self.status}.")
        if self.kind == "value" and not (self.field and self.text):
            raise ValueError("value needs a field, and the text to write into it.")

    def matches(self, arrival: Arrival) -> bool:
        """Return whether the fault is meant for this request."""
        return (
            self.endpoint in (None, arrival.endpoint)
            and self.page in (None, arrival.page)
            and self.method in (None, arrival.method)
        )


def parse_fault(values: Mapping[str, object]) -> Fault:
    """Make a fault from JSON or from words. Raises ValueError; its message is one sentence."""
    try:
        return TypeAdapter(Fault).validate_python(values, strict=False, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(step) for step in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise ValueError(": ".join(part for part in (name, message) if part)) from None


class FaultQueue:
    """The staged faults; the first one that matches a request affects it."""

    def __init__(self) -> None:
        self._staged: list[tuple[Fault, int]] = []
        self._lock = Lock()

    def stage(self, *faults: Fault) -> None:
        """Add faults after those already staged."""
        with self._lock:
            self._staged += [(fault, 0) for fault in faults]

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._staged.clear()

    def staged(self) -> list[Fault]:
        """Return the faults that are still active."""
        with self._lock:
            return [fault for fault, _ in self._staged]

    def next_fault(self, arrival: Arrival) -> Fault | None:
        """Return the fault that affects this request, if any, and count it."""
        with self._lock:
            for position, (fault, matched) in enumerate(self._staged):
                if fault.matches(arrival):
                    self._staged[position] = (fault, matched + 1)
                    if matched < fault.after:
                        continue
                    if fault.times is not None and matched + 1 >= fault.after + fault.times:
                        del self._staged[position]
                    return fault
        return None


async def apply_fault(fault: Fault, exchange: Exchange) -> None:
    """Respond to a request as the fault demands."""
    handler = FAULT_KINDS[fault.kind]
    await (_process_first(handler) if fault.done else handler)(fault, exchange)


Json = dict[str, Any]
JsonEdit = Callable[[Corruption, Json], Json]


def corrupt_body(edit: JsonEdit, corruption: Corruption, body: bytes) -> bytes:
    """Edit the JSON object of a response; numbers that are not edited keep all their digits."""
    return encode_json(edit(corruption, decode_json(body)))


def _data_null(_: Corruption, body: Json) -> Json:
    return {**body, "data": None, "total": body.get("total") or 5}


def _wrong_page_echo(_: Corruption, body: Json) -> Json:
    return {**body, "page": body.get("page", 1) + 1}


def _short(corruption: Corruption, body: Json) -> Json:
    rows = body.get("data") or []
    return {**body, "data": rows[: max(0, len(rows) - corruption.rows)]}


def _edit_rows(change: Callable[[Corruption, Json], list[Json]]) -> JsonEdit:
    """Make an edit that replaces each affected row by the rows that `change` returns."""

    def edit(corruption: Corruption, body: Json) -> Json:
        rows = body.get("data") or []
        changed = [
            change(corruption, row) if corruption.row in (None, at, at - len(rows)) else [row]
            for at, row in enumerate(rows)
        ]
        return {**body, "data": [row for some in changed for row in some]}

    return edit


def _write_field(field: str, make_text: Callable[[Corruption], str]) -> JsonEdit:
    """Make an edit that writes a text into a field as it is; the fault may name another field."""

    def write(corruption: Corruption, row: Json) -> list[Json]:
        name = corruption.field or field
        return [{**row, find_key(row, name) or name: Fragment(make_text(corruption))}]

    return _edit_rows(write)


def _write_text(field: str, text: str) -> JsonEdit:
    return _write_field(field, lambda corruption: corruption.text or text)


def _remove_id(_: Corruption, row: Json) -> list[Json]:
    return [{key: row[key] for key in row if key != find_key(row, "id")}]


JSON_EDITS: dict[str, JsonEdit] = {
    "data_null": _data_null,  # rows are announced, but data is null
    "wrong_page_echo": _wrong_page_echo,  # the response claims to be the next page
    "short": _short,  # the last rows of the page are missing, but counted
    "twice": _edit_rows(lambda _, row: [row, row]),  # a row is duplicated
    "no_id": _edit_rows(_remove_id),  # a row has no id
    "value": _write_field("", lambda corruption: corruption.text),  # any JSON, or what is not JSON
    "overflow": _write_text("total", "1e400"),
    "nan": _write_text("total", "NaN"),
    "infinity": _write_text("total", "Infinity"),
    "long_id": _write_text("id", "1234567890123456789"),
    "zero_date": _write_text("document_date", '"0000-00-00"'),
    "surrogate": _write_text("code", r'"\ud800"'),
    "nul": _write_text("code", r'"A\u0000B"'),
    "huge": _write_field("sandbox_padding", lambda fault: f'"{"x" * (fault.megabytes << 20)}"'),
    "deep": _write_field("sandbox_depth", lambda fault: "[" * fault.levels + "]" * fault.levels),
}

FaultHandler = Callable[[Fault, Exchange], Awaitable[None]]


def _process_first(handler: FaultHandler) -> FaultHandler:
    """Make a handler that lets the server act first, and then fails."""

    async def process_and_fail(fault: Fault, exchange: Exchange) -> None:
        await handler(fault, await exchange.process_first())

    return process_and_fail


async def _status(fault: Fault, exchange: Exchange) -> None:
    body = fault.text.encode()
    await exchange.send_response(SandboxResponse(fault.status, body, fault.headers, "text/plain"))


async def _html(fault: Fault, exchange: Exchange) -> None:
    page = fault.text or "<!doctype html><title>P4 Books</title><p>We will be back soon.</p>"
    html_type = "text/html; charset=utf-8"
    await exchange.send_response(SandboxResponse(200, page.encode(), fault.headers, html_type))


async def _headers(fault: Fault, exchange: Exchange) -> None:
    response = await exchange.capture_response()
    headers = {**response.headers, **fault.headers}
    await exchange.send_response(replace(response, headers=headers))


async def _bad_json(fault: Fault, exchange: Exchange) -> None:
    text = fault.text or '{"data":[{"id":1,'
    await exchange.send_response(SandboxResponse(200, text.encode()))


async def _cut_body(_: Fault, exchange: Exchange) -> None:
    response = await exchange.capture_response()
    await exchange.send_response(response, missing=max(1, len(response.body) // 2))


async def _slow(fault: Fault, exchange: Exchange) -> None:
    await asyncio.sleep(fault.seconds)
    await exchange.forward()


async def _late(fault: Fault, exchange: Exchange) -> None:
    complete = await exchange.read_request()
    await asyncio.sleep(fault.seconds)
    await complete.forward()


async def _reset(_: Fault, exchange: Exchange) -> None:
    await exchange.reset_connection()


def _rewrite_body(rewrite: Callable[[Fault, bytes], bytes], **headers: str) -> FaultHandler:
    """Make a handler that sends the server's response with another body and more headers."""

    async def send_rewritten(fault: Fault, exchange: Exchange) -> None:
        response = await exchange.capture_response()
        body, merged = rewrite(fault, response.body), {**response.headers, **headers}
        await exchange.send_response(replace(response, body=body, headers=merged))

    return send_rewritten


def _edit_body(edit: JsonEdit) -> FaultHandler:
    return _rewrite_body(lambda fault, body: corrupt_body(edit, fault, body))


def _compress(_: Fault, body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def _compress_half(fault: Fault, body: bytes) -> bytes:
    compressed = _compress(fault, body)
    return compressed[: len(compressed) // 2]


_GZIP = {"content-encoding": "gzip"}

FAULT_KINDS: dict[str, FaultHandler] = {
    "status": _status,  # any status, with a text and headers
    "html": _html,  # 200 and a web page
    "headers": _headers,  # the response has more headers, such as a Date
    "bad_json": _bad_json,  # 200 and truncated JSON, with the right length
    "cut_body": _cut_body,  # the connection ends in the middle of the body
    "slow": _slow,  # the response is delayed; nothing is done if the client disconnected by then
    "late": _late,  # processing and response are delayed, even if the client disconnected by then
    "reset": _reset,  # the connection is reset before anything is done
    "lost": _process_first(_reset),  # everything is done, then the connection is reset
    "failed": _process_first(_status),  # everything is done, then the status says it failed
    "gzip": _rewrite_body(_compress, **_GZIP),  # the response is compressed, correctly
    "bad_gzip": _rewrite_body(lambda _, body: body, **_GZIP),  # declared as gzip, but is not
    "cut_gzip": _rewrite_body(_compress_half, **_GZIP),  # the second half of the gzip is missing
    **{name: _edit_body(edit) for name, edit in JSON_EDITS.items()},
}


def _check_choice(kind: str, value: object, choices: Iterable[object]) -> None:
    if value not in choices:
        names = ", ".join(str(choice) for choice in choices if choice)
        raise ValueError(f"Unknown {kind} {value!r}. Available: {names}.")
