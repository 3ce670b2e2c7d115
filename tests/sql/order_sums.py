"""Reports on orders and purchases, compared with plain Python by test_sums."""

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from statistics import median
from typing import Any

from tests.sql.books import Books, sum_by_key
from tests.sql.expected import (
    CANCELLED,
    DONE,
    NONE,
    PANAMA,
    Document,
    Expected,
    Key,
    Row,
    Sums,
    by_product,
    month,
    total,
    word,
)

ONE = Decimal(1)
ROUNDING = Decimal("0.000001")


def compare_orders(books: Books, expected: Expected) -> None:
    """Compare backlog, intake, commitments, purchases, prices, vendors, products and statuses."""
    today = expected.as_of.astimezone(PANAMA).date()
    _backlog(books, expected, today)
    _commitments(books, expected, today)
    _purchases(books, expected)
    _prices(books, today)
    _vendors(books, expected, today)
    _replenishment(books, expected, today)
    _statuses(books, expected, today)


def live(expected: Expected, table: str) -> list[Document]:
    """Return the orders that count."""
    return [each for each in expected.documents(table) if word(each.row) not in CANCELLED]


def unfinished(expected: Expected, table: str) -> list[Document]:
    """Return the orders that are open."""
    return [each for each in expected.documents(table) if word(each.row) not in DONE[table]]


def promised(row: Row) -> date | None:
    """Return the day by which the customer wants, or the vendor should deliver."""
    given = row.get("required_date") or row.get("expected_date")
    return date.fromisoformat(given) if given else None


def quantities(documents: Iterable[Document], key: Callable[[Document, str], Key]) -> Sums:
    """Sum the quantities of lines."""
    return total(
        (key(document, line.product), line.quantity)
        for document in documents
        for line in document.lines
    )


def _backlog(books: Books, expected: Expected, today: date) -> None:
    orders = unfinished(expected, "sales_orders")

    def age(order: Document) -> str:
        days = (today - order.day).days
        bounds = {"0-30": 30, "31-60": 60, "61-90": 90}
        return next((name for name, bound in bounds.items() if days <= bound), "90+")

    assert sum_by_key(
        books,
        "select sales_order_id, customer_id, currency, age_bucket, amount"
        " from reporting.sales_backlog",
    ) == total(((each.id, each.party, each.currency, age(each)), each.net) for each in orders)
    lines = "from reporting.sales_backlog_lines group by all"
    assert sum_by_key(books, f"select sales_order_id, product_id, sum(amount) {lines}") == total(
        by_product(orders, lambda order, product: (order.id, product))
    )
    assert sum_by_key(
        books, f"select product_id, coalesce(sum(quantity), 0) {lines}"
    ) == quantities(orders, lambda _, product: product)

    for column, amounts in {
        "ordered": total(
            ((month(each.day), each.currency), each.net) for each in live(expected, "sales_orders")
        ),
        "invoiced": expected.sold(lambda document: (month(document.day), document.currency)),
    }.items():
        query = f"select month_on, currency, {column} from reporting.order_intake"
        assert sum_by_key(books, query) == amounts, column


def _commitments(books: Books, expected: Expected, today: date) -> None:
    orders = unfinished(expected, "purchase_orders")

    def week(order: Document) -> date:
        day = max(promised(order.row) or today, today)
        return day - timedelta(day.weekday())

    assert sum_by_key(
        books,
        "select purchase_order_id, vendor_id, currency, amount from reporting.purchase_commitments",
    ) == total(((each.id, each.party, each.currency), each.total) for each in orders)
    for column, sums in {
        "amount": total(((each.party, week(each), each.currency), each.total) for each in orders),
        "orders": total(((each.party, week(each), each.currency), ONE) for each in orders),
    }.items():
        query = f"select vendor_id, week_on, currency, {column} from reporting.commitments_by_week"
        assert sum_by_key(books, query) == sums, column


def _purchases(books: Books, expected: Expected) -> None:
    orders = live(expected, "purchase_orders")

    def by_vendor(order: Document, _: str = "") -> Key:
        return order.party, month(order.day), order.currency

    def by_item(order: Document, product: str) -> Key:
        return product, month(order.day), order.currency

    for report, column, sums in (
        ("vendor", "net", total((by_vendor(each), each.net) for each in orders)),
        ("vendor", "orders", total((by_vendor(each), ONE) for each in orders)),
        ("vendor", "quantity", quantities(orders, by_vendor)),
        ("product", "net", total(by_product(orders, by_item))),
        ("product", "quantity", quantities(orders, by_item)),
    ):
        query = (
            f"select {report}_id, month_on, currency, {column} from reporting.purchases_by_{report}"
        )
        assert sum_by_key(books, query) == sums, (report, column)

    bought = [
        (document, line)
        for document in orders
        for line in document.lines
        if line.quantity > 0 and line.product != "(none)"
    ]
    nets = total(((order.id, line.product), line.net) for order, line in bought)
    counts = total(((order.id, line.product), line.quantity) for order, line in bought)
    prices = {key: net / counts[key] for key, net in nets.items() if net > 0}
    found = sum_by_key(
        books,
        "select purchase_order_id, product_id, unit_price from reporting.purchase_price_history",
    )
    assert found.keys() == prices.keys()
    assert all(abs(found[key] - price) <= ROUNDING for key, price in prices.items())


