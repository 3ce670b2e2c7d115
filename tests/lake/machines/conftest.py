"""Two machines that sync tenants with a lake and a home, and one that is alone with them."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import duckdb
import pytest
from pydantic import SecretStr
from tests.lake.home.test_lease import expire
from tests.lake.lake_books import LakeBooks, sort_rows
from tests.postgres import PASSWORD
from tests.s3 import SECRET, S3Server
from tests.scenarios.conftest import Victims

from p4books.lake import open_lake
from p4books.lake.tables import list_tables
from p4books.settings import Settings
from p4books.storage.database import open_database, quote_path
from p4books.transform.models import sql_folder
from p4books_sandbox import SandboxFleet

HERE = Path(__file__).parent
SEED = int(os.environ.get("MACHINES_SEED", "7"))
TENANTS = ("north", "south", "west")
TIMES = ("made_of", "age_hours", "seconds_waited")  # which depend on when a run was, and how fast
ALONE = "alone"  # the machine that has neither a lake nor a home, and is never disturbed

Held = dict[str, list[str]]
"""The rows of all tables, without the instants, which differ between two runs."""


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, -9 if it was killed, and what it reported."""

    code: int
    errors: tuple[str, ...] = ()
    requests: int = 0


class Machine:
    """A machine with folders of its own; its workers run one tenant at a time."""

    def __init__(self, fleet: "Fleet", name: str, workers: Victims) -> None:
        self.name, self.kill = name, workers.kill
        self._fleet, self._workers = fleet, workers
        self._report = fleet.folder / name / "report.json"
        self._report.parent.mkdir()
        self._is_running = False

    def start(self, tenant: str) -> None:
        """Start to sync a tenant."""
        self._report.unlink(missing_ok=True)
        self._is_running = True
        self._workers.start(
            {
                "machine": self.name,
                "state": str(self._report.with_name("state")),
                "settings": self._fleet.describe(self.name, tenant),
                "sql": str(self._fleet.sql),
                "journal": str(self._fleet.journal),
                "report": str(self._report),
            }
        )

    def wait(self) -> Ended:
        """Wait for the end of the run, whatever it is."""
        code = self._workers.wait()
        self._is_running = False
        report = json.loads(self._report.read_text()) if self._report.exists() else {}
        ended = Ended(code, tuple(report.get("errors", ())), report.get("requests", 0))
        shown = " ".join(ended.errors)
        assert code in {0, 1, 75, -9}, shown
        assert "Traceback" not in shown
        assert PASSWORD not in shown
        assert SECRET not in shown
        return ended

    def stop(self) -> None:
        """Kill what a test that failed has left."""
        if self._is_running:
            self.kill()
            self._workers.wait()

    def sync(self, tenant: str) -> Ended:
        """Sync a tenant and wait."""
        self.start(tenant)
        return self.wait()


