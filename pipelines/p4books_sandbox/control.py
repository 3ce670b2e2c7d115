"""How is a sandbox in a process of its own steered?"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response

from p4books_sandbox.desk import Desk
from p4books_sandbox.faults import fault_of
from p4books_sandbox.records import RecordList, decode, encode

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
