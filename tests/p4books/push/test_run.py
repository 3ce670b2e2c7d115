"""What happens in a push?"""

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.staging_sync import sync

from p4books.errors import AlreadyRunning, UsageError
from p4books.push.errors import (
    BadColumns,
    BadRows,
    KeptOtherwise,
    LedgerTrouble,
    NoAnswers,
    NotCreated,
    NotReached,
    OtherBooks,
    OwnCodes,
)
from p4books.push.ledger import Ledger, list_entries, list_pushes
from p4books.push.lookups import ListNotSynced
from p4books.push.run import push_records
from p4books.push.send import RetryPolicy
from p4books.push.types import (
    CREATED,
    READY,
    REFUSED,
    UNKNOWN,
    Entry,
    PushOptions,
    PushReport,
    SourceRow,
)
from p4books.settings import Settings
from p4books.storage.files import tenant_lock
from p4books_sandbox import Fault, Sandbox

QUICK = RetryPolicy(timeout=0.2, backoff=0, settled=0, sleep=lambda _: None)
Push = Callable[..., PushReport]
MakePush = Callable[..., tuple[Sandbox, Push]]


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of one sync of everything, that each test copies."""
    folder = tmp_path_factory.mktemp("synced")
    with Sandbox(invoices=30, limit=0) as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        sync(_settings(sandbox, folder / "data"))
    return folder / "data"


def _settings(sandbox: Sandbox, folder: Path, **more: Any) -> Settings:
    given = {"tenant": "acme", "api_key": sandbox.key, "base_url": sandbox.base_url}
    return Settings(**{**given, "data_dir": folder, "requests_per_window": 100_000, **more})


@pytest.fixture
def open_shop(synced: Path, tmp_path: Path) -> Iterator[MakePush]:
    """Open a P4 Books with ways of its own, and give what pushes vendors to it."""
    opened: list[Sandbox] = []

    def open_one(**ways: Any) -> tuple[Sandbox, Push]:
        sandbox = Sandbox(invoices=30, limit=0, **ways)
        opened.append(sandbox.__enter__())
        shutil.copytree(synced, tmp_path / "data", dirs_exist_ok=True)
        settings = _settings(sandbox, tmp_path / "data")

        def pushed(
            records: Iterable[dict[str, Any]], endpoint: str = "vendors", **wishes: Any
        ) -> PushReport:
            found = [SourceRow(n, each) for n, each in enumerate(records, 2)]
            return push_records(
                settings, endpoint, found, "x.csv", PushOptions(**wishes), patience=QUICK
            )

        return sandbox, pushed

    yield open_one
    for sandbox in opened:
        sandbox.__exit__(None, None, None)


def _vendors(*numbers: int) -> list[dict[str, Any]]:
    return [{"code": f"NEW-{n}", "name": f"New vendor {n}"} for n in numbers]


def _codes(sandbox: Sandbox, path: str = "vendors") -> list[Any]:
    found = [record["code"] for record in sandbox.books[path].records()]
    return [code for code in found if str(code).startswith("NEW")]


def _entries(tmp_path: Path, number: int) -> list[Entry]:
    return list(list_entries(tmp_path / "data" / ".private" / "acme" / "ledger.sqlite", number))


def _posts(sandbox: Sandbox) -> int:
    return sum(arrival.method == "POST" for arrival in sandbox.requests)


def test_created(open_shop: MakePush, tmp_path: Path) -> None:
    """Each row becomes a record, in the order of the file, and the ledger says which."""
    sandbox, pushed = open_shop()

    done = pushed(_vendors(1, 2, 3))

    assert (done.push, done.rows, done.created, done.errors) == (1, 3, 3, [])
    assert _codes(sandbox) == ["NEW-1", "NEW-2", "NEW-3"]
    ids = {str(r["id"]): r["code"] for r in sandbox.books["vendors"].records()}
    assert all(ids[entry.id or ""] == entry.code for entry in _entries(tmp_path, 1))
    assert _posts(sandbox) == 3


def test_the_same_file_again(open_shop: MakePush) -> None:
    """What was created is never sent again, in this file or in another, and that is said."""
    sandbox, pushed = open_shop()
    pushed(_vendors(1, 2))

    again, more = pushed(_vendors(1, 2)), pushed(_vendors(3, 2))

    assert (again.created, again.earlier, again.requests, again.errors) == (0, 2, 0, [])
    assert (more.created, more.earlier, more.requests) == (1, 1, 1)
    assert _codes(sandbox) == ["NEW-1", "NEW-2", "NEW-3"]


def test_documents(open_shop: MakePush) -> None:
    """Documents go with their lines, their references as ids, be they codes in the file."""
    sandbox, pushed = open_shop()
    customer = sandbox.books["customers"].records()[0]
    product = sandbox.books["products"].records()[0]
    lines = [{"product_code": product["code"], "quantity": "2", "price": "10.50"}]

    done = pushed([{"code": "NEW-1", "customer": customer["code"], "lines": lines}], "invoices")

    assert done.errors == []
    (made,) = [r for r in sandbox.books["invoices"].records() if r["code"] == "NEW-1"]
    assert made["customer_id"] == customer["id"]
    assert made["lines"] == [{"product_id": product["id"], "quantity": 2, "price": 10.5}]


def test_bad_rows(open_shop: MakePush, tmp_path: Path) -> None:
    """With one bad row nothing is sent and nothing is written down; every fault is listed."""
    sandbox, pushed = open_shop()

    done = pushed([*_vendors(1), {"code": "NEW-2"}, {"name": "x", "balance": "1,5"}])

    assert [(fault.row, fault.column) for fault in done.faults] == [
        (3, "name"),
        (4, "balance"),
        (4, "code"),
    ]
    assert (done.push, done.bad, done.rows) == (None, 2, 3)
    assert isinstance(done.errors[0], BadRows)
    assert sandbox.requests == []
    assert list_pushes(tmp_path / "data" / ".private" / "acme" / "ledger.sqlite") == []


def test_three_bad_of_10000(open_shop: MakePush) -> None:
    """Three bad records among 10,000 are named, with row and column, before anything is sent."""
    sandbox, pushed = open_shop()
    records = _vendors(*range(10_000))
    records[17]["balance"] = "1,5"
    del records[5_000]["name"]
    records[9_999]["code"] = ""

    done = pushed(records)

    told = [(fault.row, fault.column) for fault in done.faults]
    assert told == [(19, "balance"), (5_002, "name"), (10_001, "code")]
    assert (done.bad, done.rows, done.created) == (3, 10_000, 0)
    assert sandbox.requests == []


def test_skip_bad(open_shop: MakePush) -> None:
    """On wish the good rows are sent, and the bad ones are said to be left out."""
    sandbox, pushed = open_shop()

    done = pushed([*_vendors(1), {"code": "NEW-2"}], skip_bad=True)

    assert (done.created, done.bad, len(done.faults)) == (1, 1, 1)
    assert "1 record" in str(done.errors[0])
    assert _codes(sandbox) == ["NEW-1"]


@pytest.mark.parametrize(
    ("endpoint", "more"),
    [("vendors", {"colour": "red"}), ("customers", {"addresses": [{"colour": "red"}]})],
)
def test_wrong_columns(endpoint: str, more: dict[str, Any], open_shop: MakePush) -> None:
    """What is no field, be it in a list, stops all, also where bad rows are skipped."""
    sandbox, pushed = open_shop()

    done = pushed([{**each, **more} for each in _vendors(1, 2)], endpoint, skip_bad=True)

    assert isinstance(done.errors[0], BadColumns)
    assert sandbox.requests == []


def test_renamed(open_shop: MakePush) -> None:
    """Columns are taken as fields by the names that are given."""
    sandbox, pushed = open_shop()

    done = pushed(
        [{"numero": "NEW-1", "nombre": "Uno", "notas": "x"}],
        renamed={"numero": "code", "nombre": "name", "notas": ""},
    )

    assert done.created == 1
    assert sandbox.books["vendors"].records()[-1]["name"] == "Uno"


def test_code_that_exists(open_shop: MakePush) -> None:
    """A code that is in the books already is a fault that names the record's id."""
    sandbox, pushed = open_shop()
    there = sandbox.books["vendors"].records()[4]

    done = pushed([{"code": there["code"], "name": "x"}])

    assert f"id {there['id']}" in done.faults[0].what
    assert _posts(sandbox) == 0


