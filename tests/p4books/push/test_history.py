"""Which pushes were there, and what became of their rows?"""

from pathlib import Path

import pytest
from tests.p4books.push.conftest import Enter

from p4books.push.errors import LedgerTrouble
from p4books.push.ledger import Ledger, list_entries, list_pushes
from p4books.push.types import CREATED, REFUSED, UNKNOWN


def test_pushes(ledger: Ledger, enter: Enter, tmp_path: Path) -> None:
    """Each push has its counts, the newest first, while the ledger is open for writing."""
    for number, state in enumerate((CREATED, CREATED, REFUSED, UNKNOWN)):
        ledger.became(enter(f"V-{number}", row=number + 2), state)
    ledger.sending(enter("V-8", row=8))
    enter("V-9", row=9)
    ledger.count(1, rows=9, bad=1, already=2)
    ledger.end(1, "done")
    ledger.begin("products", "query", "here")

    newer, older = list_pushes(tmp_path / "ledger.sqlite")

    assert (newer.push, newer.endpoint, newer.source, newer.outcome) == (
        2,
        "products",
        "query",
        "killed",
    )
    assert (older.rows, older.bad, older.already) == (9, 1, 2)
    assert (older.created, older.refused, older.unknown) == (2, 1, 2)
    assert (older.ready, older.outcome, older.address) == (1, "done", "here")


def test_last(ledger: Ledger, tmp_path: Path) -> None:
    """Only as many as are wished are told."""
    for _ in range(3):
        ledger.begin("vendors", "x", "here")

    assert [each.push for each in list_pushes(tmp_path / "ledger.sqlite", last=2)] == [3, 2]


def test_rows(enter: Enter, tmp_path: Path) -> None:
    """The rows of a push stand as in its file."""
    enter("V-2", row=3)
    enter("V-1", row=2)

    assert [entry.code for entry in list_entries(tmp_path / "ledger.sqlite", 1)] == ["V-1", "V-2"]


def test_what_another_push_sent(ledger: Ledger, enter: Enter, tmp_path: Path) -> None:
    """A row that two pushes were given is among the rows of both, and names who sent it."""
    before, ready = enter("V-1", row=2), enter("V-2", row=3)
    ledger.became(before, CREATED)
    second = ledger.begin("vendors", "y.csv", "here")
    ledger.part(second, 7, before.record, already=True)
    ledger.take_over(second, ready, 8)

    first = [(e.row, e.code, e.push) for e in list_entries(tmp_path / "ledger.sqlite", 1)]
    again = [(e.row, e.code, e.push) for e in list_entries(tmp_path / "ledger.sqlite", second)]
    counts = [(each.created, each.ready) for each in list_pushes(tmp_path / "ledger.sqlite")]

    assert first == [(2, "V-1", 1), (3, "V-2", second)]
    assert again == [(7, "V-1", 1), (8, "V-2", second)]
    assert counts == [(0, 1), (1, 1)]


def test_no_ledger_yet(tmp_path: Path) -> None:
    """Where nothing was pushed there are no pushes, and looking makes no file."""
    assert list_pushes(tmp_path / "ledger.sqlite") == []
    assert list(list_entries(tmp_path / "ledger.sqlite", 1)) == []
    assert not (tmp_path / "ledger.sqlite").exists()


def test_no_ledger(tmp_path: Path) -> None:
    """A file that is no ledger is told in a sentence."""
    (tmp_path / "ledger.sqlite").write_bytes(b"something else, that is long enough" * 99)

    with pytest.raises(LedgerTrouble):
        list_pushes(tmp_path / "ledger.sqlite")
