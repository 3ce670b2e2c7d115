"""Files that an earlier p4books wrote, opened and continued by this one.

`yesterday.tar.xz` holds a tenant's data folder, written by commit bcaffb7 (format 2), whose
package layout is gone. Nothing in it was made by hand: the command `p4books` of that commit ran
against its sandbox (seed 11, 100 invoices of three lines, ten rows a page) under libfaketime:

- 6 July 2026: a first `sync --full` of all lists.
- 13 July: rows had been changed, voided, deleted and added; some values did not fit their columns,
  and two fields were unknown. `sync --full`, then `adopt customers.credit_days`.
- 14 July: `sync --full`. While products were read a row was added, so the scan was not quiet, and
  the product that it missed is not gone yet: it is in `raw.missed`.
- 15 July: `push customers customers.csv --limit 4` of six rows. One was created, one refused; of
  one the connection broke before anything was done, of one after it was created; and the list
  could not be read to see which. Two stayed ready.
- 20 July: `sync products` with 8 requests and `sync invoices` with 6. Both scans are unfinished:
  their pages are in `spool/`, and `raw.scans` refers to them.
- 21 July: `push vendors vendors.csv`, killed while its second row of three was being sent, so the
  ledger still has a row in the state *sending*, and a write-ahead log.

Locks and two of four generations were left out. `books/` holds the lists as they were after some
more edits. `expected/` is what bcaffb7 reported of these files: before anything else was done, as
of 13 July, and after one more sync. `make.py` is the program that made the files; it is kept for
reference and needs that commit to run.

The files are used as they are, with two exceptions. The address of P4 Books is part of what
identifies a spool, the profile of a list and a ledger, and its port differs in each run: it is
replaced in `source.json` and in two columns of SQLite. A spool is abandoned 30 days after its last
page was read: the time in that file name is set to a minute ago. The identity of the scan is the
time of its first page, which stays. A new field in `endpoints/products.py` or `invoices.py` is a
good reason to discard these spools: then the numbers of requests below change.
"""

import csv
import hashlib
import json
import re
import sqlite3
import tarfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest
from tests.command import run_here

from p4books.cli.console import format_instant

ARCHIVE = Path(__file__).with_name("yesterday.tar.xz")
LISTS = ["products", "customers", "vendors", "invoices", "purchase_orders", "sales_orders"]
LASTING = r"staging|core\.fct_"  # models that do not depend on the day on which they are made
MADE = datetime(2026, 7, 22, tzinfo=UTC)  # after everything in the archive
DAY = "2026-07-13"

Row = tuple[Any, ...]


class Api(ThreadingHTTPServer):
    """A P4 Books that serves lists from memory and notes what it is asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lists: dict[str, list[bytes]] = {}
        self.arrivals: list[tuple[str, str, Any]] = []  # method, list, page or code

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/v1"

    def pages_of(self, path: str) -> list[int]:
        """Return the pages of a list that were asked for, in order."""
        return [page for method, name, page in self.arrivals if (method, name) == ("GET", path)]

    @property
    def created(self) -> list[tuple[str, str]]:
        """Return the list and the code of each record that was posted, in order."""
        return [(path, code) for method, path, code in self.arrivals if method == "POST"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: Api

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path, words = url.path.removeprefix("/api/v1/"), parse_qs(url.query)
        page, size = int(words["page"][0]), int(words["page_size"][0])
        self.server.arrivals.append(("GET", path, page))
        rows = self.server.lists[path]
        data = b",".join(rows[(page - 1) * size : page * size])
        self._reply(200, b'{"data":[%b],"total":%d,"page":%d}' % (data, len(rows), page))

    def do_POST(self) -> None:
        path = self.path.removeprefix("/api/v1/")
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.arrivals.append(("POST", path, sent["code"]))
        rows = self.server.lists[path]
        number = max(json.loads(row)["id"] for row in rows) + 1
        rows.append(json.dumps({"id": number, **sent}).encode())
        self._reply(201, rows[-1])

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@dataclass
class Tenant:
    """The tenant of the archive, unpacked into a folder, and the API that it is read from."""

    home: Path
    api: Api
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def private(self) -> Path:
        return self.home / "data" / ".private" / "acme"

    @property
    def published(self) -> Path:
        return self.home / "data" / "acme.duckdb"

    def run(self, *words: str, code: int = 0, **settings: object) -> str:
        """Run the command and return what it printed."""
        set_ = {f"SOURCES__P4BOOKS__{k.upper()}": str(v) for k, v in settings.items()}
        done = run_here(words, self.home, {**self.environment, **set_})
        assert done.returncode == code, done.stderr
        return done.stdout

    def ask(self, query: str, file: Path | None = None) -> list[Row]:
        """Query the private warehouse or another file."""
        path = file or self.private / "warehouse.duckdb"
        with duckdb.connect(path, read_only=True) as con:
            con.execute("set timezone = 'UTC'")
            return con.execute(query).fetchall()

    def expected(self, name: str) -> str:
        """Return what the earlier p4books reported."""
        return (self.home / "expected" / name).read_text(encoding="utf-8")


@contextmanager
def serving() -> Iterator[Api]:
    """Serve an API until `with` ends."""
    with Api() as api:
        thread = threading.Thread(target=api.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield api
        api.shutdown()
        thread.join()


def unpack(home: Path, api: Api) -> Tenant:
    """Unpack the archive for a tenant whose lists this API serves."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(home, filter="data")
    tenant = Tenant(home, api, environment(home, api.address))
    for file in (home / "books").glob("*.ndjson"):
        api.lists[file.stem] = file.read_bytes().splitlines()
    readdress(tenant, (home / "address").read_text())
    refresh(tenant)
    return tenant


