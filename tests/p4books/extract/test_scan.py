"""One list in one run: the scan, its resumption, its budget and its tail."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from p4books.endpoints import ENDPOINTS
from p4books.errors import BadAnswer, PageIgnored
from p4books.extract.client import ApiConnection, ApiTarget, Client
from p4books.extract.pagination import ListOrder, ListProfile, ScanOutcome
from p4books.extract.rate_limiter import RateLimiter
from p4books.extract.scan import ListScan, ReadMode, RequestBudget, ScanResult
from p4books.extract.spool import Spool
from p4books_sandbox import Arrival, Fault, Sandbox

INVOICES = ENDPOINTS["invoices"]
WHOLE = ScanOutcome(30, 30, complete=True, quiet=True)


@dataclass
class Reader:
    """Reads the invoices of a sandbox, in as many runs as a test likes."""

    sandbox: Sandbox
    folder: Path
    clock: Callable[[], float] = lambda: 1000.0

    def read(
        self,
        size: int = 10,
        reports: list[tuple[int, int, int]] | None = None,
        budget: int | None = None,
        tail: ListProfile | None = None,
    ) -> ScanResult:
        """Read the invoices in one run, resuming an earlier one."""
        progress = [] if reports is None else reports
        scan = ListScan(
            INVOICES,
            self.client(size),
            self.spool(size),
            RequestBudget(budget),
            progress=lambda *figures: progress.append(figures),
            clock=self.clock,
        )
        if tail:
            scan.read_tail(tail)
        scan.continue_scan()
        return scan.result()

    def client(self, size: int = 10) -> Client:
        """Return a client that requests pages of this size."""
        target = ApiTarget(
            "acme", self.sandbox.base_url, self.sandbox.key, size, "page", "page_size"
        )
        limiter = RateLimiter(self.folder / "limiter.sqlite", 100_000, 60)
        return Client(ApiConnection(target, limiter), backoff=0, sleep=lambda _: None)

    def spool(self, size: int = 10) -> Spool:
        """Return the spool it reads into."""
        return Spool(self.folder / "spool", {"size": size})

    def spooled(self, size: int = 10) -> set[str]:
        """Return the ids in the spool."""
        return {row for page in self.spool(size).list_pages() for row in page.load().records}

    @property
    def requested(self) -> list[int | None]:
        """The page numbers requested from the sandbox."""
        return [arrival.page for arrival in self.sandbox.requests]


@pytest.fixture
def reader(sandbox: Sandbox, tmp_path: Path) -> Reader:
    """A reader of the sandbox."""
    return Reader(sandbox, tmp_path)


def test_into_the_spool(reader: Reader) -> None:
    """A scan leaves every row in the spool, and says what it read and when."""
    seconds = count(1000)
    reader.clock = lambda: float(next(seconds))

    scan = reader.read()

    assert scan == ScanResult(
        outcome=WHOLE,
        identity="1001000000",
        started_at=1000.0,
        ended_at=1004.0,
        current_to=1000.0,
        pages=4,
        announced_pages=4,
        mode=ReadMode.WHOLE,
        profile=ListProfile(10, 30, ListOrder.OLDEST_FIRST),
    )
    assert reader.requested == [1, 3, 2, 1]
    assert reader.spooled() == {str(row) for row in reader.sandbox.books["invoices"].ids()}
    assert [page.read_at for page in reader.spool().list_pages()] == [1001, 1002, 1003, 1004]


def test_progress(reader: Reader) -> None:
    """After each page its progress is reported: pages read, pages announced, rows."""
    reports: list[tuple[int, int, int]] = []

    reader.read(reports=reports)

    assert reports == [(1, 4, 10), (2, 4, 20), (3, 4, 30), (4, 4, 30)]


def test_resumed(reader: Reader) -> None:
    """An interrupted scan resumes where it stopped, and requests no page twice."""
    reader.sandbox.faults.stage(Fault("status", page=2, times=5))
    with pytest.raises(BadAnswer):
        reader.read()
    reader.sandbox.forget()
    reader.clock = lambda: 1500.0

    scan = reader.read()

    assert reader.requested == [2, 1]
    assert (scan.outcome, scan.mode, scan.pages) == (WHOLE, ReadMode.SLICE, 4)
    assert (scan.started_at, scan.ended_at) == (1000.0, 1500.0)


def test_read_but_not_loaded(reader: Reader) -> None:
    """A finished scan that was not loaded takes no request in the next run."""
    first = reader.read()
    reader.sandbox.forget()

    reused = reader.read()

    assert reader.requested == []
    assert reused.mode is ReadMode.REUSED
    assert (reused.outcome, reused.identity, reused.started_at, reused.ended_at) == (
        first.outcome,
        first.identity,
        first.started_at,
        first.ended_at,
    )


def test_too_old(reader: Reader) -> None:
    """A scan interrupted over an hour ago starts again."""
    reader.read()
    reader.sandbox.forget()
    reader.clock = lambda: 1000.0 + 3600

    scan = reader.read()

    assert reader.requested == [1, 3, 2, 1]
    assert scan.started_at == 4600


@pytest.mark.parametrize("content", ["", '{"id":1}', '{"id":1}\n' * 10, "\0" * 99])
def test_damaged_page(reader: Reader, content: str) -> None:
    """A damaged page in the spool restarts the scan, and loses no row."""
    reader.sandbox.faults.stage(Fault("status", page=1, after=1, times=5))
    with pytest.raises(BadAnswer):
        reader.read()
    reader.spool().list_pages()[1].path.write_text(content)
    reader.sandbox.forget()

    scan = reader.read()

    assert reader.requested == [1, 3, 2, 1]
    assert (scan.outcome, scan.mode) == (WHOLE, ReadMode.WHOLE)
    assert reader.spooled() == invoice_ids(reader)


def test_another_page_size(reader: Reader) -> None:
    """Pages of another size are discarded."""
    reader.read()
    reader.sandbox.forget()

    reader.read(size=15)

    assert reader.requested == [1, 2, 1]


def test_page_ignored(reader: Reader) -> None:
    """Pages of a server that ignored the page number are discarded before the next run."""
    first = '{"data":[{"id":1},{"id":2}],"total":30}'
    reader.sandbox.faults.stage(Fault("html", text=first, times=3))
    with pytest.raises(PageIgnored):
        reader.read()
    reader.sandbox.forget()

    scan = reader.read()

    assert reader.requested == [1, 3, 2, 1]
    assert scan.outcome
    assert scan.outcome.complete


def test_rows_move_on_the_server(reader: Reader) -> None:
    """Rows added and deleted between requests lose no row that existed throughout."""
    invoices = reader.sandbox.books["invoices"]
    standing = {str(row) for row in invoices.ids()} - {"2", "12", "22"}
    gone = iter((2, 12, 22))

    def move(arrival: Arrival) -> None:
        if arrival.page != 1:
            invoices.delete(next(gone))
            invoices.insert({"code": "new"})

    reader.sandbox.before_each = move

    scan = reader.read(size=10)

    assert standing <= reader.spooled()
    assert scan.outcome
    assert scan.outcome.announced == 30


def test_budget(reader: Reader) -> None:
    """The scan stops when the budget is spent, and the next run resumes it."""
    first = reader.read(size=5, budget=3)
    reader.sandbox.forget()
    reader.clock = lambda: 1000.0 + 20 * 3600

    resumed_after_hours = ListScan(
        INVOICES, reader.client(5), reader.spool(5), clock=reader.clock, stale_after=86400
    )
    resumed_after_hours.continue_scan()
    second = resumed_after_hours.result()

    assert (first.outcome, first.mode, first.pages, first.announced_pages) == (
        None,
        ReadMode.SLICE,
        3,
        7,
    )
    assert first.current_to is None
    assert reader.requested == [4, 3, 2, 1]
    assert second.outcome == ScanOutcome(30, 30, complete=True, quiet=False)
    assert (second.mode, second.identity) == (ReadMode.SLICE, first.identity)
    assert second.started_at == second.current_to == 1000.0


def test_quiet_for_hours(reader: Reader) -> None:
    """An equal total after an hour does not make a scan quiet."""
    hours = iter([1000.0] * 3 + [1000.0 + 3600] * 9)
    reader.clock = lambda: next(hours)

    scan = reader.read(size=10)

    assert scan.outcome == ScanOutcome(30, 30, complete=True, quiet=False)


def test_retries_count(reader: Reader) -> None:
    """Retries are subtracted from the budget."""
    reader.sandbox.faults.stage(Fault("status", page=1, times=2))

    reader.read(size=5, budget=4)

    assert reader.requested == [1, 1, 1, 6]


def test_no_budget(reader: Reader) -> None:
    """Without a budget nothing is requested, and the result says so."""
    scan = reader.read(budget=0)

    assert reader.requested == []
    assert (scan.mode, scan.outcome, scan.current_to) == (ReadMode.SKIPPED, None, None)


def invoice_ids(reader: Reader) -> set[str]:
    return {str(row) for row in reader.sandbox.books["invoices"].ids()}


def test_tail(reader: Reader) -> None:
    """The tail is the last page and the one before it, even without a budget."""
    scan = reader.read(size=5, budget=0, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))

    assert reader.requested == [6, 5]
    assert reader.spooled(5) == {str(row) for row in range(21, 31)}
    assert (scan.mode, scan.outcome, scan.current_to) == (ReadMode.TAIL, None, 1000.0)


def test_tail_that_grew(reader: Reader) -> None:
    """Rows added since are read, page by page to the new end."""
    for _ in range(12):
        reader.sandbox.books["invoices"].insert({"code": "new"})

    scan = reader.read(size=5, budget=0, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))

    assert reader.requested == [6, 5, 7, 8, 9]
    assert {str(row) for row in range(31, 43)} <= reader.spooled(5)
    assert scan.announced_pages == 9


def test_tail_that_shrank(reader: Reader) -> None:
    """The tail of a list that shrank is where its end is now."""
    for row in range(1, 12):
        reader.sandbox.books["invoices"].delete(row)

    reader.read(size=5, budget=0, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))

    assert reader.requested == [6, 5, 3, 4]
    assert reader.spooled(5) >= {"29", "30"}


def test_tail_at_the_front(tmp_path: Path) -> None:
    """Newest first, the tail is page 1, the next page, and what was added."""
    newest_first = [{"id": row} for row in range(42, 0, -1)]
    with Sandbox(data={"invoices": newest_first}, limit=0) as sandbox:
        reader = Reader(sandbox, tmp_path)

        reader.read(size=5, budget=0, tail=ListProfile(5, 30, ListOrder.NEWEST_FIRST))

        assert reader.requested == [1, 2, 3, 4, 5]
        assert {str(row) for row in range(31, 43)} <= reader.spooled(5)


def test_tail_after_a_change_of_page_size(tmp_path: Path) -> None:
    """If pages hold fewer rows than before, the tail is elsewhere: the scan restarts."""
    with Sandbox(invoices=30, limit=0, page_size_cap=3) as sandbox:
        reader = Reader(sandbox, tmp_path)

        scan = reader.read(size=5, budget=4, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))

        assert reader.requested == [6, 5, 1, 1]
        assert (scan.mode, scan.pages, scan.announced_pages) == (ReadMode.SLICE, 1, 11)
        assert scan.current_to is None
        assert scan.profile == ListProfile(3, 30, ListOrder.OLDEST_FIRST)


def test_tail_of_a_list_that_hides_rows(reader: Reader) -> None:
    """A page with fewer rows than expected does not by itself restart the scan."""
    reader.sandbox.faults.stage(
        Fault("html", text='{"data":[{"id":26}],"total":30}', page=6, headers={}, times=1)
    )

    scan = reader.read(size=5, budget=0, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))

    assert reader.requested == [6, 5, 1]
    assert (scan.mode, scan.current_to) == (ReadMode.TAIL, 1000.0)


def test_tail_counts(reader: Reader) -> None:
    """The requests of the tail are subtracted from the budget of the scan."""
    scan = reader.read(size=5, budget=4, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))

    assert reader.requested == [6, 5, 1, 6]
    assert (scan.mode, scan.pages) == (ReadMode.SLICE, 2)


def test_tail_past_the_end(tmp_path: Path) -> None:
    """If the tail is a 404, page 1 shows how long the list is, and the new end is read."""
    with Sandbox(invoices=60, limit=0, past_end="404") as sandbox:
        reader = Reader(sandbox, tmp_path)
        invoices = sandbox.books["invoices"]
        for row in range(1, 32):
            invoices.delete(row)
        invoices.insert({"code": "NEW"})

        scan = reader.read(size=5, budget=0, tail=ListProfile(5, 60, ListOrder.OLDEST_FIRST))

        assert reader.requested == [12, 11, 1, 6, 5]
        assert "61" in reader.spooled(5)
        assert scan.current_to == 1000.0


def test_current_to_of_an_incomplete_scan(reader: Reader) -> None:
    """An incomplete scan does not say how fresh the list is."""
    reader.sandbox.faults.stage(Fault("status", status=404, page=3, times=None))

    scan = reader.read()

    assert scan.outcome
    assert not scan.outcome.complete
    assert scan.current_to is None


def test_twice_on_a_page(reader: Reader) -> None:
    """A resumed scan makes the same requests, even if a page contains a row twice."""
    rows = ",".join(f'{{"id":{number}}}' for number in (6, 7, 8, 9, 10, 6))
    page = f'{{"data":[{rows}],"total":30,"page":2}}'
    reader.sandbox.faults.stage(Fault("html", text=page, page=2, times=None))
    whole = Reader(reader.sandbox, reader.folder / "whole")
    whole.folder.mkdir()
    whole.read(size=5)
    requested = reader.requested
    reader.sandbox.forget()

    for _ in requested:
        reader.read(size=5, budget=1)

    assert reader.requested == requested
    assert reader.spooled(5) == invoice_ids(reader)


def test_pages_of_another_version(reader: Reader) -> None:
    """Pages that this paginator would not request restart the scan."""
    reader.read(size=5, budget=3)
    (one, two, three) = reader.spool(5).list_pages()
    kept = three.path.read_bytes()
    two.path.unlink()
    three.path.rename(three.path.with_name(three.path.name.replace("000002-p5", "000001-p5")))
    reader.sandbox.forget()

    reader.read(size=5, budget=1)

    assert kept
    assert one.path.exists()
    assert reader.requested == [1]


def test_tail_and_scan(reader: Reader) -> None:
    """A tail before a scan leaves it complete and quiet."""
    scan = reader.read(size=5, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))

    assert scan.outcome == WHOLE
    assert reader.spooled(5) == invoice_ids(reader)


def test_tail_of_a_later_run(reader: Reader) -> None:
    """The tail of a later run counts as part of the current scan."""
    reader.read(size=5, budget=4)
    reader.sandbox.books["invoices"].insert({"code": "new"})

    reader.read(size=5, budget=0, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))
    last = reader.read(size=5)

    assert last.outcome == ScanOutcome(31, 31, complete=True, quiet=False)
    assert reader.spooled(5) == invoice_ids(reader)
