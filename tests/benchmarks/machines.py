"""Many tenants of 200 invoices with a lake and a home, run by one, two and four machines.

One tenant is synced; the others are copies of its files, put into the home by their first run. In
each round a tenth of the books changes, and each machine runs its share of the tenants, of which it
has the files. All of them, Postgres, the S3 and the sandbox share this computer, so that what more
machines can do follows from how long each of them works.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import P4BOOKS, ROOT, module
from tests.benchmarks.servers import CATALOG, Servers, describe_lake, run_servers
from tests.moved_books import move_books

from p4books_sandbox import SandboxFleet

INVOICES = 200
CHANGED = 10  # every which of the tenants changes
BARS = {2: 1.8, 4: 3.6}  # times as many tenants per second as one machine
ROUNDS = (1, *BARS)  # machines

_numbers = count(1)


def compare(tenants: int) -> list[Figure]:
    """Measure and return the figures."""
    names = [f"t{number:04}" for number in range(tenants)]
    with (
        SandboxFleet(invoices=INVOICES, limit=0, key="key-of-{tenant}") as fleet,
        tempfile.TemporaryDirectory() as place,
        run_servers() as servers,
    ):
        machines = Machines(fleet, servers, Path(place))
        machines.prepare(names)
        work = {number: machines.run_round(names, number) for number in ROUNDS}
        print(f"Postgres has {machines.measure_postgres() / tenants / 1e6:.2f} MB per tenant")
    shape = f"{tenants} tenants"
    return [  # by arithmetic: what machines would do that share no cores with others
        Figure(
            f"{number} machines : one",
            number * work[1] / work[number],
            bar,
            shape=shape,
            is_least=True,
        )
        for number, bar in BARS.items()
    ]


class Machines:
    """Machines with folders of their own, which share a home and a lake."""

    def __init__(self, fleet: SandboxFleet, servers: Servers, folder: Path) -> None:
        self._fleet, self._servers, self._folder = fleet, servers, folder
        storage = servers.storage
        self._shared = describe_lake(servers, f"{storage}/lake", f"{storage}/home")
        self._empty = self._measure_database()

    def prepare(self, names: Sequence[str]) -> None:
        """Sync one tenant, copy its files, and put all into the home and the lake."""
        first = self._configure(0, names[:1])
        _wait([_start(["sync", "--all"], {**first, **dict.fromkeys(self._shared, "")})])
        for name in names[1:]:
            _copy_tenant(self._fleet, self._folder / "0", names[0], name)
        began = time.monotonic()
        _wait([_start(["sync", "--all"], self._configure(0, names))])
        print(f"first runs with a home and a lake: {time.monotonic() - began:.1f} s")

    def run_round(self, names: Sequence[str], number: int) -> float:
        """Run all tenants on some machines, and return the CPU seconds of these."""
        shares = [names[nth::number] for nth in range(number)]
        variables = [self._configure(nth, share) for nth, share in enumerate(shares)]
        for each in variables:  # a machine has the files of the tenants that it always runs
            _wait([_start(["home", "--take", "--all"], each)])
        for name in names[::CHANGED]:
            self._fleet.tenant(name).books["invoices"].replace(5, total=next(_numbers))
        work, requests = self._measure_work(), self._servers.count_requests()
        began = time.monotonic()
        cpu = _wait([_start(["sync", "--all"], each) for each in variables])
        seconds = time.monotonic() - began
        spent = {name: each - work[name] for name, each in self._measure_work().items()}
        sent = {
            name: each - requests.get(name, 0)
            for name, each in self._servers.count_requests().items()
        }
        shown = ", ".join(f"{name} {each:.1f} s" for name, each in spent.items())
        print(
            f"{number} machines, {len(names)} tenants: {seconds:.1f} s,"
            f" {60 * len(names) / seconds:.0f} tenants a minute; CPU: machines {cpu:.1f} s,"
            f" {shown}; {sent} requests of S3"
        )
        return cpu

    def measure_postgres(self) -> int:
        """Return by how many bytes the database has grown."""
        return self._measure_database() - self._empty

    def _measure_database(self) -> int:
        import psycopg  # noqa: PLC0415 - as in the product

        with psycopg.connect(self._shared[CATALOG].removeprefix("postgres:")) as connection:
            row = connection.execute("select pg_database_size(current_database())").fetchone()
        return int(row[0]) if row else 0

    def _measure_work(self) -> dict[str, float]:
        return {"sandbox": time.process_time(), **self._servers.measure_work()}

    def _configure(self, nth: int, names: Sequence[str]) -> Mapping[str, str]:
        """Give a machine these tenants; return its variables."""
        folder = self._folder / f"{nth}"
        (folder / ".dlt").mkdir(exist_ok=True, parents=True)
        table = "[sources.p4books.tenants.{}]\napi_key = '{}'\n"
        (folder / ".dlt" / "secrets.toml").write_text(
            f"[sources.p4books]\nbase_url = '{self._fleet.base_url}'\n"
            "requests_per_window = 1000000\n"
            + "".join(table.format(name, self._fleet.key(name)) for name in names)
        )
        own = {"DLT_PROJECT_DIR": str(folder), "XDG_STATE_HOME": str(folder)}
        return {**os.environ, **self._shared, **own}


def _start(words: Sequence[str], variables: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    command = module("launch", P4BOOKS, *words)
    return subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE)


def _wait(processes: Sequence["subprocess.Popen[bytes]"]) -> float:
    """Wait for processes to end, and return their CPU seconds. Raises SystemExit if one fails."""
    found = [json.loads(process.communicate()[0]) for process in processes]
    if any(code for code, *_ in found):
        raise SystemExit(f"a command ended with {found}")
    return sum(float(cpu) for *_, cpu in found)


def _copy_tenant(fleet: SandboxFleet, folder: Path, source: str, name: str) -> None:
    """Copy the files of a tenant, and make them those of another one."""
    data = folder / "data"
    private = data / ".private" / name
    shutil.copytree(data / ".private" / source, private)
    os.link(data / f"{source}.duckdb", data / f"{name}.duckdb")
    move_books(private / "warehouse.duckdb", fleet.base_url.replace("{tenant}", name))
    with closing(sqlite3.connect(private / "runs.sqlite")) as log, log:
        log.execute("update known set source = replace(source, ?, ?)", (f"/{source}/", f"/{name}/"))
