"""Many tenants in one process, of 200 invoices each: work per tenant, and memory.

One tenant is synced; the others are copies of its files, under their own names and addresses. All
of them are served by one sandbox in this process, whose work is not counted.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import P4BOOKS, Measured, measure
from tests.moved_books import move_books

from p4books_sandbox import SandboxFleet

INVOICES = 200
CHANGED = 10  # tenants of which one invoice changes
BAR_QUIET = 0.25  # CPU seconds per tenant
BAR_CHANGED = 1.0  # more CPU seconds per changed tenant
BAR_FIRST = 2.5  # more CPU seconds of a process with a changed tenant: dlt, models
BAR_MEMORY = 1.5  # of all tenants, compared with a tenth of them

_numbers = count(1)


def compare(tenants: int) -> list[Figure]:
    """Measure and return the figures."""
    names = [f"t{number:04}" for number in range(tenants)]
    with (
        SandboxFleet(invoices=INVOICES, limit=0, key="key-of-{tenant}") as fleet,
        tempfile.TemporaryDirectory() as place,
    ):
        folder = Path(place)
        _configure(fleet, folder, names[:1])
        _sync(folder)
        for name in names[1:]:
            _copy_tenant(fleet, folder, names[0], name)
        few, some = names[: max(tenants // 10, 1)], names[:CHANGED]
        _configure(fleet, folder, names)
        _sync(folder)  # which notices that the files were moved
        quiet = _sync(folder)
        _configure(fleet, folder, few)
        part = _sync(folder)
        _configure(fleet, folder, some)
        unchanged = _sync(folder)
        one_changed = _change_and_sync(fleet, folder, some[:1])
        changed = _change_and_sync(fleet, folder, some)
    print(f"{tenants} tenants, none changed: {quiet}\n{len(few)} tenants, none changed: {part}")
    print(f"{len(some)} tenants, none changed: {unchanged}\none of them changed: {one_changed}")
    print(f"all of them changed: {changed}")
    shape = f"{tenants} tenants"
    # both without what a process does once: to start, and to import what only changes need
    each = (quiet.cpu - part.cpu) / max(tenants - len(few), 1)
    more = (changed.cpu - one_changed.cpu) / max(len(some) - 1, 1)
    first = one_changed.cpu - unchanged.cpu - more
    return [
        Figure("work of a tenant without changes", each, BAR_QUIET, unit="s", shape=shape),
        Figure("more work of a tenant with changes", more, BAR_CHANGED, unit="s", shape=shape),
        Figure("more work of the first with changes", first, BAR_FIRST, unit="s", shape=shape),
        Figure("memory : of a tenth of them", quiet.peak / part.peak, BAR_MEMORY, shape=shape),
    ]


def _change_and_sync(fleet: SandboxFleet, folder: Path, names: Sequence[str]) -> Measured:
    for name in names:
        fleet.tenant(name).books["invoices"].replace(5, total=next(_numbers))
    return _sync(folder)


def _configure(fleet: SandboxFleet, folder: Path, names: Sequence[str]) -> None:
    table = "[sources.p4books.tenants.{}]\napi_key = '{}'\n"
    tables = (table.format(name, fleet.key(name)) for name in names)
    (folder / ".dlt").mkdir(exist_ok=True)
    (folder / ".dlt" / "secrets.toml").write_text(
        f"[sources.p4books]\nbase_url = '{fleet.base_url}'\nrequests_per_window = 1000000\n"
        + "".join(tables)
    )


def _sync(folder: Path) -> Measured:
    variables = {"DLT_PROJECT_DIR": str(folder), "XDG_STATE_HOME": str(folder)}
    return measure([P4BOOKS, "sync", "--all"], {**os.environ, **variables})


def _copy_tenant(fleet: SandboxFleet, folder: Path, source: str, name: str) -> None:
    """Copy the files of a tenant, and make them those of another one."""
    data = folder / "data"
    private = data / ".private" / name
    shutil.copytree(data / ".private" / source, private)
    os.link(data / f"{source}.duckdb", data / f"{name}.duckdb")
    move_books(private / "warehouse.duckdb", fleet.base_url.replace("{tenant}", name))
    with closing(sqlite3.connect(private / "runs.sqlite")) as log, log:
        log.execute("update known set source = replace(source, ?, ?)", (f"/{source}/", f"/{name}/"))
