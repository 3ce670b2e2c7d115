"""The rate limit of a key whose tenants two machines sync at once."""

import sys
import time

import pytest
from tests.lake.machines.conftest import Open, run_machines
from tests.staging_sync import MONTH_ENDS

LIMIT, WINDOW = 50, 5.0  # requests in seconds
REQUESTS = 500
PAIR = ("north", "south")


@pytest.mark.lake_proof
def test_limit_of_two_machines(open_fleet: Open, folder: str) -> None:
    """Of 500 requests of two machines none is refused, and they are no slower than they must be."""
    sandbox = {"invoices": 60, "key": "shared", "limit": LIMIT, "window": WINDOW}
    lists = ["products", "invoices"]
    options = {
        "endpoints": lists,
        "page_size": 1,
        "requests_per_window": LIMIT,
        "window_seconds": WINDOW,
    }
    fleet = open_fleet(folder, MONTH_ENDS, sandbox, **options)
    began = time.monotonic()
    with run_machines(fleet) as (one, two, _):
        one.start(PAIR[0])
        two.start(PAIR[1])
        assert [machine.wait().code for machine in (one, two)] == [0, 0]
    seconds = time.monotonic() - began

    states = [fleet.sandbox.tenant(tenant) for tenant in PAIR]
    sent = [len(state.log.arrivals()) for state in states]
    sys.stdout.write(f"{sent} requests in {seconds:.1f} s\n")
    assert sum(sent) >= REQUESTS
    assert [state.refused for state in states] == [0, 0]
    assert min(sent) > 0
