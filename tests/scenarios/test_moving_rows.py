"""Copies that stay correct while rows move.

Rows are added, deleted and changed between any two requests, over several runs, some of which fail
or are killed. After each run the copy must keep these promises:

- A row that existed throughout a complete scan is in the copy, as it was at some instant of it.
- No row that still exists is ever closed.
- A deleted row is closed, at the latest, by the second complete scan that began after that.
- Each id has at most one active version; its versions follow each other, each newer than the last.
- Nothing is copied of a list before its first complete scan.

A scan that cannot promise this is not complete: many scans of a list without order, or with a
growing front, are disturbed by what moves. Without a `total` two equal passes prove it only if no
rows were both added and deleted meanwhile: such lists only grow here, or only shrink, and their
rows are closed by the second scan without them.

`make soak` tries thousands of examples, `make test` a few.
"""

import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from tests.scenarios.moving_books import Books, Change, Clock
from tests.scenarios.moving_copy import Copy, RunResult, Version, create_empty_warehouse

from p4books.errors import TooManyGone

EXAMPLES = int(os.environ.get("P4BOOKS_EXAMPLES", "24"))  # of all orders together

ORDERS: Mapping[str, Mapping[str, st.SearchStrategy[Any]]] = {
    "rising": {"grows": st.just("end"), "uuids": st.booleans(), "moments": st.just(1)},
    "falling": {"grows": st.just("front"), "uuids": st.booleans(), "moments": st.just(1)},
    "by date": {
        "grows": st.sampled_from(["end", "front", "end, among equals", "front, among equals"]),
        "uuids": st.just(True),
        "moments": st.integers(2, 9),
    },
    "none": {"grows": st.just("anywhere"), "uuids": st.booleans(), "moments": st.just(0)},
}

WHICH = st.integers(0, 999)
ADD = st.tuples(st.just("add"), WHICH)
DELETE = st.tuples(st.sampled_from(["delete", "delete newest"]), WHICH)
EDIT = st.tuples(st.just("change"), WHICH)
ANY_CHANGE = ADD | DELETE | EDIT
# If one row is added and one deleted at a time, `total` reveals nothing.
HIDDEN = st.tuples(DELETE, ADD) | st.tuples(ADD, DELETE) | st.tuples(ADD, EDIT, DELETE)
GAPS = st.lists(st.lists(ANY_CHANGE, max_size=3), min_size=1, max_size=15) | st.lists(
    HIDDEN | st.just(()), min_size=1, max_size=15
)
HOURS = st.sampled_from([0, 0, 2])
BUDGET = st.none() | st.integers(1, 12)
CALM = st.just([()])
ENDINGS = [
    "failing",
    "killed while reading",
    "killed before loading",
    "killed after loading",
    "killed before saving",
]


@dataclass
class Tally:
    """What was tried: runs, scans that came to their end, and requests they took."""

    runs: int = 0
    scans: int = 0
    complete: int = 0
    quiet: int = 0
    requests: int = 0
    least: int = 0

    def __str__(self) -> str:
        return (
            f"{self.runs:,} runs, {self.scans:,} scans: {self.complete:,} complete, "
            f"{self.quiet:,} of them quiet, {self.scans - self.complete:,} incomplete; "
            f"{self.requests - self.least:,} pages re-read beyond the least of {self.least:,}; "
            "rows lost: 0"
        )


