"""One push, from the rows of a file to the report."""

import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.moved_books import move_books
from tests.staging_sync import sync

from p4books.errors import AlreadyRunning, OtherBooks, UsageError
from p4books.push.errors import (
    BadColumns,
    BadRows,
    KeptOtherwise,
    LedgerTrouble,
    NoAnswers,
    NotCreated,
    NotReached,
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
from p4books.settings import Lake, Settings
from p4books.storage.files import tenant_lock
from p4books_sandbox import Fault, Sandbox

LISTS = ("vendors", "customers", "products", "invoices")
NO_WAIT = RetryPolicy(timeout=0.2, backoff=0, settled=0, sleep=lambda _: None)

Records = Iterable[dict[str, Any]]
Push = Callable[..., PushReport]
OpenBooks = Callable[..., tuple[Sandbox, Push]]


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of one sync, which each test copies."""
    folder = tmp_path_factory.mktemp("synced")
    with Sandbox(invoices=30, limit=0) as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        sync(_settings(sandbox, folder / "data"), LISTS)
    return folder / "data"


@pytest.fixture
def data(synced: Path, tmp_path: Path) -> Path:
    """The test's own copy of that data."""
    return Path(shutil.copytree(synced, tmp_path / "data"))


@pytest.fixture
def open_books(data: Path) -> Iterator[OpenBooks]:
    """Start a sandbox with a behaviour of its own, and return what pushes to it."""
    opened: list[Sandbox] = []

    def open_books(**behaviour: Any) -> tuple[Sandbox, Push]:
        sandbox = Sandbox(invoices=30, limit=0, **behaviour)
        opened.append(sandbox.__enter__())

        def push(records: Records, endpoint: str = "vendors", **options: Any) -> PushReport:
            settings = _settings(sandbox, data, window_seconds=0.1)  # waits after a 429
            return _push(settings, records, endpoint, PushOptions(**options))

        return sandbox, push

    yield open_books
    for sandbox in opened:
        sandbox.__exit__(None, None, None)


def _list_files(folder: Path) -> dict[str, tuple[int, int]]:
    """Return the sizes and times of the files in a folder, but not of locks."""
    left = (".lock", "-wal", "-shm")  # SQLite makes the last two if a ledger is read
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(left)]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def _settings(sandbox: Sandbox, data_dir: Path, **overrides: Any) -> Settings:
    given: dict[str, Any] = {"tenant": "acme", "api_key": sandbox.key}
    given |= {"base_url": sandbox.base_url}
    given |= {"data_dir": data_dir, "requests_per_window": 100_000, **overrides}
    settings = Settings(**given)
    if settings.warehouse.exists():
        move_books(settings.warehouse, settings.address)
    return settings


def _push(
    settings: Settings,
    records: Records,
    endpoint: str = "vendors",
    options: PushOptions | None = None,
    **others: Any,
) -> PushReport:
    rows = [SourceRow(number, record) for number, record in enumerate(records, 2)]
    others = {"retry_policy": NO_WAIT, **others}
    return push_records(settings, endpoint, rows, "x.csv", options, **others)


def _vendors(*numbers: int) -> list[dict[str, Any]]:
    return [{"code": f"NEW-{n}", "name": f"New vendor {n}"} for n in numbers]


def _new_codes(sandbox: Sandbox, path: str = "vendors") -> list[Any]:
    codes = [record["code"] for record in sandbox.books[path].records()]
    return [code for code in codes if str(code).startswith("NEW")]


def _ledger(data: Path) -> Path:
    return data / ".private" / "acme" / "ledger.sqlite"


def _entries(data: Path, push: int) -> list[Entry]:
    return list(list_entries(_ledger(data), push))


def _count_posts(sandbox: Sandbox) -> int:
    return sum(arrival.method == "POST" for arrival in sandbox.requests)


# What is created, and what is not


def test_created(open_books: OpenBooks, data: Path) -> None:
    """Each row becomes a record, in the order of the file, and the ledger has its id."""
    sandbox, push = open_books()

    report = push(_vendors(1, 2, 3))

    assert (report.push, report.rows, report.created, report.errors) == (1, 3, 3, [])
    assert _new_codes(sandbox) == ["NEW-1", "NEW-2", "NEW-3"]
    ids = {str(record["id"]): record["code"] for record in sandbox.books["vendors"].records()}
    assert all(ids[entry.id or ""] == entry.code for entry in _entries(data, 1))
    assert _count_posts(sandbox) == 3


