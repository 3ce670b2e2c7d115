"""What did each run do?

A SQLite file in the private folder, written as the run goes, so that a run that failed or was
killed is there too.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from p4books.errors import DiskTrouble

_TABLES = """
create table if not exists run (
    id integer primary key, started_at real not null, ended_at real, outcome text
);
create table if not exists reading (
    run_id integer not null references run (id), endpoint text not null,
    started_at real not null, ended_at real not null, pages integer not null,
    announced integer not null, seen integer not null,
    complete integer not null, quiet integer not null,
    new integer not null, changed integer not null, gone integer not null,
    primary key (run_id, endpoint)
);
"""


@dataclass(frozen=True)
class Reading:
    """One scan of one endpoint; times in seconds since 1970, counts in rows."""

    endpoint: str
    started_at: float
    ended_at: float
    pages: int
    announced: int
    seen: int
    complete: bool
    quiet: bool
    new: int
    changed: int
    gone: int


@dataclass(frozen=True)
class Freshness:
    """How fresh an endpoint is: when its newest scan ended, and its newest complete one began."""

    current_to: float
    verified_to: float | None


class RunLog:
    """The log of one tenant's runs. Raises DiskTrouble where it can't be written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self) -> int:
        """Note that a run begins, and return its number."""
        with self._open() as store:
            return int(
                store.execute("insert into run (started_at) values (?)", (time.time(),)).lastrowid
                or 0
            )

    def note(self, run: int, reading: Reading) -> None:
        """Note what became of one endpoint; only call it when its rows are safe."""
        fields = list(vars(reading))
        marks = ", ".join(f":{field}" for field in fields)
        with self._open() as store:
            store.execute(
                f"insert or replace into reading (run_id, {', '.join(fields)})"
                f" values (:run_id, {marks})",
                {"run_id": run, **vars(reading)},
            )

    def end(self, run: int, outcome: str) -> None:
        """Note how a run ended."""
        with self._open() as store:
            store.execute(
                "update run set ended_at = ?, outcome = ? where id = ?",
                (time.time(), outcome, run),
            )

    def freshness(self) -> dict[str, Freshness]:
        """Return how fresh each endpoint is; one never read is absent."""
        try:
            if not self._path.exists():
                return {}
        except PermissionError:  # a reader of the published file need not see how it is made
            return {}
        with self._open() as store:
            rows = store.execute(
                "select endpoint, max(ended_at), max(case when complete then started_at end)"
                " from reading group by endpoint"
            ).fetchall()
        return {name: Freshness(current, verified) for name, current, verified in rows}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=30)) as store, store:
                self._path.chmod(0o600)
                store.executescript(_TABLES)
                yield store
        except sqlite3.Error as error:
            raise DiskTrouble(self._path, str(error)) from None