def test_dry_run(open_shop: MakePush, tmp_path: Path) -> None:
    """A dry run checks all, sends nothing and leaves no trace."""
    sandbox, pushed = open_shop()

    done = pushed([*_vendors(1, 2), {"code": "x"}], dry_run=True)

    assert (done.push, done.rows, done.ready, done.bad) == (None, 3, 2, 1)
    assert sandbox.requests == []
    assert list_pushes(tmp_path / "data" / ".private" / "acme" / "ledger.sqlite") == []


def test_limit(open_shop: MakePush) -> None:
    """So many are sent at most; the next push of the file goes on from there."""
    sandbox, pushed = open_shop()

    first, second = pushed(_vendors(1, 2, 3), limit=2), pushed(_vendors(1, 2, 3))

    assert (first.created, first.ready, first.errors) == (2, 1, [])
    assert (second.created, second.earlier) == (1, 2)
    assert _codes(sandbox) == ["NEW-1", "NEW-2", "NEW-3"]


def test_refused(open_shop: MakePush, tmp_path: Path) -> None:
    """What P4 Books refuses is told with its words, sent again on wish only, and others go on."""
    sandbox, pushed = open_shop()
    sandbox.faults.stage(Fault("status", method="POST", status=406, text="Period is locked."))

    first, again = pushed(_vendors(1, 2)), pushed(_vendors(1, 2))
    answers = [entry.answer for entry in _entries(tmp_path, 2)]
    wished = pushed(_vendors(1, 2), again=frozenset({REFUSED}))

    assert (first.created, first.refused) == (1, 1)
    assert "p4books pushes 1" in str(first.errors[0])
    assert (again.earlier, again.earlier_refused, again.requests) == (1, 1, 0)
    assert "--resend-refused" in str(again.errors[0])
    assert (wished.created, _posts(sandbox)) == (1, 3)
    assert answers == ["Period is locked.", None]
    assert [entry.answer for entry in _entries(tmp_path, 3)] == [None, None]


