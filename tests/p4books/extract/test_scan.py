"""How is one list read in one run?"""

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
    """What reads one list of a sandbox, as often as is asked."""

    sandbox: Sandbox
    folder: Path
    clock: Callable[[], float] = lambda: 1000.0

    def read(
        self,
        size: int = 10,
        told: list[tuple[int, int, int]] | None = None,
        budget: int | None = None,
        tail: ListProfile | None = None,
    ) -> ScanResult:
        """Read the invoices, or go on with reading them."""
        notes = [] if told is None else told
        reading = ListScan(
            INVOICES,
            self.client(size),
            self.spool(size),
            RequestBudget(budget),
            progress=lambda *figures: notes.append(figures),
            clock=self.clock,
        )
        if tail:
            reading.read_tail(tail)
        reading.continue_scan()
        return reading.result()

    def client(self, size: int = 10) -> Client:
        """Give a client that asks for pages of this size."""
        target = ApiTarget(
            "acme", self.sandbox.base_url, self.sandbox.key, size, "page", "page_size"
        )
        slots = RateLimiter(self.folder / "throttle.sqlite", 100_000, 60)
        return Client(ApiConnection(target, slots), backoff=0, sleep=lambda _: None)

    def spool(self, size: int = 10) -> Spool:
        """Give the spool it reads into."""
        return Spool(self.folder / "spool", {"size": size})

    def held(self, size: int = 10) -> set[str]:
        """Give the ids that lie in the spool."""
        return {row for page in self.spool(size).list_pages() for row in page.load().records}

    @property
    def asked(self) -> list[int | None]:
        """The pages that arrived at the sandbox."""
        return [arrival.page for arrival in self.sandbox.requests]


@pytest.fixture
def reader(sandbox: Sandbox, tmp_path: Path) -> Reader:
    """A reader of the test's sandbox."""
    return Reader(sandbox, tmp_path)


def test_into_the_spool(reader: Reader) -> None:
    """A scan leaves every row in the spool, and says what it found and when."""
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
    assert reader.asked == [1, 3, 2, 1]
    assert reader.held() == {str(row) for row in reader.sandbox.books["invoices"].ids()}
    assert [page.read_at for page in reader.spool().list_pages()] == [1001, 1002, 1003, 1004]


def test_progress(reader: Reader) -> None:
    """After each answer it is told how many pages came, of how many, with how many rows."""
    told: list[tuple[int, int, int]] = []

    reader.read(told=told)

    assert told == [(1, 4, 10), (2, 4, 20), (3, 4, 30), (4, 4, 30)]


def test_goes_on(reader: Reader) -> None:
    """A scan that was broken off goes on where it stopped, and asks for no page again."""
    reader.sandbox.faults.stage(Fault("status", page=2, times=5))
    with pytest.raises(BadAnswer):
        reader.read()
    reader.sandbox.forget()
    reader.clock = lambda: 1500.0

    scan = reader.read()

    assert reader.asked == [2, 1]
    assert (scan.outcome, scan.mode, scan.pages) == (WHOLE, ReadMode.SLICE, 4)
    assert (scan.started_at, scan.ended_at) == (1000.0, 1500.0)


def test_read_but_not_loaded(reader: Reader) -> None:
    """A scan that came to its end but was not loaded costs no request when it is run again."""
    first = reader.read()
    reader.sandbox.forget()

    again = reader.read()

    assert reader.asked == []
    assert again.mode is ReadMode.REUSED
    assert (again.outcome, again.identity, again.started_at, again.ended_at) == (
        first.outcome,
        first.identity,
        first.started_at,
        first.ended_at,
    )


def test_too_old(reader: Reader) -> None:
    """A scan that was broken off over an hour ago starts anew."""
    reader.read()
    reader.sandbox.forget()
    reader.clock = lambda: 1000.0 + 3600

    scan = reader.read()

    assert reader.asked == [1, 3, 2, 1]
    assert scan.started_at == 4600


@pytest.mark.parametrize("left", ["", '{"id":1}', '{"id":1}\n' * 10, "\0" * 99])
def test_a_damaged_page(reader: Reader, left: str) -> None:
    """A page that does not lie in the spool as it was written costs the scan, and no row."""
    reader.sandbox.faults.stage(Fault("status", page=1, after=1, times=5))
    with pytest.raises(BadAnswer):
        reader.read()
    reader.spool().list_pages()[1].path.write_text(left)
    reader.sandbox.forget()

    scan = reader.read()

    assert reader.asked == [1, 3, 2, 1]
    assert (scan.outcome, scan.mode) == (WHOLE, ReadMode.WHOLE)
    assert reader.held() == invoice_ids(reader)


def test_other_size(reader: Reader) -> None:
    """Pages of another size are not mixed with these."""
    reader.read()
    reader.sandbox.forget()

    reader.read(size=15)

    assert reader.asked == [1, 2, 1]