class Moving(RuleBasedStateMachine):
    """A list whose rows move, and its copy."""

    def __init__(self, order: str, empty: Path, tally: Tally) -> None:
        super().__init__()
        self._order, self._empty, self._tally = order, empty, tally
        self._folder = Path(tempfile.mkdtemp(dir=empty.parent))
        self._previous: float | None = None  # when the last complete scan began
        self._is_copied = False
        self.copy: Copy | None = None

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """Create the books and an empty copy."""
        self._only = data.draw(st.sampled_from(["both", "both", "both", "add", "delete"]), "only")
        self.clock = Clock()
        self.books = Books(
            self.clock,
            size=data.draw(st.integers(2, 5), "size"),
            past=data.draw(st.sampled_from(["empty", "404", "again"]), "past"),
            total=self._only == "both",
            **{name: data.draw(kind, name) for name, kind in ORDERS[self._order].items()},
        )
        for _ in range(data.draw(st.integers(0, 40), "rows")):
            self.books.insert(data.draw(WHICH) if self.books.grows == "anywhere" else 0)
        self.copy = Copy(self.books, self._folder, self._empty)

    @rule(changes=st.lists(ANY_CHANGE, max_size=5))
    def change(self, changes: list[Change]) -> None:
        """Rows move while nobody reads."""
        self.books.apply(self._allowed(changes))

    @rule(gaps=GAPS | GAPS | CALM, runs=st.integers(2, 6), budget=BUDGET, hours=HOURS)
    def run(self, gaps: list[Any], runs: int, budget: int | None, hours: int) -> None:
        """Run a few times, at once or after some hours."""
        self.clock.now += hours * 3600
        self._run(gaps, budget, times=runs)

    @rule(gaps=GAPS, budget=BUDGET, ending=st.sampled_from(ENDINGS), at=st.integers(1, 15))
    def run_badly(self, gaps: list[Any], budget: int | None, ending: str, at: int) -> None:
        """Run once, and fail or be killed."""
        self._run(gaps, budget, ending, at)

    def teardown(self) -> None:
        """Once the list rests, one quiet scan makes the copy exact, or else two scans do."""
        if self.copy is None:
            return
        rests_since = self.clock()
        for _ in range(3):  # the first may finish an earlier scan
            last = self._run([()], None)
            scan = last and last.scan
            if scan and scan.outcome and scan.outcome.quiet and scan.started_at > rests_since:
                break
        if last and not last.faults:
            active = {v.id: v.revision for v in self.copy.versions() if v.until is None}
            assert active == {str(r.id): len(r.instants) - 1 for r in self.books.rows}
        self.copy.close()
        shutil.rmtree(self._folder)

    def _run(
        self,
        gaps: list[Any],
        budget: int | None,
        ending: str = "well",
        at: int = 0,
        times: int = 1,
    ) -> RunResult | None:
        assert self.copy is not None
        self.books.changes = cycle([self._allowed(changes) for changes in gaps])
        for _ in range(times):
            self._tally.runs += 1
            result = self.copy.run(budget, ending, at)
            versions = self.copy.versions()
            if result:
                self._check_scan(result, versions)
            self._check_versions(versions)
        return result

    def _allowed(self, changes: Iterable[Change]) -> list[Change]:
        """Drop what a list without a total cannot reveal: it only grows, or only shrinks."""
        never = {"add": {"delete", "delete newest"}, "delete": {"add"}}.get(self._only, set())
        return [change for change in changes if change[0] not in never]

    def _check_versions(self, versions: list[Version]) -> None:
        assert self.copy is not None
        assert self._is_copied or not versions, "copied before a complete scan"
        by_id: dict[str, list[Version]] = defaultdict(list)
        for version in versions:
            by_id[version.id].append(version)
        for id_, history in by_id.items():
            for version, following in pairwise(history):
                assert version.until is not None, f"{id_} has two active versions"
                assert version.since < version.until <= following.since
                assert version.revision < following.revision, f"{id_} went back"
            row = self.books.history[id_]
            is_deleted = row.deleted_at <= self.clock.now
            assert is_deleted or history[-1].until is None, f"{id_} was closed and still exists"
            assert history[-1].revision < len(row.instants)
        assert sorted(self.copy.seen()) == [v.id for v in versions if v.until is None]

    def _check_scan(self, result: RunResult, versions: list[Version]) -> None:
        scan, outcome = result.scan, result.scan.outcome
        if outcome is None:
            return
        self._tally.scans += 1
        self._tally.complete += outcome.complete
        self._tally.quiet += outcome.complete and outcome.quiet
        if scan.profile:
            self._tally.requests += max(scan.pages, scan.profile.requests)
            self._tally.least += scan.profile.requests
        if not (outcome.complete and result.loaded):  # others in place of all rows are not loaded
            return
        self._is_copied = True
        active = {v.id: v for v in versions if v.until is None}
        for id_, row in self.books.history.items():
            if row.existed(scan.started_at, scan.ended_at):
                assert id_ in active, f"{id_} existed throughout and is missing"
                assert active[id_].revision in row.revisions(scan.started_at, scan.ended_at)
        if self._previous and not any(isinstance(f, TooManyGone) for f in result.faults):
            for id_, row in self.books.history.items():
                assert id_ not in active or row.deleted_at > self._previous, f"{id_} is gone"
        self._previous = scan.started_at


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse without rows."""
    return create_empty_warehouse(tmp_path_factory.mktemp("moving"))


@pytest.fixture(scope="module")
def tallies() -> Iterator[dict[str, Tally]]:
    """What was tried, printed at the end."""
    tallies = {order: Tally() for order in ORDERS}
    yield tallies
    for order, tally in tallies.items():
        if tally.runs:
            sys.stdout.write(f"\n{order}: {tally}")


@pytest.mark.parametrize("order", ORDERS)
def test_rows_that_move(order: str, empty: Path, tallies: dict[str, Tally]) -> None:
    """Whatever moves, and however runs end, the copy keeps the promises above."""
    machine: Any = partial(Moving, order, empty, tallies[order])
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES // len(ORDERS),
            stateful_step_count=5,
            derandomize="P4BOOKS_EXAMPLES" not in os.environ,
        ),
    )
