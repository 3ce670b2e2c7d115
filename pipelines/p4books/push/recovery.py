"""Ledgers from a backup: whether the present one knows all that they know, merging, their gap.

What was pushed after a backup was made is not in its ledger: it has a *gap*. As long as that is
open, a record that the ledger does not know is looked up in P4 Books, and never sent by itself.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from p4books.push.errors import LedgerTrouble
from p4books.push.ledger import WIDEN_GAP, Ledger

_IS_CONTINUED = """
select not exists (
    select endpoint, source, began_at from old.push
    except select endpoint, source, began_at from main.push
) and not exists (
    select endpoint, hash from old.record where state = 'created' or left_at is not null
    except select endpoint, hash from main.record
)
"""
_ADD_PUSHES = """
create temporary table renumbered as
select old.push.push as before, coalesce(
    (
        select mine.push from main.push as mine
        where mine.endpoint = old.push.endpoint and mine.source = old.push.source
        and mine.began_at = old.push.began_at
    ),
    (select coalesce(max(push), 0) from main.push) + row_number() over (order by old.push.push)
) as now
from old.push;
insert or ignore into main.push ({push}, push)
select {push}, now from old.push join renumbered on before = old.push.push;
insert into main.record ({record}, push)
select {record}, now from old.record join renumbered on before = old.record.push
where (endpoint, hash) not in (select endpoint, hash from main.record);
"""
_TAKE_LATER_STATES = """
update main.record set ({record}) = (
    select {record} from old.record as theirs
    where theirs.endpoint = main.record.endpoint and theirs.hash = main.record.hash
)
where exists (
    select 1 from old.record as theirs
    where theirs.endpoint = main.record.endpoint and theirs.hash = main.record.hash
    and {their_rank} > {our_rank}
);
insert or ignore into main.part (push, row, record, already)
select now, part.row, mine.record, part.already
from old.part as part
join renumbered on before = part.push
join old.record as theirs on theirs.record = part.record
join main.record as mine on mine.endpoint = theirs.endpoint and mine.hash = theirs.hash;
create temporary table more as select since, restored_at from old.gap;
drop table renumbered;
"""
# How much a state says about whether the record may exist: it must never be forgotten.
_RANK = "case {}.state when 'ready' then 0 when 'refused' then 1 when 'created' then 3 else 2 end"


def open_gap(ledger: Path, since: datetime) -> None:
    """Record in a ledger, created if there is none, that it may lack what was pushed since.

    Raises LedgerTrouble.
    """
    with Ledger(ledger) as opened:
        opened.open_gap(since.isoformat(timespec="milliseconds"))


def is_continued(ledger: Path, old: Path) -> bool:
    """Return whether a ledger knows every push that an older one knows. Raises LedgerTrouble."""
    with _open_both(ledger, old) as connection:
        return bool(connection.execute(_IS_CONTINUED).fetchone()[0])


def merge_ledger(ledger: Path, old: Path) -> None:
    """Add to a ledger what another one knows, in one transaction; to do so again changes nothing.

    Pushes that are new to it get numbers after its own. What may exist in P4 Books by one of them
    may exist afterwards; the gap is taken over. Raises LedgerTrouble.
    """
    with _open_both(ledger, old) as connection:
        push, record = (_list_columns(connection, table) for table in ("push", "record"))
        sql = _ADD_PUSHES + _TAKE_LATER_STATES
        filled = sql.format(
            push=push,
            record=record,
            their_rank=_RANK.format("theirs"),
            our_rank=_RANK.format("main.record"),
        )
        connection.executescript(f"begin immediate; {filled} {'; '.join(WIDEN_GAP)}; commit")


def _list_columns(connection: sqlite3.Connection, table: str) -> str:
    """Return the columns of a table that do not depend on the ledger it is in."""
    columns = connection.execute(f"pragma main.table_info({table})").fetchall()
    return ", ".join(name for _, name, *_ in columns if name not in {"push", "record"})


@contextmanager
def _open_both(ledger: Path, old: Path) -> Iterator[sqlite3.Connection]:
    """Open a ledger, with another one attached as `old`, both with the present tables."""
    for path in (old, ledger):
        with Ledger(path):
            pass
    try:
        with closing(sqlite3.connect(ledger, timeout=30, isolation_level=None)) as connection:
            connection.execute("pragma synchronous = full")
            connection.execute("attach ? as old", (str(old),))
            yield connection
    except sqlite3.Error as error:
        raise LedgerTrouble(ledger, str(error)) from None
