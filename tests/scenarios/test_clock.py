"""Runs whose clock is wrong, and what they leave behind."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from tests.staging_sync import MONTH_ENDS, sync

from p4books.errors import ClockWrong
from p4books.publish.status import read_status
from p4books.settings import Settings
from p4books.storage.database import borrow_reader
from p4books.storage.run_log import RunLog
from p4books_sandbox import Sandbox
from p4books_sandbox.faults import Fault

DAY = 86400.0


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    """A P4 Books whose responses have the right time."""
    date = format_datetime(datetime.now(UTC), usegmt=True)
    sandbox.faults.stage(Fault("headers", headers={"Date": date}, times=None))
    return sandbox


def read_clock(days: float) -> float:
    """Return the time on a clock that is ahead by some days."""
    return datetime.now(UTC).timestamp() + days * DAY


def query(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with borrow_reader(settings.published) as con:
        return con.execute(sql).fetchall()


def pay(sandbox: Sandbox) -> None:
    """Pay a part of an invoice in P4 Books."""
    invoices = sandbox.books["invoices"]
    invoices.replace(invoices.ids()[0], amount_paid="1.00", balance="12.34")


AS_OF = "select as_of_at from core.as_of"


def test_clock_once_years_ahead(settings: Settings, sandbox: Sandbox) -> None:
    """A run whose clock is suddenly years ahead loads nothing, and status tells it. If a person
    trusts it, the next run with the right clock brings history and reports back to the true day."""
    assert sync(settings, ["invoices"], MONTH_ENDS).faults == []
    before = settings.warehouse.read_bytes()
    pay(sandbox)

    with pytest.raises(ClockWrong):
        sync(settings, ["invoices", "products"], MONTH_ENDS, clock=lambda: read_clock(3652))

    refused = RunLog(settings.run_log).load_runs(1)[0]
    assert settings.warehouse.read_bytes() == before
    assert (refused.outcome, refused.requests) == ("ClockWrong", 1)
    assert "--trust-clock" in (read_status(settings).clock or "")

    sync(settings, ["invoices"], MONTH_ENDS, trust_clock=True, clock=lambda: read_clock(3652))
    assert query(settings, AS_OF)[0][0] > datetime.now(UTC) + timedelta(days=3000)  # type: ignore[operator]
    assert "run `p4books sync`: it corrects times" in (read_status(settings).clock or "")

    summary = sync(settings, ["invoices"], MONTH_ENDS)

    assert summary.faults == []
    assert any("The warehouse had times in the future" in note for note in summary.notes)
    assert abs(query(settings, AS_OF)[0][0] - datetime.now(UTC)) < timedelta(minutes=5)  # type: ignore[operator]
    assert query(settings, "select count(distinct month_on) from core.month_ends") == [(1,)]
    assert query(settings, "select count(*) from staging.invoices_history") == [(31,)]
    assert read_status(settings).clock is None


def test_clock_behind(settings: Settings, sandbox: Sandbox) -> None:
    """A run whose clock is behind the last run and the server loads nothing; one that is a little
    behind the last run loads, and the versions form a chain."""
    sync(settings, ["invoices"])
    pay(sandbox)

    with pytest.raises(ClockWrong):
        sync(settings, ["invoices"], clock=lambda: read_clock(-365))
    summary = sync(settings, ["invoices"], clock=lambda: read_clock(-600 / DAY))

    assert (summary.faults, summary.sum("changed")) == ([], 1)
    assert query(
        settings,
        "select count(*), bool_and(valid_from < coalesce(valid_to, 'infinity'))"
        " from staging.invoices_history where invoice_id = '1'",
    ) == [(2, True)]
