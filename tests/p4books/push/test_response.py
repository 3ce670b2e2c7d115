"""Responses to a POST, and comparison of created records with what was sent."""

from typing import Any

import pytest

from p4books.endpoints.customers import CUSTOMERS
from p4books.endpoints.invoices import INVOICES
from p4books.endpoints.vendors import VENDORS
from p4books.push.response import (
    MAX_MESSAGE_LENGTH,
    classify_response,
    extract_message,
    list_differences,
)
from p4books.push.types import CREATED, REFUSED, UNKNOWN


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"id":7,"code":"V-1"}', "V-1"),
        (b'{"id":7.0,"code":"V-1"}', "V-1"),
        (b'{"Id":"7","Code":"V-1"}', "V-1"),
        (b'{"data":{"id":7,"code":" V-1 "}}', "V-1"),
        (b'{"id":7}', None),
    ],
)
def test_created(status: int, body: bytes, code: str | None) -> None:
    """A record with an id was created, however its names are spelled, and even without a code."""
    response = classify_response(status, body, VENDORS)

    assert (response.state, response.id, response.code) == (CREATED, "7", code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK",
        b"<html>",
        b"[]",
        b"7",
        b"null",
        b'{"code":"V-1"}',
        b'{"id":null}',
        b'{"id":true}',
        b'{"id":" "}',
        b'{"id":[1]}',
        b'{"data":[{"id":7}]}',
        b'{"id":7,"error":"It is queued."}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
    ids=lambda body: body[:40].decode(errors="replace"),
)
def test_without_a_record(body: bytes) -> None:
    """A response without a record with an id proves nothing, whatever its status."""
    assert classify_response(201, body, VENDORS).state == UNKNOWN
    assert classify_response(204, body, VENDORS).state == UNKNOWN


@pytest.mark.parametrize("status", [202, 203, 206, 299])
def test_other_2xx(status: int) -> None:
    """Only 200 and 201 say that a record was created: what was only accepted may still fail."""
    assert classify_response(status, b'{"id":7,"code":"V-1"}', VENDORS).state == UNKNOWN


@pytest.mark.parametrize("status", [400, 406, 409, 410, 413, 422])
def test_refused(status: int) -> None:
    """A 4xx says that no record was created, and why."""
    body = b'{"error":{"code":"x","message":"No such tax code."}}'

    response = classify_response(status, body, VENDORS)

    assert (response.state, response.text, response.status) == (
        REFUSED,
        "No such tax code.",
        status,
    )


@pytest.mark.parametrize("status", [408, 421, 425, 426, 499, 500, 502, 503, 504])
def test_inconclusive(status: int) -> None:
    """A 5xx, or a 4xx about the connection, says nothing of the record: it may exist."""
    response = classify_response(status, b"", VENDORS)

    assert (response.state, response.text) == (UNKNOWN, f"status {status}")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"Not Acceptable: code is required", "Not Acceptable: code is required"),
        (b'{"error":"No."}', "No."),
        (b'{"message":"No."}', "No."),
        (b'{"error":{"message":null}}', '{"error":{"message":null}}'),
        (b"two\nlines\x00and\x1b[31m red", "two lines and [31m red"),
        (b"x" * 9_999, "x" * MAX_MESSAGE_LENGTH),
        (b"<!doctype html><title>Sign in</title><p>x", 'an HTML page, "Sign in"'),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_extract_message(body: bytes, text: str) -> None:
    """The message of a response is one printable line, of limited length."""
    assert extract_message(body) == text


SENT = {
    "code": "F-1",
    "customer_id": 7,
    "document_date": "2026-03-31",
    "date_created": "2026-03-31T07:00:00-05:00",
    "total": 25,
    "lines": [{"product_id": 3, "quantity": 2, "price": 12.5}],
}


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 99, "status": "Draft", "balance": 25},
        {"total": "25.00"},
        {"total": 25.0, "customer_id": "7"},
        {"document_date": "2026-03-31T00:00:00Z"},
        {"date_created": "2026-03-31T12:00:00Z"},
        {"code": " F-1 "},
        {"customer_id": 7.0},
        {"customer_id": "7.0"},
        {"lines": [{"line_number": 1, "product_id": "3", "quantity": "2.000", "price": 12.50}]},
    ],
)
def test_same_record(changes: dict[str, Any]) -> None:
    """What P4 Books adds, or writes in another way, is not a difference."""
    assert list(list_differences(SENT, {**SENT, **changes}, INVOICES)) == []


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"code": "F-2"}, ["code"]),
        ({"total": 25.01}, ["total"]),
        ({"total": None}, ["total"]),
        ({"total": "about 25"}, ["total"]),
        ({"customer_id": 8}, ["customer_id"]),
        ({"document_date": "2026-04-01"}, ["document_date"]),
        ({"date_created": "2026-03-31T12:00:01Z"}, ["date_created"]),
        ({"date_created": "once"}, ["date_created"]),
        ({"lines": None}, ["lines"]),
        ({"lines": []}, ["lines"]),
        ({"lines": ["x"]}, ["lines[1].product_id", "lines[1].quantity", "lines[1].price"]),
        ({"lines": [{"product_id": 3, "quantity": 3, "price": 12.5}]}, ["lines[1].quantity"]),
    ],
)
def test_differences(changes: dict[str, Any], fields: list[str]) -> None:
    """Each field with another value than was sent is named."""
    assert list(list_differences(SENT, {**SENT, **changes}, INVOICES)) == fields


def test_differences_in_other_lists() -> None:
    """Addresses are compared as lines are."""
    sent, record = {"addresses": [{"city": "David"}]}, {"addresses": [{"city": "Colón"}]}

    assert list(list_differences(sent, record, CUSTOMERS)) == ["addresses[1].city"]