def test_same_file_again(open_books: OpenBooks) -> None:
    """What was created is not sent again, in this file or in another, and that is reported."""
    sandbox, push = open_books()
    push(_vendors(1, 2))

    again, more = push(_vendors(1, 2)), push(_vendors(3, 2))

    assert (again.created, again.earlier, again.requests, again.errors) == (0, 2, 0, [])
    assert (more.created, more.earlier, more.requests) == (1, 1, 1)
    assert _new_codes(sandbox) == ["NEW-1", "NEW-2", "NEW-3"]


def test_documents(open_books: OpenBooks) -> None:
    """Documents are sent with their lines, and with ids for the codes in the file."""
    sandbox, push = open_books()
    customer = sandbox.books["customers"].records()[0]
    product = sandbox.books["products"].records()[0]
    lines = [{"product_code": product["code"], "quantity": "2", "price": "10.50"}]

    report = push([{"code": "NEW-1", "customer": customer["code"], "lines": lines}], "invoices")

    assert report.errors == []
    invoices = sandbox.books["invoices"].records()
    (created,) = [invoice for invoice in invoices if invoice["code"] == "NEW-1"]
    assert created["customer_id"] == customer["id"]
    assert created["lines"] == [{"product_id": product["id"], "quantity": 2, "price": 10.5}]


def test_limit(open_books: OpenBooks) -> None:
    """At most that many are sent; the next push of the file continues there."""
    sandbox, push = open_books()

    first, second = push(_vendors(1, 2, 3), limit=2), push(_vendors(1, 2, 3))

    assert (first.created, first.ready, first.errors) == (2, 1, [])
    assert (second.created, second.earlier) == (1, 2)
    assert _new_codes(sandbox) == ["NEW-1", "NEW-2", "NEW-3"]


def test_sales_orders(open_books: OpenBooks) -> None:
    """What the API cannot create is refused before anything else, with what it can."""
    _, push = open_books()

    with pytest.raises(UsageError, match="only products, customers, vendors, invoices"):
        push([], "sales_orders")


def test_never_synced(tmp_path: Path, sandbox: Sandbox) -> None:
    """Without a copy of the books nothing can be validated, so nothing is sent."""
    with pytest.raises(ListNotSynced, match="p4books sync"):
        push_records(_settings(sandbox, tmp_path / "new"), "vendors", [], "x")

    assert sandbox.requests == []


# Validation


def test_bad_rows(open_books: OpenBooks, data: Path) -> None:
    """With one bad row nothing is sent and nothing is recorded; every fault is listed."""
    sandbox, push = open_books()

    report = push([*_vendors(1), {"code": "NEW-2"}, {"name": "x", "balance": "1,5"}])

    faults = [(fault.row, fault.column) for fault in report.faults]
    assert faults == [(3, "name"), (4, "balance"), (4, "code")]
    assert (report.push, report.bad, report.rows) == (None, 2, 3)
    assert isinstance(report.errors[0], BadRows)
    assert sandbox.requests == []
    assert list_pushes(_ledger(data)) == []


def test_all_faults_of_a_record_at_once(open_books: OpenBooks) -> None:
    """A record with a bad value whose code exists, or was sent before, has both faults at once."""
    sandbox, push = open_books()
    existing = sandbox.books["vendors"].records()[0]["code"]
    push(_vendors(1))

    report = push([{"code": code, "balance": "x", "name": "x"} for code in (existing, "NEW-1")])

    assert [(fault.row, fault.column) for fault in report.faults] == [
        *((2, "balance"), (2, "code")),
        *((3, "balance"), (3, "code")),
    ]
    assert "already exists" in report.faults[1].what
    assert report.faults[3].what.startswith("Push 1 sent this code, and the record was created")
    assert (report.rows, report.bad) == (2, 2)


def test_map_of_a_missing_column(open_books: OpenBooks) -> None:
    """A column of the map that the file does not have stops everything, and is listed last."""
    sandbox, push = open_books()

    report = push([*_vendors(1), {"code": ""}], column_map={"saldo": "balance"}, skip_bad=True)

    assert isinstance(report.errors[0], BadColumns)
    assert [fault.column for fault in report.faults][-1] == "saldo"
    assert "Available: code, name." in report.faults[-1].what
    assert _new_codes(sandbox) == []


