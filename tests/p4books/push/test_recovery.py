"""Ledgers from a backup: their gap, and merging."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.p4books.push.conftest import AddEntry, make_draft

from p4books.push.errors import LedgerTrouble
from p4books.push.ledger import Ledger, list_entries, list_pushes
from p4books.push.recovery import is_continued, merge_ledger, open_gap
from p4books.push.types import CREATED, READY, REFUSED, SENDING, UNKNOWN

SINCE = datetime(2026, 11, 24, 12, tzinfo=UTC)


def fill(path: Path, states: dict[str, str], source: str = "vendors.csv") -> None:
    """Add a push with a record in each of these states, by code."""
    with Ledger(path) as ledger:
        push = ledger.begin_push("vendors", source, "here")
        for row, code in enumerate(states, 2):
            ledger.add(push, "vendors", make_draft(code, row=row))
    with closing(sqlite3.connect(path, isolation_level=None)) as con:
        for code, state in states.items():
            con.execute("update record set state = ? where code = ?", (state, code))


def read_states(path: Path) -> dict[str, str]:
    """Return the state of each record, by code."""
    with closing(sqlite3.connect(path)) as con:
        return dict(con.execute("select code, state from record order by code").fetchall())


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The path of a ledger from a backup."""
    return tmp_path / "old.sqlite"


def test_gap_and_back(ledger_path: Path, ledger: Ledger, add_entry: AddEntry) -> None:
    """What was not sent before a gap may have been sent in it; `close_gap` takes that back."""
    states = {"A": READY, "B": CREATED, "C": REFUSED, "D": UNKNOWN, "E": SENDING}
    for code, state in states.items():
        add_entry(code, state=state)

    open_gap(ledger_path, SINCE)

    assert read_states(ledger_path) == {**states, "A": UNKNOWN}
    entry = ledger.find_by_hash("vendors", make_draft("C").hash)
    assert entry
    assert entry.first_lost_at == "2026-11-24T12:00:00.000+00:00"
    ledger.close_gap()
    assert read_states(ledger_path) == {"B": CREATED, "C": REFUSED, "D": UNKNOWN, "E": SENDING}
    entry = ledger.find_by_hash("vendors", make_draft("C").hash)
    assert entry
    assert entry.first_lost_at is None
    assert ledger.load_gap() is None


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_gaps(order: tuple[int, int], ledger_path: Path, ledger: Ledger, old: Path) -> None:
    """A second gap before the first is closed makes one of both, whichever began earlier."""
    sinces = [SINCE, SINCE + timedelta(days=1)]
    fill(ledger_path, {"A": READY})
    open_gap(ledger_path, sinces[order[0]])
    fill(ledger_path, {"B": READY, "C": REFUSED}, source="later.csv")
    open_gap(ledger_path, sinces[order[1]])

    gap = ledger.load_gap()
    assert gap
    assert gap.since == SINCE.isoformat(timespec="milliseconds")
    shutil.copy(ledger_path, old)
    open_gap(old, SINCE - timedelta(days=1))
    merge_ledger(ledger_path, old)
    assert read_states(ledger_path) == {"A": UNKNOWN, "B": UNKNOWN, "C": REFUSED}
    ledger.close_gap()
    assert read_states(ledger_path) == {"C": REFUSED}
    entry = ledger.find_by_hash("vendors", make_draft("C").hash)
    assert entry
    assert entry.first_lost_at is None


def test_continued(ledger_path: Path, old: Path) -> None:
    """A ledger goes on from its copy, whatever it knows beside it, and from no other one."""
    fill(ledger_path, {"A": CREATED})
    shutil.copy(ledger_path, old)
    assert is_continued(ledger_path, old)
    fill(ledger_path, {"B": CREATED})
    assert is_continued(ledger_path, old)
    assert not is_continued(old, ledger_path)
    ledger_path.unlink()
    fill(ledger_path, {"A": CREATED}, source="other.csv")
    assert not is_continued(ledger_path, old)


@pytest.mark.parametrize(
    ("mine", "theirs", "after"),
    [
        (READY, CREATED, CREATED),
        (REFUSED, CREATED, CREATED),
        (UNKNOWN, CREATED, CREATED),
        (CREATED, UNKNOWN, CREATED),
        (CREATED, REFUSED, CREATED),
        (REFUSED, UNKNOWN, UNKNOWN),
        (READY, SENDING, SENDING),
        (UNKNOWN, READY, UNKNOWN),
        (READY, READY, UNKNOWN),  # it may have been sent in the gap
    ],
)
def test_states(mine: str, theirs: str, after: str, ledger_path: Path, old: Path) -> None:
    """Of a record that both know, that stays by which it may rather exist."""
    fill(ledger_path, {"A": mine})
    fill(old, {"A": theirs})
    with closing(sqlite3.connect(old, isolation_level=None)) as con:
        con.execute("insert into gap values (1, '2026-11-24', '2026-11-25')")

    merge_ledger(ledger_path, old)

    assert read_states(ledger_path) == {"A": after}


def test_merge(ledger_path: Path, old: Path) -> None:
    """All pushes are there with their rows, in order; merging again changes nothing."""
    fill(ledger_path, {"A": CREATED, "B": READY}, source="mine.csv")
    fill(old, {"B": CREATED, "C": UNKNOWN}, source="first.csv")
    fill(old, {"D": REFUSED}, source="second.csv")

    for _ in range(2):
        merge_ledger(ledger_path, old)

        pushes = [(push.push, push.source) for push in reversed(list_pushes(ledger_path))]
        assert pushes == [(1, "mine.csv"), (2, "first.csv"), (3, "second.csv")]
        rows = [[entry.code for entry in list_entries(ledger_path, push)] for push in (1, 2, 3)]
        assert rows == [["A", "B"], ["B", "C"], ["D"]]
        assert read_states(ledger_path) == {"A": CREATED, "B": CREATED, "C": UNKNOWN, "D": REFUSED}
    assert is_continued(ledger_path, old)
    with Ledger(ledger_path) as ledger:
        assert ledger.begin_push("vendors", "next.csv", "here") == 4


def test_damaged(ledger_path: Path, old: Path) -> None:
    """A ledger that cannot be read is an error, and the other one stays as it is."""
    fill(ledger_path, {"A": CREATED})
    old.write_bytes(b"no database" * 1000)

    with pytest.raises(LedgerTrouble):
        merge_ledger(ledger_path, old)
    assert read_states(ledger_path) == {"A": CREATED}
