"""What does P4 Books say of a record that was sent?"""

import pytest

from p4books.endpoints import ENDPOINTS
from p4books.push.response import KEPT, classify_response, extract_message
from p4books.push.types import CREATED, REFUSED, UNKNOWN

VENDORS = ENDPOINTS["vendors"]


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize(
    "body",
    [
        b'{"id":7,"code":"V-1"}',
        b'{"Id":"7","Code":"V-1"}',
        b'{"data":{"id":7,"code":" V-1 "}}',
    ],
)
def test_created(status: int, body: bytes) -> None:
    """A record with an id was created, however its names are spelt, and its code is told."""
    said = classify_response(status, body, VENDORS)

    assert (said.state, said.id, said.code) == (CREATED, "7", "V-1")


def test_no_code() -> None:
    """A record that does not show its code is created, and its code is not known."""
    said = classify_response(201, b'{"id":7}', VENDORS)

    assert (said.state, said.id, said.code) == (CREATED, "7", None)


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
)
def test_no_record(body: bytes) -> None:
    """What shows no record with an id proves nothing, whatever its status says."""
    assert classify_response(201, body, VENDORS).state == UNKNOWN
    assert classify_response(204, body, VENDORS).state == UNKNOWN


@pytest.mark.parametrize("status", [202, 203, 206, 299])
def test_another_2xx(status: int) -> None:
    """Only 200 and 201 say that a record was made: what was only taken in may come to nothing."""
    assert classify_response(status, b'{"id":7,"code":"V-1"}', VENDORS).state == UNKNOWN


@pytest.mark.parametrize("status", [400, 406, 409, 410, 413, 422])
def test_refused(status: int) -> None:
    """A 4xx says that no record was made, and why."""
    said = classify_response(
        status, b'{"error":{"code":"x","message":"No such tax code."}}', VENDORS
    )

    assert (said.state, said.text, said.status) == (REFUSED, "No such tax code.", status)


@pytest.mark.parametrize("status", [408, 421, 425, 426, 499, 500, 502, 503, 504])
def test_unknown(status: int) -> None:
    """A 5xx, or a 4xx of the line, says nothing of the record: it may have been made."""
    said = classify_response(status, b"", VENDORS)

    assert (said.state, said.text) == (UNKNOWN, f"status {status}")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"Not Acceptable: code is required", "Not Acceptable: code is required"),
        (b'{"error":"No."}', "No."),
        (b'{"message":"No."}', "No."),
        (b'{"error":{"message":null}}', '{"error":{"message":null}}'),
        (b"two\nlines\x00and\x1b[31m red", "two lines and [31m red"),
        (b"x" * 9_999, "x" * KEPT),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_message(body: bytes, text: str) -> None:
    """What a person should read is taken out of an answer, on one line, and not without end."""
    assert extract_message(body) == text
