"""State kept between runs: list profiles, API capabilities, log entries, notes."""

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
    save_endpoint_states,
)
from p4books.load.schema import NO_SCAN, NO_VERSIONS, WarehouseState
from p4books.settings import Settings
from p4books.storage.run_log import RunLog
from p4books_sandbox import Fault, Sandbox

INVOICES = ENDPOINTS["invoices"]

MakeSettings = Callable[..., Settings]


@pytest.fixture
def log(settings: Settings) -> RunLog:
    """The tenant's empty run log."""
    settings.private.mkdir(parents=True)
    return RunLog(settings.run_log)


def _read(settings: Settings, requests: int | None = None) -> ExtractedList:
    options = ReadOptions(backoff=0, requests=requests)
    (extracted,) = read_lists(settings, [INVOICES], options=options).lists
    return extracted


def test_list_profile(make_settings: MakeSettings, sandbox: Sandbox, log: RunLog) -> None:
    """What a run learned about a list is used by the next one that requests it in the same way."""
    settings = make_settings(sandbox, page_size=7)
    save_endpoint_states(log, settings, [_read(settings)])

    again = load_endpoint_states(settings, [INVOICES], WarehouseState(), log)["invoices"]
    other = load_endpoint_states(
        make_settings(sandbox, page_size=8), [INVOICES], WarehouseState(), log
    )

    assert again.profile == ListProfile(7, 30, ListOrder.OLDEST_FIRST)
    assert (again.has_copy, again.concluded) == (False, None)
    assert other["invoices"].profile is None


def test_complete_copies(settings: Settings, log: RunLog) -> None:
    """Only a list with a complete copy in the warehouse is held."""
    held = WarehouseState(scans={"invoices": NO_SCAN})

    found = load_endpoint_states(settings, [INVOICES, ENDPOINTS["vendors"]], held, log)

    assert {name: each.has_copy for name, each in found.items()} == {
        "invoices": True,
        "vendors": False,
    }


def test_endpoint_run(make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """The log entry has how far a list was read, and its outcome."""
    settings = make_settings(sandbox, page_size=7)

    runs = [
        build_endpoint_run(_read(settings, requests), None, RequestCounts(requests=3), NO_VERSIONS)
        for requests in (3, None)
    ]

    assert [(each.mode, each.outcome, each.complete) for each in runs] == [
        ("slice", "goes on", False),
        ("slice", "done", True),
    ]
    assert [(each.pages, each.announced, each.requests) for each in runs] == [
        (3, 30, 3),
        (6, 30, 3),
    ]


def test_failed_run(make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """The outcome of a list that failed, half-way or at once, is the name of the error."""
    sandbox.faults.stage(Fault("status", status=422, page=2, times=None))
    fault = Refused("invoices", 1, 422)

    half = _read(make_settings(sandbox, page_size=20))

    assert build_endpoint_run(half, None, RequestCounts(), NO_VERSIONS).outcome == "Refused"
    assert build_failed_run("invoices", fault, RequestCounts(requests=1)).outcome == "Refused"


def test_capabilities(settings: Settings, sandbox: Sandbox, log: RunLog) -> None:
    """The capabilities are detected from the longest readable list, and saved."""
    sandbox.forbid("products")

    capabilities = save_capabilities(settings, probe_endpoints(settings))

    assert capabilities is not None
    assert capabilities.endpoint == "customers"
    saved = log.load_capabilities()
    assert saved is not None
    assert saved["endpoint"] == "customers"


def test_no_readable_list(settings: Settings, sandbox: Sandbox, log: RunLog) -> None:
    """If no list is readable, no capability is detected or saved."""
    sandbox.forbid(*sandbox.books)

    assert save_capabilities(settings, probe_endpoints(settings)) is None
    assert log.load_capabilities() is None


def test_backlog(make_settings: MakeSettings, sandbox: Sandbox, log: RunLog) -> None:
    """A first copy in progress is reported, and so is a request budget that is too small."""
    settings = make_settings(sandbox, page_size=1, requests_per_run=3, max_verified_age=1)

    first, slow = describe_backlog(settings, [_read(settings, 3)], [], log)

    assert first.startswith(
        "The first copy is in progress; pages read so far: invoices (3 of about 31)."
    )
    assert "`requests_per_run` = 10 would be enough" in slow
    enough = settings.model_copy(update={"requests_per_run": 31})
    assert describe_backlog(enough, [_read(enough, 3)], ["invoices"], log) == []
