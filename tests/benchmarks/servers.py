"""Postgres and an S3 in processes of their own, whose work and requests can be measured."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.processes import ROOT, module
from tests.postgres import PostgresServer, run_postgres
from tests.s3 import BUCKET

CATALOG = "SOURCES__P4BOOKS__LAKE__CATALOG"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Servers:
    """What machines share; `variables` are those by which they find the S3."""

    postgres: PostgresServer
    s3: "subprocess.Popen[str]"
    variables: dict[str, str]
    storage: str = f"s3://{BUCKET}"

    def count_requests(self) -> dict[str, int]:
        """Return how many requests the S3 had so far, by their methods."""
        assert self.s3.stdin is not None
        self.s3.stdin.write("\n")
        self.s3.stdin.flush()
        found: dict[str, int] = self._receive()
        return found

    def measure_work(self) -> dict[str, float]:
        """Return the CPU seconds of both servers so far."""
        return {"postgres": count_cpu(self.postgres.number), "S3": count_cpu(self.s3.pid)}

    def _receive(self) -> Any:
        assert self.s3.stdout is not None
        return json.loads(self.s3.stdout.readline())


@contextmanager
def run_servers() -> Iterator[Servers]:
    """Run both."""
    with (
        run_postgres() as postgres,
        subprocess.Popen(
            module("s3_server"),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as s3,
    ):
        servers = Servers(postgres, s3, {})
        servers.variables = servers._receive()
        try:
            yield servers
        finally:
            s3.terminate()


def count_cpu(process: int) -> float:
    """Return the CPU seconds of a process, and of all that it has started."""
    children: list[str] = []
    for task in Path(f"/proc/{process}/task").iterdir():
        children += task.joinpath("children").read_text().split()
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    ended = sum(map(int, fields[11:15])) / _TICKS
    return ended + sum(count_cpu(int(child)) for child in children)


def describe_lake(servers: Servers, storage: str, home: str | None = None) -> dict[str, str]:
    """Return the variables of the environment of a tenant with a lake in an empty database."""
    catalog = servers.postgres.make_catalog().get_secret_value()
    return {
        **servers.variables,
        CATALOG: f"postgres:{catalog}",
        "SOURCES__P4BOOKS__LAKE__STORAGE": storage,
        **({"SOURCES__P4BOOKS__HOME": home} if home else {}),
    }
