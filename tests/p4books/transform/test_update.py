"""Tables that are kept, patched or built anew, and checks of what changed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from p4books.errors import CheckFailed
from p4books.transform.build import build_tables
from p4books.transform.changes import ANY, Change, Changes, find_changes
from p4books.transform.checks import run_checks
from p4books.transform.inputs import use_inputs
from p4books.transform.models import ModelSet, SqlSources, load_models
from p4books.transform.slices import MAX_VALUES, Slices

Files = Callable[..., Path]
Rows = list[tuple[Any, ...]]

HISTORY = """-- One row per version of an invoice.
-- key: invoice_id, valid_from
-- partition: invoice_id, id
select
    id as invoice_id,
    customer_id,
    _dlt_valid_from as valid_from,
    _dlt_valid_to as valid_to,
    total
from raw.invoices"""
OPEN = """-- One row per invoice.
-- key: invoice_id
-- partition: invoice_id
select invoice_id, customer_id, total from staging.invoices_history where valid_to is null"""
BY_CUSTOMER = """-- One row per customer.
-- key: customer_id
-- partition: customer_id
select customer_id, sum(total) as total from core.fct_invoice group by customer_id"""
IN_ALL = """-- One row.
select sum(total) as total from core.fct_invoice"""
NAMES = """-- One row per customer.
-- key: customer_id
select customer_id, total, name from reporting.by_customer, raw.names"""
AGREES = """-- Totals of customers are those of their invoices.
-- partition: customer_id
select customer_id
from (
    from reporting.by_customer
    union all
    select customer_id, -total as total from core.fct_invoice
)
group by customer_id
having sum(total) <> 0"""
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)


class Tenant:
    """A warehouse with invoices, and the tables of a published file."""

    def __init__(self, con: duckdb.DuckDBPyConnection, root: Path) -> None:
        self.con, self.root = con, root
        self.models: ModelSet = load_models(SqlSources.at(root))
        self.fingerprints: dict[str, str] = {}

    def build(self, *, scratch: bool = False) -> Changes:
        """Build what changed, or all from scratch; return the changes."""
        self.drop_slices()
        self.con.execute("drop schema if exists memory.changes cascade")
        use_inputs(self.con)
        before = None if scratch else self.fingerprints
        changes, self.fingerprints = find_changes(self.con, self.models.models, before)
        build_tables(self.con, self.models, changes)
        return changes or {}

    def drop_slices(self) -> None:
        """Drop what a connection has, which is used once outside tests."""
        names = "select database_name from duckdb_databases() where database_name like 'slice%'"
        for (name,) in self.con.execute(names).fetchall():
            self.con.execute(f"detach {name}")

    def load(self, invoice: str, total: int, customer: str | None = "1") -> None:
        """Load another version of an invoice."""
        at, _ = self.con.execute(
            "select max(greatest(_dlt_valid_from, _dlt_valid_to)) + interval 1 day, 0"
            " from warehouse.raw.invoices"
        ).fetchone() or (None, 0)
        at = at or JANUARY
        self.con.execute(
            "update warehouse.raw.invoices set _dlt_valid_to = ?"
            " where id = ? and _dlt_valid_to is null",
            [at, invoice],
        )
        self.con.execute(
            "insert into warehouse.raw.invoices values (?, ?, ?, null, ?)",
            [invoice, customer, at, total],
        )

    def spoil(self, table: str) -> None:
        """Write 1,000 over every total in a published table."""
        self.con.execute(f"update published.{table} set total = 1000")

    def query(self, table: str) -> Rows:
        """Return the rows of a published table."""
        return self.con.execute(f"from published.{table} order by all").fetchall()


@pytest.fixture
def tenant(sql: Files) -> Iterator[Tenant]:
    """A tenant with an invoice of each of two customers, published once."""
    root = sql(
        staging__invoices_history=HISTORY,
        core__fct_invoice=OPEN,
        reporting__by_customer=BY_CUSTOMER,
        reporting__in_all=IN_ALL,
        reporting__names=NAMES,
        checks__agrees=AGREES,
    )
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute("attach ':memory:' as warehouse; attach ':memory:' as published")
        con.execute("create schema warehouse.raw; create schema memory.raw")
        con.execute(
            "create table warehouse.raw.invoices (id varchar, customer_id varchar,"
            " _dlt_valid_from timestamptz, _dlt_valid_to timestamptz, total integer)"
        )
        con.execute("create table memory.raw.names as select 'Ana' as name")
        made = Tenant(con, root)
        made.load("10", 5)
        made.load("20", 7, "2")
        made.build(scratch=True)
        yield made


def test_nothing_changed(tenant: Tenant) -> None:
    """All tables are kept, whatever is in them."""
    tenant.spoil("reporting.by_customer")

    assert tenant.build() == {}
    assert tenant.query("reporting.by_customer") == [("1", 1000), ("2", 1000)]


def test_changed_invoice(tenant: Tenant) -> None:
    """Only the rows of the invoice and of its customer are computed again, and all sums."""
    tenant.load("10", 6)
    for table in ("core.fct_invoice", "reporting.by_customer", "reporting.in_all"):
        tenant.spoil(table)

    tenant.build()

    assert tenant.query("core.fct_invoice") == [("10", "1", 6), ("20", "2", 1000)]
    assert tenant.query("reporting.by_customer") == [("1", 6), ("2", 1000)]
    assert tenant.query("reporting.in_all") == [(1006,)]
    assert tenant.query("reporting.names") == [("1", 6, "Ana"), ("2", 1000, "Ana")]


def test_change_of_another_customer(tenant: Tenant) -> None:
    """An invoice that goes to another customer changes both."""
    tenant.load("10", 5, "2")

    tenant.build()

    assert tenant.query("reporting.by_customer") == [("2", 12)]


def test_change_that_is_not_seen(tenant: Tenant) -> None:
    """A table whose rows are as before changes nothing that reads it."""
    tenant.load("10", 5)
    tenant.spoil("reporting.by_customer")

    changes = tenant.build()

    assert sorted(changes) == ["raw.invoices", "staging.invoices_history"]
    assert tenant.query("reporting.by_customer") == [("1", 1000), ("2", 1000)]


def test_deleted_invoice(tenant: Tenant) -> None:
    """What is gone leaves its row and its customer's."""
    tenant.con.execute(
        "update warehouse.raw.invoices set _dlt_valid_to = ? where id = '10'", [MARCH]
    )

    tenant.build()

    assert tenant.query("core.fct_invoice") == [("20", "2", 7)]
    assert tenant.query("reporting.by_customer") == [("2", 7)]


