"""What was sent, and what became of it?"""

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.p4books.push.conftest import Enter, draft

from p4books.errors import UsageError
from p4books.push.errors import LedgerTrouble
from p4books.push.ledger import COMMIT_BATCH, Ledger
from p4books.push.types import CREATED, READY, REFUSED, SENDING, UNKNOWN

FULL = 2  # of SQLite's `synchronous`


def test_a_row_from_ready_to_created(ledger: Ledger, enter: Enter) -> None:
    """A row is ready, then being sent, then created; the times of each are kept."""
    entry = enter("V-1")

    ledger.sending(entry)
    sending = ledger.find("vendors", entry.hash)
    ledger.became(entry, CREATED, id="7", given_code="V-1", status=201)
    created = ledger.find("vendors", entry.hash)

    assert (entry.state, entry.sent_at) == (READY, None)
    assert sending is not None
    assert created is not None
    assert (sending.state, sending.answered_at) == (SENDING, None)
    assert (created.state, created.id, created.status) == (CREATED, "7", 201)
    assert created.ready_at <= (created.sent_at or "") <= (created.answered_at or "")


def test_soon(ledger: Ledger, enter: Enter, tmp_path: Path) -> None:
    """What may wait is written with the next row that is sent, together, and so on the disk."""
    first, second = enter("V-1"), enter("V-2")
    ledger.sending(first)

    ledger.became(first, REFUSED, soon=True)
    before = _states(tmp_path)
    ledger.sending(second)

    assert before == [SENDING, READY]
    assert _states(tmp_path) == [REFUSED, SENDING]


@pytest.mark.parametrize("ask", [Ledger.flush, Ledger.doubt, lambda ledger: ledger.states(1)])
def test_soon_is_not_late(
    ask: Callable[[Ledger], object], ledger: Ledger, enter: Enter, tmp_path: Path
) -> None:
    """What may wait is written before anything else is, before a wait, and before who asks."""
    entry = enter("V-1")
    ledger.sending(entry)
    ledger.became(entry, REFUSED, soon=True)

    ask(ledger)

    assert _states(tmp_path) == [REFUSED]


