"""How do versions come into the warehouse?"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest

from p4books.endpoints import ENDPOINTS
from p4books.errors import DiskTrouble, LoadMismatch
from p4books.extract.page import Page
from p4books.extract.spool import Spool
from p4books.load.delta import compare_scan, open_comparison
from p4books.load.pipeline import load_deltas
from p4books.load.warehouse import replace_warehouse

Lists = Mapping[str, list[str]]
Versions = list[tuple[str, Any, int, int | None]]


def take(folder: Path, lists: Lists, read_at: float, quiet: bool = True, more: int = 0) -> None:
    """Load lists of records as JSON text, read at once; `more` new rows are counted than are."""
    scratch = folder / "work"
    scratch.mkdir()
    warehouse = folder / "warehouse.duckdb"
    with open_comparison(warehouse, scratch) as con:
        deltas = []
        for name, records in lists.items():
            spool = Spool(scratch / "spool" / name, {})
            spool.resume(read_at)
            rows = {str(json.loads(record)["id"]): record.encode() for record in records}
            spool.store(Page(1, len(rows), len(rows), rows, None), read_at)
            found = compare_scan(
                con, ENDPOINTS[name], spool.list_pages(), complete=True, quiet=quiet
            )
            deltas.append(replace(found, new=found.new + more))
        replace_warehouse(
            load_deltas(con, deltas, warehouse, scratch, read_at), warehouse, keep=True
        )
    for left in sorted(scratch.rglob("*"), reverse=True):
        left.rmdir() if left.is_dir() else left.unlink()
    scratch.rmdir()


def ask(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(folder / "warehouse.duckdb", read_only=True) as con:
        return con.execute(sql).fetchall()


def versions(folder: Path, record_id: int) -> list[tuple[Any, ...]]:
    """Give the versions of a product: price, from and to in seconds."""
    return ask(
        folder,
        "select price::double, epoch(_dlt_valid_from), epoch(_dlt_valid_to) from raw.products"
        f" where id = '{record_id}' order by _dlt_valid_from",
    )


def products(**prices: float) -> list[str]:
    return [f'{{"id":{key[1:]},"price":{price}}}' for key, price in prices.items()]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse after four loads: rows come, change, go, return; the clock is set back."""
    folder = tmp_path_factory.mktemp("story")
    vendors = ['{"id":"v1","name":"O\'Higgins \\"& Hermanos\\" 😀"}']
    first = products(p1=1, p2=2, p3=3, p4=4)
    take(folder, {"products": first, "vendors": vendors, "customers": []}, 1_000)
    take(folder, {"products": products(p1=1, p2=2.5, p4=4), "vendors": vendors}, 2_000)
    take(folder, {"products": products(p1=1, p2=2.5, p3=3)}, 3_000)
    take(folder, {"products": products(p1=1, p2=2, p3=3, p5=5)}, 2_500.25)
    return folder


def test_unchanged(story: Path) -> None:
    """A row that never changed is one version, valid from when it was first read."""
    assert versions(story, 1) == [(1, 1_000, None)]


def test_changed(story: Path) -> None:
    """Each change closes a version and opens the next at the same instant, never before it."""
    third = 3_000.000001  # the clock was set back to 2 500.25, when versions from 3 000 stood
    assert versions(story, 2) == [(2, 1_000, 2_000), (2.5, 2_000, third), (2, third, None)]


def test_returned(story: Path) -> None:
    """A row that was gone and came back has a gap in its history."""
    assert versions(story, 3) == [(3, 1_000, 2_000), (3, 3_000, None)]


def test_gone(story: Path) -> None:
    """A row that is gone is closed; a load that only closes rows does so."""
    assert versions(story, 4) == [(4, 1_000, 3_000)]


def test_new(story: Path) -> None:
    """A row that came late is valid from then, but never before the versions that were there."""
    assert versions(story, 5) == [(5, 3_000.000001, None)]


def test_lists_of_their_own(story: Path) -> None:
    """A list that changed nothing, or was not read, is left as it is, byte for byte."""
    rows = ask(story, "select id, name, epoch(_dlt_valid_from), _dlt_valid_to from raw.vendors")

    assert rows == [("v1", 'O\'Higgins "& Hermanos" 😀', 1_000, None)]
    assert ask(story, "select count(*) from raw.customers") == [(0,)]


def test_no_tombstone_is_kept(story: Path) -> None:
    """What told dlt to close a row never becomes a row."""
    assert ask(story, "select count(*) from raw.products where gone or row_hash = 'gone'") == [(0,)]


def test_verified_at(story: Path) -> None:
    """Each row has the instant at which it was last seen; one that is gone has none."""
    seen = ask(
        story,
        "select id, epoch(verified_at) from raw.seen where endpoint = 'products' order by id",
    )

    assert seen == [(each, 2_500.25) for each in ("1", "2", "3", "5")]
    assert ask(story, "select id, epoch(verified_at) from raw.seen where endpoint = 'vendors'") == [
        ("v1", 2_000)
    ]


def test_generations(story: Path) -> None:
    """The warehouses before each load are kept, closed and readable."""
    kept = sorted((story / "generations").iterdir())

    counts = []
    for path in kept:
        with duckdb.connect(path, read_only=True) as con:
            counts += con.execute("select count(*) from raw.products").fetchall()
    assert counts == [(4,), (5,), (6,)]


