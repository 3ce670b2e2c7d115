"""All lists of a run: in parallel, each with its own faults; and the plan of a run."""

import gc
import math
import os
import socket
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from tests.p4books.extract.conftest import count_examples

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint
from p4books.errors import BadAnswer, KeyRefused, RightMissing, Unreachable
from p4books.extract.pagination import ListOrder, ListProfile
from p4books.extract.reader import (
    EndpointState,
    ExtractResult,
    ReadOptions,
    RunPlan,
    count_runs_to_verify,
    plan_run,
    read_lists,
)
from p4books.settings import Settings
from p4books_sandbox import Fault, Sandbox

ALL = list(ENDPOINTS.values())
NAMES = list(ENDPOINTS)

MakeSettings = Callable[..., Settings]


def _join_threads() -> None:
    """Wait until the reading threads have ended."""
    for thread in threading.enumerate():
        if thread.name.startswith("p4books_"):
            thread.join(timeout=10)
            assert not thread.is_alive()


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Iterator[Sandbox]:
    """The test's sandbox; it is not stopped before the threads that read from it end."""
    yield sandbox
    _join_threads()


def _read(settings: Settings, *endpoints: Endpoint) -> ExtractResult:
    return read_lists(settings, endpoints or ALL, options=ReadOptions(backoff=0))


def _spooled_ids(result: ExtractResult) -> dict[str, set[str]]:
    return {
        extracted.endpoint.path: {
            row for page in extracted.spool.list_pages() for row in page.load().records
        }
        for extracted in result.lists
    }


def _ids(sandbox: Sandbox) -> dict[str, set[str]]:
    return {path: {str(row) for row in rows.ids()} for path, rows in sandbox.books.items()}


def test_connections_are_closed(settings: Settings, sandbox: Sandbox) -> None:
    """A reading leaves no connection open, whenever Python collects what is left of it."""
    gc.collect()
    gc.disable()
    try:
        before = _count_connections(sandbox)
        _read(settings)
        _join_threads()
        assert len(sandbox.requests) > len(ALL)
        assert _count_connections(sandbox) == before
    finally:
        gc.enable()


def _count_connections(sandbox: Sandbox) -> int:
    """Return how many connections to the sandbox are open in this process, with their copies."""
    port = urlsplit(sandbox.base_url).port
    count = 0
    for number in range(1024):
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                with socket.socket(fileno=os.dup(number)) as line:
                    count += line.family == socket.AF_INET and line.getpeername()[1] == port
    return count


def test_all(settings: Settings, sandbox: Sandbox) -> None:
    """Every row of every list is in the spool, and every request is counted."""
    result = _read(settings)

    assert _spooled_ids(result) == _ids(sandbox)
    assert result.faults == {}
    assert all(
        extracted.scan.outcome and extracted.scan.outcome.complete for extracted in result.lists
    )
    assert result.total.requests == len(sandbox.requests)
    assert (result.total.refused, result.total.waited) == (0, 0)


def test_order(settings: Settings) -> None:
    """The lists have the order in which they were requested."""
    result = _read(settings, *reversed(ALL))

    assert [extracted.endpoint for extracted in result.lists] == list(reversed(ALL))


def test_spool_folders(settings: Settings) -> None:
    """Each list has its spool in the tenant's private folder."""
    result = _read(settings)

    assert [extracted.spool.folder for extracted in result.lists] == [
        settings.spool / endpoint.name for endpoint in ALL
    ]


def test_progress(settings: Settings, sandbox: Sandbox) -> None:
    """Progress is reported for every page, with the name of the list."""
    reports: list[tuple[str, int, int, int]] = []

    read_lists(
        settings, ALL, options=ReadOptions(lambda *figures: reports.append(figures), backoff=0)
    )

    assert len(reports) == len(sandbox.requests)
    assert {name for name, *_ in reports} == set(ENDPOINTS)


