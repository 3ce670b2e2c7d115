"""Which books a tenant's files hold: lost warehouses, starts from nothing, other addresses."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from tests.other_program import leave_log, open_program

from p4books.endpoints import ENDPOINTS
from p4books.errors import OtherBooks, WarehouseLost, WarehouseOpen
from p4books.load.books import (
    are_same_books,
    check_books,
    check_not_lost,
    continue_from_generation,
    find_unfinished_lists,
    start_from_nothing,
)
from p4books.load.evolution import migrate_warehouse
from p4books.load.schema import (
    Origin,
    ScanProgress,
    WarehouseState,
    create_tables,
    read_state,
    record_origin,
    stamp_change,
)
from p4books.load.warehouse import (
    check_warehouse,
    correct_generation_times,
    list_generations,
    replace_warehouse,
)
from p4books.push.ledger import Ledger
from p4books.settings import Settings
from p4books.storage.database import borrow_reader
from p4books.storage.run_log import EndpointRun, RunLog

HERE, THERE = "https://acme.p4books.com/api/v1", "https://test.p4books.com/api/v1"
LOADED = EndpointRun("invoices", "whole", "done", 1.0, 2.0, 2.0, complete=True, new=6, held=6)

Damage = Callable[[Settings], object]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a tenant that has only an empty private folder."""
    settings = Settings(tenant="acme", data_dir=tmp_path / "da'ta")
    settings.private.mkdir(parents=True)
    return settings


@pytest.fixture
def scratch(settings: Settings) -> Path:
    """The scratch folder of a run."""
    settings.work.mkdir(exist_ok=True)
    return settings.work


def write_warehouse(path: Path, *origins: Origin, copied: tuple[str, ...] = ("invoices",)) -> None:
    """Write a warehouse with these origins and complete copies of these lists."""
    path.parent.mkdir(exist_ok=True)
    create_tables(path, tuple(ENDPOINTS.values()))
    with duckdb.connect(path) as con:
        for origin in origins:
            record_origin(con, origin)
        for name in copied:
            con.execute("insert into raw.scans values (?, 'done', null, 0)", [name])


def write_generation(settings: Settings, name: str = "20261127T120000000000Z") -> Path:
    path = settings.private / "generations" / f"warehouse-{name}.duckdb"
    write_warehouse(path)
    return path


def write_published(settings: Settings, rows: int = 6000, tenant: str = "acme") -> None:
    with duckdb.connect(settings.published) as con:
        con.execute("create table about as select ? as tenant", [tenant])
        con.execute(
            "create table catalogue as select * from (values"
            " ('staging', 'invoices_history', ?), ('staging', 'invoices', 5),"
            " ('core', 'calendar', 900)) as t (layer, model, rows)",
            [rows],
        )


def log_run(settings: Settings, *endpoint_runs: EndpointRun) -> int:
    """Record a run that is over, and return its number."""
    log = RunLog(settings.run_log)
    number = log.begin_run()
    for endpoint_run in endpoint_runs:
        log.record_endpoint_runs(number, endpoint_run)
    log.end_run(number, "done")
    return number


def push_once(settings: Settings) -> None:
    with Ledger(settings.ledger) as ledger:
        ledger.begin_push("vendors", "vendors.csv", HERE)


# A lost warehouse


@pytest.mark.parametrize(
    ("leave", "evidence"),
    [
        (write_generation, "it left 1 generation"),
        (lambda settings: log_run(settings, LOADED), "run 1 loaded rows into it"),
        (push_once, "the ledger has 1 push"),
        (write_published, "acme.duckdb has 6,000 rows from it"),
        (
            lambda settings: write_published(settings, tenant="other"),
            "acme.duckdb has the books of tenant other",
        ),
        (lambda settings: settings.published.write_text("no database"), "cannot be read"),
        (lambda settings: duckdb.connect(settings.published).close(), "cannot be read"),
    ],
    ids=["generation", "run log", "ledger", "published", "other tenant", "damaged", "foreign"],
)
def test_lost(settings: Settings, leave: Damage, evidence: str) -> None:
    """Whatever shows that there was a warehouse stops a run, and the error names it."""
    leave(settings)

    with pytest.raises(WarehouseLost) as error:
        check_not_lost(settings)

    assert f"warehouse.duckdb is missing, but {evidence}" in str(error.value).replace(
        f"{settings.published} is there and cannot", "cannot"
    ).replace(f"{settings.data_dir}/", "")
    assert "p4books sync --from-nothing" in str(error.value)


def test_all_evidence(settings: Settings) -> None:
    """The error says all that is known of the lost warehouse."""
    write_published(settings, 1)
    log_run(settings, LOADED)

    with pytest.raises(
        WarehouseLost, match=r"run 1 loaded rows into it and \S+ has 1 row from it\."
    ):
        check_not_lost(settings)


