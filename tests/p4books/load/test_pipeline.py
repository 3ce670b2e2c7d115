"""Loads of deltas with dlt, into a copy of the warehouse."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest

from p4books.errors import LoadMismatch
from p4books.extract.page import Page
from p4books.extract.spool import Spool
from p4books.load.delta import compare_scan, open_copy
from p4books.load.evolution import migrate_warehouse
from p4books.load.pipeline import load_deltas
from p4books.load.schema import load_endpoints
from p4books.load.warehouse import replace_warehouse
from p4books.storage.database import BLOCK_SIZE

Lists = Mapping[str, list[str]]
Versions = list[tuple[str, Any, int, int | None]]


def load(folder: Path, lists: Lists, read_at: float, quiet: bool = True, more: int = 0) -> None:
    """Load lists of records as JSON text; the delta claims `more` new rows than there are."""
    scratch = folder / "work"
    scratch.mkdir()
    replace_warehouse(
        load_copy(folder, lists, read_at, quiet, more), folder / "warehouse.duckdb", keep=True
    )
    for left in sorted(scratch.rglob("*"), reverse=True):
        left.rmdir() if left.is_dir() else left.unlink()
    scratch.rmdir()


def load_copy(
    folder: Path, lists: Lists, read_at: float, quiet: bool = True, more: int = 0
) -> Path:
    """Load lists as `load` does, into a copy of the warehouse in an existing folder `work`."""
    scratch, warehouse = folder / "work", folder / "warehouse.duckdb"
    endpoints = load_endpoints(warehouse)
    copy = scratch / warehouse.name
    with open_copy(warehouse, copy) as con:
        deltas = []
        for name, records in lists.items():
            spool = Spool(scratch / "spool" / name, {})
            spool.resume(read_at)
            rows = {str(json.loads(record)["id"]): record.encode() for record in records}
            spool.store(Page(1, len(rows), len(rows), rows, None, has_unknown_fields=True), read_at)
            delta = compare_scan(
                con, endpoints[name], spool.list_pages(), complete=True, quiet=quiet
            )
            deltas.append(replace(delta, new=delta.new + more))
        load_deltas(con, deltas, warehouse, copy, read_at)
    return copy


def ask(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(folder / "warehouse.duckdb", read_only=True) as con:
        return con.execute(sql).fetchall()


def versions(folder: Path, record_id: int) -> list[tuple[Any, ...]]:
    """Return the versions of a product: price, from and to in seconds."""
    return ask(
        folder,
        "select price::double, epoch(_dlt_valid_from), epoch(_dlt_valid_to) from raw.products"
        f" where id = '{record_id}' order by _dlt_valid_from",
    )


def products(**prices: float) -> list[str]:
    return [f'{{"id":{key[1:]},"price":{price}}}' for key, price in prices.items()]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse after four loads: rows come, change, go and return; the clock is set back."""
    folder = tmp_path_factory.mktemp("history")
    vendors = ['{"id":"v1","name":"O\'Higgins \\"& Hermanos\\" 😀"}']
    first = products(p1=1, p2=2, p3=3, p4=4)
    load(folder, {"products": first, "vendors": vendors, "customers": []}, 1_000)
    orders = ['{"id":"o1"}', '{"id":"o2"}']
    second = {"vendors": vendors, "sales_orders": orders}
    load(folder, {"products": products(p1=1, p2=2.5, p4=4), **second}, 2_000)
    load(folder, {"products": products(p1=1, p2=2.5, p3=3), "sales_orders": orders[:1]}, 3_000)
    fourth = products(p1=1, p2=2, p3=3, p5=5)
    load(folder, {"products": fourth, "sales_orders": orders}, 2_500.25)
    return folder


def test_unchanged(history: Path) -> None:
    """A row that never changed has one version, valid from its first read."""
    assert versions(history, 1) == [(1, 1_000, None)]


def test_changed(history: Path) -> None:
    """Each change closes a version and opens the next at the same time, never before it."""
    third = 3_000.000001  # the clock was set back to 2 500.25, after versions of 3 000
    assert versions(history, 2) == [(2, 1_000, 2_000), (2.5, 2_000, third), (2, third, None)]


def test_returned(history: Path) -> None:
    """A row that was gone and returned has a gap in its history."""
    assert versions(history, 3) == [(3, 1_000, 2_000), (3, 3_000, None)]


def test_returned_after_the_clock_was_set_back(history: Path) -> None:
    """A row that returns is valid after it was closed, even if no open version is that new."""
    assert ask(
        history,
        "select epoch(_dlt_valid_from), epoch(_dlt_valid_to) from raw.sales_orders"
        " where id = 'o2' order by 1",
    ) == [(2_000, 3_000), (3_000.000001, None)]


