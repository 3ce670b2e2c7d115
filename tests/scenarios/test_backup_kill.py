"""Backups and restores that are killed at any moment, or run while the books change.

`make test` kills at a few moments, `make soak` at each.
"""

import hashlib
import os
import shutil
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from tests.p4books.test_sync import mounted

from p4books.backup import back_up, finish_restore, list_backup_sources, restore
from p4books.backup.manifest import BACKUP_FILES, MANIFEST
from p4books.backup.sources import find_source
from p4books.endpoints import ENDPOINTS
from p4books.errors import AlreadyRunning, P4BooksError, RestoreInterrupted
from p4books.load.books import check_not_lost
from p4books.load.schema import create_tables
from p4books.load.warehouse import replace_warehouse
from p4books.push.ledger import Ledger
from p4books.push.types import Draft
from p4books.settings import KeepRules, Settings
from p4books.storage.files import tenant_lock
from p4books.storage.run_log import EndpointRun, RunLog

FEW = 6
MOMENTS = int(os.environ.get("P4BOOKS_EXAMPLES", FEW))  # at which one is killed
KILLED = -signal.SIGKILL
ON_DISK = {
    *(os.open, os.fsync, os.rename, os.replace, os.link, os.unlink, os.mkdir, os.rmdir),
    *(os.utime, os.chmod),
}

