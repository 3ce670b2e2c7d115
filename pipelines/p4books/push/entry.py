"""What is known of a row that was to be sent, and of a push?"""

from dataclasses import dataclass, fields

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
