"""What does a run take from earlier ones, and what does it leave to later ones?"""

from collections.abc import Callable

import pytest

from p4books.endpoints import ENDPOINTS
from p4books.errors import Refused
from p4books.extract.http import RequestCounts
from p4books.extract.pagination import ListOrder, ListProfile
from p4books.extract.probe import probe_endpoints
from p4books.extract.reader import ExtractedList, ReadOptions, read_lists
from p4books.load.run_state import (
    build_endpoint_run,
    build_failed_run,
    describe_backlog,
    load_endpoint_states,
    save_capabilities,
    save_endpoint_state,
)
from p4books.load.schema import NO_SCAN, NO_VERSIONS, WarehouseState
from p4books.settings import Settings
from p4books.storage.run_log import RunLog
from p4books_sandbox import Fault, Sandbox

INVOICES = ENDPOINTS["invoices"]

MakeSettings = Callable[..., Settings]


@pytest.fixture
def log(settings: Settings) -> RunLog:
    """The tenant's run log, without a run yet."""
    settings.private.mkdir(parents=True)
    return RunLog(settings.run_log)


def _read(settings: Settings, requests: int | None = None) -> ExtractedList:
    options = ReadOptions(backoff=0, requests=requests)
    (one,) = read_lists(settings, [INVOICES], options=options).lists
    return one


def test_what_is_learned(make_settings: MakeSettings, sandbox: Sandbox, log: RunLog) -> None:
    """What a run found out of a list is known to the next that asks in the same way."""
    settings = make_settings(sandbox, page_size=7)
    save_endpoint_state(log, settings, _read(settings))

    again = load_endpoint_states(settings, [INVOICES], WarehouseState(), log)["invoices"]
    other = load_endpoint_states(
        make_settings(sandbox, page_size=8), [INVOICES], WarehouseState(), log
    )

    assert again.profile == ListProfile(7, 30, ListOrder.OLDEST_FIRST)
    assert (again.has_copy, again.concluded) == (False, None)
    assert other["invoices"].profile is None


def test_what_is_held(settings: Settings, log: RunLog) -> None:
    """Only a list of which the warehouse holds a whole copy is held."""
    held = WarehouseState(scans={"invoices": NO_SCAN})

    found = load_endpoint_states(settings, [INVOICES, ENDPOINTS["vendors"]], held, log)

    assert {name: each.has_copy for name, each in found.items()} == {
        "invoices": True,
        "vendors": False,
    }


def test_reading(make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """The log says how far a list was read, and what became of it."""
    settings = make_settings(sandbox, page_size=7)

    told = [
        build_endpoint_run(_read(settings, requests), None, RequestCounts(requests=3), NO_VERSIONS)
        for requests in (3, None)
    ]

    assert [(each.mode, each.outcome, each.complete) for each in told] == [
        ("slice", "goes on", False),
        ("slice", "done", True),
    ]
    assert [(each.pages, each.announced, each.requests) for each in told] == [
        (3, 30, 3),
        (6, 30, 3),
    ]


def test_reading_of_a_fault(make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """A list that failed, half-way or at once, is in the log by the name of what went wrong."""
    sandbox.faults.stage(Fault("status", status=422, page=2, times=None))
    fault = Refused("invoices", 1, 422)

    half = _read(make_settings(sandbox, page_size=20))

    assert build_endpoint_run(half, None, RequestCounts(), NO_VERSIONS).outcome == "Refused"
    assert build_failed_run("invoices", fault, RequestCounts(requests=1)).outcome == "Refused"


def test_find_out(settings: Settings, sandbox: Sandbox, log: RunLog) -> None:
    """The longest list that can be read is asked, and what it tells is remembered."""
    sandbox.forbid("products")

    traits = save_capabilities(settings, probe_endpoints(settings))

    assert traits is not None
    assert traits.endpoint == "customers"
    remembered = log.traits()
    assert remembered is not None
    assert remembered["endpoint"] == "customers"


def test_nothing_to_find_out(settings: Settings, sandbox: Sandbox, log: RunLog) -> None:
    """Where no list can be read nothing is asked of one, nor remembered."""
    sandbox.forbid(*sandbox.books)

    assert save_capabilities(settings, probe_endpoints(settings)) is None
    assert log.traits() is None


def test_notes(make_settings: MakeSettings, sandbox: Sandbox, log: RunLog) -> None:
    """A first copy that goes on is told; so is a budget that lets rows grow old."""
    settings = make_settings(sandbox, page_size=1, requests_per_run=3, max_verified_age=1)

    first, slow = describe_backlog(settings, [_read(settings, 3)], [], log)

    assert "invoices: the first copy goes on, 3 of about 31 pages" in first
    assert "`requests_per_run` = 10 would do" in slow
    enough = settings.model_copy(update={"requests_per_run": 31})
    assert describe_backlog(enough, [_read(enough, 3)], ["invoices"], log) == []
