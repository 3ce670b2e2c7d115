"""Which pushes were there, and what became of their rows?"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path

from p4books.push.entry import COLUMNS, TABLES, Entry, Push
from p4books.push.errors import LedgerTrouble

COUNTED = {
    "ready": "'ready'",
    "created": "'created'",
    "refused": "'refused'",
    "unknown": "'unknown', 'sending'",
}


def pushes(ledger: Path, last: int | None = None) -> list[Push]:
    """Return the last pushes, the newest first (None: all). Raises LedgerTrouble."""
    own = ", ".join(f"push.{each.name}" for each in fields(Push) if each.name not in COUNTED)
    counts = ", ".join(
        f"count(*) filter (where not part.already and state in ({states}))"
        for states in COUNTED.values()
    )
    with _open(ledger) as store:
        rows = store.execute(
            f"""
            select {own}, {counts}
            from push left join part using (push) left join record using (record)
            group by push.push order by push.push desc limit ?
            """,
            (-1 if last is None else last,),
        )
        return [Push(*row) for row in rows]


def rows(ledger: Path, push: int) -> Iterator[Entry]:
    """Give the rows of a push's file as they are now, in its order. Raises LedgerTrouble.

    A row that another push sent, before or since, names that one.
    """
    own = COLUMNS.replace(" row,", " part.row,").replace(" push,", " record.push,")
    own = own.replace("record, ", "record.record, ", 1)
    with _open(ledger) as store:
        store.row_factory = sqlite3.Row
        query = f"select {own} from part join record using (record) where part.push = ?"
        for row in store.execute(f"{query} order by part.row", (push,)):
            yield Entry(*row)


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
