"""What did customers order, and what were they invoiced?"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from p4books_sandbox.options import Chance
from p4books_sandbox.sample_data import vocabulary
from p4books_sandbox.sample_data.master_data import Buyer, Product, known
from p4books_sandbox.sample_data.vocabulary import TAX_PERCENT, Scale, amount, half_away
from p4books_sandbox.store import encode

_USUAL = (1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 7, 8)


class Lines(NamedTuple):
    """A document's lines as the API gives them, and their sums in cents."""

    rows: list[dict[str, Any]]
    subtotal: int
    tax: int


class Writer:
    """Writes the lines of documents, from one catalog and one chance."""

    def __init__(self, catalog: list[Product], count: int | None, chance: Chance) -> None:
        """Take what is sold, the lines a document has (None: one to eight), and the chance."""
        self._catalog = catalog
        self._count = count
        self._chance = chance

    def lines(self, *, exempt: bool = False, freight: bool = False, cost: bool = False) -> Lines:
        """Write one document's lines; freight is the last, cost takes the prices we pay."""
        count = self._count or _USUAL[int(self._chance() * len(_USUAL))]
        rows, subtotal, tax = [], 0, 0
        for number in range(1, count + 1):
            if freight and number == count:
                row, cents, tax_code = self._freight(number)
            else:
                row, cents, tax_code = self._sold(number, exempt, cost)
            rows.append(row)
            subtotal += cents
            tax += half_away(cents * TAX_PERCENT[tax_code], 100)
        return Lines(rows, subtotal, tax)

    def _sold(self, number: int, exempt: bool, cost: bool) -> tuple[dict[str, Any], int, str]:
        chance = self._chance
        product = self._catalog[int(chance() ** 2 * len(self._catalog))]
        price = product.cost if cost else product.price
        tenths = 1 + int(chance() ** 3 * 480)
        tenths = tenths if product.by_measure else tenths + -tenths % 10
        full = half_away(price * tenths, 10)
        discount = full // 20 if tenths > 120 else 0
        tax_code = "EXENTO" if exempt else product.tax_code
        row = {
            "line_number": number,
            "product_id": product.id,
            "description": product.name,
            "quantity": tenths / 10,
            "price": amount(price),
            "discount": amount(discount) if discount or number != 3 else None,
            "subtotal": amount(full - discount),
            "tax_code": tax_code,
        }
        return row, full - discount, tax_code

    def _freight(self, number: int) -> tuple[dict[str, Any], int, str]:
        cents = 500 + int(self._chance() * 9500)
        row = {
            "line_number": number,
            "product_id": None,
            "description": "Flete y acarreo",
            "quantity": 1,
            "price": amount(cents),
            "subtotal": amount(cents),
            "tax_code": "ITBMS",
        }
        return row, cents, "ITBMS"


def taken_back(lines: Lines) -> Lines:
    """Turn lines into those of a credit note: what was sold, with the sign turned."""
    rows = [_turned(row) for row in lines.rows]
    return Lines(rows, -lines.subtotal, -lines.tax)


def _turned(row: dict[str, Any]) -> dict[str, Any]:
    turned = {key: -row[key] for key in ("quantity", "discount", "subtotal") if row.get(key)}
    return {**row, **turned}


class Settled(NamedTuple):
    """How an invoice stands on the last day: paid is cents, on is the day it last changed."""

    status: str
    paid: int
    on: int


