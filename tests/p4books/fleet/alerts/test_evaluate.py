"""Evaluation of alerts: what fires on hand-written runs and books, and what does not."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.p4books.fleet.alerts.conftest import Tenant

from p4books import errors
from p4books.errors import (
    BrokenSql,
    CheckFailed,
    DiskTrouble,
    KeyRefused,
    P4BooksError,
    RightMissing,
)
from p4books.fleet.alerts.definitions import OURS
from p4books.fleet.alerts.evaluate import MAX_ROWS, Evaluation, evaluate_alerts
from p4books.fleet.alerts.operations import load_fault_words
from p4books.push.ledger import Ledger
from p4books.push.types import Draft
from p4books.storage.backup_record import BackupRecord, save_backup_record
from p4books.storage.database import open_database
from p4books.storage.files import tenant_lock
from p4books.storage.run_log import RunFault, RunLog
from p4books.storage.unlogged import UnloggedFailure
from p4books.transform.models import SqlSources, sql_folder

MINUTE, HOUR = 60.0, 3600.0
ON_BOOKS = {
    *("customer_over_credit_limit", "invoice_changed_after_posting", "itbms_return_due"),
    "old_backup",
}


def fires(watched: Tenant, later: float = 0.0, **options: object) -> set[tuple[str, str]]:
    """Return alert and key of what fires, some seconds from now."""
    evaluation = evaluate_alerts(watched.settings, time.time() + later, **options)  # type: ignore[arg-type]
    return {(firing.alert, firing.key) for firing in evaluation.firing}


def test_all_is_well(watched: Tenant) -> None:
    """After a run that did all, nothing fires, and every alert was evaluated."""
    watched.log_done()
    watched.publish()

    evaluation = evaluate_alerts(watched.settings, time.time())

    assert evaluation == Evaluation([], frozenset())


def test_columns_of_the_books(fixed_file: Path, watched: Tenant) -> None:
    """The published file has every table and column that our alerts read."""
    watched.settings.data_dir.mkdir()
    watched.settings.published.symlink_to(fixed_file)

    assert not evaluate_alerts(watched.settings, time.time()).incomplete


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (DiskTrouble("/data", "full"), ("run_failed", "DiskTrouble")),
        (KeyRefused("acme"), ("key_refused", "all")),
        (RightMissing("vendors"), ("key_refused", "vendors")),
        (CheckFailed("sums agree", 3, []), ("check_failed", "sums agree")),
        (BrokenSql(Path("x.sql"), 1, "no"), ("run_failed", "BrokenSql")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_faults(watched: Tenant, fault: P4BooksError, expected: tuple[str, str]) -> None:
    """A fault fires under one key, however many runs have it, until a run does not.

    It makes no difference whether it ended the run.
    """
    watched.log_run(error=fault)
    raised = fires(watched)
    watched.log_run(fault, customers="done")
    returned = fires(watched)
    watched.log_done()

    assert raised == returned == {expected}
    assert fires(watched) == set()


def test_unexpected_error(watched: Tenant) -> None:
    """A bug is a failure, too, and what its message says stays in the log of a debugger."""
    watched.log_run(error=ValueError("the key is hunter2"))

    firing = evaluate_alerts(watched.settings, time.time()).firing

    (failed,) = firing
    assert (failed.key, failed.detail) == ("ValueError", "Unexpected error (ValueError).")


def test_killed(watched: Tenant) -> None:
    """A run that never recorded its end was killed, unless it is still in progress."""
    watched.log_done()
    RunLog(watched.settings.run_log).begin_run()
    with tenant_lock(watched.settings):
        running = fires(watched)
    killed = fires(watched)
    watched.log_done()

    assert running == set()
    assert killed == {("run_failed", "Killed")}
    assert fires(watched) == set()


def test_in_progress(watched: Tenant) -> None:
    """While a run is in progress, what the last one said still holds."""
    watched.log_done()
    watched.log_run(error=KeyRefused("acme"))
    RunLog(watched.settings.run_log).begin_run()

    with tenant_lock(watched.settings):
        assert fires(watched) == {("key_refused", "all")}


def test_stopped(watched: Tenant) -> None:
    """A run that a person stopped neither fails nor proves that all is well."""
    watched.log_done()
    watched.log_run(error=KeyboardInterrupt())
    well = fires(watched)
    watched.log_run(error=KeyRefused("acme"))
    watched.log_run(error=KeyboardInterrupt())

    assert well == set()
    assert fires(watched) == {("key_refused", "all")}


def test_failure_before_the_log(watched: Tenant) -> None:
    """A failure that the log does not know counts until the next run begins."""
    watched.log_done()
    failure = UnloggedFailure(time.time(), RunFault("SettingsError", "There is no group 'x'."))
    failed = fires(watched, unlogged=failure)
    watched.log_done()

    assert failed == {("run_failed", "SettingsError")}
    assert fires(watched, unlogged=failure) == set()


@pytest.mark.parametrize("interval", [15.0, 60.0])
def test_stale(watched: Tenant, interval: float) -> None:
    """A list is stale if it was not read for three intervals, whatever the file's age is."""
    watched = watched.notify(sync_interval=interval, endpoints=["invoices", "vendors"])
    watched.log_done()
    watched.log_run(invoices="KeyRefused", vendors="KeyRefused")

    assert "stale_list" not in {name for name, _ in fires(watched, (3 * interval - 1) * MINUTE)}
    assert fires(watched, (3 * interval + 1) * MINUTE) >= {
        ("stale_list", "invoices"),
        ("stale_list", "vendors"),
    }


