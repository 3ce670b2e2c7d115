"""Program that runs orders in forked processes, to be killed by a test.

It reads one order per line and forks for each, after all imports, so that a kill hits the work: a
first load imports a thousand modules, which takes as long as the load. It
writes the process id; asked by an empty line, it writes how that process ended.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt.destinations.impl.duckdb.duck
import dlt.pipeline  # noqa: F401 - all of these are imported before the fork
import pandas  # noqa: F401 - DuckDB imports it for the first parameter of a query
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

import p4books.load.source  # noqa: F401 - imported before the fork
from p4books.endpoints import ENDPOINTS
from p4books.extract.page import Page
from p4books.extract.spool import Spool
from p4books.load.delta import compare_scan, open_copy
from p4books.load.pipeline import load_deltas
from p4books.load.warehouse import replace_warehouse
from p4books.push.readers.files import read_file
from p4books.push.run import push_records
from p4books.push.send import RetryPolicy
from p4books.settings import Settings
from p4books.sync import sync


def run_sync(order: dict[str, Any]) -> bool:
    """Run a sync with the models of a folder; return whether it had no fault."""
    sql = Path(order.pop("sql"))
    return sync(Settings(**order), sql=sql).faults == []


def run_load(order: dict[str, Any]) -> bool:
    """Load records that were read at a given time into the warehouse of a folder."""
    folder, read_at = Path(order["folder"]), order["read_at"]
    scratch, warehouse = folder / "work", folder / "warehouse.duckdb"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    deltas = []
    copy = scratch / warehouse.name
    with open_copy(warehouse, copy) as con:
        for name, records in order["lists"].items():
            spool = Spool(scratch / "spool" / name, {})
            spool.resume(read_at)
            rows = {str(each["id"]): json.dumps(each).encode() for each in records}
            spool.store(Page(1, len(rows), len(rows), rows, None), read_at)
            pages = spool.list_pages()
            deltas.append(compare_scan(con, ENDPOINTS[name], pages, complete=True, quiet=True))
        load_deltas(con, deltas, warehouse, copy, read_at)
    replace_warehouse(copy, warehouse, keep=True)
    return True


def run_push(order: dict[str, Any]) -> bool:
    """Push a file of vendors; return whether nothing is left to send."""
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
    """Run orders until there are no more."""
    Container()[PluggableRunContext]  # dlt imports its plugins
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            succeeded = False
            try:
                succeeded = WORK[order.pop("work")](order)
            finally:
                os._exit(0 if succeeded else 1)
        write_number(child)
        sys.stdin.readline()
        _, status = os.waitpid(child, 0)
        write_number(os.waitstatus_to_exitcode(status))


def write_number(number: int) -> None:
    """Write a line and flush."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
