"""Delta: new, changed and gone rows of a scan against the warehouse."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from p4books.endpoints import ENDPOINTS
from p4books.endpoints.definition import Endpoint, FieldType
from p4books.extract.reader import ExtractedList
from p4books.extract.spool import StoredPage
from p4books.load.normalize import create_seen_table, select_delta_rows
from p4books.load.schema import (
    MISFITS,
    NO_SCAN,
    ScanProgress,
    ScanTally,
    add_tables,
    create_tables,
    table_columns,
)
from p4books.storage.database import LOGS, MEMORY_STEPS, open_database, quote_literal
from p4books.storage.files import copy_file

NO_TALLY = ScanTally()

_SAME_DAY = 86_400  # seconds: a time zone or a fraction of a second makes no other record

# JSON has one kind of number: 1.0 is 1, as a reference and in a line. `?` stands for the column.
_WHOLE_REFERENCE = r"regexp_replace(?, '^([+-]{0,1}\d+)\.0+$', '\1')"
_WHOLE_NUMBERS = r"""regexp_replace(?, '(":-{0,1}\d+)\.0([,}])', '\1\2', 'g')"""

# The items of these columns have no order: an adopted field was added to them later.
_UNORDERED = {
    "extra": """list_sort(map_entries(from_json(?, '"MAP(VARCHAR, JSON)"')))""",
    "misfits": f"list_sort(from_json(?, '{MISFITS}'))",
}


@dataclass(frozen=True)
class Changes:
    """What differs between the pages of a scan and the active rows, in rows.

    `same` rows have the same values in another notation: they make no version, but the active one
    gets their hash. `recoded` rows are other records in a field of their identity, `replaced` in
    all of them. `absent` rows were not seen; `missed` means that the set of missed ids changed,
    which the next scan must know. `newest` is the newest time in any version, None without any.
    """

    new: int = 0
    changed: int = 0
    gone: int = 0
    same: int = 0
    recoded: int = 0
    replaced: int = 0
    absent: int = 0
    missed: bool = False
    newest: datetime | None = None


NO_CHANGES = Changes()


@dataclass(frozen=True)
class Delta:
    """What one endpoint's scan changes.

    Counts are rows; `held` are the active ones before, and `query` selects those to send to dlt.
    `scanned` is how far the scan is loaded with this delta. `tally` is that of the scan so far,
    `counted` its part that is of this delta. `lost` rows of those before the scan are no longer
    there: in a complete scan those that it did not see, in another one as many as came new although
    the announced total did not grow; 0 if there is none. The others are those of Changes.
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
    same: int = 0
    newest: datetime | None = None
    tally: ScanTally = NO_TALLY
    counted: ScanTally = NO_TALLY
    lost: int = 0

    @property
    def versions(self) -> int:
        """Number of rows that dlt is sent, including tombstones."""
        return self.new + self.changed + self.gone

    @property
    def closes(self) -> bool:
        """Whether it closes any version."""
        return self.changed + self.gone > 0

    @property
    def changes(self) -> bool:
        """Whether the delta changes the warehouse, beyond when rows were seen."""
        return self.versions > 0 or self.missed

    def valid_from(self, read_at: float) -> datetime:
        """Return when versions begin that were read at a time in seconds since 1970.

        That is after all times of earlier versions.
        """
        at = datetime.fromtimestamp(read_at, UTC)
        return max(at, self.newest + timedelta(microseconds=1)) if self.newest else at


