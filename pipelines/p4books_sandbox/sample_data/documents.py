"""Documents of the distributor: sales orders and invoices, payments, purchase orders."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from p4books_sandbox.options import Draw
from p4books_sandbox.sample_data.master_data import Buyer, CatalogItem, count_joined
from p4books_sandbox.sample_data.vocabulary import (
    LAST,
    TAX_PERCENT,
    ListSizes,
    choose_instant,
    divide_half_away,
    format_day,
    to_amount,
)
from p4books_sandbox.store import encode_json

LONG_DOCUMENT = 1000  # lines

_LINE_COUNTS = (1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 7, 8)
_ORDER_LEAD = 3  # days from a sales order to its invoice
_INVOICED = frozenset({"Fulfilled", "Closed"})
_OWED = frozenset({"Posted", "PartiallyPaid"})
_SALES_ORDER_STATUS = {11: "Cancelled", 37: "Open", 43: "PartiallyFulfilled", 13: "Fulfilled"}
_PURCHASE_ORDER_STATUS = {7: "Cancelled", 3: "Open", 5: "PartiallyReceived", 9: "Received"}


class DocumentLength(NamedTuple):
    """Lines of a document (None: one to eight); every `long_every`-th one is long, 0: none is."""

    lines: int | None = None
    long_every: int = 0


class DocumentLines(NamedTuple):
    """Lines of a document as the API returns them, and their sums in cents."""

    rows: list[dict[str, Any]]
    subtotal: int
    tax: int


class Settlement(NamedTuple):
    """Status of an invoice on the last day, the cents paid, and the day it last changed."""

    status: str
    paid: int
    changed_on: int


class Sale(NamedTuple):
    """One sale before its documents are written; a counter sale has no buyer."""

    number: int
    day: int
    time: str
    buyer: Buyer | None
    lines: DocumentLines

    @property
    def is_credit(self) -> bool:
        """Whether it is a return of goods."""
        return self.number % 40 == 9


@dataclass(frozen=True, slots=True)
class GeneratedSales:
    """Encoded invoices and sales orders, and what each customer owes, in cents by id."""

    invoices: list[bytes]
    orders: list[bytes]
    receivable: list[int]


@dataclass(frozen=True, slots=True)
class GeneratedPurchases:
    """Encoded purchase orders, and what each vendor is owed for them, in cents by id."""

    orders: list[bytes]
    payable: list[int]


def generate_sales(
    sizes: ListSizes,
    catalog: list[CatalogItem],
    buyers: list[Buyer],
    length: DocumentLength,
    draw: Draw,
) -> GeneratedSales:
    """Generate three years of sales; three of five begin with an order."""
    sales = GeneratedSales([], [], [0] * (len(buyers) + 1))
    writer = LineWriter(catalog, length, draw)
    for number in range(1, sizes.invoices + 1):
        day, time = choose_instant(number, sizes.invoices)
        buyer = None if number % 25 == 4 else _choose_buyer(buyers, day, draw)
        exempt = buyer is not None and buyer.exempt
        document = writer.write_lines(exempt=exempt, freight=number % 12 == 5)
        sale = Sale(number, day, time, buyer, document)
        order_id = _add_sales_order(sales, sale) if number % 5 in {1, 2, 3} else None
        _add_invoice(sales, sale, order_id, draw)
    return sales


def generate_purchases(
    sizes: ListSizes, catalog: list[CatalogItem], length: DocumentLength, draw: Draw
) -> GeneratedPurchases:
    """Generate three years of purchase orders; what is received and not closed is owed."""
    purchases = GeneratedPurchases([], [0] * (sizes.vendors + 1))
    writer = LineWriter(catalog, length, draw)
    for number in range(1, sizes.purchase_orders + 1):
        day, time = choose_instant(number, sizes.purchase_orders)
        vendor = 1 + int(draw() ** 2 * count_joined(day, sizes.vendors))
        status = _choose_purchase_order_status(number, LAST - day)
        document = writer.write_lines(freight=number % 15 == 4, cost=True)
        if status == "Received":
            purchases.payable[vendor] += document.subtotal + document.tax
        order = _make_purchase_order(number, vendor, (day, time), status, document)
        purchases.orders.append(encode_json(order))
    return purchases


class LineWriter:
    """Writer of document lines, from one catalog and one source of random numbers."""

    def __init__(self, catalog: list[CatalogItem], length: DocumentLength, draw: Draw) -> None:
        """Take the catalog, the length of documents, and the source."""
        self._catalog = catalog
        self._length = length
        self._draw = draw
        self._written = 0

    def write_lines(
        self, *, exempt: bool = False, freight: bool = False, cost: bool = False
    ) -> DocumentLines:
        """Write the lines of one document; freight is the last one, cost uses our own prices."""
        count = self._choose_count()
        rows, subtotal, tax = [], 0, 0
        for number in range(1, count + 1):
            if freight and number == count:
                row, cents, tax_code = self._write_freight(number)
            else:
                row, cents, tax_code = self._write_product(number, exempt, cost)
            rows.append(row)
            subtotal += cents
            tax += divide_half_away(cents * TAX_PERCENT[tax_code], 100)
        return DocumentLines(rows, subtotal, tax)

    def _choose_count(self) -> int:
        self._written += 1
        every = self._length.long_every
        if every and self._written % every == 0:
            return LONG_DOCUMENT
        return self._length.lines or _LINE_COUNTS[int(self._draw() * len(_LINE_COUNTS))]

    def _write_product(
        self, number: int, exempt: bool, cost: bool
    ) -> tuple[dict[str, Any], int, str]:
        draw = self._draw
        item = self._catalog[int(draw() ** 2 * len(self._catalog))]
        price = item.cost if cost else item.price
        tenths = 1 + int(draw() ** 3 * 480)
        tenths = tenths if item.by_measure else tenths + -tenths % 10
        gross = divide_half_away(price * tenths, 10)
        discount = gross // 20 if tenths > 120 else 0
        tax_code = "EXENTO" if exempt else item.tax_code
        row = {
            "line_number": number,
            "product_id": item.id,
            "description": item.name,
            "quantity": tenths / 10,
            "price": to_amount(price),
            "discount": to_amount(discount) if discount or number != 3 else None,
            "subtotal": to_amount(gross - discount),
            "tax_code": tax_code,
        }
        return row, gross - discount, tax_code

    def _write_freight(self, number: int) -> tuple[dict[str, Any], int, str]:
        cents = 500 + int(self._draw() * 9500)
        row = {
            "line_number": number,
            "product_id": None,
            "description": "Flete y acarreo",
            "quantity": 1,
            "price": to_amount(cents),
            "subtotal": to_amount(cents),
            "tax_code": "ITBMS",
        }
        return row, cents, "ITBMS"


def reverse_lines(lines: DocumentLines) -> DocumentLines:
    """Turn the lines of a sale into those of a credit note, with the opposite sign."""
    rows = [_reverse_row(row) for row in lines.rows]
    return DocumentLines(rows, -lines.subtotal, -lines.tax)


def settle_invoice(day: int, due: int, total: int, draw: Draw) -> Settlement:
    """Decide how an invoice is paid: most on time, some late, in part, or never."""
    paid_on = max(day, due + _choose_delay(draw()))
    if paid_on <= LAST:
        return Settlement("Paid", total, paid_on)
    share = int(draw() * 30)
    if 0 < share < 10 and total > 1:
        return Settlement("PartiallyPaid", max(1, total * share // 10), min(LAST, due))
    return Settlement("Posted", 0, day)


def _choose_buyer(buyers: list[Buyer], day: int, draw: Draw) -> Buyer:
    """Choose a customer of that day; the oldest ones buy most."""
    return buyers[int(draw() ** 2 * count_joined(day - _ORDER_LEAD, len(buyers)))]


def _add_sales_order(sales: GeneratedSales, sale: Sale) -> int | None:
    """Add the order of a sale; return its id if it was delivered and can be invoiced."""
    ordered = sale.day - _ORDER_LEAD
    status = _choose_sales_order_status(sale)
    order_id = len(sales.orders) + 1
    changed = min(LAST, sale.day if status == "Fulfilled" else sale.day + 30)
    record = {
        "id": order_id,
        "code": f"PED-{order_id:06d}",
        "customer_id": sale.buyer.id if sale.buyer else None,
        "document_date": format_day(ordered),
        "required_date": None if sale.number % 16 == 0 else format_day(sale.day + 4),
        "warehouse_id": None if sale.number % 32 == 3 else sale.number % 3 + 1,
        "currency": "USD",
        **_make_totals(sale.lines),
        "status": status,
        "lines": sale.lines.rows,
        "date_created": format_day(ordered) + sale.time,
        "date_modified": format_day(ordered if status == "Open" else changed) + sale.time,
    }
    sales.orders.append(encode_json(record))
    return order_id if status in _INVOICED else None


def _choose_sales_order_status(sale: Sale) -> str:
    age = LAST - sale.day
    if sale.number % 60 in _SALES_ORDER_STATUS:
        return _SALES_ORDER_STATUS[sale.number % 60]
    if age < 4:
        return "Open"
    return "PartiallyFulfilled" if age < 9 else "Fulfilled" if age < 40 else "Closed"


def _add_invoice(sales: GeneratedSales, sale: Sale, order_id: int | None, draw: Draw) -> None:
    lines = reverse_lines(sale.lines) if sale.is_credit else sale.lines
    total = lines.subtotal + lines.tax
    due = sale.day + (sale.buyer.terms if sale.buyer else 0)
    settlement = _choose_settlement(sale, due, total, draw)
    sales.invoices.append(encode_json(_make_invoice(sale, lines, order_id, due, settlement)))
    if sale.buyer and settlement.status in _OWED:
        sales.receivable[sale.buyer.id] += total - settlement.paid


def _choose_settlement(sale: Sale, due: int, total: int, draw: Draw) -> Settlement:
    if sale.number % 50 == 17:
        return Settlement("Void", 0, min(LAST, sale.day + 1))
    if sale.number % 100 == 98 or (sale.number % 7 == 3 and sale.day > LAST - 4):
        return Settlement("Draft", 0, sale.day)
    if sale.buyer is None or sale.number % 80 == 9:
        return Settlement("Paid", total, sale.day)
    if sale.is_credit:
        return Settlement("Posted", 0, sale.day)
    return settle_invoice(sale.day, due, total, draw)


def _make_invoice(
    sale: Sale, lines: DocumentLines, order_id: int | None, due: int, settlement: Settlement
) -> dict[str, Any]:
    day = format_day(sale.day)
    record = {
        "id": sale.number,
        "code": f"{'NC' if sale.is_credit else 'FAC'}-{sale.number:06d}",
        "customer_id": sale.buyer.id if sale.buyer else None,
        "sales_order_id": order_id,
        "document_date": day,
        "due_date": format_day(due),
        "posting_date": None if settlement.status == "Draft" else day,
        "currency": "USD",
        **_make_totals(lines),
        "amount_paid": to_amount(settlement.paid),
        "balance": to_amount(lines.subtotal + lines.tax - settlement.paid),
        "status": settlement.status,
        "lines": lines.rows,
        "date_created": day + sale.time,
        "date_modified": format_day(settlement.changed_on) + sale.time,
    }
    if sale.number % 10 == 0:
        del record["sales_order_id"]
    if sale.number % 50 == 29:
        del record["customer_id"], record["due_date"]
    return record


def _choose_purchase_order_status(number: int, age: int) -> str:
    if number % 25 in _PURCHASE_ORDER_STATUS:
        return _PURCHASE_ORDER_STATUS[number % 25]
    if age < 10:
        return "Open"
    return "PartiallyReceived" if age < 20 else "Received" if age < 60 else "Closed"


def _make_purchase_order(
    number: int, vendor: int, instant: tuple[int, str], status: str, lines: DocumentLines
) -> dict[str, Any]:
    day, time = instant
    changed = day if status == "Open" else min(LAST, day + 20)
    record = {
        "id": number,
        "code": f"OC-{number:06d}",
        "vendor_id": vendor,
        "document_date": format_day(day),
        "expected_date": format_day(day + 14),
        "warehouse_id": number % 3 + 1,
        "currency": "USD",
        **_make_totals(lines),
        "status": status,
        "lines": lines.rows,
        "date_created": format_day(day) + time,
        "date_modified": format_day(changed) + time,
    }
    if number % 14 == 0:
        del record["expected_date"], record["warehouse_id"]
    return record


def _make_totals(lines: DocumentLines) -> dict[str, float]:
    return {
        "subtotal": to_amount(lines.subtotal),
        "tax_total": to_amount(lines.tax),
        "total": to_amount(lines.subtotal + lines.tax),
    }


def _reverse_row(row: dict[str, Any]) -> dict[str, Any]:
    reversed_values = {
        key: -row[key] for key in ("quantity", "discount", "subtotal") if row.get(key)
    }
    return {**row, **reversed_values}


def _choose_delay(luck: float) -> int:
    """Return days after the due date, or before it if negative."""
    if luck < 0.70:
        return int(luck * 20) - 8
    if luck < 0.90:
        return int((luck - 0.70) * 300)
    return int((luck - 0.90) * 1600) if luck < 0.98 else 9999
