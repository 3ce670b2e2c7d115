"""Do the reports say what anyone would reckon from P4 Books' own answers?

The pages are fetched from a sandbox and reckoned in plain Python, with decimals, and nothing of
p4books; then its published file is asked for the same.
"""

import json
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import pytest

from p4books.settings import Settings
from p4books.sync import sync
from p4books_sandbox import Sandbox

RATES = {"EXENTO": "0", "ITBMS": "0.07", "ITBMS10": "0.10", "ITBMS15": "0.15"}
CENT = Decimal("0.01")

Row = dict[str, Any]
Sums = dict[Hashable, Decimal]


@dataclass(frozen=True)
class Books:
    """The records as the API gave them, the published file, and the day its figures are as of."""

    customers: list[Row]
    invoices: list[Row]
    con: duckdb.DuckDBPyConnection
    day: date

    @property
    def live(self) -> list[Row]:
        """The invoices that count: neither void nor draft."""
        return [each for each in self.invoices if each["status"].lower() not in {"void", "draft"}]

    def ask(self, sql: str) -> dict[Any, Any]:
        """Ask for a key, or several, and an amount."""
        rows = self.con.execute(sql).fetchall()
        return {row[0] if len(row) == 2 else row[:-1]: row[-1] for row in rows}


def fetch(sandbox: Sandbox, path: str) -> list[Row]:
    """Read a list page by page, numbers with all their digits."""
    rows: list[Row] = []
    for page in range(1, 1000):
        request = urllib.request.Request(  # noqa: S310 - our own sandbox
            f"{sandbox.base_url}/{path}?page={page}&page_size=100",
            headers={"Authorization": f"Bearer {sandbox.key}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            told = json.load(answer, parse_float=Decimal, parse_int=Decimal)
        rows += told["data"]
        if len(rows) >= told["total"]:
            return rows
    raise AssertionError(f"{path} has no end")


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    """A sandbox whose books end three days ago, synced, and fetched beside it."""
    folder = tmp_path_factory.mktemp("recount")
    last_day = datetime.now(UTC).date() - timedelta(days=3)
    with (
        Sandbox(invoices=900, limit=0, last_day=last_day) as sandbox,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("XDG_STATE_HOME", str(folder))
        settings = Settings.model_validate(
            {
                "tenant": "acme",
                "api_key": sandbox.key,
                "base_url": sandbox.base_url,
                "data_dir": folder,
                "requests_per_window": 100_000,
            }
        )
        assert sync(settings, full=True).faults == []
        customers, invoices = fetch(sandbox, "customers"), fetch(sandbox, "invoices")
    with duckdb.connect(settings.published, read_only=True) as con:
        (day,) = con.execute("select as_of_on from core.as_of").fetchone() or (None,)
        yield Books(customers, invoices, con, day)


def not_nothing(sums: Mapping[Any, Any]) -> dict[Any, Any]:
    """Leave out what comes to nothing."""
    return {key: value for key, value in sums.items() if value}


def month(each: Row) -> str:
    """The month of a document."""
    return str(each["document_date"])[:7]


def customer(each: Row) -> str:
    """The customer's id, as the reports write it."""
    return str(each["customer_id"]) if each.get("customer_id") is not None else "(none)"


def bucket(days: int) -> str:
    """How late so many days are."""
    for most, name in ((0, "current"), (30, "1-30"), (60, "31-60"), (90, "61-90")):
        if days <= most:
            return name
    return "90+"


def test_receivables_by_age(books: Books) -> None:
    """What each customer owes, by how late it is, is what its invoices say."""
    owed: Sums = defaultdict(Decimal)
    for each in books.live:
        due = date.fromisoformat(each.get("due_date") or each["document_date"])
        owed[customer(each), bucket((books.day - due).days)] += each["balance"]

    found = books.ask(
        """
        select customer_id, bucket, amount
        from (
            select
                customer_id,
                current_balance as "current",
                days_1_30 as "1-30",
                days_31_60 as "31-60",
                days_61_90 as "61-90",
                days_over_90 as "90+"
            from reporting.ar_aging
        )
        unpivot (amount for bucket in ("current", "1-30", "31-60", "61-90", "90+"))
        """
    )

    assert not_nothing(found) == not_nothing(owed)
    assert len({name for _, name in not_nothing(owed)}) >= 4


def test_open_items(books: Books) -> None:
    """Each open invoice stands once, with its balance."""
    owed = {str(each["id"]): each["balance"] for each in books.live if each["balance"]}

    assert books.ask("select invoice_id, balance from reporting.ar_open_items") == owed


def test_itbms_by_month(books: Books) -> None:
    """Base and tax of each month and code are those of the lines, each line rounded to the cent."""
    base: Sums = defaultdict(Decimal)
    tax: Sums = defaultdict(Decimal)
    charged: Sums = defaultdict(Decimal)
    for each in books.live:
        charged[month(each)] += each["tax_total"]
        for line in each["lines"]:
            key = month(each), line["tax_code"]
            base[key] += line["subtotal"]
            rate = Decimal(RATES[line["tax_code"]])
            tax[key] += (line["subtotal"] * rate).quantize(CENT, ROUND_HALF_UP)

    named = "strftime(month_on, '%Y-%m') as month"
    report = "from reporting.itbms_by_month"
    both = books.ask(f"select {named}, tax_code, taxable_base + exempt_base {report}")
    found = books.ask(f"select {named}, tax_code, tax {report}")
    headers = books.ask(f"select distinct {named}, month_tax_charged {report}")

    assert both == base
    assert found == tax
    assert headers == charged
    assert len(base) > 100


def test_the_sales_book(books: Books) -> None:
    """Each live invoice stands with the net and the tax that its header says, a void one with 0."""
    net = {str(each["id"]): each["subtotal"] for each in books.live}
    tax = {str(each["id"]): each["tax_total"] for each in books.live}
    void = {str(each["id"]) for each in books.invoices if each["status"] == "Void"}

    book = "from reporting.itbms_sales_book group by invoice_id"

    assert books.ask(f"select invoice_id, sum(net) {book}") == net | dict.fromkeys(void, Decimal(0))
    assert books.ask(f"select invoice_id, sum(tax) {book}") == tax | dict.fromkeys(void, Decimal(0))
    assert void


def test_sales_by_product(books: Books) -> None:
    """Net and quantity of each product and month are those of the lines."""
    net: Sums = defaultdict(Decimal)
    quantity: Sums = defaultdict(Decimal)
    for each in books.live:
        for line in each["lines"]:
            product = line.get("product_id")
            key = month(each), "(none)" if product is None else str(product)
            net[key] += line["subtotal"]
            quantity[key] += line["quantity"]

    named = "strftime(month_on, '%Y-%m') as month, product_id"

    assert books.ask(f"select {named}, net from reporting.sales_by_product") == net
    assert books.ask(f"select {named}, quantity from reporting.sales_by_product") == quantity
    assert len(net) > 1000


def test_sales_by_month(books: Books) -> None:
    """Net, tax, total and number of documents of each month are those of the headers."""
    sums: dict[str, Sums] = {name: defaultdict(Decimal) for name in ("net", "tax", "total")}
    for each in books.live:
        for name, field in (("net", "subtotal"), ("tax", "tax_total"), ("total", "total")):
            sums[name][month(each)] += each[field]
    documents = Counter(month(each) for each in books.live)

    named = "strftime(month_on, '%Y-%m') as month"
    for name, wanted in sums.items():
        assert books.ask(f"select {named}, {name} from reporting.sales_by_month") == wanted
    assert books.ask(f"select {named}, documents from reporting.sales_by_month") == documents


def test_sales_by_customer(books: Books) -> None:
    """What each customer bought in a month is what its invoices say."""
    net: Sums = defaultdict(Decimal)
    for each in books.live:
        net[customer(each), month(each)] += each["subtotal"]

    found = books.ask(
        "select customer_id, strftime(month_on, '%Y-%m') as month, net"
        " from reporting.sales_by_customer"
    )

    assert found == net


def test_customer_balances(books: Books) -> None:
    """The balance on each customer's record stands beside that of its open invoices."""
    owed: Sums = defaultdict(Decimal)
    for each in books.live:
        owed[customer(each)] += each["balance"]
    records = {str(each["id"]): each["balance"] for each in books.customers}
    wanted = {name: (balance, owed[name]) for name, balance in records.items()}

    rows = books.con.execute(
        "select customer_id, customer_balance, invoices_balance, difference"
        " from reporting.customer_balance_reconciliation"
    ).fetchall()

    assert {name: (record, invoices) for name, record, invoices, _ in rows} == wanted
    assert all(record - invoices == difference for _, record, invoices, difference in rows)


def test_a_year_of_customers(books: Books) -> None:
    """The 12 months of the A, B and C customers end on the as-of day."""
    leap = books.day.month == 2 and books.day.day == 29
    last_year = books.day.replace(year=books.day.year - 1, day=28 if leap else books.day.day)
    net: Sums = defaultdict(Decimal)
    for each in books.live:
        if last_year < date.fromisoformat(each["document_date"]) <= books.day:
            net[customer(each)] += each["subtotal"]

    assert books.ask("select customer_id, net from reporting.abc_customers") == net
