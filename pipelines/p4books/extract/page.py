"""One page of a list: parsing, validation and canonical records."""

import html
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec

from p4books.endpoints.definition import Endpoint, list_texts
from p4books.extract.record import normalize_id, separate_misfits
from p4books.storage.exact_json import has_escaped_colon, has_long_number, parse_exact

LAST_PAGE_AGAIN = "the last page again"  # for a page past the end
NOT_FOUND = "404"

MAX_RECORD_SIZE = 16 << 20  # bytes; a larger row would break the load of every list

SortKey = tuple[int, str]

_HTML = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(!doctype\s+html|html)\b", re.I | re.S
)
_TITLE = re.compile(r"<title\b[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_MAX_TITLE = 80  # letters

_TOO_DEEP = "JSON that is nested too deeply"

_TEXT = str | int | float | None  # a number is the text it is written as
_ENVELOPE = 3  # names: data, total, page
_SPACED_START = 100  # bytes that show whether there is a space after each name

_ENCODER = msgspec.json.Encoder(order="sorted", enc_hook=str)


class MalformedPage(ValueError):
    """The body is not a page of a list; the message says what it is instead."""


class WrongPage(MalformedPage):
    """The response says that it is another page: number `returned`."""

    def __init__(self, returned: int) -> None:
        super().__init__(f"page {returned}")
        self.returned = returned


@dataclass(frozen=True)
class Page:
    """One page of a list.

    `total` is the number of rows announced for the whole list, None if not announced. `rows` counts
    the rows of this page (an id that occurs twice counts twice). `records` maps ids to canonical
    JSON, in the order received. `keys` are comparable sort keys, one per row: the ids if all are
    numbers, else the creation dates; None if some row has neither. `past_end` is what the server
    returned for a page that the list does not have, if not just an empty page.
    `has_unknown_fields`: some row has a field that the endpoint does not define.
    """

    number: int
    total: int | None
    rows: int
    records: Mapping[str, bytes]
    keys: tuple[SortKey, ...] | None
    past_end: str = ""
    has_unknown_fields: bool = False

    @property
    def is_ascending(self) -> bool:
        """Whether the rows may be ordered oldest first."""
        return self.keys is not None and all(a <= b for a, b in pairwise(self.keys))

    @property
    def is_descending(self) -> bool:
        """Whether the rows may be ordered newest first."""
        return self.keys is not None and all(a >= b for a, b in pairwise(self.keys))


def parse_page(
    body: bytes, endpoint: Endpoint, number: int, observed_size: int | None = None
) -> Page:
    """Parse the body returned for a page number. Raises MalformedPage.

    Past the end some servers return their last page again; `observed_size`, the rows that a page of
    this list was seen to hold, distinguishes that from a wrong page. Number 0 means that no page
    was requested: any number in the response is accepted.
    """
    documented = _decode_documented_page(body, endpoint, number)
    if documented is not None:
        return _build_page(number, *documented)
    rows, total, returned = _parse_envelope(body)
    if returned in {None, number} or number == 0:
        return _build_irregular_page(number, total, rows, endpoint)
    if total is None and returned == number - 1:  # the paginator knows whether its rows are new
        page = _build_irregular_page(number, total, rows, endpoint)
        return replace(page, past_end=LAST_PAGE_AGAIN)
    if observed_size and total is not None and (number - 1) * observed_size >= total:
        return Page(number, total, rows=0, records={}, keys=(), past_end=LAST_PAGE_AGAIN)
    raise WrongPage(int(returned or 0))


def restore_page(lines: Sequence[bytes], number: int, total: int | None, rows: int) -> Page:
    """Rebuild a page from the lines that the spool stored. Raises ValueError."""
    headers = [_HEADER_DECODER.decode(line) for line in lines]
    ids = [_parse_id(header.id) for header in headers]
    keys = _build_keys(ids, [h.date_created for h in headers]) if rows == len(ids) else None
    return Page(number, total, rows, dict(zip(ids, lines, strict=True)), keys)


def empty_page(number: int) -> Page:
    """Return the page that represents a 404 past the end of a list."""
    return Page(number, total=None, rows=0, records={}, keys=(), past_end=NOT_FOUND)


def canonical_record(record: Mapping[str, Any], endpoint: Endpoint) -> Mapping[str, Any]:
    """Return a record with snake_case names and without nulls: a null equals a missing field."""
    record = _rename_fields(record, endpoint.known)
    if "id" in record:
        record = {**record, "id": normalize_id(record["id"])}
    inner = {
        name: [_rename_item(item, frozenset(fields)) for item in record[name]]
        for name, fields in endpoint.inner.items()
        if isinstance(record.get(name), list)
    }
    return {**record, **inner} if inner else record


@cache
def snake_case(name: str, known: frozenset[str]) -> str:
    """Convert DocumentDate, documentDate or DOCUMENT_DATE to document_date.

    A name that equals a `known` one but for case and punctuation becomes that one.
    """
    squashed = re.sub(r"[\W_]+", "", name).lower()
    for field in known:
        if field.replace("_", "") == squashed:
            return field
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[\W_]+", "_", words).strip("_").lower() or "unnamed"


@cache
def page_decoder(endpoint: Endpoint) -> msgspec.json.Decoder[Any]:
    """Return the decoder of pages that contain only documented fields, in documented spelling.

    It raises ValueError for every other page. It is much faster than the general way.
    """
    types: dict[str, Any] = _define_types(endpoint.fields, endpoint.texts)
    for name, fields in endpoint.inner.items():
        item = _define_record(name, _define_types(fields, list_texts(fields)))
        types[name] = list[item] | None  # type: ignore[valid-type]
    record = _define_record(endpoint.name, types)
    page = [("data", list[record]), ("total", int), ("page", int)]  # type: ignore[valid-type]
    return msgspec.json.Decoder(msgspec.defstruct("Page", page))


def _define_types(fields: Iterable[str], texts: Collection[str]) -> dict[str, Any]:
    return {name: _TEXT if name in texts else Any for name in fields}


def _define_record(name: str, types: Mapping[str, Any]) -> Any:
    """Define a struct whose fields are written in order of their names, without nulls."""
    return msgspec.defstruct(
        name,
        [(field, types[field], None) for field in sorted(types)],
        omit_defaults=True,
        forbid_unknown_fields=True,
        gc=False,
    )


def _decode_documented_page(
    body: bytes, endpoint: Endpoint, number: int
) -> tuple[int, list[Any], bytes] | None:
    """Return total, rows and lines of a page exactly as documented, much faster, or None."""
    if has_long_number(body):
        return None
    try:
        envelope = page_decoder(endpoint).decode(body)
    except (ValueError, RecursionError):
        return None
    if not _are_documented_ids([record.id for record in envelope.data]):
        return None
    if envelope.page != number or envelope.total < 0:
        return None
    lines = _encode_lines(envelope.data)
    return (envelope.total, envelope.data, lines) if _has_all_values(lines, body) else None


def _are_documented_ids(values: Sequence[Any]) -> bool:
    kinds = set(map(type, values))
    if kinds == {str}:
        return all(value == normalize_id(value) != "" for value in values)
    return kinds <= {int}


def _has_all_values(lines: bytes, body: bytes) -> bool:
    """Return whether lines have all values of a body that are not null; if unsure, False.

    The decoder leaves nulls out, and all but the last value of a name that occurs twice: its colon
    is missing. Texts have as many colons and nulls in both, unless a colon is escaped.
    """
    if has_escaped_colon(body):
        return False
    values, kept = body.count(b":"), lines.count(b":") - lines.count(b":null")
    if b'": ' not in body[:_SPACED_START]:
        return values - body.count(b":null") == kept + _ENVELOPE
    return values - body.count(b": null") == kept - lines.count(b": null") + _ENVELOPE


def _parse_envelope(body: bytes) -> tuple[list[dict[str, Any]], int | None, int | None]:
    """Return rows, total and page number of any acceptable response. Raises MalformedPage."""
    try:
        response = parse_exact(body)
    except RecursionError:
        raise MalformedPage(_TOO_DEEP) from None
    except UnicodeDecodeError as error:
        raise MalformedPage(_describe_encoding(body, error)) from None
    except ValueError:
        raise MalformedPage(_describe_non_json(body)) from None
    if not isinstance(response, dict):
        raise MalformedPage("JSON that is not a page of a list")
    names = [name.lower() for name in response]
    if any(names.count(name) > 1 for name in ("data", "total", "page")):
        raise MalformedPage("JSON that contains `data`, `total` or `page` twice")
    response = dict(zip(names, response.values(), strict=True))
    if "data" not in response:
        raise MalformedPage("JSON without `data`")
    total = _parse_count("total", response.get("total"))
    rows = [] if response["data"] is None and total == 0 else response["data"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise MalformedPage("`data` that is not a list of rows")
    return rows, total, _parse_count("page", response.get("page"))


def describe_html(body: bytes) -> str | None:
    """Return what an HTML page is, with its title if it has one; None for any other body."""
    if not _HTML.match(body[:1000]):
        return None
    title = _TITLE.search(body[:100_000].decode(errors="replace"))
    words = html.unescape(title[1]).split() if title else []
    shown = "".join(char for char in " ".join(words) if char.isprintable())
    shown = shown if len(shown) <= _MAX_TITLE else f"{shown[:_MAX_TITLE]}…"
    return f'an HTML page, "{shown}"' if shown else "an HTML page"


def _describe_non_json(body: bytes) -> str:
    return describe_html(body) or "something that is not JSON"


def _describe_encoding(body: bytes, error: UnicodeDecodeError) -> str:
    """Describe a byte that is not UTF-8, as of ñ in Latin-1; a cut text is just not JSON."""
    is_cut = error.end == len(error.object)
    if is_cut or not error.encoding.startswith("utf-8") or describe_html(body):
        return _describe_non_json(body)
    before = body[max(error.start - 20, 0) : error.start].decode(errors="ignore").split("\n")[-1]
    return (
        f"text that is not UTF-8: byte {error.start + 1:,} is {body[error.start]:02X}, after "
        f"`{before}`"
    )


def _parse_count(name: str, value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, bool) and re.fullmatch(r"[0-9]{1,18}(\.0+)?", str(value)):
        return int(str(value).partition(".")[0])
    raise MalformedPage(f"a `{name}` that is not a whole number")


def _build_irregular_page(
    number: int, total: int | None, rows: Sequence[dict[str, Any]], endpoint: Endpoint
) -> Page:
    """Build a page from rows that are not exactly as documented."""
    records = [canonical_record(row, endpoint) for row in rows]
    has_unknown_fields = any(not record.keys() <= endpoint.known for record in records)
    fitted = [separate_misfits(record, endpoint) for record in records]
    page = _build_page(number, total, fitted, _encode_lines(fitted))
    return replace(page, has_unknown_fields=has_unknown_fields)


def _encode_lines(records: Sequence[Any]) -> bytes:
    """Encode canonical records, structs or mappings, one per line."""
    try:
        return _ENCODER.encode_lines(records)
    except RecursionError:
        raise MalformedPage(_TOO_DEEP) from None


def _build_page(number: int, total: int | None, records: Sequence[Any], encoded: bytes) -> Page:
    """Build a page from canonical records and their lines."""
    lines = encoded.split(b"\n")[:-1]
    if (largest := max(map(len, lines), default=0)) > MAX_RECORD_SIZE:
        raise MalformedPage(f"a row of {largest >> 20:,} MB")
    ids = [_parse_id(value) for value in _get_values(records, "id")]
    return Page(
        number=number,
        total=total,
        rows=len(records),
        records=dict(zip(ids, lines, strict=True)),
        keys=_build_keys(ids, _get_values(records, "date_created")),
    )


def _get_values(records: Sequence[Any], name: str) -> list[Any]:
    if records and not isinstance(records[0], dict):
        return [getattr(record, name, None) for record in records]
    return [record.get(name) for record in records]


def _parse_id(value: object) -> str:
    if type(value) is int:
        return str(value)
    if value is None or not str(value).strip():
        raise MalformedPage("a row without an id")
    if type(value) is not str:
        raise MalformedPage(f"a row whose `id` is {_abridge(value)}: no text, and no whole number")
    return value


def _abridge(value: object) -> str:
    text = _ENCODER.encode(value).decode()
    return text if len(text) <= 40 else f"{text[:39]}…"


def _build_keys(ids: Sequence[str], created: Sequence[object]) -> tuple[SortKey, ...] | None:
    if len(set(ids)) < len(ids):  # a page that contains a row twice has no order
        return None
    if "".join(ids).isdecimal() or not ids:
        return tuple(zip(map(len, ids), ids, strict=True))  # sorts as the numbers do: 9 < 10
    # Without the Z, a whole second sorts before its fractions.
    dates = tuple((0, value.removesuffix("Z")) for value in created if isinstance(value, str))
    return dates if len(dates) == len(ids) else None


def _rename_fields(record: Mapping[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
    """Return a record with snake_case names and without nulls, the same object if it is that."""
    if record.keys() <= known:
        if None not in record.values():
            return record
        return {name: value for name, value in record.items() if value is not None}
    renamed: dict[str, Any] = {}
    for name, value in sorted(record.items(), key=lambda item: (item[0] not in known, item[0])):
        if value is not None:
            new_name = snake_case(name, known)
            while new_name in renamed:
                new_name += "_too"
            renamed[new_name] = value
    return renamed


def _rename_item(item: Any, known: frozenset[str]) -> Any:
    return _rename_fields(item, known) if isinstance(item, dict) else item


class _RecordHeader(msgspec.Struct):
    """The fields of a record that pagination needs."""

    id: Any
    date_created: Any = None


_HEADER_DECODER = msgspec.json.Decoder(_RecordHeader)
