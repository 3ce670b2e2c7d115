"""Fixtures: a sandbox, settings that lead to it, synced tenants, SQL folders."""

import gc
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import hypothesis
import pytest
from tests.browser import NewPage, open_browser, open_pages
from tests.published_books import publish_books
from tests.s3 import BUCKET, S3Server, run_s3
from tests.sql.fixed_books import AS_OF, rows
from tests.staging_sync import sync

from p4books.endpoints import ENDPOINTS
from p4books.extract.reader import ExtractResult, ReadOptions, read_lists
from p4books.load.schema import create_tables
from p4books.publish.publish import PublishTarget, build_published_file
from p4books.settings import ENV_PREFIX, Settings
from p4books.storage.database import borrow_reader
from p4books.storage.run_log import SyncSummary
from p4books.transform.models import SqlSources, load_models
from p4books_sandbox import Sandbox

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MakeSettings = Callable[..., Settings]
Row = tuple[Any, ...]

_PLACES = {
    "DLT_PROJECT_DIR",
    *("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"),
}


hypothesis.settings.register_profile(
    "p4books", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("p4books")  # machines are shared: no deadline per example
gc.set_threshold(50_000, 20, 20)  # thousands of tests are objects that stay: to look less often


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> Iterator[None]:
    """Let the programs that tests start obey signals that whoever started the tests ignores.

    A shell ignores Ctrl-C for what it starts in the background, `nohup` the end of a terminal, and
    programs inherit it. The tests themselves go on when their terminal ends.
    """
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: lambda *_: None}
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        if before[number] is signal.SIG_IGN:
            signal.signal(number, handler)
    yield
    for number, old in before.items():
        signal.signal(number, old)


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the user has set, and the user's home, out of every test."""
    for name in list(os.environ):
        upper = name.upper()
        if upper.startswith(ENV_PREFIX) or upper.endswith("_PROXY") or upper in _PLACES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A small P4 Books without limit, of the test's own."""
    with Sandbox(invoices=30, limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    """Make settings that lead to a sandbox and keep their data in the test's folder."""

    def make(sandbox: Sandbox, **overrides: Any) -> Settings:
        given: dict[str, Any] = {
            "tenant": "acme",
            "api_key": sandbox.key,
            "base_url": sandbox.base_url,
            "data_dir": tmp_path / "data",
            "requests_per_window": 100_000,
        }
        return Settings(**{**given, **overrides})

    return make


@pytest.fixture
def settings(make_settings: MakeSettings, sandbox: Sandbox) -> Settings:
    """Settings that lead to the test's sandbox."""
    return make_settings(sandbox)


@dataclass
class Tenant:
    """A tenant and its sandbox: the invoices in P4 Books, in the spool and in the published file.

    A row is an id, a code, five amounts and the sum of the lines; an invalid amount is None.
    """

    sandbox: Sandbox
    settings: Settings

    def sync(self, *endpoints: str, **options: Any) -> SyncSummary:
        """Sync the given lists, by default only invoices."""
        return sync(self.settings, endpoints or ["invoices"], **options)

    def extract(self, *endpoints: str) -> ExtractResult:
        """Read lists into the spools only, without waiting between attempts."""
        named = [ENDPOINTS[name] for name in endpoints or ["invoices"]]
        return read_lists(self.settings, named, options=ReadOptions(backoff=0))

    def spooled(self) -> set[str]:
        """Return the ids of the invoices in the spool."""
        files = (self.settings.spool / "invoices").glob("*.ndjson")
        return {str(json.loads(line)["id"]) for f in files for line in f.read_bytes().splitlines()}

    def expected(self) -> dict[str, Row]:
        """Return the rows in P4 Books by id, whatever the spelling of their names."""
        rows, _ = self.sandbox.books["invoices"].page(0, 1_000_000)
        return {
            str(row[0]): row for row in (_row(json.loads(row, parse_float=str)) for row in rows)
        }

    def published(self) -> dict[str, Row]:
        """Return the published rows by id."""
        rows = self.query(
            """
            select
                invoice_id, any_value(invoice_code), any_value(invoice_subtotal),
                any_value(invoice_tax), any_value(invoice_total), any_value(amount_paid),
                any_value(balance), sum(line_net)
            from staging.invoices left join staging.invoice_lines using (invoice_id)
            group by invoice_id
            """
        )
        assert self.query("select count(*) from staging.invoices") == [(len(rows),)]
        return {row[0]: row for row in rows}

    def query(self, sql: str) -> list[Row]:
        """Query the published file."""
        with borrow_reader(self.settings.published) as con:
            return con.execute(sql).fetchall()

    def findings(self) -> list[Row]:
        """Return the values that did not fit: id, field, value."""
        with borrow_reader(self.settings.warehouse) as con:
            return con.execute(
                "select id, field, value from raw.findings where id is not null"
                " order by id::hugeint, field"
            ).fetchall()


AMOUNTS = ("subtotal", "taxtotal", "total", "amountpaid", "balance")


def _row(record: dict[str, Any]) -> Row:
    record = {name.replace("_", "").lower(): value for name, value in record.items()}
    items = record.get("lines")
    lines = [
        _amount({name.lower(): value for name, value in line.items()}.get("subtotal"))
        for line in (items if isinstance(items, list) else [])
    ]
    nets = [net for net in lines if net is not None]
    return (
        str(record["id"]),
        record.get("code"),
        *(_amount(record.get(name)) for name in AMOUNTS),
        sum(nets, Decimal(0)) if nets else None,
    )


def _amount(value: object) -> Decimal | None:
    return None if value in {None, "N/A"} else Decimal(str(value))


@pytest.fixture
def tenant(make_settings: MakeSettings) -> Iterator[Callable[..., Tenant]]:
    """Open sandboxes with the given options, and tenants that read ten rows per page."""
    with ExitStack() as stack:

        def open_tenant(options: dict[str, Any] | None = None, **settings: Any) -> Tenant:
            sandbox = stack.enter_context(
                Sandbox(**{"invoices": 37, "limit": 0, **(options or {})})
            )
            return Tenant(sandbox, make_settings(sandbox, **{"page_size": 10, **settings}))

        yield open_tenant


Files = Callable[..., Path]

ABOUT: dict[str, Any] = {
    "tenant": "acme",
    "as_of_at": datetime(2026, 3, 31, 12, 30, tzinfo=UTC),
    "as_of_on": date(2026, 3, 31),
    "timezone": "America/Panama",
    "published_at": datetime(2026, 3, 31, 12, 45, tzinfo=UTC),
}


def write_sql(root: Path, **files: str) -> Path:
    """Write SQL files, named layer__name; return their root."""
    for name, text in files.items():
        layer, _, stem = name.partition("__")
        (root / layer).mkdir(parents=True, exist_ok=True)
        (root / layer / f"{stem}.sql").write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def sql(tmp_path: Path) -> Files:
    """Write SQL files, named layer__name, into the test's folder; return their root."""
    return partial(write_sql, tmp_path / "sql")


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse without rows; to be copied."""
    path = tmp_path_factory.mktemp("empty") / "warehouse.duckdb"
    create_tables(path, tuple(ENDPOINTS.values()))
    return path


@pytest.fixture(scope="session")
def vendors_warehouse(empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with two vendors, and an earlier version of one of them; to be copied."""
    path = Path(shutil.copy(empty_warehouse, tmp_path_factory.mktemp("vendors")))
    with duckdb.connect(path) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute(
            "insert into raw.vendors (id, name, balance, _dlt_valid_from, _dlt_valid_to) values"
            " ('1', 'Óptica \"Luz\" 😀', 12.30, '2026-01-01', null),"
            " ('2', '=SUM(A1)', 0.10, '2026-01-01', '2026-02-01'),"
            " ('2', '=SUM(A1)', 0.20, '2026-02-01', null)"
        )
    return path


@pytest.fixture
def warehouse(vendors_warehouse: Path, tmp_path: Path) -> Path:
    """A copy of the warehouse with two vendors, for one test."""
    return Path(shutil.copy(vendors_warehouse, tmp_path))


def publish(
    folder: Path, warehouse: Path, meanings: str = "", values: str = "", **files: str
) -> Path:
    """Publish models, named layer__name, with the meanings of columns and the names of values.

    Return the file.
    """
    root = write_sql(folder / "sql", **files)
    (root / "values.csv").write_text(values, encoding="utf-8")
    (root / "columns.csv").write_text(f"column,meaning\n{meanings}", encoding="utf-8")
    (folder / "work").mkdir(exist_ok=True)
    file = folder / "acme.duckdb"
    target = PublishTarget(folder / "work", file, 0o640, ABOUT)
    build_published_file(warehouse, load_models(SqlSources.at(root)), target)
    return file


@pytest.fixture
def publish_models(warehouse: Path, tmp_path: Path) -> Files:
    """Publish models of the test's warehouse in the test's folder."""
    return partial(publish, tmp_path, warehouse)


@pytest.fixture(scope="module")
def publish_shared(vendors_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Publish models of the warehouse with two vendors, for all tests of a module."""
    return partial(publish, tmp_path_factory.mktemp("published"), vendors_warehouse)


@pytest.fixture(scope="session")
def fixed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published file of the books that golden files are made from, with two currencies."""
    return publish_books(tmp_path_factory.mktemp("fixed") / "books", rows(), AS_OF)


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file without rows, of which not even the day is known."""
    return publish_books(tmp_path_factory.mktemp("fixed") / "empty", {}, {})


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """A browser without a window, started once for all tests of a process."""
    with open_browser() as browser:
        yield browser


@pytest.fixture
def new_page(browser: "Browser") -> Iterator[NewPage]:
    """Open pages of the browser for one test."""
    with open_pages(browser) as new_page:
        yield new_page


@pytest.fixture(scope="module")
def s3_server() -> Iterator[S3Server]:
    """An S3 for all tests of a module, which may stop and start it."""
    with run_s3() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a folder in an empty bucket, whose credentials are in the environment."""
    s3_server.empty()
    for name, value in s3_server.variables.items():
        monkeypatch.setenv(name, value)
    return f"s3://{BUCKET}/p4books"
