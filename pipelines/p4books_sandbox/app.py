"""Which answer does each path give?"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from p4books_sandbox import contract, responses
from p4books_sandbox.contract import ENDPOINTS, Endpoint, Record
from p4books_sandbox.faults import Arrival, Faults, Log, fault_of, hit, kept
from p4books_sandbox.options import Options
from p4books_sandbox.rate_limit import limit_of
from p4books_sandbox.render import value_of
from p4books_sandbox.responses import Answer, BadPage, asked, listing
from p4books_sandbox.server import App, Exchange, Message, Receive, Scope, Send
from p4books_sandbox.store import RecordList, decode, encode

Books = dict[str, RecordList]


class Desk:
    """The books, what is staged against its callers, and what they asked so far."""

    def __init__(
        self, options: Options, books: Books, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the settings, the lists by path, and a clock in seconds."""
        self.options = options
        self.books = books
        self.clock = clock
        self.limiter = limit_of(options, clock)
        self.faults = Faults()
        self.forbidden: set[str] = set()
        self.log = Log()
        self.refused = 0
        self.before_each: Callable[[Arrival], object] | None = None
        self.trouble: list[Exception] = []

    def ahead_of(self, arrival: Arrival) -> None:
        """Call what the test wants called before a list request; keep what it raises."""
        if self.before_each is None:
            return
        try:
            self.before_each(arrival)
        except Exception as error:
            self.trouble.append(error)
            raise


PREFIX = "/api/v1/"


class Gate:
    """Stands before the API: notes each request, refuses it or lets it meet its fault."""

    def __init__(self, app: App, desk: Desk) -> None:
        """Take what answers behind the gate, and the sandbox's desk."""
        self._app = app
        self._desk = desk
        self._names = desk.options.parameters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI call; what is not for the API passes untouched."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        log, arrival = self._desk.log, arrival_of(scope, self._desk.clock(), self._names)
        place = log.arrive(arrival)
        scope["state"]["arrival"] = arrival

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                log.answered(place, message["status"])
                message["headers"] = [*message["headers"], *self._limits()]
            await send(message)

        await self._answer(arrival, Exchange(self._app, scope, receive, noting))

    async def _answer(self, arrival: Arrival, exchange: Exchange) -> None:
        refusal = self._refusal(arrival, exchange.scope)
        fault = None if refusal else self._desk.faults.take(arrival)
        if refusal:
            await exchange.reply(refusal)
        elif fault:
            await hit(fault, exchange)
        else:
            await exchange.forward()

    def _refusal(self, arrival: Arrival, scope: Scope) -> Answer | None:
        key = _key(scope)
        if key != self._desk.options.key:
            return responses.unknown_key()
        wait = self._desk.limiter.wait_for(key)
        if wait:
            self._desk.refused += 1
            return responses.over_the_limit(wait, self._desk.options.retry_after)
        if arrival.endpoint in self._desk.forbidden:
            return responses.forbidden(arrival.endpoint)
        return None

    def _limits(self) -> list[tuple[bytes, bytes]]:
        options = self._desk.options
        if options.limit_headers == "none":
            return []
        room = self._desk.limiter.room(options.key)
        words = responses.room_left(options.limit, *room, options.limit_headers)
        return [(name.encode(), value.encode()) for name, value in words.items()]


def arrival_of(scope: Scope, at: float, names: tuple[str, str, int]) -> Arrival:
    """Read what a request asks for; at is the clock's seconds, names are its parameters'."""
    endpoint = scope["path"].removeprefix(PREFIX)
    arrival = Arrival(scope["method"], endpoint, None, None, at, None, kept(scope["headers"]))
    try:
        words = asked(scope["query_string"], *names)
    except BadPage:
        return arrival
    page = words.page if arrival.method == "GET" else None
    return replace(arrival, page=page, page_size=words.page_size)