@pytest.mark.parametrize("kind", ["lost", "failed", "cut_body"])
def test_found(kind: str, open_shop: MakePush, tmp_path: Path) -> None:
    """A record whose answer was lost is found where new rows stand, and counts as created."""
    sandbox, pushed = open_shop()
    sandbox.faults.stage(Fault(kind, method="POST", after=1))

    done = pushed(_vendors(1, 2, 3))

    assert (done.created, done.unknown, done.errors) == (3, 0, [])
    assert _codes(sandbox) == ["NEW-1", "NEW-2", "NEW-3"]
    assert "Found in P4 Books" in (_entries(tmp_path, 1)[1].note or "")


def test_not_found(open_shop: MakePush, tmp_path: Path) -> None:
    """What a whole reading does not show stays unknown, with advice, and is not sent again."""
    sandbox, pushed = open_shop()
    sandbox.faults.stage(Fault("reset", method="POST"))

    first, again = pushed(_vendors(1, 2)), pushed(_vendors(1, 2))

    assert (first.created, first.unknown, again.unknown) == (1, 1, 1)
    assert _posts(sandbox) == 2
    assert "--resend-unknown" in (_entries(tmp_path, 2)[0].note or "")


def test_resend_unknown(open_shop: MakePush) -> None:
    """On wish what is not there is sent once more, after one more look."""
    sandbox, pushed = open_shop()
    sandbox.faults.stage(Fault("reset", method="POST"))
    pushed(_vendors(1))

    done = pushed(_vendors(1), again=frozenset({UNKNOWN}))

    assert (done.created, done.unknown) == (1, 0)
    assert _codes(sandbox) == ["NEW-1"]


