"""What stands on a document, and what does it come to?"""

from typing import Any, NamedTuple

from p4books_sandbox.chance import Chance
from p4books_sandbox.distributor.cents import amount, half_away
from p4books_sandbox.distributor.products import Product
from p4books_sandbox.distributor.words import TAX_PERCENT

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