def _key(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, key = value.decode("latin-1").partition(" ")
            return key.strip() if kind.lower() == "bearer" else None
    return None


Door = Callable[[Request], Awaitable[Response]]

_FAULTS = "/_sandbox/faults"
_RECORDS = "/_sandbox/records/{endpoint}"


class Control:
    """The doors under /_sandbox/, for who runs the sandbox: no key, no limit, no faults."""

    def __init__(self, desk: Desk) -> None:
        """Take the desk that is steered."""
        self._desk = desk

    async def status(self, _: Request) -> Response:
        """Tell what arrived, what the limit refused, and how long the lists are."""
        rows = {path: len(rows) for path, rows in self._desk.books.items()}
        return _json({"requests": len(self._desk.log), "refused": self._desk.refused, "rows": rows})

    async def stage(self, request: Request) -> Response:
        """Stage the fault in the body."""
        self._desk.faults.stage(fault_of(await _object(request)))
        return _json({"staged": len(self._desk.faults.staged())}, 201)

    async def clear(self, _: Request) -> Response:
        """Stage nothing any more."""
        self._desk.faults.clear()
        return Response(status_code=204)

    async def insert(self, request: Request) -> Response:
        """Put the record in the body at ?at=, or where the list's order has it."""
        record = await _object(request)
        record_id = self._rows(request).insert(record, _position(request))
        return _json({"id": record_id}, 201)

    async def change(self, request: Request) -> Response:
        """Change the fields in the body."""
        self._rows(request).replace(_id(request), **await _object(request))
        return Response(status_code=204)

    async def delete(self, request: Request) -> Response:
        """Take the record out."""
        self._rows(request).delete(_id(request))
        return Response(status_code=204)

    def _rows(self, request: Request) -> RecordList:
        path = request.path_params["endpoint"]
        if path not in self._desk.books:
            raise KeyError(f"There is no list {path!r}.")
        return self._desk.books[path]


def add_to(app: FastAPI, desk: Desk) -> None:
    """Open the doors of the control, unseen at /docs."""
    control = Control(desk)
    for method, path, door in (
        ("GET", "/_sandbox/status", control.status),
        ("POST", _FAULTS, control.stage),
        ("DELETE", _FAULTS, control.clear),
        ("POST", _RECORDS, control.insert),
        ("PATCH", _RECORDS + "/{id}", control.change),
        ("DELETE", _RECORDS + "/{id}", control.delete),
    ):
        app.add_route(path, _plainly(door), methods=[method], include_in_schema=False)


def _plainly(door: Door) -> Door:
    async def guarded(request: Request) -> Response:
        try:
            return await door(request)
        except KeyError as error:
            return _json({"error": error.args[0]}, 404)
        except (TypeError, ValueError) as error:
            return _json({"error": str(error)}, 422)

    return guarded


async def _object(request: Request) -> dict[str, Any]:
    try:
        found = decode(await request.body())
    except ValueError as error:
        raise ValueError(f"The body is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise TypeError("The body must be one JSON object.")
    return found


def _position(request: Request) -> int | None:
    at = request.query_params.get("at")
    if at is not None and not at.isdigit():
        raise ValueError(f"at must be a position from 0, not {at!r}.")
    return None if at is None else int(at)


def _id(request: Request) -> int | str:
    text: str = request.path_params["id"]
    return int(text) if text.isdigit() else text


def _json(value: object, status: int = 200) -> Response:
    return Response(encode(value), status, media_type="application/json")


_REFUSED = {"refused": 422, "conflict": 409}  # what a twin is answered with


def make_app(desk: Desk) -> Gate:
    """Build the ASGI application that answers for one desk."""
    app = FastAPI(title="P4 Books sandbox", version="v1", redoc_url=None, redirect_slashes=False)
    for endpoint in ENDPOINTS:
        path, options = PREFIX + endpoint.path, desk.options
        app.get(path, **contract.of_list(endpoint, options))(_list(desk, endpoint))
        if endpoint.new:
            create = _create(desk, endpoint, endpoint.new)
            app.post(path, **contract.of_create(endpoint, options))(create)
    add_to(app, desk)
    contract.complete(app)
    app.add_exception_handler(HTTPException, _no_such_thing)
    return Gate(app, desk)


def respond(answer: Answer) -> Response:
    """Make an answer a response."""
    return Response(answer.body, answer.status, dict(answer.headers), answer.content_type)


def _list(desk: Desk, endpoint: Endpoint) -> Door:
    books, page = desk.books[endpoint.path], listing(desk.options)
    refuse = _refusing(desk.options)

    async def rows(request: Request) -> Response:
        try:
            wanted = asked(request.scope["query_string"], *desk.options.parameters)
        except BadPage as error:
            return respond(refuse(responses.not_valid(str(error), parameter=error.name)))
        desk.ahead_of(request.scope["state"]["arrival"])
        return respond(refuse(page(books, wanted)))

    return rows


def _create(desk: Desk, endpoint: Endpoint, shape: type[Record]) -> Door:
    books, options = desk.books[endpoint.path], desk.options
    refuse = _refusing(options)
    seeks_twins = options.twins != "made" and options.codes == "kept"

    async def create(request: Request) -> Response:
        body = await request.body()
        wrong = _wrong_with(body, shape)
        twin = _twin(books, body) if seeks_twins and not wrong else None
        if twin and options.twins in _REFUSED:
            wrong = responses.taken(_REFUSED[options.twins])
        if wrong:
            return respond(refuse(wrong))
        return respond(Answer(int(options.created), twin or books.create(body)))

    return create


def _refusing(options: Options) -> Callable[[Answer], Answer]:
    status, written = options.bad_input, options.bad_input_as
    return lambda answer: responses.bad_input(answer, status, written)


def _twin(books: RecordList, body: bytes) -> bytes | None:
    return books.with_code(value_of(orjson.loads(body), "code"))


def _wrong_with(body: bytes, shape: type[Record]) -> Answer | None:
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return responses.not_valid(f"The body is not JSON: {error}.")
    if not isinstance(record, dict):
        return responses.not_valid("The body must be one JSON object.")
    if "id" in record:
        return responses.not_valid("A new record has no id; it is given here.", field="id")
    try:
        shape.model_validate(record)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(step) for step in first["loc"])
        return responses.not_valid(f"{field}: {first['msg']}.", field=field)
    return None


async def _no_such_thing(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status != 405:
        return respond(
            responses.error(status, "not_found", f"There is no {request.url.path} here.")
        )
    allowed = next(
        (each.methods for each in ENDPOINTS if PREFIX + each.path == request.url.path), "GET"
    )
    message = f"{request.method} is not possible here; {allowed} is."
    return respond(responses.error(405, "not_allowed", message, headers={"Allow": allowed}))
