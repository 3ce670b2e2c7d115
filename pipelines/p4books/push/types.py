"""Types that travel through a push."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from p4books.errors import P4BooksError

READY, SENDING, CREATED, REFUSED, UNKNOWN = "ready", "sending", "created", "refused", "unknown"
STATES = (READY, SENDING, CREATED, REFUSED, UNKNOWN)  # of a record in the ledger


@dataclass(frozen=True)
class FileFormat:
    """How a file is written, as far as it does not say so itself.

    `decimal` is the decimal sign of numbers that are written as text, `.` or `,`; numbers may then
    have thousands separators. None: a decimal point, and no thousands separators. `dates` is the
    order of dates that are written as text: `dmy` (31/03/2026) or `mdy`; None: only year-month-day
    is a date. `encoding` is that of a text file, None: UTF-8, or UTF-16 with its byte order mark.
    `header_row` is the row or line with the names of the columns, None: the first one, or the first
    one that has names of fields. `sheet` is the sheet of a workbook with several.
    """

    decimal: str | None = None
    dates: str | None = None
    encoding: str | None = None
    header_row: int | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class TableLayout:
    """Where the rows of a table are in their file.

    `header_row` is the row or line of its header. In a workbook `sheet` is the name of the sheet,
    `letters` are the letters of its columns, and `hidden` are the columns that are hidden there.
    """

    header_row: int
    sheet: str = ""
    letters: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()

    def cell(self, row: int, column: str) -> str:
        """Return the address of a cell, as in Prices!C5; empty if it is not in a workbook."""
        if not (letter := self.letters.get(column)):
            return ""
        sheet = self.sheet if self.sheet.isalnum() else "'" + self.sheet.replace("'", "''") + "'"
        return f"{sheet}!{letter}{row}"


@dataclass(frozen=True)
class SourceRow:
    """One row of a file, or of a query result, as it is written there.

    `number` is where a person finds it: the line of a CSV or NDJSON file, the row of a sheet (the
    first is 1), otherwise its position from 1. `values` are by column, in the file's own spelling:
    str, int, Decimal, bool, date, datetime, ShownValue or None, and lists of objects if the file is
    nested. A number with a fraction is a Decimal, never a float. `is_hidden` if a person does not
    see the row. `layout` is where its table is; None if the file has no header.
    """

    number: int
    values: Mapping[str, Any]
    is_hidden: bool = False
    layout: TableLayout | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Draft:
    """One validated record, as it will be sent.

    `row` is the file row where it begins; `body` its JSON with sorted names, without nulls, with
    exact numbers; `hash` is the SHA-256 of endpoint and body: two drafts with the same hash are the
    same record. `existing_id` is the id of the record that already has this code in the books, and
    `existing_code` its code as spelled there; None if there is none. `column` is the file's own
    name of the column with the code, `cell` the address of that in a workbook.
    """

    row: int
    code: str
    body: bytes
    hash: str
    existing_id: str | None = None
    existing_code: str | None = None
    column: str = "code"
    cell: str = ""


@dataclass(frozen=True)
class FaultyRecord:
    """A record that cannot be sent as it is, but has a code; the fields are those of Draft."""

    row: int
    code: str
    existing_id: str | None
    existing_code: str | None
    column: str
    cell: str


@dataclass(frozen=True)
class RowFault:
    """One value that cannot be sent: where it is, what is wrong with it, and what to do.

    `row` is the row in the file (SourceRow.number), 0 if the fault concerns the whole file;
    `column` is the file's own name of the column; `value` is the value as written there; `what` and
    `remedy` are sentences. `record` is the row where the record begins, 0 for a fault that is
    reported once for all records that have it. `cell` is its address in a workbook: Prices!C5.
    """

    row: int
    column: str
    value: str
    what: str
    remedy: str
    record: int = 0
    cell: str = ""


@dataclass(frozen=True)
class Entry:
    """One record in the ledger; timestamps are ISO 8601 in UTC, None if that did not happen.

    `row` is its row in the file of its push. `sought_at` is when the last complete scan of the list
    that did not contain it began. `answer` is the beginning of what P4 Books answered, `status` the
    HTTP status, `id` and `given_code` what the record is called there, `differs` the fields that
    have another value there. `note` is what the user should know about it.
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

    @property
    def first_lost_at(self) -> str | None:
        """When it was first sent without a conclusive response; None if that never happened.

        From then on the record may exist in P4 Books, and it is never *ready* again.
        """
        return self.left_at


@dataclass(frozen=True)
class Push:
    """One push: what it was given, how it ended, and how many of its records are in each state.

    `rows` are the records it was given, `bad` those with a fault, `already` those that an earlier
    push had sent; a record that is being sent counts as unknown. A record that a later push takes
    over is counted there. `address` is the address of P4 Books.
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
    """Options of one push.

    `column_map`: our field by the file's column; an empty field ignores the column. `file_format`:
    how the values of the file are written. `dry_run`:
    validate only. `limit`: send at most this many records. `skip_bad`: send the valid records even
    if others have faults. `resend`: states (refused, unknown) whose records are sent once more.
    `allow_renumbering`: continue even if P4 Books assigns its own codes. `same_books`: these are
    the same books as before, although their address is different. `ledger_complete`: nothing was
    pushed that the ledger does not know, although it is from a backup.
    """

    column_map: Mapping[str, str] = field(default_factory=dict)
    file_format: FileFormat = FileFormat()
    dry_run: bool = False
    limit: int | None = None
    skip_bad: bool = False
    resend: frozenset[str] = frozenset()
    allow_renumbering: bool = False
    same_books: bool = False
    ledger_complete: bool = False


@dataclass
class PushReport:
    """How many records of a push are in each state, and what is wrong with the others.

    `push` is its number in the ledger, None if nothing was written there. `rows` are the records of
    the file; of them `bad` have faults, `earlier` and `earlier_refused` were sent by an earlier
    push, `ready` could have been sent but were not. `waited` (under the rate limit) and `seconds`
    (in total) are in seconds. `books_as_of` is when the books that the records were validated
    against were read, None if unknown. `columns` are the fields that the columns of the file were
    taken as, `header_row` is the row or line of its header, None if it has none. `hidden_rows` and
    `hidden_columns` were left out because nobody sees them in the workbook. `faults` say what is
    wrong with rows, `warnings` what may be wrong with them and holds back nothing, `errors` why the
    push is incomplete.
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
    columns: Mapping[str, str] = field(default_factory=dict)
    header_row: int | None = None
    hidden_rows: Sequence[int] = ()
    hidden_columns: Sequence[str] = ()
    faults: list[RowFault] = field(default_factory=list)
    warnings: list[RowFault] = field(default_factory=list)
    errors: list[P4BooksError] = field(default_factory=list)
