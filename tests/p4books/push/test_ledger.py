"""Ledger of every record that was ever pushed."""

import re
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.p4books.push.conftest import AddEntry, make_draft

from p4books.errors import UsageError
from p4books.push import ledger as ledger_module
from p4books.push.errors import IllegalTransition, LedgerTrouble
from p4books.push.ledger import (
    BATCH,
    Ledger,
    list_entries,
    list_pushes,
)
from p4books.push.transitions import TRANSITIONS, Event
from p4books.push.types import CREATED, READY, REFUSED, SENDING, STATES, UNKNOWN, Entry

FULL = 2  # of SQLite's `synchronous`
LOST_AT = "2026-03-31T10:00:00.000+00:00"

# What the promise allows, written down a second time: what is not here is illegal.
ALLOWED = {
    # event, state before, lost before: state after
    (Event.ENQUEUED, READY, False): READY,
    (Event.ENQUEUED, REFUSED, False): READY,
    (Event.ENQUEUED, READY, True): UNKNOWN,
    (Event.ENQUEUED, REFUSED, True): UNKNOWN,
    (Event.ENQUEUED, UNKNOWN, False): UNKNOWN,
    (Event.ENQUEUED, UNKNOWN, True): UNKNOWN,
    (Event.SENT, READY, False): SENDING,
    (Event.SENT, UNKNOWN, False): SENDING,
    (Event.SENT, UNKNOWN, True): SENDING,
    (Event.NOT_TAKEN, SENDING, False): READY,
    (Event.NOT_TAKEN, SENDING, True): UNKNOWN,
    (Event.NOT_TAKEN, REFUSED, False): READY,
    (Event.NOT_TAKEN, UNKNOWN, True): UNKNOWN,
    (Event.CREATED, SENDING, False): CREATED,
    (Event.CREATED, SENDING, True): CREATED,
    (Event.CREATED, UNKNOWN, False): CREATED,
    (Event.CREATED, UNKNOWN, True): CREATED,
    (Event.REFUSED, SENDING, False): REFUSED,
    (Event.REFUSED, SENDING, True): UNKNOWN,
    (Event.REFUSED, UNKNOWN, False): REFUSED,
    (Event.CONFLICT, SENDING, False): UNKNOWN,
    (Event.CONFLICT, SENDING, True): UNKNOWN,
    (Event.LOST, SENDING, False): UNKNOWN,
    (Event.LOST, SENDING, True): UNKNOWN,
}
CHANGES: dict[Event, Callable[[Ledger, Entry], object]] = {
    Event.ENQUEUED: lambda ledger, entry: ledger.requeue(entry.push, entry, entry.row),
    Event.SENT: lambda ledger, entry: ledger.mark_sending(entry),
    Event.NOT_TAKEN: lambda ledger, entry: ledger.mark_not_taken(entry),
    Event.CREATED: lambda ledger, entry: ledger.mark_created(entry),
    Event.REFUSED: lambda ledger, entry: ledger.mark_refused(entry),
    Event.CONFLICT: lambda ledger, entry: ledger.mark_conflict(entry),
    Event.LOST: lambda ledger, entry: ledger.mark_lost(entry),
}


def _find(ledger: Ledger, entry: Entry) -> Entry:
    found = ledger.find_by_hash(entry.endpoint, entry.hash)
    assert found is not None
    return found


# Changes of state


@pytest.mark.parametrize("event", CHANGES)
def test_transitions(event: Event, ledger: Ledger, add_entry: AddEntry) -> None:
    """Every event takes a record from every state where the promise allows, and raises elsewhere.

    A record that an illegal event meets is unchanged.
    """
    for state in STATES:
        for lost in (False, True):
            code = f"{state} {lost}"
            before = add_entry(code, state=state, first_lost_at=LOST_AT if lost else None)
            allowed = ALLOWED.get((event, state, lost))

            if allowed is None:
                with pytest.raises(IllegalTransition):
                    CHANGES[event](ledger, before)
                assert _find(ledger, before) == before
                continue
            CHANGES[event](ledger, before)

            after = _find(ledger, before)
            assert after.state == allowed, code
            if lost:
                assert after.first_lost_at == LOST_AT


