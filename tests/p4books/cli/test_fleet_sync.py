"""`sync --all`: its groups, and its end. What else `--all` promises is tested with its options."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import P4BOOKS, run_here

from p4books_sandbox import SandboxFleet

NAMES = ("north", "south")
WAIT = 60.0  # seconds for runs to come so far, at most


@pytest.fixture(scope="module")
def fleet() -> Iterator[SandboxFleet]:
    """Tenants in P4 Books whose books differ in one invoice."""
    with SandboxFleet(invoices=12, limit=0, key="key-of-{tenant}") as fleet:
        for total, name in enumerate(NAMES, 1000):
            fleet.tenant(name).books["invoices"].replace(3, total=total)
        yield fleet


def _configure(fleet: SandboxFleet, more: str = "") -> None:
    tables = "".join(
        f"[sources.p4books.tenants.{name}]\napi_key = '{fleet.key(name)}'\n" for name in NAMES
    )
    Path(".dlt").mkdir()
    Path(".dlt/secrets.toml").write_text(
        f"[sources.p4books]\nbase_url = '{fleet.base_url}'\nrequests_per_window = 100000\n"
        f"{tables}{more}"
    )


def test_group_follows_its_tenants(fleet: SandboxFleet, tmp_path: Path) -> None:
    """A run of all publishes each group once, a run of one tenant its groups."""
    _configure(fleet, "[sources.p4books.groups.both]\ntenants = ['north', 'south']\n")
    sums = "select tenant, sum(invoice_total) from core.fct_invoice group by all order by all"

    done = run_here(["sync", "--all"], tmp_path, {})
    assert done.returncode == 0
    assert "group-both: Published group-both from all 2 tenants." in done.stderr
    before = run_here(["query", sums, "--tenant", "group-both"], tmp_path, {}).stdout

    assert "group-both" not in run_here(["sync", "--all"], tmp_path, {}).stderr
    fleet.tenant("north").books["invoices"].replace(4, total=4321)
    done = run_here(["sync", "--tenant", "north"], tmp_path, {})
    assert (done.returncode, done.stderr.count("Published group-both")) == (0, 1)
    assert run_here(["query", sums, "--tenant", "group-both"], tmp_path, {}).stdout != before


def test_stop(fleet: SandboxFleet, tmp_path: Path) -> None:
    """SIGTERM ends all tenants: one sentence, no fault of theirs, and no report is left out."""
    _configure(fleet)
    Path("sql/custom").mkdir(parents=True)
    Path("sql/custom/endless.sql").write_text(
        "-- One row.\nselect count(*) as n from range(100000000000) as each where range % 3 = 1\n"
    )
    words = [P4BOOKS, "sync", "--all"]
    environment = {"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(tmp_path)}
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as running:
        ends_at = time.monotonic() + WAIT
        while len(list(Path("data/.private").glob("*/warehouse.duckdb"))) < len(NAMES):
            assert time.monotonic() < ends_at
            time.sleep(0.1)
        time.sleep(2.0)  # both are at the endless report
        running.send_signal(signal.SIGTERM)
        _, messages = running.communicate(timeout=WAIT)

    assert running.returncode == 130
    (message,) = messages.splitlines()
    assert message[20:].startswith("Stopped. 0 of 2 tenants had ended.")
    assert not list(Path("data").glob("*.duckdb"))