@pytest.mark.parametrize(
    ("parallel", "at_once", "seconds"), [(6, 5, 0.6), (2, 2, 0.2), (1, 1, 0.1)]
)
def test_parallel(
    make_settings: MakeSettings, sandbox: Sandbox, parallel: int, at_once: int, seconds: float
) -> None:
    """As many lists are read at once as set, one request at a time each; the first starts alone."""
    sandbox.faults.stage(Fault("slow", seconds=seconds, times=None))

    _read(make_settings(sandbox, parallel_lists=parallel, page_size=500))

    arrivals = sorted(arrival.at for arrival in sandbox.requests if arrival.page == 1)
    assert len(arrivals) == 6
    assert arrivals[1] - arrivals[0] >= seconds
    others = arrivals[1:]
    assert (
        max(sum(at <= other < at + 0.95 * seconds for other in others) for at in others) == at_once
    )


def test_forbidden(settings: Settings, sandbox: Sandbox) -> None:
    """A list that the key may not read takes one request and does not affect the others."""
    sandbox.forbid("vendors")

    result = _read(settings)

    assert {name: str(fault) for name, fault in result.faults.items()} == {
        "vendors": str(RightMissing("vendors"))
    }
    assert _spooled_ids(result) == {k: v for k, v in _ids(sandbox).items() if k != "vendors"}
    assert [request.endpoint for request in sandbox.requests].count("vendors") == 1


@pytest.mark.parametrize("first", [True, False])
def test_one_fails(settings: Settings, sandbox: Sandbox, first: bool) -> None:
    """A list that cannot be read does not affect the others, even if it is the first."""
    broken = ALL[0] if first else ALL[3]
    sandbox.faults.stage(Fault("html", endpoint=broken.path, times=None))

    result = _read(settings)

    assert [type(fault) for fault in result.faults.values()] == [BadAnswer]
    assert broken.name in str(result.faults[broken.name])
    assert {extracted.endpoint for extracted in result.lists} == set(ALL) - {broken}
    assert result.total.requests == len(sandbox.requests)


def test_all_forbidden(settings: Settings, sandbox: Sandbox) -> None:
    """If no list may be read, each has its fault."""
    sandbox.forbid(*(endpoint.path for endpoint in ALL))

    result = _read(settings)

    assert result.lists == []
    assert [type(fault) for fault in result.faults.values()] == [RightMissing] * 6


def test_refused(settings: Settings, sandbox: Sandbox) -> None:
    """Refusals are counted, in whatever list they occur."""
    headers = {"Retry-After": "0"}
    sandbox.faults.stage(Fault("status", status=429, headers=headers, after=2, times=2))

    result = _read(settings)

    assert result.total.refused == 2
    assert result.total.waited > 0
    assert result.total.requests == len(sandbox.requests)
    assert _spooled_ids(result) == _ids(sandbox)


@pytest.fixture
def fast_switching() -> Iterator[None]:
    """Threads switch as often as possible, to try many orders of events."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-7)
    yield
    sys.setswitchinterval(usual)


def test_wrong_key(make_settings: MakeSettings, sandbox: Sandbox, fast_switching: None) -> None:
    """A wrong key takes exactly one request, however the threads are scheduled."""
    settings, rounds = make_settings(sandbox, api_key="wrong"), count_examples(20)

    for _ in range(rounds):
        with pytest.raises(KeyRefused):
            _read(settings)
        _join_threads()

    assert len(sandbox.requests) == rounds


def test_key_revoked(settings: Settings, sandbox: Sandbox) -> None:
    """A key revoked during the run ends all lists; complete ones are kept."""
    sandbox.faults.stage(Fault("status", status=401, after=3, times=None))

    lists = _read(settings)

    assert 1 <= len(lists.lists) <= 3
    assert {type(fault) for fault in lists.faults.values()} == {KeyRefused}


def test_unreachable(make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """An unreachable host is reported once, by the first list, before the others try."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{plug.getsockname()[1]}/api/v1"

    with pytest.raises(Unreachable) as error:
        _read(make_settings(sandbox, base_url=address))

    assert str(error.value).count("could not be reached") == 1
    assert str(error.value).startswith("products:")


def test_threads_end(settings: Settings) -> None:
    """No thread is left when all is read."""
    _read(settings)

    _join_threads()


