"""Random books: anything that the API may send, and worse.

They are drawn from a seed, so that each oddity is as frequent as defined here: hypothesis alone
would draw mostly books that are nearly empty.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

Row = dict[str, Any]

BEGAN = datetime(2026, 1, 1, 3, tzinfo=UTC)  # beginning of history; still December in Panama
AS_OF = datetime(2026, 6, 30, 17, tzinfo=UTC)
HOURS = (AS_OF - BEGAN) // timedelta(hours=1)

CENTS = ("0", "0.01", "-0.01", "7", "100", "107", "-107", "33.33", "1234.56", "-987.65", "18.19")
ABSURD = (*CENTS, "9999999999999999.99", "-9999999999999999.99", "1000000000000000.00")
MEASURES = ("0", "1", "-1", "3", "0.333333", "1000", "12.5", "-2.000001", "7.25")
ABSURD_MEASURES = (*MEASURES, "999999999999.999999", "-999999999999")
DISCOUNTS = ("0", "10", "12.5", "100", "-5", "1000")
DAYS = (
    *("2026-06-30", "2026-06-29", "2026-07-01", "2026-06-01", "2026-05-31", "2026-03-31"),
    *("2026-01-31", "2025-12-31", "2025-06-30", "2025-07-01", "2024-02-29", "2023-02-28"),
    *("0202-02-02", "9999-12-31"),
)
INSTANTS = (
    "2026-02-01 04:59:59+00",
    "2026-02-01 05:00:00+00",
    "2025-12-31 23:59:59.999999+00",
)
WORDS = ("a", "Doña \"Ñ\" 'x'", "=1+1", "😀", "")
CURRENCIES = ("USD", "usd ", "EUR", "")
CODES = ("ITBMS", "itbms7 ", "ITBMS10", "EXENTO", "IVA", "")
PARTIES = ("1", "2", "3", "77", "1.0", " ")  # 77 is unknown
PRODUCTS = ("1", "2", "3", "99", "2.0")
TERMS = ("Net 30", "Cash", "2/10 net 30", "30 días fin de mes", "EOM", "x", "")
INVOICE_WORDS = (
    *("Posted", "Paid", "PARTIALLY_PAID", "partiallypaid", "Void", "draft", "Odd", ""),
    *("Posted", "Paid"),
)
ORDER_WORDS = (
    *("Open", "open", "PartiallyFulfilled", "partially_received", "Fulfilled", "Received"),
    *("Closed", "CANCELLED", "Void", "Draft", "Odd"),
)
FEW = ("1", "2", "3")


def random_books(
    seed: int, money: Sequence[str] = CENTS, measures: Sequence[str] = MEASURES
) -> dict[str, list[Row]]:
    """Draw rows for every table in raw; only ids and validity are always present."""
    draw = _Draw(Random(seed), money, measures)  # noqa: S311 - no secret
    invoices = [str(number) for number in range(draw.random.choice([0, 1, 4, 8, 12]))]
    orders = FEW[: draw.random.randint(0, 3)]
    return {
        "products": draw.versions(FEW, draw.product),
        "customers": draw.versions(FEW, draw.customer),
        "vendors": draw.versions(FEW, draw.party),
        "invoices": draw.versions(invoices, draw.invoice),
        "sales_orders": draw.versions(orders, draw.sales_order),
        "purchase_orders": draw.versions(orders, draw.purchase_order),
    }


class _Draw:
    """Draws rows with the given amounts and quantities."""

    def __init__(self, random: Random, money: Sequence[str], measures: Sequence[str]) -> None:
        self.random = random
        self.money = money
        self.measures = measures

    def maybe(self, values: Sequence[str]) -> str | None:
        """Draw a value, or None in one of four cases."""
        return self.random.choice(values) if self.random.random() < 0.75 else None

    def versions(self, ids: Sequence[str], draw_values: Callable[[], Row]) -> list[Row]:
        """Return one or more versions of each record: contiguous, with gaps, current or not."""
        rows = []
        for record_id in ids:
            moments = sorted(self.random.sample(range(HOURS), self.random.randint(1, 3)))
            for place, moment in enumerate(moments):
                until = moments[place + 1] if place + 1 < len(moments) else None
                if place == 0 or self.random.random() < 0.8:
                    valid = {"_dlt_valid_from": _instant(moment), "_dlt_valid_to": _instant(until)}
                    rows.append({"id": record_id, **draw_values(), **valid})
        return rows

    def product(self) -> Row:
        """Draw the fields of a product."""
        words = {"code": self.maybe(WORDS), "name": self.maybe(WORDS)}
        return {**words, "price": self.maybe(self.measures), "cost": self.maybe(self.measures)}

    def party(self) -> Row:
        """Draw the fields of a vendor."""
        return {
            "code": self.maybe(WORDS),
            "name": self.maybe(WORDS),
            "currency": self.maybe(CURRENCIES),
            "payment_terms": self.maybe(TERMS),
            "status": self.maybe(("active", "Inactive", "", "1")),
            "balance": self.maybe(self.money),
        }

    def customer(self) -> Row:
        """Draw the fields of a customer."""
        return {**self.party(), "credit_limit": self.maybe(self.money)}

    def invoice(self) -> Row:
        """Draw the fields of an invoice."""
        return {
            **self._document(INVOICE_WORDS),
            "customer_id": self.maybe(PARTIES),
            "due_date": self.maybe(DAYS),
            "posting_date": self.maybe(DAYS),
            "amount_paid": self.maybe(self.money),
            "balance": self.maybe(self.money),
        }

    def sales_order(self) -> Row:
        """Draw the fields of a sales order."""
        own = {"customer_id": self.maybe(PARTIES), "required_date": self.maybe(DAYS)}
        return {**self._document(ORDER_WORDS), **own}

    def purchase_order(self) -> Row:
        """Draw the fields of a purchase order."""
        own = {"vendor_id": self.maybe(PARTIES), "expected_date": self.maybe(DAYS)}
        return {**self._document(ORDER_WORDS), **own}

    def _document(self, words: Sequence[str]) -> Row:
        sizes = self.random.choice([0, 1, 2, 3, None])
        return {
            "code": self.maybe(WORDS),
            "status": self.maybe(words),
            "currency": self.maybe(CURRENCIES),
            "document_date": self.maybe(DAYS),
            "date_created": self.maybe(INSTANTS),
            "subtotal": self.maybe(self.money),
            "tax_total": self.maybe(self.money),
            "total": self.maybe(self.money),
            "lines": None if sizes is None else [self._line() for _ in range(sizes)],
        }

    def _line(self) -> Row | None:
        if self.random.random() < 0.05:
            return None
        line = {
            "line_number": self.random.choice([None, -1, 0, 1, 2, 3]),
            "description": self.maybe(WORDS),
            "product_id": self.maybe(PRODUCTS),
            "tax_code": self.maybe(CODES),
            "quantity": self.maybe(self.measures),
            "price": self.maybe(self.measures),
            "discount": self.maybe(DISCOUNTS),
            "subtotal": self.maybe(self.money),
        }
        return {name: value for name, value in line.items() if value or self.random.random() < 0.5}


def _instant(hours: int | None) -> str | None:
    return None if hours is None else (BEGAN + timedelta(hours=hours)).isoformat(" ")
