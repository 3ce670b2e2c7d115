"""The figures that reports must show, computed from the rows in plain Python.

The rules of the reports in plain Python, without SQL and without a line of p4books: what the
models say is compared with this.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

Row = Mapping[str, Any]
Key = Any  # what amounts are added up by: a word, a day, or several of these
Sums = dict[Key, Decimal]

PANAMA = timezone(timedelta(hours=-5))
CENT = Decimal("0.01")
NONE = Decimal(0)
OFF = {"void", "draft"}
CANCELLED = OFF | {"cancelled", "canceled"}
DONE = {
    "sales_orders": CANCELLED | {"fulfilled", "closed"},
    "purchase_orders": CANCELLED | {"received", "closed"},
}


def cents(value: Decimal) -> Decimal:
    """Round to the cent, half a cent away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)


def month(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def word(row: Row) -> str:
    """Return a status in small letters, and only its letters."""
    return "".join(letter for letter in (row["status"] or "").lower() if letter.isalpha())


def total(pairs: Iterable[tuple[Key, Decimal]]) -> Sums:
    """Add up amounts by what they belong to."""
    sums: Sums = defaultdict(Decimal)
    for key, amount in pairs:
        sums[key] += amount
    return {key: amount for key, amount in sums.items() if amount}


@dataclass(frozen=True)
class Line:
    """A line: its product, and its net."""

    row: Row

    @property
    def product(self) -> str:
        """Return the product, (none) where there is none."""
        return self.row.get("product_id") or "(none)"

    @property
    def tax_code(self) -> str:
        """Return the tax code in capitals, (none) if there is none."""
        return (self.row.get("tax_code") or "").strip().upper() or "(none)"

    @property
    def quantity(self) -> Decimal:
        """Return the quantity, 0 where none is told."""
        return Decimal(self.row.get("quantity") or 0)

    @property
    def is_told(self) -> bool:
        """Tell whether a line says what it comes to."""
        told = [_amount(self.row.get(name)) for name in ("subtotal", "quantity", "price")]
        return told[0] is not None or None not in told[1:]

    @property
    def net(self) -> Decimal:
        """Return the subtotal, else quantity x price less the discount, else 0."""
        told = {name: _amount(self.row.get(name)) for name in ("subtotal", "quantity", "price")}
        if told["subtotal"] is not None:
            return told["subtotal"]
        if told["quantity"] is None or told["price"] is None:
            return NONE
        discount = _amount(self.row.get("discount")) or NONE
        return cents(told["quantity"] * told["price"] - discount)


@dataclass(frozen=True)
class Document:
    """A version of an invoice or order, what it lacks made up from the rest."""

    row: Row
    first_seen: datetime

    @property
    def id(self) -> str:
        """Return its id."""
        return str(self.row["id"])

    @property
    def party(self) -> str:
        """Return the customer or vendor, (none) where there is none."""
        return self.row.get("customer_id") or self.row.get("vendor_id") or "(none)"

    @property
    def currency(self) -> str:
        """Return the currency in capitals, that of the tenant where there is none."""
        return (self.row["currency"] or "").strip().upper() or "USD"

    @property
    def is_live(self) -> bool:
        """Tell whether an invoice counts."""
        return word(self.row) not in OFF

    @property
    def is_open(self) -> bool:
        """Tell whether something is owed on an invoice."""
        return self.is_live and self.balance != 0

    @cached_property
    def lines(self) -> list[Line]:
        """Return the lines."""
        return [Line(row) for row in self.row["lines"] or ()]

    @cached_property
    def lines_net(self) -> Decimal:
        """Return what the lines come to."""
        return sum((line.net for line in self.lines), NONE)

    @property
    def net(self) -> Decimal:
        """Return the subtotal, else the total less the tax, else what the lines say, else it."""
        told, whole = _amount(self.row["subtotal"]), _amount(self.row["total"])
        tax = _amount(self.row["tax_total"])
        if told is not None:
            return told
        if whole is not None and tax is not None:
            return whole - tax
        if any(line.is_told for line in self.lines):
            return self.lines_net
        return whole or NONE

    @property
    def tax(self) -> Decimal:
        """Return the tax, else the total less the net, else 0."""
        told, whole = _amount(self.row["tax_total"]), _amount(self.row["total"])
        if told is not None:
            return told
        return NONE if whole is None else whole - self.net

    @property
    def total(self) -> Decimal:
        """Return the total, else net and tax."""
        told = _amount(self.row["total"])
        return self.net + self.tax if told is None else told

    @property
    def balance(self) -> Decimal:
        """Return the balance, else what is not paid."""
        told = _amount(self.row["balance"])
        paid = _amount(self.row["amount_paid"]) or NONE
        return self.total - paid if told is None else told

    @property
    def day(self) -> date:
        """Return the document's day, else the first that anything tells of it."""
        for name in ("document_date", "posting_date"):
            if self.row.get(name):
                return date.fromisoformat(self.row[name])
        made = self.row["date_created"]
        moment = datetime.fromisoformat(made) if made else self.first_seen
        return moment.astimezone(PANAMA).date()

    @property
    def due(self) -> date:
        """Return the day an invoice is due, its own day where none is told."""
        told = self.row["due_date"]
        return date.fromisoformat(told) if told else self.day


@dataclass(frozen=True)
class Expected:
    """Rows of raw, and what follows from them."""

    rows: Mapping[str, list[dict[str, Any]]]
    as_of: datetime

    def documents(self, table: str, at: datetime | None = None) -> list[Document]:
        """Return the versions that are current, or were at an instant."""
        found = []
        for row in self.rows[table]:
            since, until = _instant(row["_dlt_valid_from"]), _instant(row["_dlt_valid_to"])
            assert since is not None
            if (until is None) if at is None else (since <= at and (not until or at < until)):
                found.append(Document(row, self._first_seen(table, row["id"])))
        return found

    def _first_seen(self, table: str, each: str) -> datetime:
        return min(
            datetime.fromisoformat(row["_dlt_valid_from"])
            for row in self.rows[table]
            if row["id"] == each
        )

    @cached_property
    def invoices(self) -> list[Document]:
        """Return the invoices that count."""
        return [each for each in self.documents("invoices") if each.is_live]

    @cached_property
    def open(self) -> list[Document]:
        """Return the invoices on which something is owed."""
        return [each for each in self.invoices if each.is_open]

    def owed(self, key: Callable[[Document], Key]) -> Sums:
        """Add up what is owed."""
        return total((key(each), each.balance) for each in self.open)

    def sold(self, key: Callable[[Document], Key]) -> Sums:
        """Add up the net of what was sold."""
        return total((key(each), each.net) for each in self.invoices)

    def sold_by_product(self, key: Callable[[Document, str], Key]) -> Sums:
        """Add up the net of lines, and under (none) what headers have beyond theirs."""
        return total(_by_product(self.invoices, key))

    def base_by_code(self) -> Sums:
        """Add up the net of lines by month, tax code and currency."""
        return total(
            ((month(each.day), line.tax_code, each.currency), line.net)
            for each in self.invoices
            for line in each.lines
        )

    def taxed(self, key: Callable[[Document], Key]) -> Sums:
        """Add up the tax that was charged."""
        return total((key(each), each.tax) for each in self.invoices)

    def late(self, each: Document) -> int:
        """Return by how many days an invoice is late."""
        return max((self.as_of.astimezone(PANAMA).date() - each.due).days, 0)

    def bucket(self, each: Document) -> str:
        """Return the name of an invoice's age."""
        days = self.late(each)
        bounds = {"current": 0, "1-30": 30, "31-60": 60, "61-90": 90}
        return next((name for name, bound in bounds.items() if days <= bound), "90+")

    def versions(self) -> Counter[str]:
        """Count the versions of each document."""
        tables = ("invoices", "sales_orders", "purchase_orders")
        return Counter(f"{table} {row['id']}" for table in tables for row in self.rows[table])

    def lost(self) -> Iterator[str]:
        """Name the documents that are void, cancelled or gone."""
        for table in ("invoices", "sales_orders", "purchase_orders"):
            current = {row["id"]: row for row in self.rows[table] if not row["_dlt_valid_to"]}
            for each in {row["id"] for row in self.rows[table]}:
                row = current.get(each)
                if row is None or word(row) in {"void", "cancelled", "canceled"}:
                    yield f"{table} {each}"


def _by_product(
    documents: Iterable[Document], key: Callable[[Document, str], Key]
) -> Iterator[tuple[Key, Decimal]]:
    for each in documents:
        for line in each.lines:
            yield key(each, line.product), line.net
        yield key(each, "(none)"), each.net - each.lines_net


def _amount(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _instant(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
