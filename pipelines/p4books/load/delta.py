"""Delta: new, changed and gone rows of a scan against the warehouse."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import duckdb

from p4books.endpoints.definition import Endpoint, FieldType
from p4books.errors import Incomplete, P4BooksError, RowsReplaced, TooManyChanged, TooManyGone
from p4books.extract.reader import ExtractedList
from p4books.extract.spool import StoredPage
from p4books.load.normalize import create_seen_table, select_delta_rows
from p4books.load.schema import (
    MISFITS,
    NO_SCAN,
    ScanProgress,
    ScanTally,
    WarehouseState,
    table_columns,
)
from p4books.storage.database import MEMORY_STEPS, open_database, quote_literal, quote_path

ALWAYS_ALLOWED = 20  # rows that may be gone or become others in any list, whatever their share
FEWEST = 3  # rows of which all may not be gone or become others at once

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
    def changes(self) -> bool:
        """Whether the delta changes the warehouse, beyond when rows were seen."""
        return self.versions > 0 or self.missed


@dataclass(frozen=True)
class DeletionGuard:
    """Limit of deletions at once: a share of the active rows, none for `allowed` endpoints."""

    share: float
    allowed: Collection[str] = ()

    def blocks(self, delta: Delta) -> bool:
        """Return whether so many rows are gone that a person must confirm it."""
        if delta.endpoint.name in self.allowed or not delta.gone:
            return False
        if delta.gone == delta.held and delta.seen == 0:
            return True
        return self._are_too_many(delta.gone, delta.held)

    def is_replacement(self, delta: Delta) -> bool:
        """Return whether too many rows have given way to others: most that came are new."""
        tally = delta.tally
        if delta.endpoint.name in self.allowed or not tally.held:
            return False
        return tally.arrived > tally.met and self._are_too_many(delta.lost, tally.held)

    def doubts(self, delta: Delta) -> bool:
        """Return whether rows are new and hardly any that was there before was read."""
        if delta.endpoint.name in self.allowed:
            return False
        return delta.tally.arrived > 0 and delta.tally.met < min(FEWEST, delta.tally.held)

    def _are_too_many(self, lost: int, held: int) -> bool:
        if lost >= held >= FEWEST:
            return True
        return lost > ALWAYS_ALLOWED and lost > self.share * held


@dataclass(frozen=True)
class IdentityGuard:
    """Limit of rows that become other records at once, none for `allowed` endpoints.

    A share of the rows that were read again. In lists that are too short for a share, and wherever
    all of them are other records in every field of their identity, that is enough.
    """

    share: float
    allowed: Collection[str] = ()

    def find_others(self, delta: Delta, *, suspected: bool = False) -> ScanTally | None:
        """Return the count of what a person must confirm: so many of the rows read are others.

        A run is judged by its own rows, and the scan by those of all its runs. With `suspected`,
        because another list is blocked, a list is blocked of which no row is as it was.
        """
        if delta.endpoint.name in self.allowed:
            return None
        own = delta.counted
        if suspected and own.compared == 0 and delta.new + delta.gone > 0:
            return own
        fewest = 1 if suspected else FEWEST
        blocked = (tally for tally in (own, delta.tally) if self._are_too_many(tally, fewest))
        return next(blocked, None)

    def doubts(self, delta: Delta) -> bool:
        """Return whether the rows read so far are others, but too few to be sure."""
        tally = delta.tally
        if delta.endpoint.name in self.allowed or tally.recoded < FEWEST:
            return False
        return tally.recoded > self.share * tally.compared

    def _are_too_many(self, tally: ScanTally, fewest: int) -> bool:
        if tally.compared < fewest:
            return False
        if tally.replaced >= tally.compared:
            return True
        return tally.recoded > ALWAYS_ALLOWED and tally.recoded > self.share * tally.compared


@dataclass(frozen=True)
class Guards:
    """What a load may not do to a list unless a person confirms it."""

    deletion: DeletionGuard
    identity: IdentityGuard

    def doubt(self, delta: Delta) -> bool:
        """Return whether more of a list must be read to know that its rows are no others."""
        return self.deletion.doubts(delta) or self.identity.doubts(delta)

    def confirm(self, delta: Delta) -> Delta:
        """Return a delta with what a person allowed left out of the tally of its scan."""
        tally, name = delta.tally, delta.endpoint.name
        if name in self.deletion.allowed:
            tally = replace(tally, held=0)
        if name in self.identity.allowed:
            tally = replace(tally, compared=0, recoded=0, replaced=0)
        scanned = replace(delta.scanned, tally=tally if delta.scanned.running else None)
        return replace(delta, tally=tally, scanned=scanned)


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


def compare_lists(
    con: duckdb.DuckDBPyConnection,
    read: Sequence[ExtractedList],
    state: WarehouseState,
    guards: Guards,
) -> tuple[list[tuple[ExtractedList, Delta]], dict[str, P4BooksError], list[str]]:
    """Compare each list with the warehouse.

    Returns the lists to load with their deltas; errors by endpoint: Incomplete, TooManyGone,
    RowsReplaced, TooManyChanged; and notes on lists that wait until more of them is read. An
    incomplete first copy is left out, and so is a list whose rows have become others.
    """
    pairs: list[tuple[ExtractedList, Delta]] = []
    faults: dict[str, P4BooksError] = {}
    for extracted in read:
        name, outcome = extracted.endpoint.name, extracted.scan.outcome
        known = name in state.scans
        if outcome and not outcome.complete:
            faults[name] = Incomplete(name, outcome.announced, outcome.seen, held=known)
        if known or (outcome and outcome.complete):
            delta = _compare_list(con, extracted, state.scans.get(name, NO_SCAN))
            pairs.append((extracted, delta))
    others = _find_other_records([delta for _, delta in pairs], guards)
    faults |= others
    pairs = [pair for pair in pairs if pair[1].endpoint.name not in others]
    pairs, waiting = _leave_out_doubtful(pairs, faults, guards)
    for place, (extracted, delta) in enumerate(pairs):
        confirmed = guards.confirm(delta)
        if guards.deletion.blocks(delta):
            name = delta.endpoint.name
            faults[name] = TooManyGone(name, delta.gone, delta.held)
            confirmed = withdraw_deletions(con, confirmed)
        pairs[place] = (extracted, confirmed)
    return pairs, faults, waiting


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


def _find_other_records(deltas: Sequence[Delta], guards: Guards) -> dict[str, P4BooksError]:
    """Return an error for each list whose rows have become those of other records.

    Once one list has, the others need less proof.
    """
    faults: dict[str, P4BooksError] = {}
    for suspected in (False, True):
        for delta in [each for each in deltas if each.endpoint.name not in faults]:
            if fault := _judge_identity(delta, guards, suspected=suspected):
                faults[delta.endpoint.name] = fault
        if not faults:
            break
    return faults


def _judge_identity(delta: Delta, guards: Guards, *, suspected: bool) -> P4BooksError | None:
    endpoint = delta.endpoint
    if guards.deletion.is_replacement(delta):
        tally = delta.tally
        return RowsReplaced(endpoint.name, delta.lost, tally.held, tally.arrived)
    if others := guards.identity.find_others(delta, suspected=suspected):
        return TooManyChanged(endpoint.name, others.recoded, others.compared, endpoint.identity)
    return None


def _leave_out_doubtful(
    pairs: Sequence[tuple[ExtractedList, Delta]], faults: dict[str, P4BooksError], guards: Guards
) -> tuple[list[tuple[ExtractedList, Delta]], list[str]]:
    """Leave out lists that may have other records, as far as they are read; return notes on them.

    Their pages stay in the spool until more is read. A scan that has ended, incomplete, has an
    error already, which is replaced by one that says so.
    """
    sure: list[tuple[ExtractedList, Delta]] = []
    notes: list[str] = []
    for extracted, delta in pairs:
        name, outcome = delta.endpoint.name, extracted.scan.outcome
        if (outcome and outcome.complete) or not guards.doubt(delta):
            sure.append((extracted, delta))
        elif outcome:
            faults[name] = Incomplete(
                name, outcome.announced, outcome.seen, held=True, doubtful=True
            )
        else:
            notes.append(_describe_doubt(delta))
    return sure, notes


def _describe_doubt(delta: Delta) -> str:
    name, tally = delta.endpoint.name, delta.tally
    what = f"{tally.recoded:,} of {tally.compared:,} rows read again so far are other records"
    if tally.met < FEWEST:
        what = f"of the rows read so far, {tally.arrived:,} are new and {tally.met:,} are not"
    return (
        f"{name}: {what}. The API key of another company looks the same. They wait until more is "
        "read; `p4books sync --full` reads the list to its end now."
    )


def _compare_list(
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
        join active_{endpoint.name} as active using (id)
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
