"""A tenant whose books change between its runs."""

from collections.abc import Iterator

import duckdb
import pytest
from tests.benchmarks.history import add_versions
from tests.benchmarks.processes import make_sandbox
from tests.benchmarks.tenant import Tenant

from p4books_sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """The books."""
    with make_sandbox(30) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def tenant(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Tenant:
    """A tenant that has copied the books."""
    tenant = Tenant(sandbox, tmp_path_factory.mktemp("tenant"))
    tenant.first_sync(reports=False)
    return tenant


def test_versions(tenant: Tenant) -> None:
    """Versions that are added are whole, follow each other, and can be published."""
    add_versions(tenant.warehouse, 4)

    tenant.publish()

    with duckdb.connect(tenant.published, read_only=True) as con:
        for table in ("customers", "invoices", "sales_orders"):
            versions = con.execute(
                f"""
                select distinct count(*), count(valid_to), count(distinct valid_from),
                    date_diff('year', min(valid_from), max(valid_from))
                from staging.{table}_history group by {table.removesuffix("s")}_id
                """
            ).fetchall()
            assert versions == [(4, 3, 4, 2)]


def test_changes(tenant: Tenant, sandbox: Sandbox) -> None:
    """Runs load and publish the changes that are made before them; others end the benchmark."""
    tenant.run_with_invoices()
    tenant.run_with_customer()
    sandbox.books["vendors"].replace(1, name="Another")

    with pytest.raises(SystemExit, match=r"loaded \(0, 1, 0\) instead of \(0, 0, 0\)"):
        tenant.quiet_run()
