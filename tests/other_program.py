"""Another program that opens a DuckDB file for writing, as most do unless told otherwise.

It gives itself the permission to do so first: as root it would have it anyway.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from p4books.storage.database import open_database

# It opens the file for writing; then it commits, closes or opens it again, as it is told.
PROGRAM = """
import duckdb, os, sys

def connect():
    os.chmod(sys.argv[1], 0o640)
    return duckdb.connect(sys.argv[1])

con = connect()
print("open", flush=True)
for line in sys.stdin:
    if line == "open\\n":
        con.close()
        con = connect()
    elif line == "close\\n":
        con.close()
    else:
        con.execute(line)
    print("done", flush=True)
"""


class Program:
    """Another program that has a DuckDB file open for writing."""

    def __init__(self, file: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.number = self._process.pid
        assert self._answer() == "open\n"

    def tell(self, line: str) -> None:
        """Let the program do something and wait until it has."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        assert self._answer() == "done\n"

    def kill(self) -> None:
        """Kill the program, as a crash of its machine would."""
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def open_program(file: Path) -> Iterator[Program]:
    program = Program(file)
    try:
        yield program
    finally:
        program.kill()


def kill_after_commit(file: Path) -> None:
    with open_program(file) as program:
        program.tell("create table mine as select 1 as one")
        program.kill()
    logs = [beside(place, ".wal") for place in (file, file.resolve())]
    assert any(log.exists() for log in logs)


def write_and_close(file: Path) -> None:
    with open_program(file) as program:
        program.tell("update about set made_of = 'theirs'")
        program.tell("close")


def beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


def read_elsewhere(file: Path, sql: str = "select made_of from about") -> str:
    """Read one value of a file, by default what it was made of, in another process."""
    code = """
import duckdb, sys
with duckdb.connect(sys.argv[1], read_only=True) as con:
    print(con.execute(sys.argv[2]).fetchone()[0])
"""
    return subprocess.check_output([sys.executable, "-c", code, file, sql], text=True).strip()


def leave_log(file: Path) -> None:
    """Leave the log of another file beside a file, as a program that was killed does."""
    other = file.with_name("other.duckdb")
    with open_database(other) as con:
        con.execute("checkpoint")  # from then on, the log says to which file it belongs
        con.execute("set checkpoint_threshold = '1GB'; create table mine (id integer)")
        shutil.copy(f"{other}.wal", f"{file}.wal")
    other.unlink()