@dataclass
class Fleet:
    """Tenants on a sandbox, and machines that share a home, a lake and a Postgres."""

    folder: Path
    sandbox: SandboxFleet
    catalog: SecretStr
    storage: str
    sql: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    alone: set[str] = field(default_factory=lambda: {ALONE})  # machines without a home and a lake

    @property
    def journal(self) -> Path:
        """The file in which the runs of all machines say what they do."""
        return self.folder / "journal"

    def describe(self, machine: str, tenant: str) -> dict[str, Any]:
        """Return the settings of a tenant on a machine."""
        shared = {
            "home": f"{self.storage}/home",
            "lake": {
                "catalog": f"postgres:{self.catalog.get_secret_value()}",
                "storage": f"{self.storage}/lake",
            },
        }
        return {
            "tenant": tenant,
            "api_key": self.sandbox.key(tenant),
            "base_url": self.sandbox.base_url,
            "data_dir": str(self.folder / machine / "data"),
            "requests_per_window": 100_000,
            "requests_per_run": 100_000,
            **self.options,
            **({} if machine in self.alone else shared),
        }

    def find_settings(self, machine: str, tenant: str) -> Settings:
        """Return the settings of a tenant on a machine, for this process."""
        return Settings(**self.describe(machine, tenant))

    def change_books(self, tenant: str, chance: random.Random) -> None:
        """Change, add and delete some records of a tenant; an invoice and a vendor always do."""
        books = self.sandbox.tenant(tenant).books
        number = chance.randrange(1_000_000)
        invoices = books["invoices"]
        some = chance.sample(invoices.ids(), chance.randint(1, 3))
        for each in some:
            invoices.replace(each, notes=f"note {number}", amount_paid=Decimal(number) / 100)
        if chance.random() < 0.4:
            invoices.insert({"code": f"late {number}", "total": Decimal(number) / 100})
        for name in ("vendors", "customers", "products"):
            if name == "vendors" or chance.random() < 0.4:
                books[name].replace(chance.choice(books[name].ids()), name=f"Name {number}")
        if chance.random() < 0.2:
            books["vendors"].insert({"name": f"Vendor {number}"})
            books["vendors"].delete(chance.choice(books["vendors"].ids()))

    def read_file(self, machine: str, tenant: str) -> Held:
        """Return what a machine has published of a tenant."""
        file = self.find_settings(machine, tenant).published
        with open_database() as con:
            con.execute(f"attach {quote_path(file)} as published (read_only)")
            return read_tables(con, "published")

    def read_lake(self, tenant: str) -> Held:
        """Return what the lake of a tenant has, after a look at whether that is one snapshot.

        Empty if there is none yet.
        """
        with open_lake(self.find_settings("one", tenant)) as lake:
            instants = "select about.as_of_at = as_of.as_of_at from about, core.as_of as as_of"
            assert lake.con.execute(instants).fetchall() == [(True,)]
            held = read_tables(lake.con, "lake")
            listed = lake.con.execute(
                "select layer || '.' || model, rows from main.lake_tables where rows is not null"
            )
            for name, rows in listed.fetchall():
                assert len(held[name]) == rows, name
        return held

    def find_differences(self, machine: str, tenant: str) -> list[str]:
        """Return the tables whose rows differ between the lake and what a machine published."""
        settings = self.find_settings(machine, tenant)
        return LakeBooks(settings, settings.published).find_differences()

    def expire_leases(self) -> None:
        """Let the time pass after which leases expire."""
        expire(self.catalog)

    def list_checks(self) -> dict[str, str]:
        """Return the checks that can be run on what is published, by their names."""
        checks = {}
        with duckdb.connect(self.find_settings(ALONE, TENANTS[0]).published, read_only=True) as con:
            for file in sorted(sql_folder().glob("checks/*.sql")):
                sql = file.read_text(encoding="utf-8")
                try:
                    assert con.execute(sql).fetchall() == []
                except (duckdb.CatalogException, duckdb.BinderException):
                    continue  # it needs a macro, or a model that is not published here
                checks[file.stem] = sql
        return checks


def read_tables(con: duckdb.DuckDBPyConnection, database: str) -> Held:
    """Return the rows of all tables of a database."""
    held = {}
    for table in list_tables(con, database):
        if table.full_name == "main.lake_tables":
            continue
        columns = [
            f'"{name}"'
            for name, kind in table.types.items()
            if kind != "TIMESTAMP WITH TIME ZONE" and name not in TIMES
        ]
        rows = con.execute(f"select {', '.join(columns)} from {database}.{table.quoted}")
        held[table.full_name] = sort_rows(rows.fetchall())
    return held


