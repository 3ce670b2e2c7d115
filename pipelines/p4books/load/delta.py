"""Delta: new, changed and gone rows of a scan against the warehouse."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from p4books.endpoints.definition import Endpoint
from p4books.errors import Incomplete, P4BooksError, TooManyGone
from p4books.extract.reader import ExtractedList
from p4books.extract.spool import StoredPage
from p4books.load.normalize import create_seen_table, select_delta_rows
from p4books.load.schema import MISFITS, NO_SCAN, ScanProgress, WarehouseState, table_columns
from p4books.storage.database import MEMORY_STEPS, open_database, quote_literal

# What stands in these columns in whatever order: a field that became a column was put there later.
_UNORDERED = {
    "extra": """list_sort(map_entries(from_json(?, '"MAP(VARCHAR, JSON)"')))""",
    "misfits": f"list_sort(from_json(?, '{MISFITS}'))",
}


@dataclass(frozen=True)
class Delta:
    """What one endpoint's scan changes.

    Counts are rows; `held` are the active ones before. `missed` tells that ids were missed for the
    first time, or no longer are, which the next scan must know; `scanned` is how far the scan is
    taken in with this delta. Rows of kind `same` in `delta_NAME` have their values in another
    spelling: no version, but a new hash for the one that is held.
    """

    endpoint: Endpoint
    scanned: ScanProgress
    held: int
    seen: int
    new: int
    changed: int
    gone: int
    missed: bool
    query: str

    @property
    def versions(self) -> int:
        """How many rows dlt is sent, tombstones among them."""
        return self.new + self.changed + self.gone

    @property
    def changes(self) -> bool:
        """Whether the warehouse will say anything else of the books."""
        return self.versions > 0 or self.missed


@contextmanager
def open_comparison(
    warehouse: Path, scratch: Path, memory: str = MEMORY_STEPS[0]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database that sees the warehouse as `held`, read-only."""
    with open_database(spill=scratch, memory=memory) as con:
        if warehouse.exists():
            con.execute(f"attach {quote_literal(str(warehouse))} as held (read_only)")
        else:
            con.execute("attach ':memory:' as held")
            con.execute("create schema held.raw")
        yield con


def compare_scan(  # noqa: PLR0913
    con: duckdb.DuckDBPyConnection,
    endpoint: Endpoint,
    pages: Sequence[StoredPage],
    *,
    complete: bool,
    quiet: bool,
    loaded: int = 0,
    scanned: ScanProgress = NO_SCAN,
) -> Delta:
    """Compare the pages of a scan with what is held.

    `complete` and `quiet` are the scan's verdict: only a complete scan lets a row be gone. The
    first `loaded` pages were compared before: they only tell which rows were seen. `scanned` is
    what the warehouse is to say of the scan. The tables `seen_NAME` and `delta_NAME` stay in `con`
    for `Delta.query` to read.
    """
    _make_active(con, endpoint)
    create_seen_table(con, endpoint, pages)
    _make_delta(con, endpoint, loaded)
    _keep_unchanged_values(con, endpoint, pages)
    gone = {(True, True): "true", (True, False): "twice"}.get((complete, quiet), "false")
    missed = _conclude_absence(con, endpoint, gone, complete=complete)
    counts = dict(
        con.execute(f"select kind, count(*) from delta_{endpoint.name} group by kind").fetchall()
    )
    return Delta(
        endpoint=endpoint,
        scanned=scanned,
        held=_count(con, f"active_{endpoint.name}"),
        seen=_count(con, f"seen_{endpoint.name}"),
        new=counts.get("new", 0),
        changed=counts.get("changed", 0),
        gone=counts.get("gone", 0),
        missed=missed,
        query=_versions(con, endpoint, pages),
    )


def withdraw_deletions(con: duckdb.DuckDBPyConnection, delta: Delta) -> Delta:
    """Take back that rows are gone; that they were missed is remembered."""
    name = delta.endpoint.name
    con.execute(f"delete from delta_{name} where kind = 'gone'")
    con.execute(f"create or replace table missed_{name} as from absent_{name}")
    return replace(delta, gone=0, missed=_remembers_else(con, name))


def _count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = con.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0


def _make_active(con: duckdb.DuckDBPyConnection, endpoint: Endpoint) -> None:
    """Make the view of the active versions; empty where the warehouse lacks the table."""
    known = con.execute(
        "select 1 from duckdb_tables() where database_name = 'held' and table_name = ?",
        [endpoint.name],
    ).fetchone()
    nothing = ", ".join(f'null::{kind} as "{key}"' for key, kind in table_columns(endpoint).items())
    source = f"held.raw.{endpoint.name} where _dlt_valid_to is null"
    con.execute(
        f"create or replace view active_{endpoint.name} as "
        + (
            f"select * from {source}"
            if known
            else f"select {nothing}, null::timestamptz as _dlt_valid_from where false"
        )
    )
    before = f"select id from held.raw.missed where endpoint = '{endpoint.name}'"
    con.execute(
        f"create or replace view before_{endpoint.name} as "
        + (before if known else "select null::varchar as id where false")
    )


