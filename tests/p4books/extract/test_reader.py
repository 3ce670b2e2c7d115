"""How are the lists read side by side?"""

import socket
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint
from p4books.errors import BadAnswer, KeyRefused, RightMissing, Unreachable
from p4books.extract.reader import ExtractResult, ReadOptions, read_lists
from p4books.settings import Settings
from p4books_sandbox import Fault, Sandbox

ALL = list(ENDPOINTS.values())

MakeSettings = Callable[..., Settings]


def _finished() -> None:
    """Wait until the threads that read have ended."""
    for thread in threading.enumerate():
        if thread.name.startswith("p4books_"):
            thread.join(timeout=10)
            assert not thread.is_alive()


@pytest.fixture(autouse=True)
def _nobody_reads_on(sandbox: Sandbox) -> Iterator[None]:
    """Wait for the threads before the sandbox goes away under them."""
    yield
    _finished()


def _read(settings: Settings, *endpoints: Endpoint) -> ExtractResult:
    return read_lists(settings, endpoints or ALL, options=ReadOptions(backoff=0))


def _held(found: ExtractResult) -> dict[str, set[str]]:
    return {
        one.endpoint.path: {row for page in one.spool.list_pages() for row in page.load().records}
        for one in found.lists
    }


def _ids(sandbox: Sandbox) -> dict[str, set[str]]:
    return {path: {str(row) for row in rows.ids()} for path, rows in sandbox.books.items()}


def test_all(settings: Settings, sandbox: Sandbox) -> None:
    """Every row of every list lies in the spool, and it cost what arrived at the server."""
    found = _read(settings)

    assert _held(found) == _ids(sandbox)
    assert found.faults == {}
    assert all(one.scan.outcome and one.scan.outcome.complete for one in found.lists)
    assert found.total.requests == len(sandbox.requests)
    assert (found.total.refused, found.total.waited) == (0, 0)


def test_in_the_order_asked(settings: Settings) -> None:
    """What came of the lists stands in the order in which they were asked for."""
    found = _read(settings, *reversed(ALL))

    assert [one.endpoint for one in found.lists] == list(reversed(ALL))


def test_private_folder(settings: Settings) -> None:
    """Each list has its spool in the tenant's private folder."""
    found = _read(settings)

    assert [one.spool.folder for one in found.lists] == [
        settings.spool / endpoint.name for endpoint in ALL
    ]


def test_progress(settings: Settings, sandbox: Sandbox) -> None:
    """Progress is told for every answer, with the list's name."""
    told: list[tuple[str, int, int, int]] = []

    read_lists(settings, ALL, options=ReadOptions(lambda *figures: told.append(figures), backoff=0))

    assert len(told) == len(sandbox.requests)
    assert {name for name, *_ in told} == set(ENDPOINTS)


@pytest.mark.parametrize(("parallel", "beside", "seconds"), [(6, 5, 0.6), (2, 2, 0.2), (1, 1, 0.1)])
def test_side_by_side(
    make_settings: MakeSettings, sandbox: Sandbox, parallel: int, beside: int, seconds: float
) -> None:
    """As many lists are read at once as are set, each one request at a time; the first alone."""
    found = make_settings(sandbox, parallel_lists=parallel, page_size=500)
    sandbox.faults.stage(Fault("slow", seconds=seconds, times=None))

    _read(found)

    arrivals = sorted(arrival.at for arrival in sandbox.requests if arrival.page == 1)
    assert len(arrivals) == 6
    assert arrivals[1] - arrivals[0] >= seconds
    others = arrivals[1:]
    assert max(sum(at <= each < at + 0.95 * seconds for each in others) for at in others) == beside


# One list alone.


def test_forbidden(settings: Settings, sandbox: Sandbox) -> None:
    """A list that the key may not read costs one request and leaves the others."""
    sandbox.forbid("vendors")

    found = _read(settings)

    assert {name: str(fault) for name, fault in found.faults.items()} == {
        "vendors": str(RightMissing("vendors"))
    }
    assert _held(found) == {k: v for k, v in _ids(sandbox).items() if k != "vendors"}
    assert [each.endpoint for each in sandbox.requests].count("vendors") == 1


@pytest.mark.parametrize("first", [True, False])
def test_one_fails(settings: Settings, sandbox: Sandbox, first: bool) -> None:
    """A list that can't be read leaves the others, be it the first one or another."""
    broken = ALL[0] if first else ALL[3]
    sandbox.faults.stage(Fault("html", endpoint=broken.path, times=None))

    found = _read(settings)

    assert [type(fault) for fault in found.faults.values()] == [BadAnswer]
    assert broken.name in str(found.faults[broken.name])
    assert {one.endpoint for one in found.lists} == set(ALL) - {broken}
    assert found.total.requests == len(sandbox.requests)


def test_all_forbidden(settings: Settings, sandbox: Sandbox) -> None:
    """Where no list may be read each says so."""
    sandbox.forbid(*(endpoint.path for endpoint in ALL))

    found = _read(settings)

    assert found.lists == []
    assert [type(fault) for fault in found.faults.values()] == [RightMissing] * 6


def test_refused(settings: Settings, sandbox: Sandbox) -> None:
    """Refusals are counted, whichever list met them."""
    again = {"Retry-After": "0"}
    sandbox.faults.stage(Fault("status", status=429, headers=again, after=2, times=2))

    found = _read(settings)

    assert found.total.refused == 2
    assert found.total.waited > 0
    assert found.total.requests == len(sandbox.requests)
    assert _held(found) == _ids(sandbox)


# None at all.


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads that take turns as often as they can, so that every order of events is met."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-7)
    yield
    sys.setswitchinterval(usual)


def test_wrong_key(make_settings: MakeSettings, sandbox: Sandbox, restless: None) -> None:
    """A wrong key costs exactly one request, however the threads run."""
    found = make_settings(sandbox, api_key="wrong")

    for _ in range(50):
        with pytest.raises(KeyRefused):
            _read(found)
        _finished()

    assert len(sandbox.requests) == 50


def test_key_that_ends(settings: Settings, sandbox: Sandbox) -> None:
    """A key that is taken away while lists are read ends the others; what is whole is kept."""
    sandbox.faults.stage(Fault("status", status=401, after=3, times=None))

    lists = _read(settings)

    assert 1 <= len(lists.lists) <= 3
    assert {type(fault) for fault in lists.faults.values()} == {KeyRefused}


def test_nobody_there(make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """A host that is not reached is said once, by the first list, before the others try."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{plug.getsockname()[1]}/api/v1"

    with pytest.raises(Unreachable) as error:
        _read(make_settings(sandbox, base_url=address))

    assert str(error.value).count("could not be reached") == 1
    assert str(error.value).startswith("products:")


def test_no_thread_stays(settings: Settings) -> None:
    """When all is read no thread is left."""
    _read(settings)

    _finished()


# Again.


def test_goes_on(settings: Settings, sandbox: Sandbox) -> None:
    """Lists that were read but not loaded cost nothing the next time; the broken one goes on."""
    sandbox.faults.stage(Fault("status", endpoint="products", page=2, times=5))
    first = _read(settings)
    sandbox.forget()

    again = _read(settings)

    assert [type(fault) for fault in first.faults.values()] == [BadAnswer]
    assert [(each.endpoint, each.page) for each in sandbox.requests] == [
        ("products", 2),
        ("products", 1),
    ]
    assert _held(again) == _ids(sandbox)