def test_gone(history: Path) -> None:
    """A row that is gone is closed, even by a load that only closes rows."""
    assert versions(history, 4) == [(4, 1_000, 3_000)]


def test_new(history: Path) -> None:
    """A new row is valid from its load, but never before earlier versions of its list."""
    assert versions(history, 5) == [(5, 3_000.000001, None)]


def test_other_lists(history: Path) -> None:
    """A list without changes, or not read, is unchanged."""
    rows = ask(history, "select id, name, epoch(_dlt_valid_from), _dlt_valid_to from raw.vendors")

    assert rows == [("v1", 'O\'Higgins "& Hermanos" 😀', 1_000, None)]
    assert ask(history, "select count(*) from raw.customers") == [(0,)]


def test_no_tombstone(history: Path) -> None:
    """The tombstones that make dlt close a row never become rows."""
    assert ask(history, "select count(*) from raw.products where gone or row_hash = 'gone'") == [
        (0,)
    ]


def test_verified_at(history: Path) -> None:
    """Each row has the time at which it was last seen; one that is gone has none."""
    seen = ask(
        history,
        "select id, epoch(verified_at) from raw.seen where endpoint = 'products' order by id",
    )

    assert seen == [(each, 2_500.25) for each in ("1", "2", "3", "5")]
    assert ask(
        history, "select id, epoch(verified_at) from raw.seen where endpoint = 'vendors'"
    ) == [("v1", 2_000)]


def test_generations(history: Path) -> None:
    """The warehouse before each load is kept, closed and readable."""
    kept = sorted((history / "generations").iterdir())

    counts = []
    for path in kept:
        with duckdb.connect(path, read_only=True) as con:
            counts += con.execute("select count(*) from raw.products").fetchall()
    assert counts == [(4,), (5,), (6,)]


def test_storage(history: Path) -> None:
    """After loads the file opens in DuckDB 1.4, is in small blocks, private, and without a log."""
    rows = ask(history, "select tags['storage_version'] from duckdb_databases() where not internal")

    assert rows == [("v1.4.0+",)]
    assert ask(history, "select block_size from pragma_database_size()") == [(BLOCK_SIZE,)]
    assert (history / "warehouse.duckdb").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in history.glob("*.wal")] == []


def test_nothing_of_the_comparison(history: Path) -> None:
    """The tables and views that a comparison makes in the copy are not in the warehouse."""
    made = ask(
        history,
        "select table_name from duckdb_tables() where schema_name not in ('raw', 'raw_staging')"
        " union all"
        " select view_name from duckdb_views() where not internal and schema_name <> 'raw'",
    )

    assert made == []


def test_missed_rows(tmp_path: Path) -> None:
    """The rows a scan missed are stored without dlt, and the next scan closes them."""
    load(tmp_path, {"products": products(p1=1, p2=2)}, 1_000)
    load(tmp_path, {"products": products(p1=1)}, 2_000, quiet=False)
    missed = ask(tmp_path, "from raw.missed")

    load(tmp_path, {"products": products(p1=1)}, 3_000, quiet=False)

    assert missed == [("products", "2")]
    assert versions(tmp_path, 2) == [(2, 1_000, 3_000)]
    assert ask(tmp_path, "from raw.missed") == []


def test_only_new_rows(tmp_path: Path) -> None:
    """Rows that close no version are appended just as they are merged otherwise."""
    lines = '[{"price":1.123456,"quantity":"?"},{"discount":null}]'
    rows = [
        f'{{"id":"i1","lines":{lines},"total":12.345,"due_date":"soon"}}',
        '{"id":"ñ","document_date":"2026-03-31T00:00:00Z","total":0.10,"code":""}',
    ]
    appended, merged = tmp_path / "appended", tmp_path / "merged"
    for folder in (appended, merged):
        folder.mkdir()
    load(appended, {"invoices": rows}, 2_000)
    load(merged, {"invoices": ['{"id":"gone"}']}, 1_000)
    load(merged, {"invoices": rows}, 2_000)

    by_append, by_merge = (
        ask(folder, "from raw.invoices where id <> 'gone' order by id")
        for folder in (appended, merged)
    )

    staged = "select count(*) from duckdb_tables() where schema_name = 'raw_staging'"
    assert by_append == by_merge != []
    assert ask(appended, "select status from raw._dlt_loads") == [(0,)]
    assert ask(appended, staged) == [(0,)]


