"""What goes wrong, and when?"""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from orjson import Fragment
from pydantic import TypeAdapter, ValidationError

from p4books_sandbox.contract import ENDPOINTS
from p4books_sandbox.render import key_of
from p4books_sandbox.responses import Answer
from p4books_sandbox.server import Exchange
from p4books_sandbox.store import decode, encode

_NEVER_KEPT = frozenset({"authorization", "cookie"})


@dataclass(frozen=True)
class Arrival:
    """One request: `at` is the clock's seconds, `status` is None while it has no answer.

    `page` and `page_size` are None when not given as whole numbers; a list's page is 1 then,
    if it was not given at all. `headers` are in lower case and without the key.
    """

    method: str
    endpoint: str
    page: int | None
    page_size: int | None
    at: float
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Log:
    """The requests that arrived, in the order of their arrival."""

    def __init__(self) -> None:
        self._arrivals: list[Arrival] = []

    def arrive(self, arrival: Arrival) -> int:
        """Note a request; give its place in the log."""
        self._arrivals.append(arrival)
        return len(self._arrivals) - 1

    def answered(self, place: int, status: int) -> None:
        """Note the status a request was answered with."""
        self._arrivals[place] = replace(self._arrivals[place], status=status)

    def arrivals(self) -> list[Arrival]:
        """Give what arrived so far, as a copy."""
        return list(self._arrivals)

    def __len__(self) -> int:
        return len(self._arrivals)