State = tuple[str, int, list[str]]  # hash of the warehouse, last run, codes in the ledger


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of a tenant whose first books are in place."""
    settings = Settings(
        tenant="acme",
        data_dir=tmp_path / "data",
        backup_to=str(tmp_path / "backups"),
        backup_keep=KeepRules(newest=9),
    )
    settings.private.mkdir(parents=True)
    change_books(settings, 1)
    return settings


def change_books(settings: Settings, number: int) -> None:
    """Do what a run and a push do: the warehouse is replaced, then the run is recorded."""
    log = RunLog(settings.run_log)
    run = log.begin_run()
    new = settings.private / f"new-{number}.duckdb"
    if settings.warehouse.exists():
        shutil.copy(settings.warehouse, new)
    else:
        create_tables(new, tuple(ENDPOINTS.values()))
    with duckdb.connect(new) as con:
        con.execute("delete from raw.origins")
        con.execute("insert into raw.origins values (1, ?, ?)", [settings.address, run])
    with Ledger(settings.ledger) as ledger:
        push = ledger.begin_push("vendors", "vendors.csv", settings.address)
        ledger.add(push, "vendors", Draft(2, f"V-{number}", b"{}", f"hash-{number}"))
    with closing(sqlite3.connect(settings.alert_log)) as alerts:
        alerts.execute("create table if not exists seen (number integer)")
    replace_warehouse(new, settings.warehouse, keep=True)
    log.record_endpoint_runs(run, EndpointRun("vendors", "whole", "done", 0, 0, new=1, held=number))
    log.end_run(run, "done")


def read_state(folder: Path) -> State:
    """Return what the files of a tenant, or of a backup, are."""
    warehouse = hashlib.sha256((folder / "warehouse.duckdb").read_bytes()).hexdigest()
    with closing(sqlite3.connect(folder / "runs.sqlite")) as log:
        (run,) = log.execute("select coalesce(max(run_id), 0) from reading").fetchone()
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as ledger:
        codes = [code for (code,) in ledger.execute("select code from record order by record")]
    return warehouse, run, codes


def run_until(moment: int, work: Callable[[], object]) -> int:
    """Run work in a process that is killed after so many changes on disk; return how it ended."""

    def stop(changes: int) -> None:
        if changes > moment:
            os.kill(os.getpid(), signal.SIGKILL)

    return run_watched(work, stop)


def run_watched(work: Callable[[], object], watch: Callable[[int], object]) -> int:
    """Run work in a process that calls `watch` after each change on disk, with their number."""
    child = os.fork()
    if child == 0:
        changes = 0

        def count(_: object, event: str, function: object) -> None:
            nonlocal changes
            if event == "c_return" and function in ON_DISK:
                changes += 1
                watch(changes)

        try:
            sys.setprofile(count)
            work()
            sys.setprofile(None)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def choose_moments(work: Callable[[], object], reset: Callable[[], None]) -> Iterator[int]:
    """Yield moments at which work can be killed, spread over all of it; `reset` before each."""
    reader, writer = os.pipe()
    assert run_watched(work, lambda _: os.write(writer, b".")) == 0
    count = len(os.read(reader, 65536))
    os.close(reader)
    os.close(writer)
    assert count > MOMENTS or MOMENTS > FEW
    for number in range(chosen := min(MOMENTS, count)):
        reset()
        yield number * (count - 1) // (chosen - 1)


def test_killed_backup(settings: Settings, tmp_path: Path) -> None:
    """A backup is one or is none, and the next one leaves nothing of one that was killed."""
    backups = tmp_path / "backups"
    back_up(settings)
    (first,) = list_backup_sources(settings)
    change_books(settings, 2)
    shutil.copytree(backups, tmp_path / "kept")

    def reset() -> None:
        shutil.rmtree(backups)
        shutil.copytree(tmp_path / "kept", backups)

    for moment in choose_moments(lambda: back_up(settings), reset):
        assert run_until(moment, lambda: back_up(settings)) in {KILLED, 0}

        after_kill = list_backup_sources(settings)
        assert {source.problem for source in after_kill} == {None}
        assert after_kill[-1] == first
        result = back_up(settings)
        complete = list_backup_sources(settings)
        assert result.is_new == (len(after_kill) == 1)
        assert len(complete) == 2
        assert list_names(backups / "acme") == {source.name for source in complete}
        names = BACKUP_FILES | {MANIFEST}
        for source in complete:
            assert list_names(Path(source.location)) == names, moment
        assert read_state(Path(complete[0].location)) == read_state(settings.private)


@pytest.mark.parametrize("present", ["all", "nothing", "another ledger"])
def test_killed_restore(present: str, settings: Settings, tmp_path: Path) -> None:
    """The old files are there, or the next restore finishes; no ledger forgets a record."""
    back_up(settings)
    (backup,) = list_backup_sources(settings)
    saved = read_state(settings.private)
    change_books(settings, 2)
    if present == "another ledger":
        settings.ledger.unlink()
        change_books(settings, 3)
    elif present == "nothing":
        shutil.rmtree(settings.private)
        settings.private.mkdir()
    before = None if present == "nothing" else read_state(settings.private)
    shutil.copytree(settings.private, tmp_path / "kept")

    def reset() -> None:
        shutil.rmtree(settings.private)
        shutil.copytree(tmp_path / "kept", settings.private)

    codes = sorted({*saved[2], *(before[2] if before else [])})
    for moment in choose_moments(lambda: restore(settings, backup.name), reset):
        assert run_until(moment, lambda: restore(settings, backup.name)) in {KILLED, 0}
        finish_or_compare(settings, before, saved)
        restore(settings, backup.name)

        warehouse, _, held = read_state(settings.private)
        assert (warehouse, sorted(held)) == (saved[0], codes), moment
        assert not {"restoring", "restoring.new"} & list_names(settings.private)
        assert list_names(settings.private) >= BACKUP_FILES
        if before:
            assert before[0] in hash_generations(settings)


def finish_or_compare(settings: Settings, before: State | None, saved: State) -> None:
    """Finish a restore that had begun to replace files; else expect all files to be one set."""
    if settings.restoring.exists():
        with pytest.raises(RestoreInterrupted):
            check_not_lost(settings)
        assert finish_restore(settings)
    if before is None and not settings.warehouse.exists():
        return
    warehouse, _, codes = read_state(settings.private)
    if before is None or warehouse != before[0]:
        assert (warehouse, set(codes) >= set(saved[2])) == (saved[0], True)
    else:
        assert codes == before[2]


def hash_generations(settings: Settings) -> set[str]:
    """Return the hashes of the warehouses that are kept."""
    files = (settings.private / "generations").iterdir()
    return {hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def list_names(folder: Path) -> set[str]:
    """Return the names of everything in a folder."""
    return {path.name for path in folder.iterdir()}


def test_books_change_meanwhile(settings: Settings, tmp_path: Path) -> None:
    """Each of five backups, made while books change all the time, is a state that there was.

    Its log of runs knows no run that its warehouse lacks, and its ledger every push before that.
    """
    states = {}
    stop = threading.Event()

    def keep_changing() -> None:
        for number in range(2, 1000):
            change_books(settings, number)
            digest = hashlib.sha256(settings.warehouse.read_bytes()).hexdigest()
            states[digest] = number
            if stop.is_set():
                return

    states[hashlib.sha256(settings.warehouse.read_bytes()).hexdigest()] = 1
    changing = threading.Thread(target=keep_changing)
    changing.start()
    try:
        made = [back_up(settings).manifest for _ in range(5)]
    finally:
        stop.set()
        changing.join()

    for manifest in made:
        found = find_source(settings, manifest.name, None)
        assert not isinstance(found, Path)
        digest, run, codes = read_state(Path(found.location))
        number = states[digest]
        assert manifest.run == number
        assert run in {number - 1, number}  # a run is recorded after its warehouse is in place
        assert len(codes) >= number
    assert len({manifest.run for manifest in made}) > 1


def test_two_at_once(settings: Settings, tmp_path: Path) -> None:
    """The second of two backups, and a restore beside a run, end at once and change nothing."""
    back_up(settings)
    (backup,) = list_backup_sources(settings)
    before = read_state(settings.private)
    with tenant_lock(settings, "backup"), pytest.raises(AlreadyRunning):
        back_up(settings)
    for name in ("run", "push", "alerts"):
        with tenant_lock(settings, name), pytest.raises(AlreadyRunning):
            restore(settings, backup.name)
    with tenant_lock(settings), tenant_lock(settings, "push"):
        assert not back_up(settings).is_new
    assert read_state(settings.private) == before


def test_restore_begins_meanwhile(settings: Settings) -> None:
    """A backup does not take a warehouse that a restore put in place without its log of runs."""
    restored = settings.private / "restored.duckdb"
    create_tables(restored, tuple(ENDPOINTS.values()))
    scratch = settings.scratch("backup")

    def put_warehouse(_: int) -> None:
        if not settings.restoring.exists() and any(scratch.glob("**/warehouse.duckdb")):
            settings.restoring.mkdir()
            replace_warehouse(restored, settings.warehouse, keep=False)

    def back_up_meanwhile() -> None:
        with pytest.raises(RestoreInterrupted):
            back_up(settings)

    assert run_watched(back_up_meanwhile, put_warehouse) == 0
    assert settings.restoring.exists()


def test_full_disk(settings: Settings, tmp_path: Path) -> None:
    """A backup that does not fit leaves nothing behind, and a restore that does not fit neither."""
    disk = tmp_path / "disk"
    disk.mkdir()
    size = settings.warehouse.stat().st_size
    with mounted(disk, "-t", "tmpfs", "-o", f"size={size // 2}", "none"):
        with pytest.raises(P4BooksError, match="No space left on device"):
            back_up(settings, str(disk))
        assert list_names(disk / "acme") == set()
    back_up(settings)
    (backup,) = list_backup_sources(settings)
    with mounted(disk, "-t", "tmpfs", "-o", f"size={size // 2}", "none"):
        other = settings.model_copy(update={"data_dir": disk})
        with pytest.raises(P4BooksError, match="No space left on device"):
            restore(other, backup.name)
        assert not other.warehouse.exists()
        assert not other.restoring.exists()
