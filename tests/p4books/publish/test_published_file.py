"""What other programs do to the published file, who may read it, and where it is."""

import grp
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from types import FrameType

import duckdb
import pytest
from tests.other_program import (
    beside,
    kill_after_commit,
    open_program,
    read_elsewhere,
    write_and_close,
)

from p4books.errors import PublishedFileBlocked, PublishedFileUnreadable, SettingsError
from p4books.publish.published_file import (
    PAUSE,
    FileAccess,
    FileState,
    describe_changes,
    explain_open_error,
    find_access,
    inspect_published,
    read_about,
    renew_access,
    replace_published,
)
from p4books.publish.query import open_published
from p4books.settings import Settings
from p4books.storage.run_log import RunLog

AT = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)
MODE = FileAccess(0o440)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to other groups")


def fail_to_pause(_: float) -> None:
    """Fail: a file that nobody touched is not looked at twice."""
    raise AssertionError


def write_same_size_and_time(file: Path) -> None:
    before = file.stat()
    file.chmod(0o640)
    with file.open("r+b") as opened:
        opened.seek(-1, os.SEEK_END)
        opened.write(b"\xff")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def overwrite(file: Path, content: bytes) -> None:
    file.chmod(0o640)
    file.write_bytes(content)


def replace_by_another(file: Path) -> None:
    make_file(file.with_name("other"), "theirs")
    file.with_name("other").replace(file)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "killed after a commit": (kill_after_commit, "had changes of .* in acme.duckdb.wal"),
    "closed after writing": (write_and_close, "was changed or replaced"),
    "any log": (lambda file: beside(file, ".wal").write_bytes(b"log"), "had changes of"),
    "log of a checkpoint": (lambda file: beside(file, ".wal.checkpoint").touch(), "had changes"),
    "log of a recovery": (lambda file: beside(file, ".wal.recovery").touch(), "had changes of"),
    "link as log": (lambda file: beside(file, ".wal").symlink_to("nowhere"), "had changes of"),
    "empty folder as log": (lambda file: beside(file, ".wal").mkdir(), "acme.duckdb.wal"),
    "removed": (Path.unlink, "was missing"),
    "not a database": (lambda file: overwrite(file, b"mine" * 5000), "cannot be opened"),
    "empty": (lambda file: overwrite(file, b""), "cannot be opened"),
    "cut": (lambda file: overwrite(file, file.read_bytes()[:20_000]), "cannot be opened"),
    "replaced": (replace_by_another, "was changed or replaced"),
    "same size and time": (write_same_size_and_time, "Corrupt database file|was changed"),
}


def make_file(path: Path, made_of: str) -> Path:
    """Make a small file that is like a published one."""
    with duckdb.connect(path, config={"storage_compatibility_version": "v1.4.0"}) as con:
        con.execute("create table about as select ? as made_of, ? as published_at", [made_of, AT])
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two finished files, to be published."""
    folder = tmp_path_factory.mktemp("files")
    return {name: make_file(folder / name, name) for name in ("old", "new")}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a tenant without files."""
    settings = Settings(tenant="acme", data_dir=tmp_path / "data")
    settings.private.mkdir(parents=True)
    return settings


@pytest.fixture
def publish(settings: Settings, files: dict[str, Path]) -> Callable[[str], None]:
    """Publish one of the two files, and remember it."""

    def publish_one(name: str) -> None:
        record = replace_published(files[name], settings.published, find_access(settings))
        RunLog(settings.run_log).save_published(record)

    return publish_one


@pytest.fixture
def published(settings: Settings, publish: Callable[[str], None]) -> Path:
    """A published file."""
    publish("old")
    return settings.published


def list_files(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.data_dir.iterdir())


def test_as_published(settings: Settings, published: Path) -> None:
    """A file that nobody touched is as it was published, also with readers and in a new place."""
    with duckdb.connect(published, read_only=True) as con:
        con.execute("from about")
        assert inspect_published(settings).damage is None

    moved = settings.model_copy(update={"data_dir": settings.data_dir.with_name("moved")})
    shutil.copytree(settings.data_dir, moved.data_dir)
    found = inspect_published(moved)

    assert (found.made_of, found.published_at, found.damage) == ("old", AT, None)