def test_three_bad_of_10000(open_books: OpenBooks) -> None:
    """Three bad records among 10,000 are named, with row and column, before anything is sent."""
    sandbox, push = open_books()
    records = _vendors(*range(10_000))
    records[17]["balance"] = "1,5"
    del records[5_000]["name"]
    records[9_999]["code"] = ""

    report = push(records)

    faults = [(fault.row, fault.column) for fault in report.faults]
    assert faults == [(19, "balance"), (5_002, "name"), (10_001, "code")]
    assert (report.bad, report.rows, report.created) == (3, 10_000, 0)
    assert sandbox.requests == []


def test_skip_bad(open_books: OpenBooks) -> None:
    """On request the valid rows are sent, and the bad ones are reported as skipped."""
    sandbox, push = open_books()

    report = push([*_vendors(1), {"code": "NEW-2"}], skip_bad=True)

    assert (report.created, report.bad, len(report.faults)) == (1, 1, 1)
    assert "1 record" in str(report.errors[0])
    assert _new_codes(sandbox) == ["NEW-1"]


@pytest.mark.parametrize(
    ("endpoint", "more"),
    [("vendors", {"colour": "red"}), ("customers", {"addresses": [{"colour": "red"}]})],
)
def test_unknown_columns(endpoint: str, more: dict[str, Any], open_books: OpenBooks) -> None:
    """A column that is not a field, even in a list, stops everything, also with `skip_bad`."""
    sandbox, push = open_books()

    report = push([{**vendor, **more} for vendor in _vendors(1, 2)], endpoint, skip_bad=True)

    assert isinstance(report.errors[0], BadColumns)
    assert report.rows == 2
    assert sandbox.requests == []


def test_no_rows(open_books: OpenBooks) -> None:
    """Without a row there is no push, and that is no error."""
    sandbox, push = open_books()

    report = push([])

    assert (report.push, report.rows, report.errors) == (None, 0, [])
    assert push(_vendors(1)).push == 1
    assert _new_codes(sandbox) == ["NEW-1"]


def test_column_map(open_books: OpenBooks) -> None:
    """Columns are mapped to fields by the names that are given."""
    sandbox, push = open_books()

    report = push(
        [{"numero": "NEW-1", "nombre": "Uno", "notas": "x"}],
        column_map={"numero": "code", "nombre": "name", "notas": ""},
    )

    assert report.created == 1
    assert sandbox.books["vendors"].records()[-1]["name"] == "Uno"


def test_existing_code(open_books: OpenBooks) -> None:
    """A code that is in the books already is a fault that names the record's id."""
    sandbox, push = open_books()
    existing = sandbox.books["vendors"].records()[4]

    report = push([{"code": existing["code"], "name": "x"}])

    assert f"id {existing['id']}" in report.faults[0].what
    assert _count_posts(sandbox) == 0


def test_repeated_code(open_books: OpenBooks) -> None:
    """If a code is in the file twice, neither is sent, although the first was valid by itself."""
    sandbox, push = open_books()

    report = push([*_vendors(1, 2), {"code": "NEW-1", "name": "Another"}], skip_bad=True)

    assert (report.rows, report.bad, report.created) == (3, 2, 1)
    assert _new_codes(sandbox) == ["NEW-2"]


def test_incomplete_invoice(open_books: OpenBooks) -> None:
    """A document whose rows are not together, or lack its code, is not sent in part."""
    sandbox, push = open_books()
    customer, product = (
        sandbox.books[path].records()[0]["code"] for path in ("customers", "products")
    )
    line = {"customer_code": customer, "product_code": product, "quantity": 1, "price": 2}

    codes = ["NEW-1", "NEW-2", "NEW-1", "NEW-3", None, "NEW-4", "NEW-4", "NEW-5", "NEW-5"]
    report = push([{"code": code, **line} for code in codes], "invoices", skip_bad=True)

    assert _new_codes(sandbox, "invoices") == ["NEW-2", "NEW-5"]
    assert report.created == 2


