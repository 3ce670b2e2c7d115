"""How is an answer written that is not a page?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from p4books_sandbox.records import encode


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


def over_the_limit(wait: float) -> Answer:
    """Refuse a request over the limit; wait is seconds, told in whole ones and never too few."""
    seconds = max(1, math.ceil(wait))
    message = f"Too many requests. Try again in {seconds} s."
    return error(429, "too_many_requests", message, headers={"Retry-After": str(seconds)})


def forbidden(endpoint: str) -> Answer:
    """Refuse a request whose key lacks the right."""
    return error(403, "forbidden", f"This key has no right to {endpoint}.")


def not_valid(message: str, **details: object) -> Answer:
    """Refuse a request that is wrong in itself."""
    return error(422, "not_valid", message, details=details)