def test_changed_input_without_the_column(tenant: Tenant) -> None:
    """A table is built anew if an input changed of which nothing tells the rows concerned."""
    tenant.con.execute("update memory.raw.names set name = 'Eva'")
    tenant.spoil("reporting.names")
    tenant.spoil("reporting.by_customer")

    changes = tenant.build()

    assert changes == {"raw.names": ANY, "reporting.names": ANY}
    assert tenant.query("reporting.names") == [("1", 1000, "Eva"), ("2", 1000, "Eva")]


def test_no_value_in_the_column(tenant: Tenant) -> None:
    """A table is built anew if a changed row has no value in the column of the partition."""
    tenant.load("30", 9, None)
    tenant.spoil("reporting.by_customer")

    changes = tenant.build()

    assert tenant.query("reporting.by_customer") == [("1", 5), ("2", 7), (None, 9)]

    with pytest.raises(CheckFailed, match="by_customer has no row without customer_id"):
        check(tenant, changes)


def test_many_changed_values(tenant: Tenant) -> None:
    """A table is built anew if more values changed than it pays to look for."""
    tenant.con.execute(
        "insert into warehouse.raw.invoices"
        f" select 'x' || range, '3', ?, null, 1 from range({MAX_VALUES + 1})",
        [MARCH],
    )
    tenant.spoil("core.fct_invoice")

    tenant.build()

    assert tenant.query("reporting.in_all") == [(12 + MAX_VALUES + 1,)]


OTHER_WAREHOUSES = {
    "a version less": "delete from warehouse.raw.invoices where id = '10'",
    "an end less": "update warehouse.raw.invoices set _dlt_valid_to = null where id = '10'",
    "empty": "delete from warehouse.raw.invoices",
}


@pytest.mark.parametrize("case", OTHER_WAREHOUSES)
def test_other_warehouse(tenant: Tenant, case: str) -> None:
    """All is built anew if the warehouse is not the one that was published, with more in it."""
    tenant.load("10", 6)
    tenant.build()
    tenant.con.execute(OTHER_WAREHOUSES[case])
    tenant.load("20", 8, "2")
    for table in ("core.fct_invoice", "reporting.by_customer"):
        tenant.spoil(table)

    changes = tenant.build()
    kept = [tenant.query(model.full_name) for model in tenant.models.models]
    tenant.con.execute("detach published; attach ':memory:' as published")
    tenant.build(scratch=True)

    assert changes["raw.invoices"] == ANY
    assert kept == [tenant.query(model.full_name) for model in tenant.models.models]


