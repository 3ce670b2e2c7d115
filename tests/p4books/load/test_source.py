"""dlt sources: versions for the warehouse, complete lists for other pipelines."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from p4books import p4books_source
from p4books.endpoints import ENDPOINTS
from p4books.errors import Incomplete, P4BooksError
from p4books.load.delta import Delta
from p4books.load.schema import NO_SCAN
from p4books.load.source import versions_source
from p4books.storage.database import borrow_reader
from p4books_sandbox import Arrival, Sandbox

Run = Callable[..., None]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the source in a plain pipeline of a user, into books.duckdb."""
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")

    def run(sandbox: Sandbox, **given: Any) -> None:
        monkeypatch.setenv("SOURCES__P4BOOKS__API_KEY", sandbox.key)
        monkeypatch.setenv("SOURCES__P4BOOKS__TENANT", "acme")
        arguments = {"base_url": sandbox.base_url, "requests_per_window": 100_000, **given}
        pipeline = dlt.pipeline(
            "mine",
            pipelines_dir=str(tmp_path / "pipelines"),
            destination=dlt.destinations.duckdb(str(tmp_path / "books.duckdb")),
            dataset_name="p4",
        )
        pipeline.run(p4books_source(**arguments))

    return run


def select_ids(tmp_path: Path, endpoint: str) -> list[str]:
    with borrow_reader(tmp_path / "books.duckdb") as con:
        return [row[0] for row in con.execute(f"select id from p4.{endpoint}").fetchall()]


def test_every_list(sandbox: Sandbox, load: Run, tmp_path: Path) -> None:
    """A plain dlt pipeline with a key in its configuration loads every row, and follows the API."""
    load(sandbox)
    first = {name: select_ids(tmp_path, name) for name in ENDPOINTS}
    rows = sandbox.books["invoices"]
    rows.delete(7)
    rows.replace(8, total="1234567890123456.78")
    for vendor in sandbox.books["vendors"].ids():
        sandbox.books["vendors"].delete(vendor)

    load(sandbox)

    for name, endpoint in ENDPOINTS.items():
        now = [str(each) for each in sandbox.books[endpoint.path].ids()]
        assert sorted(select_ids(tmp_path, name)) == sorted(now)
    assert sorted(map(int, first["invoices"])) == list(range(1, 31))
    assert len(first["vendors"]) == 20
    with borrow_reader(tmp_path / "books.duckdb") as con:
        total = con.execute("select total::varchar from p4.invoices where id = '8'").fetchall()
    assert total == [("1234567890123456.78",)]


def test_incomplete_list(sandbox: Sandbox, load: Run, tmp_path: Path) -> None:
    """A list that returned fewer rows than it announced replaces nothing."""
    load(sandbox, endpoints=["invoices"])
    rows = sandbox.books["invoices"]

    def add_duplicate(_: Arrival) -> None:
        if len(rows) == 30:
            rows.insert({"id": 7})

    sandbox.before_each = add_duplicate
    with pytest.raises(PipelineStepFailed) as caught:
        load(sandbox, endpoints=["invoices"])

    cause: BaseException | None = caught.value
    while cause is not None and not isinstance(cause, P4BooksError):
        cause = cause.__cause__
    assert isinstance(cause, Incomplete)
    assert len(select_ids(tmp_path, "invoices")) == 30


def test_history(sandbox: Sandbox, load: Run, tmp_path: Path) -> None:
    """With `history` an unchanged row gets no version, a changed one gets one, a gone one ends."""
    invoices, vendors = sandbox.books["invoices"], sandbox.books["vendors"]
    options = {"endpoints": ["invoices", "vendors"], "history": True}
    load(sandbox, **options)
    load(sandbox, **options)
    unchanged = select_versions(tmp_path, "invoices")
    invoices.replace(8, total="77.00")
    invoices.delete(7)
    for vendor in vendors.ids():
        vendors.delete(vendor)
    load(sandbox, **options)

    versions = select_versions(tmp_path, "invoices")
    assert unchanged == [(str(number), True) for number in range(1, 31)]
    assert len(versions) == 31
    assert [version for version in versions if version[0] in {"7", "8"}] == [
        ("7", False),
        ("8", False),
        ("8", True),
    ]
    assert {is_active for _, is_active in select_versions(tmp_path, "vendors")} == {False}