def test_storage(story: Path) -> None:
    """After loads the file still opens in DuckDB 1.4, is ours alone, and has no log beside it."""
    rows = ask(story, "select tags['storage_version'] from duckdb_databases() where not internal")

    assert rows == [("v1.4.0+",)]
    assert (story / "warehouse.duckdb").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in story.glob("*.wal")] == []


def test_missed_is_remembered(tmp_path: Path) -> None:
    """What a scan missed is written down without dlt, and the next one finds it."""
    take(tmp_path, {"products": products(p1=1, p2=2)}, 1_000)
    take(tmp_path, {"products": products(p1=1)}, 2_000, quiet=False)
    missed = ask(tmp_path, "from raw.missed")

    take(tmp_path, {"products": products(p1=1)}, 3_000, quiet=False)

    assert missed == [("products", "2")]
    assert versions(tmp_path, 2) == [(2, 1_000, 3_000)]
    assert ask(tmp_path, "from raw.missed") == []


def test_mismatch(tmp_path: Path) -> None:
    """A load in which other rows arrive than were sent is thrown away."""
    take(tmp_path, {"products": products(p1=1)}, 1_000)
    before = (tmp_path / "warehouse.duckdb").read_bytes()

    with pytest.raises(LoadMismatch, match="2 versions were sent to the warehouse and 1 arrived"):
        take(tmp_path, {"products": products(p1=1, p2=2)}, 2_000, more=1)

    assert (tmp_path / "warehouse.duckdb").read_bytes() == before
    assert not (tmp_path / "generations").exists()


def test_a_file_in_the_way(tmp_path: Path) -> None:
    """A place that can't be written is told, and what stands there stays."""
    made = tmp_path / "made.duckdb"
    made.write_bytes(b"new")
    (tmp_path / "warehouse.duckdb").write_bytes(b"old")
    (tmp_path / "generations").write_bytes(b"no folder")

    with pytest.raises(DiskTrouble, match=r"warehouse\.duckdb cannot be written"):
        replace_warehouse(made, tmp_path / "warehouse.duckdb", keep=True)

    assert (tmp_path / "warehouse.duckdb").read_bytes() == b"old"


def test_which_generations_are_kept(tmp_path: Path) -> None:
    """The three newest are kept, and the last one of each of the last seven days."""
    warehouse = tmp_path / "warehouse.duckdb"
    hours = [(day, hour) for day in range(1, 13) for hour in (8, 12, 18)]
    for day, hour in [*hours, (13, 0)]:
        made = tmp_path / "made.duckdb"
        made.write_bytes(f"{day}-{hour}".encode())
        written = datetime(2026, 3, day, hour, tzinfo=UTC).timestamp()
        os.utime(made, (written, written))

        replace_warehouse(made, warehouse, keep=True)

    kept = sorted(path.read_bytes().decode() for path in (tmp_path / "generations").iterdir())
    assert kept == sorted(["12-8", "12-12", "12-18", *(f"{day}-18" for day in range(6, 12))])
    assert warehouse.read_bytes() == b"13-0"


def test_no_generation_of_a_mere_rebuild(tmp_path: Path) -> None:
    """A warehouse whose rows are the same takes the other's place without a generation."""
    (tmp_path / "warehouse.duckdb").write_bytes(b"old")
    made = tmp_path / "made.duckdb"
    made.write_bytes(b"new")

    replace_warehouse(made, tmp_path / "warehouse.duckdb", keep=False)

    assert not (tmp_path / "generations").exists()


# In a process of its own, with what the user has set for other pipelines.

PROGRAM = """
import sys
from pathlib import Path

sys.path.insert(0, {here!r})
import test_run

test_run.take(Path({folder!r}), {{"products": test_run.products(p1=1)}}, 1_000)
test_run.take(Path({folder!r}), {{"products": test_run.products(p1=2, p2=2)}}, 2_000)
"""

USERS = {
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
    """A server that notes who calls."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            calls.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    calls: list[str] = []
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        server.calls = calls  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("placed", ["environment", "config.toml"])
def test_what_the_user_has_set_for_dlt(tmp_path: Path, listener: HTTPServer, placed: str) -> None:
    """A load is the same whatever the user's dlt settings say; it says and leaves nothing."""
    folder, home = tmp_path / "data", tmp_path / "home"
    for each in (folder, home / ".dlt"):
        each.mkdir(parents=True)
    port = listener.server_address[1]
    users = {**USERS, "RUNTIME__DLTHUB_TELEMETRY_ENDPOINT": f"http://127.0.0.1:{port}/told"}
    if placed == "config.toml":
        (home / ".dlt" / "config.toml").write_text(toml(users))
    own = {"HOME": str(home), "XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(home)}
    program = PROGRAM.format(here=str(Path(__file__).parent), folder=str(folder))
    before = set(tmp_path.rglob("*"))

    done = subprocess.run(
        [sys.executable, "-Bc", program],
        env={**os.environ, **own, **(users if placed == "environment" else {})},
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
    """Write settings as dlt's config.toml."""
    tables: dict[str, list[str]] = {}
    for name, value in settings.items():
        *table, key = name.lower().split("__")
        tables.setdefault(".".join(table), []).append(f"{key} = {json.dumps(value)}")
    root = tables.pop("", [])
    parts = [f"[{table}]\n" + "\n".join(keys) for table, keys in tables.items()]
    return "\n".join([*root, *parts]) + "\n"
