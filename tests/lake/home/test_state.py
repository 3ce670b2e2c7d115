"""State off the machine: any machine runs any tenant, and continues what others did."""

import gc
import logging
import shutil
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
import pytest
from pydantic import SecretStr
from tests.conftest import MakeSettings
from tests.lake.home.conftest import Make, Report
from tests.s3 import S3Server
from tests.staging_sync import VENDORS
from tests.staging_sync import sync as sync_some

from p4books.backup import back_up, restore
from p4books.errors import AlreadyRunning, KeyRefused, P4BooksError, UsageError
from p4books.fleet.alerts import notify_after_run
from p4books.home import StateNotPut, hold_if_possible, hold_state, refresh_state, refresh_to_copy
from p4books.home.errors import HomeMissing, LeaseLost, StateDamaged, StateUnrelated
from p4books.home.files import TenantFiles
from p4books.home.lease import Lease
from p4books.home.overview import load_overview, replace_state
from p4books.load.warehouse import name_generation
from p4books.push.run import push_records
from p4books.settings import Delivery, Lake, Settings
from p4books.settings.notify import CommandChannel
from p4books.storage.database import borrow_reader
from p4books.storage.postgres import connect_postgres
from p4books.storage.run_log import RunLog, SyncSummary
from p4books.storage.shared_tables import SCHEMA
from p4books_sandbox import Sandbox


@pytest.fixture
def machines(
    make_settings: MakeSettings, sandbox: Sandbox, catalog: SecretStr, tmp_path: Path
) -> tuple[Settings, Settings]:
    """The settings of the same tenant on two machines."""

    def make(name: str) -> Settings:
        home, lake = str(tmp_path / "home"), Lake(catalog)
        return make_settings(sandbox, data_dir=tmp_path / name / "data", home=home, lake=lake)

    return make("one"), make("other")


def sync(settings: Settings) -> SyncSummary:
    """Sync the vendors, and publish their models only."""
    return sync_some(settings, ["vendors"], VENDORS)


def list_names(settings: Settings) -> set[str]:
    """Return the names of all versions of vendors in the published file."""
    with borrow_reader(settings.published) as con:
        rows = con.execute("select vendor_name from staging.vendors_history").fetchall()
    return {name for (name,) in rows}


def rename(sandbox: Sandbox, name: str) -> None:
    """Give the first vendor another name."""
    vendors = sandbox.books["vendors"]
    vendors.replace(vendors.ids()[0], name=name)


def test_any_machine_continues(
    machines: tuple[Settings, Settings], sandbox: Sandbox, tmp_path: Path
) -> None:
    """Runs on several machines make one history, one log of runs and one published file."""
    one, other = machines
    new = one.model_copy(update={"data_dir": tmp_path / "a ?'%s[\"] folder" / "data"})
    first = sync(one)
    rename(sandbox, "Second")
    second = sync(other)
    rename(sandbox, "Third")
    third = sync_some(new, ["vendors"], VENDORS, existing=True)

    assert [each.faults for each in (first, second, third)] == [[], [], []]
    assert [each.run for each in (first, second, third)] == [1, 2, 3]
    assert [each.sum("changed") for each in (second, third)] == [1, 1]
    assert not third.notes
    assert {"Second", "Third"} <= list_names(new)
    refresh_state(one)
    assert list_names(one) == list_names(new)
    assert len(RunLog(one.run_log).load_runs()) == 3

    backup = back_up(other, str(tmp_path / "backups"))  # of the state, not of what is here
    assert backup.manifest.run == 3
    oldest = min(one.generations.glob("warehouse-*.duckdb"))
    restore(other, name_generation(oldest))
    refresh_state(one)
    assert one.warehouse.read_bytes() == oldest.read_bytes()
    with pytest.raises(UsageError, match="Nothing was sent"):
        push_records(one, "vendors", [], "x.csv")


def test_run_that_is_not_put_back(machines: tuple[Settings, Settings], tmp_path: Path) -> None:
    """A run whose state cannot be put back says so, and the next one here puts it back."""
    one, other = machines
    home = tmp_path / "home"
    home.write_text("no folder")
    done = sync(one)
    home.unlink()

    assert [type(fault) for fault in done.faults] == [StateNotPut]
    assert "other machines do not have it" in str(done.faults[0])
    assert RunLog(one.run_log).load_runs(1)[0].outcome == "StateNotPut"
    assert list_names(one)
    assert sync(one).faults == []
    refresh_state(other)
    assert list_names(other) == list_names(one)


def test_files_of_another_origin(make_machine: Make, tmp_path: Path) -> None:
    """Files that do not come from the home are neither replaced nor put over it."""
    one, two = make_machine("one"), make_machine("two", 1)
    one.hold()
    make_machine("two", 1, home="").hold()
    before = snapshot(two.folder)

    assert two.hold().kind == "StateUnrelated"
    with pytest.raises(StateUnrelated, match="move that folder away"), hold_state(two.settings):
        pass

    assert {**snapshot(two.folder), ".private/acme/home.msgpack": b""} == {
        **before,
        ".private/acme/home.msgpack": b"",
    }
    two.folder.rename(tmp_path / "moved")
    assert two.hold() == Report(0, 1)


