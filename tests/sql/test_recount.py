"""End to end: the reports of a synced sandbox, recounted in plain Python from its own API.

That rows become reports, whatever the rows, is proven in test_sums. Here the rows come over HTTP.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import pytest
from tests.sql.conftest import Synced

RATES = {"EXENTO": "0", "ITBMS": "0.07", "ITBMS10": "0.10", "ITBMS15": "0.15"}
BUCKETS = ((0, "current"), (30, "1-30"), (60, "31-60"), (90, "61-90"))

Ask = Callable[[str], dict[Any, Any]]
Row = dict[str, Any]
Sums = dict[Hashable, Decimal]


@pytest.fixture(scope="module")
def ask(synced: Synced) -> Iterator[Ask]:
    """Ask the published file for a key of several columns, and an amount that is not 0."""
    with duckdb.connect(synced.settings.published, read_only=True) as con:

        def ask(sql: str) -> dict[Any, Any]:
            rows = con.execute(sql).fetchall()
            return {tuple(key): amount for *key, amount in rows if amount}

        yield ask


@pytest.fixture(scope="module")
def live(synced: Synced) -> list[Row]:
    """The invoices that count: neither void nor draft."""
    return [row for row in synced.invoices if row["status"].lower() not in {"void", "draft"}]


def customer(row: Row) -> str:
    """Return the customer's id, as the reports write it."""
    return str(row["customer_id"]) if row.get("customer_id") is not None else "(none)"


def month(row: Row) -> date:
    """Return the month of a document."""
    return date.fromisoformat(row["document_date"]).replace(day=1)


def test_receivables(ask: Ask, live: list[Row]) -> None:
    """What each customer owes, by age, is what its invoices say."""
    ((day,),) = ask("select as_of_on, true from core.as_of")
    owed: Sums = defaultdict(Decimal)
    for row in live:
        days = (day - date.fromisoformat(row.get("due_date") or row["document_date"])).days
        bucket = next((name for most, name in BUCKETS if days <= most), "90+")
        owed[customer(row), bucket] += row["balance"]

    found = ask(
        "select customer_id, aging_bucket, sum(balance) from reporting.ar_open_items group by all"
    )

    assert found == {key: amount for key, amount in owed.items() if amount}
    assert len({bucket for _, bucket in found}) >= 4


def test_sales_and_tax(ask: Ask, live: list[Row]) -> None:
    """Sales of each customer and product, and ITBMS of each code, are those of the lines."""
    sold: Sums = defaultdict(Decimal)
    quantity: Sums = defaultdict(Decimal)
    tax: Sums = defaultdict(Decimal)
    charged: Sums = defaultdict(Decimal)
    for row in live:
        charged[month(row),] += row["tax_total"]
        for line in row["lines"]:
            product = "(none)" if line.get("product_id") is None else str(line["product_id"])
            sold[customer(row), product, month(row)] += line["subtotal"]
            quantity[product, month(row)] += line["quantity"]
            line_tax = line["subtotal"] * Decimal(RATES[line["tax_code"]])
            tax[month(row), line["tax_code"]] += line_tax.quantize(Decimal("0.01"), ROUND_HALF_UP)

    cube = "select customer_id, product_id, month_on, net from reporting.sales_cube"
    by_code = "select month_on, tax_code, tax from reporting.itbms_by_month"
    by_month = "select month_on, tax from reporting.sales_by_month"
    by_product = "select product_id, month_on, quantity from reporting.sales_by_product"
    for found, expected in (
        (ask(cube), sold),
        (ask(by_product), quantity),
        (ask(by_code), tax),
        (ask(by_month), charged),
    ):
        assert found == {key: amount for key, amount in expected.items() if amount}
        assert len(found) > 10


def test_balances(ask: Ask, synced: Synced) -> None:
    """The balance on each customer's record is the one in the reconciliation."""
    records = {(str(row["id"]),): row["balance"] for row in synced.customers if row["balance"]}

    assert records == ask(
        "select customer_id, customer_balance from reporting.customer_balance_reconciliation"
    )
