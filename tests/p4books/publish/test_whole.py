"""How does a file that was asked for come into its place, whole or not at all?"""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from p4books.errors import NotWritten
from p4books.publish.export import write_atomically


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond some bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_in_its_place(tmp_path: Path) -> None:
    """A file stands where it was wished, with its mode, and nothing lies beside it."""
    target = tmp_path / "answer.csv"
    target.write_text("old")

    with write_atomically(target, 0o640) as made:
        made.write_text("new")
        assert target.read_text() == "old"

    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_goes_on_leading_there(tmp_path: Path) -> None:
    """What is written to a link is found where it leads, and the link stays."""
    (tmp_path / "far").mkdir()
    target = tmp_path / "answer.csv"
    target.symlink_to(tmp_path / "far" / "real.csv")

    with write_atomically(target, 0o640) as made:
        made.write_text("new")

    assert target.is_symlink()
    assert (tmp_path / "far" / "real.csv").read_text() == "new"


def test_what_fails_leaves_the_old(tmp_path: Path) -> None:
    """A file that is only half made never comes into its place."""
    target = tmp_path / "answer.csv"
    target.write_text("old")

    def fail(made: Path) -> None:
        made.write_text("ha")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), write_atomically(target, 0o640) as made:
        fail(made)

    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def by_python(path: Path) -> None:
    path.write_bytes(b"x" * 200_000)


def by_duckdb(path: Path) -> None:
    with duckdb.connect() as con:
        con.execute(f"copy (from range(200_000)) to '{path}'")


@pytest.mark.parametrize("write", [by_python, by_duckdb])
def test_a_full_disk(tmp_path: Path, write: Callable[[Path], None]) -> None:
    """A disk without room is said in one sentence, and what stood there is untouched."""
    target = tmp_path / "answer.csv"
    target.write_text("old")

    with (
        pytest.raises(
            NotWritten, match=r"answer\.csv cannot be written \(File too large\)\. An existing"
        ),
        small_disk(100_000),
        write_atomically(target, 0o640) as made,
    ):
        write(made)

    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_no_folder(tmp_path: Path) -> None:
    """A folder that is not there is named, and not made."""
    with (
        pytest.raises(NotWritten, match=r"gone/answer\.csv cannot be written \(No such file"),
        write_atomically(tmp_path / "gone" / "answer.csv", 0o640),
    ):
        pytest.fail("nothing can be written there")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["folder", "/dev/null"])
def test_no_file(tmp_path: Path, place: str) -> None:
    """A folder or a device is never replaced."""
    (tmp_path / "folder").mkdir()

    with (
        pytest.raises(NotWritten, match="something stands there that is not a file"),
        write_atomically(tmp_path / place, 0o640),
    ):
        pytest.fail("nothing can be written there")

    assert (tmp_path / "folder").is_dir()
    assert Path("/dev/null").is_char_device()
