"""Program that holds the state of a tenant in forked processes, to be killed by a test.

It reads one order per line and forks for each; it writes the process id, and, asked by an empty
line, how that process ended. Each process changes every file of the tenant to the same number, one
more than it found; a state that is not whole has different ones.
"""

import json
import logging
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg  # noqa: F401 - imported before the fork
import s3fs  # noqa: F401 - imported before the fork

from p4books.errors import P4BooksError
from p4books.home import hold_state
from p4books.settings import Settings

BLOCK = 256 * 1024


class Interruption(logging.Handler):
    """Sends this process a signal when the home does a certain step."""

    def __init__(self, step: str, number: signal.Signals) -> None:
        super().__init__(logging.DEBUG)
        self._step = step
        self._number = number

    def emit(self, record: logging.LogRecord) -> None:
        """Look at a step."""
        if self._step in record.getMessage():
            os.kill(os.getpid(), self._number)


def read_number(settings: Settings) -> int:
    """Return the number that all files of a tenant have, 0 if there are none; -1 if they differ."""
    found = []
    if settings.warehouse.exists():
        content = settings.warehouse.read_bytes()
        found += [int(content[at : at + 16]) for at in (0, 12288, 12288 + BLOCK)]
        found += [int(settings.published.read_bytes()[:16])]
        with closing(sqlite3.connect(settings.run_log)) as log:
            found += [log.execute("select max(n) from run").fetchone()[0]]
        pages = sorted(settings.spool.rglob("*.ndjson"))
        found += [max(int(page.stem) for page in pages), len(pages)]
    return (found[0] if len(set(found)) == 1 else -1) if found else 0


def write_number(settings: Settings, number: int, *, small: bool) -> None:
    """Give all files of a tenant this number, some of them by replacing them.

    With `small`, what changes is so little that it needs no object.
    """
    text = f"{number:016}".encode()
    block = text.ljust(BLOCK, b"-") if small else text + os.urandom(BLOCK - len(text))
    blocks = text.ljust(12288, b"."), block, text, b"end"
    for target in (settings.warehouse, settings.published):
        new = target.with_name("new")
        new.write_bytes(b"".join(blocks))
        new.replace(target)
    with closing(sqlite3.connect(settings.run_log)) as log, log:
        log.execute("create table if not exists run (n integer)")
        log.execute("insert into run values (?)", (number,))
    folder = settings.spool / "vendors"
    folder.mkdir(parents=True, exist_ok=True)
    for page in range(1, number + 1):
        (folder / f"{page:06}.ndjson").write_bytes(b"x" * page)


def finish_writing(settings: Settings, found: int) -> int:
    """Finish what a killed process of this machine began, as a sync does; return the number."""
    begun = settings.data_dir / "begun"
    if found < 0 and begun.exists():
        found = int(begun.read_text())
        write_number(settings, found, small=False)
    begun.unlink(missing_ok=True)
    return found


def hold(order: dict[str, Any]) -> int:
    """Hold the state once and count; return the exit code that a command would have."""
    os.environ.update(order.get("environment", {}))
    log = logging.getLogger("p4books.home")
    for kind, number in (("kill_at", signal.SIGKILL), ("stop_at", signal.SIGSTOP)):
        if step := order.get(kind):
            log.setLevel(logging.DEBUG)
            log.addHandler(Interruption(step, number))
    settings = Settings(**order["settings"])
    report: dict[str, Any] = {}
    try:
        with hold_state(settings) as state:
            report["found"] = found = finish_writing(settings, read_number(settings))
            begun = settings.data_dir / "begun"
            begun.write_text(str(found + 1))
            write_number(settings, found + 1, small=bool(order.get("small")))
            begun.unlink()
            log.debug("files written")
            report["is_mine"] = state.is_mine() if order.get("ask") else None
        code = 0
    except P4BooksError as error:
        report["error"] = str(error)
        report["kind"] = type(error).__name__
        code = error.exit_code
    Path(order["report"]).write_text(json.dumps(report), encoding="utf-8")
    return code


def main() -> None:
    """Run orders until there are no more."""
    for line in sys.stdin:
        if child := os.fork():
            sys.stdout.write(f"{child}\n")
            sys.stdout.flush()
            sys.stdin.readline()
            _, status = os.waitpid(child, 0)
            sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
            sys.stdout.flush()
            continue
        os._exit(hold(json.loads(line)))


if __name__ == "__main__":
    main()
