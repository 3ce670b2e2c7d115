"""What goes wrong, and when?"""

import gzip
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
from requests.exceptions import ConnectionError as Broken

from p4books_sandbox import Arrival, Fault, Sandbox
from p4books_sandbox.faults import EDITS, KINDS, Faults, fault_of

Ask = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """A sandbox that the tests of this file stage their faults in."""
    with Sandbox(data={"invoices": [{"total": 10.7}, {"total": 3}]}, limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """The running sandbox, with nothing staged."""
    running.faults.clear()
    yield running
    running.faults.clear()


def _arrival(**words: Any) -> Arrival:
    given = {"method": "GET", "endpoint": "invoices", "page": 1, "page_size": None, "at": 0.0}
    return Arrival(**{**given, **words})


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_status(sandbox: Sandbox, ask: Ask, status: int) -> None:
    """Any status can be given, with a text and headers; then all is well again."""
    headers = {"Retry-After": "7", "Content-Type": "text/css"}
    sandbox.faults.stage(Fault("status", status=status, text="No, señor.", headers=headers))

    answer = ask(sandbox, "invoices")

    assert (answer.status_code, answer.content.decode()) == (status, "No, señor.")
    assert (answer.headers["retry-after"], answer.headers["content-type"]) == ("7", "text/css")
    assert ask(sandbox, "invoices").status_code == 200


def test_status_429_without_a_wait(sandbox: Sandbox, ask: Ask) -> None:
    """A staged refusal has no Retry-After unless given, and is none of the limit's."""
    sandbox.faults.stage(Fault("status", status=429))

    answer = ask(sandbox, "invoices")

    assert "retry-after" not in answer.headers
    assert sandbox.refused == 0


@pytest.mark.parametrize("status", [301, 302])
def test_redirect(sandbox: Sandbox, ask: Ask, status: int) -> None:
    """A redirect is a status with its Location."""
    sandbox.faults.stage(Fault("status", status=status, headers={"Location": "/elsewhere"}))

    answer = ask(sandbox, "invoices")

    assert (answer.status_code, answer.headers["location"]) == (status, "/elsewhere")


@pytest.mark.parametrize("status", [303, 307, 308])
def test_redirect_of_a_post(sandbox: Sandbox, ask: Ask, status: int) -> None:
    """What is posted can be sent elsewhere; nothing is made here."""
    headers = {"Location": "/elsewhere"}
    sandbox.faults.stage(Fault("status", status=status, headers=headers, method="POST"))
    before = len(sandbox.books["vendors"])

    answer = ask(sandbox, "vendors", "POST", json={})

    assert (answer.status_code, answer.headers["location"]) == (status, "/elsewhere")
    assert len(sandbox.books["vendors"]) == before


def test_html(sandbox: Sandbox, ask: Ask) -> None:
    """A web page may come instead of the answer, with status 200."""
    sandbox.faults.stage(Fault("html"))

    answer = ask(sandbox, "invoices")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<!doctype html>")


def test_bad_json(sandbox: Sandbox, ask: Ask) -> None:
    """A whole answer may not be JSON."""
    sandbox.faults.stage(Fault("bad_json"))

    answer = ask(sandbox, "invoices")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_cut_body(sandbox: Sandbox, ask: Ask) -> None:
    """The connection may end before the announced end of the body."""
    sandbox.faults.stage(Fault("cut_body"))

    with pytest.raises((ChunkedEncodingError, Broken), match="IncompleteRead"):
        ask(sandbox, "invoices")


def test_reset(sandbox: Sandbox, ask: Ask) -> None:
    """The connection may break before anything is done."""
    sandbox.faults.stage(Fault("reset"))
    before = len(sandbox.books["vendors"])

    with pytest.raises(Broken):
        ask(sandbox, "vendors", "POST", json={})

    assert len(sandbox.books["vendors"]) == before
    assert sandbox.requests[-1].status is None


def test_lost(sandbox: Sandbox, ask: Ask) -> None:
    """The connection may break when all is done, so that nobody knows it is."""
    sandbox.faults.stage(Fault("lost"))
    before = len(sandbox.books["vendors"])

    with pytest.raises(Broken):
        ask(sandbox, "vendors", "POST", json={})

    assert len(sandbox.books["vendors"]) == before + 1


@pytest.mark.parametrize("words", [{}, {"status": 503, "text": "No, señor."}])
def test_failed(sandbox: Sandbox, ask: Ask, words: dict[str, Any]) -> None:
    """A record may be made, and a status say that it went wrong: 500, or another."""
    sandbox.faults.stage(Fault("failed", **words))
    before = len(sandbox.books["vendors"])

    answer = ask(sandbox, "vendors", "POST", json={})

    assert (answer.status_code, answer.content.decode()) == (
        words.get("status", 500),
        words.get("text", ""),
    )
    assert len(sandbox.books["vendors"]) == before + 1


def test_late(sandbox: Sandbox, ask: Ask) -> None:
    """A record may be made only after some seconds, when who posted it has left."""
    sandbox.faults.stage(Fault("late", seconds=1.0))
    before = len(sandbox.books["vendors"])

    with pytest.raises(ReadTimeout):
        ask(sandbox, "vendors", "POST", json={"code": "LATE"}, timeout=0.2)

    assert len(sandbox.books["vendors"]) == before
    assert _grows(sandbox, "vendors", before)
    assert sandbox.books["vendors"].records()[-1]["code"] == "LATE"


def test_late_for_who_waits(sandbox: Sandbox, ask: Ask) -> None:
    """Who waits for a late answer gets it, though the body was long and came in parts."""
    sandbox.faults.stage(Fault("late", seconds=0.2))

    began = time.monotonic()
    answer = ask(sandbox, "vendors", "POST", json={"name": "x" * 2_000_000})

    assert time.monotonic() - began >= 0.2
    assert (answer.status_code, len(answer.json()["name"])) == (201, 2_000_000)


def test_slow_for_who_left(sandbox: Sandbox, ask: Ask) -> None:
    """What is slow, and not late, is not done for who left."""
    sandbox.faults.stage(Fault("slow", seconds=0.4))
    before = len(sandbox.books["vendors"])

    with pytest.raises(ReadTimeout):
        ask(sandbox, "vendors", "POST", json={}, timeout=0.2)
    time.sleep(0.6)

    assert len(sandbox.books["vendors"]) == before


def test_slow_when_done(sandbox: Sandbox, ask: Ask) -> None:
    """A record may be made at once and its answer come too late."""
    sandbox.faults.stage(Fault("slow", seconds=30, done=True))
    before = len(sandbox.books["vendors"])

    with pytest.raises(ReadTimeout):
        ask(sandbox, "vendors", "POST", json={}, timeout=0.5)

    assert len(sandbox.books["vendors"]) == before + 1


def test_slow(sandbox: Sandbox, ask: Ask) -> None:
    """An answer may take its time, and others do not wait for it."""
    sandbox.faults.stage(Fault("slow", seconds=0.2, endpoint="invoices"))

    began = time.monotonic()
    answer = ask(sandbox, "invoices")

    assert time.monotonic() - began >= 0.2
    assert answer.status_code == 200


def test_gzip(sandbox: Sandbox, ask: Ask) -> None:
    """An answer may be compressed, and is the same for who reads it."""
    plain = ask(sandbox, "invoices")
    sandbox.faults.stage(Fault("gzip"))

    zipped = ask(sandbox, "invoices")

    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.content == plain.content


def test_bad_gzip(sandbox: Sandbox, ask: Ask) -> None:
    """An answer may say it is compressed when it is not."""
    sandbox.faults.stage(Fault("bad_gzip"))

    with pytest.raises(ContentDecodingError):
        ask(sandbox, "invoices")


def test_cut_gzip(sandbox: Sandbox, ask: Ask) -> None:
    """A compressed answer may miss its second half, though as long as was announced."""
    sandbox.faults.stage(Fault("cut_gzip"))

    answer = ask(sandbox, "invoices", stream=True)
    body = answer.raw.read(decode_content=False)

    assert len(body) == int(answer.headers["content-length"])
    with pytest.raises(EOFError):
        gzip.decompress(body)


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - EDITS))
def test_done_once(sandbox: Sandbox, ask: Ask, kind: str) -> None:
    """With done, whatever goes wrong then, the record is made, and only once."""
    sandbox.faults.stage(Fault(kind, seconds=0.01, done=True))
    before = len(sandbox.books["vendors"])

    with suppress(RequestException):
        ask(sandbox, "vendors", "POST", json={})

    assert len(sandbox.books["vendors"]) == before + 1
    assert sandbox.faults.staged() == []