def test_never_read(watched: Tenant) -> None:
    """Without any run all lists are stale; a first copy in progress is not."""
    watched = watched.notify(endpoints=["invoices"])
    never = fires(watched)
    watched.log_run(invoices="goes on")

    assert never == {("stale_list", "invoices")}
    assert fires(watched) == set()
    assert fires(watched, HOUR) == {("stale_list", "invoices")}


def test_unverified(watched: Tenant) -> None:
    """A list is not verified if rows were not seen again for twice `max_verified_age`."""
    watched = watched.notify(endpoints=["invoices"], sync_interval=100_000.0)
    watched.log_done()

    assert fires(watched, 47 * HOUR) == set()
    assert fires(watched, 49 * HOUR) == {("unverified_list", "invoices")}


@pytest.mark.parametrize(
    ("outcome", "alert"),
    [
        ("TooManyGone", "deletions_refused"),
        ("RowsReplaced", "deletions_refused"),
        ("TooManyChanged", "books_changed"),
    ],
)
def test_guards(watched: Tenant, outcome: str, alert: str) -> None:
    """What a guard refused fires until the list is read to its end without it.

    A run that only reads a part of the list in between, or fails, does not say that it is over.
    """
    watched = watched.notify(endpoints=["invoices"])
    watched.log_done()
    watched.log_run(invoices=outcome)
    refused = fires(watched)
    watched.log_run(invoices="goes on")
    watched.log_run(invoices="Unreachable")
    between = fires(watched)
    watched.log_done()

    assert refused == between == {(alert, "invoices")}
    assert fires(watched) == set()


def test_new_field(watched: Tenant) -> None:
    """A field that no column holds fires."""
    watched.log_done()
    with open_database(watched.settings.warehouse) as con:
        con.execute("create schema raw")
        con.execute(
            "create table raw.fields as select 'customers' as endpoint, 'x' as field,"
            " now() as first_seen_at"
        )

    assert fires(watched) == {("new_field", "customers.x")}


def test_warehouse_that_cannot_be_read(watched: Tenant) -> None:
    """A damaged warehouse leaves out the alert on new fields: it is not over."""
    watched.log_done()
    watched.settings.warehouse.write_bytes(b"not a database" * 1000)

    evaluation = evaluate_alerts(watched.settings, time.time())

    assert evaluation.firing == []
    assert evaluation.incomplete == ON_BOOKS | {"new_field"}


def test_push(watched: Tenant) -> None:
    """Records of which nobody knows whether they were created fire, but not while they are sent."""
    watched.log_done()
    with Ledger(watched.settings.ledger) as ledger:
        push = ledger.begin_push("customers", "new.csv", "https://acme.test")
        ledger.add(push, "customers", Draft(1, "C-1", b"{}", "hash"))
        ready = fires(watched)
        (entry,) = ledger.entries(push)
        ledger.mark_sending(entry)
        with tenant_lock(watched.settings, "push"):
            sending = fires(watched)
        interrupted = fires(watched)
        ledger.end_push(push, "done")
        (entry,) = ledger.entries(push)
        ledger.mark_created(entry, id="7")

    assert ready == sending == set()
    assert interrupted == {("push_unknown", "1")}
    assert fires(watched) == set()


@pytest.mark.parametrize(
    ("place", "days", "history_days", "title"),
    [
        ("there", 1.9, 90, None),
        ("there", 2.1, 90, "Old backup"),
        ("there", None, 1.9, None),
        ("there", None, 2.1, "No backup"),
        ("elsewhere", 0.1, 90, "No backup"),
        (None, None, 90, None),
    ],
)
def test_old_backup(
    watched: Tenant, place: str | None, days: float | None, history_days: float, title: str | None
) -> None:
    """A backup older than two days fires, and none if history is older; not without the setting."""
    watched.log_done()
    now = datetime.now(UTC)
    watched.publish(f"core.today values (null, '{now - timedelta(days=history_days)}')")
    watched = watched.notify(backup_to=place and "there")
    if days is not None:
        save_backup_record(watched.settings, BackupRecord(str(place), now - timedelta(days=days)))

    fired = evaluate_alerts(watched.settings, now.timestamp()).firing

    assert [(each.alert, each.title) for each in fired] == [("old_backup", title)] * bool(title)