def test_resumed(settings: Settings, sandbox: Sandbox) -> None:
    """Lists read but not loaded take no requests the next time; a failed one is resumed."""
    sandbox.faults.stage(Fault("status", endpoint="products", page=2, times=5))
    first = _read(settings)
    sandbox.forget()

    resumed = _read(settings)

    assert [type(fault) for fault in first.faults.values()] == [BadAnswer]
    assert [(request.endpoint, request.page) for request in sandbox.requests] == [
        ("products", 2),
        ("products", 1),
    ]
    assert _spooled_ids(resumed) == _ids(sandbox)


# The plan of a run.


def _states(**pages: int) -> dict[str, EndpointState]:
    """Return states of lists with copies, of this many pages each, oldest first."""
    return {
        name: EndpointState(
            has_copy=True, profile=ListProfile(10, 10 * count, ListOrder.OLDEST_FIRST)
        )
        for name, count in pages.items()
    }


def test_plan_of_a_first_run() -> None:
    """In a first run every list is a first copy, and none is planned whole."""
    plan = plan_run(ALL, {}, 90)

    assert plan == RunPlan(whole=[], tails=[], first_copies=NAMES, others=[], profiles={})


def test_plan_without_a_budget() -> None:
    """Without a budget all lists are read whole."""
    plan = plan_run(ALL, _states(invoices=2000), None)

    assert (plan.whole, plan.tails, plan.first_copies, plan.others) == (NAMES, [], [], [])


def test_plan_within_the_budget() -> None:
    """Lists that together fit into the budget are read whole, without a tail of their own."""
    states = _states(
        products=3, customers=2, vendors=1, invoices=40, purchase_orders=8, sales_orders=24
    )

    plan = plan_run(ALL, states, 84)

    assert (plan.whole, plan.tails, plan.others) == (NAMES, [], [])


def test_plan_over_the_budget() -> None:
    """If one list is too long for the rest of the budget, it alone is read by tail and slice."""
    states = _states(
        products=3, customers=2, vendors=1, invoices=40, purchase_orders=8, sales_orders=24
    )

    plan = plan_run(ALL, states, 80)

    assert "invoices" not in plan.whole
    assert (plan.tails, plan.others) == (["invoices"], ["invoices"])
    assert len(plan.whole) == 5


def test_plan_of_small_and_large_lists() -> None:
    """Small lists are read whole in each run, however long the others are."""
    states = _states(products=4, vendors=1, invoices=2000, purchase_orders=500)

    plan = plan_run(ALL, states, 90)

    assert plan.whole == ["products", "vendors"]
    assert plan.tails == plan.others == ["invoices", "purchase_orders"]
    assert plan.first_copies == ["customers", "sales_orders"]


def test_unused_shares() -> None:
    """A list takes no more than its share, plus what shorter ones leave of theirs."""
    alone = plan_run(ALL[:2], _states(products=60, customers=60), 90)
    shared = plan_run(ALL[:2], _states(products=60, customers=2), 90)

    assert alone.whole == []
    assert shared.whole == ["products", "customers"]


def test_runs_to_verify() -> None:
    """Short lists are read in every run, and a long one has only what they leave."""
    pages = {"products": 14, "customers": 14, "vendors": 14, "invoices": 2000}
    profiles = {
        name: ListProfile(10, 10 * count, ListOrder.OLDEST_FIRST) for name, count in pages.items()
    }

    # Of 90, 45 are for the short lists and 2 for the tail: 43 are left.
    assert count_runs_to_verify(profiles, 90) == 47
    assert count_runs_to_verify(profiles, 3000) == 1
    assert count_runs_to_verify(profiles, 2) == math.inf


def test_plan_without_order() -> None:
    """A list without order has no tail."""
    states = {"invoices": EndpointState(True, profile=ListProfile(10, 5000, ListOrder.NONE))}

    plan = plan_run((ENDPOINTS["invoices"],), states, 90)

    assert (plan.whole, plan.tails, plan.others) == ([], [], ["invoices"])


def test_plan_of_an_incomplete_first_copy() -> None:
    """A list whose first copy was incomplete starts again, without a tail."""
    states = {
        "invoices": EndpointState(
            has_copy=False, profile=ListProfile(10, 5000, ListOrder.OLDEST_FIRST)
        )
    }

    plan = plan_run((ENDPOINTS["invoices"],), states, 90)

    assert (plan.tails, plan.first_copies, plan.profiles) == ([], ["invoices"], {})
