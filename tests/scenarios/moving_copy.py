"""A copy of a list whose rows move, made by the modules that a sync uses.

Only HTTP and dlt are left out: pages come from memory, and two SQL statements do with a delta what
dlt would do.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.scenarios.moving_books import VENDORS, Books

from p4books.endpoints.definition import Endpoint
from p4books.errors import BadAnswer, P4BooksError
from p4books.extract.client import ApiTarget
from p4books.extract.http import RequestCounts
from p4books.extract.page import Page
from p4books.extract.pagination import ListProfile
from p4books.extract.reader import EndpointState, ExtractedList, plan_run
from p4books.extract.scan import ListScan, RequestBudget, ScanResult
from p4books.extract.spool import ABANDONED_AFTER, STALE_AFTER, Spool
from p4books.load.delta import Delta
from p4books.load.guards import DeletionGuard, Guards, IdentityGuard, compare_lists
from p4books.load.pipeline import finalize_load, select_versions
from p4books.load.schema import NO_SCAN, ScanProgress, ScanTally, WarehouseState, create_tables
from p4books.storage.database import open_database, quote_literal

GUARDS = Guards(DeletionGuard(0.2), IdentityGuard(1, {"vendors"}))  # codes are changed at will
MAX_REQUESTS = 300  # of one run: without a total some lists seem to have no end


class Killed(BaseException):
    """The process was killed at this request."""


class FailingSource:
    """A page source that may fail, or kill the run, at one of its requests."""

    def __init__(self, books: Books, ending: str, fails_at: int) -> None:
        self.books = books
        self.target = ApiTarget("acme", "https://x", "k", books.size, "page", "page_size")
        self.counts = RequestCounts()
        self._ending = ending
        self._left = fails_at

    def fetch_page(
        self, endpoint: Endpoint, number: int, *, observed_size: int | None = None
    ) -> Page:
        """Return one page, or fail."""
        self.counts.requests += 1
        self._left -= 1
        if (self._left == 0 and self._ending == "failing") or self.counts.requests > MAX_REQUESTS:
            raise BadAnswer(endpoint.name, number, "status 500")
        if self._left == 0 and self._ending == "killed while reading":
            raise Killed
        return self.books.fetch(number, observed_size)


@dataclass(frozen=True)
class RunResult:
    """What a run read, its faults, and whether it loaded a delta."""

    scan: ScanResult
    faults: list[P4BooksError]
    loaded: bool


@dataclass(frozen=True)
class Version:
    """One version in the warehouse; `until` is None for the active one."""

    id: str
    revision: int
    since: datetime
    until: datetime | None


class Copy:
    """A copy of one list: its spool, its warehouse, and its profile in the run log."""

    def __init__(self, books: Books, folder: Path, blank: Path) -> None:
        self.books = books
        self._folder = folder
        self._profile: ListProfile | None = None
        self._con = open_database()
        self._con.execute("set threads = 1")
        self._con.execute(f"attach {quote_literal(str(blank))} as blank (read_only)")
        self._con.execute("copy from database blank to memory")
        self._con.execute("detach blank")

    def close(self) -> None:
        """Close the warehouse."""
        self._con.close()

    def run(self, budget: int | None, ending: str, fails_at: int) -> RunResult | None:
        """Run once, as a sync does: read, compare, load, clear the spool, save the profile.

        Returns None if the run ended before it loaded.
        """
        state = self._load_state()
        extracted = self._read(state, budget, FailingSource(self.books, ending, fails_at))
        if extracted is None or ending == "killed before loading":
            return None
        pairs, faults, _ = compare_lists(self._con, [extracted], state, GUARDS)
        for compared, delta in pairs:
            self._load(delta, compared.scan.ended_at)
        result = RunResult(extracted.scan, list(faults.values()), loaded=bool(pairs))
        if ending == "killed after loading":
            return result
        if extracted.scan.outcome:
            extracted.spool.clear()
        if ending != "killed before saving":
            self._profile = extracted.scan.profile or self._profile
        return result

    def versions(self) -> list[Version]:
        """Return the versions of every row, oldest first."""
        rows = self._con.execute(
            "select id, code::integer, _dlt_valid_from, _dlt_valid_to from raw.vendors"
            " order by id, _dlt_valid_from"
        ).fetchall()
        return [Version(*row) for row in rows]

    def seen(self) -> list[str]:
        """Return the ids for which the warehouse has a time when they were last seen."""
        return [id_ for (id_,) in self._con.execute("select id from raw.seen").fetchall()]

    def _read(
        self, state: WarehouseState, budget: int | None, source: FailingSource
    ) -> ExtractedList | None:
        name, scans = VENDORS.name, state.scans
        known = EndpointState(name in scans, scans.get(name, NO_SCAN).concluded, self._profile)
        plan = plan_run([VENDORS], {name: known}, budget)
        spool = Spool(self._folder / "spool", source.target.list_source(VENDORS))
        spool.discard_scan(known.concluded)
        scan = ListScan(
            VENDORS,
            source,
            spool,
            RequestBudget(budget),
            clock=self.books.clock,
            stale_after=STALE_AFTER if plan.whole else ABANDONED_AFTER,
        )
        try:
            if name in plan.profiles and (plan.tails or scan.resumed):
                scan.read_tail(plan.profiles[name])
            scan.continue_scan()
        except P4BooksError:
            if not scan.has_new_pages:
                return None
        except Killed:
            return None
        return ExtractedList(VENDORS, spool, scan.result())

    def _load_state(self) -> WarehouseState:
        scans = self._con.execute("from raw.scans").fetchall()
        tallies = self._con.execute("select scan, * exclude (endpoint, scan) from raw.tallies")
        shown = {scan: ScanTally(*counts) for scan, *counts in tallies.fetchall()}
        return WarehouseState(
            {
                name: ScanProgress(concluded, running, loaded, shown.get(running))
                for name, concluded, running, loaded in scans
            }
        )

    def _load(self, delta: Delta, read_at: float) -> None:
        """Load a delta into the warehouse in one transaction."""
        self._con.execute("begin")
        rows = self._con.execute(select_versions(delta, read_at))
        self._con.register("sent", rows.to_arrow_table())
        if delta.closes:
            self._con.execute(
                """
                update raw.vendors set _dlt_valid_to = now()
                where _dlt_valid_to is null and id in (select id from sent);
                """
            )
        self._con.execute("insert into raw.vendors by name from sent where not gone")
        finalize_load(self._con, [delta], read_at)
        self._con.execute("commit")


def create_empty_warehouse(folder: Path) -> Path:
    """Create a warehouse without rows."""
    path = folder / "blank.duckdb"
    create_tables(path, [VENDORS])
    return path
