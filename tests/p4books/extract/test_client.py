"""How is one page asked for?"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from pathlib import Path

import pytest

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint
from p4books.errors import (
    ApiError,
    BadAnswer,
    KeyRefused,
    NotFound,
    PageIgnored,
    ReadCancelled,
    Redirected,
    Refused,
    RightMissing,
    Unreachable,
)
from p4books.extract.client import REFUSALS, TRIES, ApiConnection, ApiTarget, Client
from p4books.extract.rate_limiter import RateLimiter, limiter_path
from p4books.settings import Settings
from p4books_sandbox import Fault, Sandbox

INVOICES = ENDPOINTS["invoices"]

MakeSettings = Callable[..., Settings]


@dataclass
class Time:
    """A clock held by the test, and what was slept by it: while waiting for a slot, or backing off.

    It starts at the real time, since a Retry-After may be a date.
    """

    now: float = field(default_factory=time.time)
    waits: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        """Wait for a slot."""
        self.waits.append(seconds)
        self.now += seconds

    def pause(self, seconds: float) -> None:
        """Back off."""
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def sandbox(standing: Sandbox) -> Sandbox:
    """The sandbox of these tests: none of them changes a row."""
    return standing


@pytest.fixture
def clock() -> Time:
    """A clock that nobody really waits by."""
    return Time()


@pytest.fixture
def slots(tmp_path: Path, clock: Time) -> RateLimiter:
    """A throttle that waits by the test's clock."""
    return RateLimiter(tmp_path / "slots.sqlite", 100_000, 60, clock, clock.wait)


@pytest.fixture
def client(settings: Settings, slots: RateLimiter, clock: Time) -> Client:
    """A client of the test's sandbox."""
    return Client(_connection(settings, slots), sleep=clock.pause)


@pytest.fixture
def other() -> Iterator[Sandbox]:
    """Another host, that knows the same key."""
    with Sandbox(empty=True, limit=0) as sandbox:
        yield sandbox


def _connection(settings: Settings, slots: RateLimiter) -> ApiConnection:
    return ApiConnection(ApiTarget.from_settings(settings), slots)


def _elsewhere(client: Client, address: str, slots: RateLimiter, clock: Time) -> Client:
    return Client(ApiConnection(replace(client.target, address=address), slots), sleep=clock.pause)


# What goes well.


def test_page(client: Client, sandbox: Sandbox) -> None:
    """A page is asked for once, with the setting's size, and read."""
    answer = client.page(INVOICES, 1)

    assert (answer.page, answer.total, answer.rows) == (1, 30, 30)
    assert [(each.page, each.page_size) for each in sandbox.requests] == [(1, 100)]
    assert (client.counts.requests, client.counts.refused) == (1, 0)


def test_size(client: Client, sandbox: Sandbox) -> None:
    """Another size than the setting's may be asked for."""
    answer = client.page(INVOICES, 3, size=7)

    assert list(answer.records) == [str(row) for row in sandbox.books["invoices"].ids()[14:21]]


def test_no_page_named(client: Client, sandbox: Sandbox) -> None:
    """Page 0 is what comes where no page is named: the first one, whatever its number is."""
    answer = client.page(INVOICES, 0, size=7)

    assert list(answer.records) == [str(row) for row in sandbox.books["invoices"].ids()[:7]]
    assert len(sandbox.requests) == 1


def test_names_of_parameters(
    make_settings: MakeSettings, sandbox: Sandbox, slots: RateLimiter
) -> None:
    """The parameters have the names that are set; the path has hyphens."""
    found = make_settings(sandbox, page_param="p", page_size_param="page_size", page_size=5)

    answer = Client(_connection(found, slots)).page(ENDPOINTS["sales_orders"], 1)

    (arrival,) = sandbox.requests
    assert (arrival.endpoint, arrival.page, arrival.page_size) == ("sales-orders", 1, 5)
    assert answer.rows == 5


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
def test_every_endpoint(client: Client, endpoint: Endpoint) -> None:
    """Every endpoint is at its path and gives rows."""
    assert client.page(endpoint, 1).rows > 0


