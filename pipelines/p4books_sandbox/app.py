"""ASGI application of the sandbox: the API behind its middleware, and the control API."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import cache
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from p4books_sandbox import contract, responses
from p4books_sandbox.contract import ENDPOINTS, ContractRecord, EndpointContract
from p4books_sandbox.faults import Arrival, FaultQueue, apply_fault, parse_fault
from p4books_sandbox.options import Options, PageParameters
from p4books_sandbox.rate_limit import RequestLimit, make_limit
from p4books_sandbox.render import get_value
from p4books_sandbox.responses import InvalidPage, SandboxResponse, parse_page_request
from p4books_sandbox.server import AsgiApp, Exchange, Message, Receive, Scope, Send, decode_headers
from p4books_sandbox.store import RecordList, decode_json, encode_json

Books = dict[str, RecordList]
Handler = Callable[[Request], Awaitable[Response]]

PREFIX = "/api/v1/"

_FAULTS = "/_sandbox/faults"
_RECORDS = "/_sandbox/records/{endpoint}"
_SECRET_HEADERS = frozenset({"authorization", "cookie"})
_DUPLICATE_STATUS = {"refused": 422, "conflict": 409}  # by the value of the option `twins`


class RequestLog:
    """The requests that arrived, in order of arrival."""

    def __init__(self) -> None:
        self._arrivals: list[Arrival] = []

    def add(self, arrival: Arrival) -> int:
        """Add a request; return its position in the log."""
        self._arrivals.append(arrival)
        return len(self._arrivals) - 1

    def set_status(self, position: int, status: int) -> None:
        """Note the status of the response to a request."""
        self._arrivals[position] = replace(self._arrivals[position], status=status)

    def arrivals(self) -> list[Arrival]:
        """Return a copy of what arrived so far."""
        return list(self._arrivals)

    def __len__(self) -> int:
        return len(self._arrivals)


class ServerState:
    """State of a running sandbox: the books, the staged faults, the log and the rate limit."""

    def __init__(
        self,
        options: Options,
        books: Books,
        clock: Callable[[], float] = time.monotonic,
        rate_limit: RequestLimit | None = None,
    ) -> None:
        """Take the options, the lists by path, a clock in seconds, and a limit to share."""
        self.options = options
        self.books = books
        self.clock = clock
        self.rate_limit = rate_limit or make_limit(options, clock)
        self.faults = FaultQueue()
        self.forbidden: set[str] = set()
        self.log = RequestLog()
        self.refused = 0
        self.before_each: Callable[[Arrival], object] | None = None
        self.callback_errors: list[Exception] = []

    def run_before_each(self, arrival: Arrival) -> None:
        """Call `before_each` ahead of a list request; keep the error it raises, and raise it."""
        if self.before_each is None:
            return
        try:
            self.before_each(arrival)
        except Exception as error:
            self.callback_errors.append(error)
            raise


def make_app(state: ServerState) -> "ApiMiddleware":
    """Build the ASGI application of one sandbox."""
    options = state.options
    return ApiMiddleware(make_routes(options.page_parameters, options.twins == "conflict"), state)


@cache
def make_routes(names: PageParameters, conflicts: bool) -> FastAPI:
    """Build the API and the control API, which find the sandbox's state in the request's.

    Cached, since FastAPI takes longer for it than a sandbox for everything else.
    """
    app = FastAPI(title="P4 Books sandbox", version="v1", redoc_url=None, redirect_slashes=False)
    for endpoint in ENDPOINTS:
        path = PREFIX + endpoint.path
        app.get(path, **contract.describe_list(endpoint, names))(_make_list(endpoint))
        if endpoint.new_record:
            create = _make_create(endpoint, endpoint.new_record)
            app.post(path, **contract.describe_create(endpoint, conflicts))(create)
    for method, path, handler in (
        ("GET", "/_sandbox/status", _show_status),
        ("POST", _FAULTS, _stage_fault),
        ("DELETE", _FAULTS, _clear_faults),
        ("POST", _RECORDS, _insert_record),
        ("PATCH", _RECORDS + "/{id}", _change_record),
        ("DELETE", _RECORDS + "/{id}", _delete_record),
    ):
        app.add_route(path, _handle_errors(handler), methods=[method], include_in_schema=False)
    contract.complete_openapi(app)
    app.add_exception_handler(HTTPException, _respond_to_unknown_route)
    return app


class ApiMiddleware:
    """Logs each API request; checks its key, the rate limit and permissions; applies faults."""

    def __init__(self, app: AsgiApp, state: ServerState) -> None:
        """Take the application behind it and the sandbox's state."""
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI call; what is not for the API is passed on."""
        scope["state"]["sandbox"] = self._state
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        names = self._state.options.page_parameters
        log, arrival = self._state.log, _make_arrival(scope, self._state.clock(), names)
        position = log.add(arrival)
        scope["state"]["arrival"] = arrival

        async def send_and_log(message: Message) -> None:
            if message["type"] == "http.response.start":
                log.set_status(position, message["status"])
                message["headers"] = [*message["headers"], *self._limit_headers()]
            await send(message)

        await self._respond(arrival, Exchange(self._app, scope, receive, send_and_log))

    async def _respond(self, arrival: Arrival, exchange: Exchange) -> None:
        refusal = self._check_request(arrival, exchange.scope)
        fault = None if refusal else self._state.faults.next_fault(arrival)
        if refusal:
            await exchange.send_response(refusal)
        elif fault:
            await apply_fault(fault, exchange)
        else:
            await exchange.forward()

    def _check_request(self, arrival: Arrival, scope: Scope) -> SandboxResponse | None:
        state, key = self._state, _get_key(scope)
        if key != state.options.key:
            return responses.refuse_key()
        wait = state.rate_limit.acquire(key)
        if wait:
            state.refused += 1
            return responses.refuse_over_limit(wait, state.options.retry_after)
        if arrival.endpoint in state.forbidden:
            return responses.refuse_endpoint(arrival.endpoint)
        return None

    def _limit_headers(self) -> list[tuple[bytes, bytes]]:
        options = self._state.options
        if options.limit_headers == "none":
            return []
        remaining, resets_in = self._state.rate_limit.peek(options.key)
        headers = responses.format_limit_headers(
            options.limit, remaining, resets_in, options.limit_headers
        )
        return [(name.encode(), value.encode()) for name, value in headers.items()]


def _make_list(endpoint: EndpointContract) -> Handler:
    """Make the handler that reads a list."""

    async def list_records(request: Request) -> Response:
        state = _get_state(request)
        query, names = request.scope["query_string"], state.options.page_parameters
        try:
            requested = parse_page_request(query, names)
        except InvalidPage as error:
            return _refuse(
                responses.refuse_invalid(str(error), parameter=error.parameter), state.options
            )
        state.run_before_each(request.scope["state"]["arrival"])
        page = responses.make_page(state.books[endpoint.path], requested, state.options)
        return _refuse(page, state.options)

    return list_records


def _make_create(endpoint: EndpointContract, shape: type[ContractRecord]) -> Handler:
    """Make the handler that creates a record."""

    async def create_record(request: Request) -> Response:
        options, records = _get_state(request).options, _get_state(request).books[endpoint.path]
        body = await request.body()
        refusal = _validate_record(body, shape)
        detects_duplicates = options.twins != "made" and options.codes == "kept"
        existing = _find_duplicate(records, body) if detects_duplicates and not refusal else None
        if existing and options.twins in _DUPLICATE_STATUS:
            refusal = responses.refuse_duplicate_code(_DUPLICATE_STATUS[options.twins])
        if refusal:
            return _refuse(refusal, options)
        row = existing or records.create(body)
        return _make_response(SandboxResponse(int(options.created), row))

    return create_record


def _get_state(request: Request) -> ServerState:
    state: ServerState = request.scope["state"]["sandbox"]
    return state


def _refuse(response: SandboxResponse, options: Options) -> Response:
    return _make_response(responses.apply_bad_input_options(response, options))


def _make_response(response: SandboxResponse) -> Response:
    headers = dict(response.headers)
    return Response(response.body, response.status, headers, response.content_type)


def _find_duplicate(records: RecordList, body: bytes) -> bytes | None:
    return records.with_code(get_value(orjson.loads(body), "code"))


def _validate_record(body: bytes, shape: type[ContractRecord]) -> SandboxResponse | None:
    try:
        orjson.loads(body)  # the stricter parser, which turns integers beyond 64 bits into floats
        record = json.loads(body)
    except (ValueError, RecursionError) as error:
        return responses.refuse_invalid(f"The body is not JSON: {error}.")
    if not isinstance(record, dict):
        return responses.refuse_invalid("The body must be one JSON object.")
    if "id" in record:
        message = "A new record must not have an id; the server assigns it."
        return responses.refuse_invalid(message, field="id")
    try:
        shape.model_validate(record)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(step) for step in first["loc"])
        return responses.refuse_invalid(f"{field}: {first['msg']}.", field=field)
    return None


async def _respond_to_unknown_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    path = request.url.path
    if status != 405:
        message = f"{path} does not exist."
        return _make_response(responses.make_error(status, "not_found", message))
    allowed = next((each.methods for each in ENDPOINTS if PREFIX + each.path == path), "GET")
    message = f"{request.method} is not allowed here; {allowed} is."
    headers = {"Allow": allowed}
    return _make_response(responses.make_error(405, "not_allowed", message, headers=headers))


def _make_arrival(scope: Scope, at: float, names: PageParameters) -> Arrival:
    """Describe a request, without its secrets; `at` is the clock's seconds."""
    endpoint = scope["path"].removeprefix(PREFIX)
    headers = {
        name: value
        for name, value in decode_headers(scope["headers"]).items()
        if name not in _SECRET_HEADERS
    }
    arrival = Arrival(scope["method"], endpoint, None, None, at, None, headers)
    try:
        requested = parse_page_request(scope["query_string"], names)
    except InvalidPage:
        return arrival
    page = requested.page if arrival.method == "GET" else None
    return replace(arrival, page=page, page_size=requested.page_size)


