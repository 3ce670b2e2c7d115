"""What does a run take from earlier ones, and what does it leave to later ones?"""

from collections.abc import Callable

import pytest

from p4books import account, errors
from p4books.api import lists
from p4books.api.known import Known, Order
from p4books.api.lists import Read
from p4books.api.probe import probe_all
from p4books.api.session import Counts
from p4books.endpoints import ENDPOINTS
from p4books.load.tables import NEVER, NOTHING, Held
from p4books.runlog import RunLog
from p4books.settings import Settings
from p4books_sandbox import Fault, Sandbox

INVOICES = ENDPOINTS["invoices"]

MakeSettings = Callable[..., Settings]


@pytest.fixture
def log(settings: Settings) -> RunLog:
    """The tenant's run log, without a run yet."""
    settings.private.mkdir(parents=True)
    return RunLog(settings.private / "runs.sqlite")


def _read(settings: Settings, requests: int | None = None) -> Read:
    (one,) = lists.read(settings, [INVOICES], backoff=0, requests=requests).read
    return one


def test_what_is_learned(make_settings: MakeSettings, sandbox: Sandbox, log: RunLog) -> None:
    """What a run found out of a list is known to the next that asks in the same way."""
    settings = make_settings(sandbox, page_size=7)
    account.learn(log, settings, _read(settings))

    again = account.memory(settings, [INVOICES], Held(), log)["invoices"]
    other = account.memory(make_settings(sandbox, page_size=8), [INVOICES], Held(), log)

    assert again.known == Known(7, 30, Order.OLDEST_FIRST)
    assert (again.held, again.concluded) == (False, None)
    assert other["invoices"].known is None


def test_what_is_held(settings: Settings, log: RunLog) -> None:
    """Only a list of which the warehouse holds a whole copy is held."""
    held = Held(scans={"invoices": NEVER})

    found = account.memory(settings, [INVOICES, ENDPOINTS["vendors"]], held, log)

    assert {name: each.held for name, each in found.items()} == {"invoices": True, "vendors": False}


def test_reading(make_settings: MakeSettings, sandbox: Sandbox) -> None:
    """The log says how far a list was read, and what became of it."""
    settings = make_settings(sandbox, page_size=7)

    told = [
        account.reading(_read(settings, requests), None, Counts(requests=3), NOTHING)
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
    fault = errors.Refused("invoices", 1, 422)

    half = _read(make_settings(sandbox, page_size=20))

    assert account.reading(half, None, Counts(), NOTHING).outcome == "Refused"
    assert account.failed("invoices", fault, Counts(requests=1)).outcome == "Refused"


def test_find_out(settings: Settings, sandbox: Sandbox, log: RunLog) -> None:
    """The longest list that can be read is asked, and what it tells is remembered."""
    sandbox.forbid("products")

    traits = account.find_out(settings, probe_all(settings))

    assert traits is not None
    assert traits.endpoint == "customers"
    remembered = log.traits()
    assert remembered is not None
    assert remembered["endpoint"] == "customers"


def test_nothing_to_find_out(settings: Settings, sandbox: Sandbox, log: RunLog) -> None:
    """Where no list can be read nothing is asked of one, nor remembered."""
    sandbox.forbid(*sandbox.books)

    assert account.find_out(settings, probe_all(settings)) is None
    assert log.traits() is None


def test_notes(make_settings: MakeSettings, sandbox: Sandbox, log: RunLog) -> None:
    """A first copy that goes on is told; so is a budget that lets rows grow old."""
    settings = make_settings(sandbox, page_size=1, requests_per_run=3, max_verified_age=1)

    first, slow = account.notes(settings, [_read(settings, 3)], [], log)

    assert "invoices: the first copy goes on, 3 of about 31 pages" in first
    assert "`requests_per_run` = 10 would do" in slow
    enough = settings.model_copy(update={"requests_per_run": 31})
    assert account.notes(enough, [_read(enough, 3)], ["invoices"], log) == []