def test_first_state_is_that_of_the_machine(make_machine: Make) -> None:
    """Files that were there before the home become its first state."""
    one, two = make_machine("one"), make_machine("two", 1)
    alone = make_machine("one", home="")
    assert alone.hold() == Report(0, 0)
    assert one.hold() == Report(0, 1)
    assert two.hold() == Report(0, 2)


def test_damaged_home(make_machine: Make) -> None:
    """An object that is missing or changed is one sentence, and nothing here changes."""
    one, two = make_machine("one"), make_machine("two", 1)
    two.hold()
    one.hold()
    before = snapshot(two.folder)
    objects = sorted((Path(one.home) / "acme").iterdir())
    contents = [path.read_bytes() for path in objects]
    for damage in (b"", b"x" * 600_000):
        for path in objects:
            path.write_bytes(damage)
        with (
            pytest.raises(StateDamaged, match="Nothing on this machine was"),
            hold_state(two.settings),
        ):
            pass
        assert snapshot(two.folder) == before
        for path, content in zip(objects, contents, strict=True):
            path.write_bytes(content)
    for path in objects:
        path.unlink()

    assert one.hold(small=True) == Report(0, 2)  # it has all files, but asks for no object
    assert two.hold().kind == "StateDamaged"
    replace_state(one.settings)
    assert two.hold() == Report(0, 3)
    for path in (Path(one.home) / "acme").iterdir():
        path.unlink()
    assert two.hold() == Report(0, 4)  # it puts back what is missing
    assert one.hold() == Report(0, 5)


def test_damaged_database_here(make_machine: Make) -> None:
    """A damaged database of this machine does not keep it from taking a newer state."""
    one, two = make_machine("one"), make_machine("two", 1)
    two.hold()
    one.hold()
    two.settings.run_log.write_bytes(b"no database" * 1000)

    assert two.hold() == Report(0, 2)


