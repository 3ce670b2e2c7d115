"""How is one record sent, and at most once?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import MakeSettings
from tests.p4books.push.conftest import Enter

from p4books.endpoints import ENDPOINTS
from p4books.extract.client import MAX_ATTEMPTS, ApiConnection, ApiTarget
from p4books.extract.rate_limiter import RateLimiter
from p4books.push.errors import NotCreated, NotReached, SentOn, StillRefusing
from p4books.push.ledger import Ledger
from p4books.push.send import RecordSender, RetryPolicy
from p4books.push.types import CREATED, READY, REFUSED, SENDING, UNKNOWN
from p4books_sandbox import Fault, Sandbox

MakeSender = Callable[..., RecordSender]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A P4 Books without rows and without limit."""
    with Sandbox(empty=True, limit=0) as sandbox:
        yield sandbox


@dataclass
class Naps:
    """Seconds that were slept, without sleeping them."""

    slept: list[float]

    def sleep(self, seconds: float) -> None:
        """Note them."""
        self.slept.append(seconds)


@pytest.fixture
def naps() -> Naps:
    """No naps yet."""
    return Naps([])


@pytest.fixture
def make_sender(
    sandbox: Sandbox, ledger: Ledger, make_settings: MakeSettings, tmp_path: Path, naps: Naps
) -> MakeSender:
    """Make a sender of vendors to the sandbox, or to another address."""

    def make(**overrides: Any) -> RecordSender:
        target = ApiTarget.from_settings(make_settings(sandbox, **overrides))
        slots = RateLimiter(tmp_path / "slots.sqlite", 1000, 60)
        connection, patience = ApiConnection(target, slots), RetryPolicy(0.3, sleep=naps.sleep)
        return RecordSender(connection, ENDPOINTS["vendors"], ledger, patience)

    return make


def _state(ledger: Ledger) -> str:
    (entry,) = ledger.rows(1)
    return entry.state


def test_created(sandbox: Sandbox, make_sender: MakeSender, enter: Enter, ledger: Ledger) -> None:
    """A record is sent as it is, once, and is being sent as long as nobody says what became."""
    entry = enter("V-1", phone="507")

    said = make_sender().send(entry)

    (record,) = sandbox.books["vendors"].records()
    assert (said.state, said.id, said.code) == (CREATED, str(record["id"]), "V-1")
    assert (record["name"], record["phone"]) == ("Vendor V-1", "507")
    assert _state(ledger) == SENDING


@pytest.mark.parametrize("status", ["422", "400", "406"])
@pytest.mark.parametrize("text", ["json", "text"])
def test_refused(
    status: str, text: str, make_sender: MakeSender, enter: Enter, make_settings: MakeSettings
) -> None:
    """A refusal is one, and says why, whatever its status and however it is written."""
    entry = enter("V-1", name=7)
    with Sandbox(empty=True, limit=0, bad_input=status, bad_input_as=text) as other:
        said = make_sender(base_url=other.base_url).send(entry)

        assert len(other.requests) == 1
    assert (said.state, said.status) == (REFUSED, int(status))
    assert "name" in said.text
    assert "{" not in said.text


@pytest.mark.parametrize(
    "fault",
    [
        Fault("reset"),
        Fault("lost"),
        Fault("cut_body"),
        Fault("slow", seconds=3),
        Fault("status", status=500),
        Fault("status", status=503),
        Fault("html"),
        Fault("bad_json"),
        Fault("bad_gzip"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
def test_never_twice(
    fault: Fault, sandbox: Sandbox, make_sender: MakeSender, enter: Enter, naps: Naps
) -> None:
    """Where it is not known whether a record was made, it is not sent once more."""
    sandbox.faults.stage(fault)

    said = make_sender().send(enter("V-1"))

    assert said.state == UNKNOWN
    assert said.text
    assert len(sandbox.requests) == 1
    assert naps.slept == []


def test_over_the_limit(
    sandbox: Sandbox, make_sender: MakeSender, enter: Enter, ledger: Ledger
) -> None:
    """After a 429 the row is ready again, and is sent when the time that was told is over."""
    states: list[str] = []
    sandbox.faults.stage(Fault("status", status=429, times=2, headers={"Retry-After": "0"}))
    sender = make_sender()
    sender._limiter._sleep = lambda _: states.append(_state(ledger))

    said = sender.send(enter("V-1"))

    assert said.state == CREATED
    assert [arrival.status for arrival in sandbox.requests] == [429, 429, 201]
    assert len(sandbox.books["vendors"]) == 1
    assert set(states) == {READY}
    assert (sender.counts.requests, sender.counts.refused) == (3, 2)


def test_over_the_limit_for_ever(
    sandbox: Sandbox, make_sender: MakeSender, enter: Enter, ledger: Ledger
) -> None:
    """Who answers 429 for ever is not asked for ever; nothing was made, and the row is ready."""
    sandbox.faults.stage(Fault("status", status=429, times=None, headers={"Retry-After": "0"}))

    with pytest.raises(StillRefusing):
        make_sender().send(enter("V-1"))

    assert _state(ledger) == READY


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/api/v1", "https://{here}/api/v1"])
def test_no_connection(
    address: str,
    sandbox: Sandbox,
    make_sender: MakeSender,
    enter: Enter,
    ledger: Ledger,
    naps: Naps,
) -> None:
    """Where no connection comes about it is tried a few times, with waits; the row stays ready."""
    here = sandbox.base_url.split("/")[2]
    sender = make_sender(base_url=address.format(here=here))

    with pytest.raises(NotReached, match="was not sent"):
        sender.send(enter("V-1"))

    assert naps.slept == [1, 2, 4, 8]
    assert sender.counts.requests == MAX_ATTEMPTS
    assert _state(ledger) == READY


@pytest.mark.parametrize("status", [401, 405])
def test_at_the_door(
    status: int, sandbox: Sandbox, make_sender: MakeSender, enter: Enter, ledger: Ledger
) -> None:
    """Who is not let in has sent nothing: it stops at once, and the row is ready."""
    sandbox.faults.stage(Fault("status", status=status, text="No way."))

    with pytest.raises(NotCreated, match=rf"{status}\): No way\. What"):
        make_sender().send(enter("V-1"))

    assert _state(ledger) == READY
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("status", [302, 303, 307, 308])
def test_sent_on(
    status: int, sandbox: Sandbox, make_sender: MakeSender, enter: Enter, ledger: Ledger
) -> None:
    """A redirect may come after the record was made: it is not followed, and the row unknown."""
    sandbox.faults.stage(
        Fault("status", status=status, headers={"Location": f"{sandbox.base_url}/vendors"})
    )

    with pytest.raises(SentOn, match="base_url"):
        make_sender().send(enter("V-1"))

    assert _state(ledger) == UNKNOWN
    assert len(sandbox.requests) == 1
