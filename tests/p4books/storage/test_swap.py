"""How does a file come into its place, whole or not at all?"""

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import duckdb
import pytest

from p4books.storage.files import replace_atomically


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A finished file."""
    path = tmp_path / "made"
    path.write_text("new")
    return path


@pytest.fixture
def final(tmp_path: Path) -> Path:
    """The file whose place it takes."""
    path = tmp_path / "final"
    path.write_text("old")
    return path


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another file system."""
    if not Path("/dev/shm").is_dir():  # noqa: S108 - the one that Linux has
        pytest.skip("there is no second file system here")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def test_takes_the_place(made: Path, final: Path) -> None:
    """The new file stands where the old one did, with the mode asked for, and nowhere else."""
    replace_atomically(made, final, 0o640)

    assert final.read_text() == "new"
    assert stat.S_IMODE(final.stat().st_mode) == 0o640
    assert not made.exists()


def test_first_file(made: Path, tmp_path: Path) -> None:
    """There need not be an old file."""
    replace_atomically(made, tmp_path / "first", 0o600)

    assert (tmp_path / "first").read_text() == "new"


def test_reader_keeps_what_it_opened(made: Path, final: Path) -> None:
    """Who has the old file open reads it to its end."""
    with final.open() as reader:
        replace_atomically(made, final, 0o640)

        assert reader.read() == "old"


def test_write_ahead_log(made: Path, final: Path, tmp_path: Path) -> None:
    """A file whose write-ahead log still lies beside it is not whole: the old one stays."""
    (tmp_path / "made.wal").touch()

    with pytest.raises(OSError, match="was not closed"):
        replace_atomically(made, final, 0o640)

    assert final.read_text() == "old"
    assert made.read_text() == "new"


def test_open_database(final: Path, tmp_path: Path) -> None:
    """A DuckDB file with changes that are only in its log is refused; once closed it passes."""
    made = tmp_path / "made.duckdb"
    con = duckdb.connect(made)
    con.execute("create table t as select 1")

    with pytest.raises(OSError, match="write-ahead log"):
        replace_atomically(made, final, 0o640)
    con.close()
    replace_atomically(made, final, 0o640)

    with duckdb.connect(final, read_only=True) as con:
        assert con.sql("from t").fetchall() == [(1,)]


def test_missing(final: Path, tmp_path: Path) -> None:
    """Where there is nothing to put in place, the old file stays."""
    with pytest.raises(FileNotFoundError):
        replace_atomically(tmp_path / "nothing", final, 0o640)

    assert final.read_text() == "old"


def test_another_file_system(made: Path, elsewhere: Path) -> None:
    """A file of another file system can't be renamed: nothing is copied over the old one."""
    final = elsewhere / "final"
    final.write_text("old")

    with pytest.raises(OSError, match="cross-device"):
        replace_atomically(made, final, 0o640)

    assert final.read_text() == "old"


def test_place_is_a_folder(made: Path, tmp_path: Path) -> None:
    """A folder in the place is not replaced."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(IsADirectoryError):
        replace_atomically(made, tmp_path / "folder", 0o640)

    assert made.read_text() == "new"


def test_on_the_disk_in_order(made: Path, final: Path) -> None:
    """The content is on the disk before the name changes, and the name before this returns."""
    watched = {os.fsync: "fsync", os.replace: "rename"}
    calls: list[str] = []

    def note(frame: FrameType, event: str, function: object) -> None:
        if event == "c_call" and function in watched:
            calls.append(watched[function])

    sys.setprofile(note)
    try:
        replace_atomically(made, final, 0o640)
    finally:
        sys.setprofile(None)

    assert calls == ["fsync", "rename", "fsync"]