def kept(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Give the headers that may be kept: all but those that hold a key."""
    words = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
    return {name: value for name, value in words if name not in _NEVER_KEPT}


@dataclass(frozen=True, kw_only=True)
class Spoiling:
    """Which part of an answer is spoiled, and with what; each edit heeds some of it.

    `row` counts from 0 on the page, from -1 backwards (None: every row); `field` is found in
    any spelling, and added where it is not; `text` is JSON as it will stand in the answer.
    """

    row: int | None = 0
    field: str = ""
    text: str = ""
    rows: int = 1
    megabytes: int = 1
    levels: int = 10_000


Body = dict[str, Any]
Edit = Callable[[Spoiling, Body], Body]


def spoiled(edit: Edit, how: Spoiling, body: bytes) -> bytes:
    """Edit an answer's JSON object; figures that are not edited stay as they are."""
    return encode(edit(how, decode(body)))


def _data_null(_: Spoiling, body: Body) -> Body:
    return {**body, "data": None, "total": body.get("total") or 5}


def _wrong_page_echo(_: Spoiling, body: Body) -> Body:
    return {**body, "page": body.get("page", 1) + 1}


def _short(how: Spoiling, body: Body) -> Body:
    rows = body.get("data") or []
    return {**body, "data": rows[: max(0, len(rows) - how.rows)]}


def _in_rows(change: Callable[[Spoiling, Body], list[Body]]) -> Edit:
    """Make an edit of the rows that are meant, each becoming as many as the change gives."""

    def edit(how: Spoiling, body: Body) -> Body:
        rows = body.get("data") or []
        changed = [
            change(how, row) if how.row in (None, at, at - len(rows)) else [row]
            for at, row in enumerate(rows)
        ]
        return {**body, "data": [row for some in changed for row in some]}

    return edit


def _value(field: str, text: Callable[[Spoiling], str]) -> Edit:
    """Make an edit that writes a text into a field, as it is; the fault may name another field."""

    def write(how: Spoiling, row: Body) -> list[Body]:
        name = how.field or field
        return [{**row, key_of(row, name) or name: Fragment(text(how))}]

    return _in_rows(write)


def _known(field: str, text: str) -> Edit:
    return _value(field, lambda how: how.text or text)


def _without_id(_: Spoiling, row: Body) -> list[Body]:
    return [{key: row[key] for key in row if key != key_of(row, "id")}]


EDITS: dict[str, Edit] = {
    "data_null": _data_null,  # rows are announced, none are given
    "wrong_page_echo": _wrong_page_echo,  # the answer says it is the next page
    "short": _short,  # the last rows of the page are not given, but counted
    "twice": _in_rows(lambda _, row: [row, row]),  # a row stands twice, one behind the other
    "no_id": _in_rows(_without_id),  # a row has no id
    "value": _value("", lambda how: how.text),  # any field holds any JSON, or what is none
    "overflow": _known("total", "1e400"),
    "nan": _known("total", "NaN"),
    "infinity": _known("total", "Infinity"),
    "long_id": _known("id", "1234567890123456789"),
    "zero_date": _known("document_date", '"0000-00-00"'),
    "surrogate": _known("code", r'"\ud800"'),
    "nul": _known("code", r'"A\u0000B"'),
    "huge": _value("sandbox_padding", lambda how: f'"{"x" * (how.megabytes << 20)}"'),
    "deep": _value("sandbox_depth", lambda how: "[" * how.levels + "]" * how.levels),
}


@dataclass(frozen=True)
class Fault(Spoiling):
    """Something that goes wrong with the requests it fits.

    `kind` is a name in KINDS. None for endpoint, page or method fits any. It lets `after`
    fitting requests pass, then hits `times` of them (None: for ever). With `done` the books
    first do what was asked, so a POST has made its record whatever is answered then. The rest
    is for some kinds only: status, text (the body), headers; seconds; and what an edit heeds
    (Spoiling). Raises ValueError with a sentence.
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
        _one_of("fault", self.kind, KINDS)
        _one_of("list", self.endpoint, (None, *(endpoint.path for endpoint in ENDPOINTS)))
        _one_of("method", self.method, (None, "GET", "POST"))
        if self.times is not None and self.times < 1:
            raise ValueError(f"times must be 1 or more, or None for ever, not {self.times}.")
        if not 200 <= self.status <= 599:
            raise ValueError(f"status must be from 200 to 599, not {self.status}.")
        if self.kind == "value" and not (self.field and self.text):
            raise ValueError("value needs a field, and the text that is to stand there.")

    def fits(self, arrival: Arrival) -> bool:
        """Tell whether the fault is meant for this request."""
        return (
            self.endpoint in (None, arrival.endpoint)
            and self.page in (None, arrival.page)
            and self.method in (None, arrival.method)
        )


def fault_of(words: Mapping[str, object]) -> Fault:
    """Make a fault of what a person wrote. Raises ValueError with a sentence."""
    try:
        return TypeAdapter(Fault).validate_python(words, strict=False, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(step) for step in first["loc"])
        sentence = first["msg"].removeprefix("Value error, ")
        raise ValueError(": ".join(part for part in (name, sentence) if part)) from None


class Faults:
    """The faults that are staged; the first that fits a request hits it."""

    def __init__(self) -> None:
        self._staged: list[tuple[Fault, int]] = []
        self._lock = Lock()

    def stage(self, *faults: Fault) -> None:
        """Add faults behind those already staged."""
        with self._lock:
            self._staged += [(fault, 0) for fault in faults]

    def clear(self) -> None:
        """Let everything go well again."""
        with self._lock:
            self._staged.clear()

    def staged(self) -> list[Fault]:
        """Give the faults that may still hit."""
        with self._lock:
            return [fault for fault, _ in self._staged]

    def take(self, arrival: Arrival) -> Fault | None:
        """Give the fault that hits this request, if any, and count it."""
        with self._lock:
            for place, (fault, seen) in enumerate(self._staged):
                if fault.fits(arrival):
                    self._staged[place] = (fault, seen + 1)
                    if seen < fault.after:
                        continue
                    if fault.times is not None and seen + 1 >= fault.after + fault.times:
                        del self._staged[place]
                    return fault
        return None


def _one_of(what: str, given: object, known: Iterable[object]) -> None:
    if given not in known:
        names = ", ".join(str(name) for name in known if name)
        raise ValueError(f"There is no {what} {given!r}. There are: {names}.")


Kind = Callable[[Fault, Exchange], Awaitable[None]]


async def hit(fault: Fault, exchange: Exchange) -> None:
    """Let a request meet its fault."""
    kind = KINDS[fault.kind]
    await (_afterwards(kind) if fault.done else kind)(fault, exchange)


def _afterwards(kind: Kind) -> Kind:
    """Make a kind that lets the books do all first; what they answer is as it was then."""

    async def go_wrong(fault: Fault, exchange: Exchange) -> None:
        await kind(fault, await exchange.done())

    return go_wrong


async def _status(fault: Fault, exchange: Exchange) -> None:
    await exchange.reply(Answer(fault.status, fault.text.encode(), fault.headers, "text/plain"))


async def _html(fault: Fault, exchange: Exchange) -> None:
    page = fault.text or "<!doctype html><title>P4 Books</title><p>We will be back soon.</p>"
    await exchange.reply(Answer(200, page.encode(), fault.headers, "text/html; charset=utf-8"))


async def _bad_json(fault: Fault, exchange: Exchange) -> None:
    await exchange.reply(Answer(200, (fault.text or '{"data":[{"id":1,').encode()))


async def _cut_body(_: Fault, exchange: Exchange) -> None:
    answer = await exchange.answer()
    await exchange.reply(answer, missing=max(1, len(answer.body) // 2))


async def _slow(fault: Fault, exchange: Exchange) -> None:
    await asyncio.sleep(fault.seconds)
    await exchange.forward()


async def _late(fault: Fault, exchange: Exchange) -> None:
    taken = await exchange.taken()
    await asyncio.sleep(fault.seconds)
    await taken.forward()


async def _reset(_: Fault, exchange: Exchange) -> None:
    await exchange.reset()


def _rewritten(write: Callable[[Fault, bytes], bytes], **headers: str) -> Kind:
    """Make a kind that lets the books answer and sends another body, with headers."""

    async def send(fault: Fault, exchange: Exchange) -> None:
        answer = await exchange.answer()
        body, added = write(fault, answer.body), {**answer.headers, **headers}
        await exchange.reply(replace(answer, body=body, headers=added))

    return send


def _edited(edit: Edit) -> Kind:
    return _rewritten(lambda fault, body: spoiled(edit, fault, body))


def _zipped(_: Fault, body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def _half_zipped(fault: Fault, body: bytes) -> bytes:
    zipped = _zipped(fault, body)
    return zipped[: len(zipped) // 2]


_GZIP = {"content-encoding": "gzip"}

KINDS: dict[str, Kind] = {
    "status": _status,  # any status, with a text and headers
    "html": _html,  # 200 and a web page
    "bad_json": _bad_json,  # 200 and half an answer, announced as whole
    "cut_body": _cut_body,  # the connection ends in the middle of the body
    "slow": _slow,  # the answer comes after some seconds; nothing is done for who left by then
    "late": _late,  # it is done and answered after some seconds, also if the caller left by then
    "reset": _reset,  # the connection breaks before anything is done
    "lost": _afterwards(_reset),  # all is done, then the connection breaks instead of an answer
    "failed": _afterwards(_status),  # all is done, then a status says it went wrong
    "gzip": _rewritten(_zipped, **_GZIP),  # the answer is compressed, as it should be
    "bad_gzip": _rewritten(lambda _, body: body, **_GZIP),  # it says so, and is not
    "cut_gzip": _rewritten(_half_zipped, **_GZIP),  # it is, but its second half is missing
    **{name: _edited(edit) for name, edit in EDITS.items()},
}