def test_come_late(open_shop: MakePush) -> None:
    """What came after it had been looked for is found by the next push, and is not sent again."""
    sandbox, pushed = open_shop()
    sandbox.faults.stage(Fault("reset", method="POST"))
    pushed(_vendors(1))
    sandbox.books["vendors"].insert(_vendors(1)[0])

    done = pushed(_vendors(1), again=frozenset({UNKNOWN}))

    assert (done.created, _posts(sandbox)) == (1, 1)
    assert _codes(sandbox) == ["NEW-1"]


def test_another_s_record(open_shop: MakePush, tmp_path: Path) -> None:
    """Where the code has come with other content, it is not resent, and the user compares."""
    sandbox, pushed = open_shop()
    sandbox.faults.stage(Fault("reset", method="POST"))
    pushed(_vendors(1))
    sandbox.books["vendors"].insert({"code": "NEW-1", "name": "Somebody else's"})

    done = pushed(_vendors(1), again=frozenset({UNKNOWN}))

    assert (done.unknown, _posts(sandbox)) == (1, 1)
    assert "differs in name" in (_entries(tmp_path, 2)[0].note or "")


def test_own_codes(open_shop: MakePush, tmp_path: Path) -> None:
    """A tenant that numbers records itself is found out with one, and told; on wish it goes on."""
    sandbox, pushed = open_shop(codes="own")

    first, again = pushed(_vendors(1, 2, 3)), pushed(_vendors(1, 2, 3))
    wished = pushed(_vendors(1, 2, 3), allow_renumbering=True)

    assert (first.created, first.ready) == (1, 2)
    assert isinstance(first.errors[0], OwnCodes)
    assert isinstance(again.errors[0], OwnCodes)
    assert (again.created, again.requests) == (0, 0)
    assert (wished.created, wished.earlier, wished.errors) == (2, 1, [])
    assert _posts(sandbox) == 3


def test_own_codes_and_lost(open_shop: MakePush) -> None:
    """There a lost record is found by its content; what is not found is never sent again."""
    sandbox, pushed = open_shop(codes="own")
    pushed(_vendors(1), allow_renumbering=True)
    sandbox.faults.stage(Fault("lost", method="POST"), Fault("reset", method="POST", after=1))

    done = pushed(_vendors(2, 3, 4), allow_renumbering=True)
    again = pushed(_vendors(2, 3, 4), allow_renumbering=True, again=frozenset({UNKNOWN}))

    assert (done.created, done.unknown) == (2, 1)
    assert (again.created, again.unknown) == (0, 1)
    assert _posts(sandbox) == 4


def test_the_one_that_was_there(open_shop: MakePush, tmp_path: Path) -> None:
    """An answer that shows a record which was there before created nothing, and is told so."""
    sandbox, pushed = open_shop(twins="first")
    old = sandbox.books["vendors"].ids()[0]
    sandbox.books["vendors"].replace(old, code="NEW-1")  # since the last sync

    done = pushed(_vendors(1))

    assert (done.created, done.refused) == (0, 1)
    assert f"had before (id {old})" in (_entries(tmp_path, 1)[0].answer or "")


@pytest.mark.parametrize("status", [401, 403])
def test_not_let_in(status: int, open_shop: MakePush) -> None:
    """Who may not create stops at the first row, and all are ready for the next push."""
    sandbox, pushed = open_shop()
    sandbox.faults.stage(Fault("status", method="POST", status=status))

    first, again = pushed(_vendors(1, 2)), pushed(_vendors(1, 2))

    assert isinstance(first.errors[0], NotCreated)
    assert (first.ready, again.created) == (2, 2)


def test_no_answers(open_shop: MakePush) -> None:
    """After five rows without a verdict it stops: the others stay ready."""
    sandbox, pushed = open_shop()
    sandbox.faults.stage(Fault("status", method="POST", status=500, times=5))

    done = pushed(_vendors(*range(8)))

    assert isinstance(done.errors[0], NoAnswers)
    assert (done.unknown, done.ready, done.created) == (5, 3, 0)