def environment(home: Path, address: str) -> dict[str, str]:
    """Return the variables that the command runs with, without any of the user's own."""
    settings = {
        "tenant": "acme",
        "api_key": "sandbox-key",
        "base_url": address,
        "page_size": "10",
        "requests_per_window": "100000",
    }
    return {
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        **{f"SOURCES__P4BOOKS__{name.upper()}": value for name, value in settings.items()},
    }


def readdress(tenant: Tenant, before: str) -> None:
    """Replace the address of P4 Books in everything that is identified by it."""
    now = tenant.api.address
    for source in tenant.private.glob("spool/*/source.json"):
        text = source.read_text()
        assert before in text
        source.write_text(text.replace(before, now))
    for file, table, column in (("runs", "known", "source"), ("ledger", "push", "address")):
        with closing(sqlite3.connect(tenant.private / f"{file}.sqlite")) as con, con:
            con.execute(f"update {table} set {column} = replace({column}, ?, ?)", (before, now))


def refresh(tenant: Tenant) -> None:
    """Set the time at which the last page of each spool was read to a minute ago."""
    for spool in tenant.private.glob("spool/*"):
        last = max(spool.glob("*.ndjson"))
        name, _ = last.stem.rsplit("-", 1)
        last.rename(spool / f"{name}-{round((time.time() - 60) * 1e6)}.ndjson")


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Tenant]:
    """The tenant as it was left, with an API that serves its lists."""
    with serving() as api:
        yield unpack(tmp_path, api)


# What is compared


def as_csv(rows: Iterable[Iterable[Any]]) -> str:
    """Write rows as CSV; instants after the archive was made are all the same."""
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows(map(_plain, row) for row in rows)
    return out.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return "later" if value.tzinfo and value > MADE else value.isoformat()
    return "null" if value is None else value


# Columns and findings that the models have got since.
NOT_NEW = "columns(lambda name: name not in ('first_seen_at', 'box'))"
NEW_FINDINGS = "rule in ('wrong check digits', 'assumed box', 'no box')"


def history(tenant: Tenant, name: str) -> str:
    """Return all versions of a list as they are published, as CSV with a header.

    The columns are those that were published then.
    """
    key = f"{name.removesuffix('s')}_id"
    table = f"staging.{name}_history"
    published = f"select {NOT_NEW} from {table}"
    columns = tenant.ask(f"select column_name from (describe {published})", tenant.published)
    rows = tenant.ask(f"{published} order by {key}::int, valid_from", tenant.published)
    return as_csv([[column for (column,) in columns], *rows])


