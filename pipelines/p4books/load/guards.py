"""Comparison of lists with the warehouse, and its guards against changes in mass.

If most rows of a list are gone, or have become other records, that may be a filter that hides rows,
or the key of another company; only a person can tell.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import duckdb

from p4books.errors import Incomplete, P4BooksError, RowsReplaced, TooManyChanged, TooManyGone
from p4books.extract.reader import ExtractedList
from p4books.load.delta import Delta, compare_list, withdraw_deletions
from p4books.load.schema import NO_SCAN, ScanTally, WarehouseState

ALWAYS_ALLOWED = 20  # rows that may be gone or become others in any list, whatever their share
FEWEST = 3  # rows of which all may not be gone or become others at once


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


def compare_lists(
    con: duckdb.DuckDBPyConnection,
    read: Sequence[ExtractedList],
    state: WarehouseState,
    guards: Guards,
    on_change: Callable[[], object] = lambda: None,
) -> tuple[list[tuple[ExtractedList, Delta]], dict[str, P4BooksError], list[str]]:
    """Compare each list with the warehouse; call `on_change` as soon as one has changes.

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
            delta = compare_list(con, extracted, state.scans.get(name, NO_SCAN))
            pairs.append((extracted, delta))
            if delta.versions:
                on_change()
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


def _judge_identity(delta: Delta, guards: Guards, *, suspected: bool) -> P4BooksError | None:
    endpoint = delta.endpoint
    if guards.deletion.is_replacement(delta):
        tally = delta.tally
        return RowsReplaced(endpoint.name, delta.lost, tally.held, tally.arrived)
    if others := guards.identity.find_others(delta, suspected=suspected):
        return TooManyChanged(endpoint.name, others.recoded, others.compared, endpoint.identity)
    return None


def _describe_doubt(delta: Delta) -> str:
    name, tally = delta.endpoint.name, delta.tally
    what = f"{tally.recoded:,} of {tally.compared:,} rows read again so far are other records"
    if tally.met < FEWEST:
        what = f"of the rows read so far, {tally.arrived:,} are new and {tally.met:,} are not"
    return (
        f"{name}: {what}. The API key of another company looks the same. They wait until more is "
        "read; `p4books sync --full` reads the list to its end now."
    )