def test_not_reached(open_shop: MakePush, synced: Path, tmp_path: Path) -> None:
    """Without a connection nothing is sent, and all is ready."""
    sandbox, _ = open_shop()
    settings = _settings(sandbox, tmp_path / "data", base_url="http://127.0.0.1:1/api/v1")

    found = [SourceRow(2, _vendors(1)[0])]
    done = push_records(settings, "vendors", found, "x", patience=QUICK)

    assert isinstance(done.errors[0], NotReached)
    assert (done.ready, done.unknown) == (1, 0)


def test_other_values(open_shop: MakePush, tmp_path: Path) -> None:
    """Where the answer shows another value than ours, the field is noted, and it is said."""
    _, pushed = open_shop(mixed=("phone",))  # every fifth record keeps N/A for it

    done = pushed([{**each, "phone": "507"} for each in _vendors(*range(5))])

    assert done.created == 5
    notes = [entry.differs for entry in _entries(tmp_path, 1)]
    assert "phone" in notes
    assert notes.count(None) == 4
    assert isinstance(done.errors[0], KeptOtherwise)


def test_nothing(open_shop: MakePush) -> None:
    """A file without rows creates nothing, and that is no error."""
    _, pushed = open_shop()

    done = pushed([])

    assert (done.rows, done.errors) == (0, [])


def test_sales_orders(open_shop: MakePush) -> None:
    """What the API can't create is refused before anything else, with what it can."""
    _, pushed = open_shop()

    with pytest.raises(UsageError, match="only products, customers, vendors, invoices"):
        pushed([], "sales_orders")


def test_never_synced(tmp_path: Path, sandbox: Sandbox) -> None:
    """Without a copy of the books nothing can be checked, and so nothing is sent."""
    with pytest.raises(ListNotSynced, match="p4books sync"):
        push_records(_settings(sandbox, tmp_path / "new"), "vendors", [], "x")

    assert sandbox.requests == []


def test_two_at_once(open_shop: MakePush, tmp_path: Path) -> None:
    """Two pushes of a tenant do not run at once; a sync is no hindrance."""
    sandbox, pushed = open_shop()
    settings = _settings(sandbox, tmp_path / "data")

    with tenant_lock(settings, "push"), pytest.raises(AlreadyRunning):
        pushed(_vendors(1))
    with tenant_lock(settings):
        done = pushed(_vendors(1))

    assert done.created == 1


def test_beside_a_sync(open_shop: MakePush, tmp_path: Path) -> None:
    """A sync and a push that share a limit both come to their end, and neither passes it."""
    open_shop()
    with Sandbox(invoices=150, limit=20, window=0.4, page_size_cap=5) as busy:
        shared = {"requests_per_window": 20, "window_seconds": 0.4, "page_size": 5}
        settings = _settings(busy, tmp_path / "data", **shared)
        synced: list[Any] = []
        running = threading.Thread(target=lambda: synced.append(sync(settings, full=True)))
        running.start()

        found = [SourceRow(n + 2, each) for n, each in enumerate(_vendors(*range(30)))]
        done = push_records(settings, "vendors", found, "x", patience=QUICK)
        running.join()

        posts = [arrival.at for arrival in busy.requests if arrival.method == "POST"]
        gets = [arrival.at for arrival in busy.requests if arrival.method == "GET"]
    assert (done.created, done.errors) == (30, [])
    assert synced[0].faults == []
    assert busy.refused == 0
    overlap = [at for at in gets if posts[0] < at < posts[-1]]
    assert len(overlap) > 30


