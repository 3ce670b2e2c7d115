"""Faults: which requests they affect, and what goes wrong."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import requests
from requests.exceptions import (
    ChunkedEncodingError,
    ContentDecodingError,
    ReadTimeout,
    RequestException,
)
from requests.exceptions import ConnectionError as ConnectionBroken

from p4books_sandbox import Arrival, Fault, Sandbox
from p4books_sandbox.faults import (
    FAULT_KINDS,
    JSON_EDITS,
    Corruption,
    FaultQueue,
    corrupt_body,
    parse_fault,
)

SendRequest = Callable[..., requests.Response]
ReadCorrupted = Callable[..., str]

ROWS: list[dict[str, Any]] = [
    {"id": 1, "code": "A", "total": 10.7},
    {"id": 2, "Code": "B"},
    {"id": 3},
]
VALUES = {
    "overflow": '{"id":1,"code":"A","total":1e400}',
    "nan": '"total":NaN}',
    "infinity": '"total":Infinity}',
    "long_id": '{"id":1234567890123456789,"code":"A","total":10.7}',
    "zero_date": '"total":10.7,"document_date":"0000-00-00"}',
    "surrogate": '"code":"\\ud800",',
    "nul": '"code":"A\\u0000B",',
}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """A sandbox in which the tests of this file stage their faults."""
    with Sandbox(data={"invoices": ROWS}, limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """The running sandbox, without faults."""
    running.faults.clear()
    yield running
    running.faults.clear()


@pytest.fixture
def read_corrupted(sandbox: Sandbox, send: SendRequest) -> ReadCorrupted:
    """Read the invoices with a fault, then check that the next response is correct."""

    def read(kind: str, path: str = "invoices", **fields: Any) -> str:
        sandbox.faults.stage(Fault(kind, **fields))
        response = send(sandbox, path)
        assert response.status_code == 200
        assert send(sandbox, "invoices").json()["data"] == ROWS
        return response.text

    return read


def _make_arrival(**fields: Any) -> Arrival:
    default = {"method": "GET", "endpoint": "invoices", "page": 1, "page_size": None, "at": 0.0}
    return Arrival(**{**default, **fields})


def _read_ids(text: str) -> list[int]:
    return [row["id"] for row in json.loads(text)["data"]]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_status(sandbox: Sandbox, send: SendRequest, status: int) -> None:
    """Any status can be returned, with a text and headers; then all is well again."""
    headers = {"Retry-After": "7", "Content-Type": "text/css"}
    sandbox.faults.stage(Fault("status", status=status, text="No, señor.", headers=headers))

    response = send(sandbox, "invoices")

    assert (response.status_code, response.content.decode()) == (status, "No, señor.")
    assert (response.headers["retry-after"], response.headers["content-type"]) == ("7", "text/css")
    assert send(sandbox, "invoices").status_code == 200


def test_status_429_without_a_wait(sandbox: Sandbox, send: SendRequest) -> None:
    """A staged 429 has no Retry-After unless given, and does not count as refused."""
    sandbox.faults.stage(Fault("status", status=429))
    before = sandbox.refused

    response = send(sandbox, "invoices")

    assert response.status_code == 429
    assert "retry-after" not in response.headers
    assert sandbox.refused == before == 0


@pytest.mark.parametrize(
    ("method", "status"),
    [("GET", 301), ("GET", 302), ("POST", 303), ("POST", 307), ("POST", 308)],
)
def test_redirect(sandbox: Sandbox, send: SendRequest, method: str, status: int) -> None:
    """A redirect is a status with its Location; nothing is created."""
    headers = {"Location": "/elsewhere"}
    sandbox.faults.stage(Fault("status", status=status, headers=headers, method=method))
    before = len(sandbox.books["vendors"])

    response = send(sandbox, "vendors", method, json={})

    assert (response.status_code, response.headers["location"]) == (status, "/elsewhere")
    assert len(sandbox.books["vendors"]) == before


def test_html(sandbox: Sandbox, send: SendRequest) -> None:
    """A web page may come instead of the response, with status 200."""
    sandbox.faults.stage(Fault("html"))

    response = send(sandbox, "invoices")

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert response.text.startswith("<!doctype html>")


def test_headers(sandbox: Sandbox, send: SendRequest) -> None:
    """A response may have more headers, and is otherwise unchanged."""
    sandbox.faults.stage(Fault("headers", headers={"Date": "Thu, 05 Nov 2026 15:00:00 GMT"}))

    first, second = send(sandbox, "invoices"), send(sandbox, "invoices")

    assert first.headers["date"] == "Thu, 05 Nov 2026 15:00:00 GMT"
    assert "date" not in second.headers
    assert first.json() == second.json()


def test_bad_json(sandbox: Sandbox, send: SendRequest) -> None:
    """A complete response may not be JSON."""
    sandbox.faults.stage(Fault("bad_json"))

    response = send(sandbox, "invoices")

    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        response.json()


def test_cut_body(sandbox: Sandbox, send: SendRequest) -> None:
    """The connection may end before the announced end of the body."""
    sandbox.faults.stage(Fault("cut_body"))

    with pytest.raises((ChunkedEncodingError, ConnectionBroken), match="IncompleteRead"):
        send(sandbox, "invoices")


@pytest.mark.parametrize(("kind", "created"), [("reset", 0), ("lost", 1)])
def test_broken_connection(sandbox: Sandbox, send: SendRequest, kind: str, created: int) -> None:
    """The connection may break before anything is done, or when all is done; nobody knows."""
    sandbox.faults.stage(Fault(kind))
    before = len(sandbox.books["vendors"])

    with pytest.raises(ConnectionBroken):
        send(sandbox, "vendors", "POST", json={})

    assert len(sandbox.books["vendors"]) == before + created
    assert sandbox.requests[-1].status is None


@pytest.mark.parametrize("fields", [{}, {"status": 503, "text": "No, señor."}])
def test_failed(sandbox: Sandbox, send: SendRequest, fields: dict[str, Any]) -> None:
    """A record may be created although the status says that it failed: 500, or another."""
    sandbox.faults.stage(Fault("failed", **fields))
    before = len(sandbox.books["vendors"])

    response = send(sandbox, "vendors", "POST", json={})

    assert (response.status_code, response.content.decode()) == (
        fields.get("status", 500),
        fields.get("text", ""),
    )
    assert len(sandbox.books["vendors"]) == before + 1


def test_late(sandbox: Sandbox, send: SendRequest) -> None:
    """A record may be created after some time, when the client has disconnected."""
    sandbox.faults.stage(Fault("late", seconds=0.4))
    before = len(sandbox.books["vendors"])

    with pytest.raises(ReadTimeout):
        send(sandbox, "vendors", "POST", json={"code": "LATE"}, timeout=0.1)

    assert len(sandbox.books["vendors"]) == before
    _wait_for_rows(sandbox, "vendors", before + 1)
    assert sandbox.books["vendors"].records()[-1]["code"] == "LATE"


def test_late_for_a_patient_client(sandbox: Sandbox, send: SendRequest) -> None:
    """A client that waits gets the late response, even if the body was long and came in parts."""
    sandbox.faults.stage(Fault("late", seconds=0.1))

    began = time.monotonic()
    response = send(sandbox, "vendors", "POST", json={"name": "x" * 2_000_000})

    assert time.monotonic() - began >= 0.1
    assert (response.status_code, len(response.json()["name"])) == (201, 2_000_000)


def test_slow_after_a_disconnect(sandbox: Sandbox, send: SendRequest) -> None:
    """A slow request, unlike a late one, is not processed if the client has disconnected."""
    sandbox.faults.stage(Fault("slow", seconds=0.3))
    before = len(sandbox.books["vendors"])

    with pytest.raises(ReadTimeout):
        send(sandbox, "vendors", "POST", json={}, timeout=0.1)
    time.sleep(0.4)

    assert len(sandbox.books["vendors"]) == before


def test_slow_when_done(sandbox: Sandbox, send: SendRequest) -> None:
    """A record may be created at once and the response come too late."""
    sandbox.faults.stage(Fault("slow", seconds=30, done=True))
    before = len(sandbox.books["vendors"])

    with pytest.raises(ReadTimeout):
        send(sandbox, "vendors", "POST", json={}, timeout=0.2)

    _wait_for_rows(sandbox, "vendors", before + 1)


def test_slow(sandbox: Sandbox, send: SendRequest) -> None:
    """A response may be delayed, and other requests do not wait for it."""
    sandbox.faults.stage(Fault("slow", seconds=0.5, endpoint="invoices"))

    began = time.monotonic()
    with pytest.raises(ReadTimeout):
        send(sandbox, "invoices", timeout=0.05)
    other = send(sandbox, "vendors")
    assert time.monotonic() - began < 0.5
    assert other.status_code == 200

    sandbox.faults.stage(Fault("slow", seconds=0.1))
    began = time.monotonic()
    assert send(sandbox, "invoices").status_code == 200
    assert time.monotonic() - began >= 0.1


def test_gzip(sandbox: Sandbox, send: SendRequest) -> None:
    """A response may be compressed; a client that decompresses it gets the same bytes."""
    plain = send(sandbox, "invoices")
    sandbox.faults.stage(Fault("gzip"))

    compressed = send(sandbox, "invoices")

    assert compressed.headers["content-encoding"] == "gzip"
    assert compressed.content == plain.content


def test_bad_gzip(sandbox: Sandbox, send: SendRequest) -> None:
    """A response may be declared as compressed although it is not."""
    sandbox.faults.stage(Fault("bad_gzip"))

    with pytest.raises(ContentDecodingError):
        send(sandbox, "invoices")


def test_cut_gzip(sandbox: Sandbox, send: SendRequest) -> None:
    """The second half of a compressed response may be missing, though its length is right."""
    sandbox.faults.stage(Fault("cut_gzip"))

    response = send(sandbox, "invoices", stream=True)
    body = response.raw.read(decode_content=False)

    assert len(body) == int(response.headers["content-length"])
    with pytest.raises(EOFError):
        gzip.decompress(body)


@pytest.mark.parametrize("kind", sorted(FAULT_KINDS.keys() - JSON_EDITS))
def test_done_once(sandbox: Sandbox, send: SendRequest, kind: str) -> None:
    """With done, the record is created whatever goes wrong then, and only once."""
    sandbox.faults.stage(Fault(kind, seconds=0.01, done=True))
    before = len(sandbox.books["vendors"])

    with suppress(RequestException):
        send(sandbox, "vendors", "POST", json={})

    assert len(sandbox.books["vendors"]) == before + 1
    assert sandbox.faults.staged() == []


@pytest.mark.parametrize("kind", ["slow", "late", "gzip"])
def test_response_when_done(sandbox: Sandbox, send: SendRequest, kind: str) -> None:
    """If the server's response is sent after all, it is the record that was created first."""
    sandbox.faults.stage(Fault(kind, seconds=0.01, done=True))

    response = send(sandbox, "vendors", "POST", json={"code": "A"})

    created = sandbox.books["vendors"].records()[-1]
    assert (response.status_code, response.json()) == (201, created)


