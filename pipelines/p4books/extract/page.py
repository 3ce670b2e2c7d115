"""One page of a list: parsing, validation and canonical records."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec

from p4books.endpoints.definition import Endpoint
from p4books.storage.exact_json import has_long_number, parse_exact


def canonical_record(record: Mapping[str, Any], endpoint: Endpoint) -> Mapping[str, Any]:
    """Spell the names our way and leave nulls out: a null and a missing field say the same."""
    record = _respell(record, endpoint.known)
    if isinstance(given := record.get("id"), str) and given != given.strip():
        record = {**record, "id": given.strip()}
    respelled = {
        name: [_respell(item, frozenset(fields)) for item in record[name]]
        for name, fields in endpoint.inner.items()
        if _are_objects(record.get(name))
    }
    return {**record, **respelled} if respelled else record


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _respell(record: Mapping[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
    if record.keys() <= known:
        if None not in record.values():
            return record
        return {name: value for name, value in record.items() if value is not None}
    respelled: dict[str, Any] = {}
    for name, value in sorted(record.items(), key=lambda item: (item[0] not in known, item[0])):
        if value is not None:
            ours = snake_case(name, known)
            while ours in respelled:
                ours += "_too"
            respelled[ours] = value
    return respelled


@cache
def snake_case(name: str, known: frozenset[str]) -> str:
    """Say DocumentDate, documentDate and DOCUMENT_DATE as document_date."""
    squashed = re.sub(r"[\W_]+", "", name).lower()
    for ours in known:
        if ours.replace("_", "") == squashed:
            return ours
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[\W_]+", "_", words).strip("_").lower() or "unnamed"


@cache
def page_decoder(endpoint: Endpoint) -> msgspec.json.Decoder[Any]:
    """Make the decoder of pages that hold the fields we know, and no other, in our spelling.

    It raises ValueError for every other page.
    """
    types: dict[str, Any] = dict.fromkeys(endpoint.fields, Any)
    for name, fields in endpoint.inner.items():
        item = _shape(name, dict.fromkeys(fields, Any))
        types[name] = list[item] | None  # type: ignore[valid-type]
    record = _shape(endpoint.name, types)
    page = [("data", list[record]), ("total", int), ("page", int)]  # type: ignore[valid-type]
    return msgspec.json.Decoder(msgspec.defstruct("Page", page))


def _shape(name: str, types: Mapping[str, Any]) -> Any:
    """Make a class of records whose names are written in order and whose nulls are left out."""
    return msgspec.defstruct(
        name,
        [(field, types[field], None) for field in sorted(types)],
        omit_defaults=True,
        forbid_unknown_fields=True,
        gc=False,
    )


class _Envelope(msgspec.Struct):
    """What a walk asks of a record: who it is, and where it may stand."""

    id: Any
    date_created: Any = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_ENCODER = msgspec.json.Encoder(order="sorted")

SortKey = tuple[int, str]

AGAIN = "the last page again"  # past the end
NOT_FOUND = "404"

TOO_DEEP = "JSON that is nested too deeply"
LARGEST = 16 << 20  # bytes of a record; what is more is no record, and would stop every list's load


class MalformedPage(ValueError):
    """The body is no page of a list; the text says what it is instead."""


class WrongPage(MalformedPage):
    """The answer says that it is another page: `given`."""

    def __init__(self, given: int) -> None:
        super().__init__(f"page {given}")
        self.given = given


@dataclass(frozen=True)
class Page:
    """One page of a list.

    `total` is the number of rows announced for the whole list, None where none was told; `rows`
    how many stood in this answer (an id that came twice counts twice); `records` are its rows by
    id, as canonical JSON, in the order they came; `keys` what they may be ordered by, comparable:
    ids where all are numbers, else dates of creation, None where neither is told for every row.
    `past_end` is what the server gave for a page that the list does not have, if not just no rows;
    `strange`: a row has fields that the endpoint does not know.
    """

    page: int
    total: int | None
    rows: int
    records: Mapping[str, bytes]
    keys: tuple[SortKey, ...] | None
    past_end: str = ""
    strange: bool = False

    @property
    def rising(self) -> bool:
        """Whether its rows may stand oldest first."""
        return self.keys is not None and all(a <= b for a, b in pairwise(self.keys))

    @property
    def falling(self) -> bool:
        """Whether its rows may stand newest first."""
        return self.keys is not None and all(a >= b for a, b in pairwise(self.keys))


def parse_page(body: bytes, endpoint: Endpoint, page: int, size: int | None = None) -> Page:
    """Read the body of a page; raises Malformed.

    `size`, the rows that a page holds, tells a wrong page from one past the end: there some
    servers give their last page again. Page 0 is what came where none was named, whatever it is.
    """
    rows = _plain_rows(body, endpoint, page)
    if rows is not None:
        return _build_page(page, *rows)
    data, total, echo = _envelope(body)
    if echo in {None, page} or page == 0:
        return _doubted(page, total, data, endpoint)
    if total is None and echo == page - 1:  # perhaps the end: the walk sees what it knows already
        return replace(_doubted(page, total, data, endpoint), past_end=AGAIN)
    if size and total is not None and (page - 1) * size >= total:
        return Page(page, total, rows=0, records={}, keys=(), past_end=AGAIN)
    raise WrongPage(int(echo or 0))


def restore_page(lines: Sequence[bytes], page: int, total: int | None, rows: int) -> Page:
    """Make the answer again from the lines that the spool kept of it. Raises ValueError."""
    told = [_ENVELOPE.decode(line) for line in lines]
    ids = [_id(each.id) for each in told]
    keys = _order_keys(ids, [each.date_created for each in told]) if rows == len(ids) else None
    return Page(page, total, rows, dict(zip(ids, lines, strict=True)), keys)


def empty_page(page: int) -> Page:
    """Make the answer of a server that says there is no such page."""
    return Page(page, total=None, rows=0, records={}, keys=(), past_end=NOT_FOUND)


def _doubted(
    page: int, total: int | None, data: Sequence[dict[str, Any]], endpoint: Endpoint
) -> Page:
    """Make an answer of rows that are not just as documented."""
    records = [canonical_record(record, endpoint) for record in data]
    strange = any(not record.keys() <= endpoint.known for record in records)
    return replace(_build_page(page, total, records), strange=strange)


def _build_page(page: int, total: int | None, records: Sequence[Any]) -> Page:
    """Make an answer of records, be they objects or dictionaries."""
    try:
        lines = _ENCODER.encode_lines(records).split(b"\n")[:-1]
    except RecursionError:
        raise MalformedPage(TOO_DEEP) from None
    if (largest := max(map(len, lines), default=0)) > LARGEST:
        raise MalformedPage(f"a row of {largest >> 20:,} MB")
    ids = [_id(_field(record, "id")) for record in records]
    made = [_field(record, "date_created") for record in records]
    return Page(
        page=page,
        total=total,
        rows=len(records),
        records=dict(zip(ids, lines, strict=True)),
        keys=_order_keys(ids, made),
    )


def _field(record: Any, name: str) -> Any:
    return record.get(name) if isinstance(record, dict) else getattr(record, name, None)


def _plain_rows(body: bytes, endpoint: Endpoint, page: int) -> tuple[int, list[Any]] | None:
    """Read a page that is just as documented, in a quarter of the time; None where it is not."""
    if has_long_number(body):
        return None
    try:
        envelope = page_decoder(endpoint).decode(body)
    except (ValueError, RecursionError):
        return None
    ids = [record.id for record in envelope.data]
    plain = all(type(i) is int or (type(i) is str and i == i.strip() != "") for i in ids)
    if not plain or envelope.page != page or envelope.total < 0:
        return None
    return envelope.total, envelope.data


def _envelope(body: bytes) -> tuple[list[dict[str, Any]], int | None, int | None]:
    """Take rows, total and page out of an answer, having doubted everything about them."""
    try:
        answer = parse_exact(body)
    except RecursionError:
        raise MalformedPage(TOO_DEEP) from None
    except ValueError:
        raise MalformedPage(_instead_of_json(body)) from None
    if not isinstance(answer, dict):
        raise MalformedPage("JSON that is not a page of a list")
    names = [name.lower() for name in answer]
    if any(names.count(name) > 1 for name in ("data", "total", "page")):
        raise MalformedPage("JSON that says `data`, `total` or `page` twice")
    answer = dict(zip(names, answer.values(), strict=True))
    if "data" not in answer:
        raise MalformedPage("JSON that holds no `data`")
    total = _count("total", answer.get("total"))
    data = [] if answer["data"] is None and total == 0 else answer["data"]
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise MalformedPage("`data` that is not a list of rows")
    return data, total, _count("page", answer.get("page"))


def _instead_of_json(body: bytes) -> str:
    start = body.lstrip()[:15].lower()
    html = start.startswith((b"<!doctype", b"<html"))
    return "an HTML page" if html else "something that is not JSON"


def _count(name: str, value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, bool) and re.fullmatch(r"[0-9]{1,18}", str(value)):
        return int(str(value))
    raise MalformedPage(f"`{name}` that is not a number of rows or pages")


def _id(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).strip():
        raise MalformedPage("a row without an id")
    return str(value)


def _order_keys(ids: Sequence[str], made: Sequence[object]) -> tuple[SortKey, ...] | None:
    if len(set(ids)) < len(ids):  # a page that holds a row twice is in no order
        return None
    if all(value.isdecimal() for value in ids):
        return tuple((len(value), value) for value in ids)  # orders as the numbers do: 9 < 10
    # Without the Z, a second stands before its own fractions.
    dates = tuple((0, value.removesuffix("Z")) for value in made if isinstance(value, str))
    return dates if len(dates) == len(ids) else None