@pytest.mark.parametrize(
    "leave",
    [
        lambda _: None,
        log_run,
        lambda settings: log_run(settings, EndpointRun("invoices", "slice", "goes on", 1.0, 2.0)),
        lambda settings: (settings.spool / "invoices").mkdir(parents=True),
        lambda settings: Ledger(settings.ledger).__enter__().__exit__(),
        lambda settings: write_published(settings, rows=0),
        lambda settings: settings.published.touch(),
        lambda settings: settings.published.mkdir(),
        lambda settings: (settings.private / "generations").mkdir(),
    ],
    ids=[
        *("nothing", "failed run", "interrupted", "spool", "no push", "empty books"),
        *("empty file", "folder", "no generation"),
    ],
)
def test_first_run(settings: Settings, leave: Damage) -> None:
    """A tenant of which nothing was ever loaded just goes on."""
    leave(settings)

    check_not_lost(settings)


def test_way_back(settings: Settings) -> None:
    """The command in the error puts back the newest generation that can be read, with its date."""
    write_generation(settings, "20261126T120000000000Z")
    newest = write_generation(settings)
    damaged = newest.with_name("warehouse-20261128T120000000000Z.duckdb")
    damaged.write_bytes(b"")

    with pytest.raises(WarehouseLost, match="of 2026-11-27 12:00:00 UTC") as error:
        check_not_lost(settings)
    _, command, *_ = str(error.value).split("`")

    assert command == "p4books restore 20261127T120000000000Z"
    assert newest.name == "warehouse-20261127T120000000000Z.duckdb"


# A start from nothing


def test_start_from_nothing(settings: Settings, scratch: Path) -> None:
    """The warehouse is empty, and nothing counts that was read before; the rest stays."""
    write_generation(settings)
    write_warehouse(settings.warehouse, Origin(HERE, 1))
    before = settings.warehouse.read_bytes()
    log_run(settings, LOADED)
    run = log_run(settings)
    push_once(settings)
    (settings.spool / "invoices").mkdir(parents=True)
    log = RunLog(settings.run_log)

    note = start_from_nothing(settings, scratch, log, run)

    assert read_state(settings.warehouse) == WarehouseState()
    assert list_generations(settings.warehouse)[0].read_bytes() == before
    assert len(list_generations(settings.warehouse)) == 2
    assert str(settings.private / "generations") in note
    assert not settings.spool.exists()
    assert log.load_freshness() == {}
    _, first = log.load_runs()
    assert [(reading.outcome, reading.new) for reading in first.readings] == [("lost", 6)]
    assert settings.ledger.exists()
    settings.warehouse.unlink()
    shutil.rmtree(settings.private / "generations")
    settings.ledger.unlink()
    check_not_lost(settings)


def test_generations_are_kept_for_good(settings: Settings, scratch: Path) -> None:
    """No generation from before a start from nothing gives way to a later one, but later ones do.

    Neither one dated by a clock that was years ahead nor one that was renamed changes that.
    """
    now = datetime.now(UTC)
    folder = settings.private / "generations"
    folder.mkdir()
    stamps = [f"{now - timedelta(days=day):%Y%m%dT%H%M%S%fZ}" for day in range(15)]
    for stamp in [*stamps, "20990101T000000000000Z", "before-the-audit"]:
        (folder / f"warehouse-{stamp}.duckdb").write_bytes(stamp.encode())

    start_from_nothing(settings, scratch, RunLog(settings.run_log), log_run(settings))
    correct_generation_times(settings.warehouse, (now + timedelta(minutes=1)).timestamp())
    for day in range(1, 13):
        new = scratch / "new.duckdb"
        new.write_bytes(b"new")
        at = (now + timedelta(days=day)).timestamp()
        os.utime(new, (at, at))
        replace_warehouse(new, settings.warehouse, keep=True)

    kept = [path.read_bytes() for path in list_generations(settings.warehouse)]
    assert {*map(str.encode, stamps), b"20990101T000000000000Z", b"before-the-audit"} <= {*kept}
    assert kept.count(b"new") == 7
    assert len(kept) == 17 + 1 + 7  # with the one that was begun from nothing


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000], ids=["empty", "garbage"])
def test_damaged_warehouse_is_set_aside(settings: Settings, scratch: Path, content: bytes) -> None:
    """A damaged warehouse is kept, too, but is never offered as a generation."""
    settings.warehouse.write_bytes(content)

    start_from_nothing(settings, scratch, RunLog(settings.run_log), log_run(settings))

    (kept,) = (settings.private / "generations").glob("damaged-*.duckdb")
    assert kept.read_bytes() == content
    assert list_generations(settings.warehouse) == []
    assert read_state(settings.warehouse) == WarehouseState()