def test_lost_lease_delivers_nothing(
    machines: tuple[Settings, Settings], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A run that lost its lease while it published leaves no files for others."""
    folder, settings = _deliver(machines[0], tmp_path)
    caplog.set_level(logging.INFO, "p4books.sync")
    caplog.handler.addFilter(partial(_lose_lease, settings))

    with pytest.raises(LeaseLost):
        sync(settings)

    assert not any(folder.iterdir())


@pytest.mark.parametrize("is_lost", [True, False])
def test_lost_lease_and_key(
    machines: tuple[Settings, Settings], tmp_path: Path, *, is_lost: bool
) -> None:
    """A run that cannot read delivers what was published before, unless it lost its lease, too."""
    sync(machines[0])
    folder, settings = _deliver(machines[0], tmp_path)
    settings = settings.model_copy(update={"api_key": SecretStr("wrong")})

    def read_clock() -> float:
        if is_lost:
            _expire_lease(settings)
        return time.time()

    with pytest.raises(KeyRefused):
        sync_some(settings, ["vendors"], VENDORS, clock=read_clock)

    assert any(folder.iterdir()) != is_lost


def test_alerts_after_a_lost_lease(
    machines: tuple[Settings, Settings], sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """All that is said of a run which was overtaken is true, and its alerts put none of it."""
    one, other = machines
    sync(one)
    rename(sandbox, "Second")
    overtaken = one.model_copy(
        update={"notify": (CommandChannel(kind="command", run=(SecretStr("true"),)),)}
    )
    caplog.set_level(logging.INFO, "p4books.sync")
    caplog.handler.addFilter(partial(_overtake, overtaken, other, []))

    summary = SyncSummary("acme")
    with pytest.raises(LeaseLost, match="gives way to state 2 of ") as loss:
        sync_some(overtaken, ["vendors"], VENDORS, summary=summary)
    assert notify_after_run(overtaken, summary, loss.value) == []

    assert "continues from it" not in str(loss.value)
    (warning,) = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert "after state 1 was never put back, and gives way to state 2 of " in warning
    theirs = other.warehouse.read_bytes()
    refresh_state(other)
    assert other.warehouse.read_bytes() == one.warehouse.read_bytes() == theirs
    assert len(RunLog(other.run_log).load_runs()) == 2


def _overtake(
    settings: Settings, other: Settings, done: list[bool], record: logging.LogRecord
) -> bool:
    """Let another machine run, when the first file is published after its lease expired."""
    if record.getMessage() == "published" and not done:
        done.append(True)
        _expire_lease(settings)
        sync(other)
        _expire_lease(settings)
    return True


def _lose_lease(settings: Settings, record: logging.LogRecord) -> bool:
    """Let the lease expire, and its holder notice, when the file is published."""
    if record.getMessage() == "published":
        _expire_lease(settings)
    return True


def _deliver(settings: Settings, tmp_path: Path) -> tuple[Path, Settings]:
    """Make a folder to which the vendors are delivered, and the settings that do so."""
    folder = tmp_path / "delivered"
    folder.mkdir()
    delivery = Delivery("csv", folder, models=("staging.vendors",))
    return folder, settings.model_copy(update={"deliver": (delivery,)})


def _expire_lease(settings: Settings) -> None:
    assert settings.lake
    with connect_postgres(settings.lake.catalog, "") as connection:
        connection.execute(f"update {SCHEMA}.lease set expires_at = now()".encode())
    for lease in [each for each in gc.get_objects() if isinstance(each, Lease)]:
        with suppress(P4BooksError):  # some are of earlier tests
            lease.confirm()


def test_lost_database(make_machine: Make) -> None:
    """If Postgres lacks what this machine took from it, nothing begins."""
    one, two = make_machine("one"), make_machine("two", 1)
    two.hold()
    one.hold()
    with connect_postgres(one.catalog, "") as connection:
        connection.execute(f"create table old as select * from {SCHEMA}.state".encode())
        one.hold()
        connection.execute(f"delete from {SCHEMA}.state".encode())
        assert one.hold().kind == "StateMissing"
        connection.execute(f"insert into {SCHEMA}.state select * from old".encode())
        assert one.hold().kind == "StateMissing"
        assert two.hold() == Report(0, 2)  # that state is still whole
        assert one.hold().kind == "StateMissing"

    with hold_state(one.settings, taking="never"):
        pass
    assert two.hold() == Report(0, 3)


def test_another_copy_of_the_folder(make_machine: Make) -> None:
    """A copy of a machine's folder is another machine, whose lease is not taken over."""
    one, copy = make_machine("one"), make_machine("copy", 1)
    one.hold()
    shutil.copytree(one.folder, copy.folder)
    with hold_state(one.settings):
        assert copy.hold().kind == "AlreadyRunning"
    assert copy.hold() == Report(0, 1)


def test_alerts_without_home(machines: tuple[Settings, Settings]) -> None:
    """What tells that the home is away works without it, and one at a time all the same."""
    away = machines[0].model_copy(update={"lake": Lake(SecretStr("host=127.0.0.1 port=1"))})

    with hold_if_possible(away, "alerts", 0):
        assert away.private.exists()
        with pytest.raises(AlreadyRunning), hold_if_possible(away, "alerts", 0):
            pass


def test_while_a_run_has_the_state(make_machine: Make) -> None:
    """Alerts and backups use the files of this machine while a run, maybe hung, has the state."""
    one, two = make_machine("one"), make_machine("two", 1)
    one.hold()
    refresh_state(two.settings)
    started = time.monotonic()
    with hold_state(one.settings):
        for machine in (one, two):
            with hold_if_possible(machine.settings, "alerts", 60):
                pass
            refresh_to_copy(machine.settings)
    assert time.monotonic() - started < 30

    one.hold()
    with hold_state(one.settings):
        with hold_if_possible(two.settings, "alerts", 0):  # older, but better than silence
            pass
        memory = TenantFiles(two.settings).load_memory()
        TenantFiles(two.settings).save_memory(msgspec.structs.replace(memory, is_whole=False))
        with (
            pytest.raises(AlreadyRunning),
            hold_if_possible(two.settings, "alerts", 0),
        ):
            pass


def test_nothing_changed(make_machine: Make, s3: str, s3_server: S3Server) -> None:
    """A holder that changes nothing puts nothing, nor asks the storage."""
    one = make_machine("one", home=f"{s3}/quiet")
    assert one.hold(environment=s3_server.variables) == Report(0, 0)
    s3_server.stop()
    try:
        with hold_state(one.settings):
            pass
    finally:
        s3_server.start()

    assert load_overview(one.settings).state == 1


@pytest.mark.parametrize("small", [True, False])
def test_home_that_is_not_mounted(make_machine: Make, tmp_path: Path, *, small: bool) -> None:
    """If the folder of the state is missing, nothing begins, and nothing is put elsewhere."""
    one, two = make_machine("one"), make_machine("two", 1)
    two.hold()
    one.hold()
    mounted, mount_point = tmp_path / "mounted", Path(one.home)
    mount_point.rename(mounted)
    mount_point.mkdir()

    for machine in (one, two):  # the first has the state, the second must take it
        report = machine.hold(small=small)
        assert (report.code, report.kind, report.found) == (1, "HomeMissing", None)
        assert "is its storage mounted? Nothing was requested or changed" in report.error
    with pytest.raises(HomeMissing), hold_state(two.settings, taking="if_whole"):
        pass

    assert not list(mount_point.iterdir())
    assert load_overview(one.settings).state == 2
    with hold_if_possible(one.settings, "alerts", 0):  # what tells of that works without it
        pass
    mount_point.rmdir()
    mounted.rename(mount_point)
    assert two.hold() == Report(0, 2)
    assert one.hold() == Report(0, 3)


def test_home_lost_for_good(make_machine: Make) -> None:
    """A machine that has the files puts them into an empty home if it is asked to."""
    one, two = make_machine("one"), make_machine("two", 1)
    one.hold()
    shutil.rmtree(one.home)

    replace_state(one.settings)

    assert two.hold() == Report(0, 1)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return the contents of all files of a tenant but those of locks."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
