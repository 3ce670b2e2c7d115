"""What did the distributor order from its vendors?"""

from dataclasses import dataclass

from p4books_sandbox.chance import Chance
from p4books_sandbox.distributor import days
from p4books_sandbox.distributor.cents import amount
from p4books_sandbox.distributor.lines import Lines, Writer
from p4books_sandbox.distributor.parties import known
from p4books_sandbox.distributor.products import Product
from p4books_sandbox.distributor.scale import Scale
from p4books_sandbox.records import encode

_STATUS_OF = {7: "Cancelled", 3: "Open", 5: "PartiallyReceived", 9: "Received"}


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
        day, time = days.spread(number, scale.purchase_orders)
        vendor = 1 + int(chance() ** 2 * known(day, scale.vendors))
        status = _status(number, days.LAST - day)
        document = writer.lines(freight=number % 15 == 4, cost=True)
        if status == "Received":
            bought.owing[vendor] += document.subtotal + document.tax
        bought.orders.append(_encoded(number, vendor, (day, time), status, document))
    return bought


def _status(number: int, age: int) -> str:
    if number % 25 in _STATUS_OF:
        return _STATUS_OF[number % 25]
    if age < 10:
        return "Open"
    return "PartiallyReceived" if age < 20 else "Received" if age < 60 else "Closed"


def _encoded(number: int, vendor: int, on: tuple[int, str], status: str, lines: Lines) -> bytes:
    day, time = on
    changed = day if status == "Open" else min(days.LAST, day + 20)
    record = {
        "id": number,
        "code": f"OC-{number:06d}",
        "vendor_id": vendor,
        "document_date": days.day(day),
        "expected_date": days.day(day + 14),
        "warehouse_id": number % 3 + 1,
        "currency": "USD",
        "subtotal": amount(lines.subtotal),
        "tax_total": amount(lines.tax),
        "total": amount(lines.subtotal + lines.tax),
        "status": status,
        "lines": lines.rows,
        "date_created": days.day(day) + time,
        "date_modified": days.day(changed) + time,
    }
    if number % 14 == 0:
        del record["expected_date"], record["warehouse_id"]
    return encode(record)