def test_interrupted_push(ledger: Ledger, add_entry: AddEntry) -> None:
    """Of all states, only what a killed push was sending changes: it is unknown, and lost."""
    entries = {state: add_entry(state, state=state) for state in STATES}
    ledger.mark_not_taken(entries[SENDING])
    ledger.mark_sending(entries[SENDING])

    interrupted = ledger.mark_interrupted()

    after = {state: _find(ledger, entry) for state, entry in entries.items()}
    assert interrupted == 1
    assert [after[state].state for state in STATES] == [READY, UNKNOWN, CREATED, REFUSED, UNKNOWN]
    assert after[SENDING].first_lost_at == after[SENDING].sent_at
    assert [after[state].first_lost_at for state in STATES if state != SENDING] == [None] * 4
    assert ledger.mark_interrupted() == 0


def test_every_event_is_in_the_table() -> None:
    """The table has every event, and the tests above call every one."""
    assert set(TRANSITIONS) == set(Event) == {*CHANGES, Event.INTERRUPTED}


def test_stale_entry(ledger: Ledger, add_entry: AddEntry) -> None:
    """The state in the ledger counts, not the one that the caller read once."""
    entry = add_entry("V-1")
    ledger.mark_sending(entry)
    ledger.mark_created(entry)

    with pytest.raises(IllegalTransition):
        ledger.mark_sending(entry)

    assert _find(ledger, entry).state == CREATED


def test_deferred_illegal_change(ledger: Ledger, add_entry: AddEntry) -> None:
    """An illegal change that was deferred raises when it is written."""
    ledger.mark_created(add_entry("V-1"), defer=True)

    with pytest.raises(IllegalTransition):
        ledger.flush()

    assert ledger.count_states(1) == {READY: 1}


def test_from_ready_to_created(ledger: Ledger, add_entry: AddEntry) -> None:
    """A record is ready, then being sent, then created; the time of each is kept."""
    entry = add_entry("V-1")

    ledger.mark_sending(entry)
    sending = _find(ledger, entry)
    ledger.mark_created(entry, id="7", given_code="V-1", status=201)
    created = _find(ledger, entry)

    assert (entry.state, entry.sent_at) == (READY, None)
    assert (sending.state, sending.answered_at) == (SENDING, None)
    assert (created.state, created.id, created.status) == (CREATED, "7", 201)
    assert created.ready_at <= (created.sent_at or "") <= (created.answered_at or "")


def test_resend_clears_the_last_outcome(ledger: Ledger, add_entry: AddEntry) -> None:
    """A record that is sent once more has nothing of its last response; when it was lost stays."""
    entry = add_entry("V-1")
    ledger.mark_sending(entry)
    ledger.mark_lost(entry, status=500, answer="x", note="y")
    ledger.annotate(entry, note="z", sought_at="now")

    ledger.mark_sending(entry)

    sending = _find(ledger, entry)
    assert (sending.status, sending.answer, sending.note, sending.sought_at) == (None,) * 4
    assert sending.first_lost_at


def test_never_ready_again(ledger: Ledger, add_entry: AddEntry) -> None:
    """A record that was lost once is unknown after a resend that was not taken; it stays."""
    entry = add_entry("V-1")
    ledger.mark_sending(entry)
    ledger.mark_lost(entry)
    first = _find(ledger, entry).first_lost_at
    ledger.mark_sending(entry)

    ledger.mark_not_taken(entry, status=429)
    ledger.delete_unsent(entry)

    now = _find(ledger, entry)
    assert (now.state, now.status, now.first_lost_at) == (UNKNOWN, 429, first)
    assert (now.sent_at or "") >= (first or "")


# Deferred writes


