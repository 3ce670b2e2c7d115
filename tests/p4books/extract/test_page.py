"""Which shape has a page that is just as documented?"""

import json
from typing import Any

import msgspec
import pytest

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint
from p4books.extract.page import page_decoder
from p4books_sandbox import Sandbox

INVOICES = ENDPOINTS["invoices"]

each = pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)


def _body(**record: Any) -> bytes:
    return json.dumps({"data": [{"id": 1, **record}], "total": 1, "page": 1}).encode()


def _without_nulls(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return value


@pytest.fixture
def sandbox(standing: Sandbox) -> Sandbox:
    """The sandbox of these tests: none of them changes a row."""
    return standing


@each
def test_as_documented(endpoint: Endpoint, sandbox: Sandbox) -> None:
    """Every record of the sandbox has its endpoint's shape, and comes out as it went in."""
    records = sandbox.books[endpoint.path].records()
    body = json.dumps({"data": records, "total": len(records), "page": 1}).encode()

    page = page_decoder(endpoint).decode(body)

    assert records
    assert [msgspec.to_builtins(record) for record in page.data] == _without_nulls(records)


@each
def test_names_in_order(endpoint: Endpoint) -> None:
    """Fields are written in the order of their names, whatever order they came in."""
    record = dict.fromkeys(sorted(endpoint.fields, reverse=True), "x")
    body = json.dumps({"data": [record], "total": 1, "page": 1}).encode()

    page = page_decoder(endpoint).decode(body)

    assert list(json.loads(msgspec.json.encode(page.data[0]))) == sorted(endpoint.fields)


@pytest.mark.parametrize(
    "body",
    [
        _body(unknown=1),
        _body(Code="A"),
        _body(lines=[{"unknown": 1}]),
        _body(lines=[None]),
        _body(lines="x"),
        b'{"data":null,"total":0,"page":1}',
        b'{"data":[],"total":"0","page":1}',
        b'{"data":[],"total":0}',
        b'{"data":[],"page":1}',
        b'{"Data":[],"total":0,"page":1}',
        b"[]",
        b"x",
    ],
)
def test_any_other(body: bytes) -> None:
    """Any other page is not of this shape, and says so."""
    with pytest.raises(ValueError, match=r".+"):
        page_decoder(INVOICES).decode(body)


def test_nulls_are_left_out() -> None:
    """A field that is null is not written."""
    page = page_decoder(INVOICES).decode(_body(code=None, lines=[{"price": None}]))

    assert msgspec.json.encode(page.data[0]) == b'{"id":1,"lines":[{}]}'


def test_made_once() -> None:
    """An endpoint's decoder is made once, however often it is asked for."""
    assert page_decoder(INVOICES) is page_decoder(INVOICES)
