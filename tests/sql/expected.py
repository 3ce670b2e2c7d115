"""Figures that the reports must show, computed from the rows in plain Python.

The rules are written without SQL and without code of p4books; the models are compared with them.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from itertools import groupby, pairwise
from typing import Any

Row = Mapping[str, Any]
Key = Any  # what amounts are grouped by: a word, a day, or a tuple of these
Sums = dict[Key, Decimal]

PANAMA = timezone(timedelta(hours=-5))
CENT = Decimal("0.01")
PLAUSIBLE = date(1990, 1, 1)  # an earlier day of a document is a mistake
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


def add_months(first: date, months: int) -> date:
    """Return the first day of the month that is so many months later."""
    years, place = divmod(first.month - 1 + months, 12)
    return date(first.year + years, place + 1, 1)


def count_months(first: date, later: date) -> int:
    """Return how many months later the month of another day is."""
    return (later.year - first.year) * 12 + later.month - first.month


def word(row: Row) -> str:
    """Return only the letters of a status, in lower case."""
    return "".join(letter for letter in (row["status"] or "").lower() if letter.isalpha())


def spell_id(reference: str | None) -> str:
    """Return the id that a reference means, (none) if it names none."""
    return (reference or "").strip().removesuffix(".0") or "(none)"


def total(pairs: Iterable[tuple[Key, Decimal]]) -> Sums:
    """Sum amounts by key, without sums of 0."""
    sums: Sums = defaultdict(Decimal)
    for key, amount in pairs:
        sums[key] += amount
    return {key: amount for key, amount in sums.items() if amount}


@dataclass(frozen=True)
class Line:
    """A line of a document."""

    row: Row

    @property
    def product(self) -> str:
        """Return the product, (none) if there is none."""
        return spell_id(self.row.get("product_id"))

    @property
    def tax_code(self) -> str:
        """Return the tax code in capitals, (none) if there is none."""
        return (self.row.get("tax_code") or "").strip().upper() or "(none)"

    @property
    def quantity(self) -> Decimal:
        """Return the quantity, 0 if it is missing."""
        return Decimal(self.row.get("quantity") or 0)

    @property
    def has_amount(self) -> bool:
        """Return whether the net of the line is known."""
        given = [_amount(self.row.get(name)) for name in ("subtotal", "quantity", "price")]
        return given[0] is not None or None not in given[1:]

    @property
    def net(self) -> Decimal:
        """Return the subtotal, else quantity x price less the discount, else 0."""
        given = {name: _amount(self.row.get(name)) for name in ("subtotal", "quantity", "price")}
        if given["subtotal"] is not None:
            return given["subtotal"]
        if given["quantity"] is None or given["price"] is None:
            return NONE
        discount = _amount(self.row.get("discount")) or NONE
        return cents(given["quantity"] * given["price"] - discount)


@dataclass(frozen=True)
class Document:
    """A version of an invoice or order, with missing values derived from the others."""

    row: Row
    first_seen: datetime

    @property
    def id(self) -> str:
        """Return its id."""
        return str(self.row["id"])

    @property
    def party(self) -> str:
        """Return the customer or vendor, (none) if there is none."""
        return spell_id(self.row.get("customer_id") or self.row.get("vendor_id"))

    @property
    def currency(self) -> str:
        """Return the currency in upper case, by default the tenant's."""
        return (self.row["currency"] or "").strip().upper() or "USD"

    @property
    def is_live(self) -> bool:
        """Return whether the invoice counts."""
        return word(self.row) not in OFF

    @property
    def is_open(self) -> bool:
        """Return whether the invoice counts and has a balance."""
        return self.is_live and self.balance != 0

    @cached_property
    def lines(self) -> list[Line]:
        """Return the lines."""
        return [Line(row) for row in self.row["lines"] or () if row is not None]

    @cached_property
    def lines_net(self) -> Decimal:
        """Return the sum of the lines' nets."""
        return sum((line.net for line in self.lines), NONE)

    @property
    def net(self) -> Decimal:
        """Return the subtotal, else total less tax, else the net of the lines, else the total."""
        given, whole = _amount(self.row["subtotal"]), _amount(self.row["total"])
        tax = _amount(self.row["tax_total"])
        if given is not None:
            return given
        if whole is not None and tax is not None:
            return whole - tax
        if any(line.has_amount for line in self.lines):
            return self.lines_net
        return whole or NONE

    @property
    def tax(self) -> Decimal:
        """Return the tax, else the total less the net, else 0."""
        given, whole = _amount(self.row["tax_total"]), _amount(self.row["total"])
        if given is not None:
            return given
        return NONE if whole is None else whole - self.net

    @property
    def total(self) -> Decimal:
        """Return the total, else net plus tax."""
        given = _amount(self.row["total"])
        return self.net + self.tax if given is None else given

    @property
    def balance(self) -> Decimal:
        """Return the balance, else the total less what is paid, else 0 if the status is Paid."""
        given, paid = _amount(self.row["balance"]), _amount(self.row["amount_paid"])
        if given is not None:
            return given
        if word(self.row) in OFF or (word(self.row) == "paid" and paid is None):
            return NONE
        return self.total - (paid or NONE)

    @property
    def paid(self) -> Decimal:
        """Return what is paid, else the total less the balance, else 0 if nothing can be owed."""
        given, balance = _amount(self.row["amount_paid"]), _amount(self.row["balance"])
        if given is not None:
            return given
        if balance is None and word(self.row) in OFF:
            return NONE
        return self.total - self.balance

    @property
    def day(self) -> date:
        """Return the document date, else the posting date, else the day it was created or first
        seen in Panama."""
        for name in ("document_date", "posting_date"):
            if self.row.get(name):
                return date.fromisoformat(self.row[name])
        made = self.row["date_created"]
        moment = datetime.fromisoformat(made) if made else self.first_seen
        return moment.astimezone(PANAMA).date()

    @property
    def due(self) -> date:
        """Return the due date, else the document's day."""
        given = self.row["due_date"]
        return date.fromisoformat(given) if given else self.day


