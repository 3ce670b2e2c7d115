"""Probes: what the key reaches, and how the API behaves."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from p4books.endpoints import ENDPOINTS
from p4books.errors import (
    BadAnswer,
    KeyRefused,
    NotFound,
    PageIgnored,
    Refused,
    RightMissing,
    Unreachable,
)
from p4books.extract.client import ApiConnection, Client
from p4books.extract.probe import (
    ApiCapabilities,
    ProbeResult,
    detect_capabilities,
    probe_endpoint,
    probe_endpoints,
)
from p4books.settings import Settings
from p4books_sandbox import Fault, Sandbox

VENDORS = ENDPOINTS["vendors"]

MakeSettings = Callable[..., Settings]


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """The shared sandbox: no test here changes its rows."""
    return shared_sandbox


@pytest.fixture
def client(settings: Settings) -> Client:
    """A client that does not wait before retries."""
    return Client(ApiConnection.from_settings(settings), backoff=0)


def _result(announced: int | None, honoured: bool | None) -> ProbeResult:
    return ProbeResult(
        endpoint="vendors",
        reachable=True,
        allowed=True,
        announced=announced,
        page_size_honoured=honoured,
        fault=None,
    )


def test_all(settings: Settings, sandbox: Sandbox) -> None:
    """Each endpoint takes one request for one row, which shows how long its list is."""
    results = probe_endpoints(settings)

    assert [result.endpoint for result in results] == list(ENDPOINTS)
    assert [result.announced for result in results] == [
        len(sandbox.books[endpoint.path]) for endpoint in ENDPOINTS.values()
    ]
    assert all(result.reachable and result.allowed for result in results)
    assert all(result.page_size_honoured and result.fault is None for result in results)
    assert [(request.page, request.page_size) for request in sandbox.requests] == [(1, 1)] * 6


def test_configured_endpoints(make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """Only the endpoints of the settings are probed, in their order."""
    settings = make_settings(sandbox, endpoints=["vendors", "products"])

    assert [result.endpoint for result in probe_endpoints(settings)] == ["vendors", "products"]


@pytest.mark.parametrize(
    ("body", "announced", "honoured"),
    [
        ('{"data":[{"id":1}],"total":20,"page":1}', 20, True),
        ('{"data":[{"id":1},{"id":2}],"total":20,"page":1}', 20, False),
        ('{"data":[{"id":1},{"id":2}],"page":1}', None, False),
        ('{"data":[{"id":1}],"total":1,"page":1}', 1, None),
        ('{"data":[{"id":1}],"page":1}', None, None),
        ('{"data":[],"total":0,"page":1}', 0, None),
    ],
)
def test_page_size(
    client: Client, sandbox: Sandbox, body: str, announced: int | None, honoured: bool | None
) -> None:
    """Whether the page size is honoured is known if the list is long enough to tell."""
    sandbox.faults.stage(Fault("html", text=body))

    assert probe_endpoint(VENDORS, client) == _result(announced, honoured)


def test_forbidden(settings: Settings, sandbox: Sandbox) -> None:
    """A list that the key may not read is reported, and the others are probed."""
    sandbox.forbid("vendors")

    results = {result.endpoint: result for result in probe_endpoints(settings)}

    vendors = results.pop("vendors")
    assert (vendors.reachable, vendors.allowed, vendors.announced) == (True, False, None)
    assert isinstance(vendors.fault, RightMissing)
    assert all(result.allowed for result in results.values())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("status", status=404, times=None), NotFound),
        (Fault("status", status=422, times=None), Refused),
        (Fault("status", status=500, times=None), BadAnswer),
        (Fault("html", times=None), BadAnswer),
    ],
)
def test_fault(client: Client, sandbox: Sandbox, fault: Fault, error: type) -> None:
    """The fault of an endpoint is in its result."""
    sandbox.faults.stage(fault)

    result = probe_endpoint(VENDORS, client)

    assert type(result.fault) is error
    assert result.reachable is (error is not BadAnswer)
    assert result.allowed is None


def test_wrong_key(make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """A wrong key raises after one request."""
    with pytest.raises(KeyRefused):
        probe_endpoints(make_settings(sandbox, api_key="wrong"))

    assert len(sandbox.requests) == 1


def test_unreachable(make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """An unreachable host is the same for all endpoints, and raises."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{plug.getsockname()[1]}/api/v1"
    connection = ApiConnection.from_settings(make_settings(sandbox, base_url=address))
    client = Client(connection, backoff=0)

    with pytest.raises(Unreachable):
        probe_endpoint(VENDORS, client)


