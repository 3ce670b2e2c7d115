"""How is a sandbox in a process of its own steered?"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from p4books_sandbox import Fault, Sandbox

Ask = Callable[..., requests.Response]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with two vendors that lets nobody in, which the control need not mind."""
    data = {"vendors": [{"name": "a"}, {"name": "b"}]}
    with Sandbox(data=data, limit=1, window=3600) as sandbox:
        yield sandbox


@pytest.fixture
def steer(sandbox: Sandbox, ask: Ask) -> Ask:
    """Send one request to the control, without key."""
    root = sandbox.base_url.removesuffix("/api/v1") + "/_sandbox/"

    def send(path: str, method: str = "GET", **more: Any) -> requests.Response:
        return ask(sandbox, root + path, method, headers={"Authorization": ""}, **more)

    return send


def test_status(sandbox: Sandbox, ask: Ask, steer: Ask) -> None:
    """It tells what arrived, what the limit refused and how long the lists are."""
    for _ in range(3):
        ask(sandbox, "vendors")

    status = steer("status").json()

    assert (status["requests"], status["refused"]) == (3, 2)
    assert status["rows"]["vendors"] == 2
    assert list(status["rows"]) == list(sandbox.books)


def test_faults(sandbox: Sandbox, steer: Ask) -> None:
    """A fault is staged as in a test, and cleared."""
    words = {"kind": "slow", "seconds": 0.5, "times": None, "headers": {"A": "b"}}

    assert steer("faults", "POST", json=words).status_code == 201
    assert sandbox.faults.staged() == [Fault("slow", seconds=0.5, times=None, headers={"A": "b"})]
    assert steer("faults", "DELETE").status_code == 204
    assert sandbox.faults.staged() == []


def test_staged_times_are_floats(sandbox: Sandbox, ask: Ask, steer: Ask) -> None:
    """A fault staged over HTTP hits as one staged in the process does."""
    steer("faults", "POST", json={"kind": "slow", "seconds": 0.01})

    assert ask(sandbox, "vendors").status_code == 200


def test_records(sandbox: Sandbox, steer: Ask) -> None:
    """Records are put in anywhere, changed and taken out."""
    inserted = steer("records/vendors?at=0", "POST", data=b'{"name":"c","balance":10.70}')
    changed = steer("records/vendors/1", "PATCH", json={"name": "d"})
    deleted = steer("records/vendors/2", "DELETE")

    assert [each.status_code for each in (inserted, changed, deleted)] == [201, 204, 204]
    assert inserted.json() == {"id": 3}
    assert sandbox.books["vendors"].page(0, 9)[0] == [
        b'{"id":3,"name":"c","balance":10.70}',
        b'{"id":1,"name":"d"}',
    ]


def test_ids_that_are_text(sandbox: Sandbox, steer: Ask) -> None:
    """An id may be a UUID."""
    steer("records/vendors", "POST", json={"id": "4f7c-aa"})

    assert steer("records/vendors/4f7c-aa", "DELETE").status_code == 204
    assert len(sandbox.books["vendors"]) == 2


@pytest.mark.parametrize(
    ("asked", "body", "status", "message"),
    [
        ("POST records/vendor", b"{}", 404, "There is no list 'vendor'."),
        ("DELETE records/vendors/9", b"", 404, "There is no record with id 9 in this list."),
        ("PATCH records/vendors/9", b"{}", 404, "There is no record with id 9 in this list."),
        ("POST records/vendors", b"[]", 422, "The body must be one JSON object."),
        ("POST records/vendors", b"{", 422, "The body is not JSON: "),
        ("POST records/vendors?at=end", b"{}", 422, "at must be a position from 0, not 'end'."),
        ("POST faults", b'{"kind":"flood"}', 422, "There is no fault 'flood'."),
    ],
)
def test_what_cannot_be(steer: Ask, asked: str, body: bytes, status: int, message: str) -> None:
    """What can't be done is answered with a sentence."""
    method, path = asked.split()
    answer = steer(path, method, data=body)

    assert answer.status_code == status
    assert answer.json()["error"].startswith(message)
