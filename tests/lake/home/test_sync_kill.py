"""Syncs on two machines that are killed at any moment, and what is in the warehouse then."""

import os
import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.lake.home.test_lease import expire
from tests.postgres import PostgresServer
from tests.scenarios.conftest import Order, Victims
from tests.scenarios.test_sync_kill import find_invalid_versions, sync_order

from p4books.storage.database import borrow_reader
from p4books_sandbox import Sandbox

SEED = int(os.environ.get("KILL_SEED", "7"))
LISTS = ("vendors", "customers", "invoices")
SYNCS = int(os.environ.get("KILL_SYNCS", "30"))


@pytest.fixture
def machines(tmp_path: Path, s3: str) -> Iterator[list[Victims]]:
    """Two machines, each with a state folder of its own, and the variables of the S3."""
    with ExitStack() as stack:
        machines = [Victims(tmp_path / f"state-{nth}") for nth in range(2)]
        for each in machines:
            stack.callback(each.end)
        yield machines


def change(books: Sandbox, chance: random.Random, nth: int) -> None:
    """Change a record of some lists."""
    for name in LISTS:
        records = books.books[name]
        records.replace(chance.choice(records.ids()), notes=f"note {nth}")


@pytest.mark.lake_proof  # some minutes
@pytest.mark.parametrize("place", ["folder", "s3"])
def test_killed_on_two_machines(
    machines: list[Victims],
    catalog: SecretStr,
    postgres: PostgresServer,
    s3: str,
    tmp_path: Path,
    place: str,
) -> None:
    """After kills on both machines, the history is one that a single machine could have."""
    chance = random.Random(SEED)  # noqa: S311 - no secret hangs on it
    home = f"{s3}/{tmp_path.name}" if place == "s3" else str(tmp_path / "home")
    with Sandbox(invoices=30, limit=0) as books:

        def order(nth: int) -> Order:
            lake = {"catalog": f"postgres:{catalog.get_secret_value()}"}
            folder = tmp_path / f"machine-{nth}" / "data"
            return {**sync_order(books, folder), "home": home, "lake": lake}

        assert machines[0].run(order(0)) == 0
        for number in range(SYNCS):
            change(books, chance, number)
            nth = chance.randrange(2)
            moment = chance.random() * 4 if chance.random() < 0.7 else None
            sys.stdout.write(f"KILL_SEED={SEED}: machine {nth} killed after {moment} s\n")
            assert machines[nth].run(order(nth), kill_after=moment) in {0, -9}
            if chance.random() < 0.1:
                postgres.restart()
            expire(catalog)
        assert machines[0].run(order(0)) == 0
        assert machines[1].run(order(1)) == 0
        assert machines[0].run(order(0)) == 0

        fresh = tmp_path / "fresh"
        assert machines[0].run(sync_order(books, fresh)) == 0
        kept, alone = (
            folder / ".private" / "acme" / "warehouse.duckdb"
            for folder in (tmp_path / "machine-0" / "data", fresh)
        )
        assert find_invalid_versions(kept) == []
        for name in LISTS:
            rows = list_active(kept, name)
            assert rows == list_active(alone, name)
            assert len(rows) == len(books.books[name])
        versions = f"select count(*) from raw.{LISTS[0]}"
        with borrow_reader(kept) as con:
            (number,) = con.execute(versions).fetchone() or (0,)
        assert number > len(books.books[LISTS[0]])


def list_active(warehouse: Path, name: str) -> list[tuple[str, str]]:
    """Return the ids and hashes of the versions of a list that are current."""
    query = f"select id, row_hash from raw.{name} where _dlt_valid_to is null order by all"
    with borrow_reader(warehouse) as con:
        return con.execute(query).fetchall()