@pytest.mark.parametrize("case", DAMAGES)
def test_damage(
    case: str, settings: Settings, published: Path, publish: Callable[[str], None]
) -> None:
    """Whatever another program did is noticed, and gone when the file is published again."""
    damage, said = DAMAGES[case]
    damage(published)

    assert re.search(said, inspect_published(settings).damage or "")
    publish("new")

    assert inspect_published(settings).damage is None
    assert read_about(published) == ("new", AT)
    assert list_files(settings) == [".private", "acme.duckdb"]


@pytest.mark.parametrize(
    "damage", ["killed after a commit", "closed after writing", "any log", "replaced"]
)
def test_changes_that_readers_see(damage: str, settings: Settings, published: Path) -> None:
    """Readers are told of changes by another program, and which command undoes them."""
    assert describe_changes(settings, published, fail_to_pause) is None
    pauses: list[float] = []

    DAMAGES[damage][0](published)

    said = describe_changes(settings, published, pauses.append) or ""
    what = "(has changes of another program beside it, in acme.duckdb.wal|was changed or repl.*)"
    now = "the next `p4books sync` or `p4books report` publishes it again."
    assert re.fullmatch(f".*acme.duckdb {what}; {now}", said)
    assert len(pauses) == 1


def test_file_that_is_being_replaced(
    settings: Settings, published: Path, publish: Callable[[str], None]
) -> None:
    """A file that a run replaced, but did not remember yet, is no change of another program."""
    replace_by_another(published)

    assert describe_changes(settings, published, lambda _: publish("new")) is None


def test_changes_of_a_past_day(settings: Settings, files: dict[str, Path]) -> None:
    """A log beside the file of a past day is noticed, too; the remedy names the day."""
    file = settings.published_as_of(date(2026, 3, 30))
    shutil.copy(files["old"], file)
    assert describe_changes(settings, file, fail_to_pause) is None
    beside(file, ".wal").touch()

    said = describe_changes(settings, file, lambda _: None) or ""
    assert said.endswith("; `p4books report --as-of 2026-03-30` publishes it again.")


def test_program_that_stays(
    settings: Settings, published: Path, publish: Callable[[str], None]
) -> None:
    """A program that has the file open for writing is named; it does not keep the new one.

    Whatever it writes then goes beside the new file, until the next run.
    """
    with open_program(published) as program:
        program.tell("create table mine as select 1 as one")
        damage = inspect_published(settings).damage
        with pytest.raises(PublishedFileUnreadable) as queried:
            open_published(published)
        publish("new")
        read = read_elsewhere(published)
        program.tell("checkpoint")
        program.tell("insert into mine values (2)")
        later = inspect_published(settings).damage
        publish("new")
        again = read_elsewhere(published)
        program.tell("close")

    holder = rf"is open for writing in python[\d.]* \(process {program.number}\), so no other"
    assert re.search(holder, damage or "")
    assert re.search(f"{holder} .*Close it there, or run `p4books report`", str(queried.value))
    assert (read, again) == ("new", "new")
    assert re.search("acme.duckdb.wal", later or "")
    assert inspect_published(settings).damage is None


@contextmanager
def after_each_rename(act: Callable[[], object]) -> Iterator[None]:
    """Do something whenever this process has renamed a file."""

    def watch(frame: FrameType, event: str, function: object) -> None:
        if event == "c_return" and function is os.replace:
            act()

    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(None)


def test_program_that_is_always_faster(published: Path, files: dict[str, Path]) -> None:
    """If a program opens every new file for writing at once, that is an error that names it."""
    pauses: list[float] = []
    with (
        open_program(published) as program,
        after_each_rename(lambda: program.tell("open")),
        pytest.raises(PublishedFileUnreadable, match=rf"\(process {program.number}\)"),
    ):
        replace_published(files["new"], published, MODE, pauses.append)

    assert pauses == [PAUSE] * 5
    assert read_about(published) == ("new", AT)