@pytest.mark.parametrize("kind", ["slow", "late", "gzip"])
def test_done_is_answered_as_it_was(sandbox: Sandbox, ask: Ask, kind: str) -> None:
    """Where the books answer after all, they give the record that they made first."""
    sandbox.faults.stage(Fault(kind, seconds=0.01, done=True))

    answer = ask(sandbox, "vendors", "POST", json={"code": "A"})

    assert (answer.status_code, answer.json()) == (201, sandbox.books["vendors"].records()[-1])


@pytest.mark.parametrize("kind", ["status", "html", "bad_json", "reset"])
def test_not_done(sandbox: Sandbox, ask: Ask, kind: str) -> None:
    """Without done, what answers instead of the books makes nothing."""
    sandbox.faults.stage(Fault(kind))
    before = len(sandbox.books["vendors"])

    with suppress(Broken):
        ask(sandbox, "vendors", "POST", json={})

    assert len(sandbox.books["vendors"]) == before


@pytest.mark.parametrize("kind", ["html", "bad_json"])
def test_done_says_the_same(sandbox: Sandbox, ask: Ask, kind: str) -> None:
    """Done or not, the answer that comes instead is the same."""
    sandbox.faults.stage(Fault(kind), Fault(kind, done=True))

    undone, done = (ask(sandbox, "vendors", "POST", json={}) for _ in range(2))

    assert (done.status_code, done.content) == (undone.status_code, undone.content)