@pytest.mark.parametrize("pushed_before", [False, True])
def test_dry_run_with_a_home(open_books: OpenBooks, data: Path, *, pushed_before: bool) -> None:
    """A dry run needs no home, and changes no file that belongs to a state in it."""
    sandbox, push = open_books()
    if pushed_before:
        push(_vendors(1))
    home, lake = str(data / "home"), Lake(SecretStr("host=127.0.0.1 port=1"))
    settings = _settings(sandbox, data, home=home, lake=lake)
    before, requests = _list_files(data), len(sandbox.requests)

    report = _push(settings, [*_vendors(1, 2), {"code": "x"}], options=PushOptions(dry_run=True))

    assert (report.earlier, report.ready, report.bad) == (pushed_before, 2 - pushed_before, 1)
    assert (_list_files(data), len(sandbox.requests)) == (before, requests)
    with pytest.raises(UsageError, match="would create the same records again"):
        _push(settings, _vendors(3))


def test_dry_run(open_books: OpenBooks, data: Path) -> None:
    """A dry run validates everything, sends nothing and leaves no trace."""
    sandbox, push = open_books()

    report = push([*_vendors(1, 2), {"code": "x"}], dry_run=True)

    assert (report.push, report.rows, report.ready, report.bad) == (None, 3, 2, 1)
    assert sandbox.requests == []
    assert list_pushes(_ledger(data)) == []


# Refused


def test_refused(open_books: OpenBooks, data: Path) -> None:
    """A refused record is reported with the answer and sent again on request only."""
    sandbox, push = open_books()
    sandbox.faults.stage(Fault("status", method="POST", status=406, text="Period is locked."))

    first, again = push(_vendors(1, 2)), push(_vendors(1, 2))
    answers = [entry.answer for entry in _entries(data, 2)]
    resent = push(_vendors(1, 2), resend=frozenset({REFUSED}))

    assert (first.created, first.refused) == (1, 1)
    assert "p4books pushes 1" in str(first.errors[0])
    assert (again.earlier, again.earlier_refused, again.requests) == (1, 1, 0)
    assert "--resend-refused" in str(again.errors[0])
    assert (resent.created, _count_posts(sandbox)) == (1, 3)
    assert answers == ["Period is locked.", None]
    assert [entry.answer for entry in _entries(data, 3)] == [None, None]


def test_conflict(open_books: OpenBooks, data: Path) -> None:
    """After a 409 the record with the code is looked up: ours is created, another's is refused."""
    sandbox, push = open_books(twins="conflict")
    sandbox.books["vendors"].insert({"code": "NEW-1", "name": "Somebody else's"})
    sandbox.faults.stage(Fault("failed", method="POST", after=1, status=409))

    report = push(_vendors(1, 2))

    assert (report.created, report.refused, report.unknown) == (1, 1, 0)
    assert _new_codes(sandbox) == ["NEW-1", "NEW-2"]
    assert [entry.code for entry in _entries(data, 1) if entry.state == REFUSED] == ["NEW-1"]


def test_answer_with_an_existing_record(open_books: OpenBooks, data: Path) -> None:
    """A response with a record that existed before has created nothing, and is reported as such."""
    sandbox, push = open_books(twins="first")
    old = sandbox.books["vendors"].ids()[0]
    sandbox.books["vendors"].replace(old, code="NEW-1")  # since the last sync

    report = push(_vendors(1))

    assert (report.created, report.refused) == (0, 1)
    assert f"already had (id {old})" in (_entries(data, 1)[0].answer or "")


def test_other_values(open_books: OpenBooks, data: Path) -> None:
    """If the response shows another value than ours, the field is recorded, and it is reported."""
    _, push = open_books(mixed=("phone",))  # every fifth record keeps N/A for it

    report = push([{**vendor, "phone": "507"} for vendor in _vendors(*range(5))])

    assert report.created == 5
    differs = [entry.differs for entry in _entries(data, 1)]
    assert "phone" in differs
    assert differs.count(None) == 4
    assert isinstance(report.errors[0], KeptOtherwise)


# Lost, and looked up


@pytest.mark.parametrize("kind", ["lost", "failed", "cut_body"])
def test_found(kind: str, open_books: OpenBooks, data: Path) -> None:
    """A record whose response was lost is found among the newest ones, and counts as created."""
    sandbox, push = open_books()
    sandbox.faults.stage(Fault(kind, method="POST", after=1))

    report = push(_vendors(1, 2, 3))

    assert (report.created, report.unknown, report.errors) == (3, 0, [])
    assert _new_codes(sandbox) == ["NEW-1", "NEW-2", "NEW-3"]
    assert "Found in P4 Books" in (_entries(data, 1)[1].note or "")