def test_stopped(open_shop: MakePush, tmp_path: Path) -> None:
    """A push that is stopped knows what it had sent; the rest is ready."""
    sandbox, _ = open_shop()
    settings = _settings(sandbox, tmp_path / "data")

    def told(what: str, done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    found = [SourceRow(n + 2, each) for n, each in enumerate(_vendors(1, 2, 3))]
    with pytest.raises(KeyboardInterrupt, match="p4books pushes 1"):
        push_records(settings, "vendors", found, "x", progress=told)

    assert [entry.state for entry in _entries(tmp_path, 1)] == [CREATED, CREATED, READY]
    (one,) = list_pushes(settings.ledger)
    assert one.outcome == "stopped"


# What was once sent is never ready again.


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", method="POST", status=401),
        Fault("status", method="POST", status=403, times=3),
        Fault("status", method="POST", status=409),
        Fault("status", method="POST", status=422),
        Fault("status", method="POST", status=429, times=20, headers={"Retry-After": "0"}),
    ],
    ids=lambda fault: str(fault.status),
)
def test_a_resend_that_was_not_taken(fault: Fault, open_shop: MakePush) -> None:
    """What is sent once more and not taken stays unknown: the first one may come, and it does."""
    sandbox, pushed = open_shop()
    sandbox.faults.stage(Fault("reset", method="POST"))
    pushed(_vendors(1))
    sandbox.faults.stage(fault)

    wished = pushed(_vendors(1), again=frozenset({UNKNOWN}))
    sandbox.faults.clear()
    sandbox.books["vendors"].insert(_vendors(1)[0])
    plain = pushed(_vendors(1))

    assert (wished.ready, wished.unknown) == (0, 1)
    assert (plain.created, plain.unknown) == (1, 0)
    assert _codes(sandbox) == ["NEW-1"]


def test_a_resend_that_did_not_come_to_it(open_shop: MakePush) -> None:
    """What is to be sent once more and is not, for a limit, is unknown as before."""
    sandbox, pushed = open_shop()
    sandbox.faults.stage(Fault("reset", method="POST", times=2))
    pushed(_vendors(1, 2))

    wished = pushed(_vendors(1, 2), again=frozenset({UNKNOWN}), limit=1)
    sandbox.books["vendors"].insert(_vendors(2)[0])
    plain = pushed(_vendors(1, 2))

    assert (wished.created, wished.ready, wished.unknown) == (1, 0, 1)
    assert (plain.created, plain.unknown) == (1, 0)
    assert _codes(sandbox) == ["NEW-1", "NEW-2"]


def test_an_edited_row(open_shop: MakePush) -> None:
    """A row whose first sending is unknown can't be edited and sent beside it."""
    sandbox, pushed = open_shop()
    sandbox.faults.stage(Fault("reset", method="POST"))
    pushed(_vendors(1))

    done = pushed([{**_vendors(1)[0], "phone": "507"}])

    assert "something else in phone" in done.faults[0].what
    assert _posts(sandbox) == 1


def test_too_soon(open_shop: MakePush, tmp_path: Path) -> None:
    """What was sent a moment ago may still come: it is not sent once more before some minutes."""
    sandbox, _ = open_shop()
    settings = _settings(sandbox, tmp_path / "data")
    sandbox.faults.stage(Fault("reset", method="POST"))
    found = [SourceRow(2, _vendors(1)[0])]
    push_records(settings, "vendors", found, "x", patience=QUICK)
    again = PushOptions(again=frozenset({UNKNOWN}))

    done = push_records(
        settings, "vendors", found, "x", again, patience=replace(QUICK, settled=300)
    )

    assert (done.unknown, _posts(sandbox)) == (1, 1)
    assert "not before 5 minutes" in (_entries(tmp_path, 2)[0].note or "")


def test_conflict(open_shop: MakePush, tmp_path: Path) -> None:
    """After a 409 it is looked whose record has the code: ours is created, another's refuses."""
    sandbox, pushed = open_shop(twins="conflict")
    sandbox.books["vendors"].insert({"code": "NEW-1", "name": "Somebody else's"})
    sandbox.faults.stage(Fault("failed", method="POST", after=1, status=409))

    done = pushed(_vendors(1, 2))

    assert (done.created, done.refused, done.unknown) == (1, 1, 0)
    assert _codes(sandbox) == ["NEW-1", "NEW-2"]
    assert [entry.code for entry in _entries(tmp_path, 1) if entry.state == REFUSED] == ["NEW-1"]


