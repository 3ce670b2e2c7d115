"""The API client: one page per call, what is retried and what is not."""

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
    Abandoned,
    ApiError,
    BadAnswer,
    KeyRefused,
    NotFound,
    PageIgnored,
    Redirected,
    Refused,
    RightMissing,
    Unreachable,
)
from p4books.extract.client import (
    MAX_ATTEMPTS,
    MAX_SLOW_ATTEMPTS,
    ApiConnection,
    ApiTarget,
    Client,
)
from p4books.extract.http import MAX_REDIRECTS, Timeouts
from p4books.extract.rate_limiter import RateLimiter, limiter_path
from p4books.extract.retry_after import MAX_REFUSALS
from p4books.settings import Settings
from p4books_sandbox import Fault, Sandbox

INVOICES = ENDPOINTS["invoices"]

MakeSettings = Callable[..., Settings]


@dataclass
class Clock:
    """A clock that the test controls; `waits` are for the limiter, `pauses` before retries.

    It starts at the real time, since a Retry-After may be a date.
    """

    now: float = field(default_factory=time.time)
    waits: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        """Wait for the limiter."""
        self.waits.append(seconds)
        self.now += seconds

    def pause(self, seconds: float) -> None:
        """Wait before a retry."""
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """The shared sandbox: no test here changes its rows."""
    return shared_sandbox


@pytest.fixture
def clock() -> Clock:
    """A clock without real waits."""
    return Clock()


@pytest.fixture
def limiter(tmp_path: Path, clock: Clock) -> RateLimiter:
    """A limiter that waits by the test's clock."""
    return RateLimiter(tmp_path / "slots.sqlite", 100_000, 60, clock, clock.wait)


@pytest.fixture
def client(settings: Settings, limiter: RateLimiter, clock: Clock) -> Client:
    """A client of the sandbox."""
    return Client(_connection(settings, limiter), sleep=clock.pause)


@pytest.fixture
def other() -> Iterator[Sandbox]:
    """Another host that accepts the same key."""
    with Sandbox(empty=True, limit=0) as sandbox:
        yield sandbox


def _connection(settings: Settings, limiter: RateLimiter) -> ApiConnection:
    return ApiConnection(ApiTarget.from_settings(settings), limiter)


def _client_of(client: Client, address: str, limiter: RateLimiter, clock: Clock) -> Client:
    return Client(
        ApiConnection(replace(client.target, address=address), limiter), sleep=clock.pause
    )


def test_page(client: Client, sandbox: Sandbox) -> None:
    """A page takes one request, with the page size of the settings."""
    page = client.fetch_page(INVOICES, 1)

    assert (page.number, page.total, page.rows) == (1, 30, 30)
    assert [(request.page, request.page_size) for request in sandbox.requests] == [(1, 100)]
    assert (client.counts.requests, client.counts.refused) == (1, 0)


def test_page_size(client: Client, sandbox: Sandbox) -> None:
    """Another page size than that of the settings can be requested."""
    page = client.fetch_page(INVOICES, 3, page_size=7)

    assert list(page.records) == [str(row) for row in sandbox.books["invoices"].ids()[14:21]]


def test_no_page_number(client: Client, sandbox: Sandbox) -> None:
    """Number 0 requests no particular page: the first one is returned."""
    page = client.fetch_page(INVOICES, 0, page_size=7)

    assert list(page.records) == [str(row) for row in sandbox.books["invoices"].ids()[:7]]
    assert len(sandbox.requests) == 1


def test_parameter_names(
    make_settings: MakeSettings, sandbox: Sandbox, limiter: RateLimiter
) -> None:
    """The parameters have the names of the settings; the path has hyphens."""
    settings = make_settings(sandbox, page_param="p", page_size_param="page_size", page_size=5)

    page = Client(_connection(settings, limiter)).fetch_page(ENDPOINTS["sales_orders"], 1)

    (arrival,) = sandbox.requests
    assert (arrival.endpoint, arrival.page, arrival.page_size) == ("sales-orders", 1, 5)
    assert page.rows == 5


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
def test_every_endpoint(client: Client, endpoint: Endpoint) -> None:
    """Every endpoint has its path and returns rows."""
    assert client.fetch_page(endpoint, 1).rows > 0


def test_past_the_end(client: Client, sandbox: Sandbox, clock: Clock) -> None:
    """Past the end an empty page, a 404 and the last page again are pages without rows."""
    last = '{"data":[{"id":30}],"total":30,"page":3}'
    sandbox.faults.stage(Fault("status", status=404), Fault("html", text=last))

    pages = [client.fetch_page(INVOICES, 9, page_size=10, observed_size=10) for _ in range(3)]

    assert [page.rows for page in pages] == [0, 0, 0]
    assert [page.total for page in pages] == [None, 30, 30]
    assert clock.pauses == []


