"""Which answer does each path give?"""

from collections.abc import Callable

import orjson
from fastapi import FastAPI, Request, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from p4books_sandbox import answers, control, description
from p4books_sandbox.answers import Answer
from p4books_sandbox.contract import ENDPOINTS, Endpoint
from p4books_sandbox.control import Door
from p4books_sandbox.desk import Desk
from p4books_sandbox.gate import PREFIX, Gate
from p4books_sandbox.listing import listing
from p4books_sandbox.models import Record
from p4books_sandbox.options import Options
from p4books_sandbox.paging import BadPage, asked
from p4books_sandbox.records import RecordList
from p4books_sandbox.spelling import value_of

_REFUSED = {"refused": 422, "conflict": 409}  # what a twin is answered with


def make_app(desk: Desk) -> Gate:
    """Build the ASGI application that answers for one desk."""
    app = FastAPI(title="P4 Books sandbox", version="v1", redoc_url=None, redirect_slashes=False)
    for endpoint in ENDPOINTS:
        path, options = PREFIX + endpoint.path, desk.options
        app.get(path, **description.of_list(endpoint, options))(_list(desk, endpoint))
        if endpoint.new:
            create = _create(desk, endpoint, endpoint.new)
            app.post(path, **description.of_create(endpoint, options))(create)
    control.add_to(app, desk)
    description.complete(app)
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
            return respond(refuse(answers.not_valid(str(error), parameter=error.name)))
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
            wrong = answers.taken(_REFUSED[options.twins])
        if wrong:
            return respond(refuse(wrong))
        return respond(Answer(int(options.created), twin or books.create(body)))

    return create


def _refusing(options: Options) -> Callable[[Answer], Answer]:
    status, written = options.bad_input, options.bad_input_as
    return lambda answer: answers.bad_input(answer, status, written)


def _twin(books: RecordList, body: bytes) -> bytes | None:
    return books.with_code(value_of(orjson.loads(body), "code"))


def _wrong_with(body: bytes, shape: type[Record]) -> Answer | None:
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return answers.not_valid(f"The body is not JSON: {error}.")
    if not isinstance(record, dict):
        return answers.not_valid("The body must be one JSON object.")
    if "id" in record:
        return answers.not_valid("A new record has no id; it is given here.", field="id")
    try:
        shape.model_validate(record)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(str(step) for step in first["loc"])
        return answers.not_valid(f"{field}: {first['msg']}.", field=field)
    return None


async def _no_such_thing(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status != 405:
        return respond(answers.error(status, "not_found", f"There is no {request.url.path} here."))
    allowed = next(
        (each.methods for each in ENDPOINTS if PREFIX + each.path == request.url.path), "GET"
    )
    message = f"{request.method} is not possible here; {allowed} is."
    return respond(answers.error(405, "not_allowed", message, headers={"Allow": allowed}))