@pytest.mark.parametrize("kind", ["status", "html", "bad_json", "reset"])
def test_not_done(sandbox: Sandbox, send: SendRequest, kind: str) -> None:
    """Without done, a fault that replaces the response creates nothing."""
    sandbox.faults.stage(Fault(kind))
    before = len(sandbox.books["vendors"])

    with suppress(ConnectionBroken):
        send(sandbox, "vendors", "POST", json={})

    assert len(sandbox.books["vendors"]) == before


@pytest.mark.parametrize("kind", ["html", "bad_json"])
def test_same_response_when_done(sandbox: Sandbox, send: SendRequest, kind: str) -> None:
    """A response that replaces the server's is the same, done or not."""
    sandbox.faults.stage(Fault(kind), Fault(kind, done=True))

    undone, done = (send(sandbox, "vendors", "POST", json={}) for _ in range(2))

    assert (done.status_code, done.content) == (undone.status_code, undone.content)


def _wait_for_rows(sandbox: Sandbox, path: str, rows: int) -> None:
    """Wait until a list has that many rows, and fail after ten seconds."""
    deadline = time.monotonic() + 10
    while len(sandbox.books[path]) != rows and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(sandbox.books[path]) == rows


def test_data_null(read_corrupted: ReadCorrupted) -> None:
    """Rows may be announced and data be null."""
    assert json.loads(read_corrupted("data_null")) == {"data": None, "total": 3, "page": 1}
    empty = read_corrupted("data_null", "products")
    assert json.loads(empty) == {"data": None, "total": 5, "page": 1}


