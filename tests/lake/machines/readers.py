"""Program of readers that query lakes at once until its input ends, each in a thread of its own.

In one transaction a reader compares what must agree in a whole snapshot: the instants of `about`
and of the models, checks of the books, and the rows of some tables with the lake's list of them.
It writes a line of JSON when all have begun, and one with what they found.
"""

import json
import random
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

import duckdb

from p4books.lake import open_lake
from p4books.settings import Settings

TRANSACTIONS = 5  # of a connection, before another one is opened
TABLES = 3  # of which a transaction counts the rows

_INSTANTS = "select about.as_of_at, as_of.as_of_at, published_at from about, core.as_of as as_of"
_LIST = "select layer, model, rows from main.lake_tables where rows is not null"


Query = Callable[..., duckdb.DuckDBPyConnection]


class Readers:
    """Readers of some lakes, and what they found."""

    def __init__(
        self, tenants: list[Settings], checks: dict[str, str], pause: float, seed: int
    ) -> None:
        self.found: Counter[str] = Counter()
        self.faults: list[str] = []
        self.seen: dict[str, set[str]] = {settings.tenant: set() for settings in tenants}
        self._tenants, self._checks, self._pause, self._seed = tenants, checks, pause, seed
        self._ended = threading.Event()

    def run(self, number: int) -> None:
        """Read until the input ends."""
        threads = [threading.Thread(target=self._read_on, args=(each,)) for each in range(number)]
        for thread in threads:
            thread.start()
        write({"readers": number})
        sys.stdin.read()
        self._ended.set()
        for thread in threads:
            thread.join()
        seen = {tenant: sorted(instants) for tenant, instants in self.seen.items()}
        write({"read": dict(self.found), "faults": self.faults, "seen": seen})

    def _read_on(self, nth: int) -> None:
        chance = random.Random(self._seed * 1000 + nth)  # noqa: S311 - no secret hangs on it
        last: dict[str, str] = {}
        while not self._ended.is_set():
            settings = chance.choice(self._tenants)
            try:
                with open_lake(settings) as lake:
                    for _ in range(TRANSACTIONS):
                        if self._ended.wait(chance.random() * self._pause):
                            return
                        self._read(settings.tenant, lake.con.execute, chance, last)
            except Exception:  # noqa: BLE001 - no reader may see any
                self.faults.append(f"{settings.tenant}: {traceback.format_exc()}")

    def _read(self, tenant: str, query: Query, chance: random.Random, last: dict[str, str]) -> None:
        query("begin")
        ((about, models, published),) = query(_INSTANTS).fetchall()
        tables = sorted(query(_LIST).fetchall())
        wrong = [
            f"{layer}.{model} has not {rows} rows"
            for layer, model, rows in chance.sample(tables, TABLES)
            if query(f'select count(*) from "{layer}"."{model}"').fetchone() != (rows,)
        ]
        if self._checks:
            name = chance.choice(sorted(self._checks))
            wrong += [f"{name}: {row}" for row in query(self._checks[name]).fetchall()]
        if query(_INSTANTS).fetchall() != [(about, models, published)] or about != models:
            wrong.append(f"as of {about}, {models}, and then another one")
        query("commit")
        if str(published) < last.get(tenant, ""):
            wrong.append(f"published {published} after {last[tenant]}")
        last[tenant] = str(published)
        self.seen[tenant].add(str(published))
        self.faults += [f"{tenant}: {each}" for each in wrong]
        self.found[tenant] += 1


def write(value: Any) -> None:
    """Write a line of JSON."""
    sys.stdout.write(f"{json.dumps(value)}\n")
    sys.stdout.flush()


def main() -> None:
    """Read an order, and do it."""
    order = json.loads(sys.stdin.readline())
    tenants = [Settings(**each) for each in order["tenants"]]
    Readers(tenants, order["checks"], order["pause"], order["seed"]).run(order["readers"])


if __name__ == "__main__":
    main()