TRANSIENT = {
    "status 500": Fault("status"),
    "status 503": Fault("status", status=503),
    "a dropped connection": Fault("reset"),
    "a dropped connection.": Fault("cut_body"),
    'an HTML page, "P4 Books"': Fault("html"),
    "something that is not JSON": Fault("bad_json"),
    "something that is not JSON.": Fault("html", text=" "),
    "`data` that is not a list of rows": Fault("data_null"),
    "page 2": Fault("wrong_page_echo"),
    "a redirect loop": Fault("status", status=302, headers={"Location": "?"}),
    "a body that is labelled as 'gzip' and cannot be decompressed": Fault(
        "html", headers={"Content-Encoding": "gzip"}
    ),
}
each_transient = pytest.mark.parametrize(("what", "fault"), TRANSIENT.items(), ids=TRANSIENT)


@each_transient
def test_retried(client: Client, sandbox: Sandbox, clock: Clock, what: str, fault: Fault) -> None:
    """A failure that happens once is retried, and the page is complete."""
    sandbox.faults.stage(replace(fault, times=MAX_REDIRECTS + 1 if fault.status == 302 else 1))

    page = client.fetch_page(INVOICES, 1)

    assert page.rows == 30
    assert len(clock.pauses) == 1
    assert client.counts.requests == len(sandbox.requests)


@each_transient
def test_given_up(client: Client, sandbox: Sandbox, clock: Clock, what: str, fault: Fault) -> None:
    """After five attempts a failure is an error that says what was received."""
    sandbox.faults.stage(replace(fault, times=None))

    with pytest.raises(BadAnswer) as error:
        client.fetch_page(INVOICES, 1)

    message = f"invoices: P4 Books answered the request for page 1 with {what.rstrip('.')}."
    assert str(error.value).startswith(message)
    requests = MAX_REDIRECTS + 1 if fault.status == 302 else 1
    assert client.counts.requests == len(sandbox.requests) == MAX_ATTEMPTS * requests


def test_backoff(client: Client, sandbox: Sandbox, clock: Clock) -> None:
    """The waits before retries double, with jitter."""
    sandbox.faults.stage(Fault("status", times=None))

    with pytest.raises(BadAnswer):
        client.fetch_page(INVOICES, 1)

    least = [1, 2, 4, 8]
    assert len(clock.pauses) == 4
    assert all(low <= wait <= low + 1 for low, wait in zip(least, clock.pauses, strict=True))
    assert any(wait != round(wait) for wait in clock.pauses)


def test_page_1_instead(client: Client, sandbox: Sandbox) -> None:
    """A server that says twice that it returned page 1 ignores the page: no third attempt."""
    page = '{"data":[{"id":1}],"total":30,"page":1}'
    sandbox.faults.stage(Fault("html", text=page, times=None))

    with pytest.raises(PageIgnored):
        client.fetch_page(INVOICES, 3, observed_size=10)

    assert len(sandbox.requests) == 2


def test_page_1_instead_once(client: Client, sandbox: Sandbox) -> None:
    """Page 1 instead of another, once, is a transient failure."""
    page = '{"data":[{"id":1}],"total":30,"page":1}'
    sandbox.faults.stage(Fault("html", text=page))

    assert client.fetch_page(INVOICES, 2, page_size=10).rows == 10


def test_limit_headers(client: Client, sandbox: Sandbox) -> None:
    """The headers about the rate limit are kept from the last response, and no others."""
    headers = {"X-RateLimit-Remaining": "7", "X-Other": "1"}
    page = '{"data":[],"total":0,"page":1}'
    sandbox.faults.stage(Fault("html", text=page, headers=headers))

    client.fetch_page(INVOICES, 1)

    assert client.limit_headers == {"x-ratelimit-remaining": "7"}


def test_stop(settings: Settings, sandbox: Sandbox, limiter: RateLimiter, clock: Clock) -> None:
    """A stopped client makes no more requests."""
    stop = threading.Event()
    stop.set()
    sandbox.faults.stage(Fault("status", times=None))

    with pytest.raises(Abandoned):
        Client(_connection(settings, limiter), sleep=clock.pause, stop=stop).fetch_page(INVOICES, 1)

    assert sandbox.requests == []


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
def test_not_retried(client: Client, sandbox: Sandbox, status: int, error: type[ApiError]) -> None:
    """A status that a retry would not change takes one request."""
    sandbox.faults.stage(Fault("status", status=status, times=None))

    with pytest.raises(error):
        client.fetch_page(INVOICES, 1)

    assert client.counts.requests == len(sandbox.requests) == 1