def test_past_the_end(client: Client, sandbox: Sandbox, clock: Time) -> None:
    """Past the end an empty page, a 404 or the last page again are pages without rows."""
    last = '{"data":[{"id":30}],"total":30,"page":3}'
    sandbox.faults.stage(Fault("status", status=404), Fault("html", text=last))

    answers = [client.page(INVOICES, 9, size=10, learned=10) for _ in range(3)]

    assert [answer.rows for answer in answers] == [0, 0, 0]
    assert [answer.total for answer in answers] == [None, 30, 30]
    assert clock.pauses == []


# What is repeated.

PASSING = {
    "status 500": Fault("status"),
    "status 503": Fault("status", status=503),
    "a connection that broke off": Fault("reset"),
    "a connection that broke off.": Fault("cut_body"),
    "an HTML page": Fault("html"),
    "something that is not JSON": Fault("bad_json"),
    "something that is not JSON.": Fault("html", text=" "),
    "`data` that is not a list of rows": Fault("data_null"),
    "page 2": Fault("wrong_page_echo"),
    "redirects that lead in a circle": Fault("status", status=302, headers={"Location": "?"}),
    "a body that cannot be unpacked": Fault("html", headers={"Content-Encoding": "gzip"}),
}
each_passing = pytest.mark.parametrize(("what", "fault"), PASSING.items(), ids=PASSING)


@each_passing
def test_once_and_then_fine(
    client: Client, sandbox: Sandbox, clock: Time, what: str, fault: Fault
) -> None:
    """What goes wrong once is asked for again, and the page is whole."""
    sandbox.faults.stage(replace(fault, times=3 if fault.status == 302 else 1))

    answer = client.page(INVOICES, 1)

    assert answer.rows == 30
    assert len(clock.pauses) == 1
    assert client.counts.requests == len(sandbox.requests)


@each_passing
def test_for_ever(client: Client, sandbox: Sandbox, clock: Time, what: str, fault: Fault) -> None:
    """What goes wrong for ever is tried five times, then it is an error that says what came."""
    sandbox.faults.stage(replace(fault, times=None))

    with pytest.raises(BadAnswer) as error:
        client.page(INVOICES, 1)

    said = f"invoices: P4 Books answered the request for page 1 with {what.rstrip('.')}."
    assert str(error.value).startswith(said)
    each_try = 3 if fault.status == 302 else 1
    assert client.counts.requests == len(sandbox.requests) == TRIES * each_try


def test_backoff(client: Client, sandbox: Sandbox, clock: Time) -> None:
    """The waits between tries double, and no two clients wait the same."""
    sandbox.faults.stage(Fault("status", times=None))

    with pytest.raises(BadAnswer):
        client.page(INVOICES, 1)

    least = [1, 2, 4, 8]
    assert len(clock.pauses) == 4
    assert all(low <= wait <= low + 1 for low, wait in zip(least, clock.pauses, strict=True))
    assert any(wait != round(wait) for wait in clock.pauses)


def test_page_1_instead(client: Client, sandbox: Sandbox) -> None:
    """A server that says twice that it gives page 1 ignores the page: no third try."""
    page = '{"data":[{"id":1}],"total":30,"page":1}'
    sandbox.faults.stage(Fault("html", text=page, times=None))

    with pytest.raises(PageIgnored):
        client.page(INVOICES, 3, learned=10)

    assert len(sandbox.requests) == 2


def test_page_1_instead_once(client: Client, sandbox: Sandbox) -> None:
    """Page 1 in place of another, once, is a fault that passes."""
    page = '{"data":[{"id":1}],"total":30,"page":1}'
    sandbox.faults.stage(Fault("html", text=page))

    assert client.page(INVOICES, 2, size=10).rows == 10


def test_limits_told(client: Client, sandbox: Sandbox) -> None:
    """The headers that tell of the limit are kept from the last answer, and no other."""
    told = {"X-RateLimit-Remaining": "7", "X-Other": "1"}
    page = '{"data":[],"total":0,"page":1}'
    sandbox.faults.stage(Fault("html", text=page, headers=told))

    client.page(INVOICES, 1)

    assert client.limits == {"x-ratelimit-remaining": "7"}


def test_stop(settings: Settings, sandbox: Sandbox, slots: RateLimiter, clock: Time) -> None:
    """Who is told to stop asks no more."""
    stop = threading.Event()
    stop.set()
    sandbox.faults.stage(Fault("status", times=None))

    with pytest.raises(ReadCancelled):
        Client(_connection(settings, slots), sleep=clock.pause, stop=stop).page(INVOICES, 1)

    assert sandbox.requests == []


