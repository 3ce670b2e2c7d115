"""Syncs and loads that are killed at any moment, and the runs that follow."""

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.scenarios.conftest import Order, Victims
from tests.staging_sync import STAGING

from p4books.endpoints import ENDPOINTS
from p4books.storage.database import borrow_reader
from p4books.storage.run_log import RunLog
from p4books_sandbox import Sandbox

SEED = int(os.environ.get("KILL_SEED", "7"))
SOAK = "P4BOOKS_EXAMPLES" in os.environ
KILLS, FIRST_KILLS, LOAD_KILLS = (40, 10, 40) if SOAK else (2, 1, 1)

Rows = list[tuple[Any, ...]]
Structure = dict[str, Rows]


@dataclass(frozen=True)
class Scenario:
    """A folder before a run, its contents before and after, and the duration of the run."""

    victims: Victims
    folder: Path
    order: Order
    before: tuple[Structure, Structure]
    after: tuple[Structure, Structure]
    seconds: float

    def moment(self, nth: int, of: int) -> float:
        """Return when to kill, in seconds; each kill has its own slice of the run."""
        chance = random.Random(SEED * 1000 + nth).random()  # noqa: S311 - no secret hangs on it
        moment = (nth + chance) / of * self.seconds * 1.25  # some runs take longer
        sys.stdout.write(f"KILL_SEED={SEED}: killed after {moment:.3f} of {self.seconds:.3f} s\n")
        return moment


def read_versions(warehouse: Path) -> Structure:
    """Return the versions of all tables: ids, hashes, their order, and which are open."""
    if not warehouse.exists():
        return {}
    queries = {
        name: "select id, row_number() over (partition by id order by _dlt_valid_from),"
        f" row_hash, _dlt_valid_to is null, gone from raw.{name} order by all"
        for name in ENDPOINTS
    }
    queries["seen"] = "select endpoint, id from raw.seen order by all"
    queries["missed"] = "select endpoint, id from raw.missed order by all"
    with borrow_reader(warehouse) as con:
        return {name: con.execute(query).fetchall() for name, query in queries.items()}


def find_invalid_versions(warehouse: Path) -> Rows:
    """Return the versions that overlap the next one or end before they begin."""
    parts = [
        f"""
        select '{name}', id from (
            select id, _dlt_valid_from as since, _dlt_valid_to as until,
                lead(_dlt_valid_from) over (partition by id order by _dlt_valid_from) as next
            from raw.{name})
        where until <= since or next < coalesce(until, 'infinity')
        """
        for name in ENDPOINTS
    ]
    with borrow_reader(warehouse) as con:
        return con.execute(" union all ".join(parts)).fetchall()


def read_published(published: Path) -> Structure:
    """Return the rows of all published tables, without times."""
    if not published.exists():
        return {}
    names = "select table_name from duckdb_tables() where schema_name = 'staging'"
    instants = "'verified_at', 'valid_from', 'valid_to', 'first_seen_at'"
    rows = f"select columns(c -> c not in ({instants})) from staging."
    with borrow_reader(published) as con:
        return {
            name: con.execute(f"{rows}{name} order by all").fetchall()
            for (name,) in con.execute(names).fetchall()
        }


def read_folder(folder: Path) -> tuple[Structure, Structure]:
    """Return the contents of a data folder: the warehouse's versions and the published rows."""
    warehouse = folder / ".private" / "acme" / "warehouse.duckdb"
    return read_versions(warehouse), read_published(folder / "acme.duckdb")


def copy_folder(scenario: Scenario, tmp_path: Path) -> tuple[Path, Order]:
    """Copy the prepared folder; return the copy and the order to run in it."""
    folder = tmp_path / "data"
    shutil.copytree(scenario.folder, folder)
    place = "data_dir" if "data_dir" in scenario.order else "folder"
    return folder, {**scenario.order, place: str(folder)}


@pytest.fixture(scope="module")
def books() -> Iterator[Sandbox]:
    """Small books for all runs."""
    with Sandbox(invoices=30, limit=0) as sandbox:
        yield sandbox


def sync_order(books: Sandbox, folder: Path) -> Order:
    return {
        "work": "sync",
        "sql": str(STAGING),
        "tenant": "acme",
        "api_key": books.key,
        "base_url": books.base_url,
        "data_dir": str(folder),
        "requests_per_window": 100_000,
        "page_size": 20,
    }


def prepare(victims: Victims, folder: Path, order: Order) -> tuple[Any, Any, float]:
    """Run a sync undisturbed in a copy of a folder; return before, after and the duration."""
    whole = shutil.copytree(folder, folder.with_name("whole"))
    began = time.monotonic()
    assert victims.run({**order, "data_dir": str(whole)}) == 0
    seconds = time.monotonic() - began
    record = RunLog(whole / ".private" / "acme" / "runs.sqlite").load_published()
    assert record
    assert record.inputs  # so that the next sync keeps tables
    return read_folder(folder), read_folder(whole), seconds


