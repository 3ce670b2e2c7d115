"""What did a push do?"""

from dataclasses import dataclass, field
from datetime import datetime

from p4books.errors import P4BooksError
from p4books.push.fault import Fault


@dataclass
class Report:
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
