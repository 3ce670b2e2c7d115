"""Delta: new, changed and gone rows of a scan against the warehouse."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import duckdb

from p4books.endpoints.definition import Endpoint, FieldType
from p4books.extract.reader import ExtractedList
from p4books.extract.spool import StoredPage
from p4books.load.normalize import create_seen_table, select_delta_rows
from p4books.load.schema import (
    MISFITS,
    NO_SCAN,
    ScanProgress,
    ScanTally,
    table_columns,
)
from p4books.storage.database import MEMORY_STEPS, open_database, quote_literal, quote_path

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
class Delta:
    """What one endpoint's scan changes.

    Counts are rows; `held` are the active ones before. `missed` means that the set of missed ids
    changed, which the next scan must know; `scanned` is how far the scan is loaded with this
    delta. Rows of kind `same` in `delta_NAME` have the same values in another notation: they make
    no version, but the active one gets their hash. `tally` is that of the scan so far, `counted`
    its part that is of this delta. `lost` rows of those before the scan are no longer there: in a
    complete scan those that it did not see, in another one as many as came new although the
    announced total did not grow; 0 if there is none.
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


@contextmanager
def open_comparison(
    warehouse: Path, scratch: Path, memory: str = MEMORY_STEPS[0]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty database with the warehouse attached as `held`, read-only."""
    with open_database(spill=scratch, memory=memory) as con:
        if warehouse.exists():
            con.execute(f"attach {quote_path(warehouse)} as held (read_only)")
        else:
            con.execute("attach ':memory:' as held")
            con.execute("create schema held.raw")
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
    number of rows last announced. The tables `seen_NAME` and `delta_NAME` stay in `con`, where
    `Delta.query` reads them.
    """
    _create_active_view(con, endpoint)
    create_seen_table(con, endpoint, pages)
    _create_delta_table(con, endpoint, loaded)
    recoded, replaced = _compare_values(con, endpoint, pages)
    gone = {(True, True): "true", (True, False): "twice"}.get((complete, quiet), "false")
    missed = _conclude_absence(con, endpoint, gone, complete=complete)
    counts = dict(
        con.execute(f"select kind, count(*) from delta_{endpoint.name} group by kind").fetchall()
    )
    held, new = _count(con, f"active_{endpoint.name}"), counts.get("new", 0)
    met, compared = _count_met(con, endpoint, loaded)
    counted = ScanTally(0, 0, new, met, compared, recoded, replaced)
    if before is None:
        before = ScanTally(held, _count(con, f"before_{endpoint.name}"))
    tally = _add_tallies(before, counted)
    seen = _count(con, f"seen_{endpoint.name}")
    if scanned.running is None:  # these are all its pages, each row of which counts once
        tally = replace(tally, met=max(seen - tally.arrived, 0))
    return Delta(
        endpoint=endpoint,
        scanned=scanned,
        held=held,
        seen=seen,
        new=new,
        changed=counts.get("changed", 0),
        gone=counts.get("gone", 0),
        missed=missed,
        query=_select_versions(con, endpoint, pages),
        tally=tally,
        counted=counted,
        lost=_count(con, f"absent_{endpoint.name}") if complete else _imply_lost(tally, total),
    )


def withdraw_deletions(con: duckdb.DuckDBPyConnection, delta: Delta) -> Delta:
    """Remove the deletions from a delta; the rows stay recorded as missed."""
    name = delta.endpoint.name
    con.execute(f"delete from delta_{name} where kind = 'gone'")
    con.execute(f"create or replace table missed_{name} as from absent_{name}")
    return replace(delta, gone=0, missed=_missed_changed(con, name))


def _add_tallies(before: ScanTally, counted: ScanTally) -> ScanTally:
    return ScanTally(*map(sum, zip(astuple(before), astuple(counted), strict=True)))


def _imply_lost(tally: ScanTally, total: int | None) -> int:
    """Return how many rows must be gone: those that came new although the total did not grow."""
    if total is None:
        return 0
    return max(tally.arrived - max(total - (tally.held - tally.missed), 0), 0)


def _count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = con.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0


def _create_active_view(con: duckdb.DuckDBPyConnection, endpoint: Endpoint) -> None:
    """Create the views of the active versions, of the newest time in any version, of missed ids.

    They are empty if the warehouse lacks the table.
    """
    known = _has_table(con, endpoint.name)
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
    newest = (
        f"max(greatest(_dlt_valid_from, _dlt_valid_to)) as newest from held.raw.{endpoint.name}"
    )
    con.execute(
        f"create or replace view newest_{endpoint.name} as select "
        + (newest if known else "null::timestamptz as newest")
    )
    before = f"select id from held.raw.missed where endpoint = '{endpoint.name}'"
    con.execute(
        f"create or replace view before_{endpoint.name} as "
        + (before if known else "select null::varchar as id where false")
    )


def _has_table(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Return whether the warehouse has a table, without reading its whole catalogue."""
    try:
        con.execute(f"select 1 from held.raw.{name} limit 0")
    except duckdb.CatalogException:
        return False
    return True


def _create_delta_table(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, loaded: int) -> None:
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
        create or replace table compared_{endpoint.name} as
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
    table = f"held.raw.{endpoint.name}"
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


def _count_met(con: duckdb.DuckDBPyConnection, endpoint: Endpoint, first: int) -> tuple[int, int]:
    """Count the active rows on pages since the first, and those of them whose identity is final."""
    name = endpoint.name
    met, compared = con.execute(
        f"""
        select count(*), count(*) filter ({_is_final(endpoint)})
        from seen_{name} as seen
        join active_{name} as active using (id)
        where seen.place >= {first}
        """
    ).fetchone() or (0, 0)
    return met, compared


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
) -> bool:
    """Close absent rows on this condition and record the others; return whether those changed."""
    name = endpoint.name
    missing = f"id in (from before_{name})"  # from the scan before
    con.execute(
        f"""
        create or replace table absent_{name} as
        select id, {missing} as twice
        from active_{name}
        where id not in (select id from seen_{name}) and ({complete} or {missing})
        """
    )
    con.execute(
        f"insert into delta_{name} select id, null, 'gone', 'gone' from absent_{name} where {gone}"
    )
    kept = f"not ({gone})" if complete else "twice"
    con.execute(f"create or replace table missed_{name} as from absent_{name} where {kept}")
    return _missed_changed(con, name)


def _missed_changed(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Return whether the rows missed now differ from those missed before."""
    difference = con.execute(
        f"""
        (select id from missed_{name} except from before_{name})
        union all
        (from before_{name} except select id from missed_{name})
        limit 1
        """
    )
    return difference.fetchone() is not None


def _select_versions(
    con: duckdb.DuckDBPyConnection, endpoint: Endpoint, pages: Sequence[StoredPage]
) -> str:
    """Return the query of all rows to send to dlt."""
    tombstone = {"id": "id", "row_hash": "row_hash", "gone": "true"}
    empty = ", ".join(
        f'{tombstone.get(key, "null")}::{kind} as "{key}"'
        for key, kind in table_columns(endpoint).items()
    )
    gone = f"select {empty} from delta_{endpoint.name} where kind = 'gone'"
    fresh = select_delta_rows(con, endpoint, pages, "new", "changed")
    return f"{fresh} union all {gone}" if fresh else gone