def _read_states(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as other:
        return [state for (state,) in other.execute("select state from record order by record")]


def test_deferred_change(ledger: Ledger, add_entry: AddEntry, ledger_path: Path) -> None:
    """A deferred change is written together with the next record that is sent."""
    first, second = add_entry("V-1"), add_entry("V-2")
    ledger.mark_sending(first)

    ledger.mark_refused(first, defer=True)
    before = _read_states(ledger_path)
    ledger.mark_sending(second)

    assert before == [SENDING, READY]
    assert _read_states(ledger_path) == [REFUSED, SENDING]


@pytest.mark.parametrize(
    "access", [Ledger.flush, Ledger.mark_interrupted, lambda ledger: ledger.count_states(1)]
)
def test_deferred_change_is_written_first(
    access: Callable[[Ledger], object], ledger: Ledger, add_entry: AddEntry, ledger_path: Path
) -> None:
    """A deferred change is written before anything else is, before a wait, and before a query."""
    entry = add_entry("V-1")
    ledger.mark_sending(entry)
    ledger.mark_refused(entry, defer=True)

    access(ledger)

    assert _read_states(ledger_path) == [REFUSED]


def test_synchronous(ledger: Ledger) -> None:
    """The ledger waits until everything it writes is on disk, past the drive's own cache."""
    settings = [
        ledger._opened.execute(f"pragma {name}").fetchone()[0]
        for name in ("synchronous", "fullfsync", "checkpoint_fullfsync")
    ]

    assert settings == [FULL, 1, 1]


# Entries


def test_same_content_twice(ledger: Ledger, add_entry: AddEntry) -> None:
    """A record is in the ledger once, whatever file it comes from."""
    add_entry("V-1")

    with pytest.raises(LedgerTrouble):
        ledger.add(1, "vendors", make_draft("V-1"))


def test_list_with_code(ledger: Ledger, add_entry: AddEntry) -> None:
    """Entries are found by their code; a refused one is not, since it is not a record."""
    add_entry("V-1", state=REFUSED)
    add_entry("V-1", phone="1")

    found = ledger.list_with_code("vendors", "V-1")

    assert [entry.body for entry in found] == [make_draft("V-1", phone="1").body]


UUID = "5f0c8a52-6b1d-4e7a-9c3e-0a1b2c3d4e5f"


@pytest.mark.parametrize("code", ["v-1", "V-1\u200b", " V-1\n"])
def test_list_with_code_in_another_spelling(ledger: Ledger, add_entry: AddEntry, code: str) -> None:
    """Entries are found by any spelling of their code."""
    entry = add_entry("V-1")

    assert ledger.list_with_code("vendors", code) == [entry]


def test_ledger_of_an_earlier_version(ledger_path: Path, add_entry: AddEntry) -> None:
    """A ledger of before gets the codes as they are compared, and the one spelling of ids."""
    entry = add_entry("V-1", state=CREATED)
    with closing(sqlite3.connect(ledger_path, isolation_level=None)) as old:
        old.execute("drop index record_code_key")
        old.execute("alter table record drop column code_key")
        old.execute("update record set id = ?", [UUID.upper()])
        old.execute("pragma user_version = 0")

    with Ledger(ledger_path) as ledger:
        (found,) = ledger.list_with_code("vendors", "v-1")
        assert (found.record, found.id) == (entry.record, UUID)
        assert ledger.find_by_id("vendors", UUID.upper()) == found


def test_transaction(ledger: Ledger) -> None:
    """What is not to be committed leaves no trace, and neither does what an error interrupts."""

    @contextmanager
    def fill(*, commit: bool) -> Iterator[None]:
        with ledger.transaction(commit_if=lambda: commit):
            ledger.add(ledger.begin_push("vendors", "x", "here"), "vendors", make_draft("V-1"))
            yield

    with fill(commit=False):
        pass
    with pytest.raises(UsageError), fill(commit=True):
        raise UsageError("x")
    before = ledger.find_by_hash("vendors", make_draft("V-1").hash)
    with fill(commit=True):
        pass

    assert before is None
    assert ledger.find_by_hash("vendors", make_draft("V-1").hash) is not None


def test_entries_that_change_meanwhile(ledger: Ledger, add_entry: AddEntry) -> None:
    """Ready entries are yielded once each, although each has another state by then."""
    with ledger.transaction():
        push = ledger.begin_push("vendors", "x", "here")
        for number in range(2 * BATCH + 3):
            ledger.add(push, "vendors", make_draft(f"V-{number}", row=number))

    yielded = 0
    for entry in ledger.entries(push, READY):
        ledger.mark_sending(entry)
        ledger.mark_created(entry, defer=True)
        yielded += 1

    assert yielded == 2 * BATCH + 3
    assert ledger.count_states(push)[CREATED] == yielded


@pytest.mark.parametrize(("given", "renumbered"), [("V-1", False), ("X-9", True), (None, True)])
def test_last_renumbered(
    ledger: Ledger, add_entry: AddEntry, given: str | None, renumbered: bool
) -> None:
    """A record with another code, or without one, shows that the tenant assigns its own codes."""
    ledger.mark_created(add_entry("V-1", state=UNKNOWN), id="1", given_code=given)

    assert (ledger.last_renumbered("vendors") is not None) is renumbered
    assert ledger.last_renumbered("products") is None


def test_renumbered_long_ago(ledger: Ledger, add_entry: AddEntry) -> None:
    """The last record counts: one odd code long ago says nothing of now."""
    ledger.mark_created(add_entry("V-1", state=UNKNOWN), id="1", given_code="X")
    ledger.mark_created(add_entry("V-2", state=UNKNOWN), id="2", given_code="V-2")

    assert ledger.last_renumbered("vendors") is None


def test_delete_unsent(ledger: Ledger, add_entry: AddEntry) -> None:
    """Only a record that was never sent can be deleted."""
    kept = [add_entry(state, state=state) for state in STATES if state != READY]
    kept.append(add_entry("lost", first_lost_at=LOST_AT))

    for entry in [add_entry("V-1"), *kept]:
        ledger.delete_unsent(entry)

    assert list(ledger.entries(1)) == kept


# The file


def test_permissions(ledger: Ledger, ledger_path: Path) -> None:
    """Only its owner can read what was sent."""
    assert stat.S_IMODE(ledger_path.stat().st_mode) == 0o600


def test_not_a_ledger(ledger_path: Path) -> None:
    """A file that is not a ledger is reported in a sentence, and stays as it is."""
    body = b"something else, that is long enough to be a file" * 99
    ledger_path.write_bytes(body)

    with pytest.raises(LedgerTrouble, match="nothing is sent without it"), Ledger(ledger_path):
        pass
    with pytest.raises(LedgerTrouble):
        list_pushes(ledger_path)

    assert ledger_path.read_bytes() == body


def test_no_ledger_yet(ledger_path: Path) -> None:
    """Before the first push there are no pushes, and listing them creates no file."""
    assert list_pushes(ledger_path) == []
    assert list(list_entries(ledger_path, 1)) == []
    assert not ledger_path.exists()


# Pushes


def test_list_pushes(ledger: Ledger, add_entry: AddEntry, ledger_path: Path) -> None:
    """Each push has its counts, the newest first, while the ledger is open for writing."""
    states = (CREATED, CREATED, REFUSED, UNKNOWN, SENDING, READY)
    for number, state in enumerate(states):
        add_entry(f"V-{number}", row=number + 2, state=state)
    ledger.record_counts(1, rows=9, bad=1, already=2)
    ledger.end_push(1, "done")
    ledger.begin_push("products", "query", "here")

    newer, older = list_pushes(ledger_path)

    assert (newer.push, newer.endpoint, newer.source) == (2, "products", "query")
    assert (newer.outcome, newer.ended_at) == ("killed", None)
    assert (older.rows, older.bad, older.already) == (9, 1, 2)
    assert (older.created, older.refused, older.unknown) == (2, 1, 2)
    assert (older.ready, older.outcome, older.address) == (1, "done", "here")


def test_last_pushes(ledger: Ledger, ledger_path: Path) -> None:
    """Only as many pushes are listed as requested."""
    for _ in range(3):
        ledger.begin_push("vendors", "x", "here")

    assert [push.push for push in list_pushes(ledger_path, last=2)] == [3, 2]


def test_list_entries(add_entry: AddEntry, ledger_path: Path) -> None:
    """The entries of a push are in the order of its file."""
    add_entry("V-2", row=3)
    add_entry("V-1", row=2)

    assert [entry.code for entry in list_entries(ledger_path, 1)] == ["V-1", "V-2"]


def test_entries_of_two_pushes(ledger: Ledger, add_entry: AddEntry, ledger_path: Path) -> None:
    """A record that two pushes were given is listed for both, with the push that sent it."""
    created, ready = add_entry("V-1", row=2, state=CREATED), add_entry("V-2", row=3)
    second = ledger.begin_push("vendors", "y.csv", "here")
    ledger.link_row(second, 7, created.record, already=True)
    ledger.requeue(second, ready, 8)

    def rows(push: int) -> list[tuple[int, str, int]]:
        return [(it.row, it.code, it.push) for it in list_entries(ledger_path, push)]

    assert rows(1) == [(2, "V-1", 1), (3, "V-2", second)]
    assert rows(second) == [(7, "V-1", 1), (8, "V-2", second)]
    assert [(push.created, push.ready) for push in list_pushes(ledger_path)] == [(0, 1), (1, 1)]


def test_table_in_the_readme() -> None:
    """The README shows exactly the changes of state that the table in the code allows."""
    text = (Path(ledger_module.__file__).parent / "README.md").read_text(encoding="utf-8")
    _, table = text.split("| event | from | to | if it was lost before |\n", 1)
    shown = set()
    for line in table.split("\n\n", 1)[0].splitlines()[1:]:
        before, after, if_lost = (
            re.findall(r"`(\w+)`", cell) for cell in line.strip("|").split("|")[1:]
        )
        shown |= {(state, *(after or [None]), *(if_lost or [None])) for state in before}

    assert shown == {
        (state, *following)
        for states in TRANSITIONS.values()
        for state, following in states.items()
    }