@pytest.fixture(scope="module")
def first_sync(
    victims: Victims, books: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Scenario:
    """A tenant before its first sync."""
    folder = tmp_path_factory.mktemp("first") / "data"
    folder.mkdir()
    order = sync_order(books, folder)
    return Scenario(victims, folder, order, *prepare(victims, folder, order))


@pytest.fixture(scope="module")
def later_sync(
    first_sync: Scenario, books: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Scenario:
    """A tenant with a history, before a sync that finds changes of every kind."""
    folder, victims = tmp_path_factory.mktemp("later") / "data", first_sync.victims
    shutil.copytree(first_sync.folder.with_name("whole"), folder)
    order = sync_order(books, folder)
    vendors, invoices = books.books["vendors"], books.books["invoices"]
    vendor = vendors.records()[1]
    vendors.delete(2)
    invoices.replace(3, status="Void")
    assert victims.run(order) == 0
    vendors.insert(vendor, at=1)
    vendors.delete(5)
    invoices.replace(3, status="Posted")
    invoices.replace(4, lines=[{"line_number": 1, "price": Decimal("0.01")}])
    invoices.delete(6)
    invoices.insert({"code": "late", "total": Decimal("107.00")})
    books.books["customers"].replace(1, balance=Decimal("0.02"))
    books.books["products"].insert({"name": "new"})
    return Scenario(victims, folder, order, *prepare(victims, folder, order))


def kill_a_sync(scenario: Scenario, tmp_path: Path, nth: int, of: int) -> int:
    """Kill a sync, check what it left, run it again, and check again; return how it ended."""
    folder, order = copy_folder(scenario, tmp_path)
    warehouse = folder / ".private" / "acme" / "warehouse.duckdb"

    end = scenario.victims.run(order, kill_after=scenario.moment(nth, of))
    left = read_folder(folder)
    again = scenario.victims.run(order)

    assert left[0] in (scenario.before[0], scenario.after[0])
    assert left[1] in (scenario.before[1], scenario.after[1])
    assert again == 0
    assert read_folder(folder) == scenario.after
    assert find_invalid_versions(warehouse) == []
    assert not (warehouse.parent / "work").exists()
    return end


# The first syncs are killed first: the later ones change the books.


@pytest.mark.parametrize("nth", range(FIRST_KILLS))
def test_first_sync_killed(first_sync: Scenario, tmp_path: Path, nth: int) -> None:
    """A first sync that is killed at any moment leaves nothing or all; the next one succeeds."""
    kill_a_sync(first_sync, tmp_path, nth, FIRST_KILLS)


def test_later_syncs_killed(later_sync: Scenario, tmp_path: Path) -> None:
    """A killed sync leaves the earlier or the new state; the next one succeeds.

    At least half of the kills must come before the end of the run; otherwise they prove little.
    """
    ends = [kill_a_sync(later_sync, tmp_path / f"{nth}", nth, KILLS) for nth in range(KILLS)]

    assert ends.count(-signal.SIGKILL) >= len(ends) // 2


@pytest.fixture(scope="module")
def load(victims: Victims, tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """A warehouse before a load of new, changed and gone rows, outside of a sync."""
    folder = tmp_path_factory.mktemp("load") / "data"
    folder.mkdir()
    first = {name: [{"id": n, "code": f"{n}"} for n in range(50)] for name in ENDPOINTS}
    then = {name: [{"id": n, "code": f"{n % 60}"} for n in range(20, 70)] for name in ENDPOINTS}
    order: Order = {"work": "load", "folder": str(folder), "read_at": 1_000, "lists": first}
    assert victims.run(order) == 0
    order = {**order, "read_at": 2_000, "lists": then}
    shutil.copytree(folder, folder.with_name("whole"))
    began = time.monotonic()
    assert victims.run({**order, "folder": str(folder.with_name("whole"))}) == 0
    seconds = time.monotonic() - began
    before, after = (
        read_versions(place / "warehouse.duckdb") for place in (folder, folder.with_name("whole"))
    )
    return Scenario(victims, folder, order, (before, {}), (after, {}), seconds)


@pytest.mark.parametrize("nth", range(LOAD_KILLS))
def test_load_killed(load: Scenario, tmp_path: Path, nth: int) -> None:
    """A load that is killed before its last rename has no effect; after it, it is complete."""
    folder, order = copy_folder(load, tmp_path)
    warehouse = folder / "warehouse.duckdb"

    load.victims.run(order, kill_after=load.moment(nth, LOAD_KILLS))
    left = read_versions(warehouse)
    again = load.victims.run(order)

    assert left in (load.before[0], load.after[0])
    assert again == 0
    assert read_versions(warehouse) == load.after[0]
    assert find_invalid_versions(warehouse) == []