def test_page_ignored_is_not_kept(reader: Reader) -> None:
    """What a server that ignored the page gave does not stand in the way of the next run."""
    first = '{"data":[{"id":1},{"id":2}],"total":30}'
    reader.sandbox.faults.stage(Fault("html", text=first, times=3))
    with pytest.raises(PageIgnored):
        reader.read()
    reader.sandbox.forget()

    scan = reader.read()

    assert reader.asked == [1, 3, 2, 1]
    assert scan.outcome
    assert scan.outcome.complete


def test_rows_move_on_the_server(reader: Reader) -> None:
    """Rows that come and go between requests cost no row that stood all the time."""
    invoices = reader.sandbox.books["invoices"]
    standing = {str(row) for row in invoices.ids()} - {"2", "12", "22"}
    gone = iter((2, 12, 22))

    def move(arrival: Arrival) -> None:
        if arrival.page != 1:
            invoices.delete(next(gone))
            invoices.insert({"code": "new"})

    reader.sandbox.before_each = move

    scan = reader.read(size=10)

    assert standing <= reader.held()
    assert scan.outcome
    assert scan.outcome.announced == 30


# A scan over several runs.


def test_budget_ends(reader: Reader) -> None:
    """Where the budget ends the scan stops, and the next run goes on from there."""
    first = reader.read(size=5, budget=3)
    reader.sandbox.forget()
    reader.clock = lambda: 1000.0 + 20 * 3600

    with_hours_between = ListScan(
        INVOICES, reader.client(5), reader.spool(5), clock=reader.clock, stale_after=86400
    )
    with_hours_between.continue_scan()
    second = with_hours_between.result()

    assert (first.outcome, first.mode, first.pages, first.announced_pages) == (
        None,
        ReadMode.SLICE,
        3,
        7,
    )
    assert first.current_to is None
    assert reader.asked == [4, 3, 2, 1]
    assert second.outcome == ScanOutcome(30, 30, complete=True, quiet=False)
    assert (second.mode, second.identity) == (ReadMode.SLICE, first.identity)
    assert second.started_at == second.current_to == 1000.0


def test_quiet_for_hours(reader: Reader) -> None:
    """A total that is the same after an hour does not tell that nothing moved meanwhile."""
    hours = iter([1000.0] * 3 + [1000.0 + 3600] * 9)
    reader.clock = lambda: next(hours)

    scan = reader.read(size=10)

    assert scan.outcome == ScanOutcome(30, 30, complete=True, quiet=False)


def test_repeats_count(reader: Reader) -> None:
    """A request that had to be made again is taken from the budget twice."""
    reader.sandbox.faults.stage(Fault("status", page=1, times=2))

    reader.read(size=5, budget=4)

    assert reader.asked == [1, 1, 1, 6]


def test_nothing_left(reader: Reader) -> None:
    """Without a request left nothing is asked, and that is said."""
    scan = reader.read(budget=0)

    assert reader.asked == []
    assert (scan.mode, scan.outcome, scan.current_to) == (ReadMode.SKIPPED, None, None)


# The tail.


def invoice_ids(reader: Reader) -> set[str]:
    return {str(row) for row in reader.sandbox.books["invoices"].ids()}


def test_tail(reader: Reader) -> None:
    """The tail is the last page and the one before it, whatever is left of the budget."""
    scan = reader.read(size=5, budget=0, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))

    assert reader.asked == [6, 5]
    assert reader.held(5) == {str(row) for row in range(21, 31)}
    assert (scan.mode, scan.outcome, scan.current_to) == (ReadMode.TAIL, None, 1000.0)


def test_tail_that_grew(reader: Reader) -> None:
    """Whatever was added since is read, page by page to the new end."""
    for _ in range(12):
        reader.sandbox.books["invoices"].insert({"code": "new"})

    scan = reader.read(size=5, budget=0, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))

    assert reader.asked == [6, 5, 7, 8, 9]
    assert {str(row) for row in range(31, 43)} <= reader.held(5)
    assert scan.announced_pages == 9


def test_tail_that_shrank(reader: Reader) -> None:
    """A list that became shorter is looked at where its end is now."""
    for row in range(1, 12):
        reader.sandbox.books["invoices"].delete(row)

    reader.read(size=5, budget=0, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))

    assert reader.asked == [6, 5, 3, 4]
    assert reader.held(5) >= {"29", "30"}


def test_tail_at_the_front(tmp_path: Path) -> None:
    """Where the newest stand first, the tail is page 1, the next, and what was added."""
    newest_first = [{"id": row} for row in range(42, 0, -1)]
    with Sandbox(data={"invoices": newest_first}, limit=0) as sandbox:
        reader = Reader(sandbox, tmp_path)

        reader.read(size=5, budget=0, tail=ListProfile(5, 30, ListOrder.NEWEST_FIRST))

        assert reader.asked == [1, 2, 3, 4, 5]
        assert {str(row) for row in range(31, 43)} <= reader.held(5)