def test_credit_limit(watched: Tenant) -> None:
    """A customer above its limit fires, with both amounts to the cent."""
    watched.log_done()
    watched.publish(
        "reporting.ar_aging values ('1', 'Óptica', 'USD', true, 500, 12345678901234.57),"
        " ('2', 'Luz', 'USD', false, 500, 500.00)"
    )

    (firing,) = evaluate_alerts(watched.settings, time.time()).firing

    assert (firing.alert, firing.key) == ("customer_over_credit_limit", "1")
    assert firing.detail == "Balance 12345678901234.57 USD, limit 500.00."


def test_changed_after_posting(watched: Tenant) -> None:
    """A change after posting fires for seven days, under a key of its own."""
    watched.log_done()
    row = "'7', 'F-7', 'total: 1', 'total: 2'"
    watched.publish(
        "core.as_of values ('2026-10-31 12:00:00+00')",
        f"reporting.document_changes values ({row}, true, '2026-10-30 12:00:00+00'),"
        f" ({row}, false, '2026-10-30 13:00:00+00'), ({row}, true, '2026-10-24 11:00:00+00')",
    )

    (firing,) = evaluate_alerts(watched.settings, time.time()).firing

    assert (firing.title, firing.recovers) == ("Changed after posting: invoice F-7", False)
    assert firing.key == "7 1793361600000"


@pytest.mark.parametrize(
    ("today", "due"),
    [("2026-11-11", False), ("2026-11-12", True), ("2026-11-16", True), ("2026-11-17", False)],
)
def test_return(watched: Tenant, today: str, due: bool) -> None:
    """A return fires from three days before it is due until it has to be paid, unless filed."""
    watched.log_done()
    watched.publish(
        f"core.today values ('{today}', null)",
        "reporting.itbms_return values ('2026-10-01', '2026-11-15', '2026-11-16', null),"
        " ('2026-10-01', '2026-11-15', '2026-11-16', null),"
        f" ('2026-09-01', '{today}', '{today}', '2026-10-01')",
    )

    assert fires(watched) == ({("itbms_return_due", "2026-10")} if due else set())


def test_older_file(watched: Tenant) -> None:
    """A file without a column or a table leaves out what reads it, and nothing else."""
    watched.log_run(error=KeyRefused("acme"))
    watched.publish(
        "reporting.ar_aging values ('1', 'Óptica', 'USD', true, 500, 501)",
        core__today="tenant varchar",
        reporting__document_changes="document_id varchar",
    )

    evaluation = evaluate_alerts(watched.settings, time.time())

    names = {firing.alert for firing in evaluation.firing}
    assert names == {"customer_over_credit_limit", "key_refused"}
    assert evaluation.incomplete == ON_BOOKS - {"customer_over_credit_limit"}


@pytest.mark.parametrize("content", [None, b"", b"not a database" * 1000])
def test_no_file(watched: Tenant, content: bytes | None) -> None:
    """Without a published file, or with a damaged one, the alerts on runs still work."""
    watched.log_run(error=KeyRefused("acme"))
    if content is not None:
        watched.settings.published.write_bytes(content)

    evaluation = evaluate_alerts(watched.settings, time.time())

    assert ("key_refused", "all") in {(each.alert, each.key) for each in evaluation.firing}
    assert evaluation.incomplete == ON_BOOKS


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., SqlSources]:
    """Write alert files of the user, by name; return the sources."""

    def write(**files: str) -> SqlSources:
        folder = tmp_path / "sql" / "alerts"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / f"{name}.sql").write_text(text, encoding="utf-8")
        return SqlSources(sql_folder(), tmp_path / "sql")

    return write


ROW = "select 'T' as title, 'k' as key, 'd' as detail"