def _get_key(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, key = value.decode("latin-1").partition(" ")
            return key.strip() if scheme.lower() == "bearer" else None
    return None


async def _show_status(request: Request) -> Response:
    """Count the requests, those over the rate limit, and the rows of each list."""
    state = _get_state(request)
    rows = {path: len(records) for path, records in state.books.items()}
    return _make_json({"requests": len(state.log), "refused": state.refused, "rows": rows})


async def _stage_fault(request: Request) -> Response:
    faults = _get_state(request).faults
    faults.stage(parse_fault(await _parse_object(request)))
    return _make_json({"staged": len(faults.staged())}, 201)


async def _clear_faults(request: Request) -> Response:
    _get_state(request).faults.clear()
    return Response(status_code=204)


async def _insert_record(request: Request) -> Response:
    """Insert the record in the body at ?at=, or by the list's order."""
    record = await _parse_object(request)
    record_id = _find_list(request).insert(record, _parse_position(request))
    return _make_json({"id": record_id}, 201)


async def _change_record(request: Request) -> Response:
    """Change the fields in the body."""
    _find_list(request).replace(_parse_id(request), **await _parse_object(request))
    return Response(status_code=204)


async def _delete_record(request: Request) -> Response:
    _find_list(request).delete(_parse_id(request))
    return Response(status_code=204)


def _find_list(request: Request) -> RecordList:
    books, path = _get_state(request).books, request.path_params["endpoint"]
    if path not in books:
        raise KeyError(f"There is no list {path!r}.")
    return books[path]


def _handle_errors(handler: Handler) -> Handler:
    """Turn what a handler of the control API raises into a response."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except KeyError as error:
            return _make_json({"error": error.args[0]}, 404)
        except (TypeError, ValueError) as error:
            return _make_json({"error": str(error)}, 422)

    return handle


async def _parse_object(request: Request) -> dict[str, Any]:
    try:
        value = decode_json(await request.body())
    except ValueError as error:
        raise ValueError(f"The body is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise TypeError("The body must be one JSON object.")
    return value


def _parse_position(request: Request) -> int | None:
    at = request.query_params.get("at")
    if at is not None and not at.isdigit():
        raise ValueError(f"at must be a position, counted from 0, not {at!r}.")
    return None if at is None else int(at)


def _parse_id(request: Request) -> int | str:
    text: str = request.path_params["id"]
    return int(text) if text.isdigit() else text


def _make_json(value: object, status: int = 200) -> Response:
    return Response(encode_json(value), status, media_type="application/json")