def test_program_that_closes_the_file(published: Path, files: dict[str, Path]) -> None:
    """A program that has the new file open for a moment only is waited for."""
    inodes: list[int] = []
    with open_program(published) as program:

        def close(seconds: float) -> None:
            inodes.append(published.stat().st_ino)
            program.tell("close")

        with after_each_rename(lambda: program.tell("open")):
            replace_published(files["new"], published, MODE, close)

    assert inodes == [published.stat().st_ino]


def test_program_that_writes_at_once(published: Path, files: dict[str, Path]) -> None:
    """What a program writes into the new file before it is looked at is not taken for ours."""
    inodes: list[int] = []

    def write() -> None:
        if not inodes:
            write_and_close(published)
        inodes.append(published.stat().st_ino)

    with after_each_rename(write):
        record = replace_published(files["new"], published, MODE, lambda _: None)

    assert (len(inodes), record.mark != "") == (2, True)
    assert read_about(published) == ("new", AT)


def test_log_during_the_rename(published: Path, files: dict[str, Path]) -> None:
    """A log that appears beside the new file while it is put into place is removed."""
    kill_after_commit(published)
    log = beside(published, ".wal").read_bytes()

    with after_each_rename(lambda: beside(published, ".wal").write_bytes(log)):
        replace_published(files["new"], published, MODE)

    assert read_elsewhere(published) == "new"


def test_connections_of_this_process(
    settings: Settings, published: Path, publish: Callable[[str], None]
) -> None:
    """A connection of our own hides neither the new file nor that it can be opened."""
    with duckdb.connect(published, read_only=True) as con:
        con.execute("from about")
        publish("new")

        assert con.execute("select made_of from about").fetchone() == ("old",)
        assert inspect_published(settings).made_of == "new"
        assert read_about(published) == ("new", AT)
    published.chmod(0o640)
    with (
        duckdb.connect(published),
        pytest.raises(PublishedFileUnreadable, match=rf"this program \(process {os.getpid()}\)"),
    ):
        read_about(published)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            'IO Error: Could not set lock on file "a": Conflicting lock is held in PID 0. See also',
            "open for writing in another program, perhaps in a container or on another machine, so",
        ),
        (
            'IO Error: Could not set lock on file "a": Conflicting lock is held in PID 7 by user x',
            r"open for writing in another program \(process 7\), so",
        ),
        (
            'Could not set lock on file "a": Conflicting lock is held in /opt/My Tool/tool (PID 7)',
            r"open for writing in tool \(process 7\), so",
        ),
        ('IO Error: Cannot open file "a": Permission denied', "may not be read by this user"),
        ("IO Error: WAL does not match", "cannot be opened .* Run `p4books report` to publish"),
        ('IO Error: Failure while replaying WAL file "a.wal": x', "Run `p4books report`, which"),
    ],
)
def test_open_errors(message: str, said: str) -> None:
    """An error says why the file can't be opened, because of which program, and what to do."""
    error = explain_open_error(Path("data/a"), duckdb.IOException(message))

    assert re.search(said, str(error))


def test_open_error_of_a_day() -> None:
    """A file of a past day is published again with its day."""
    error = explain_open_error(Path("data/a-asof-2026-10-31.duckdb"), duckdb.IOException("no"))

    assert "Run `p4books report --as-of 2026-10-31`" in str(error)


# Killed at any moment