# Capabilities of the API.


Detect = Callable[..., tuple[ApiCapabilities, int]]


@pytest.fixture
def detect(make_settings: MakeSettings) -> Detect:
    """Detect capabilities of a sandbox with 137 invoices; return them and the requests made."""

    def detect(size: int = 30, **options: Any) -> tuple[ApiCapabilities, int]:
        usual = {"invoices": 137, "limit": 0, "page_size": 20, "page_size_cap": 50}
        with Sandbox(**{**usual, **options}) as sandbox:
            settings = make_settings(sandbox, page_size=size)
            capabilities = detect_capabilities(settings, ENDPOINTS["invoices"])
            return capabilities, len(sandbox.requests)

    return detect


def test_capabilities(detect: Detect) -> None:
    """An API that behaves as hoped takes six requests, and shows the cap of its pages."""
    assert detect() == (
        ApiCapabilities(
            endpoint="invoices",
            rows=137,
            order="oldest first",
            page_size=30,
            most_rows=50,
            past_end="no rows",
            page_param="page",
            page_size_param="page_size",
            limits=(),
            total_is_exact=True,
        ),
        6,
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"order": "descending"}, {"order": "newest first"}),
        ({"order": "date"}, {"order": "oldest first"}),
        ({"order": "newest_date"}, {"order": "newest first"}),
        ({"order": "none"}, {"order": "none"}),
        ({"past_end": "404"}, {"past_end": "404"}),
        ({"past_end": "last"}, {"past_end": "the last page again"}),
        ({"past_end": "last", "echo": "asked"}, {"past_end": "the last page again"}),
        ({"page_parameter": "PageNumber"}, {"page_param": "PageNumber", "rows": 137}),
        (
            {"page_parameter": "Page", "echo": "asked"},
            {"page_param": "Page", "past_end": "no rows"},
        ),
        ({"page_size_parameter": "limit"}, {"page_size_param": "limit", "page_size": 20}),
        ({"ignores_page_size": True}, {"page_size_param": None, "page_size": 20, "most_rows": 20}),
        ({"over_cap": "default"}, {"page_size": 30, "most_rows": 20}),
        ({"over_cap": "refused"}, {"page_size": 30, "most_rows": 30}),
        ({"over_cap": "refused", "size": 500}, {"page_size": 50, "most_rows": 50}),
        ({"total": "missing"}, {"rows": None, "page_param": "page", "past_end": None}),
        ({"total": "page"}, {"rows": None, "page_param": "page", "past_end": None}),
        ({"total": "page", "page_parameter": "Page"}, {"rows": None, "page_param": "Page"}),
        (
            {"limit_headers": "seconds", "limit": 1000},
            {"limits": ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")},
        ),
        ({"invoices": 0}, {"rows": 0, "order": None, "page_param": None, "most_rows": None}),
        ({"invoices": 10}, {"order": None, "page_param": None, "page_size_param": "page_size"}),
        ({"invoices": 30}, {"rows": 30, "order": None, "page_param": "page"}),
        ({"invoices": 30, "past_end": "last"}, {"rows": 30, "order": None, "page_param": None}),
    ],
    ids=str,
)
def test_each_behaviour(
    detect: Detect, options: dict[str, Any], expected: dict[str, object]
) -> None:
    """Each behaviour is detected, in at most a dozen requests."""
    capabilities, requests = detect(**options)

    assert {name: getattr(capabilities, name) for name in expected} == expected
    assert requests <= 12


def test_total_that_counts_more(make_settings: MakeSettings) -> None:
    """A total that counts rows which are not listed does not agree with the last page."""
    with Sandbox(invoices=137, limit=0) as sandbox:
        empty = '{"data":[],"total":137,"page":5}'
        sandbox.faults.stage(Fault("html", page=5, text=empty))
        settings = make_settings(sandbox, page_size=30)

        capabilities = detect_capabilities(settings, ENDPOINTS["invoices"])

    assert capabilities.total_is_exact is False


@pytest.mark.parametrize("echo", ["given", "asked"])
def test_page_ignored(detect: Detect, echo: str) -> None:
    """If no parameter name returns another page, it raises."""
    with pytest.raises(PageIgnored, match="Set `page_param`"):
        detect(ignores_page=True, echo=echo)


def test_every_size_refused(detect: Detect) -> None:
    """A list that refuses every page size raises."""
    with pytest.raises(Refused, match="422"):
        detect(page_size_cap=5, over_cap="refused")
