"""Is the copy right, whatever moves while it is made?

Rows come, go and change between any two requests, while scans run, over several runs, in runs that
fail or are killed. What is promised of the copy is checked after each run:

- A row that stood throughout a complete scan is held, as it stood at some instant of the scan.
- No row that still stands is ever closed.
- A row that went is closed, at the latest, by the second complete scan that began after it went.
- Each id has one present version at most; its versions follow each other, each newer than the last.
- Nothing is held of a list before its first complete scan.

A scan for which this cannot be promised is not called complete: so many readings of a list without
order, or looks at the front of one, are spoilt by what moves. Without a `total` two readings that
agree prove it only where rows did not both come and go meanwhile: such lists only grow here, or
only shrink, and their rows are closed by the second scan that lacks them.
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
from tests.scenarios.moving_books import Books, Clock, Move
from tests.scenarios.moving_copy import Copy, Taken, Version, blank

from p4books.errors import TooManyGone

EXAMPLES = int(os.environ.get("P4BOOKS_EXAMPLES", "200"))  # of all orders together

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
COME = st.tuples(st.just("come"), WHICH)
GO = st.tuples(st.sampled_from(["go", "go again"]), WHICH)
CHANGE = st.tuples(st.just("change"), WHICH)
MOVE = COME | GO | CHANGE
# Where one comes and one goes at a time, `total` tells nothing.
HIDDEN = st.tuples(GO, COME) | st.tuples(COME, GO) | st.tuples(COME, CHANGE, GO)
GAPS = st.lists(st.lists(MOVE, max_size=3), min_size=1, max_size=15) | st.lists(
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
    "killed before learning",
]


@dataclass
class Tally:
    """What was tried: so many scans came to their end, so many requests did they take."""

    runs: int = 0
    scans: int = 0
    complete: int = 0
    quiet: int = 0
    requests: int = 0
    least: int = 0

    def __str__(self) -> str:
        return (
            f"{self.runs:,} runs, {self.scans:,} scans: {self.complete:,} complete, "
            f"{self.quiet:,} of them quiet, {self.scans - self.complete:,} refused; "
            f"{self.requests - self.least:,} pages re-read beyond the least of {self.least:,}; "
            "rows lost: 0"
        )


class Moving(RuleBasedStateMachine):
    """A list that moves, and its copy."""

    def __init__(self, order: str, empty: Path, tally: Tally) -> None:
        super().__init__()
        self._order, self._empty, self._tally = order, empty, tally
        self._folder = Path(tempfile.mkdtemp(dir=empty.parent))
        self._previous: float | None = None  # when the last complete scan began
        self._whole = False
        self.copy: Copy | None = None

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """Open the books and an empty copy."""
        self._only = data.draw(st.sampled_from(["both", "both", "both", "come", "go"]), "only")
        self.clock = Clock()
        self.books = Books(
            self.clock,
            size=data.draw(st.integers(2, 5), "size"),
            past=data.draw(st.sampled_from(["empty", "404", "again"]), "past"),
            total=self._only == "both",
            **{name: data.draw(each, name) for name, each in ORDERS[self._order].items()},
        )
        for _ in range(data.draw(st.integers(0, 40), "rows")):
            self.books.insert(data.draw(WHICH) if self.books.grows == "anywhere" else 0)
        self.copy = Copy(self.books, self._folder, self._empty)

    @rule(moves=st.lists(MOVE, max_size=5))
    def move(self, moves: list[Move]) -> None:
        """Rows move while nobody reads."""
        self.books.move(self._allowed(moves))

    @rule(gaps=GAPS | GAPS | CALM, runs=st.integers(2, 6), budget=BUDGET, hours=HOURS)
    def run(self, gaps: list[Any], runs: int, budget: int | None, hours: int) -> None:
        """Run a few times, at once or after some hours."""
        self.clock.now += hours * 3600
        self._run(gaps, budget, times=runs)

    @rule(gaps=GAPS, budget=BUDGET, ending=st.sampled_from(ENDINGS), at=st.integers(1, 15))
    def run_badly(self, gaps: list[Any], budget: int | None, ending: str, at: int) -> None:
        """Run once, and do not come to the end."""
        self._run(gaps, budget, ending, at)

    def teardown(self) -> None:
        """In a list that rests at last, one quiet scan makes the copy exact, or else two do."""
        if self.copy is None:
            return
        began = self.clock()
        for _ in range(3):  # the first may end a scan that began before
            last = self._run([()], None)
            scan = last and last.scan
            if scan and scan.outcome and scan.outcome.quiet and scan.started_at > began:
                break
        if last and not last.faults:
            present = {v.id: v.revision for v in self.copy.versions() if v.until is None}
            assert present == {str(r.id): len(r.instants) - 1 for r in self.books.rows}
        self.copy.close()
        shutil.rmtree(self._folder)

    def _run(
        self,
        gaps: list[Any],
        budget: int | None,
        ending: str = "well",
        at: int = 0,
        times: int = 1,
    ) -> Taken | None:
        assert self.copy is not None
        self.books.moves = cycle([self._allowed(moves) for moves in gaps])
        for _ in range(times):
            self._tally.runs += 1
            taken = self.copy.run(budget, ending, at)
            versions = self.copy.versions()
            if taken:
                self._check_scan(taken, versions)
            self._check(versions)
        return taken

    def _allowed(self, moves: Iterable[Move]) -> list[Move]:
        """Without a total a list can be read rightly where rows only come, or only go."""
        never = {"come": {"go", "go again"}, "go": {"come"}}.get(self._only, set())
        return [move for move in moves if move[0] not in never]

    def _check(self, versions: list[Version]) -> None:
        assert self.copy is not None
        assert self._whole or not versions, "held before it was whole"
        by_id: dict[str, list[Version]] = defaultdict(list)
        for version in versions:
            by_id[version.id].append(version)
        for row, those in by_id.items():
            for one, following in pairwise(those):
                assert one.until is not None, f"{row} is there twice"
                assert one.since < one.until <= following.since
                assert one.revision < following.revision, f"{row} went back"
            gone = self.books.ever[row].gone_at <= self.clock.now
            assert gone or those[-1].until is None, f"{row} was closed and still stands"
            assert those[-1].revision < len(self.books.ever[row].instants)
        assert sorted(self.copy.seen()) == [v.id for v in versions if v.until is None]

    def _check_scan(self, taken: Taken, versions: list[Version]) -> None:
        scan, verdict = taken.scan, taken.scan.outcome
        if verdict is None:
            return
        self._tally.scans += 1
        self._tally.complete += verdict.complete
        self._tally.quiet += verdict.complete and verdict.quiet
        if scan.profile:
            self._tally.requests += max(scan.pages, scan.profile.requests)
            self._tally.least += scan.profile.requests
        if not verdict.complete:
            return
        self._whole = True
        present = {v.id: v for v in versions if v.until is None}
        for row, each in self.books.ever.items():
            if each.stood(scan.started_at, scan.ended_at):
                assert row in present, f"{row} stood all the time and is not held"
                assert present[row].revision in each.revisions(scan.started_at, scan.ended_at)
        if self._previous and not any(isinstance(f, TooManyGone) for f in taken.faults):
            for row, each in self.books.ever.items():
                assert row not in present or each.gone_at > self._previous, f"{row} is gone"
        self._previous = scan.started_at


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that holds nothing yet."""
    return blank(tmp_path_factory.mktemp("moving"))


@pytest.fixture(scope="module")
def tallies() -> Iterator[dict[str, Tally]]:
    """What was tried, told at the end."""
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
        settings=settings(max_examples=EXAMPLES // len(ORDERS), stateful_step_count=5),
    )