# What is not.


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, KeyRefused),
        (403, RightMissing),
        (404, NotFound),
        (400, Refused),
        (406, Refused),
        (422, Refused),
        (418, Refused),
        (204, Refused),
        (302, Refused),
    ],
)
def test_not_repeated(client: Client, sandbox: Sandbox, status: int, error: type[ApiError]) -> None:
    """A status that repeating does not mend costs one request."""
    sandbox.faults.stage(Fault("status", status=status, times=None))

    with pytest.raises(error):
        client.page(INVOICES, 1)

    assert client.counts.requests == len(sandbox.requests) == 1


def test_wrong_key(
    client: Client, sandbox: Sandbox, slots: RateLimiter, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong key is said with its tenant, and is not shown."""
    caplog.set_level(logging.DEBUG)
    wrong = Client(ApiConnection(replace(client.target, key="k-wrong-3f9a"), slots))

    with pytest.raises(KeyRefused, match="tenant acme") as error:
        wrong.page(INVOICES, 1)

    assert "k-wrong-3f9a" not in str(error.value) + caplog.text + repr(wrong.target)


def test_no_such_list(client: Client, slots: RateLimiter, clock: Time) -> None:
    """An address where there is no list is shown."""
    address = client.target.address.replace("/api/v1", "/api/v2")

    with pytest.raises(NotFound, match=r"nothing at http://.*/api/v2/invoices \(404\)"):
        _elsewhere(client, address, slots, clock).page(INVOICES, 1)


def test_redirect(client: Client, sandbox: Sandbox) -> None:
    """A redirect on the same host is followed, and counted as the request it is."""
    to = f"{sandbox.base_url}/invoices?page=1&page_size=100"
    sandbox.faults.stage(Fault("status", status=307, headers={"Location": to}))

    answer = client.page(INVOICES, 1)

    assert answer.rows == 30
    assert client.counts.requests == len(sandbox.requests) == 2


def test_redirect_to_another_host(client: Client, sandbox: Sandbox, other: Sandbox) -> None:
    """A redirect to another host is an error at once; nothing arrives there."""
    to = f"{other.base_url}/invoices"
    sandbox.faults.stage(Fault("status", status=302, headers={"Location": to}, times=None))

    with pytest.raises(Redirected):
        client.page(INVOICES, 1)

    assert other.requests == []
    assert len(sandbox.requests) == 1


# Over the limit.


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [
        (None, 60, 61),
        ("", 60, 61),
        ("soon", 60, 61),
        ("nan", 60, 61),
        ("inf", 60, 61),
        ("Mon, 99 Foo 2026 99:99:99 GMT", 60, 61),
        ("1 Jan 2001 00:00:00 +99999999999999", 60, 61),
        ("7", 7, 8),
        ("0.5", 0.5, 1),
        ("0", 0, 1),
        ("-5", 0, 1),
        ("date+20", 18, 21),
        ("date-20", 0, 1),
        ("999999999", 900, 901),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 900, 901),
    ],
)
def test_over_the_limit(
    client: Client, sandbox: Sandbox, clock: Time, told: str | None, least: float, most: float
) -> None:
    """A 429 is waited out as told, at most a quarter of an hour, a window where it is not told."""
    if told and told.startswith("date"):
        told = formatdate(time.time() + int(told.removeprefix("date")), usegmt=True)
    headers = {} if told is None else {"Retry-After": told}
    sandbox.faults.stage(Fault("status", status=429, headers=headers))

    answer = client.page(INVOICES, 1)

    assert answer.rows == 30
    assert least <= sum(clock.waits) <= most
    assert clock.pauses == []
    assert (client.counts.requests, client.counts.refused) == (2, 1)


def test_over_the_limit_for_ever(client: Client, sandbox: Sandbox, clock: Time) -> None:
    """A server that never lets anything through is given up after twenty waits."""
    sandbox.faults.stage(Fault("status", status=429, times=None))

    with pytest.raises(Refused, match="429"):
        client.page(INVOICES, 1)

    assert client.counts.requests == client.counts.refused == len(sandbox.requests) == REFUSALS
    assert sum(clock.waits) >= (REFUSALS - 1) * 60


def test_a_real_limit(make_settings: MakeSettings, slots: RateLimiter, clock: Time) -> None:
    """Without a throttle of our own a page still comes, after as many refusals as were seen."""
    with Sandbox(invoices=10, limit=3, window=60, clock=clock) as sandbox:
        client = Client(_connection(make_settings(sandbox), slots), sleep=clock.pause)

        rows = [client.page(INVOICES, 1).rows for _ in range(10)]

        assert rows == [10] * 10
        assert client.counts.refused == sandbox.refused > 0
        assert client.counts.requests == len(sandbox.requests)


def test_never_over(make_settings: MakeSettings, tmp_path: Path, clock: Time) -> None:
    """With the server's own limit set, not one request is refused."""
    with Sandbox(invoices=10, limit=3, window=60, clock=clock) as sandbox:
        ours = RateLimiter(tmp_path / "ours.sqlite", 3, 60, clock, clock.wait)
        client = Client(_connection(make_settings(sandbox), ours), sleep=clock.pause)

        for _ in range(10):
            client.page(INVOICES, 1)

        assert sandbox.refused == client.counts.refused == 0
        assert sum(clock.waits) == pytest.approx(180, abs=0.1)


# Nobody there.


def test_dead_host(client: Client, slots: RateLimiter, clock: Time) -> None:
    """A host where nothing listens is named, after five tries."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        port = plug.getsockname()[1]
    dead = _elsewhere(client, f"http://127.0.0.1:{port}/api/v1", slots, clock)

    with pytest.raises(Unreachable, match=rf"127\.0\.0\.1:{port} .*connection was refused"):
        dead.page(INVOICES, 1)

    assert len(clock.pauses) == TRIES - 1


def test_unknown_host(client: Client, slots: RateLimiter, clock: Time) -> None:
    """A name that nobody knows is named."""
    unknown = _elsewhere(client, "https://acme.invalid/api/v1", slots, clock)

    with pytest.raises(Unreachable, match=r"acme\.invalid .*name is not known"):
        unknown.page(INVOICES, 1)


def test_no_tls(client: Client, sandbox: Sandbox, slots: RateLimiter, clock: Time) -> None:
    """A host that does not speak TLS, or whose certificate nobody trusts, gets no request."""
    address = sandbox.base_url.replace("http://", "https://")

    with pytest.raises(Unreachable, match="certificate"):
        _elsewhere(client, address, slots, clock).page(INVOICES, 1)

    assert sandbox.requests == []


def test_dead_proxy(
    client: Client, slots: RateLimiter, clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that does not let us through is said to be one."""
    monkeypatch.setenv("https_proxy", client.target.address)

    with pytest.raises(Unreachable, match="proxy did not let us through"):
        _elsewhere(client, "https://acme.invalid/api/v1", slots, clock).page(INVOICES, 1)


# The key.


def test_no_key_anywhere(
    client: Client, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever happens, no log record and no error holds the key."""
    caplog.set_level(logging.DEBUG)
    sandbox.faults.stage(
        Fault("status"),
        Fault("reset"),
        Fault("status", status=429, headers={"Retry-After": "1"}),
        Fault("html", text=sandbox.key),
        Fault("cut_body"),
        Fault("status", status=422, text=sandbox.key),
    )

    with pytest.raises(Refused) as error:
        client.page(INVOICES, 1)

    assert len(sandbox.requests) == 6
    assert caplog.records
    assert sandbox.key not in caplog.text
    assert sandbox.key not in f"{error.value} {error.value!r} {error.value.__cause__}"
    assert sandbox.key not in repr(client.target)


def test_access(settings: Settings) -> None:
    """Where pages come from is told without the key and the tenant."""
    source = ApiTarget.from_settings(settings).source(INVOICES)

    assert source == {
        "endpoint": "invoices",
        "address": settings.address,
        "page_size": 100,
        "page_param": "page",
        "page_size_param": "page_size",
    }


def test_throttle_of_a_key(settings: Settings) -> None:
    """All that use one key have one throttle, as fast as is set."""
    slots = ApiConnection.from_settings(settings).limiter

    assert slots.path == limiter_path(settings.key)
    assert (slots.limit, slots.window) == (100_000, 60)
