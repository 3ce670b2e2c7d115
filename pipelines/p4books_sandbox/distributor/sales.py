"""What did customers order, and what were they invoiced?"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from p4books_sandbox.chance import Chance
from p4books_sandbox.distributor import days
from p4books_sandbox.distributor.cents import amount
from p4books_sandbox.distributor.lines import Lines, Writer, taken_back
from p4books_sandbox.distributor.parties import Buyer, known
from p4books_sandbox.distributor.payments import Settled, settle
from p4books_sandbox.distributor.products import Product
from p4books_sandbox.records import encode

_INVOICED = frozenset({"Fulfilled", "Closed"})
_OWED = frozenset({"Posted", "PartiallyPaid"})
_ORDERED_EARLIER = 3  # days
_STATUS_OF = {11: "Cancelled", 37: "Open", 43: "PartiallyFulfilled", 13: "Fulfilled"}


@dataclass(frozen=True, slots=True)
class Sold:
    """Invoices and sales orders, encoded, and what each customer owes, in cents by id."""

    invoices: list[bytes]
    orders: list[bytes]
    owed: list[int]


class Sale(NamedTuple):
    """One sale on its way to paper; a counter sale has no buyer."""

    number: int
    day: int
    time: str
    buyer: Buyer | None
    lines: Lines

    @property
    def is_credit(self) -> bool:
        """Tell whether goods came back."""
        return self.number % 40 == 9


def sell(
    count: int, catalog: list[Product], buyers: list[Buyer], lines: int | None, chance: Chance
) -> Sold:
    """Sell for three years: three of five sales begin with an order."""
    sold = Sold([], [], [0] * (len(buyers) + 1))
    writer = Writer(catalog, lines, chance)
    for number in range(1, count + 1):
        day, time = days.spread(number, count)
        buyer = None if number % 25 == 4 else _one_of(buyers, day, chance)
        exempt = buyer is not None and buyer.exempt
        document = writer.lines(exempt=exempt, freight=number % 12 == 5)
        sale = Sale(number, day, time, buyer, document)
        order_id = _order(sold, sale) if number % 5 in {1, 2, 3} else None
        _invoice(sold, sale, order_id, chance)
    return sold


def _one_of(buyers: list[Buyer], day: int, chance: Chance) -> Buyer:
    """Choose a buyer of that day; the oldest customers buy most."""
    return buyers[int(chance() ** 2 * known(day - _ORDERED_EARLIER, len(buyers)))]


def _order(sold: Sold, sale: Sale) -> int | None:
    """Add the order of a sale; give its id if it was delivered and can be invoiced."""
    ordered = sale.day - _ORDERED_EARLIER
    status = _order_status(sale)
    order_id = len(sold.orders) + 1
    changed = min(days.LAST, sale.day if status == "Fulfilled" else sale.day + 30)
    record = {
        "id": order_id,
        "code": f"PED-{order_id:06d}",
        "customer_id": sale.buyer.id if sale.buyer else None,
        "document_date": days.day(ordered),
        "required_date": None if sale.number % 16 == 0 else days.day(sale.day + 4),
        "warehouse_id": None if sale.number % 32 == 3 else sale.number % 3 + 1,
        "currency": "USD",
        **_sums(sale.lines),
        "status": status,
        "lines": sale.lines.rows,
        "date_created": days.day(ordered) + sale.time,
        "date_modified": days.day(ordered if status == "Open" else changed) + sale.time,
    }
    sold.orders.append(encode(record))
    return order_id if status in _INVOICED else None


def _order_status(sale: Sale) -> str:
    age = days.LAST - sale.day
    if sale.number % 60 in _STATUS_OF:
        return _STATUS_OF[sale.number % 60]
    if age < 4:
        return "Open"
    return "PartiallyFulfilled" if age < 9 else "Fulfilled" if age < 40 else "Closed"


def _invoice(sold: Sold, sale: Sale, order_id: int | None, chance: Chance) -> None:
    lines = taken_back(sale.lines) if sale.is_credit else sale.lines
    total = lines.subtotal + lines.tax
    due = sale.day + (sale.buyer.terms if sale.buyer else 0)
    settled = _settled(sale, due, total, chance)
    sold.invoices.append(encode(_invoice_record(sale, lines, order_id, due, settled)))
    if sale.buyer and settled.status in _OWED:
        sold.owed[sale.buyer.id] += total - settled.paid


def _settled(sale: Sale, due: int, total: int, chance: Chance) -> Settled:
    if sale.number % 50 == 17:
        return Settled("Void", 0, min(days.LAST, sale.day + 1))
    if sale.number % 100 == 98 or (sale.number % 7 == 3 and sale.day > days.LAST - 4):
        return Settled("Draft", 0, sale.day)
    if sale.buyer is None or sale.number % 80 == 9:
        return Settled("Paid", total, sale.day)
    if sale.is_credit:
        return Settled("Posted", 0, sale.day)
    return settle(sale.day, due, total, chance)


def _invoice_record(
    sale: Sale, lines: Lines, order_id: int | None, due: int, settled: Settled
) -> dict[str, Any]:
    day = days.day(sale.day)
    record = {
        "id": sale.number,
        "code": f"{'NC' if sale.is_credit else 'FAC'}-{sale.number:06d}",
        "customer_id": sale.buyer.id if sale.buyer else None,
        "sales_order_id": order_id,
        "document_date": day,
        "due_date": days.day(due),
        "posting_date": None if settled.status == "Draft" else day,
        "currency": "USD",
        **_sums(lines),
        "amount_paid": amount(settled.paid),
        "balance": amount(lines.subtotal + lines.tax - settled.paid),
        "status": settled.status,
        "lines": lines.rows,
        "date_created": day + sale.time,
        "date_modified": days.day(settled.on) + sale.time,
    }
    if sale.number % 10 == 0:
        del record["sales_order_id"]
    if sale.number % 50 == 29:
        del record["customer_id"], record["due_date"]
    return record


def _sums(lines: Lines) -> dict[str, float]:
    return {
        "subtotal": amount(lines.subtotal),
        "tax_total": amount(lines.tax),
        "total": amount(lines.subtotal + lines.tax),
    }