def test_started_twice(settings: Settings, scratch: Path) -> None:
    """A start from nothing makes no generation of a warehouse that has nothing yet."""
    log = RunLog(settings.run_log)

    start_from_nothing(settings, scratch, log, log_run(settings))
    start_from_nothing(settings, scratch, log, log_run(settings))

    assert not (settings.private / "generations").exists()


def test_start_while_open(settings: Settings, scratch: Path) -> None:
    """A warehouse that another program writes to is left alone."""
    write_warehouse(settings.warehouse)
    code = f"import duckdb as d; con = d.connect({str(settings.warehouse)!r})"
    with subprocess.Popen(
        [sys.executable, "-c", f"{code}; print(1, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout
        assert other.stdout.readline()
        with pytest.raises(WarehouseOpen):
            start_from_nothing(settings, scratch, RunLog(settings.run_log), log_run(settings))
        other.communicate(b"\n")

    assert read_state(settings.warehouse).scans


def test_start_beside_a_log(settings: Settings, scratch: Path) -> None:
    """A log that a killed program left does not make the empty warehouse unreadable."""
    leave_log(settings.warehouse)

    start_from_nothing(settings, scratch, RunLog(settings.run_log), log_run(settings))

    check_warehouse(settings.warehouse)
    assert read_state(settings.warehouse) == WarehouseState()


def test_start_from_a_warehouse_with_a_log(settings: Settings, scratch: Path) -> None:
    """A whole warehouse that can't be read because of a log beside it becomes a generation."""
    write_warehouse(settings.warehouse)
    before = settings.warehouse.read_bytes()
    leave_log(settings.warehouse)

    start_from_nothing(settings, scratch, RunLog(settings.run_log), log_run(settings))

    assert [path.read_bytes() for path in list_generations(settings.warehouse)] == [before]
    assert read_state(settings.warehouse) == WarehouseState()


def test_start_from_the_first_format(settings: Settings, scratch: Path) -> None:
    """A warehouse of the first format, which knew no scans, becomes a generation."""
    with duckdb.connect(settings.warehouse) as con:
        con.execute("create schema raw; create table raw.p4books_format as select 1 as format")

    start_from_nothing(settings, scratch, RunLog(settings.run_log), log_run(settings))

    assert len(list_generations(settings.warehouse)) == 1
    assert read_state(settings.warehouse) == WarehouseState()


@pytest.mark.parametrize(
    ("rows", "copied", "waiting"),
    [(6000, [], ["invoices"]), (6000, ["invoices"], []), (0, [], [])],
)
def test_unfinished_lists(
    settings: Settings, scratch: Path, rows: int, copied: list[str], waiting: list[str]
) -> None:
    """The published file is not replaced until each list that it has is copied again.

    Neither is one that another program has open, or beside which one left its log.
    """
    write_published(settings, rows)
    found = [find_unfinished_lists(settings, scratch, copied)]
    with open_program(settings.published):
        found.append(find_unfinished_lists(settings, scratch, copied))
    leave_log(settings.published)
    found.append(find_unfinished_lists(settings, scratch, copied))

    assert found == [waiting] * 3
    assert list(scratch.iterdir()) == []


def test_unfinished_lists_of_a_damaged_file(settings: Settings, scratch: Path) -> None:
    """A file that nobody can read has no list; one that can't be copied may have all of them."""
    settings.published.write_text("no database")
    assert find_unfinished_lists(settings, scratch, []) == []

    scratch.rmdir()
    assert find_unfinished_lists(settings, scratch, []) == list(settings.endpoints)


def test_unfinished_list_that_is_not_read(settings: Settings, scratch: Path) -> None:
    """A list that the settings leave out does not hold back the others."""
    write_published(settings)
    some = settings.model_copy(update={"endpoints": ("vendors",)})

    assert find_unfinished_lists(some, scratch, []) == []


# An earlier warehouse that was put back


def test_put_back(settings: Settings, scratch: Path) -> None:
    """What later runs read does not count, and neither does what the last scan had missed."""
    first, second = log_run(settings, LOADED), log_run(settings, LOADED)
    write_warehouse(settings.warehouse, Origin(HERE, first))
    with duckdb.connect(settings.warehouse) as con:
        con.execute("insert into raw.missed values ('invoices', '1')")
    log, run = RunLog(settings.run_log), log_run(settings)
    state = read_state(settings.warehouse)

    note = continue_from_generation(settings, scratch, state, log, run)
    again = continue_from_generation(settings, scratch, state, log, log_run(settings))

    assert (note or "").startswith("An earlier warehouse was put back, as it was after run 1:")
    assert again is None
    outcomes = {run.id: [each.outcome for each in run.readings] for run in log.load_runs()}
    assert (outcomes[first], outcomes[second]) == (["done"], ["lost"])
    with borrow_reader(settings.warehouse) as con:
        assert con.execute("from raw.missed").fetchall() == []


@pytest.mark.parametrize("run", [2, 57, None])
def test_not_put_back(settings: Settings, scratch: Path, run: int | None) -> None:
    """The warehouse of the last run is none, nor is one whose run log is new, or unknown."""
    log_run(settings, LOADED), log_run(settings, LOADED)
    log = RunLog(settings.run_log)

    assert continue_from_generation(settings, scratch, WarehouseState(run=run), log, 3) is None
    assert log.load_freshness()["invoices"].verified_to == 1.0


@pytest.mark.parametrize("migrated", [False, True])
def test_older_program(settings: Settings, scratch: Path, *, migrated: bool) -> None:
    """A warehouse into which an older program loaded, which leaves no number, is not put back.

    A migration does not hide which of the two it is.
    """
    first = log_run(settings, LOADED)
    write_warehouse(settings.warehouse, Origin(HERE, first))
    later = replace(LOADED, endpoint="vendors", started_at=8.0, ended_at=9.1234567)
    log_run(settings, later, replace(LOADED, ended_at=8.5, new=0))
    log, run = RunLog(settings.run_log), log_run(settings, replace(LOADED, ended_at=9.5, new=0))

    notes = []
    for changed_at in (9.1234567, 2.0):
        with duckdb.connect(settings.warehouse) as con:
            stamp_change(con, changed_at)
        if migrated:
            migrate_warehouse(settings.warehouse, ENDPOINTS)
            migrate_warehouse(settings.warehouse, ENDPOINTS)
        state = read_state(settings.warehouse)
        notes.append(continue_from_generation(settings, scratch, state, log, run + 1))

    assert notes[0] is None
    assert "An earlier warehouse was put back" in (notes[1] or "")


# Another address


@pytest.mark.parametrize(
    "same",
    ["https://ACME.P4books.com/api/v1/", "https://acme.p4books.com:443/api/v1", f"{HERE}//"],
)
def test_same_address(settings: Settings, same: str) -> None:
    """An address has one spelling: the case of its host, its port and slashes do not matter."""
    other = settings.model_copy(update={"base_url": same})

    check_books(other, WarehouseState(addresses=[HERE]), RunLog(settings.run_log))


@pytest.mark.parametrize(
    "other",
    [THERE, "https://acme.p4books.com/api/v2", "https://acme.p4books.com:8443/api/v1"],
)
def test_other_address(settings: Settings, other: str) -> None:
    """A warehouse is not continued from another address; the error names both, and the way on."""
    state = WarehouseState(addresses=[HERE, other])

    with pytest.raises(OtherBooks, match=f"has the books of {other}; .* to {HERE}.*--same-books"):
        check_books(settings, state, RunLog(settings.run_log))


@pytest.mark.parametrize(("address", "refused"), [(THERE, True), (HERE, False)])
def test_earlier_version(settings: Settings, address: str, refused: bool) -> None:
    """A warehouse that has no address has the one of the lists in the run log."""
    log, state = RunLog(settings.run_log), WarehouseState(scans={"invoices": ScanProgress()})
    check_books(settings, state, log)
    profile = {"source": f'{{"address":"{address}"}}', "size": 1, "total": 1, "arrangement": "none"}
    log.save_list_profiles({"invoices": profile})

    if refused:
        with pytest.raises(OtherBooks):
            check_books(settings, state, log)
    else:
        check_books(settings, state, log)


@pytest.mark.parametrize(
    ("before", "confirmed", "same"),
    [
        (None, [], True),
        (HERE, [], True),
        (THERE, [], False),
        (THERE, [HERE], False),
        (THERE, [THERE, HERE], True),
        (THERE, [HERE, THERE], False),
    ],
)
def test_ledger(settings: Settings, before: str, confirmed: list[str], same: bool) -> None:
    """A ledger follows a warehouse that was moved to the address, but not one begun there."""
    assert are_same_books(before, settings, confirmed) is same


def test_origins(settings: Settings) -> None:
    """A warehouse keeps its addresses in order, and the last run that loaded into it."""
    moves = [(HERE, 1), (HERE, 2), (THERE, 3), (HERE, 5)]

    write_warehouse(settings.warehouse, *(Origin(*move) for move in moves))

    state = read_state(settings.warehouse)
    assert (state.addresses, state.run) == ((HERE, THERE, HERE), 5)