def _make_delta(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, loaded: int) -> None:
    con.execute(
        f"""
        create or replace table delta_{endpoint.name} as
        select
            seen.id,
            seen.place,
            seen.row_hash,
            case when active.id is null then 'new' else 'changed' end as kind
        from seen_{endpoint.name} as seen
        left join active_{endpoint.name} as active using (id)
        where active.row_hash is distinct from seen.row_hash and seen.place >= {loaded}
        """
    )


def _keep_unchanged_values(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, pages: Sequence[StoredPage]
) -> None:
    """Tell changes of spelling only: 25 for 25.0, or a number in quotes, is no new version."""
    query = select_delta_rows(con, endpoint, pages, "changed")
    if not query:
        return
    same = " and ".join(
        _is_same_value(f'fresh."{key}"', f'active."{key}"', _UNORDERED.get(key))
        for key in table_columns(endpoint)
        if key not in {"row_hash", "gone"}
    )
    con.execute(
        f"""
        update delta_{endpoint.name} set kind = 'same' where kind = 'changed' and id in (
            select fresh.id
            from ({query}) as fresh
            join active_{endpoint.name} as active using (id)
            where {same}
        )
        """
    )


def _is_same_value(fresh: str, active: str, unordered: str | None) -> str:
    same = f"{fresh} is not distinct from {active}"
    if unordered is None:
        return same
    return f"({same} or {unordered.replace('?', fresh)} = {unordered.replace('?', active)})"


def _conclude_absence(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, gone: str, *, complete: bool
) -> bool:
    """Call absent rows gone on this condition, remember the others, and tell if that is new."""
    name = endpoint.name
    con.execute(
        f"""
        create or replace table absent_{name} as
        select id, id in (from before_{name}) as twice
        from active_{name}
        where id not in (select id from seen_{name})
        """
    )
    con.execute(
        f"insert into delta_{name} select id, null, 'gone', 'gone' from absent_{name} where {gone}"
    )
    kept = f"not ({gone})" if complete else "twice"
    con.execute(f"create or replace table missed_{name} as from absent_{name} where {kept}")
    return _remembers_else(con, name)


def _remembers_else(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Tell whether the rows now missed are others than those missed before."""
    difference = con.execute(
        f"""
        (select id from missed_{name} except from before_{name})
        union all
        (from before_{name} except select id from missed_{name})
        limit 1
        """
    )
    return difference.fetchone() is not None


def _versions(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, pages: Sequence[StoredPage]
) -> str:
    """Return the query of all rows that dlt is to be sent."""
    told = {"id": "id", "row_hash": "row_hash", "gone": "true"}
    empty = ", ".join(
        f'{told.get(key, "null")}::{kind} as "{key}"'
        for key, kind in table_columns(endpoint).items()
    )
    gone = f"select {empty} from delta_{endpoint.name} where kind = 'gone'"
    fresh = select_delta_rows(con, endpoint, pages, "new", "changed")
    return f"{fresh} union all {gone}" if fresh else gone


GONE_ANYWAY = 20  # rows that may be gone of any list, whatever their share


@dataclass(frozen=True)
class DeletionGuard:
    """How much may be gone at once: a share of the rows held, of some endpoints any."""

    share: float
    allowed: Collection[str] = ()

    def refuses(self, found: Delta) -> bool:
        """Tell whether so many rows are gone that a person must say so."""
        if found.endpoint.name in self.allowed or not found.gone:
            return False
        return found.seen == 0 or (
            found.gone > GONE_ANYWAY and found.gone > self.share * found.held
        )


def compare_lists(
    con: duckdb.DuckDBPyConnection,
    read: Sequence[ExtractedList],
    held: WarehouseState,
    guard: DeletionGuard,
) -> tuple[list[tuple[ExtractedList, Delta]], dict[str, P4BooksError]]:
    """Compare each list with what is held; a first copy that is not whole is left out.

    Returns the lists with what each changes, and by endpoint what could not be taken: Incomplete,
    TooManyGone.
    """
    pairs: list[tuple[ExtractedList, Delta]] = []
    faults: dict[str, P4BooksError] = {}
    for one in read:
        name, verdict = one.endpoint.name, one.scan.outcome
        known = name in held.scans
        if verdict and not verdict.complete:
            faults[name] = Incomplete(name, verdict.announced, verdict.seen, held=known)
        if known or (verdict and verdict.complete):
            found = _compare_list(con, one, held.scans.get(name, NO_SCAN))
            if guard.refuses(found):
                faults[name] = TooManyGone(name, found.gone, found.held)
                found = withdraw_deletions(con, found)
            pairs.append((one, found))
    return pairs, faults


def _compare_list(
    con: duckdb.DuckDBPyConnection, one: ExtractedList, before: ScanProgress
) -> Delta:
    """Compare what is new in the spool; at a scan's end, all of it, and what is gone."""
    verdict, pages, identity = one.scan.outcome, one.spool.list_pages(), one.scan.identity
    loaded = before.loaded_of(identity)
    ended, goes_on = ScanProgress(identity), ScanProgress(before.concluded, identity, len(pages))
    return compare_scan(
        con,
        one.endpoint,
        pages if verdict else pages[loaded:],
        complete=verdict is not None and verdict.complete,
        quiet=verdict is not None and verdict.quiet,
        loaded=loaded,
        scanned=ended if verdict else goes_on,
    )
