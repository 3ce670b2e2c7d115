"""DuckDB connections: storage version, memory, spill folders, quoting."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from p4books.errors import OutOfMemory
from p4books.storage.database import (
    BLOCK_SIZE,
    MEMORY_STEPS,
    borrow_reader,
    open_database,
    quote_file,
    quote_path,
    retry_with_more_memory,
)


def test_utc_in_cursors() -> None:
    """Every cursor reads a timestamp without a zone as UTC, whatever the machine's time zone."""
    program = (
        "from p4books.storage.database import open_database\n"
        "cursor = open_database().cursor()\n"
        "cursor.execute(\"select '2026-03-31 01:00'::timestamptz::varchar\")\n"
        "print(cursor.fetchone()[0])"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TZ": "America/Panama"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "2026-03-31 01:00:00+00\n"


def test_spill(tmp_path: Path) -> None:
    """Databases spill to folders of their own, or they would overwrite each other's pages."""
    table = "create temp table t as select i, md5(i::varchar) as a from range(1_200_000) as n(i)"
    with (
        open_database(tmp_path / "one.duckdb", spill=tmp_path) as one,
        open_database(spill=tmp_path) as two,
    ):
        for con in (one, two):
            con.execute("set memory_limit = '32MB'")
            con.execute(table)

        spilled = {path.parent for path in tmp_path.rglob("*.tmp")}
        wrong = [
            con.execute("select count(*) from t where a <> md5(i::varchar)").fetchone()
            for con in (one, two)
        ]

    assert len(spilled) == 2
    assert wrong == [(0,), (0,)]


def test_retry_with_more_memory() -> None:
    """Work that runs out of memory is retried with more until it is enough."""
    tried = []

    def work(memory: str) -> str:
        tried.append(memory)
        if memory != MEMORY_STEPS[1]:
            raise OutOfMemory("too little")
        return "done"

    assert retry_with_more_memory(work) == "done"
    assert tried == list(MEMORY_STEPS[:2])


def test_more_memory_for_one_at_a_time() -> None:
    """Threads that need more memory get it one after the other, each all of it."""
    at_work: list[str] = []
    most = []

    def work(memory: str) -> None:
        if memory == MEMORY_STEPS[0]:
            raise OutOfMemory("too little")
        at_work.append(memory)
        time.sleep(0.02)
        most.append(len(at_work))
        at_work.remove(memory)
        if memory != MEMORY_STEPS[-1]:
            raise OutOfMemory("too little")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: retry_with_more_memory(work), range(4)))

    assert most == [1] * 8


def test_no_memory_is_enough() -> None:
    """If no limit is enough, the last retry raises OutOfMemory."""
    tried = []

    def work(memory: str) -> None:
        tried.append(memory)
        raise OutOfMemory("too little")

    with pytest.raises(OutOfMemory, match="too little"):
        retry_with_more_memory(work)
    assert tried == list(MEMORY_STEPS)


def test_files_in_larger_blocks(tmp_path: Path) -> None:
    """A file that was made in larger blocks is opened, attached and written as it is."""
    old, new = tmp_path / "old.duckdb", tmp_path / "new.duckdb"
    with duckdb.connect(old, config={"default_block_size": str(4 * BLOCK_SIZE)}) as con:
        con.execute("create table numbers as select 1 as number")
    with open_database(old) as con:
        con.execute("insert into numbers values (2)")
    with open_database() as con:
        con.execute(f"attach {quote_path(old)} as old; attach {quote_path(new)} as new")
        con.execute(
            "create table new.numbers as from old.numbers; insert into old.numbers values (3)"
        )
        sizes = con.execute(
            "select block_size from pragma_database_size() where database_name in ('old', 'new')"
            " order by database_name"
        ).fetchall()

    assert sizes == [(BLOCK_SIZE,), (4 * BLOCK_SIZE,)]


NAMES = ["a?b", "a*b", "a[x]b", "[!a]", "a{x,y}b", "O'Brien", 'a"b', "a\nb", "100%s", "a\\b", "a=1"]


@pytest.mark.parametrize("name", NAMES)
def test_quoted_paths(name: str, tmp_path: Path) -> None:
    """A path leads to its own file, not to those that it would match as a pattern."""
    for folder in (*NAMES, "axb", "ayb", "b"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "f.json").write_text(json.dumps({"v": folder}))
    file = tmp_path / name / "f.json"

    with open_database(spill=tmp_path / name) as con:
        con.execute(f"copy (select 1) to {quote_path(file.with_suffix('.csv'))}")
        rows = con.execute(
            f"from read_json({quote_file(file)}, hive_partitioning = false)"
        ).fetchall()

    assert rows == [(name,)]
    assert file.with_suffix(".csv").exists()


def test_borrowed_reader(tmp_path: Path) -> None:
    """An instance that is used again shows the file that is there now, also after an error."""
    file = tmp_path / "one.duckdb"
    instances, shown = [], []
    for value in (1, 2):
        file.unlink(missing_ok=True)
        with open_database(file) as con:
            con.execute(f"create table t as select {value} as value")
        with borrow_reader(file) as con:
            instances.append(con)
            shown.append(con.execute("from t").fetchone())
    with pytest.raises(duckdb.CatalogException), borrow_reader(file) as con:
        con.execute("from nothing")
    with borrow_reader(file) as con, borrow_reader(file) as other:
        again = [each.execute("from t").fetchone() for each in (con, other)]

    assert instances[0] is instances[1]
    assert [*shown, *again] == [(1,), (2,), (2,), (2,)]