def test_not_found(open_books: OpenBooks, data: Path) -> None:
    """What a complete scan does not show stays unknown, with advice, and is not sent again."""
    sandbox, push = open_books()
    sandbox.faults.stage(Fault("reset", method="POST"))

    first, again = push(_vendors(1, 2)), push(_vendors(1, 2))

    assert (first.created, first.unknown, again.unknown) == (1, 1, 1)
    assert _count_posts(sandbox) == 2
    assert "--resend-unknown" in (_entries(data, 2)[0].note or "")


@pytest.mark.parametrize("arrives_late", [False, True])
def test_resend_unknown(arrives_late: bool, open_books: OpenBooks) -> None:
    """On request a lost record is sent once more, after another look; if it is there, it is not."""
    sandbox, push = open_books()
    sandbox.faults.stage(Fault("reset", method="POST"))
    push(_vendors(1))
    if arrives_late:
        sandbox.books["vendors"].insert(_vendors(1)[0])

    report = push(_vendors(1), resend=frozenset({UNKNOWN}))

    assert (report.created, report.unknown) == (1, 0)
    assert _count_posts(sandbox) == (1 if arrives_late else 2)
    assert _new_codes(sandbox) == ["NEW-1"]


def test_resend_after_a_conflict_without_a_record(open_books: OpenBooks) -> None:
    """A 409 whose record no list shows is sent again on request, and stops no other record."""
    sandbox, push = open_books()
    sandbox.faults.stage(Fault("status", method="POST", status=409))
    sandbox.faults.stage(Fault("status", method="GET", status=403, times=None))
    first = push(_vendors(1))
    sandbox.faults.clear()

    report = push(_vendors(1, 2), resend=frozenset({UNKNOWN}))

    assert (first.created, first.unknown) == (0, 1)
    assert (report.created, report.refused, report.unknown, report.ready) == (2, 0, 0, 0)
    assert _new_codes(sandbox) == ["NEW-1", "NEW-2"]


def test_another_record_with_the_code(open_books: OpenBooks, data: Path) -> None:
    """If the code exists by now with other content, it is not sent again, and the user compares."""
    sandbox, push = open_books()
    sandbox.faults.stage(Fault("reset", method="POST"))
    push(_vendors(1))
    sandbox.books["vendors"].insert({"code": "NEW-1", "name": "Somebody else's"})

    report = push(_vendors(1), resend=frozenset({UNKNOWN}))

    assert (report.unknown, _count_posts(sandbox)) == (1, 1)
    assert "differs in name" in (_entries(data, 2)[0].note or "")


def test_too_recent_to_resend(open_books: OpenBooks, data: Path) -> None:
    """What was sent a moment ago may still be created: it is not sent again for some minutes."""
    sandbox, push = open_books()
    sandbox.faults.stage(Fault("reset", method="POST"))
    push(_vendors(1))

    report = _push(
        _settings(sandbox, data),
        _vendors(1),
        options=PushOptions(resend=frozenset({UNKNOWN})),
        retry_policy=replace(NO_WAIT, settled=300),
    )

    assert (report.unknown, _count_posts(sandbox)) == (1, 1)
    assert "sent again 5 minutes after" in (_entries(data, 2)[0].note or "")


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
def test_resend_that_was_not_taken(fault: Fault, open_books: OpenBooks) -> None:
    """A resent record that is not taken stays unknown: the first may appear, as it does here."""
    sandbox, push = open_books()
    sandbox.faults.stage(Fault("reset", method="POST"))
    push(_vendors(1))
    sandbox.faults.stage(fault)

    resent = push(_vendors(1), resend=frozenset({UNKNOWN}))
    sandbox.faults.clear()
    sandbox.books["vendors"].insert(_vendors(1)[0])
    plain = push(_vendors(1))

    assert (resent.ready, resent.unknown) == (0, 1)
    assert (plain.created, plain.unknown) == (1, 0)
    assert _new_codes(sandbox) == ["NEW-1"]


def test_resend_answered_with_an_existing_record(open_books: OpenBooks, data: Path) -> None:
    """A resent record that the response says existed before stays unknown: it may be ours."""
    sandbox, push = open_books(twins="first")
    sandbox.faults.stage(Fault("reset", method="POST"))
    push(_vendors(1))
    old = sandbox.books["vendors"].ids()[0]
    sandbox.faults.stage(
        Fault("status", method="POST", status=200, text=f'{{"id": {old}, "code": "NEW-1"}}')
    )

    resent = push(_vendors(1), resend=frozenset({UNKNOWN}))

    (entry,) = _entries(data, 2)
    assert (resent.created, resent.refused, resent.unknown) == (0, 0, 1)
    assert f"already had (id {old})" in (entry.answer or "")