def models(tenant: Tenant, file: Path, layers: str = "staging|core|reporting") -> str:
    """Return for each model its number of rows, and in staging a checksum of them, as CSV.

    `layers` is a regular expression for the beginning of a model's full name.
    """
    names = tenant.ask(
        "select distinct schema_name, table_name from duckdb_columns() where not internal"
        f" and regexp_matches(schema_name || '.' || table_name, '^({layers})') order by all",
        file,
    )
    counted = []
    for schema, name in names:
        where = f"where not {NEW_FINDINGS}" if name == "data_quality" else ""
        rows = tenant.ask(f"select {NOT_NEW} from {schema}.{name} {where} order by all", file)
        digest = hashlib.sha256(as_csv(rows).encode()).hexdigest()
        counted.append([f"{schema}.{name}", len(rows), digest if schema == "staging" else ""])
    return as_csv(counted)


def of_now(text: str, tenant: Tenant) -> str:
    """Put the address of this test into a text of the archive."""
    return text.replace(tenant.expected("../address"), tenant.api.address)


def versions(tenant: Tenant, name: str) -> dict[Row, Row]:
    """Return all versions of a list: by id and beginning, the end and everything else."""
    rows = tenant.ask(
        "select id, _dlt_valid_from, _dlt_valid_to, * exclude (id, _dlt_valid_from, _dlt_valid_to)"
        f" from raw.{name}"
    )
    assert len({row[:2] for row in rows}) == len(rows)
    return {row[:2]: row[2:] for row in rows}


INSTANTS = re.compile("(.*_at|.*_to|oldest)$")
UNITS = {"waited": "waited_seconds"}


