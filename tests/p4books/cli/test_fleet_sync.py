"""`sync --all`: every tenant of the settings, in one process."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from tests.command import P4BOOKS, run_here

from p4books.settings import load_settings
from p4books.storage.files import tenant_lock
from p4books_sandbox import SandboxFleet

NAMES = ("north", "south")
WAIT = 60.0  # seconds for runs to come so far, at most
SECRET = "key-of-"  # noqa: S105 - how the keys of the sandbox begin


@pytest.fixture(scope="module")
def fleet() -> Iterator[SandboxFleet]:
    """Tenants in P4 Books whose books differ in one invoice."""
    with SandboxFleet(invoices=12, limit=0, key=SECRET + "{tenant}") as fleet:
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


def _read(name: str) -> list[tuple[object, ...]]:
    with duckdb.connect(f"data/{name}.duckdb", read_only=True) as con:
        return con.execute(
            "select invoice_id, invoice_total, balance from core.fct_invoice order by all"
        ).fetchall()


def test_all_at_once(fleet: SandboxFleet, tmp_path: Path) -> None:
    """Tenants that are synced at the same time get what each gets alone, and none another's."""
    _configure(
        fleet,
        "[sources.p4books.tenants.broken]\napi_key = 'k'\npage_size = 0\n"
        "[sources.p4books.tenants.wrong]\napi_key = 'key-of-nobody'\n",
    )

    done = run_here(["sync", "--all", "--jobs", "3"], tmp_path, {})
    together = {name: _read(name) for name in NAMES}

    assert done.returncode == 1
    lines = [line.partition(" ")[2].partition(" ")[2] for line in done.stdout.splitlines()]
    assert [line.partition(": ")[0] for line in sorted(lines)] == [
        *("broken", "north", "south", "wrong")
    ]
    assert sum("Published data/" in line for line in lines) == 2
    broken, wrong = sorted(line[20:] for line in done.stderr.splitlines())
    assert broken.startswith("broken: The setting page_size is invalid")
    assert wrong.startswith("wrong: P4 Books rejected the API key of tenant wrong")
    assert SECRET not in done.stdout + done.stderr

    quiet = run_here(["sync", "--all", "--json"], tmp_path, {})
    summaries = {each["tenant"]: each for each in json.loads(quiet.stdout)}
    assert list(summaries) == ["broken", "north", "south", "wrong"]
    assert summaries["broken"]["file"] is None
    assert summaries["wrong"]["faults"][0]["kind"] == "KeyRefused"
    assert [summaries[name]["loaded"] for name in NAMES] == [False] * 2

    Path("data/north.duckdb").unlink()
    alone = run_here(["sync", "--from-nothing", "--tenant", "north"], tmp_path, {})
    assert alone.returncode == 0, alone.stderr
    assert _read("north") == together["north"]
    for total, name in enumerate(NAMES, 1000):
        assert next(row for row in together[name] if row[0] == "3")[1] == total

    fleet.tenant("north").forbidden.add("vendors")
    with tenant_lock(load_settings("south")):
        events = run_here(["sync", "--all", "--log", "json"], tmp_path, {})
    fleet.tenant("north").forbidden.clear()
    ended = {each["tenant"]: each for each in map(json.loads, events.stdout.splitlines())}
    messages = [json.loads(line) for line in events.stderr.splitlines()]
    assert [each["kind"] for each in ended["south"]["faults"]] == ["AlreadyRunning"]
    assert [each["kind"] for each in ended["north"]["faults"]] == ["RightMissing"]
    assert {each["tenant"] for each in messages if "vendors" in each["said"]} == {"north"}
    assert all("tenant" in each for each in messages)


@pytest.mark.parametrize(
    ("words", "text", "why"),
    [
        (["--all", "--tenant", "north"], "", "--all and --tenant exclude each other"),
        (["--all"], "", "found no tenant in the settings"),
        (["--jobs", "2"], "", "--jobs needs --all"),
        (["--all"], "[sources.p4books\n", "cannot be read"),
        (
            ["--all"],
            "[sources.p4books.tenants.a]\n[sources.p4books.tenants.b]\n",
            "The API key of b is missing",
        ),
    ],
)
def test_nothing_to_do(words: list[str], text: str, why: str, tmp_path: Path) -> None:
    """Wrong options, no tenants, and settings that are wrong for all, end with 2 and a sentence."""
    Path(".dlt").mkdir()
    Path(".dlt/secrets.toml").write_text(text)

    done = run_here(["sync", *words], tmp_path, {})

    assert done.returncode == 2
    assert why in done.stderr
    assert not Path("data").exists()


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