def test_appends_and_merges(tmp_path: Path) -> None:
    """Appends and merges may follow each other, with a field adopted in between.

    Nor does it matter whether dlt has loaded before, as in a warehouse without its tables, of which
    the second load makes a merge, and the third and the last an append.
    """

    def products(**prices: float) -> list[str]:
        return [
            f'{{"id":{key[1:]},"price":{price},"color":"red"}}' for key, price in prices.items()
        ]

    def load_next(read_at: float, **lists: list[str]) -> None:
        if read_at in {2_000, 3_000, 7_000}:
            drop_dlt(tmp_path / "warehouse.duckdb")
        load(tmp_path, lists, read_at)

    vendors = ['{"id":1}', '{"id":2}', '{"id":3}']
    load_next(1_000, products=products(p1=1, p2=2))
    load_next(2_000, products=products(p1=1.5, p2=2, p3=3), vendors=vendors[:1])
    load_next(3_000, products=products(p1=1.5, p2=2, p3=3, p4=4), vendors=vendors[1:2])
    load_next(4_000, products=products(p1=1.5, p3=3, p4=4), vendors=vendors[1:])
    adopt_color(tmp_path / "warehouse.duckdb")
    load_next(5_000, products=products(p1=1.5, p2=2, p3=3, p4=4))
    load_next(6_000, products=products(p1=1.5, p2=2, p3=3, p4=4.5))
    load_next(7_000, products=products(p1=1.5, p2=2, p3=3, p4=4.5, p5=5))

    assert versions(tmp_path, 1) == [(1, 1_000, 2_000), (1.5, 2_000, None)]
    assert versions(tmp_path, 2) == [(2, 1_000, 4_000), (2, 5_000, None)]
    assert versions(tmp_path, 3) == [(3, 2_000, None)]
    assert versions(tmp_path, 4) == [(4, 3_000, 6_000), (4.5, 6_000, None)]
    assert versions(tmp_path, 5) == [(5, 7_000, None)]
    assert ask(tmp_path, "select distinct color, extra from raw.products") == [("red", None)]
    assert ask(tmp_path, "select id, epoch(_dlt_valid_to) from raw.vendors order by 1") == [
        ("1", 3_000),
        ("2", None),
        ("3", None),
    ]


def drop_dlt(warehouse: Path) -> None:
    """Drop what only dlt makes."""
    with duckdb.connect(warehouse) as con:
        con.execute("drop schema if exists raw_staging cascade")
        for table in ("_dlt_loads", "_dlt_version"):
            con.execute(f"drop table raw.{table}")


def adopt_color(warehouse: Path) -> None:
    with duckdb.connect(warehouse) as con:
        con.execute("insert into raw.adopted values ('products', 'color', 'text')")
    migrate_warehouse(warehouse, load_endpoints(warehouse))


def test_files_as_they_are(tmp_path: Path) -> None:
    """dlt imports the files of appends and merges without writing them again."""
    load(tmp_path, {"products": products(p1=1)}, 1_000)
    scratch = tmp_path / "work"
    scratch.mkdir()

    load_copy(tmp_path, {"products": products(p1=2), "invoices": ['{"id":1}']}, 2_000)

    for name in ("products", "invoices"):
        loaded = list((scratch / "dlt").rglob(f"{name}.*.parquet"))
        assert [path.samefile(scratch / f"{name}.parquet") for path in loaded] == [True]


@pytest.mark.parametrize(
    ("price", "counts"), [(1, "2 versions .* but 1 arrived"), (2, "3 versions .* but 2 arrived")]
)
def test_mismatch(tmp_path: Path, price: float, counts: str) -> None:
    """A load in which other rows arrive than were sent is discarded."""
    load(tmp_path, {"products": products(p1=1)}, 1_000)
    before = (tmp_path / "warehouse.duckdb").read_bytes()

    with pytest.raises(LoadMismatch, match=counts):
        load(tmp_path, {"products": products(p1=price, p2=2)}, 2_000, more=1)

    assert (tmp_path / "warehouse.duckdb").read_bytes() == before
    assert not (tmp_path / "generations").exists()


def test_second_attempt(tmp_path: Path) -> None:
    """A first load that is tried again, with more memory, loads each row once."""
    (tmp_path / "work").mkdir()
    load_copy(tmp_path, {"products": products(p1=1)}, 1_000)

    copy = load_copy(tmp_path, {"products": products(p1=1)}, 1_000)

    replace_warehouse(copy, tmp_path / "warehouse.duckdb", keep=True)
    assert versions(tmp_path, 1) == [(1, 1_000, None)]


# Loads in a process of its own, with dlt settings that the user made for other pipelines.