def find_other_tables(one: Held, other: Held) -> list[str]:
    """Return the names of tables that differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def find_overlaps(journal: Path) -> tuple[int, list[str]]:
    """Return how many runs had a lease, and those that had it while another one had."""
    runs: dict[int, list[tuple[float, str, str]]] = {}
    for line in journal.read_text().splitlines():
        at, machine, process, step = json.loads(line)
        runs.setdefault(process, []).append((at, machine, step))
    spans = sorted(span for steps in runs.values() if (span := _find_span(steps)))
    last: dict[str, tuple[float, int, str]] = {}
    overlaps = []
    for begin, tenant, end, token, machine in spans:
        until, earlier, other = last.get(tenant, (0.0, 0, ""))
        if begin < until or token <= earlier:
            overlaps.append(f"{tenant} on {machine} at {begin} and on {other} until {until}")
        last[tenant] = end, token, machine
    return len(spans), overlaps


def _find_span(
    steps: list[tuple[float, str, str]],
) -> tuple[float, str, float, int, str] | None:
    """Return from when to when a run is known to have had a lease, and which one."""
    held = [index for index, step in enumerate(steps) if step[2].startswith("lease ")]
    if not held:
        return None
    begin, machine, step = steps[held[0]]
    last = held[1] - 1 if len(held) > 1 else -1
    return begin, steps[0][2], steps[last][0], int(step.split()[1]), machine


class Relay:
    """What is between the machines and the S3; without it, they cannot reach the S3."""

    def __init__(self, server: S3Server) -> None:
        self._target = server.address.rpartition(":")[2]
        self._port = 0
        self.start()

    @property
    def address(self) -> str:
        """The address by which machines know the S3."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Let connections through, on the same port as before."""
        self._process = subprocess.Popen(
            [sys.executable, HERE / "relay.py", str(self._port), self._target],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """Cut all connections, in the middle of what they do."""
        self._process.kill()
        self._process.communicate()


class Readers:
    """A program of readers; each waits between two transactions, up to `pause` seconds."""

    def __init__(
        self, fleet: Fleet, tenants: Sequence[str], number: int, pause: float = 4.0
    ) -> None:
        state = fleet.folder / "readers"
        self._program = subprocess.Popen(
            [sys.executable, HERE / "readers.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_STATE_HOME": str(state)},
        )
        assert self._program.stdin is not None
        order = {
            "tenants": [fleet.describe("one", tenant) for tenant in tenants],
            "checks": fleet.list_checks(),
            "seed": SEED,
            "readers": number,
            "pause": pause,
        }
        self._program.stdin.write(f"{json.dumps(order)}\n")
        self._program.stdin.flush()
        assert self._program.stdout is not None
        assert json.loads(self._program.stdout.readline()) == {"readers": number}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop at once, if a test has failed."""
        self._program.kill()
        with self._program:  # closes what it was read and written by
            pass

    def end(self) -> dict[str, Any]:
        """End the readers and return what they found."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.close()
        shown = self._program.stdout.readline()
        found: dict[str, Any] = json.loads(shown)
        return found


Open = Callable[..., Fleet]


@pytest.fixture
def open_fleet(tmp_path: Path, catalog: SecretStr) -> Iterator[Open]:
    """Open tenants on a sandbox with these options; their home and lake are in `storage`."""
    with ExitStack() as stack:

        def open_it(storage: str, sql: Path, sandbox: Mapping[str, Any], **options: Any) -> Fleet:
            given = {"invoices": 30, "limit": 0, "key": "key-of-{tenant}", **sandbox}
            served = stack.enter_context(SandboxFleet(**given))
            return Fleet(tmp_path, served, catalog, storage, sql, options)

        yield open_it


@contextmanager
def run_machines(fleet: Fleet) -> Iterator[tuple[Machine, Machine, Machine]]:
    """Run two machines, and the one that is alone, which has workers of the first one.

    They know the variables of the environment as they are now.
    """
    with ExitStack() as stack:
        programs = [Victims(fleet.folder / f"workers-{n}", HERE / "worker.py") for n in range(2)]
        for program in programs:
            stack.callback(program.end)
        first, second = programs
        machines = (
            Machine(fleet, "one", first),
            Machine(fleet, "two", second),
            Machine(fleet, ALONE, first),
        )
        for machine in machines:
            stack.callback(machine.stop)
        yield machines


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A folder that all machines see."""
    return str(tmp_path / "shared")


@pytest.fixture
def relay(s3_server: S3Server, s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """What is between the machines and the S3."""
    relay = Relay(s3_server)
    monkeypatch.setenv("AWS_ENDPOINT_URL", relay.address)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    yield relay
    relay.kill()
