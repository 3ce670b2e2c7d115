"""Sending of records, one at a time and each at most once."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import MakeSettings
from tests.p4books.push.conftest import AddEntry

from p4books.endpoints.vendors import VENDORS
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
    """A P4 Books without rows and without rate limit."""
    with Sandbox(empty=True, limit=0) as sandbox:
        yield sandbox


@dataclass
class FakeTime:
    """A clock that advances when somebody sleeps; `slept` has the seconds between tries."""

    now: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        self.now += seconds

    def sleep_between_tries(self, seconds: float) -> None:
        """Advance the clock, and note the seconds."""
        self.sleep(seconds)
        self.slept.append(seconds)


@pytest.fixture
def fake_time() -> FakeTime:
    """Time that passes only while somebody sleeps."""
    return FakeTime()


@pytest.fixture
def make_sender(
    sandbox: Sandbox,
    ledger: Ledger,
    make_settings: MakeSettings,
    tmp_path: Path,
    fake_time: FakeTime,
) -> MakeSender:
    """Make a sender of vendors to the sandbox, or to another address."""

    def make(**overrides: Any) -> RecordSender:
        target = ApiTarget.from_settings(make_settings(sandbox, **overrides))
        limiter = RateLimiter(
            tmp_path / "slots.sqlite", 1000, 60, lambda: fake_time.now, fake_time.sleep
        )
        retry_policy = RetryPolicy(0.3, sleep=fake_time.sleep_between_tries)
        return RecordSender(ApiConnection(target, limiter), VENDORS, ledger, retry_policy)

    return make


def _state(ledger: Ledger) -> str:
    (entry,) = ledger.entries(1)
    return entry.state


def test_created(
    sandbox: Sandbox, make_sender: MakeSender, add_entry: AddEntry, ledger: Ledger
) -> None:
    """A record is sent as it is, once; it is *sending* until its outcome is recorded."""
    response = make_sender().send(add_entry("V-1", phone="507"))

    (record,) = sandbox.books["vendors"].records()
    assert (response.state, response.id, response.code) == (CREATED, str(record["id"]), "V-1")
    assert (record["name"], record["phone"]) == ("Vendor V-1", "507")
    assert _state(ledger) == SENDING


@pytest.mark.parametrize(
    ("status", "text"), [("422", "json"), ("422", "text"), ("400", "json"), ("406", "text")]
)
def test_refused(status: str, text: str, make_sender: MakeSender, add_entry: AddEntry) -> None:
    """A refusal says why, whatever its status and however it is written."""
    with Sandbox(empty=True, limit=0, bad_input=status, bad_input_as=text) as other:
        response = make_sender(base_url=other.base_url).send(add_entry("V-1", name=7))

        assert len(other.requests) == 1
    assert (response.state, response.status) == (REFUSED, int(status))
    assert "name" in response.text
    assert "{" not in response.text


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
    fault: Fault,
    sandbox: Sandbox,
    make_sender: MakeSender,
    add_entry: AddEntry,
    fake_time: FakeTime,
) -> None:
    """If it is unknown whether a record was created, it is not sent once more."""
    sandbox.faults.stage(fault)

    response = make_sender().send(add_entry("V-1"))

    assert response.state == UNKNOWN
    assert response.text
    assert len(sandbox.requests) == 1
    assert fake_time.slept == []


def test_over_the_limit(
    sandbox: Sandbox,
    make_sender: MakeSender,
    add_entry: AddEntry,
    ledger: Ledger,
    fake_time: FakeTime,
) -> None:
    """After a 429 the record is ready again, and is sent when the requested wait is over."""
    states: list[str] = []
    sandbox.faults.stage(Fault("status", status=429, times=2, headers={"Retry-After": "7"}))
    sender = make_sender()

    def sleep(seconds: float) -> None:
        states.append(_state(ledger))
        fake_time.sleep(seconds)

    sender._limiter._sleep = sleep
    began = fake_time.now

    response = sender.send(add_entry("V-1"))

    assert response.state == CREATED
    assert [arrival.status for arrival in sandbox.requests] == [429, 429, 201]
    assert len(sandbox.books["vendors"]) == 1
    assert set(states) == {READY}
    assert fake_time.now - began >= 14
    assert (sender.counts.requests, sender.counts.refused) == (3, 2)


def test_always_over_the_limit(
    sandbox: Sandbox, make_sender: MakeSender, add_entry: AddEntry, ledger: Ledger
) -> None:
    """After many 429 in a row it gives up; nothing was created, and the record is ready."""
    sandbox.faults.stage(Fault("status", status=429, times=None, headers={"Retry-After": "0"}))

    with pytest.raises(StillRefusing):
        make_sender().send(add_entry("V-1"))

    assert _state(ledger) == READY


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/api/v1", "https://{host}/api/v1"])
def test_no_connection(
    address: str,
    sandbox: Sandbox,
    make_sender: MakeSender,
    add_entry: AddEntry,
    ledger: Ledger,
    fake_time: FakeTime,
) -> None:
    """Without a connection it is tried a few times, with waits; the record stays ready."""
    host = sandbox.base_url.split("/")[2]
    sender = make_sender(base_url=address.format(host=host))

    with pytest.raises(NotReached, match="were not sent"):
        sender.send(add_entry("V-1"))

    assert fake_time.slept == [1, 2, 4, 8]
    assert sender.counts.requests == MAX_ATTEMPTS
    assert _state(ledger) == READY


@pytest.mark.parametrize("status", [401, 405])
def test_denied(
    status: int, sandbox: Sandbox, make_sender: MakeSender, add_entry: AddEntry, ledger: Ledger
) -> None:
    """A key that is denied has created nothing: it stops at once, and the record is ready."""
    sandbox.faults.stage(Fault("status", status=status, text="No way."))

    with pytest.raises(NotCreated, match=rf"{status}\): No way\. Records"):
        make_sender().send(add_entry("V-1"))

    assert _state(ledger) == READY
    assert len(sandbox.requests) == 1


def _redirect(
    status: int, location: str, times: int | None = None, method: str | None = None
) -> Fault:
    headers = {"Location": location}
    return Fault("status", status=status, headers=headers, times=times, method=method)


@pytest.mark.parametrize("status", [307, 308])
def test_redirect_that_took_nothing(
    status: int, sandbox: Sandbox, make_sender: MakeSender, add_entry: AddEntry, ledger: Ledger
) -> None:
    """A 307 or 308 on the same host processed nothing: the record is sent there, once."""
    sandbox.faults.stage(_redirect(status, "vendors?moved=1", times=1))

    response = make_sender().send(add_entry("V-1"))

    assert (response.state, _state(ledger)) == (CREATED, SENDING)
    assert [arrival.status for arrival in sandbox.requests] == [status, 201]
    assert len(sandbox.books["vendors"]) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_to_slash(
    status: int, make_sender: MakeSender, add_entry: AddEntry, slashes: "Slashes"
) -> None:
    """If every request is redirected to the address with a slash, the records are sent there."""
    slashes.status = status
    sender = make_sender(base_url=slashes.address)

    states = [sender.send(add_entry(code)).state for code in ("V-1", "V-2")]

    assert states == [CREATED, CREATED]
    assert slashes.created == [b"V-1", b"V-2"]
    probes = ["GET"] if status in {301, 302} else []
    assert slashes.methods == ["POST", *probes, "POST", "POST"]


@pytest.mark.parametrize("status", [301, 302, 303])
def test_redirect_after_creation(
    status: int, sandbox: Sandbox, make_sender: MakeSender, add_entry: AddEntry, ledger: Ledger
) -> None:
    """A redirect of a POST alone may follow the creation: the record is unknown, and not resent."""
    sandbox.faults.stage(_redirect(status, "/api/v1/vendors/", method="POST"))

    with pytest.raises(SentOn, match="marked unknown"):
        make_sender().send(add_entry("V-1"))

    assert _state(ledger) == UNKNOWN
    assert [arrival.method for arrival in sandbox.requests].count("POST") == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_to_another_host(
    status: int, sandbox: Sandbox, make_sender: MakeSender, add_entry: AddEntry, ledger: Ledger
) -> None:
    """The key is not sent to another host; the record is ready, and the advice can be followed."""
    location = "https://user:secret@books.example/v2/vendors/?key=secret"
    sandbox.faults.stage(_redirect(status, location))

    with pytest.raises(SentOn) as error:
        make_sender().send(add_entry("V-1"))

    assert "https://books.example/v2/vendors/" in str(error.value)
    assert "nothing was created" in str(error.value)
    assert "set `base_url` to https://books.example/v2." in str(error.value)
    assert "secret" not in str(error.value)
    assert _state(ledger) == READY


@pytest.mark.parametrize(
    ("location", "advice"),
    [
        ("http://books.example/api/v1/vendors", "ask P4 Books for an https:// address"),
        ("https://login.example/", "Check the setting `base_url`"),
        ("http://[", "Check the setting `base_url`"),
    ],
)
def test_redirect_elsewhere(
    location: str,
    advice: str,
    sandbox: Sandbox,
    make_sender: MakeSender,
    add_entry: AddEntry,
    ledger: Ledger,
) -> None:
    """A redirect to what cannot be the API is not given as its address."""
    sandbox.faults.stage(_redirect(308, location))

    with pytest.raises(SentOn, match=advice):
        make_sender().send(add_entry("V-1"))

    assert _state(ledger) == READY


def test_redirect_loop(
    sandbox: Sandbox, make_sender: MakeSender, add_entry: AddEntry, ledger: Ledger
) -> None:
    """A redirect loop is followed three times; nothing was created, and the record is ready."""
    sandbox.faults.stage(_redirect(308, "/api/v1/vendors"))

    with pytest.raises(SentOn, match="nothing was created"):
        make_sender().send(add_entry("V-1"))

    assert _state(ledger) == READY
    assert len(sandbox.requests) == 4


class Slashes(ThreadingHTTPServer):
    """A server that redirects every request to the address with a slash at its end."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Slash)
        self.address = f"http://127.0.0.1:{self.server_port}/api/v1"
        self.status = 308
        self.methods: list[str] = []
        self.created: list[bytes] = []


class _Slash(BaseHTTPRequestHandler):
    server: Slashes

    def do_GET(self) -> None:
        self.server.methods.append(self.command)
        path, mark, query = self.path.partition("?")
        self._answer(self.server.status, b"", Location=f"{path}/{mark}{query}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.path.endswith("/"):
            return self.do_GET()
        self.server.methods.append(self.command)
        code = json.loads(body)["code"]
        self.server.created.append(code.encode())
        return self._answer(201, json.dumps({"id": code, "code": code}).encode())

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def slashes() -> Iterator[Slashes]:
    """A server that redirects every request to a slash."""
    with Slashes() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