PROGRAM = """
import sys
from pathlib import Path

sys.path.insert(0, {here!r})
import test_pipeline

test_pipeline.load(Path({folder!r}), {{"products": test_pipeline.products(p1=1)}}, 1_000)
test_pipeline.load(Path({folder!r}), {{"products": test_pipeline.products(p1=2, p2=2)}}, 2_000)
"""

QUIET_PROGRAM = """
import sys
from pathlib import Path

sys.path.insert(0, {here!r})
import test_pipeline
from p4books.cli.runtime import ignore_pandas

ignore_pandas()  # as each command does
test_pipeline.load(Path({folder!r}), {{"products": test_pipeline.products(p1=1)}}, 2_000)
assert not {{"dlt", "pyarrow"}} & set(sys.modules)
"""


def test_nothing_new(tmp_path: Path) -> None:
    """A load without versions imports neither dlt nor pyarrow."""
    load(tmp_path, {"products": products(p1=1)}, 1_000)
    program = QUIET_PROGRAM.format(here=str(Path(__file__).parent), folder=str(tmp_path))

    subprocess.run([sys.executable, "-Bc", program], check=True)

    assert versions(tmp_path, 1) == [(1, 1_000, None)]
    assert ask(tmp_path, "select epoch(verified_at) from raw.seen") == [(2_000,)]


USER_SETTINGS = {
    "DATA_WRITER__DISABLE_COMPRESSION": "false",
    "DATA_WRITER__FILE_MAX_ITEMS": "1",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "1",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "false",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "true",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID": "true",
    "SCHEMA__NAMING": "sql_cs_v1",
    "RUNTIME__LOG_LEVEL": "DEBUG",
    "RUNTIME__DLTHUB_TELEMETRY": "true",
    "DESTINATION__DUCKDB__CREDENTIALS": "elsewhere.duckdb",
    "DESTINATION__CREDENTIALS": "elsewhere.duckdb",
    "DESTINATION__STAGING_DATASET_NAME_LAYOUT": "%s_elsewhere",
    "LOAD__DELETE_COMPLETED_JOBS": "true",
    "LOAD__TRUNCATE_STAGING_DATASET": "false",
    "PROGRESS": "log",
    "RESTORE_FROM_DESTINATION": "false",
    "DEV_MODE": "true",
    "DATASET_NAME": "elsewhere",
    "PIPELINE_NAME": "elsewhere",
    "PIPELINES_DIR": "elsewhere",
    "WRITE_DISPOSITION": "replace",
    "SCHEMA_CONTRACT": "freeze",
}


@pytest.fixture
def listener() -> Iterator[HTTPServer]:
    """A server that records requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            calls.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    calls: list[str] = []
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.calls = calls  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_dlt_settings_of_the_user(tmp_path: Path, listener: HTTPServer) -> None:
    """A load ignores the user's dlt settings, in the environment and in dlt's config.toml, prints
    nothing and leaves no other file."""
    folder, home = tmp_path / "data", tmp_path / "home"
    for each in (folder, home / ".dlt"):
        each.mkdir(parents=True)
    port = listener.server_address[1]
    user_settings = {
        **USER_SETTINGS,
        "RUNTIME__DLTHUB_TELEMETRY_ENDPOINT": f"http://127.0.0.1:{port}/telemetry",
    }
    (home / ".dlt" / "config.toml").write_text(toml(user_settings))
    own = {"HOME": str(home), "XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(home)}
    program = PROGRAM.format(here=str(Path(__file__).parent), folder=str(folder))
    before = set(tmp_path.rglob("*"))

    done = subprocess.run(
        [sys.executable, "-Bc", program],
        env={**os.environ, **own, **user_settings},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert versions(folder, 1) == [(1, 1_000, 2_000), (2, 2_000, None)]
    assert versions(folder, 2) == [(2, 2_000, None)]
    assert ask(
        folder,
        "select count(*) from duckdb_columns() where column_name like '_dlt_i%'"
        " and table_name = 'products'",
    ) == [(0,)]
    made = {path.relative_to(tmp_path).parts[0] for path in set(tmp_path.rglob("*")) - before}
    assert made == {"data"}
    assert listener.calls == []  # type: ignore[attr-defined]


def toml(settings: Mapping[str, str]) -> str:
    """Format settings as dlt's config.toml."""
    tables: dict[str, list[str]] = {}
    for name, value in settings.items():
        *table, key = name.lower().split("__")
        tables.setdefault(".".join(table), []).append(f"{key} = {json.dumps(value)}")
    root = tables.pop("", [])
    parts = [f"[{table}]\n" + "\n".join(keys) for table, keys in tables.items()]
    return "\n".join([*root, *parts]) + "\n"