def test_resend_beyond_the_limit(open_books: OpenBooks) -> None:
    """What was to be sent once more and is not, because of a limit, is unknown as before."""
    sandbox, push = open_books()
    sandbox.faults.stage(Fault("reset", method="POST", times=2))
    push(_vendors(1, 2))

    resent = push(_vendors(1, 2), resend=frozenset({UNKNOWN}), limit=1)
    sandbox.books["vendors"].insert(_vendors(2)[0])
    plain = push(_vendors(1, 2))

    assert (resent.created, resent.ready, resent.unknown) == (1, 0, 1)
    assert (plain.created, plain.unknown) == (1, 0)
    assert _new_codes(sandbox) == ["NEW-1", "NEW-2"]


def test_edited_row(open_books: OpenBooks) -> None:
    """A row whose first request is unknown cannot be edited and sent beside it."""
    sandbox, push = open_books()
    sandbox.faults.stage(Fault("reset", method="POST"))
    push(_vendors(1))

    report = push([{**_vendors(1)[0], "phone": "507"}])

    assert "other values in phone" in report.faults[0].what
    assert _count_posts(sandbox) == 1


def test_unreadable_list(open_books: OpenBooks) -> None:
    """If lost records cannot be looked up, that is reported, and the others are sent anyway."""
    sandbox, push = open_books()
    sandbox.faults.stage(Fault("reset", method="POST"))
    push(_vendors(1))
    sandbox.faults.stage(Fault("status", method="GET", status=403, times=None))

    report = push(_vendors(1, 2))

    assert (report.created, report.unknown) == (1, 1)
    assert "403" in str(report.errors[0])


# A tenant that assigns its own codes


def test_own_codes(open_books: OpenBooks) -> None:
    """The first record reveals it, and the push stops with a message; on request it continues."""
    sandbox, push = open_books(codes="own")

    first, again = push(_vendors(1, 2, 3)), push(_vendors(1, 2, 3))
    allowed = push(_vendors(1, 2, 3), allow_renumbering=True)

    assert (first.created, first.ready) == (1, 2)
    assert isinstance(first.errors[0], OwnCodes)
    assert isinstance(again.errors[0], OwnCodes)
    assert (again.created, again.requests) == (0, 0)
    assert (allowed.created, allowed.earlier, allowed.errors) == (2, 1, [])
    assert _count_posts(sandbox) == 3


def test_own_codes_and_lost(open_books: OpenBooks) -> None:
    """A lost record is then found by its content; what is not found is never sent again."""
    sandbox, push = open_books(codes="own")
    push(_vendors(1), allow_renumbering=True)
    sandbox.faults.stage(Fault("lost", method="POST"), Fault("reset", method="POST", after=1))

    report = push(_vendors(2, 3, 4), allow_renumbering=True)
    again = push(_vendors(2, 3, 4), allow_renumbering=True, resend=frozenset({UNKNOWN}))

    assert (report.created, report.unknown) == (2, 1)
    assert (again.created, again.unknown) == (0, 1)
    assert _count_posts(sandbox) == 4


# What stops a push


@pytest.mark.parametrize("status", [401, 403])
def test_not_allowed(status: int, open_books: OpenBooks) -> None:
    """A key that may not create stops at the first row; all are ready for the next push."""
    sandbox, push = open_books()
    sandbox.faults.stage(Fault("status", method="POST", status=status))

    first, again = push(_vendors(1, 2)), push(_vendors(1, 2))

    assert isinstance(first.errors[0], NotCreated)
    assert (first.ready, again.created) == (2, 2)


def test_no_longer_allowed(open_books: OpenBooks) -> None:
    """Three 403 in a row are not about the records: it stops, and all of them are ready."""
    sandbox, push = open_books()
    push(_vendors(0))
    sandbox.faults.stage(Fault("status", method="POST", status=403, times=None, after=1))

    report = push(_vendors(*range(1, 9)))

    assert isinstance(report.errors[0], NotCreated)
    assert (report.created, report.refused, report.ready) == (1, 0, 7)
    assert _count_posts(sandbox) == 5