def test_wrong_key(
    client: Client, sandbox: Sandbox, limiter: RateLimiter, caplog: pytest.LogCaptureFixture
) -> None:
    """The error about a wrong key names the tenant, and nothing shows the key."""
    caplog.set_level(logging.DEBUG)
    wrong = Client(ApiConnection(replace(client.target, key="k-wrong-3f9a"), limiter))

    with pytest.raises(KeyRefused, match="tenant acme") as error:
        wrong.fetch_page(INVOICES, 1)

    assert "k-wrong-3f9a" not in str(error.value) + caplog.text + repr(wrong.target)


def test_not_found(client: Client, limiter: RateLimiter, clock: Clock) -> None:
    """The error about a missing list shows its address."""
    address = client.target.address.replace("/api/v1", "/api/v2")

    with pytest.raises(NotFound, match=r"http://.*/api/v2/invoices does not exist \(404\)"):
        _client_of(client, address, limiter, clock).fetch_page(INVOICES, 1)


def test_redirect(client: Client, sandbox: Sandbox) -> None:
    """A redirect on the same host is followed and counted as a request."""
    location = f"{sandbox.base_url}/invoices?page=1&page_size=100"
    sandbox.faults.stage(Fault("status", status=307, headers={"Location": location}))

    page = client.fetch_page(INVOICES, 1)

    assert page.rows == 30
    assert client.counts.requests == len(sandbox.requests) == 2


def test_redirect_to_another_host(client: Client, sandbox: Sandbox, other: Sandbox) -> None:
    """A redirect to another host raises at once; nothing is sent there."""
    location = f"{other.base_url}/invoices"
    sandbox.faults.stage(Fault("status", status=302, headers={"Location": location}, times=None))

    with pytest.raises(Redirected):
        client.fetch_page(INVOICES, 1)

    assert other.requests == []
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
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
        ("-5", 60, 61),
        ("date+20", 18, 21),
        ("date-20", 0, 1),
        ("999999999", 900, 901),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 900, 901),
    ],
)
def test_rate_limited(
    client: Client,
    sandbox: Sandbox,
    clock: Clock,
    retry_after: str | None,
    least: float,
    most: float,
) -> None:
    """A 429 is followed by the wait it asks for, at most 15 minutes, or else by one window."""
    if retry_after and retry_after.startswith("date"):
        seconds = int(retry_after.removeprefix("date"))
        retry_after = formatdate(time.time() + seconds, usegmt=True)
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    sandbox.faults.stage(Fault("status", status=429, headers=headers))

    page = client.fetch_page(INVOICES, 1)

    assert page.rows == 30
    assert least <= sum(clock.waits) <= most
    assert clock.pauses == []
    assert (client.counts.requests, client.counts.refused) == (2, 1)


def test_rate_limited_for_ever(client: Client, sandbox: Sandbox, clock: Clock) -> None:
    """After twenty 429s in a row the page is given up."""
    sandbox.faults.stage(Fault("status", status=429, times=None))

    with pytest.raises(Refused, match="429"):
        client.fetch_page(INVOICES, 1)

    assert client.counts.requests == client.counts.refused == len(sandbox.requests) == MAX_REFUSALS
    assert sum(clock.waits) >= (MAX_REFUSALS - 1) * 60


def test_a_real_limit(make_settings: MakeSettings, limiter: RateLimiter, clock: Clock) -> None:
    """Without a limiter of our own a page still arrives, and every refusal is counted."""
    with Sandbox(invoices=10, limit=3, window=60, clock=clock) as sandbox:
        client = Client(_connection(make_settings(sandbox), limiter), sleep=clock.pause)

        rows = [client.fetch_page(INVOICES, 1).rows for _ in range(10)]

        assert rows == [10] * 10
        assert client.counts.refused == sandbox.refused > 0
        assert client.counts.requests == len(sandbox.requests)


def test_never_over(make_settings: MakeSettings, tmp_path: Path, clock: Clock) -> None:
    """With the server's limit in the settings, no request is refused."""
    with Sandbox(invoices=10, limit=3, window=60, clock=clock) as sandbox:
        ours = RateLimiter(tmp_path / "ours.sqlite", 3, 60, clock, clock.wait)
        client = Client(_connection(make_settings(sandbox), ours), sleep=clock.pause)

        for _ in range(10):
            client.fetch_page(INVOICES, 1)

        assert sandbox.refused == client.counts.refused == 0
        assert sum(clock.waits) == pytest.approx(180, abs=0.1)


