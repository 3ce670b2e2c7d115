"""Copies and atomic replacement of files, per-tenant locks and scratch folders."""

import errno
import fcntl
import os
import shutil
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import duckdb
import filelock
import pytest

from p4books.errors import AlreadyRunning, DiskTrouble
from p4books.settings import Settings
from p4books.storage.files import (
    copy_file,
    is_plain,
    is_running,
    measure_files,
    replace_atomically,
    scratch_dir,
    tenant_lock,
)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """A finished file."""
    path = tmp_path / "new"
    path.write_text("new")
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The file to replace."""
    path = tmp_path / "target"
    path.write_text("old")
    return path


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another file system."""
    if not Path("/dev/shm").is_dir():  # noqa: S108 - the one that Linux has
        pytest.skip("this machine has no second file system")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.mark.parametrize("content", [b"", b"new", b"n" * 100_000])
def test_copy(content: bytes, tmp_path: Path, elsewhere: Path) -> None:
    """A copy has the content of the file, whatever was there before, here and on another disk."""
    source, longer = tmp_path / "source", tmp_path / "longer"
    source.write_bytes(content)
    longer.write_bytes(b"o" * 200_000)

    copies = [copy_file(source, each) for each in (tmp_path / "copy", longer, elsewhere / "copy")]
    copies[0].write_bytes(b"changed")

    assert [copy.read_bytes() for copy in copies] == [b"changed", content, content]
    assert source.read_bytes() == content


def test_copy_of_itself(new: Path) -> None:
    """A file that is to be copied over itself stays as it is."""
    with pytest.raises(shutil.SameFileError):
        copy_file(new, new)

    assert new.read_text() == "new"