def test_wrong_page_echo(read_corrupted: ReadCorrupted) -> None:
    """The response may claim to be another page; its rows do not change."""
    assert json.loads(read_corrupted("wrong_page_echo")) == {"data": ROWS, "total": 3, "page": 2}


@pytest.mark.parametrize(("rows", "ids"), [(1, [1, 2]), (2, [1]), (9, [])])
def test_short(read_corrupted: ReadCorrupted, rows: int, ids: list[int]) -> None:
    """Fewer rows may come than are announced."""
    text = read_corrupted("short", rows=rows)

    assert (_read_ids(text), json.loads(text)["total"]) == (ids, 3)


@pytest.mark.parametrize(
    ("row", "ids"), [(0, [1, 1, 2, 3]), (-1, [1, 2, 3, 3]), (None, [1, 1, 2, 2, 3, 3])]
)
def test_twice(read_corrupted: ReadCorrupted, row: int | None, ids: list[int]) -> None:
    """The first row, the last one or every one may be duplicated."""
    assert _read_ids(read_corrupted("twice", row=row)) == ids


def test_no_id(read_corrupted: ReadCorrupted) -> None:
    """A row may have no id."""
    rows = json.loads(read_corrupted("no_id", row=1))["data"]

    assert rows == [ROWS[0], {"Code": "B"}, ROWS[2]]


@pytest.mark.parametrize(("kind", "part"), VALUES.items())
def test_values(read_corrupted: ReadCorrupted, kind: str, part: str) -> None:
    """A field of the first row may have an unexpected value; the other rows do not change."""
    text = read_corrupted(kind)

    assert text.count(part) == 1
    assert text.endswith(',{"id":2,"Code":"B"},{"id":3}],"total":3,"page":1}')


