"""Types that travel through a push."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from p4books.errors import P4BooksError


@dataclass(frozen=True)
class SourceRow:
    """A row of a file, or of a query's answer, as it is written there.

    `number` is where a person finds it: the line of a CSV or ndjson file, the row of a sheet (the
    header is 1), else its place from 1. `values` are by column, in the file's own spelling: text,
    int, Decimal, bool, date, datetime or None, and lists of objects where the file is nested. A
    number with a fraction is a Decimal, never a float.
    """

    number: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Draft:
    """One record, checked, as it will be sent.

    `row` is where it begins in the file; `body` its JSON, names sorted, nulls left out, numbers
    exact; `hash` is the SHA-256 of endpoint and body: two rows with the same hash are the same.
    `stands_as` is the id of the record that has its code in the books already, be it in another
    spelling, and `stands_code` how it is spelt there; None where none has.
    """

    row: int
    code: str
    body: bytes
    hash: str
    stands_as: str | None = None
    stands_code: str | None = None


@dataclass(frozen=True)
class Fault:
    """One value that can't be sent: where it stands, what is wrong with it, what to do.

    `row` is the file's row (Row.number), 0 where the fault is of no row; `column` the file's own
    name of it; `value` as it is written there; `what` and `remedy` are sentences. `record` is the
    row where its record begins, 0 where it is told once for all records that have it.
    """

    row: int
    column: str
    value: str
    what: str
    remedy: str
    record: int = 0


READY, SENDING, CREATED, REFUSED, UNKNOWN = "ready", "sending", "created", "refused", "unknown"
STATES = (READY, SENDING, CREATED, REFUSED, UNKNOWN)

TABLES = """
create table if not exists push (
    push integer primary key, endpoint text not null, source text not null,
    address text not null, began_at text not null, ended_at text,
    outcome text not null default 'killed',
    rows integer not null default 0, bad integer not null default 0,
    already integer not null default 0
);
create table if not exists record (
    record integer primary key, push integer not null, endpoint text not null,
    row integer not null, code text not null, hash text not null, body blob not null,
    state text not null, ready_at text not null, sent_at text, left_at text, answered_at text,
    sought_at text, status integer, answer text, id text, given_code text, differs text, note text,
    unique (endpoint, hash)
);
create table if not exists part (
    push integer not null, row integer not null, record integer not null, already integer not null,
    primary key (push, row)
) without rowid;
create index if not exists record_code on record (endpoint, code);
create index if not exists record_push on record (push, record);
create index if not exists record_id on record (endpoint, id);
"""


@dataclass(frozen=True)
class Entry:
    """One row of the ledger; instants are ISO 8601 in UTC, None where it did not come to that.

    `row` is its row in the file of its push. `left_at` is when it was first sent without learning
    what became of it: from then on it may stand there, and it is never *ready* again. `sought_at`
    is when the last complete reading of the list began that did not show it. `answer` is what P4
    Books said (its beginning), `status` with which status, `id` and `given_code` what the record is
    called there, `differs` the fields that hold something else there. `note` is what the user
    should know of it.
    """

    record: int
    push: int
    endpoint: str
    row: int
    code: str
    hash: str
    body: bytes
    state: str
    ready_at: str
    sent_at: str | None
    left_at: str | None
    answered_at: str | None
    sought_at: str | None
    status: int | None
    answer: str | None
    id: str | None
    given_code: str | None
    differs: str | None
    note: str | None


COLUMNS = ", ".join(each.name for each in fields(Entry))  # whatever a later p4books adds


@dataclass(frozen=True)
class Push:
    """One push: what it was given, how it ended, and how many of its rows are in each state.

    `rows` are the records it was given, `bad` those with a fault, `already` those that an earlier
    push had sent; what is being sent is counted as unknown. A row that a later push takes up is
    counted there. `address` is that of P4 Books.
    """

    push: int
    endpoint: str
    source: str
    address: str
    began_at: str
    ended_at: str | None
    outcome: str
    rows: int
    bad: int
    already: int
    ready: int
    created: int
    refused: int
    unknown: int


@dataclass(frozen=True)
class PushOptions:
    """What is wished of one push, beyond the ordinary.

    `renamed`: our field by the file's column; where it is empty the column is left out. `dry_run`:
    only check. `limit`: how many records it sends at most. `skip_bad`: send the good rows though
    others have faults. `again`: states of rows (refused, unknown) that are sent once more.
    `allow_renumbering`: go on though P4 Books gives records codes of its own. `same_books`: these
    are the books of before, though they have another address.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False
    limit: int | None = None
    skip_bad: bool = False
    again: frozenset[str] = frozenset()
    allow_renumbering: bool = False
    same_books: bool = False


@dataclass
class PushReport:
    """How many records of a push are in which state, and what is wrong with the others.

    `push` is its number in the ledger, None where nothing was written there. `rows` are the records
    of the file; of them `bad` have faults, `earlier` and `earlier_refused` were sent by an earlier
    push, `ready` could be sent and were not. `books_as_of` is when the books were read that they
    were checked against, None where nobody noted it. `faults` say what is wrong with rows, `errors`
    why not all was done.
    """

    endpoint: str
    push: int | None = None
    dry_run: bool = False
    rows: int = 0
    bad: int = 0
    earlier: int = 0
    earlier_refused: int = 0
    ready: int = 0
    created: int = 0
    refused: int = 0
    unknown: int = 0
    requests: int = 0
    waited: float = 0.0
    seconds: float = 0.0
    books_as_of: datetime | None = None
    faults: list[Fault] = field(default_factory=list)
    errors: list[P4BooksError] = field(default_factory=list)
