"""Responses: requested pages, pages of a list, and errors."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from p4books_sandbox import Options, RecordList, Sandbox, responses
from p4books_sandbox.options import PageParameters
from p4books_sandbox.responses import (
    InvalidPage,
    PageRequest,
    last_page,
    make_page,
    page_bounds,
    parse_page_request,
)
from p4books_sandbox.store import decode_json

SendRequest = Callable[..., requests.Response]
FIVE = {"vendors": [{"name": name} for name in "abcde"]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", PageRequest(1, None)),
        (b"page=3", PageRequest(3, None)),
        (b"page_size=20", PageRequest(1, 20)),
        (b"page=02&page_size=7&other=x", PageRequest(2, 7)),
        (b"page=" + b"9" * 900, PageRequest(int("9" * 900), None)),
    ],
)
def test_valid_page(query: bytes, expected: PageRequest) -> None:
    """Whole numbers from 1 are accepted, and unknown parameters ignored."""
    assert parse_page_request(query) == expected


@pytest.mark.parametrize("value", ["0", "-1", "", "x", "1.0", "+1", "%31%20", "1_0", "%D9%A1"])
@pytest.mark.parametrize("name", ["page", "page_size"])
def test_invalid_page(name: str, value: str) -> None:
    """Anything else is refused, with the name of the parameter."""
    with pytest.raises(InvalidPage, match="must be a whole number, at least 1") as refusal:
        parse_page_request(f"{name}={value}".encode())

    assert refusal.value.parameter == name


@pytest.mark.parametrize("query", [b"page=1&page=2", b"page=" + b"9" * 1000])
def test_two_pages_or_too_many_digits(query: bytes) -> None:
    """Two pages at once, or one of a thousand digits, are refused as well."""
    with pytest.raises(InvalidPage):
        parse_page_request(query)


def test_other_parameter_names() -> None:
    """The two parameters may have other names."""
    names = PageParameters("p", "PageSize")

    assert parse_page_request(b"p=3&PageSize=7&page=x", names) == PageRequest(3, 7)


def test_pages_from_0() -> None:
    """Pages may be counted from 0, page sizes never are."""
    names = PageParameters(first_page=0)

    assert parse_page_request(b"page=0", names) == parse_page_request(b"", names)
    assert parse_page_request(b"", names) == PageRequest(0, None)
    with pytest.raises(InvalidPage, match="page_size must be a whole number, at least 1"):
        parse_page_request(b"page_size=0", names)


@given(rows=st.integers(0, 200), size=st.integers(1, 60))
def test_pages_cover_the_list_once(rows: int, size: int) -> None:
    """Page after page returns every row once, in order, then nothing."""
    everything = list(range(rows))
    pages = -(-rows // size)

    read = [everything[slice(*page_bounds(page, size))] for page in range(1, pages + 2)]

    assert [row for page in read for row in page] == everything
    assert all(read[:-1])
    assert read[-1] == []


@pytest.mark.parametrize(("total", "page"), [(0, 1), (1, 1), (50, 1), (51, 2), (100, 2)])
def test_last_page(total: int, page: int) -> None:
    """The last page is the one with the last row; an empty list has one page."""
    assert last_page(total, 50) == page


def test_page_body() -> None:
    """Rows that are JSON already are put into the body byte by byte."""
    records = RecordList([b'{"id":1}', b"{}"])

    bodies = [make_page(records, PageRequest(page, 9), Options()).body for page in (1, 3)]

    assert bodies[0] == b'{"data":[{"id":1},{}],"total":2,"page":1}'
    assert bodies[1] == b'{"data":[],"total":2,"page":3}'


def _read_page(send: SendRequest, query: str, **options: Any) -> requests.Response:
    with Sandbox(data=FIVE, page_size=2, limit=0, **options) as sandbox:
        return send(sandbox, "vendors" + query)


def _ids(response: requests.Response) -> list[int]:
    return [row["id"] for row in response.json()["data"]]


@pytest.mark.parametrize(
    ("past_end", "status", "ids", "page"),
    [("empty", 200, [], 4), ("404", 404, None, None), ("last", 200, [5], 3)],
)
def test_past_the_end(
    send: SendRequest, past_end: str, status: int, ids: list[int] | None, page: int | None
) -> None:
    """Past the last page come no rows, 404, or the last page again; the last is always there."""
    response = _read_page(send, "?page=4", past_end=past_end)

    assert (response.status_code, response.json().get("page")) == (status, page)
    assert ids is None or _ids(response) == ids
    assert _ids(_read_page(send, "?page=3", past_end=past_end)) == [5]


@pytest.mark.parametrize("past_end", ["empty", "404", "last"])
def test_first_page_of_an_empty_list(send: SendRequest, past_end: str) -> None:
    """The first page of an empty list exists, whatever comes past the end."""
    with Sandbox(empty=True, past_end=past_end) as sandbox:
        assert send(sandbox, "vendors").json() == {"data": [], "total": 0, "page": 1}


def test_ignored_page(send: SendRequest) -> None:
    """Page 1 is returned whichever page is requested, and is declared as page 1."""
    response = _read_page(send, "?page=2", ignores_page=True)

    assert (_ids(response), response.json()["page"]) == ([1, 2], 1)


def test_ignored_page_size(send: SendRequest) -> None:
    """The default page size is used whichever is requested."""
    assert _ids(_read_page(send, "?page=2&page_size=3", ignores_page_size=True)) == [3, 4]


@pytest.mark.parametrize(
    ("over_cap", "query", "ids"),
    [
        ("capped", "?page_size=4", [1, 2, 3]), ("default", "?page_size=4", [1, 2]),
        ("default", "?page_size=3", [1, 2, 3]), ("refused", "?page_size=3", [1, 2, 3]),
    ],
)  # fmt: skip
def test_page_size_over_the_cap(
    send: SendRequest, over_cap: str, query: str, ids: list[int]
) -> None:
    """A size over the cap becomes the cap or the default; one up to the cap is used."""
    assert _ids(_read_page(send, query, over_cap=over_cap, page_size_cap=3)) == ids


def test_page_size_over_the_cap_refused(send: SendRequest) -> None:
    """A size over the cap may be refused."""
    response = _read_page(send, "?page_size=4", over_cap="refused", page_size_cap=3)

    assert response.status_code == 422
    assert response.json()["error"]["message"] == "page_size must be 3 or less."


@pytest.mark.parametrize(
    ("query", "ids", "page"), [("", [1, 2], 0), ("?page=0", [1, 2], 0), ("?page=1", [3, 4], 1)]
)
def test_server_counts_pages_from_0(
    send: SendRequest, query: str, ids: list[int], page: int
) -> None:
    """If pages are counted from 0, page 1 is the second."""
    response = _read_page(send, query, first_page="0")

    assert (_ids(response), response.json()["page"]) == (ids, page)


def test_last_page_counted_from_0(send: SendRequest) -> None:
    """Past the end the last page is repeated with its own number, wherever counting begins."""
    assert _read_page(send, "?page=9", first_page="0", past_end="last").json()["page"] == 2


def test_server_with_other_parameter_names(send: SendRequest) -> None:
    """Page and size can have other names; the usual ones are ignored then."""
    names: dict[str, Any] = {"page_parameter": "PageNumber", "page_size_parameter": "PageSize"}
    with Sandbox(data=FIVE, page_size=2, **names) as sandbox:
        used = send(sandbox, "vendors?PageNumber=2&PageSize=3")
        ignored = send(sandbox, "vendors?page=2&page_size=3")
        wrong = send(sandbox, "vendors?PageSize=0")
        arrivals = sandbox.requests

    assert (_ids(used), _ids(ignored)) == ([4, 5], [1, 2])
    assert wrong.json()["error"]["details"] == {"parameter": "PageSize"}
    assert [(each.page, each.page_size) for each in arrivals[:2]] == [(2, 3), (1, None)]


@pytest.mark.parametrize(
    ("query", "options", "expected"),
    [
        ("?page=2", {"total": "list"}, {"total": 5, "page": 2}),
        ("?page=2", {"total": "page"}, {"total": 2, "page": 2}),
        ("?page=2", {"total": "null"}, {"total": None, "page": 2}),
        ("?page=2", {"total": "missing"}, {"page": 2}),
        ("?page=9", {"echo": "given", "past_end": "last"}, {"total": 5, "page": 3}),
        ("?page=9", {"echo": "asked", "past_end": "last"}, {"total": 5, "page": 9}),
        ("?page=9", {"echo": "missing", "past_end": "last"}, {"total": 5}),
    ],
)
def test_total_and_page(
    send: SendRequest, query: str, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    """The total may count the list or the page, the page be the one returned or requested; both
    may be missing."""
    page = _read_page(send, query, **options).json()

    assert {name: page[name] for name in page if name != "data"} == expected


def test_error_of_the_contract() -> None:
    """An error has a code, a message and details."""
    refusal = responses.refuse_invalid("No.", field="price")

    assert refusal.status == 422
    assert decode_json(refusal.body) == {
        "error": {"code": "not_valid", "message": "No.", "details": {"field": "price"}}
    }


@pytest.mark.parametrize(("wait", "header"), [(0.01, "1"), (1.0, "1"), (1.01, "2"), (59.9, "60")])
def test_retry_after_is_never_too_short(wait: float, header: str) -> None:
    """The wait is rounded up to whole seconds, so that it suffices."""
    assert responses.refuse_over_limit(wait).headers == {"Retry-After": header}


def test_refused_key_is_not_repeated() -> None:
    """The refusal of a key does not contain it."""
    refusal = responses.refuse_key()

    assert refusal.status == 401
    assert decode_json(refusal.body)["error"]["message"] == "The API key is missing or wrong."
