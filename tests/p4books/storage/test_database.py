"""How is a DuckDB database opened?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from p4books.errors import OutOfMemory
from p4books.storage.database import MEMORY_STEPS, open_database, retry_with_more_memory


def test_every_cursor_tells_utc() -> None:
    """An instant without a zone is read the same by every thread, wherever the machine stands."""
    asked = (
        "from p4books.storage.database import open_database\n"
        "cursor = open_database().cursor()\n"
        "told = cursor.execute(\"select '2026-03-31 01:00'::timestamptz::varchar\")\n"
        "print(told.fetchone()[0])"
    )

    done = subprocess.run(
        [sys.executable, "-c", asked],
        env={**os.environ, "TZ": "America/Panama"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "2026-03-31 01:00:00+00\n"


def test_spill(tmp_path: Path) -> None:
    """What does not fit into memory goes to a folder of its own: others write over it."""
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


def test_roomier() -> None:
    """What runs out of memory is done anew in more, until it is enough."""
    tried = []

    def work(memory: str) -> str:
        tried.append(memory)
        if memory != MEMORY_STEPS[1]:
            raise OutOfMemory("too little")
        return "done"

    assert retry_with_more_memory(work) == "done"
    assert tried == list(MEMORY_STEPS[:2])


def test_no_memory_is_enough() -> None:
    """Where no memory is enough that is said, after the last try."""
    tried = []

    def work(memory: str) -> None:
        tried.append(memory)
        raise OutOfMemory("too little")

    with pytest.raises(OutOfMemory, match="too little"):
        retry_with_more_memory(work)
    assert tried == list(MEMORY_STEPS)