def test_a_list_that_can_t_be_read(open_shop: MakePush) -> None:
    """Where lost rows can't be sought, the others are sent all the same, and that is said."""
    sandbox, pushed = open_shop()
    sandbox.faults.stage(Fault("reset", method="POST"))
    pushed(_vendors(1))
    sandbox.faults.stage(Fault("status", method="GET", status=403, times=None))

    done = pushed(_vendors(1, 2))

    assert (done.created, done.unknown) == (1, 1)
    assert "403" in str(done.errors[0])


# Who is asked, and whose books these are.


def test_a_right_withdrawn(open_shop: MakePush) -> None:
    """After three 403 in a row it is not about the records: it stops, and all are ready."""
    sandbox, pushed = open_shop()
    pushed(_vendors(0))
    sandbox.faults.stage(Fault("status", method="POST", status=403, times=None, after=1))

    done = pushed(_vendors(*range(1, 9)))

    assert isinstance(done.errors[0], NotCreated)
    assert (done.created, done.refused, done.ready) == (1, 0, 7)
    assert _posts(sandbox) == 5


def test_one_record_is_not_found(open_shop: MakePush) -> None:
    """A 404 for one record, where others are taken, refuses this one and goes on."""
    sandbox, pushed = open_shop()
    pushed(_vendors(0))
    sandbox.faults.stage(Fault("status", method="POST", status=404, text="No such account."))

    done = pushed(_vendors(1, 2))

    assert (done.created, done.refused) == (1, 1)


def test_other_books(open_shop: MakePush, tmp_path: Path) -> None:
    """A ledger of another address stops a push, unless the books are said to be the same."""
    _, pushed = open_shop()
    pushed(_vendors(1))
    with Sandbox(invoices=30, limit=0) as other:
        other.books["vendors"].insert(_vendors(1)[0])
        settings = _settings(other, tmp_path / "data")
        found = [SourceRow(2, _vendors(2)[0])]

        with pytest.raises(OtherBooks, match="--same-books"):
            push_records(settings, "vendors", found, "x")
        before = len(other.requests)
        done = push_records(settings, "vendors", found, "x", PushOptions(same_books=True))

    assert (before, done.created) == (0, 1)


def test_the_twin_of_a_good_row(open_shop: MakePush) -> None:
    """Where a code stands twice, neither is sent, though the first was good by itself."""
    sandbox, pushed = open_shop()

    done = pushed([*_vendors(1, 2), {"code": "NEW-1", "name": "Another"}], skip_bad=True)

    assert (done.rows, done.bad, done.created) == (3, 2, 1)
    assert _codes(sandbox) == ["NEW-2"]


def test_half_an_invoice(open_shop: MakePush) -> None:
    """A document whose rows are torn apart, or one of which has no code, is not sent in part."""
    sandbox, pushed = open_shop()
    customer, product = (
        sandbox.books[path].records()[0]["code"] for path in ("customers", "products")
    )

    def line(code: str | None) -> dict[str, Any]:
        return {
            "code": code,
            "customer_code": customer,
            "product_code": product,
            "quantity": 1,
            "price": 2,
        }

    codes = ["NEW-1", "NEW-2", "NEW-1", "NEW-3", None, "NEW-4", "NEW-4", "NEW-5", "NEW-5"]
    done = pushed([line(code) for code in codes], "invoices", skip_bad=True)

    assert _codes(sandbox, "invoices") == ["NEW-2", "NEW-5"]
    assert done.created == 2


def test_a_disk_that_is_full(open_shop: MakePush, tmp_path: Path) -> None:
    """Where the ledger can't be written any more, it stops, and what was sent is told."""
    sandbox, _ = open_shop()

    class Full(Ledger):
        outcomes = 0

        def became(self, *words: Any, **told: Any) -> None:
            self.outcomes += 1
            if self.outcomes == 2:
                raise LedgerTrouble(tmp_path, "the disk is full")
            super().became(*words, **told)

    found = [SourceRow(n + 2, each) for n, each in enumerate(_vendors(1, 2, 3))]
    settings = _settings(sandbox, tmp_path / "data")
    done = push_records(settings, "vendors", found, "x", patience=QUICK, make_ledger=Full)

    assert (done.created, done.unknown, done.ready) == (1, 1, 1)
    assert "the disk is full" in str(done.errors[0])