def select_versions(tmp_path: Path, endpoint: str) -> list[tuple[str, bool]]:
    with borrow_reader(tmp_path / "books.duckdb") as con:
        return con.execute(
            f"select id, _dlt_valid_to is null as is_active from p4.{endpoint}"
            " order by id::integer, is_active"
        ).fetchall()


@pytest.mark.parametrize("history", [False, True])
def test_schema(history: bool) -> None:
    """The schema that dlt shows has keys, and says what each table and each column is."""
    source = p4books_source(tenant="acme", api_key="k", history=history)

    for name, endpoint in ENDPOINTS.items():
        table = source.resources[name].compute_table_schema()
        columns = table["columns"]
        assert f"/{endpoint.path} " in (table.get("description") or "")
        assert [key for key, hint in columns.items() if hint.get("primary_key")] == ["id"]
        dlts = {"row_hash", "_dlt_valid_from", "_dlt_valid_to"} if history else set()  # its hints
        assert [
            key for key in columns if not columns[key].get("description") and key not in dlts
        ] == []
        for inner, fields in endpoint.inner.items():
            shape = columns[inner].get("description") or ""
            assert [f for f, kind in fields.items() if f"{f} ({kind.value})" not in shape] == []


def test_columns() -> None:
    """Every column is declared, with hints of its own."""
    source = p4books_source(tenant="acme", api_key="k")

    assert list(source.resources) == list(ENDPOINTS)
    columns = source.resources["invoices"].columns
    assert isinstance(columns, dict)
    assert columns["total"] == {
        "name": "total",
        "nullable": True,
        "data_type": "decimal",
        "precision": 18,
        "scale": 2,
        "description": "Amount with tax; negative for a credit note",
    }
    hints = [id(hint) for hint in columns.values()]
    assert len(set(hints)) == len(hints)


def test_selected_lists() -> None:
    """The lists can be selected, spelled as in the API."""
    source = p4books_source(tenant="acme", api_key="k", endpoints=["sales-orders", "vendors"])

    assert list(source.resources) == ["sales_orders", "vendors"]


@pytest.mark.parametrize(("changed", "disposition"), [(0, "append"), (1, "merge")])
def test_versions(tmp_path: Path, changed: int, disposition: str) -> None:
    """The source of a sync appends, or closes only rows that it names; its hints are dlt's own.

    They do not vary but for the disposition, and no column is required, as in DuckDB's files.
    """
    delta = Delta(ENDPOINTS["vendors"], NO_SCAN, 0, 1, 1, changed, 0, missed=False, query="")
    source = versions_source([(delta, tmp_path / "vendors.parquet")])
    resource = source.resources["vendors"]

    hints: dict[str, Any] = dict(resource.compute_table_schema())
    resource.apply_hints(
        write_disposition={
            "disposition": "merge",
            "strategy": "scd2",
            "row_version_column_name": "row_hash",
            "source_filter": "not coalesce(gone, false)",
            "destination_scope": "id in (select id from {staging_table})",
        }
    )
    dlts: dict[str, Any] = dict(resource.compute_table_schema())

    assert hints["write_disposition"] == disposition
    assert list(hints["columns"])[-2:] == ["_dlt_valid_from", "_dlt_valid_to"]
    dlts["write_disposition"] = disposition
    dlts["columns"]["row_hash"].update(nullable=True, data_type="text")
    assert hints == dlts


@pytest.mark.parametrize("module", ["p4books", "p4books.sync", "p4books.publish.status"])
def test_no_dlt(module: str) -> None:
    """Importing p4books does not import dlt."""
    program = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ
    )

    assert not {"dlt", "pyarrow"} & set(done.stdout.split())
