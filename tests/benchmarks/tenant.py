"""A tenant whose books change between its runs.

Each run is checked in the log of runs and in the published file: one that loaded anything else than
what was changed ends the benchmark.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import orjson
from tests.benchmarks.processes import P4BOOKS, Measured, environment, measure, module

from p4books.storage.run_log import RunLog
from p4books_sandbox import Sandbox

_numbers = count(1)  # each change has another one, so that none is like an earlier one


class Tenant:
    """A tenant in a folder, with the books of a sandbox."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.environment = environment(sandbox, folder)
        self.published = folder / "data" / "bench.duckdb"
        self.private = folder / "data" / ".private" / "bench"
        self.warehouse = self.private / "warehouse.duckdb"
        self._books = sandbox.books

    def first_sync(self, *, reports: bool = True) -> Measured:
        """Copy all lists into an empty folder, with or without reports."""
        command = [P4BOOKS, "sync", "--full"] if reports else module("clean_tables")
        measured = measure(command, self.environment)
        self._expect(new=sum(len(each) for each in self._books.values()))
        return measured

    def quiet_run(self, *words: str) -> Measured:
        """Sync when nothing has changed."""
        return self._sync(*words)

    def run_with_invoices(self, number: int = 10) -> Measured:
        """Sync after payments on the newest invoices."""
        invoices = self._books["invoices"]
        paid = Decimal(next(_numbers)) / 100
        newest = [orjson.loads(row) for row in invoices.page(-number, len(invoices))[0]]
        for record in newest:
            balance = Decimal(str(record["total"])) - paid
            changes = {"status": "PartiallyPaid", "amount_paid": paid, "balance": balance}
            invoices.replace(record["id"], **changes)
        measured = self._sync(changed=number)
        self._expect_published("staging.invoices", "amount_paid", newest, paid)
        return measured

    def run_with_customer(self) -> Measured:
        """Sync after the newest customer got another name."""
        customers = self._books["customers"]
        (newest,) = (orjson.loads(row) for row in customers.page(-1, len(customers))[0])
        name = f"Customer {next(_numbers)}"
        customers.replace(newest["id"], name=name)
        measured = self._sync(changed=1)
        self._expect_published("staging.customers", "customer_name", [newest], name)
        return measured

    def publish(self) -> Measured:
        """Build, check and publish everything."""
        return measure([P4BOOKS, "report", "--rebuild"], self.environment)

    def _sync(self, *words: str, changed: int = 0) -> Measured:
        measured = measure([P4BOOKS, "sync", *words], self.environment)
        self._expect(changed=changed)
        return measured

    def _expect(self, new: int = 0, changed: int = 0) -> None:
        (run,) = RunLog(self.private / "runs.sqlite").load_runs(1)
        loaded = tuple(run.sum(name) for name in ("new", "changed", "gone"))
        if loaded != (new, changed, 0):
            raise SystemExit(f"a run loaded {loaded} instead of {(new, changed, 0)}")

    def _expect_published(
        self, model: str, column: str, records: Sequence[dict[str, Any]], value: object
    ) -> None:
        key = model.removeprefix("staging.").removesuffix("s") + "_id"
        ids = [str(record["id"]) for record in records]
        with duckdb.connect(self.published, read_only=True) as con:
            query = f"select count(*) from {model} where {key} in $ids and {column} = $value"
            (found,) = con.execute(query, {"ids": ids, "value": value}).fetchone() or (0,)
        if found != len(ids):
            raise SystemExit(f"{found} of {len(ids)} changes are in {model}")
