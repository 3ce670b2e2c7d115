"""Program that syncs tenants as a machine of its own, in forked processes that a test can kill.

It reads one order per line and forks for each; it writes the process id, and, asked by an empty
line, how that process ended. What a process does is in its journal as it happens, line by line:
what is there was done before a kill.
"""

import json
import logging
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import dlt.destinations.impl.duckdb.duck
import dlt.pipeline  # noqa: F401 - all of these are imported before the fork
import pandas  # noqa: F401 - DuckDB imports it for the first parameter of a query
import psycopg  # noqa: F401
import s3fs  # noqa: F401
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

import p4books.lake.write
import p4books.load.source  # noqa: F401
from p4books.errors import P4BooksError
from p4books.settings import Settings
from p4books.storage.run_log import SyncSummary
from p4books.sync import sync


class Journal(logging.Handler):
    """Writes each step with its time, by a clock that all processes of a computer share."""

    def __init__(self, file: str, machine: str) -> None:
        super().__init__(logging.DEBUG)
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._machine = machine

    def emit(self, record: logging.LogRecord) -> None:
        """Append a step."""
        step = [time.monotonic(), self._machine, os.getpid(), record.getMessage()]
        os.write(self._file, f"{json.dumps(step)}\n".encode())


def run(order: dict[str, Any]) -> int:
    """Sync a tenant, report what the command would say, and return its exit code."""
    os.environ["XDG_STATE_HOME"] = order["state"]
    log = logging.getLogger("p4books")
    log.setLevel(logging.DEBUG)
    log.addHandler(Journal(order["journal"], order["machine"]))
    log.debug(order["settings"]["tenant"])
    summary = SyncSummary(order["settings"]["tenant"])
    errors: list[str] = []
    code = 0
    try:
        sync(
            Settings(**order["settings"]), sql=order["sql"] and Path(order["sql"]), summary=summary
        )
    except P4BooksError as error:
        code, errors = error.exit_code, [str(error)]
    except Exception:  # noqa: BLE001 - what no run may end with, for the test to show
        code, errors = 70, [traceback.format_exc()]
    errors += [str(fault) for fault in summary.faults]
    report = {"errors": errors, "requests": summary.requests, "snapshot": summary.snapshot}
    Path(order["report"]).write_text(json.dumps(report), encoding="utf-8")
    return code or bool(summary.faults)


def main() -> None:
    """Run orders until there are no more."""
    Container()[PluggableRunContext]  # dlt imports its plugins
    for line in sys.stdin:
        if child := os.fork():
            sys.stdout.write(f"{child}\n")
            sys.stdout.flush()
            sys.stdin.readline()
            _, status = os.waitpid(child, 0)
            sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
            sys.stdout.flush()
            continue
        os._exit(run(json.loads(line)))


if __name__ == "__main__":
    main()
