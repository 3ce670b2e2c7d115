"""How is an answer written that is not a page?"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import lru_cache
from urllib.parse import parse_qs

from p4books_sandbox.options import Options
from p4books_sandbox.store import RecordList, decode, encode


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


class BadPage(ValueError):
    """The page or its size is not a whole number from 1 (or from where pages begin)."""

    def __init__(self, name: str, value: str, least: int) -> None:
        """Take the parameter's name, what was given for it, and the least it can be."""
        super().__init__(f"{name} must be a whole number from {least}, not {value[:40]!r}.")
        self.name = name


@dataclass(frozen=True)
class Asked:
    """A page, counted as the server does, and its size in rows."""

    page: int
    page_size: int | None


@lru_cache(maxsize=4096)
def asked(
    query: bytes, page_name: str = "page", size_name: str = "page_size", first: int = 1
) -> Asked:
    """Read the page (default: the first) and its size (None: not given) from a query string.

    Raises BadPage.
    """
    words = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    page = _whole_number(words, page_name, first)
    return Asked(first if page is None else page, _whole_number(words, size_name, 1))


def rows_of(page: int, page_size: int) -> tuple[int, int]:
    """Give the positions of a page's first row and of the row after its last; pages from 1."""
    return (page - 1) * page_size, page * page_size


def last_page(total: int, page_size: int) -> int:
    """Give the last page of a list, counted from 1; an empty list has one page."""
    return max(1, -(-total // page_size))


def _whole_number(words: dict[str, list[str]], name: str, least: int) -> int | None:
    given = words.get(name)
    if given is None:
        return None
    text = given[0]
    plain = len(given) == 1 and text.isascii() and text.isdigit() and len(text) < 1000
    if not plain or int(text) < least:
        raise BadPage(name, ", ".join(given), least)
    return int(text)


Rows = list[bytes]

_TOTALS: dict[str, Callable[[int, Rows], bytes]] = {
    "list": lambda total, _: b',"total":%d' % total,
    "page": lambda _, rows: b',"total":%d' % len(rows),
    "null": lambda _, __: b',"total":null',
    "missing": lambda _, __: b"",
}
_ECHOES: dict[str, Callable[[int, int], bytes]] = {
    "given": lambda given, _: b',"page":%d' % given,
    "asked": lambda _, asked: b',"page":%d' % asked,
    "missing": lambda _, __: b"",
}


def listing(options: Options) -> Callable[[RecordList, Asked], Answer]:
    """Make what answers for any list, the server's ways being what they are."""
    tell_total, tell_page = _TOTALS[options.total], _ECHOES[options.echo]
    first = int(options.first_page)

    def page(books: RecordList, asked: Asked) -> Answer:
        if options.over_cap == "refused" and (asked.page_size or 0) > options.page_size_cap:
            return _too_many(options)
        number, size = _taken(asked, options)
        rows, total = books.page(*rows_of(number, size))
        if not rows and number > 1 and options.past_end == "404":
            return error(404, "not_found", f"There is no page {asked.page}.")
        if not rows and number > 1 and options.past_end == "last":
            number = last_page(total, size)
            rows, total = books.page(*rows_of(number, size))
        told = tell_total(total, rows), tell_page(number + first - 1, asked.page)
        return Answer(200, b'{"data":[%b]%b%b}' % (b",".join(rows), *told))

    return page


def _taken(asked: Asked, options: Options) -> tuple[int, int]:
    """Give the page, counted from 1, and the size that the server takes for what was asked."""
    size = None if options.ignores_page_size else asked.page_size
    if options.over_cap == "default" and size and size > options.page_size_cap:
        size = None
    number = 1 if options.ignores_page else asked.page - int(options.first_page) + 1
    return number, min(size or options.page_size, options.page_size_cap)


def _too_many(options: Options) -> Answer:
    name, most = options.page_size_parameter, options.page_size_cap
    return not_valid(f"{name} must be {most} or less.", parameter=name)
