"""Reports of a synced sandbox, recomputed in plain Python from its API.

This is the end-to-end test over HTTP; test_sums covers the models with random rows.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import pytest
from tests.sql.conftest import Synced

RATES = {"EXENTO": "0", "ITBMS": "0.07", "ITBMS10": "0.10", "ITBMS15": "0.15"}
BOXES = {"EXENTO": "17", "ITBMS": "11", "ITBMS10": "13", "ITBMS15": "15"}
BUCKETS = ((0, "current"), (30, "1-30"), (60, "31-60"), (90, "61-90"))

DONE = {"void", "draft", "cancelled", "canceled", "closed", "fulfilled", "received"}

Query = Callable[[str], dict[Any, Any]]
Row = dict[str, Any]
Sums = dict[Hashable, Decimal]


@pytest.fixture(scope="module")
def query(synced: Synced) -> Iterator[Query]:
    """Query the published file for amounts other than 0, by the columns before them."""
    with duckdb.connect(synced.settings.published, read_only=True) as con:

        def query(sql: str) -> dict[Any, Any]:
            rows = con.execute(sql).fetchall()
            return {tuple(key): amount for *key, amount in rows if amount}

        yield query


@pytest.fixture(scope="module")
def live_invoices(synced: Synced) -> list[Row]:
    """The invoices that count: neither void nor draft."""
    return [row for row in synced.invoices if row["status"].lower() not in {"void", "draft"}]


def customer_id(row: Row) -> str:
    """Return the customer's id as the reports show it."""
    return str(row["customer_id"]) if row.get("customer_id") is not None else "(none)"


def month_of(row: Row) -> date:
    """Return the first day of a document's month."""
    return date.fromisoformat(row["document_date"]).replace(day=1)


def test_receivables(query: Query, live_invoices: list[Row]) -> None:
    """The receivables of each customer and age agree with the invoices."""
    ((day,),) = query("select as_of_on, true from core.as_of")
    owed: Sums = defaultdict(Decimal)
    for row in live_invoices:
        days = (day - date.fromisoformat(row.get("due_date") or row["document_date"])).days
        bucket = next((name for most, name in BUCKETS if days <= most), "90+")
        owed[customer_id(row), bucket] += row["balance"]

    actual = query(
        "select customer_id, aging_bucket, sum(balance) from reporting.ar_open_items group by all"
    )

    assert actual == {key: amount for key, amount in owed.items() if amount}
    assert len({bucket for _, bucket in actual}) >= 4


def test_sales_and_tax(query: Query, live_invoices: list[Row]) -> None:
    """Sales by customer and product, and ITBMS by code, agree with the lines."""
    sold: Sums = defaultdict(Decimal)
    quantity: Sums = defaultdict(Decimal)
    tax: Sums = defaultdict(Decimal)
    charged: Sums = defaultdict(Decimal)
    for row in live_invoices:
        charged[month_of(row),] += row["tax_total"]
        for line in row["lines"]:
            product = "(none)" if line.get("product_id") is None else str(line["product_id"])
            sold[customer_id(row), product, month_of(row)] += line["subtotal"]
            quantity[product, month_of(row)] += line["quantity"]
            line_tax = line["subtotal"] * Decimal(RATES[line["tax_code"]])
            tax[month_of(row), line["tax_code"]] += line_tax.quantize(
                Decimal("0.01"), ROUND_HALF_UP
            )

    cube = "select customer_id, product_id, month_on, net from reporting.sales_cube"
    by_code = "select month_on, tax_code, tax from reporting.itbms_by_month"
    by_month = "select month_on, tax from reporting.sales_by_month"
    by_product = "select product_id, month_on, quantity from reporting.sales_by_product"
    for actual, expected in (
        (query(cube), sold),
        (query(by_product), quantity),
        (query(by_code), tax),
        (query(by_month), charged),
    ):
        assert actual == {key: amount for key, amount in expected.items() if amount}
        assert len(actual) > 10


