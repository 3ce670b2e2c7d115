"""Who is killed?

A program that starts one run for each order it reads, in a process of its own that is forked from
this one: it has imported everything, so that a kill falls into the work. Told the order, it says
the process id; told to go on, how that process ended.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt.destinations.impl.duckdb.duck
import dlt.pipeline  # noqa: F401 - imported before the fork

from p4books.endpoints import ENDPOINTS
from p4books.extract.page import Page
from p4books.extract.spool import Spool
from p4books.load.delta import compare_scan, open_comparison
from p4books.load.pipeline import load_deltas
from p4books.load.warehouse import replace_warehouse
from p4books.push.readers.files import read_file
from p4books.push.run import push_records
from p4books.push.send import RetryPolicy
from p4books.settings import Settings
from p4books.sync import sync


def run_sync(order: dict[str, Any]) -> bool:
    """Run a whole sync with the models of a folder; tell whether it ended without a fault."""
    sql = Path(order.pop("sql"))
    return sync(Settings(**order), sql=sql).faults == []


def run_load(order: dict[str, Any]) -> bool:
    """Load records that were read at an instant into the warehouse of a folder."""
    folder, read_at = Path(order["folder"]), order["read_at"]
    scratch, warehouse = folder / "work", folder / "warehouse.duckdb"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    deltas = []
    with open_comparison(warehouse, scratch) as con:
        for name, records in order["lists"].items():
            spool = Spool(scratch / "spool" / name, {})
            spool.resume(read_at)
            rows = {str(each["id"]): json.dumps(each).encode() for each in records}
            spool.store(Page(1, len(rows), len(rows), rows, None), read_at)
            pages = spool.list_pages()
            deltas.append(compare_scan(con, ENDPOINTS[name], pages, complete=True, quiet=True))
        made = load_deltas(con, deltas, warehouse, scratch, read_at)
        replace_warehouse(made, warehouse, keep=True)
    return True


def run_push(order: dict[str, Any]) -> bool:
    """Push a file of vendors; tell whether nothing of it is left to be sent."""
    file = Path(order.pop("file"))
    retry_policy = RetryPolicy(timeout=5.0, backoff=0)
    report = push_records(
        Settings(**order), "vendors", read_file(file), file.name, retry_policy=retry_policy
    )
    return report.ready == 0


WORK: dict[str, Callable[[dict[str, Any]], bool]] = {
    "sync": run_sync,
    "load": run_load,
    "push": run_push,
}


def main() -> None:
    """Serve orders until there are no more."""
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            well = False
            try:
                well = WORK[order.pop("work")](order)
            finally:
                os._exit(0 if well else 1)
        say(child)
        sys.stdin.readline()
        _, status = os.waitpid(child, 0)
        say(os.waitstatus_to_exitcode(status))


def say(number: int) -> None:
    """Write one line, at once."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