def test_404_for_one_record(open_books: OpenBooks) -> None:
    """A 404 for one record, while others are created, refuses this one and continues."""
    sandbox, push = open_books()
    push(_vendors(0))
    sandbox.faults.stage(Fault("status", method="POST", status=404, text="No such account."))

    report = push(_vendors(1, 2))

    assert (report.created, report.refused) == (1, 1)


def test_no_answers(open_books: OpenBooks) -> None:
    """After five records in a row whose outcome is unknown it stops: the others stay ready."""
    sandbox, push = open_books()
    sandbox.faults.stage(Fault("status", method="POST", status=500, times=5))

    report = push(_vendors(*range(8)))

    assert isinstance(report.errors[0], NoAnswers)
    assert (report.unknown, report.ready, report.created) == (5, 3, 0)


def test_not_reached(sandbox: Sandbox, data: Path) -> None:
    """Without a connection nothing is sent, and all is ready."""
    settings = _settings(sandbox, data, base_url="http://127.0.0.1:1/api/v1")

    report = _push(settings, _vendors(1))

    assert isinstance(report.errors[0], NotReached)
    assert (report.ready, report.unknown) == (1, 0)
    assert list_pushes(_ledger(data))[0].outcome == "NotReached"


def test_interrupted(open_books: OpenBooks, data: Path) -> None:
    """A push that the user stops knows what it had sent; the rest is ready."""
    sandbox, _ = open_books()

    def interrupt(stage: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="p4books pushes 1"):
        _push(_settings(sandbox, data), _vendors(1, 2, 3), progress=interrupt)

    assert [entry.state for entry in _entries(data, 1)] == [CREATED, CREATED, READY]
    assert [push.outcome for push in list_pushes(_ledger(data))] == ["stopped"]


def test_full_disk(open_books: OpenBooks, data: Path) -> None:
    """If the ledger cannot be written any more, it stops, and what was sent is reported."""
    sandbox, _ = open_books()

    class FullLedger(Ledger):
        created = 0

        def mark_created(self, *words: Any, **columns: Any) -> None:
            self.created += 1
            if self.created == 2:
                raise LedgerTrouble(data, "the disk is full")
            super().mark_created(*words, **columns)

    report = _push(_settings(sandbox, data), _vendors(1, 2, 3), open_ledger=FullLedger)

    assert (report.created, report.unknown, report.ready) == (1, 1, 1)
    assert "the disk is full" in str(report.errors[0])


def test_other_books(open_books: OpenBooks, data: Path) -> None:
    """A ledger of another address stops a push, unless a user confirms that its books are these."""
    _, push = open_books()
    push(_vendors(1))
    with Sandbox(invoices=30, limit=0) as other:
        other.books["vendors"].insert(_vendors(1)[0])
        settings = _settings(other, data)

        with pytest.raises(OtherBooks, match="--same-books"):
            _push(settings, _vendors(2))
        before = len(other.requests)
        report = _push(settings, _vendors(2), options=PushOptions(same_books=True))

    assert (before, report.created) == (0, 1)


# Beside other runs


def test_two_at_once(open_books: OpenBooks, data: Path) -> None:
    """Two pushes of a tenant do not run at once; a sync does not prevent one."""
    sandbox, push = open_books()
    settings = _settings(sandbox, data)

    with tenant_lock(settings, "push"), pytest.raises(AlreadyRunning):
        push(_vendors(1))
    with tenant_lock(settings):
        report = push(_vendors(1))

    assert report.created == 1


def test_beside_a_sync(data: Path) -> None:
    """A sync and a push that share a rate limit both complete, and neither exceeds it."""
    with Sandbox(invoices=30, limit=20, window=0.4, page_size_cap=2) as sandbox:
        shared = {"requests_per_window": 20, "window_seconds": 0.4, "page_size": 2}
        settings = _settings(sandbox, data, **shared)
        synced: list[Any] = []
        running = threading.Thread(target=lambda: synced.append(sync(settings, LISTS, full=True)))
        running.start()
        while running.is_alive() and not sandbox.requests:
            time.sleep(0.01)

        report = _push(settings, _vendors(*range(20)))
        running.join()

        posts = [arrival.at for arrival in sandbox.requests if arrival.method == "POST"]
        gets = [arrival.at for arrival in sandbox.requests if arrival.method == "GET"]
    assert (report.created, report.errors) == (20, [])
    assert synced[0].faults == []
    assert sandbox.refused == 0
    assert any(posts[0] < at < posts[-1] for at in gets)