@dataclass(frozen=True)
class Expected:
    """The figures that follow from the rows of raw."""

    rows: Mapping[str, list[dict[str, Any]]]
    as_of: datetime

    def documents(self, table: str, at: datetime | None = None) -> list[Document]:
        """Return the versions that are current, or were current at a timestamp."""
        documents = []
        for row in self.rows[table]:
            since, until = _instant(row["_dlt_valid_from"]), _instant(row["_dlt_valid_to"])
            assert since is not None
            if (until is None) if at is None else (since <= at and (not until or at < until)):
                first_seen = next(each[0] for each in self.records(table) if row in each)
                documents.append(
                    Document(row, datetime.fromisoformat(first_seen["_dlt_valid_from"]))
                )
        return documents

    def records(self, table: str) -> list[list[Row]]:
        """Return the versions of each record in order; an id may have been given to several."""
        records: list[list[Row]] = []
        rows = sorted(self.rows[table], key=lambda row: (row["id"], row["_dlt_valid_from"]))
        for document_id, versions in groupby(rows, key=lambda row: row["id"]):
            known: dict[str, Any] = {}
            for row in versions:
                if not known or _is_another_record(known, row):
                    records.append([])
                records[-1].append(row)
                known = {**known, **{name: each for name, each in row.items() if each}}
                known |= {"id": document_id, "_dlt_valid_to": row["_dlt_valid_to"]}
        return records

    @property
    def today(self) -> date:
        """Return the as-of day."""
        return self.as_of.astimezone(PANAMA).date()

    @cached_property
    def invoices(self) -> list[Document]:
        """Return the invoices that count."""
        return [document for document in self.documents("invoices") if document.is_live]

    @cached_property
    def open(self) -> list[Document]:
        """Return the invoices that have a balance."""
        return [document for document in self.invoices if document.is_open]

    @cached_property
    def dated_sales(self) -> list[Document]:
        """Return the invoices that show that a customer bought, in order of their days."""
        found = [
            document
            for document in self.invoices
            if document.total >= 0 and PLAUSIBLE <= document.day <= self.today
        ]
        return sorted(found, key=lambda document: document.day)

    @cached_property
    def _first_months(self) -> dict[tuple[str, str], date]:
        """Return the month of the first purchase of each customer in a currency."""
        return {
            (document.party, document.currency): month(document.day)
            for document in reversed(self.dated_sales)
        }

    def stages(self) -> Iterator[tuple[str, str, date]]:
        """Yield what each customer became, and in which month."""
        months: dict[str, set[date]] = defaultdict(set)
        for document in self.dated_sales:
            months[document.party].add(month(document.day))
        for party in months.keys() - {"(none)"}:
            bought = sorted(months[party])
            yield party, "new", bought[0]
            for before, after in pairwise([*bought, date.max]):
                gap = count_months(before, after)
                lapsed = add_months(before, 3)
                if after < date.max:
                    yield party, "returning" if gap <= 3 else "reactivated", after
                if gap > 3 and add_months(lapsed, 1) - timedelta(1) <= self.today:
                    yield party, "lapsed", lapsed

    def cohort_of(self, document: Document) -> tuple[str, date, int]:
        """Return the currency, the cohort and the month since then in which a net is."""
        today = month(self.today)
        first = self._first_months.get((document.party, document.currency))
        if first is None:
            days = [
                each.day
                for each in self.invoices
                if (each.party, each.currency) == (document.party, document.currency)
            ]
            first = max(month(min(*days, today)), PLAUSIBLE)
        last = count_months(first, today)
        return document.currency, first, min(max(count_months(first, document.day), 0), last)

    def owed(self, key: Callable[[Document], Key]) -> Sums:
        """Sum the balances of open invoices."""
        return total((key(document), document.balance) for document in self.open)

    def sold(self, key: Callable[[Document], Key]) -> Sums:
        """Sum the net of invoices."""
        return total((key(document), document.net) for document in self.invoices)

    def sold_by_product(self, key: Callable[[Document, str], Key]) -> Sums:
        """Sum the net of lines, with the excess of headers over their lines under (none)."""
        return total(by_product(self.invoices, key))

    def taxed(self, key: Callable[[Document], Key]) -> Sums:
        """Sum the tax that was charged."""
        return total((key(document), document.tax) for document in self.invoices)

    def days_late(self, document: Document) -> int:
        """Return the days that an invoice is overdue."""
        return max((self.today - document.due).days, 0)

    def bucket(self, document: Document) -> str:
        """Return the aging bucket of an invoice."""
        days = self.days_late(document)
        bounds = {"current": 0, "1-30": 30, "31-60": 60, "61-90": 90}
        return next((name for name, bound in bounds.items() if days <= bound), "90+")

    def versions(self) -> Counter[str]:
        """Count the versions of each document."""
        tables = ("invoices", "sales_orders", "purchase_orders")
        return Counter(
            f"{table} {row['id']} {record[0]['_dlt_valid_from']}"
            for table in tables
            for record in self.records(table)
            for row in record
        )

    def void_or_deleted(self) -> Iterator[str]:
        """Yield the documents that are void, cancelled or deleted."""
        for table in ("invoices", "sales_orders", "purchase_orders"):
            for *_, last in self.records(table):
                if last["_dlt_valid_to"] or word(last) in {"void", "cancelled", "canceled"}:
                    yield f"{table} {last['id']}"


def by_product(
    documents: Iterable[Document], key: Callable[[Document, str], Key]
) -> Iterator[tuple[Key, Decimal]]:
    for document in documents:
        for line in document.lines:
            yield key(document, line.product), line.net
        yield key(document, "(none)"), document.net - document.lines_net


def _is_another_record(known: Row, row: Row) -> bool:
    """Return whether a version is of another record than what is known of those before it."""
    codes, days = (
        {str(each.get(name) or "").strip().upper() for each in (known, row)}
        for name in ("code", "document_date")
    )
    is_other_code, is_other_day = len(codes - {""}) == 2, len(days - {""}) == 2
    before, made = (_instant(each.get("date_created")) for each in (known, row))
    is_gap = known["_dlt_valid_to"] < row["_dlt_valid_from"]
    if not before or not made:
        return is_gap and is_other_code
    if is_gap:
        return abs(made - before) > timedelta(days=1) or (is_other_code and made != before)
    used = _instant(known["_dlt_valid_from"])
    return is_other_code and made != before and (is_other_day or bool(used and made > used))


def _amount(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _instant(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
