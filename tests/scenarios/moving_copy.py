"""A copy of a list whose rows move: read, compared and settled by the rooms of the house.

Only HTTP and dlt are left out: the pages come from memory, and what dlt would do with a delta is
said in two lines of SQL.
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
from p4books.load.delta import DeletionGuard, Delta, compare_lists
from p4books.load.pipeline import finalize_load
from p4books.load.schema import NO_SCAN, ScanProgress, WarehouseState, create_tables
from p4books.storage.database import open_database, quote_literal

PATIENCE = 300  # requests of one run: without a total some lists seem to have no end


class Killed(BaseException):
    """The run ended at this request, without a word."""


class Desk:
    """Gives a reading its pages; at one of its requests it may fail, or take the run with it."""

    def __init__(self, books: Books, ending: str, at: int) -> None:
        self.books = books
        self.target = ApiTarget("acme", "https://x", "k", books.size, "page", "page_size")
        self.counts = RequestCounts()
        self._ending = ending
        self._left = at

    def fetch_page(
        self, endpoint: Endpoint, number: int, *, observed_size: int | None = None
    ) -> Page:
        """Give one page."""
        self.counts.requests += 1
        self._left -= 1
        if (self._left == 0 and self._ending == "failing") or self.counts.requests > PATIENCE:
            raise BadAnswer(endpoint.name, number, "status 500")
        if self._left == 0 and self._ending == "killed while reading":
            raise Killed
        return self.books.answer(number, observed_size)


@dataclass(frozen=True)
class Taken:
    """What a run read, and what was said of it."""

    scan: ScanResult
    faults: list[P4BooksError]
    loaded: bool


@dataclass(frozen=True)
class Version:
    """One version in the warehouse; `until` is None for the present one."""

    id: str
    revision: int
    since: datetime
    until: datetime | None


class Copy:
    """A copy of one list: its spool, its warehouse, and what its log remembers."""

    def __init__(self, books: Books, folder: Path, blank: Path) -> None:
        self.books = books
        self._folder = folder
        self._known: ListProfile | None = None
        self._con = open_database()
        self._con.execute("set threads = 1")
        self._con.execute(f"attach {quote_literal(str(blank))} as blank (read_only)")
        self._con.execute("attach ':memory:' as held")
        self._con.execute("copy from database blank to held")
        self._con.execute("detach blank")
        self._made = self._con.cursor()
        self._made.execute("use held")

    def close(self) -> None:
        """Close the warehouse."""
        self._made.close()
        self._con.close()

    def run(self, budget: int | None, ending: str, at: int) -> Taken | None:
        """Run once, as a sync does: read, compare, load, clear, remember.

        Give what was taken in, None where the run did not come so far.
        """
        held = self._held()
        read = self._read(held, budget, Desk(self.books, ending, at))
        if read is None or ending == "killed before loading":
            return None
        pairs, faults = compare_lists(self._con, [read], held, DeletionGuard(0.2))
        for one, found in pairs:
            self._load(found, one.scan.ended_at)
        taken = Taken(read.scan, list(faults.values()), loaded=bool(pairs))
        if ending == "killed after loading":
            return taken
        if read.scan.outcome:
            read.spool.clear()
        if ending != "killed before learning":
            self._known = read.scan.profile or self._known
        return taken

    def versions(self) -> list[Version]:
        """List the versions of every row, oldest first."""
        found = self._con.execute(
            "select id, code::integer, _dlt_valid_from, _dlt_valid_to from held.raw.vendors"
            " order by id, _dlt_valid_from"
        ).fetchall()
        return [Version(*row) for row in found]

    def seen(self) -> list[str]:
        """List the ids of which is noted when they were seen."""
        return [row for (row,) in self._con.execute("select id from held.raw.seen").fetchall()]

    def _read(self, held: WarehouseState, budget: int | None, desk: Desk) -> ExtractedList | None:
        name, scans = VENDORS.name, held.scans
        memory = EndpointState(name in scans, scans.get(name, NO_SCAN).concluded, self._known)
        chosen = plan_run([VENDORS], {name: memory}, budget)
        spool = Spool(self._folder / "spool", desk.target.list_source(VENDORS))
        spool.discard_scan(memory.concluded)
        reading = ListScan(
            VENDORS,
            desk,
            spool,
            RequestBudget(budget),
            clock=self.books.clock,
            stale_after=STALE_AFTER if chosen.whole else ABANDONED_AFTER,
        )
        try:
            if name in chosen.profiles and (chosen.tails or reading.resumed):
                reading.read_tail(chosen.profiles[name])
            reading.continue_scan()
        except P4BooksError:
            if not reading.has_new_pages:
                return None
        except Killed:
            return None
        return ExtractedList(VENDORS, spool, reading.result())

    def _held(self) -> WarehouseState:
        scans = self._con.execute("from held.raw.scans").fetchall()
        return WarehouseState({name: ScanProgress(*scanned) for name, *scanned in scans})

    def _load(self, found: Delta, read_at: float) -> None:
        """Put a delta into the warehouse, whole or not at all."""
        self._made.execute("begin")
        self._made.register("sent", self._con.execute(found.query).to_arrow_table())
        self._made.execute(
            """
            update raw.vendors set _dlt_valid_to = now()
            where _dlt_valid_to is null and id in (select id from sent);
            insert into raw.vendors select *, now(), null from sent where not gone
            """
        )
        finalize_load(self._con, self._made, found, read_at)
        self._made.execute("commit")


def blank(folder: Path) -> Path:
    """Make a warehouse that holds nothing yet."""
    path = folder / "blank.duckdb"
    create_tables(path, [VENDORS])
    return path
