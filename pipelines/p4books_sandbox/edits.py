"""How is a true answer spoiled?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from orjson import Fragment

from p4books_sandbox.records import decode, encode
from p4books_sandbox.spelling import key_of


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