KILLED = """
import os, signal, sys
from pathlib import Path
import duckdb, pytz
from p4books.publish.published_file import FileAccess, read_about, replace_published

moments = {os.open, os.chmod, os.fsync, os.replace, os.unlink, os.rmdir}
new, file, wal = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[2] + ".wal")
old, log = file.read_bytes(), wal.read_bytes()

def run(action):
    child = os.fork()
    if child == 0:
        try:
            action()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def publish_until(moment):
    left = [moment]
    def watch(frame, event, function):
        if event == "c_return" and function in moments:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.setprofile(watch)
    replace_published(new, file, FileAccess(0o440))
    sys.setprofile(None)
    os._exit(0)

def read():
    print(read_about(file)[0], flush=True)
    os._exit(0)

moment, end = 0, -9
while end == -9:
    file.unlink()
    file.write_bytes(old)
    wal.write_bytes(log)
    end = run(lambda: publish_until(moment))
    assert run(read) == 0, moment
    assert run(lambda: publish_until(1000)) == 0
    assert sorted(os.listdir(file.parent)) == [".private", file.name], moment
    moment += 1
print(end)
"""


def test_killed_at_any_moment(published: Path, files: dict[str, Path]) -> None:
    """Whenever publishing is killed, readers can open the old or the new file, without a log.

    Before, another program was killed after a commit, so there is a log for the old file only.
    """
    published.chmod(0o640)
    kill_after_commit(published)

    command = [sys.executable, "-c", KILLED, str(files["new"]), str(published)]
    *read, end = subprocess.check_output(command, text=True).split()

    assert end == "0"
    assert (read.count("old") > 3, read.count("new") > 2) == (True, True)
    assert read == sorted(read, reverse=True)


# Who may read it, and where it is


def test_mode(published: Path, settings: Settings) -> None:
    """Owner and group may read, nobody may write; the private files stay private."""
    assert published.stat().st_mode & 0o777 == 0o440
    assert settings.run_log.stat().st_mode & 0o777 == 0o600


def find_another_group() -> int:
    return 1 if os.getegid() != 1 else 2


@as_root
def test_group_of_the_folder(
    settings: Settings, published: Path, publish: Callable[[str], None]
) -> None:
    """The file has the group of its folder if that has the setgid bit."""
    before = published.stat().st_gid
    os.chown(settings.data_dir, -1, find_another_group())
    publish("new")
    assert published.stat().st_gid == before

    settings.data_dir.chmod(0o2755)
    publish("new")

    assert published.stat().st_gid == find_another_group()
    assert published.stat().st_mode & 0o7777 == 0o440


def read_as(user: int, file: Path) -> bool:
    """Return whether a user without groups may read a file."""
    command = ["cat", str(file)]
    return not subprocess.run(
        command, user=user, group=user, extra_groups=[], capture_output=True, check=False
    ).returncode