def settle(day: int, due: int, total: int, chance: Chance) -> Settled:
    """Let a customer pay an invoice of a day, due on a day: most on time, some late or never."""
    paid_on = max(day, due + _late(chance()))
    if paid_on <= vocabulary.LAST:
        return Settled("Paid", total, paid_on)
    share = int(chance() * 30)
    if 0 < share < 10 and total > 1:
        return Settled("PartiallyPaid", max(1, total * share // 10), min(vocabulary.LAST, due))
    return Settled("Posted", 0, day)


def _late(luck: float) -> int:
    """Give days after the due day, or before it when negative."""
    if luck < 0.70:
        return int(luck * 20) - 8
    if luck < 0.90:
        return int((luck - 0.70) * 300)
    return int((luck - 0.90) * 1600) if luck < 0.98 else 9999


_INVOICED = frozenset({"Fulfilled", "Closed"})
_OWED = frozenset({"Posted", "PartiallyPaid"})
_ORDERED_EARLIER = 3  # days
_ORDER_STATUS_OF = {11: "Cancelled", 37: "Open", 43: "PartiallyFulfilled", 13: "Fulfilled"}


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
        day, time = vocabulary.spread(number, count)
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
    changed = min(vocabulary.LAST, sale.day if status == "Fulfilled" else sale.day + 30)
    record = {
        "id": order_id,
        "code": f"PED-{order_id:06d}",
        "customer_id": sale.buyer.id if sale.buyer else None,
        "document_date": vocabulary.day(ordered),
        "required_date": None if sale.number % 16 == 0 else vocabulary.day(sale.day + 4),
        "warehouse_id": None if sale.number % 32 == 3 else sale.number % 3 + 1,
        "currency": "USD",
        **_sums(sale.lines),
        "status": status,
        "lines": sale.lines.rows,
        "date_created": vocabulary.day(ordered) + sale.time,
        "date_modified": vocabulary.day(ordered if status == "Open" else changed) + sale.time,
    }
    sold.orders.append(encode(record))
    return order_id if status in _INVOICED else None


def _order_status(sale: Sale) -> str:
    age = vocabulary.LAST - sale.day
    if sale.number % 60 in _ORDER_STATUS_OF:
        return _ORDER_STATUS_OF[sale.number % 60]
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
        return Settled("Void", 0, min(vocabulary.LAST, sale.day + 1))
    if sale.number % 100 == 98 or (sale.number % 7 == 3 and sale.day > vocabulary.LAST - 4):
        return Settled("Draft", 0, sale.day)
    if sale.buyer is None or sale.number % 80 == 9:
        return Settled("Paid", total, sale.day)
    if sale.is_credit:
        return Settled("Posted", 0, sale.day)
    return settle(sale.day, due, total, chance)


def _invoice_record(
    sale: Sale, lines: Lines, order_id: int | None, due: int, settled: Settled
) -> dict[str, Any]:
    day = vocabulary.day(sale.day)
    record = {
        "id": sale.number,
        "code": f"{'NC' if sale.is_credit else 'FAC'}-{sale.number:06d}",
        "customer_id": sale.buyer.id if sale.buyer else None,
        "sales_order_id": order_id,
        "document_date": day,
        "due_date": vocabulary.day(due),
        "posting_date": None if settled.status == "Draft" else day,
        "currency": "USD",
        **_sums(lines),
        "amount_paid": amount(settled.paid),
        "balance": amount(lines.subtotal + lines.tax - settled.paid),
        "status": settled.status,
        "lines": lines.rows,
        "date_created": day + sale.time,
        "date_modified": vocabulary.day(settled.on) + sale.time,
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


_PURCHASE_STATUS_OF = {7: "Cancelled", 3: "Open", 5: "PartiallyReceived", 9: "Received"}


@dataclass(frozen=True, slots=True)
class Bought:
    """Purchase orders, encoded, and what each vendor is owed for them, in cents by id."""

    orders: list[bytes]
    owing: list[int]


def buy(scale: Scale, catalog: list[Product], lines: int | None, chance: Chance) -> Bought:
    """Order from vendors for three years; what is received and not closed is owed."""
    bought = Bought([], [0] * (scale.vendors + 1))
    writer = Writer(catalog, lines, chance)
    for number in range(1, scale.purchase_orders + 1):
        day, time = vocabulary.spread(number, scale.purchase_orders)
        vendor = 1 + int(chance() ** 2 * known(day, scale.vendors))
        status = _status(number, vocabulary.LAST - day)
        document = writer.lines(freight=number % 15 == 4, cost=True)
        if status == "Received":
            bought.owing[vendor] += document.subtotal + document.tax
        bought.orders.append(_encoded(number, vendor, (day, time), status, document))
    return bought


def _status(number: int, age: int) -> str:
    if number % 25 in _PURCHASE_STATUS_OF:
        return _PURCHASE_STATUS_OF[number % 25]
    if age < 10:
        return "Open"
    return "PartiallyReceived" if age < 20 else "Received" if age < 60 else "Closed"


def _encoded(number: int, vendor: int, on: tuple[int, str], status: str, lines: Lines) -> bytes:
    day, time = on
    changed = day if status == "Open" else min(vocabulary.LAST, day + 20)
    record = {
        "id": number,
        "code": f"OC-{number:06d}",
        "vendor_id": vendor,
        "document_date": vocabulary.day(day),
        "expected_date": vocabulary.day(day + 14),
        "warehouse_id": number % 3 + 1,
        "currency": "USD",
        "subtotal": amount(lines.subtotal),
        "tax_total": amount(lines.tax),
        "total": amount(lines.subtotal + lines.tax),
        "status": status,
        "lines": lines.rows,
        "date_created": vocabulary.day(day) + time,
        "date_modified": vocabulary.day(changed) + time,
    }
    if number % 14 == 0:
        del record["expected_date"], record["warehouse_id"]
    return encode(record)