def test_dead_host(client: Client, limiter: RateLimiter, clock: Clock) -> None:
    """The error names a host that refuses connections, after five attempts."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        port = plug.getsockname()[1]
    dead = _client_of(client, f"http://127.0.0.1:{port}/api/v1", limiter, clock)

    with pytest.raises(Unreachable, match=rf"127\.0\.0\.1:{port} .*connection was refused"):
        dead.fetch_page(INVOICES, 1)

    assert len(clock.pauses) == MAX_ATTEMPTS - 1


def test_unknown_host(client: Client, limiter: RateLimiter, clock: Clock) -> None:
    """The error names a host that cannot be resolved."""
    unknown = _client_of(client, "https://acme.invalid/api/v1", limiter, clock)

    with pytest.raises(Unreachable, match=r"acme\.invalid .*unknown host name"):
        unknown.fetch_page(INVOICES, 1)


def test_no_tls(client: Client, sandbox: Sandbox, limiter: RateLimiter, clock: Clock) -> None:
    """A host without TLS or a trusted certificate receives no request."""
    address = sandbox.base_url.replace("http://", "https://")

    with pytest.raises(Unreachable, match="does not speak TLS"):
        _client_of(client, address, limiter, clock).fetch_page(INVOICES, 1)

    assert sandbox.requests == []


def test_dead_proxy(
    client: Client, limiter: RateLimiter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says that the proxy refused the connection."""
    monkeypatch.setenv("https_proxy", client.target.address)

    with pytest.raises(Unreachable, match=r"the proxy 127\.0\.0\.1:\d+ refused the connection"):
        _client_of(client, "https://acme.invalid/api/v1", limiter, clock).fetch_page(INVOICES, 1)


def test_key_is_never_shown(
    client: Client, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """No log record and no error contains the key, whatever happens."""
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
        client.fetch_page(INVOICES, 1)

    assert len(sandbox.requests) == 6
    assert caplog.records
    assert sandbox.key not in caplog.text
    assert sandbox.key not in f"{error.value} {error.value!r} {error.value.__cause__}"
    assert sandbox.key not in repr(client.target)


def test_list_source(settings: Settings) -> None:
    """The source of a list contains neither the key nor the tenant."""
    source = ApiTarget.from_settings(settings).list_source(INVOICES)

    assert source == {
        "endpoint": "invoices",
        "address": settings.address,
        "page_size": 100,
        "page_param": "page",
        "page_size_param": "page_size",
    }


def test_limiter_of_a_key(settings: Settings) -> None:
    """All connections with one key share one limiter, with the limit of the settings."""
    limiter = ApiConnection.from_settings(settings).limiter

    assert isinstance(limiter, RateLimiter)
    assert limiter.path == limiter_path(settings.key)
    assert (limiter.limit, limiter.window) == (100_000, 60)


def test_too_slow(settings: Settings, sandbox: Sandbox, limiter: RateLimiter, clock: Clock) -> None:
    """A response that is not complete in time is requested twice, since each takes minutes."""
    sandbox.faults.stage(Fault("slow", seconds=1, times=None))
    target = ApiTarget.from_settings(settings)
    connection = ApiConnection(target, limiter, Timeouts(silence=10, total=0.1))

    with pytest.raises(BadAnswer, match=r"not complete within 0\.1 seconds.*`request_timeout`"):
        Client(connection, sleep=clock.pause).fetch_page(INVOICES, 1)

    assert len(sandbox.requests) == MAX_SLOW_ATTEMPTS


def test_host_setting(client: Client) -> None:
    """An unknown host is blamed on the setting that determines it."""
    target = client.target

    assert target.host_setting == "base_url"
    assert replace(target, address="https://acme.p4books.com/api/v1").host_setting == "tenant"


def test_ignored_total(make_settings: MakeSettings, sandbox: Sandbox, limiter: RateLimiter) -> None:
    """A total that is to be ignored is as good as none, and its pages do not mix with others."""
    settings = make_settings(sandbox, ignore_totals="sales-orders, invoices")
    client = Client(_connection(settings, limiter))

    totals = [client.fetch_page(ENDPOINTS[name], 1).total for name in ("invoices", "vendors")]

    assert settings.ignore_totals == ("sales_orders", "invoices")
    assert totals == [None, len(sandbox.books["vendors"])]
    assert client.target.list_source(INVOICES)["total"] == "ignored"
    assert "total" not in client.target.list_source(ENDPOINTS["vendors"])