def test_own_alert(watched: Tenant, own: Callable[..., SqlSources]) -> None:
    """A file of the user is an alert, and one with the name of ours takes its place."""
    watched.log_run(error=KeyRefused("acme"))
    sources = own(
        mine=f"-- One row.\n-- severity: info\n{ROW};\n", key_refused=f"-- None.\n{ROW} limit 0"
    )

    evaluation = evaluate_alerts(watched.settings, time.time(), sources=sources)

    (mine,) = evaluation.firing
    assert (mine.alert, mine.key, mine.severity, mine.title_es) == ("mine", "k", "info", "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("select 1", "line 1: the first line must be the grain"),
        (f"-- One row.\n-- severity: bad\n{ROW}", "severity is one of error, warning, info"),
        (f"-- One row.\n-- recovers: maybe\n{ROW}", "recovers is `yes` or `no`"),
        ("-- One row.\nselect 1 as title, 2 as key", "it has no column detail"),
        ("-- One row.\n\nselect 1 frm x y", "line 3: Parser Error"),
        (f"-- One row.\n{ROW}); drop table ops.runs; from (select 1", "more than one statement"),
        ("-- One row.\nselect\n    nothing", "line 3: Binder Error"),
        ("-- One row.\nfrom reporting.nothing", "line 2: Catalog Error"),
        ("-- One row.\nfrom read_csv('/etc/passwd')", "Permission Error"),
        (f"-- One row.\n{ROW}; drop table ops.runs", "Parser Error"),
        ("-- One row.\nselect 'a'::int as title, 'k' as key, 'd' as detail", "Conversion Error"),
    ],
)
def test_broken_alert(watched: Tenant, own: Callable[..., SqlSources], text: str, why: str) -> None:
    """A broken file is an alert itself, which says why, and stops no other."""
    watched.log_run(error=KeyRefused("acme"))
    watched.publish()

    evaluation = evaluate_alerts(watched.settings, time.time(), sources=own(mine=text))

    firing = {(each.alert, each.key): each for each in evaluation.firing}
    assert ("key_refused", "all") in firing
    assert why in firing["broken_alert", "mine.sql"].detail
    assert evaluation.incomplete == {"mine"}


def test_own_alert_in_a_working_tree(watched: Tenant, tmp_path: Path) -> None:
    """Where ours and the user's are in one folder, what is not one of ours is the user's."""
    watched.log_done()
    watched.publish()
    (tmp_path / "alerts").mkdir()
    for name in ("mine", "key_refused"):
        (tmp_path / "alerts" / f"{name}.sql").write_text("-- One row.\nselect nothing")

    evaluation = evaluate_alerts(watched.settings, time.time(), sources=SqlSources.at(tmp_path))

    assert [each.key for each in evaluation.firing] == ["mine.sql"]
    assert evaluation.incomplete == {"mine", "key_refused"}


def test_names_of_ours() -> None:
    """The list of our alerts is complete."""
    assert {file.stem for file in (sql_folder() / "alerts").glob("*.sql")} == OURS


def test_words_in_spanish(watched: Tenant) -> None:
    """The title of a failed run is in Spanish as a whole; each class of errors has its words."""
    watched.log_run(error=DiskTrouble("/data", "full"))
    (failed,) = evaluate_alerts(watched.settings, time.time()).firing
    kinds = {name for name, each in vars(errors).items()
             if isinstance(each, type) and issubclass(each, P4BooksError)}  # fmt: skip
    no_sync = {"AlreadyRunning", "LetterMissing", "NoPicture", "P4BooksError"}

    assert failed.title_es == "La última sincronización falló: problema con el disco"
    assert kinds - no_sync <= set(load_fault_words())


def test_too_many_rows(watched: Tenant, own: Callable[..., SqlSources]) -> None:
    """Of an alert with too many rows the first fire, and nothing is said of the others."""
    watched.log_done()
    watched.publish()
    query = f"select 'T' as title, i as key, null as detail from range({MAX_ROWS + 1}) t(i)"
    rows = f"-- One row.\n{query}"

    evaluation = evaluate_alerts(watched.settings, time.time(), sources=own(mine=rows))

    assert len(evaluation.firing) == MAX_ROWS
    assert evaluation.incomplete == {"mine"}


def test_same_key(watched: Tenant, own: Callable[..., SqlSources]) -> None:
    """Rows with one key are one alert; null is a key, and a title is never missing."""
    watched.log_done()
    rows = (
        "-- One row.\nselect title, null as key, null as detail from (values ('A'), ('B')) t(title)"
    )
    none = "-- One row.\nselect null as title, 1 as key, null as detail"

    evaluation = evaluate_alerts(watched.settings, time.time(), sources=own(mine=rows, none=none))

    assert [(each.key, each.title, each.detail) for each in evaluation.firing] == [
        ("", "A", ""),
        ("1", "none", ""),
    ]


def test_run_of_an_earlier_version(watched: Tenant) -> None:
    """A failed run of a version that recorded no errors one by one fires as well."""
    watched.log_done()
    log = RunLog(watched.settings.run_log)
    log.end_run(log.begin_run(), "KeyRefused", ["P4 Books rejected it."])

    assert fires(watched) == {("key_refused", "all")}
