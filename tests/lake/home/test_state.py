"""State off the machine: any machine runs any tenant, and nothing is put back half."""

from tests.lake.conftest import Machine
from tests.staging_sync import VENDORS
from tests.staging_sync import sync as sync_some

from p4books.home import hold_state
from p4books.settings import Settings
from p4books.storage.database import borrow_reader
from p4books.storage.run_log import RunLog, SyncSummary
from p4books_sandbox import Sandbox


def sync(settings: Settings, **options: object) -> SyncSummary:
    """Sync the vendors, and publish their models only."""
    return sync_some(settings, ["vendors"], VENDORS, **options)


def names_of(settings: Settings) -> set[str]:
    """Return the names of all versions of vendors in the published file."""
    with borrow_reader(settings.published) as con:
        rows = con.execute("select vendor_name from staging.vendors_history").fetchall()
    return {name for (name,) in rows}


def rename(sandbox: Sandbox, name: str) -> None:
    """Give the first vendor another name."""
    vendors = sandbox.books["vendors"]
    vendors.replace(vendors.ids()[0], name=name)


def test_any_machine_continues(machine: Machine, sandbox: Sandbox) -> None:
    """Runs on two machines make one history, one log of runs and one published file."""
    one, other = machine("one"), machine("other")
    first = sync(one)
    rename(sandbox, "Second")
    second = sync(other)
    rename(sandbox, "Third")
    third = sync(one)

    assert [each.faults for each in (first, second, third)] == [[], [], []]
    assert [each.run for each in (first, second, third)] == [1, 2, 3]
    assert [each.sum("changed") for each in (second, third)] == [1, 1]
    assert {"Second", "Third"} <= names_of(one)
    with hold_state(other):  # what the other machine has, without a run
        assert names_of(other) == names_of(one)
        assert len(RunLog(other.run_log).load_runs()) == 3
    assert not third.notes