def _prices(books: Books, today: date) -> None:
    """The prices agree with each other: the one before, the median, and the vendor's drift."""
    rows = books.query(
        "select product_id, currency, vendor_id, document_on, purchase_order_id, unit_price,"
        " price_before, median_price, quantity from reporting.purchase_price_history"
    )
    rows.sort(key=lambda row: (*row[:4], len(row[4]), row[4]))
    for _, of_product in groupby(rows, key=lambda row: row[:2]):
        same = list(of_product)
        middle = median(row[5] for row in same)
        assert all(abs(row[7] - middle) <= ROUNDING for row in same)

    drifts: dict[Key, list[Decimal]] = {}
    for (_, currency, vendor), of_vendor in groupby(rows, key=lambda row: row[:3]):
        same = list(of_vendor)
        assert [row[6] for row in same] == [None, *(row[5] for row in same[:-1])]
        year = [row for row in same if date(2025, 6, 30) < row[3] <= today]
        if len(year) > 1:
            pair = drifts.setdefault((vendor, currency), [NONE, NONE])
            pair[0] += year[-1][8] * year[-1][5]
            pair[1] += year[-1][8] * year[0][5]
    actual = {
        (vendor, currency): drift
        for vendor, currency, drift in books.query(
            "select vendor_id, currency, price_drift from reporting.vendor_scorecard"
        )
        if drift is not None
    }
    changes = {key: last / first - 1 for key, (last, first) in drifts.items() if first}
    assert actual.keys() == {key for key, change in changes.items() if change < 1000}
    assert all(abs(actual[key] - changes[key]) <= ROUNDING for key in actual)


def _vendors(books: Books, expected: Expected, today: date) -> None:
    orders = live(expected, "purchase_orders")
    late = [
        each
        for each in unfinished(expected, "purchase_orders")
        if (promised(each.row) or today) < today
    ]
    deliveries = list(_deliveries(expected, orders))
    for column, sums in {
        "ordered": total(((each.party, each.currency), each.net) for each in orders),
        "orders": total(((each.party, each.currency), ONE) for each in orders),
        "late_open_orders": total(((each.party, each.currency), ONE) for each in late),
        "observed_orders": total((key, ONE) for key, _ in deliveries),
        "on_time_orders": total((key, ONE) for key, is_on_time in deliveries if is_on_time),
    }.items():
        query = f"select vendor_id, currency, {column} from reporting.vendor_scorecard"
        assert sum_by_key(books, query) == sums, column


def _deliveries(expected: Expected, orders: list[Document]) -> Iterable[tuple[Key, bool]]:
    """Yield the vendor and currency of each order seen turning Received, and if it was on time."""
    for record in expected.records("purchase_orders"):
        turns = [
            (before, after)
            for before, after in pairwise(record)
            if word(after) == "received" != word(before)
        ]
        current = [each for each in orders if each.row is record[-1]]
        if turns and current and (promise := promised(turns[-1][0])):
            received = datetime.fromisoformat(turns[-1][1]["_dlt_valid_from"])
            key = current[0].party, current[0].currency
            yield key, received.astimezone(PANAMA).date() <= promise


def _replenishment(books: Books, expected: Expected, today: date) -> None:
    recent = [each for each in expected.invoices if today - timedelta(90) < each.day <= today]
    for column, documents in {
        "sold_90_days": recent,
        "demanded": unfinished(expected, "sales_orders"),
        "on_order": unfinished(expected, "purchase_orders"),
    }.items():
        query = f"select product_id, {column} from reporting.replenishment"
        assert sum_by_key(books, query) == quantities(documents, lambda _, product: product), column


def _statuses(books: Books, expected: Expected, today: date) -> None:
    days: list[tuple[Any, Decimal]] = []
    for kind in ("sales order", "purchase order"):
        for record in expected.records(f"{kind.replace(' ', '_')}s"):
            for row in record:
                since, until = (_local_day(row[f"_dlt_valid_{end}"]) for end in ("from", "to"))
                assert since is not None
                key = kind, row["id"], _local_day(record[0]["_dlt_valid_from"]), word(row)
                days.append((key, Decimal(((until or today) - since).days)))
    assert sum_by_key(
        books,
        "select document_type, document_id,"
        " timezone('America/Panama', order_first_seen_at)::date as seen_on,"
        " if(status = '(none)', '', status_word(status)), sum(days_in_status)"
        " from reporting.order_status_history group by all",
    ) == total(days)


def _local_day(instant: str | None) -> date | None:
    return datetime.fromisoformat(instant).astimezone(PANAMA).date() if instant else None
