"""Does a record come twice, or get lost, when a push is killed?

Pushes are killed with SIGKILL while they send, among faults of every kind, and the same file is
pushed again until nothing is ready.
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
from tests.scenarios.test_sync_kill import Order, Victims
from tests.staging_sync import sync

from p4books.push.ledger import list_entries, list_pushes
from p4books.push.types import CREATED, READY, REFUSED, SENDING, UNKNOWN
from p4books.settings import Settings
from p4books_sandbox import Fault, Sandbox

SEED = int(os.environ.get("KILL_SEED", "7"))
KILLS = 100 if "P4BOOKS_EXAMPLES" in os.environ else 5
OF_A_FILE = 5  # kills
ROWS = 300
FAULTY = 0.12  # of all requests
SLOW = 0.004  # seconds that each answer takes at least
LONGEST = 0.4  # seconds of sending until a kill
PUSHES = 40  # of the same file, until nothing is ready

OLD = {"code": "OLD", "name": "Was there"}

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
class Shop:
    """A P4 Books, the folder of its tenant, and what pushes a file to it."""

    sandbox: Sandbox
    folder: Path
    order: Order

    @property
    def posts(self) -> int:
        """How many POSTs have come so far."""
        return sum(arrival.method == "POST" for arrival in self.sandbox.requests)

    def states(self) -> dict[str, str]:
        """Give the state of each row by its code, as the ledger has it."""
        ledger = self.folder / ".private" / "acme" / "ledger.sqlite"
        return {
            e.code: e.state for each in list_pushes(ledger) for e in list_entries(ledger, each.push)
        }

    def standing(self) -> Counter[str]:
        """Count the records of each code."""
        return Counter(str(each["code"]) for each in self.sandbox.books["vendors"].records())


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    """The program that runs what is killed."""
    victims = Victims(tmp_path_factory.mktemp("state"))
    yield victims
    victims.end()


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of one sync, of one old vendor."""
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
def shop(synced: Path, tmp_path: Path) -> Iterator[Shop]:
    """A P4 Books with the old vendor, and a file of new ones."""
    folder, file = tmp_path / "data", tmp_path / "vendors.csv"
    shutil.copytree(synced, folder)
    lines = [f"V-{n},Vendor {n},{n}.50" for n in range(ROWS)]
    file.write_text("\n".join(["code,name,balance", *lines]))
    with Sandbox(data={"vendors": [OLD]}, limit=0) as sandbox:
        order: Order = {
            "work": "push",
            "file": str(file),
            "tenant": "acme",
            "api_key": sandbox.key,
            "base_url": sandbox.base_url,
            "data_dir": str(folder),
            "requests_per_window": 100_000,
        }
        yield Shop(sandbox, folder, order)


@pytest.mark.parametrize("nth", range(KILLS // OF_A_FILE))
def test_killed(nth: int, victims: Victims, shop: Shop) -> None:
    """Whenever pushes are killed, each row stands there once, or is told refused or unknown."""
    chance = random.Random(SEED * 1000 + nth)  # noqa: S311 - no secret hangs on it
    _stage(shop.sandbox, chance)

    hits = _kill(victims, shop, chance)
    _push_the_rest(victims, shop)

    _tell(nth, hits, shop)
    _judge(shop)
    assert hits["sending"] > OF_A_FILE / 2


def _stage(sandbox: Sandbox, chance: random.Random) -> None:
    """Let requests meet faults in turn, and the others be slow."""
    places = (place for place in range(4 * ROWS) if chance.random() < FAULTY)
    for hit_before, place in enumerate(places):
        fault = chance.choice(FAULTS)
        sandbox.faults.stage(replace(fault, after=place - hit_before))
    sandbox.faults.stage(Fault("slow", method="POST", seconds=SLOW, times=None))


def _kill(victims: Victims, shop: Shop, chance: random.Random) -> Counter[str]:
    """Kill pushes that send, and one from its start; count what the kills hit."""
    hits: Counter[str] = Counter()
    early = chance.randrange(1, OF_A_FILE)
    for kill in range(OF_A_FILE):
        before = shop.posts
        sends = partial(_sends, shop, before)
        moment = chance.random() * LONGEST
        if kill == early:
            ended = victims.run(shop.order, kill_after=moment)
        else:
            ended = victims.run(shop.order, kill_after=moment, begun=sends)
        states = Counter(shop.states().values())
        was_sending = ended == -signal.SIGKILL and sends() and states[READY] > 0
        hits["sending"] += was_sending
        hits["unanswered"] += was_sending and states[SENDING] > 0
    return hits


def _sends(shop: Shop, before: int) -> bool:
    return shop.posts > before


def _push_the_rest(victims: Victims, shop: Shop) -> None:
    for _ in range(PUSHES):
        if victims.run(shop.order) == 0:
            return
    raise AssertionError(f"still ready after {PUSHES} pushes")


def _tell(nth: int, hits: Counter[str], shop: Shop) -> None:
    states, standing = shop.states(), shop.standing()
    counts = Counter(states.values())
    twins = sum(count > 1 for count in standing.values())
    sys.stdout.write(
        f"KILL_SEED={SEED}, file {nth}: of {OF_A_FILE} kills {hits['sending']} hit a push that was"
        f" sending, {hits['unanswered']} of them between a request and its answer; {ROWS} rows:"
        f" {counts[CREATED]} created, {counts[REFUSED]} refused, {counts[UNKNOWN]} unknown;"
        f" {shop.posts} POSTs, {twins} twins\n"
    )


def _judge(shop: Shop) -> None:
    states, standing = shop.states(), shop.standing()
    assert len(states) == ROWS
    for code, state in states.items():
        assert state in {CREATED, REFUSED, UNKNOWN}, f"{code} is {state}"
        least, most = {CREATED: (1, 1), REFUSED: (0, 0), UNKNOWN: (0, 1)}[state]
        assert least <= standing[code] <= most, f"{code}, {state}, stands {standing[code]} times"
    assert set(standing) <= {OLD["code"], *states}