def _states(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as other:
        return [state for (state,) in other.execute("select state from record order by record")]


def test_as_it_is_opened(ledger: Ledger) -> None:
    """A ledger waits for the disk with all that it writes, and for the drive's own memory."""
    settings = [
        ledger._open.execute(f"pragma {name}").fetchone()[0]
        for name in ("synchronous", "fullfsync", "checkpoint_fullfsync")
    ]

    assert settings == [FULL, 1, 1]


def test_a_dead_push(ledger: Ledger, enter: Enter) -> None:
    """What a dead push was sending is unknown; what it had not begun to send is ready."""
    sent, _ = enter("V-1"), enter("V-2")
    ledger.sending(sent)

    doubted = ledger.doubt()

    assert doubted == 1
    assert [(entry.state, bool(entry.left_at)) for entry in ledger.rows(1)] == [
        (UNKNOWN, True),
        (READY, False),
    ]


def test_never_ready_again(ledger: Ledger, enter: Enter) -> None:
    """A row that was once lost is unknown after every try that was not taken, and not forgotten."""
    entry = enter("V-1")
    ledger.sending(entry)
    ledger.lost(entry)
    first = next(ledger.rows(1)).left_at
    ledger.sending(entry)

    ledger.back(entry)
    ledger.drop(entry)

    (now,) = ledger.rows(1)
    assert (now.state, now.left_at) == (UNKNOWN, first)
    assert (now.sent_at or "") >= (first or "")


def test_back(ledger: Ledger, enter: Enter) -> None:
    """A row that was certainly not taken is ready again."""
    entry = enter("V-1")
    ledger.sending(entry)

    ledger.back(entry, status=429)

    (now,) = ledger.rows(1)
    assert (now.state, now.left_at, now.status) == (READY, None, 429)


def test_the_same_row(ledger: Ledger, enter: Enter) -> None:
    """A row stands once in the ledger, whatever file it comes from."""
    enter("V-1")

    with pytest.raises(LedgerTrouble):
        ledger.take(1, "vendors", draft("V-1"))


def test_with_code(ledger: Ledger, enter: Enter) -> None:
    """Rows are found by their code; a refused one is none, since it made no record."""
    refused = enter("V-1")
    enter("V-1", phone="1")
    ledger.became(refused, REFUSED)

    found = ledger.with_code("vendors", "V-1")

    assert [entry.body for entry in found] == [draft("V-1", phone="1").body]


def _interrupted(ledger: Ledger) -> None:
    with ledger.all_or_none(lambda: True):
        ledger.take(ledger.begin("vendors", "y", "here"), "vendors", draft("V-1"))
        raise UsageError("x")


def test_all_or_none(ledger: Ledger) -> None:
    """What is not to be kept leaves no trace, and neither does what an error interrupts."""

    def fill(*, keep: bool) -> None:
        with ledger.all_or_none(lambda: keep):
            push = ledger.begin("vendors", "x", "here")
            ledger.take(push, "vendors", draft("V-1"))
            if not keep:
                return

    fill(keep=False)
    with pytest.raises(UsageError):
        _interrupted(ledger)
    before = ledger.find("vendors", draft("V-1").hash)
    fill(keep=True)

    assert before is None
    assert ledger.find("vendors", draft("V-1").hash) is not None


def test_rows_while_they_change(ledger: Ledger, enter: Enter) -> None:
    """Rows that are ready are given once each, though each is another's state by then."""
    for number in range(2 * COMMIT_BATCH + 3):
        enter(f"V-{number}")

    given = 0
    for entry in ledger.rows(1, READY):
        ledger.became(entry, CREATED, soon=True)
        given += 1

    assert given == 2 * COMMIT_BATCH + 3
    assert ledger.states(1)[CREATED] == given


def test_renumbered_once(ledger: Ledger, enter: Enter) -> None:
    """What the last record got counts: one odd code long ago says nothing of now."""
    ledger.became(enter("V-1"), CREATED, id="1", given_code="X")
    ledger.became(enter("V-2"), CREATED, id="2", given_code="V-2")

    assert ledger.renumbered("vendors") is None


@pytest.mark.parametrize(("given", "renumbered"), [("V-1", False), ("X-9", True), (None, True)])
def test_renumbered(ledger: Ledger, enter: Enter, given: str | None, renumbered: bool) -> None:
    """A record that got another code, or none that is told, shows that the tenant numbers it."""
    ledger.became(enter("V-1"), CREATED, id="1", given_code=given)

    assert (ledger.renumbered("vendors") is not None) is renumbered
    assert ledger.renumbered("products") is None


def test_drop(ledger: Ledger, enter: Enter) -> None:
    """Only a row that was never sent can be forgotten."""
    ready, sent = enter("V-1"), enter("V-2")
    ledger.became(sent, CREATED)

    ledger.drop(ready)
    ledger.drop(sent)

    assert [entry.code for entry in ledger.rows(1)] == ["V-2"]


def test_only_for_us(ledger: Ledger, tmp_path: Path) -> None:
    """Nobody else may read what was sent."""
    assert stat.S_IMODE((tmp_path / "ledger.sqlite").stat().st_mode) == 0o600


def test_no_ledger(tmp_path: Path) -> None:
    """A file that is no ledger is told in a sentence, and is left as it is."""
    (tmp_path / "x.sqlite").write_bytes(b"something else, that is long enough to be a file" * 99)

    with (
        pytest.raises(LedgerTrouble, match="nothing is sent without it"),
        Ledger(tmp_path / "x.sqlite"),
    ):
        pass

    assert (tmp_path / "x.sqlite").read_bytes().startswith(b"something else")