@contextmanager
def open_copy(
    warehouse: Path, copy: Path, memory: str = MEMORY_STEPS[0]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a copy of the warehouse, which has all tables, to compare lists with it and load them.

    What the comparisons create is temporary. What does not fit into memory goes beside the copy.
    """
    for suffix in ("", *LOGS):  # of an attempt with less memory
        copy.with_name(copy.name + suffix).unlink(missing_ok=True)
    if warehouse.exists():
        copy_file(warehouse, copy)
    else:  # made before it is kept open: its storage version would keep dlt from opening it
        create_tables(copy, tuple(ENDPOINTS.values()))
    with open_database(copy, spill=copy.parent, memory=memory) as con:
        add_tables(con, tuple(ENDPOINTS.values()))
        yield con


def compare_list(
    con: duckdb.DuckDBPyConnection, extracted: ExtractedList, before: ScanProgress
) -> Delta:
    """Compare the new pages of a scan; at its end, all of them, to find deleted rows."""
    scan, pages, identity = extracted.scan, extracted.spool.list_pages(), extracted.scan.identity
    outcome, profile = scan.outcome, scan.profile
    loaded = before.loaded_of(identity)
    concluded = ScanProgress(identity)
    running = ScanProgress(before.concluded, identity, len(pages))
    return compare_scan(
        con,
        extracted.endpoint,
        pages if outcome else pages[loaded:],
        complete=outcome is not None and outcome.complete,
        quiet=outcome is not None and outcome.quiet,
        loaded=loaded,
        scanned=concluded if outcome else running,
        before=before.tally_of(identity),
        # Page 1 alone does not show whether its total is that of the list.
        total=profile.total if profile and profile.pages > 1 else None,
    )


def compare_scan(  # noqa: PLR0913 - the outcome of a scan, by keyword
    con: duckdb.DuckDBPyConnection,
    endpoint: Endpoint,
    pages: Sequence[StoredPage],
    *,
    complete: bool,
    quiet: bool,
    loaded: int = 0,
    scanned: ScanProgress = NO_SCAN,
    before: ScanTally | None = None,
    total: int | None = None,
) -> Delta:
    """Compare the pages of a scan with the active rows of the warehouse.

    `complete` and `quiet` are the outcome of the scan: only a complete one closes rows. The first
    `loaded` pages were compared before: they only show which rows were seen, and what they showed
    is `before`, if that is known. `scanned` is the progress to store in the warehouse, `total` the
    number of rows last announced. The tables `seen_NAME` and, if anything changed, `delta_NAME`
    stay in `con`, where `Delta.query` reads them.
    """
    create_seen_table(con, endpoint, pages)
    rows = _count_rows(con, endpoint, loaded)
    found = NO_CHANGES
    if rows.unchanged < rows.seen or rows.missed or (complete and rows.held > rows.seen):
        _create_delta_table(con, endpoint, loaded)
        recoded, replaced = _compare_values(con, endpoint, pages)
        gone = {(True, True): "true", (True, False): "twice"}.get((complete, quiet), "false")
        found = replace(
            _conclude_absence(con, endpoint, gone, complete=complete),
            recoded=recoded,
            replaced=replaced,
        )
    counted = ScanTally(0, 0, found.new, rows.met, rows.compared, found.recoded, found.replaced)
    tally = _add_tallies(before or ScanTally(rows.held, rows.missed), counted)
    if scanned.running is None:  # these are all its pages, each row of which counts once
        tally = replace(tally, met=max(rows.seen - tally.arrived, 0))
    return Delta(
        endpoint=endpoint,
        scanned=scanned,
        held=rows.held,
        seen=rows.seen,
        new=found.new,
        changed=found.changed,
        gone=found.gone,
        missed=found.missed,
        query=_select_versions(con, endpoint, pages, found),
        same=found.same,
        newest=found.newest,
        tally=tally,
        counted=counted,
        lost=found.absent if complete else _imply_lost(tally, total),
    )


def withdraw_deletions(con: duckdb.DuckDBPyConnection, delta: Delta) -> Delta:
    """Remove the deletions from a delta; the rows stay recorded as missed."""
    name = delta.endpoint.name
    con.execute(f"delete from delta_{name} where kind = 'gone'")
    con.execute(f"create or replace temp table missed_{name} as select id from absent_{name}")
    return replace(delta, gone=0, missed=_missed_changed(con, delta.endpoint))


def _add_tallies(before: ScanTally, counted: ScanTally) -> ScanTally:
    return ScanTally(*map(sum, zip(astuple(before), astuple(counted), strict=True)))


def _imply_lost(tally: ScanTally, total: int | None) -> int:
    """Return how many rows must be gone: those that came new although the total did not grow."""
    if total is None:
        return 0
    return max(tally.arrived - max(total - (tally.held - tally.missed), 0), 0)


@dataclass(frozen=True)
class _RowCounts:
    """Rows before a scan, active and of those `missed`; rows `seen`, of those `unchanged`.

    Of the new pages, active rows that were `met`, and of those `compared` that have an identity.
    """

    held: int
    missed: int
    seen: int
    unchanged: int
    met: int
    compared: int


def _count_rows(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, loaded: int) -> _RowCounts:
    """Count what a comparison needs in any case; the first `loaded` pages were compared before."""
    met = f"active.id is not null and seen.place >= {loaded}"
    counts = con.execute(
        f"""
        select
            (select count(*) from {_active(endpoint)}),
            (select count(*) from {_missed_before(endpoint)}),
            count(*),
            count(*) filter (active.row_hash = seen.row_hash),
            count(*) filter ({met}),
            count(*) filter ({met} and {_is_final(endpoint)})
        from seen_{endpoint.name} as seen
        left join {_active(endpoint)} as active using (id)
        """
    ).fetchone()
    return _RowCounts(*counts or (0,) * 6)


def _active(endpoint: Endpoint) -> str:
    return f"(from raw.{endpoint.name} where _dlt_valid_to is null)"


def _missed_before(endpoint: Endpoint) -> str:
    """Return the query of the ids that the scan before missed."""
    return f"(select id from raw.missed where endpoint = '{endpoint.name}')"


def _create_delta_table(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, loaded: int) -> None:
    """Create the table of the rows that differ, with the active version that each of them has."""
    con.execute(
        f"""
        create or replace temp table delta_{endpoint.name} as
        select
            seen.id,
            seen.place,
            seen.row_hash,
            case when active.id is null then 'new' else 'changed' end as kind,
            active.row_hash as active_hash,
            active._dlt_valid_from as active_since
        from seen_{endpoint.name} as seen
        left join {_active(endpoint)} as active using (id)
        where active.row_hash is distinct from seen.row_hash and seen.place >= {loaded}
        """
    )


def _compare_values(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, pages: Sequence[StoredPage]
) -> tuple[int, int]:
    """Mark rows with the same values in another notation (25 for 25.0): they make no version.

    Returns how many of the other changed rows differ in a field of their identity, and in all.
    """
    query = select_delta_rows(con, endpoint, pages, "changed")
    if not query:
        return 0, 0
    same = " and ".join(
        _is_same_value(f'fresh."{key}"', f'active."{key}"', _comparable_form(endpoint, key))
        for key in table_columns(endpoint)
        if key not in {"row_hash", "gone"}
    )
    differs = ", ".join(
        _is_other_value(f'fresh."{key}"', f'active."{key}"', endpoint.fields[key])
        for key in endpoint.identity
    )
    con.execute(
        f"""
        create or replace temp table compared_{endpoint.name} as
        select fresh.id, {same} as same, [{differs}]::boolean[] as differs
        from ({query}) as fresh
        join ({_select_changed(endpoint)}) as active using (id)
        where {_is_final(endpoint)} or ({same})
        """
    )
    con.execute(
        f"""
        update delta_{endpoint.name} set kind = 'same' where kind = 'changed' and id in (
            select id from compared_{endpoint.name} where same)
        """
    )
    # list_bool_or and list_bool_and pass over fields without a value; both are null if all are.
    recoded, replaced = con.execute(
        f"""
        select
            count(*) filter (list_bool_or(differs)),
            count(*) filter (list_bool_and(differs) and len(list_filter(differs, x -> x)) > 0)
        from compared_{endpoint.name}
        where not same
        """
    ).fetchone() or (0, 0)
    return recoded, replaced


def _select_changed(endpoint: Endpoint) -> str:
    """Return the query of the active versions of changed rows, which does not read all others."""
    table = f"raw.{endpoint.name}"
    return f"""
        select * from {table} where rowid in (
            select version.rowid
            from {table} as version
            join delta_{endpoint.name} as delta using (id)
            where version._dlt_valid_to is null and delta.kind = 'changed')
    """


def _is_final(endpoint: Endpoint) -> str:
    """Return the condition that the identity of an active row is final: a draft's is not."""
    if endpoint.provisional is None:
        return "true"
    provisional = quote_literal(endpoint.provisional.lower())
    return f"lower(trim(active.status)) is distinct from {provisional}"


def _is_other_value(fresh: str, active: str, kind: FieldType) -> str:
    """Return the condition that two values name different records; null if one is missing."""
    if kind is FieldType.INSTANT:
        return f"abs(epoch({fresh}) - epoch({active})) >= {_SAME_DAY}"
    if kind is FieldType.DAY:
        return f"{fresh} <> {active}"
    equal = f"{fresh} = {active}"  # which is quicker than to fold both, and true of most
    return f"case when {equal} then false else {_fold(fresh)} <> {_fold(active)} end"


def _fold(text: str) -> str:
    """Return the expression of what the spellings of a text have in common, null if it is blank."""
    spaced = f"regexp_replace(nfc_normalize({text}), '\\s+', ' ', 'g')"
    return f"nullif(lower(trim({spaced})), '')"


def _comparable_form(endpoint: Endpoint, key: str) -> str | None:
    """Return the expression under which two notations of a column (?) are equal, if any."""
    if key in endpoint.inner:
        return _WHOLE_NUMBERS
    return _WHOLE_REFERENCE if key.endswith("_id") else _UNORDERED.get(key)


def _is_same_value(fresh: str, active: str, form: str | None) -> str:
    same = f"{fresh} is not distinct from {active}"
    if form is None:
        return same
    return f"({same} or {form.replace('?', fresh)} = {form.replace('?', active)})"


def _conclude_absence(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, gone: str, *, complete: bool
) -> Changes:
    """Close absent rows on this condition and record the others; return all that changes."""
    name, before = endpoint.name, _missed_before(endpoint)
    missing = f"id in (from {before})"  # from the scan before
    con.execute(
        f"""
        create or replace temp table absent_{name} as
        select id, row_hash, _dlt_valid_from, {missing} as twice
        from {_active(endpoint)}
        where id not in (select id from seen_{name}) and ({complete} or {missing})
        """
    )
    con.execute(
        f"""
        insert into delta_{name}
        select id, null, 'gone', 'gone', row_hash, _dlt_valid_from from absent_{name} where {gone}
        """
    )
    kept = f"not ({gone})" if complete else "twice"
    con.execute(
        f"create or replace temp table missed_{name} as select id from absent_{name} where {kept}"
    )
    new, changed, closed, same, absent, newest = con.execute(
        f"""
        select
            count(*) filter (kind = 'new'),
            count(*) filter (kind = 'changed'),
            count(*) filter (kind = 'gone'),
            count(*) filter (kind = 'same'),
            (select count(*) from absent_{name}),
            (select max(greatest(_dlt_valid_from, _dlt_valid_to)) from raw.{name})
        from delta_{name}
        """
    ).fetchone() or (0, 0, 0, 0, 0, None)
    missed = _missed_changed(con, endpoint)
    return Changes(new, changed, closed, same, absent=absent, missed=missed, newest=newest)


def _missed_changed(con: duckdb.DuckDBPyConnection, endpoint: Endpoint) -> bool:
    """Return whether the rows missed now differ from those missed before."""
    missed, before = f"missed_{endpoint.name}", _missed_before(endpoint)
    difference = con.execute(
        f"""
        (select id from {missed} except from {before})
        union all
        (from {before} except select id from {missed})
        limit 1
        """
    )
    return difference.fetchone() is not None


def _select_versions(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, pages: Sequence[StoredPage], found: Changes
) -> str:
    """Return the query of all rows to send to dlt."""
    tombstone = {"id": "id", "row_hash": "row_hash", "gone": "true"}
    columns = ", ".join(
        f'{tombstone.get(key, "null")}::{kind} as "{key}"'
        for key, kind in table_columns(endpoint).items()
    )
    if found is NO_CHANGES:  # without a table of them
        return f"select {columns} from (select null as id, null as row_hash) where false"
    gone = f"select {columns} from delta_{endpoint.name} where kind = 'gone'"
    fresh = select_delta_rows(con, endpoint, pages, "new", "changed")
    return f"{fresh} union all {gone}" if fresh else gone
