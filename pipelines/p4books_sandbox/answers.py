"""How is an answer written that is not a page?"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate

from p4books_sandbox.records import decode, encode


@dataclass(frozen=True)
class Answer:
    """A status, headers and a body, on their way to the caller."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


def error(
    status: int,
    code: str,
    message: str,
    *,
    details: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Write an error as the contract's Error has it."""
    body = {"error": {"code": code, "message": message, "details": dict(details or {})}}
    return Answer(status, encode(body), headers or {})


def unknown_key() -> Answer:
    """Refuse a request whose key is missing or wrong."""
    return error(
        401,
        "unauthorized",
        "The API key is missing or wrong.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def over_the_limit(wait: float, told: str = "seconds") -> Answer:
    """Refuse a request over the limit; wait is seconds, told in whole ones and never too few."""
    message = f"Too many requests. Try again in {_whole(wait)} s."
    headers = {} if told == "none" else {"Retry-After": _WAITS[told](wait)}
    return error(429, "too_many_requests", message, headers=headers)


def room_left(limit: int, left: int, resets_in: float, told: str) -> dict[str, str]:
    """Write the headers that tell a limit, what is left of it, and when there is more."""
    reset = math.ceil(time.time() + resets_in) if told == "epoch" else math.ceil(resets_in)
    words = {"limit": limit, "remaining": left, "reset": reset}
    return {f"x-ratelimit-{name}": str(value) for name, value in words.items()}


def forbidden(endpoint: str) -> Answer:
    """Refuse a request whose key lacks the right."""
    return error(403, "forbidden", f"This key has no right to {endpoint}.")


def not_valid(message: str, **details: object) -> Answer:
    """Refuse a request that is wrong in itself."""
    return error(422, "not_valid", message, details=details)


def taken(status: int) -> Answer:
    """Refuse a record because another has its code, with 422 or 409."""
    code = "conflict" if status == 409 else "not_valid"
    message = "There is a record with this code."
    return error(status, code, message, details={"field": "code"})


def bad_input(wrong: Answer, status: str, written: str) -> Answer:
    """Write a refusal as bare text, and one of what is not valid with another status."""
    if wrong.status not in (409, 422):
        return wrong
    changed = replace(wrong, status=int(status)) if wrong.status == 422 else wrong
    if written == "json":
        return changed
    message: str = decode(wrong.body)["error"]["message"]
    return replace(changed, body=message.encode(), content_type="text/plain; charset=utf-8")


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))


_WAITS: dict[str, Callable[[float], str]] = {
    "seconds": lambda wait: str(_whole(wait)),
    "date": lambda wait: formatdate(math.ceil(time.time() + wait), usegmt=True),
    "soon": lambda _: "soon",
    "huge": lambda _: "99999999",
}