def test_customers(query: Query, live_invoices: list[Row]) -> None:
    """What each customer bought, in all and in 12 months, its last invoice and its balance agree
    with the invoices."""
    ((today,),) = query("select as_of_on, true from core.as_of")
    leap_day = (today.month, today.day) == (2, 29)
    year_ago = today.replace(year=today.year - 1, day=28 if leap_day else today.day)
    sums: dict[str, Sums] = defaultdict(lambda: defaultdict(Decimal))
    last_days: dict[Hashable, date] = {}
    for row in live_invoices:
        key, day = (customer_id(row), row["currency"]), date.fromisoformat(row["document_date"])
        sums["net_lifetime"][key] += row["subtotal"]
        sums["net_12_months"][key] += row["subtotal"] * (year_ago < day)
        sums["balance"][key] += row["balance"]
        if row["total"] >= 0:
            sums["invoices_lifetime"][key] += 1
            last_days[key] = max(day, last_days.get(key, day))

    for column, expected in sums.items():
        actual = query(f"select customer_id, currency, {column} from reporting.customer_360")
        assert actual == {key: amount for key, amount in expected.items() if amount}, column
        assert len(actual) > 10
    days = "select customer_id, currency, last_invoice_on from reporting.customer_360"
    assert query(days) == last_days


def test_itbms_return(query: Query, live_invoices: list[Row]) -> None:
    """Each box has the sales at its rate and the tax charged on them; credit notes are in box 20,
    211 is the tax of all. What a header charges beyond its lines is with the most tax."""
    base: Sums = defaultdict(Decimal)
    tax: Sums = defaultdict(Decimal)
    for row in live_invoices:
        charged: Sums = defaultdict(Decimal)
        for line in row["lines"]:
            code, net = line["tax_code"], line["subtotal"]
            rounded = (net * Decimal(RATES[code])).quantize(Decimal("0.01"), ROUND_HALF_UP)
            charged[code] += rounded
            base[month_of(row), "20" if row["total"] < 0 else BOXES[code]] += net
        most = min(charged, key=lambda code: (-abs(charged[code]), str(code)))
        charged[most] += row["tax_total"] - sum(charged.values())
        for code, amount in charged.items():
            tax[month_of(row), "20" if row["total"] < 0 else BOXES[str(code)]] += amount
        tax[month_of(row), "211"] += row["tax_total"]

    boxes = "from reporting.itbms_return where box not in ('19', '52')"
    for column, expected in (("base", base), ("tax", tax)):
        actual = query(f"select month_on, box, {column} {boxes}")
        assert actual == {key: amount for key, amount in expected.items() if amount}
        assert len(actual) > 10


def test_balances(query: Query, synced: Synced) -> None:
    """The reconciliation shows the balance of each customer's record."""
    records = {(str(row["id"]),): row["balance"] for row in synced.customers if row["balance"]}

    assert records == query(
        "select customer_id, customer_balance from reporting.customer_balance_reconciliation"
    )


def test_backlog(query: Query, synced: Synced) -> None:
    """The backlog agrees with the orders that are not delivered, by order and by product."""
    open_orders = [row for row in synced.sales_orders if row["status"].lower() not in DONE]
    owed: Sums = defaultdict(Decimal)
    for row in open_orders:
        for line in row["lines"]:
            product = "(none)" if line.get("product_id") is None else str(line["product_id"])
            owed[customer_id(row), product] += line["subtotal"]

    assert query("select sales_order_id, amount from reporting.sales_backlog") == {
        (str(row["id"]),): row["subtotal"] for row in open_orders if row["subtotal"]
    }
    assert query(
        "select customer_id, product_id, sum(amount) from reporting.sales_backlog_lines"
        " group by all"
    ) == {key: amount for key, amount in owed.items() if amount}
    assert len(owed) > 10
    assert any(row["status"] == "PartiallyFulfilled" for row in open_orders)


def test_commitments(query: Query, synced: Synced) -> None:
    """The commitments agree with the orders that have not arrived, by week and vendor."""
    ((today,),) = query("select as_of_on, true from core.as_of")
    due: Sums = defaultdict(Decimal)
    for row in synced.purchase_orders:
        if row["status"].lower() not in DONE:
            expected = row.get("expected_date")
            day = max(date.fromisoformat(expected), today) if expected else today
            due[str(row["vendor_id"]), day - timedelta(day.weekday())] += row["total"]
    total = sum(due.values())

    assert query(
        "select vendor_id, week_on, sum(amount) from reporting.commitments_by_week group by all"
    ) == {key: amount for key, amount in due.items() if amount}
    assert query("select true, sum(amount) from reporting.purchase_commitments") == {(True,): total}
    assert len(due) > 5