def _grows(sandbox: Sandbox, path: str, before: int) -> bool:
    """Wait, but not for ever, until a list has one row more."""
    until = time.monotonic() + 10
    while len(sandbox.books[path]) == before and time.monotonic() < until:
        time.sleep(0.01)
    return len(sandbox.books[path]) == before + 1


def test_every_kind_is_tested() -> None:
    """A kind added to the table needs its test here; edits have theirs beside them."""
    assert all(f"test_{kind}" in globals() for kind in KINDS if kind not in EDITS)


@pytest.mark.parametrize(
    ("fault", "fits"),
    [
        (Fault("reset"), True),
        (Fault("reset", endpoint="invoices", page=1, method="GET"), True),
        (Fault("reset", endpoint="products"), False),
        (Fault("reset", page=2), False),
        (Fault("reset", method="POST"), False),
    ],
)
def test_which_requests_it_fits(fault: Fault, fits: bool) -> None:
    """A fault fits the requests it names, and any where it names none."""
    assert fault.fits(_arrival()) is fits


def test_how_often_it_hits() -> None:
    """A fault lets some pass, hits its number of times and is gone."""
    faults = Faults()
    fault = Fault("reset", after=2, times=2)
    faults.stage(fault)

    hits = [faults.take(_arrival()) for _ in range(6)]

    assert hits == [None, None, fault, fault, None, None]
    assert faults.staged() == []


def test_for_ever_and_cleared() -> None:
    """A fault without a number of times hits until it is cleared."""
    faults = Faults()
    fault = Fault("reset", times=None)
    faults.stage(fault)

    assert [faults.take(_arrival()) for _ in range(50)] == [fault] * 50
    faults.clear()
    assert faults.take(_arrival()) is None


def test_the_first_that_fits() -> None:
    """Of several faults the one staged first hits; those that do not fit are not counted."""
    faults = Faults()
    other, first, second = Fault("reset", page=9), Fault("html"), Fault("slow")
    faults.stage(other, first, second)

    assert [faults.take(_arrival()) for _ in range(3)] == [first, second, None]
    assert faults.staged() == [other]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"kind": "flood"}, "There is no fault 'flood'."),
        ({"kind": "reset", "endpoint": "invoice"}, "There is no list 'invoice'."),
        ({"kind": "reset", "method": "get"}, "There is no method 'get'."),
        ({"kind": "reset", "times": 0}, "times must be 1 or more"),
        ({"kind": "status", "status": 99}, "status must be from 200 to 599"),
        ({"kind": "status", "status": "busy"}, "status: Input should be a valid integer"),
        ({"kind": "value", "field": "total"}, "value needs a field, and the text"),
        ({"kind": "slow", "second": 2}, "second: Unexpected keyword argument"),
        ({}, "kind"),
    ],
)
def test_what_is_no_fault(words: dict[str, object], sentence: str) -> None:
    """A fault that can't be is refused with a sentence."""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - its words are compared below
        fault_of(words)

    assert str(refusal.value).startswith(sentence)


def test_a_fault_in_words() -> None:
    """A fault is read as it is written in JSON or on the command line."""
    words = {"kind": "slow", "seconds": 0.5, "times": None, "page": "2", "done": "true"}

    assert fault_of(words) == Fault("slow", seconds=0.5, times=None, page=2, done=True)