def test_warehouse_of_earlier_times(tenant: Tenant) -> None:
    """All is built anew if as many versions as before are of times before those published."""
    tenant.con.execute(
        "update warehouse.raw.invoices set total = 9, _dlt_valid_from = '2025-01-01'"
    )

    changes = tenant.build()

    assert changes["raw.invoices"] == ANY
    assert tenant.query("reporting.in_all") == [(18,)]


def test_empty_list(tenant: Tenant) -> None:
    """A list without rows is as before until it has some."""
    tenant.con.execute("delete from warehouse.raw.invoices")
    tenant.build()

    assert tenant.build() == {}

    tenant.load("10", 4)
    tenant.build()
    assert tenant.query("reporting.in_all") == [(4,)]


def test_values_with_blanks() -> None:
    """Values are told apart, whatever is in them."""
    with duckdb.connect() as con:
        con.execute("create table changed as select unnest(['1', '2']) as invoice_id")
        con.execute("create table other as select '1 2' as invoice_id")
        slices = Slices()
        names = [
            part.name
            for table in ("changed", "other", "changed")
            if (
                part := slices.copy_inputs(
                    con, (), ["invoice_id"], [Change(table, ("invoice_id",))]
                )
            )
        ]

    assert names == ["slice_0", "slice_1", "slice_0"]


def test_reference_with_a_name_of_the_partition() -> None:
    """The own key of a table is taken, which is before its references, such as adopted fields."""
    with duckdb.connect() as con:
        con.execute("create table changed as select '1' as sales_order_id, '9' as invoice_id")
        change = Change("changed", ("sales_order_id", "invoice_id"))

        part = Slices().copy_inputs(con, (), ["invoice_id", "sales_order_id"], [change])

        assert part is not None
        assert con.execute(f"from {part.values}").fetchall() == [("1",)]


def test_rows_stay_in_order(tenant: Tenant) -> None:
    """A small table that is patched keeps its order."""
    tenant.load("10", 6)

    tenant.build()

    rows = tenant.con.execute("from published.core.fct_invoice").fetchall()
    assert rows == [("10", "1", 6), ("20", "2", 7)]


def check(tenant: Tenant, changes: Changes | None) -> None:
    tenant.drop_slices()
    files = sorted((tenant.root / "checks").glob("*.sql"))
    run_checks(tenant.con, tenant.models.models, files, changes)


def test_check_of_what_changed(tenant: Tenant) -> None:
    """A check sees what is wrong with the values that changed; others passed before."""
    tenant.load("10", 6)
    changes = tenant.build()
    tenant.con.execute(
        "update published.reporting.by_customer set total = 8 where customer_id = '2'"
    )
    check(tenant, changes)
    with pytest.raises(CheckFailed, match="`agrees` failed: 1 row"):
        check(tenant, None)

    tenant.con.execute(
        "update published.reporting.by_customer set total = 8 where customer_id = '1'"
    )

    with pytest.raises(CheckFailed, match=r"`agrees` failed: 1 row(.|\n)*customer_id: 1"):
        check(tenant, changes)


def test_check_of_tables_that_are_as_before(tenant: Tenant) -> None:
    """A check that reads no table that changed is not run again."""
    tenant.spoil("reporting.by_customer")

    check(tenant, {"reporting.in_all": ANY})

    with pytest.raises(CheckFailed, match="`agrees` failed: 2 rows"):
        check(tenant, {"reporting.by_customer": ANY})


def test_key_of_what_changed(tenant: Tenant) -> None:
    """A key is checked for the values that changed."""
    tenant.load("10", 6)
    changes = tenant.build()
    tenant.con.execute("insert into published.core.fct_invoice values ('20', '2', 7)")
    check(tenant, {name: changes[name] for name in ("core.fct_invoice",)})

    tenant.con.execute("insert into published.core.fct_invoice values ('10', '1', 6)")

    with pytest.raises(CheckFailed, match=r"core\.fct_invoice has one row per invoice_id` failed"):
        check(tenant, changes)
