"""Machines that hold the state of one tenant, each with a process that can be killed."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.lake.home.holders import write_number
from tests.postgres import PostgresServer
from tests.scenarios.conftest import Victims

from p4books.settings import Lake, Settings
from p4books.storage.postgres import connect_postgres
from p4books.storage.shared_tables import SCHEMA

Make = Callable[..., "HoldingMachine"]
PROGRAM = Path(__file__).with_name("holders.py")


@dataclass
class Report:
    """How a process ended: its exit code, the number it found, its error."""

    code: int
    found: int | None = None
    error: str = ""
    kind: str = ""
    is_mine: bool | None = None


@dataclass
class HoldingMachine:
    """A machine with a folder of its own; `holders` run what holds the state."""

    holders: Victims
    folder: Path
    home: str
    catalog: SecretStr

    @property
    def settings(self) -> Settings:
        """The settings of the tenant on this machine."""
        return Settings(
            tenant="acme", data_dir=self.folder, home=self.home, lake=Lake(self.catalog)
        )

    @property
    def report(self) -> Path:
        """The file in which a process says what it found."""
        return self.folder.with_suffix(".json")

    def write(self) -> None:
        """Write files of the number 1, without the home."""
        self.settings.private.mkdir(parents=True)
        write_number(self.settings, 1, small=False)

    def start(self, **order: Any) -> int:
        """Start to hold and count, and return the number of the process."""
        catalog = f"postgres:{self.catalog.get_secret_value()}"
        settings = {
            "tenant": "acme",
            "data_dir": str(self.folder),
            "home": self.home,
            "lake": {"catalog": catalog},
        }
        self.report.unlink(missing_ok=True)
        return self.holders.start({**order, "settings": settings, "report": str(self.report)})

    def wait(self) -> Report:
        """Wait for the end of the process."""
        code = self.holders.wait()
        found = json.loads(self.report.read_text()) if self.report.exists() else {}
        return Report(code, **found)

    def hold(self, **order: Any) -> Report:
        """Hold the state once, and count."""
        self.start(**order)
        return self.wait()

    def expire_lease(self) -> None:
        """Let the time pass after which a lease expires."""
        with connect_postgres(self.catalog, "") as connection:
            connection.execute(f"update {SCHEMA}.lease set expires_at = now()".encode())


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Victims]]:
    """Two programs that run what is killed, one per machine, for all tests of a process."""
    with ExitStack() as stack:
        programs = [Victims(tmp_path_factory.mktemp("state"), PROGRAM) for _ in range(2)]
        for each in programs:
            stack.callback(each.end)
        yield programs


@pytest.fixture
def make_machine(
    programs: list[Victims], catalog: SecretStr, postgres: PostgresServer, tmp_path: Path
) -> Callable[..., HoldingMachine]:
    """Make a machine by its name; `nth` is the program that it uses."""

    def make(name: str, nth: int = 0, home: str | None = None) -> HoldingMachine:
        place = str(tmp_path / "home") if home is None else home
        return HoldingMachine(programs[nth], tmp_path / name, place, catalog)

    return make
