"""How is a small file of notes kept?"""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from p4books.errors import DiskTrouble
from p4books.storage.run_log import SqliteTables

TABLES = {"note": {"day": "text not null", "place": "text not null", "said": "text"}}
KEYS = {"note": "day, place"}


@pytest.fixture
def journal(tmp_path: Path) -> SqliteTables:
    """A journal without a file yet."""
    return SqliteTables(tmp_path / "notes.sqlite", TABLES, KEYS)


def test_put(journal: SqliteTables, tmp_path: Path) -> None:
    """A row takes the place of the one with the same key; nobody else may read the file."""
    for place, said in (("here", "a"), ("there", "b"), ("here", "c")):
        journal.put("note", {"day": "1", "place": place, "said": said})

    rows = journal.rows("select place, said from note where day = ? order by place", ("1",))

    assert [tuple(row) for row in rows] == [("here", "c"), ("there", "b")]
    assert (tmp_path / "notes.sqlite").stat().st_mode & 0o777 == 0o600


def test_no_file(journal: SqliteTables, tmp_path: Path) -> None:
    """Who asks before anything was noted gets no rows, and makes no file."""
    assert journal.rows("select * from note") == []
    assert list(tmp_path.iterdir()) == []


def test_a_new_column(journal: SqliteTables, tmp_path: Path) -> None:
    """Notes of an older version get the columns that came since, and stay."""
    with closing(sqlite3.connect(tmp_path / "notes.sqlite")) as old, old:
        old.execute("create table note (day text, place text)")
        old.execute("insert into note values ('1', 'here')")

    assert [tuple(row) for row in journal.rows("select * from note")] == [("1", "here", None)]


def test_all_or_nothing(journal: SqliteTables) -> None:
    """Changes that end in an error are taken back."""

    def fail() -> None:
        with journal.open() as store:
            store.execute("insert into note values ('1', 'here', 'a')")
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert journal.rows("select * from note") == []


def test_no_database(journal: SqliteTables, tmp_path: Path) -> None:
    """A file that is no database is named."""
    (tmp_path / "notes.sqlite").write_text("not a database" * 100)

    with pytest.raises(DiskTrouble, match=r"notes\.sqlite"):
        journal.rows("select * from note")
