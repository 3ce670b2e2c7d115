"""Responses of the API: pages of a list and errors, before they become HTTP."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import lru_cache
from urllib.parse import parse_qs

from p4books_sandbox.options import Options, PageParameters
from p4books_sandbox.store import RecordList, Rows, decode_json, encode_json

_NAMES = PageParameters()


@dataclass(frozen=True)
class SandboxResponse:
    """Status, headers and body of a response."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(frozen=True)
class PageRequest:
    """The page that is requested, counted as the server does, and its size in rows, if given."""

    page: int
    page_size: int | None


class InvalidPage(ValueError):
    """The page or its size is not a whole number, or too small."""

    def __init__(self, parameter: str, value: str, minimum: int) -> None:
        """Take the parameter's name, its value, and the smallest one that is allowed."""
        super().__init__(
            f"{parameter} must be a whole number, at least {minimum}, not {value[:40]!r}."
        )
        self.parameter = parameter


@lru_cache(maxsize=4096)
def parse_page_request(query: bytes, names: PageParameters = _NAMES) -> PageRequest:
    """Read the page (default: the first) and its size (None if not given) from a query string.

    Raises InvalidPage.
    """
    values = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    page = _parse_whole_number(values, names.page, names.first_page)
    page_size = _parse_whole_number(values, names.page_size, 1)
    return PageRequest(names.first_page if page is None else page, page_size)


def page_bounds(page: int, page_size: int) -> tuple[int, int]:
    """Return the positions of a page's first row and of the row after its last; pages from 1."""
    return (page - 1) * page_size, page * page_size


def last_page(total: int, page_size: int) -> int:
    """Return the number of a list's last page, counted from 1; an empty list has one page."""
    return max(1, -(-total // page_size))


def make_page(records: RecordList, requested: PageRequest, options: Options) -> SandboxResponse:
    """Respond to a request for a page of a list."""
    if options.over_cap == "refused" and (requested.page_size or 0) > options.page_size_cap:
        return _refuse_page_size(options)
    number, size = _choose_page(requested, options)
    rows, total = records.page(*page_bounds(number, size))
    if not rows and number > 1 and options.past_end == "404":
        return make_error(404, "not_found", f"Page {requested.page} does not exist.")
    if not rows and number > 1 and options.past_end == "last":
        number = last_page(total, size)
        rows, total = records.page(*page_bounds(number, size))
    echoed = number + int(options.first_page) - 1
    counts = _TOTALS[options.total](total, rows), _ECHOES[options.echo](echoed, requested.page)
    return SandboxResponse(200, b'{"data":[%b]%b%b}' % (b",".join(rows), *counts))


def make_error(
    status: int,
    code: str,
    message: str,
    *,
    details: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> SandboxResponse:
    """Make an error response in the contract's form."""
    body = {"error": {"code": code, "message": message, "details": dict(details or {})}}
    return SandboxResponse(status, encode_json(body), headers or {})


def refuse_key() -> SandboxResponse:
    """Refuse a request whose key is missing or wrong."""
    return make_error(
        401,
        "unauthorized",
        "The API key is missing or wrong.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def refuse_over_limit(wait: float, retry_after: str = "seconds") -> SandboxResponse:
    """Refuse a request over the limit; the wait in seconds is rounded up, so that it suffices."""
    message = f"Too many requests. Try again in {_round_up(wait)} s."
    headers = {} if retry_after == "none" else {"Retry-After": _WAITS[retry_after](wait)}
    return make_error(429, "too_many_requests", message, headers=headers)


def refuse_endpoint(endpoint: str) -> SandboxResponse:
    """Refuse a request whose key lacks the permission for an endpoint."""
    return make_error(403, "forbidden", f"This key has no permission for {endpoint}.")


def refuse_invalid(message: str, **details: object) -> SandboxResponse:
    """Refuse a request that is not valid."""
    return make_error(422, "not_valid", message, details=details)


def refuse_duplicate_code(status: int) -> SandboxResponse:
    """Refuse a record because another has its code, with 422 or 409."""
    code = "conflict" if status == 409 else "not_valid"
    message = "There is a record with this code."
    return make_error(status, code, message, details={"field": "code"})


def apply_bad_input_options(refusal: SandboxResponse, options: Options) -> SandboxResponse:
    """Give a 422 the status, and a 409 or 422 the format, that the options ask for."""
    if refusal.status not in (409, 422):
        return refusal
    status = int(options.bad_input) if refusal.status == 422 else refusal.status
    if options.bad_input_as == "json":
        return replace(refusal, status=status)
    message: str = decode_json(refusal.body)["error"]["message"]
    text_type = "text/plain; charset=utf-8"
    return replace(refusal, status=status, body=message.encode(), content_type=text_type)


def format_limit_headers(limit: int, remaining: int, resets_in: float, unit: str) -> dict[str, str]:
    """Write the X-RateLimit headers; the unit of the reset is seconds from now, or epoch."""
    reset = math.ceil(time.time() + resets_in) if unit == "epoch" else math.ceil(resets_in)
    values = {"limit": limit, "remaining": remaining, "reset": reset}
    return {f"x-ratelimit-{name}": str(value) for name, value in values.items()}


_TOTALS: dict[str, Callable[[int, Rows], bytes]] = {
    "list": lambda total, _: b',"total":%d' % total,
    "page": lambda _, rows: b',"total":%d' % len(rows),
    "null": lambda _, __: b',"total":null',
    "missing": lambda _, __: b"",
}
_ECHOES: dict[str, Callable[[int, int], bytes]] = {
    "given": lambda given, _: b',"page":%d' % given,
    "asked": lambda _, requested: b',"page":%d' % requested,
    "missing": lambda _, __: b"",
}
_WAITS: dict[str, Callable[[float], str]] = {
    "seconds": lambda wait: str(_round_up(wait)),
    "date": lambda wait: formatdate(math.ceil(time.time() + wait), usegmt=True),
    "soon": lambda _: "soon",
    "huge": lambda _: "99999999",
}


def _parse_whole_number(values: dict[str, list[str]], name: str, minimum: int) -> int | None:
    given = values.get(name)
    if given is None:
        return None
    text = given[0]
    is_plain = len(given) == 1 and text.isascii() and text.isdigit() and len(text) < 1000
    if not is_plain or int(text) < minimum:
        raise InvalidPage(name, ", ".join(given), minimum)
    return int(text)


def _choose_page(requested: PageRequest, options: Options) -> tuple[int, int]:
    """Return the page, counted from 1, and the page size that the server uses."""
    size = None if options.ignores_page_size else requested.page_size
    if options.over_cap == "default" and size and size > options.page_size_cap:
        size = None
    number = 1 if options.ignores_page else requested.page - int(options.first_page) + 1
    return number, min(size or options.page_size, options.page_size_cap)


def _refuse_page_size(options: Options) -> SandboxResponse:
    name, maximum = options.page_size_parameter, options.page_size_cap
    return refuse_invalid(f"{name} must be {maximum} or less.", parameter=name)


def _round_up(seconds: float) -> int:
    return max(1, math.ceil(seconds))