@as_root
def test_access_list_of_the_folder(files: dict[str, Path]) -> None:
    """A user whom the access list of the folder names may read the file, another one may not."""
    entries = [(0x01, 7, -1), (0x02, 5, 4711), (0x04, 5, -1), (0x10, 7, -1), (0x20, 0, -1)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        file = folder / "acme.duckdb"
        first = replace_published(files["old"], file, MODE)
        try:
            os.setxattr(folder, "system.posix_acl_default", acl)
        except (AttributeError, OSError):
            pytest.skip("this system has no access lists")

        second = replace_published(files["old"], file, MODE)

        assert (read_as(4711, file), read_as(4712, file)) == (True, False)
        assert first.access != second.access


@as_root
@pytest.mark.parametrize("kind", ["name", "number"])
def test_published_group(
    kind: str, settings: Settings, published: Path, publish: Callable[[str], None]
) -> None:
    """The group of the settings is the file's, by name or by number."""
    group = grp.getgrgid(find_another_group())
    written = group.gr_name if kind == "name" else str(group.gr_gid)
    there = settings.model_copy(update={"published_group": written})

    record = replace_published(published, published, find_access(there))

    assert published.stat().st_gid == group.gr_gid
    known = RunLog(settings.run_log).load_published()
    assert known is not None
    assert record.access != known.access


@pytest.mark.parametrize("group", ["no such group", "4294967294", "99999999999999999999"])
def test_unknown_group(group: str, settings: Settings) -> None:
    """A group that does not exist is an error in the settings."""
    there = settings.model_copy(update={"published_group": group})

    with pytest.raises(SettingsError, match=f"there is no group '{group}' .* Nothing was done"):
        find_access(there)


OTHER_USER = """
import encodings.idna, os, shutil, stat, sys
from pathlib import Path
import duckdb, pytz
from p4books.errors import PublishedFileUnreadable, SettingsError
from p4books.publish.published_file import *
from p4books.publish.query import open_published
from p4books.storage.run_log import RunLog
from p4books.settings import Settings

if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(4711, 4711, 4711)
    os.setresuid(4711, 4711, 4711)
settings = Settings(tenant="acme", data_dir=Path(sys.argv[2]) / "data")
settings.private.mkdir(parents=True, mode=0o700)
log = RunLog(settings.run_log)
for name in ("old", "new"):
    built = settings.private / "built"
    shutil.copyfile(Path(sys.argv[1]) / name, built)
    record = replace_published(built, settings.published, find_access(settings))
    log.save_published(record)
    print(read_about(settings.published)[0], inspect_published(settings).damage)
try:
    duckdb.connect(settings.published)
except duckdb.Error as error:
    print("Permission denied" in str(error))
other = settings.model_copy(update={"published_mode": 0o400})
renew_access(other, settings.private)
print(f"{settings.published.stat().st_mode:o}", inspect_published(settings).damage)
try:
    find_access(settings.model_copy(update={"published_group": "0"}))
except SettingsError as error:
    print(error)
settings.data_dir.chmod(0)
for refused in (open_published, locate_file):
    try:
        refused(settings.published)
    except PublishedFileUnreadable as error:
        print(error)
settings.data_dir.chmod(0o700)
"""


def test_another_user(files: dict[str, Path]) -> None:
    """Without root's rights all works too: a file that even its owner may not write is replaced."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, 4711 if os.geteuid() == 0 else -1, -1)
        for file in files.values():
            shutil.copy(file, name)
        Path(name).chmod(0o755)
        command = [sys.executable, "-c", OTHER_USER, name, name]
        out = subprocess.check_output(command, text=True).splitlines()

    assert out[:4] == ["old None", "new None", "True", "100400 None"]
    assert "is not in the group '0'. Set it to one of its groups" in out[4]
    assert ["may not be read by this user. Ask" in line for line in out[5:]] == [True, True]


def test_renewed_access(settings: Settings, published: Path, tmp_path: Path) -> None:
    """A new mode is given to the file without building it again, and only once."""
    first = published.stat()
    renew_access(settings, tmp_path)
    assert published.stat().st_ino == first.st_ino
    there = settings.model_copy(update={"published_mode": 0o640})

    renew_access(there, tmp_path)
    second = published.stat()
    renew_access(there, tmp_path)

    assert (second.st_mode & 0o777, second.st_ino == first.st_ino) == (0o640, False)
    assert published.stat() == second
    assert inspect_published(settings) == FileState("old", AT)


def test_access_taken_by_another_program(
    settings: Settings, published: Path, tmp_path: Path
) -> None:
    """A mode that another program gave to the file is put right."""
    published.chmod(0o666)
    assert inspect_published(settings).damage is None

    renew_access(settings, tmp_path)

    assert published.stat().st_mode & 0o777 == 0o440


def test_no_access_for_a_damaged_file(settings: Settings, published: Path, tmp_path: Path) -> None:
    """A file that another program changed is not given a new mode: it is to be published again."""
    write_and_close(published)
    theirs = published.read_bytes()

    renew_access(settings.model_copy(update={"published_mode": 0o600}), tmp_path)

    assert published.read_bytes() == theirs
    assert re.search("was changed", inspect_published(settings).damage or "")


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another file system."""
    if not Path("/dev/shm").is_dir():  # noqa: S108 - the one that Linux has
        pytest.skip("this machine has no second file system")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def test_link(settings: Settings, elsewhere: Path, publish: Callable[[str], None]) -> None:
    """The file to which a link points is replaced, on its own disk, and the link stays.

    Logs are removed beside both: DuckDB 1.4 writes them beside the link.
    """
    real, link = elsewhere / "books.duckdb", settings.published
    real.touch()
    link.symlink_to(real)
    for name in ("old", "new"):
        for place in (real, link):
            beside(place, ".wal").touch()
        publish(name)

        assert (link.is_symlink(), read_elsewhere(link), read_about(real)[0]) == (True, name, name)
        assert [path.name for path in elsewhere.iterdir()] == ["books.duckdb"]
        assert list_files(settings) == [".private", "acme.duckdb"]
        assert inspect_published(settings).damage is None
    kill_after_commit(link)
    assert re.search(r"in (acme|books).duckdb.wal", inspect_published(settings).damage or "")


BLOCKED: dict[str, tuple[Callable[[Path], object], str]] = {
    "dangling link": (
        lambda file: file.symlink_to("/nowhere/acme.duckdb"),
        r"is a link to /nowhere/acme.duckdb, which cannot be used \(does not exist\), so .* Mount",
    ),
    "loop": (
        lambda file: file.symlink_to(file.name),
        r"is a link to acme.duckdb, .* symbolic link",
    ),
    "folder": (Path.mkdir, r"acme.duckdb is a folder, so .* Move it elsewhere, then run `p4books"),
    "link to a folder": (lambda file: file.symlink_to(".private"), "is a folder"),
    "pipe": (os.mkfifo, "is not a file"),
    "folder as log": (
        lambda file: (beside(file, ".wal") / "theirs").mkdir(parents=True),
        "acme.duckdb.wal beside it is a folder that cannot be removed .*Move acme.duckdb.wal else",
    ),
}


@pytest.mark.parametrize("case", BLOCKED)
def test_blocked(case: str, settings: Settings, files: dict[str, Path]) -> None:
    """What is in the way is named, and stays; nothing is left half done."""
    block, said = BLOCKED[case]
    block(settings.published)
    before = list_files(settings)

    with pytest.raises(PublishedFileBlocked, match=said):
        replace_published(files["new"], settings.published, MODE)

    assert list_files(settings) == before
    assert not settings.published.is_file()


def test_query_of_a_dangling_link(settings: Settings) -> None:
    """A query says that the link points nowhere, not that nothing was published yet."""
    settings.published.symlink_to("/nowhere/acme.duckdb")

    with pytest.raises(PublishedFileBlocked, match="is a link to /nowhere"):
        open_published(settings.published)


def test_full_disk(settings: Settings, published: Path, files: dict[str, Path]) -> None:
    """If the new file can't be written to its end, the old one stays, and nothing beside it."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            replace_published(files["new"], published, MODE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert inspect_published(settings) == FileState("old", AT)
    assert list_files(settings) == [".private", "acme.duckdb"]


def test_spill_of_readers(settings: Settings, publish: Callable[[str], None]) -> None:
    """What a killed query left on disk is removed after a day, what a query needs is not."""
    folder = beside(settings.published, ".tmp")
    folder.mkdir()
    files = [folder / name for name in ("duckdb_temp_1.tmp", "duckdb_temp_2.tmp", "mine")]
    for file in files:
        file.touch()
    for file in files[1:]:
        os.utime(file, (1, 1))

    publish("old")
    left = [file.name for file in files if file.exists()]
    for file in (files[0], files[2]):
        file.unlink()
    publish("new")

    assert left == ["duckdb_temp_1.tmp", "mine"]
    assert not folder.exists()


def test_half_a_file(published: Path, tmp_path: Path) -> None:
    """A finished file that can't be opened never takes the place of one that can."""
    (tmp_path / "half").write_bytes(published.read_bytes()[:20_000])

    with pytest.raises(PublishedFileUnreadable, match="cannot be opened"):
        replace_published(tmp_path / "half", published, MODE)

    assert read_about(published) == ("old", AT)