def test_value(read_corrupted: ReadCorrupted) -> None:
    """Any field may have any text, in any row and in that row's spelling."""
    text = read_corrupted("value", field="code", text="-", row=None)

    assert text.startswith(
        '{"data":[{"id":1,"code":-,"total":10.7},{"id":2,"Code":-},{"id":3,"code":-}]'
    )


def test_another_field(read_corrupted: ReadCorrupted) -> None:
    """A value may be written into another field than its usual one."""
    assert '"balance":NaN' in read_corrupted("nan", field="balance", row=2)


def test_huge(read_corrupted: ReadCorrupted) -> None:
    """A response may have many megabytes, and be correct."""
    text = read_corrupted("huge", megabytes=3)

    assert len(text) > 3 << 20
    assert _read_ids(text) == [1, 2, 3]


def test_deep(read_corrupted: ReadCorrupted) -> None:
    """A record may contain nested lists, deeper than parsers go."""
    text = read_corrupted("deep", levels=100_000)

    assert '"sandbox_depth":' + "[" * 100_000 + "]" * 100_000 + "}" in text
    with pytest.raises(RecursionError):
        json.loads(text)


def test_empty_page(read_corrupted: ReadCorrupted) -> None:
    """On a page without rows nothing is corrupted."""
    empty = read_corrupted("nan", "customers")

    assert json.loads(empty) == {"data": [], "total": 0, "page": 1}


def test_other_numbers_keep_all_digits() -> None:
    """An amount that is not edited keeps all its digits."""
    body = b'{"data":[{"total":1234567890123456.78}],"total":1,"page":1}'

    assert corrupt_body(JSON_EDITS["no_id"], Corruption(), body) == body


def test_every_kind_is_tested() -> None:
    """A kind that is added to the table needs a test here."""
    together = {*VALUES, "reset", "lost"}

    assert all(f"test_{kind}" in globals() for kind in FAULT_KINDS if kind not in together)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("reset"), True),
        (Fault("reset", endpoint="invoices", page=1, method="GET"), True),
        (Fault("reset", endpoint="products"), False),
        (Fault("reset", page=2), False),
        (Fault("reset", method="POST"), False),
    ],
)
def test_matching_requests(fault: Fault, expected: bool) -> None:
    """A fault matches the requests it names, and any if it names none."""
    assert fault.matches(_make_arrival()) is expected


def test_number_of_requests() -> None:
    """A fault lets some requests pass, affects its number of requests and is gone."""
    faults = FaultQueue()
    fault = Fault("reset", after=2, times=2)
    faults.stage(fault)

    affected = [faults.next_fault(_make_arrival()) for _ in range(6)]

    assert affected == [None, None, fault, fault, None, None]
    assert faults.staged() == []


def test_all_requests_until_cleared() -> None:
    """A fault without a number of requests affects all until it is cleared."""
    faults = FaultQueue()
    fault = Fault("reset", times=None)
    faults.stage(fault)

    assert [faults.next_fault(_make_arrival()) for _ in range(50)] == [fault] * 50
    faults.clear()
    assert faults.next_fault(_make_arrival()) is None


def test_first_match() -> None:
    """Of several faults the one staged first applies; those that do not match are not counted."""
    faults = FaultQueue()
    other, first, second = Fault("reset", page=9), Fault("html"), Fault("slow")
    faults.stage(other, first, second)

    assert [faults.next_fault(_make_arrival()) for _ in range(3)] == [first, second, None]
    assert faults.staged() == [other]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "flood"}, "Unknown fault 'flood'. Available: status, html, "),
        ({"kind": "reset", "endpoint": "invoice"}, "Unknown list 'invoice'. Available: products"),
        ({"kind": "reset", "method": "get"}, "Unknown method 'get'. Available: GET, POST."),
        ({"kind": "reset", "times": 0}, "times must be 1 or more"),
        ({"kind": "status", "status": 99}, "status must be from 200 to 599"),
        ({"kind": "status", "status": "busy"}, "status: Input should be a valid integer"),
        ({"kind": "value", "field": "total"}, "value needs a field, and the text"),
        ({"kind": "slow", "second": 2}, "second: Unexpected keyword argument"),
        ({}, "kind"),
    ],
)
def test_invalid_fault(values: dict[str, object], message: str) -> None:
    """A fault that is not valid is refused with a sentence."""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - its message is compared below
        parse_fault(values)

    assert str(refusal.value).startswith(message)


def test_parse_fault() -> None:
    """A fault is parsed from JSON values or from the words of the command line."""
    values = {"kind": "slow", "seconds": 0.5, "times": None, "page": "2", "done": "true"}

    assert parse_fault(values) == Fault("slow", seconds=0.5, times=None, page=2, done=True)