def with_instants(value: Any) -> Any:
    """Return what an older p4books printed with its instants as text, and units in names."""
    if isinstance(value, list):
        return [with_instants(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        UNITS.get(name, name): format_instant(each) if INSTANTS.match(name) else with_instants(each)
        for name, each in value.items()
    }


def test_runs(tenant: Tenant) -> None:
    """`runs` reports every run as before."""
    before = with_instants(json.loads(tenant.expected("runs.json")))
    added: dict[str, Any] = {"messages": [], "reason": None}

    assert json.loads(tenant.run("runs", "--json")) == [{**run, **added} for run in before]


def test_pushes(tenant: Tenant) -> None:
    """`pushes` reports every push, and every row of it, as before."""
    pushes = json.loads(tenant.run("pushes", "--json"))

    assert pushes == with_instants(json.loads(of_now(tenant.expected("pushes.json"), tenant)))
    assert tenant.run("pushes", "1", "--format", "csv") == tenant.expected("pushes-1.csv")
    assert tenant.run("pushes", "2", "--format", "csv") == tenant.expected("pushes-2.csv")


def test_status(tenant: Tenant) -> None:
    """`status` reports the published file and the run log as before."""
    status = json.loads(tenant.run("status", "--json"))
    before = with_instants(json.loads(tenant.expected("status.json")))

    assert (status["file"], status["problem"]) == (str(tenant.published), None)
    assert (status["first_copies"], status["clock"]) == ([], None)
    assert status["disk"]["generations"] == 2
    assert [each["kind"] for each in status["health"]["problems"]] == ["figures_old"]
    assert {name: status[name] for name in before} == before


def test_query(tenant: Tenant) -> None:
    """The published file is read as it is."""
    words = ("query", "--model", "data_quality", "--format", "csv")

    assert tenant.run(*words) == tenant.expected("data-quality.csv")


def test_as_of(tenant: Tenant) -> None:
    """A day of the past is shown as it was, without a request; only new models may be added."""
    tenant.run("report", "--as-of", DAY)

    assert tenant.api.arrivals == []
    file = tenant.published.with_name(f"acme-asof-{DAY}.duckdb")
    made = models(tenant, file).splitlines()
    assert set(tenant.expected("models-as-of.csv").splitlines()) - set(made) == set()


def test_sync(tenant: Tenant) -> None:
    """A sync continues the unfinished scans, loads what changed since, and touches nothing else."""
    before = {name: versions(tenant, name) for name in LISTS}
    assert tenant.ask("select 1 from duckdb_tables() where table_name = 'origins'") == []
    full = next(run for run in json.loads(tenant.expected("runs.json")) if run["id"] == 3)

    done = json.loads(tenant.run("sync", "--full", "--json"))

    read = {each["endpoint"]: each for each in done["readings"]}
    assert done["faults"] == []
    address = [(tenant.api.address, json.loads(tenant.run("runs", "--json"))[0]["id"])]
    assert tenant.ask("select address, run from raw.origins") == address  # it adopts the address
    # The tail, and then the pages that the spool does not have; from scratch: page 1, then all.
    assert tenant.api.pages_of("products") == [21, 20, *range(16, 0, -1)]
    assert tenant.api.pages_of("invoices") == [10, 9, 11, *range(7, 0, -1)]
    from_scratch = {each["endpoint"]: each["requests"] for each in full["readings"]}
    assert (from_scratch["products"], from_scratch["invoices"]) == (22, 11)
    assert {name: (each["mode"], each["requests"]) for name, each in read.items()} == {
        "products": ("slice", 18),
        "customers": ("whole", 8),
        "vendors": ("whole", 3),
        "invoices": ("slice", 10),
        "purchase_orders": ("whole", 3),
        "sales_orders": ("whole", 7),
    }
    assert {name: (each["new"], each["changed"], each["gone"]) for name, each in read.items()} == {
        "products": (0, 1, 1),
        "customers": (2, 1, 0),
        "vendors": (1, 0, 1),
        "invoices": (1, 1, 0),
        "purchase_orders": (0, 0, 0),
        "sales_orders": (0, 1, 0),
    }
    assert not (tenant.private / "spool" / "products").exists()
    # A scan of months is not quiet: 31 is gone, since the last scan missed it too; 30 is not yet.
    # 170 was changed on a page that was read in July: the next scan sees it.
    assert tenant.ask("select endpoint, id from raw.missed") == [("products", "30")]
    closed, made = [], []
    for name in LISTS:
        after = versions(tenant, name)
        assert {key: row[1:] for key, row in before[name].items()} == {
            key: after[key][1:] for key in before[name]
        }
        closed += [(name, key[0]) for key, row in before[name].items() if after[key][0] != row[0]]
        made += [(name, key[0]) for key in after.keys() - before[name].keys()]
    changed = [
        ("customers", "20"),
        ("invoices", "20"),
        ("products", "15"),
        ("sales_orders", "60"),
    ]
    new = [("customers", "65"), ("customers", "66"), ("invoices", "102"), ("vendors", "21")]
    assert sorted(closed) == sorted([*changed, ("products", "31"), ("vendors", "7")])
    assert sorted(made) == sorted([*changed, *new])
    adopted = "select credit_days from raw.customers where _dlt_valid_to is null and id = '20'"
    assert tenant.ask(adopted) == [(91,)]
    assert {name: history(tenant, name) for name in LISTS} == {
        name: tenant.expected(f"history/{name}.csv") for name in LISTS
    }
    published = models(tenant, tenant.published, LASTING).splitlines()
    assert set(tenant.expected("models-after.csv").splitlines()) - set(published) == set()


def test_push(tenant: Tenant) -> None:
    """The file pushed again sends what is ready, looks for what is unknown, and nothing else."""
    done = json.loads(tenant.run("push", "customers", "customers.csv", "--json", code=1))

    counts = ("rows", "earlier", "earlier_refused", "created", "unknown", "ready")
    assert [done[count] for count in counts] == [6, 1, 1, 3, 1, 0]
    assert tenant.api.created == [("customers", "NEW-5"), ("customers", "NEW-6")]
    rows = csv.DictReader(StringIO(tenant.run("pushes", "3", "--format", "csv")))
    assert [(row["code"], row["state"], row["id"]) for row in rows] == [
        ("NEW-1", "created", "65"),
        ("NEW-2", "refused", ""),
        ("NEW-3", "unknown", ""),
        ("NEW-4", "created", "66"),  # found in the list
        ("NEW-5", "created", "67"),
        ("NEW-6", "created", "68"),
    ]
    again = ("push", "customers", "customers.csv", "--resend-unknown", "--json")
    assert json.loads(tenant.run(*again, code=1))["created"] == 1
    assert tenant.api.created[2:] == [("customers", "NEW-3")]


def test_push_after_a_kill(tenant: Tenant) -> None:
    """The row that a killed push was sending is unknown, and the one after it is sent."""
    done = json.loads(tenant.run("push", "vendors", "vendors.csv", "--json", code=1))

    counts = ("rows", "earlier", "created", "unknown", "ready")
    assert [done[count] for count in counts] == [3, 1, 1, 1, 0]
    assert tenant.api.pages_of("vendors") != []
    assert tenant.api.created == [("vendors", "NEW-3")]
