"""Pushes killed with SIGKILL: no record is created twice, and none gets lost.

They are killed while they send, among faults of every kind, and the same file is pushed again until
nothing is ready.
"""

import os
import random
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.moved_books import move_books
from tests.scenarios.conftest import Order, Victims
from tests.staging_sync import sync

from p4books.push.ledger import list_entries, list_pushes
from p4books.push.types import CREATED, READY, REFUSED, SENDING, UNKNOWN
from p4books.settings import Settings
from p4books_sandbox import Fault, Sandbox

SEED = int(os.environ.get("KILL_SEED", "7"))
KILLS = 100 if "P4BOOKS_EXAMPLES" in os.environ else 5
KILLS_PER_FILE = 5
ROWS = 300
FAULT_SHARE = 0.12  # of all requests
RESPONSE_TIME = 0.004  # seconds, at least
MAX_SENDING = 0.4  # seconds until a kill
MAX_PUSHES = 40  # of the same file, until nothing is ready

OLD = {"code": "OLD", "name": "Existed before"}

FAULTS = (
    Fault("reset", method="POST"),
    Fault("lost", method="POST"),
    Fault("cut_body", method="POST"),
    Fault("failed", method="POST"),
    Fault("failed", method="POST", status=503),
    Fault("slow", method="POST", seconds=0.05),
    Fault("status", method="POST", status=429, headers={"Retry-After": "0"}),
    Fault("status", method="POST", status=422, text="Not acceptable."),
)


@dataclass(frozen=True)
class Books:
    """A P4 Books, the data folder of its tenant, and the order that pushes a file to it."""

    sandbox: Sandbox
    folder: Path
    order: Order

    @property
    def posts(self) -> int:
        """How many POSTs have arrived so far."""
        return sum(arrival.method == "POST" for arrival in self.sandbox.requests)

    def states(self) -> dict[str, str]:
        """Return the state of each row in the ledger, by its code."""
        ledger = self.folder / ".private" / "acme" / "ledger.sqlite"
        return {
            entry.code: entry.state
            for push in list_pushes(ledger)
            for entry in list_entries(ledger, push.push)
        }

    def count_records(self) -> Counter[str]:
        """Count the records in P4 Books by code."""
        return Counter(str(record["code"]) for record in self.sandbox.books["vendors"].records())


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of one sync, with the one old vendor."""
    folder = tmp_path_factory.mktemp("synced")
    with (
        Sandbox(data={"vendors": [OLD]}, limit=0) as sandbox,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        key, url = SecretStr(sandbox.key), sandbox.base_url
        sync(
            Settings(tenant="acme", api_key=key, base_url=url, data_dir=folder / "data"),
            ["vendors"],
        )
    return folder / "data"


@pytest.fixture
def books(synced: Path, tmp_path: Path) -> Iterator[Books]:
    """A P4 Books with the old vendor, and a file of new ones."""
    folder, file = tmp_path / "data", tmp_path / "vendors.csv"
    shutil.copytree(synced, folder)
    lines = [f"V-{n},Vendor {n},{n}.50" for n in range(ROWS)]
    file.write_text("\n".join(["code,name,balance", *lines]))
    with Sandbox(data={"vendors": [OLD]}, limit=0) as sandbox:
        move_books(folder / ".private" / "acme" / "warehouse.duckdb", sandbox.base_url)
        order: Order = {
            "work": "push",
            "file": str(file),
            "tenant": "acme",
            "api_key": sandbox.key,
            "base_url": sandbox.base_url,
            "data_dir": str(folder),
            "requests_per_window": 100_000,
        }
        yield Books(sandbox, folder, order)


@pytest.mark.parametrize("nth", range(KILLS // KILLS_PER_FILE))
def test_killed(nth: int, victims: Victims, books: Books) -> None:
    """Whenever pushes are killed, each row is created once, or is reported refused or unknown."""
    rng = random.Random(SEED * 1000 + nth)  # noqa: S311 - not for secrets
    _stage(books.sandbox, rng)

    hits = _kill_pushes(victims, books, rng)
    _push_until_done(victims, books)

    _print_summary(nth, hits, books)
    _check_promise(books)
    assert hits["sending"] > KILLS_PER_FILE / 2


def _stage(sandbox: Sandbox, rng: random.Random) -> None:
    """Stage faults for a share of the requests, and let the others be slow."""
    places = (place for place in range(4 * ROWS) if rng.random() < FAULT_SHARE)
    for hit_before, place in enumerate(places):
        fault = rng.choice(FAULTS)
        sandbox.faults.stage(replace(fault, after=place - hit_before))
    sandbox.faults.stage(Fault("slow", method="POST", seconds=RESPONSE_TIME, times=None))


def _kill_pushes(victims: Victims, books: Books, rng: random.Random) -> Counter[str]:
    """Kill pushes while they send, and one near its start; count what the kills hit."""
    hits: Counter[str] = Counter()
    early = rng.randrange(1, KILLS_PER_FILE)
    for kill in range(KILLS_PER_FILE):
        before = books.posts
        is_sending = partial(_is_sending, books, before)
        moment = rng.random() * MAX_SENDING
        if kill == early:
            ended = victims.run(books.order, kill_after=moment)
        else:
            ended = victims.run(books.order, kill_after=moment, begun=is_sending)
        states = Counter(books.states().values())
        was_sending = ended == -signal.SIGKILL and is_sending() and states[READY] > 0
        hits["sending"] += was_sending
        hits["unanswered"] += was_sending and states[SENDING] > 0
    return hits


def _is_sending(books: Books, before: int) -> bool:
    return books.posts > before


def _push_until_done(victims: Victims, books: Books) -> None:
    for _ in range(MAX_PUSHES):
        if victims.run(books.order) == 0:
            return
    raise AssertionError(f"still ready after {MAX_PUSHES} pushes")


def _print_summary(nth: int, hits: Counter[str], books: Books) -> None:
    states, records = books.states(), books.count_records()
    counts = Counter(states.values())
    duplicates = sum(count > 1 for count in records.values())
    sys.stdout.write(
        f"KILL_SEED={SEED}, file {nth}: {hits['sending']} of {KILLS_PER_FILE} kills hit a push"
        f" while it was sending, {hits['unanswered']} of them between a request and its response;"
        f" {ROWS} rows: {counts[CREATED]} created, {counts[REFUSED]} refused,"
        f" {counts[UNKNOWN]} unknown; {books.posts} POSTs, {duplicates} duplicates\n"
    )


def _check_promise(books: Books) -> None:
    states, records = books.states(), books.count_records()
    assert len(states) == ROWS
    for code, state in states.items():
        assert state in {CREATED, REFUSED, UNKNOWN}, f"{code} is {state}"
        least, most = {CREATED: (1, 1), REFUSED: (0, 0), UNKNOWN: (0, 1)}[state]
        assert least <= records[code] <= most, f"{code}, {state}, exists {records[code]} times"
    assert set(records) <= {OLD["code"], *states}