def test_tail_of_other_pages(tmp_path: Path) -> None:
    """Where a page holds fewer rows than it did, the tail is elsewhere: a new scan begins."""
    with Sandbox(invoices=30, limit=0, page_size_cap=3) as sandbox:
        reader = Reader(sandbox, tmp_path)

        scan = reader.read(size=5, budget=4, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))

        assert reader.asked == [6, 5, 1, 1]
        assert (scan.mode, scan.pages, scan.announced_pages) == (ReadMode.SLICE, 1, 11)
        assert scan.current_to is None
        assert scan.profile == ListProfile(3, 30, ListOrder.OLDEST_FIRST)


def test_tail_of_a_list_that_hides_rows(reader: Reader) -> None:
    """A page with fewer rows than it should have is no reason to begin anew by itself."""
    reader.sandbox.faults.stage(
        Fault("html", text='{"data":[{"id":26}],"total":30}', page=6, headers={}, times=1)
    )

    scan = reader.read(size=5, budget=0, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))

    assert reader.asked == [6, 5, 1]
    assert (scan.mode, scan.current_to) == (ReadMode.TAIL, 1000.0)


def test_tail_counts(reader: Reader) -> None:
    """What the tail cost is taken from what the scan may spend."""
    scan = reader.read(size=5, budget=4, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))

    assert reader.asked == [6, 5, 1, 6]
    assert (scan.mode, scan.pages) == (ReadMode.SLICE, 2)


def test_tail_that_is_not_there(tmp_path: Path) -> None:
    """Where the tail is answered 404 page 1 tells how long the list is: the new end is read."""
    with Sandbox(invoices=60, limit=0, past_end="404") as sandbox:
        reader = Reader(sandbox, tmp_path)
        invoices = sandbox.books["invoices"]
        for row in range(1, 32):
            invoices.delete(row)
        invoices.insert({"code": "NEW"})

        scan = reader.read(size=5, budget=0, tail=ListProfile(5, 60, ListOrder.OLDEST_FIRST))

        assert reader.asked == [12, 11, 1, 6, 5]
        assert "61" in reader.held(5)
        assert scan.current_to == 1000.0


def test_current_to_of_what_is_not_whole(reader: Reader) -> None:
    """A scan that did not find all that was announced tells nothing of how fresh a list is."""
    reader.sandbox.faults.stage(Fault("status", status=404, page=3, times=None))

    scan = reader.read()

    assert scan.outcome
    assert not scan.outcome.complete
    assert scan.current_to is None


def test_twice_on_a_page(reader: Reader) -> None:
    """A scan goes on the same way after a break, also where a page holds a row twice."""
    rows = ",".join(f'{{"id":{number}}}' for number in (6, 7, 8, 9, 10, 6))
    page = f'{{"data":[{rows}],"total":30,"page":2}}'
    reader.sandbox.faults.stage(Fault("html", text=page, page=2, times=None))
    whole = Reader(reader.sandbox, reader.folder / "whole")
    whole.folder.mkdir()
    whole.read(size=5)
    asked = reader.asked
    reader.sandbox.forget()

    for _ in asked:
        reader.read(size=5, budget=1)

    assert reader.asked == asked
    assert reader.held(5) == invoice_ids(reader)


def test_played_to_another_walk(reader: Reader) -> None:
    """Pages that this walk would not ask for were left by another: the scan begins anew."""
    reader.read(size=5, budget=3)
    (one, two, three) = reader.spool(5).list_pages()
    kept = three.path.read_bytes()
    two.path.unlink()
    three.path.rename(three.path.with_name(three.path.name.replace("000002-p5", "000001-p5")))
    reader.sandbox.forget()

    reader.read(size=5, budget=1)

    assert kept
    assert one.path.exists()
    assert reader.asked == [1]


def test_tail_and_all(reader: Reader) -> None:
    """A scan that a tail went before is whole all the same, and as quiet as all its answers."""
    quiet = reader.read(size=5, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))

    assert quiet.outcome == WHOLE
    assert reader.held(5) == invoice_ids(reader)


def test_read_again_in_the_tail(reader: Reader) -> None:
    """Tails of later runs are parts of the running scan: what they show is seen."""
    reader.read(size=5, budget=4)
    reader.sandbox.books["invoices"].insert({"code": "new"})

    reader.read(size=5, budget=0, tail=ListProfile(5, 30, ListOrder.OLDEST_FIRST))
    last = reader.read(size=5)

    assert last.outcome == ScanOutcome(31, 31, complete=True, quiet=False)
    assert reader.held(5) == invoice_ids(reader)
