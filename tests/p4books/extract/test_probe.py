"""What does this key reach?"""

import socket
from collections.abc import Callable

import pytest

from p4books.endpoints import ENDPOINTS
from p4books.errors import BadAnswer, KeyRefused, NotFound, Refused, RightMissing, Unreachable
from p4books.extract.client import ApiConnection, Client
from p4books.extract.probe import ProbeResult, probe_endpoint, probe_endpoints
from p4books.settings import Settings
from p4books_sandbox import Fault, Sandbox

VENDORS = ENDPOINTS["vendors"]

MakeSettings = Callable[..., Settings]


@pytest.fixture
def sandbox(standing: Sandbox) -> Sandbox:
    """The sandbox of these tests: none of them changes a row."""
    return standing


@pytest.fixture
def client(settings: Settings) -> Client:
    """A client that does not wait between its tries."""
    return Client(ApiConnection.from_settings(settings), backoff=0)


def _finding(announced: int | None, honoured: bool | None) -> ProbeResult:
    return ProbeResult(
        endpoint="vendors",
        reachable=True,
        allowed=True,
        announced=announced,
        page_size_honoured=honoured,
        fault=None,
    )


def test_all(settings: Settings, sandbox: Sandbox) -> None:
    """Each endpoint that is set costs one request for one row, and tells how long it is."""
    findings = probe_endpoints(settings)

    assert [each.endpoint for each in findings] == list(ENDPOINTS)
    assert [each.announced for each in findings] == [
        len(sandbox.books[endpoint.path]) for endpoint in ENDPOINTS.values()
    ]
    assert all(each.reachable and each.allowed for each in findings)
    assert all(each.page_size_honoured and each.fault is None for each in findings)
    assert [(each.page, each.page_size) for each in sandbox.requests] == [(1, 1)] * 6


def test_those_that_are_set(make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """Only what is set is asked for, in that order."""
    found = make_settings(sandbox, endpoints=["vendors", "products"])

    assert [each.endpoint for each in probe_endpoints(found)] == ["vendors", "products"]


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
    """Whether the page size is honoured is told where the list is long enough to tell."""
    sandbox.faults.stage(Fault("html", text=body))

    assert probe_endpoint(VENDORS, client) == _finding(announced, honoured)


def test_forbidden(settings: Settings, sandbox: Sandbox) -> None:
    """A list that the key may not read says so, and the others are asked for."""
    sandbox.forbid("vendors")

    findings = {each.endpoint: each for each in probe_endpoints(settings)}

    vendors = findings.pop("vendors")
    assert (vendors.reachable, vendors.allowed, vendors.announced) == (True, False, None)
    assert isinstance(vendors.fault, RightMissing)
    assert all(each.allowed for each in findings.values())


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
    """What goes wrong with one endpoint is in its finding."""
    sandbox.faults.stage(fault)

    finding = probe_endpoint(VENDORS, client)

    assert type(finding.fault) is error
    assert finding.reachable is (error is not BadAnswer)
    assert finding.allowed is None


def test_wrong_key(make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """A wrong key is said at once: one request."""
    with pytest.raises(KeyRefused):
        probe_endpoints(make_settings(sandbox, api_key="wrong"))

    assert len(sandbox.requests) == 1


def test_nobody_there(make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """A host that is not reached is the same for all, and raised."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{plug.getsockname()[1]}/api/v1"
    found = make_settings(sandbox, base_url=address)
    client = Client(ApiConnection.from_settings(found), backoff=0)

    with pytest.raises(Unreachable):
        probe_endpoint(VENDORS, client)