def test_clone(new: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system clones, the copy is what it makes: no content is read or written."""
    target.write_text("older and longer")

    def clone(target: int, request: int, source: int) -> None:
        assert request == 0x40049409  # FICLONE of linux/fs.h
        os.pwrite(target, os.pread(source, 100, 0).upper(), 0)

    monkeypatch.setattr(fcntl, "ioctl", clone)

    assert copy_file(new, target).read_text() == "NEW"


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY])
def test_no_clone(new: Path, target: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A file system that does not clone gets a plain copy, however it refuses."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "ioctl", refuse)

    assert copy_file(new, target).read_text() == "new"


def test_copy_of_nothing(target: Path, tmp_path: Path) -> None:
    """Nothing is made of a file that does not exist."""
    with pytest.raises(FileNotFoundError):
        copy_file(tmp_path / "nothing", tmp_path / "copy")

    assert list(tmp_path.iterdir()) == [target]


def test_size_on_disk(tmp_path: Path) -> None:
    """Files count with the blocks they take, each once, whatever its names; a hole takes none."""
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    file = folder / "below" / "file"
    file.write_bytes(b"." * 50_000)
    with file.open() as written:
        os.fsync(written.fileno())  # blocks may be given only then
    blocks = file.stat().st_blocks * 512
    (folder / "link").hardlink_to(file)
    with (folder / "hole").open("wb") as hole:
        hole.truncate(10**9)

    assert measure_files(file) == blocks >= 50_000
    assert measure_files(folder) == blocks + (folder / "hole").stat().st_blocks * 512
    assert measure_files(folder) < 10**9
    assert measure_files(tmp_path / "nothing") == 0


def test_replace(new: Path, target: Path) -> None:
    """The new file is moved over the old one, with the requested mode."""
    replace_atomically(new, target, 0o640)

    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert not new.exists()


def test_first_file(new: Path, tmp_path: Path) -> None:
    """The target need not exist."""
    replace_atomically(new, tmp_path / "first", 0o600)

    assert (tmp_path / "first").read_text() == "new"


def test_open_reader(new: Path, target: Path) -> None:
    """A reader that has the old file open reads it to its end."""
    with target.open() as reader:
        replace_atomically(new, target, 0o640)

        assert reader.read() == "old"


def test_write_ahead_log(new: Path, target: Path, tmp_path: Path) -> None:
    """A file with a write-ahead log beside it is incomplete: the old one is kept."""
    (tmp_path / "new.wal").touch()

    with pytest.raises(OSError, match="was not closed"):
        replace_atomically(new, target, 0o640)

    assert target.read_text() == "old"
    assert new.read_text() == "new"


def test_open_database(target: Path, tmp_path: Path) -> None:
    """A DuckDB file with changes only in its log is rejected; once closed it is accepted."""
    new = tmp_path / "new.duckdb"
    con = duckdb.connect(new)
    con.execute("create table t as select 1")

    with pytest.raises(OSError, match="write-ahead log"):
        replace_atomically(new, target, 0o640)
    con.close()
    replace_atomically(new, target, 0o640)

    with duckdb.connect(target, read_only=True) as con:
        assert con.sql("from t").fetchall() == [(1,)]


def test_missing_file(target: Path, tmp_path: Path) -> None:
    """If the new file does not exist, the old one is kept."""
    with pytest.raises(FileNotFoundError):
        replace_atomically(tmp_path / "nothing", target, 0o640)

    assert target.read_text() == "old"


def test_another_file_system(new: Path, elsewhere: Path) -> None:
    """A file of another file system is copied beside the old one, which it then replaces."""
    target = elsewhere / "target"
    target.write_text("old")

    with target.open() as reader:
        replace_atomically(new, target, 0o640)

        assert reader.read() == "old"
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [path.name for path in elsewhere.iterdir()] == ["target"]


def test_target_is_a_folder(new: Path, tmp_path: Path) -> None:
    """A folder is not replaced."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(IsADirectoryError):
        replace_atomically(new, tmp_path / "folder", 0o640)

    assert new.read_text() == "new"


def test_order_of_writes(new: Path, target: Path) -> None:
    """The content is on disk before the rename, and the rename before this returns."""
    watched = {os.fsync: "fsync", os.replace: "rename"}
    calls: list[str] = []

    def note(frame: FrameType, event: str, function: object) -> None:
        if event == "c_call" and function in watched:
            calls.append(watched[function])

    sys.setprofile(note)
    try:
        replace_atomically(new, target, 0o640)
    finally:
        sys.setprofile(None)

    assert calls == ["fsync", "rename", "fsync"]


def test_lock(settings: Settings) -> None:
    """A second lock of a tenant fails; it is free again after the first."""
    with tenant_lock(settings):
        assert settings.private.stat().st_mode & 0o777 == 0o700
        assert is_running(settings)
        with pytest.raises(AlreadyRunning, match="tenant acme"), tenant_lock(settings):
            pass

    assert not is_running(settings)
    with tenant_lock(settings):
        pass


def test_look_at_lock(settings: Settings) -> None:
    """Who looks at a lock is neither taken for a run, nor keeps one from beginning."""
    with tenant_lock(settings):
        pass

    with (settings.private / "run.lock").open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert not is_running(settings)
        threading.Timer(0.1, looking.close).start()
        with tenant_lock(settings):
            assert is_running(settings)


def test_lock_after_an_error(settings: Settings) -> None:
    """A run that fails releases its lock."""
    with pytest.raises(KeyError), tenant_lock(settings):
        raise KeyError

    with filelock.FileLock(settings.private / "run.lock", timeout=0):
        pass


def test_locks_of_two_tenants(settings: Settings) -> None:
    """Tenants do not lock each other."""
    with tenant_lock(settings), tenant_lock(settings.model_copy(update={"tenant": "north"})):
        pass


def test_no_lock_folder(settings: Settings, tmp_path: Path) -> None:
    """The error about a folder that can't be created names it."""
    (tmp_path / "data").write_text("in the way")

    with pytest.raises(DiskTrouble, match="cannot be written"), tenant_lock(settings):
        pass


def test_scratch_dir(tmp_path: Path) -> None:
    """The scratch folder is empty whatever a dead run left, private, and deleted afterwards."""
    folder = tmp_path / "work"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "left").write_text("half")

    with scratch_dir(folder) as created:
        assert created == folder
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700

    assert not folder.exists()


def test_no_scratch_dir(tmp_path: Path) -> None:
    """The error about a scratch folder that can't be created names it."""
    with pytest.raises(DiskTrouble, match="nowhere"), scratch_dir(tmp_path / "nowhere" / "work"):
        pass


@pytest.mark.parametrize("sign", [*"'\"?*[]{}%;#=\\\n$!:|<>`^", "\udcff"])
def test_not_plain(sign: str) -> None:
    """A sign that DuckDB, dlt or SQL may take for something else makes a path not plain."""
    assert not is_plain(Path(f"/srv/a{sign}b/data"))
    assert is_plain(Path("/srv/Ñandú & Cía. (2026), S.A.~/data_1-2+3@x"))


def test_scratch_of_an_odd_folder(tmp_path: Path) -> None:
    """The scratch folder of a folder with an odd name is elsewhere, and deleted like others."""
    odd = tmp_path / "100%"
    odd.mkdir()

    with scratch_dir(odd / "work") as first:
        (first / "left").touch()
    with scratch_dir(odd / "work") as second:
        assert is_plain(second)
        assert list(second.iterdir()) == []
        assert stat.S_IMODE(second.stat().st_mode) == 0o700

    assert first == second
    assert not second.exists()
    assert list(odd.iterdir()) == []


def test_no_plain_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any folder that DuckDB can write to, the error says what would help."""
    odd = tmp_path / "100%"
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))

    with pytest.raises(DiskTrouble, match="set TMPDIR"), scratch_dir(odd / "work"):
        pass
