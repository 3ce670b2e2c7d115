"""Which pushes were there, and what became of their rows?"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from p4books.push.entry import STATES, TABLES, Entry, Push
from p4books.push.errors import LedgerTrouble


def pushes(ledger: Path, last: int | None = None) -> list[Push]:
    """Return the last pushes, the newest first (None: all). Raises LedgerTrouble."""
    counts = ", ".join(f"count(*) filter (where record.state = '{state}')" for state in STATES)
    with _open(ledger) as store:
        rows = store.execute(
            f"""
            select push.*, {counts}
            from push left join record using (push)
            group by push.push order by push.push desc limit ?
            """,
            (-1 if last is None else last,),
        )
        return [Push(*row) for row in rows]


def rows(ledger: Path, push: int) -> Iterator[Entry]:
    """Give the rows of a push, in the order of its file. Raises LedgerTrouble."""
    with _open(ledger) as store:
        store.row_factory = sqlite3.Row
        for row in store.execute("select * from record where push = ? order by row", (push,)):
            yield Entry(**dict(row))


@contextmanager
def _open(ledger: Path) -> Iterator[sqlite3.Connection]:
    """Open the ledger to read only; where none is yet, an empty one."""
    try:
        there = ledger.exists()
        where = f"{ledger.resolve().as_uri()}?mode=ro" if there else ":memory:"
        with closing(sqlite3.connect(where, uri=there, timeout=30)) as store:
            if not there:
                store.executescript(TABLES)
            yield store
    except (sqlite3.Error, OSError) as error:
        raise LedgerTrouble(ledger, str(error)) from None
