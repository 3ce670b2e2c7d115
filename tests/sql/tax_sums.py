"""Reports on ITBMS, compared with plain Python by test_sums."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from tests.sql.books import Books, Rows, sum_by_key
from tests.sql.expected import (
    NONE,
    PANAMA,
    Document,
    Expected,
    Key,
    Sums,
    cents,
    month,
    total,
)

BOX = {"ITBMS": "11", "ITBMS7": "11", "ITBMS10": "13", "EXENTO": "17"}
RATE = {"ITBMS": "0.07", "ITBMS7": "0.07", "ITBMS10": "0.10", "EXENTO": "0"}
SINCE = {"EXENTO": date(1977, 3, 1)}  # the others are in force since July 2010
BOX_OF_RATE = {"0.07": "11", "0.10": "13", "0.15": "15", "0": "17"}
RETURNS = "20"
SALES = {"11", "13", "15", "17"}
CHARGED = "any_value(month_tax_charged) from reporting.itbms_by_month"

Amounts = dict[str, tuple[Decimal, Decimal]]  # base and tax by box


@dataclass(frozen=True)
class ExpectedTax:
    """What follows from the rows and from the date that decides the month."""

    books: Expected
    tax_date: str

    def day(self, document: Document) -> date:
        """Return the day that decides in which month the ITBMS of an invoice is."""
        posted = document.row.get("posting_date")
        return date.fromisoformat(posted) if posted and self.tax_date == "posting" else document.day

    def month(self, document: Document) -> Key:
        """Return month and currency of an invoice."""
        return month(self.day(document)), document.currency

    def boxed(self, documents: list[Document]) -> Iterator[tuple[Document, str, Decimal, Decimal]]:
        """Yield each invoice with its boxes, their base and their tax."""
        for document in documents:
            for box, (base, tax) in list_boxes(document).items():
                yield document, box, base, tax

    @cached_property
    def filed(self) -> Mapping[date, date]:
        """Return the last day by which each month was filed."""
        days: dict[date, date] = {}
        for row in self.books.rows["filed_returns"]:
            filed, first = (date.fromisoformat(row[name]) for name in ("filed_on", "month"))
            if filed <= self.books.today:
                days[first] = max(filed, days.get(first, filed))
        return days

    def changes(self, began: datetime) -> Iterator[tuple[Key, Decimal, Decimal]]:
        """Yield what each invoice adds to a box of a filed month since then, and takes away."""
        for first, day in self.filed.items():
            end = datetime.combine(day, time.max, PANAMA)
            then = self.books.documents("invoices", max(end, began))
            for sign, documents in ((-1, then), (1, self.books.invoices)):
                live = [each for each in documents if each.is_live]
                for document, box, base, tax in self.boxed(live):
                    if month(self.day(document)) == first:
                        key = (first, document.id, box, document.currency)
                        yield key, sign * base, sign * tax

    def withheld(self, began: datetime) -> Iterator[tuple[Key, Decimal]]:
        """Yield by customer, month and currency what was withheld with each payment."""
        for record in self.books.records("invoices"):
            first_seen = datetime.fromisoformat(record[0]["_dlt_valid_from"])
            versions = [Document(row, first_seen) for row in record]
            last = versions[-1]
            if last.row["_dlt_valid_to"] or not last.is_live:
                continue
            for before, version in zip([None, *versions], versions, strict=False):
                seen = datetime.fromisoformat(version.row["_dlt_valid_from"])
                day = seen.astimezone(PANAMA).date()
                share = self.share(last.party, day)
                if before is not None or seen > began:
                    amount = withheld(version, share) - withheld(before, share)
                    yield (last.party, month(day), last.currency), amount

    def share(self, party: str, day: date) -> Decimal:
        """Return the share that a customer withholds on a day."""
        code = self.codes.get(party)
        for row in self.books.rows["withholding_customers"]:
            since = date.fromisoformat(row.get("valid_from", "0001-01-01"))
            if row["customer_code"].upper() == code and since <= day:
                return Decimal(row["share"])
        return NONE

    @cached_property
    def codes(self) -> Mapping[str, str]:
        """Return the last code of each customer, as codes are compared."""
        rows = sorted(self.books.rows["customers"], key=lambda row: row["_dlt_valid_from"])
        codes = {row["id"]: (row["code"] or "").strip().upper() for row in rows}
        return {customer: code for customer, code in codes.items() if code}

    def certified(self) -> Iterator[tuple[Key, Decimal]]:
        """Yield the certificates of known customers; a code of several is that of the first."""
        held = {row["id"] for row in self.books.rows["customers"] if not row["_dlt_valid_to"]}
        for row in self.books.rows["withholding_certificates"]:
            named = [each for each, code in self.codes.items() if code == row["customer_code"]]
            if named and date.fromisoformat(row["month"]) <= self.books.today:
                party = min(named, key=lambda each: (each not in held, each))
                yield (party, date.fromisoformat(row["month"]), "USD"), Decimal(row["amount"])


def compare_tax(books: Books, expected: Expected, tax_date: str, began: datetime) -> None:
    """Compare the months, the sales book, the return, its changes and withholdings."""
    tax = ExpectedTax(expected, tax_date)
    _months(books, tax)
    _return(books, tax)
    _changes(books, tax, began)
    _withholdings(books, tax, began)


def is_rated(document: Document, code: str) -> bool:
    """Return whether the rate of a tax code is known on the day of an invoice."""
    return code in RATE and document.day >= SINCE.get(code, date(2010, 7, 1))


def list_boxes(document: Document) -> Amounts:
    """Return base and tax of an invoice by box; the tax is what its header charges."""
    lines = _list_lines(document)
    nets = dict.fromkeys((code for code, _ in lines), NONE)
    taxes = dict(nets)
    for (code, net), tax in zip(lines, _list_taxes(document, lines), strict=True):
        nets[code] += net
        taxes[code] += tax
    if taxes and all(is_rated(document, code) for code in taxes):
        most = min(taxes, key=lambda code: (-abs(taxes[code]), code))
        taxes[most] += document.tax - sum(taxes.values(), NONE)
    boxes: Amounts = {}
    for code, net in nets.items():
        others = [each for each in nets if each != code]
        box = BOX[code] if is_rated(document, code) else "(none)"
        if code == "(none)" and net:
            box = _find_box(document, net, taxes[code], others, len(lines))
        box = RETURNS if document.total < 0 else box
        base, charged = boxes.get(box, (NONE, NONE))
        boxes[box] = (base + net, charged + taxes[code])
    return boxes


def _find_box(document: Document, net: Decimal, tax: Decimal, others: list[str], lines: int) -> str:
    """Return the box of what has no tax code: that of the only other code, or of its own rate."""

    def fits(rate: str) -> bool:
        return abs(tax - cents(net * Decimal(rate))) <= Decimal("0.005") * (lines + 1)

    if len(others) == 1 and is_rated(document, others[0]) and fits(RATE[others[0]]):
        return BOX[others[0]]
    found = [box for rate, box in BOX_OF_RATE.items() if fits(rate)]
    return found[0] if len(found) == 1 else "(none)"


def _list_lines(document: Document) -> list[tuple[str, Decimal]]:
    """Return tax code and net of the lines in their order, after what only the header has."""
    lines = document.lines
    numbers = [line.row.get("line_number") for line in lines]
    if None not in numbers and len(set(numbers)) == len(numbers):
        lines = sorted(lines, key=lambda line: int(line.row["line_number"]))
    rest = document.net - document.lines_net
    has_rest = rest or (document.tax and not lines)
    return [("(none)", rest)] * bool(has_rest) + [(line.tax_code, line.net) for line in lines]


def _list_taxes(document: Document, lines: list[tuple[str, Decimal]]) -> list[Decimal]:
    """Return the tax of each line; those without a rate share what the header has beyond."""
    known = {
        place: cents(net * Decimal(RATE[code]))
        for place, (code, net) in enumerate(lines)
        if is_rated(document, code)
    }
    left = document.tax - sum(known.values(), NONE)
    rest = [place for place in range(len(lines)) if place not in known]
    whole = sum((lines[place][1] for place in rest), NONE)
    upto = shared = NONE
    for place in rest:
        upto += lines[place][1]
        share = cents(left * upto / whole) if whole else NONE
        share = left if place == rest[-1] else share
        known[place] = share - shared
        shared = share
    return [known[place] for place in range(len(lines))]


def withheld(document: Document | None, share: Decimal) -> Decimal:
    """Return what was withheld of an invoice's tax when so much of it was paid."""
    if document is None or not document.is_live:
        return NONE
    whole = cents(document.tax * share)
    to_pay = document.total - whole
    if document.paid * to_pay <= 0:
        return NONE
    return whole if abs(document.paid) >= abs(to_pay) else cents(whole * document.paid / to_pay)


def _months(books: Books, tax: ExpectedTax) -> None:
    expected = tax.books
    charged = expected.taxed(tax.month)
    for column in (CHARGED, "sum(tax) from reporting.itbms_sales_book"):
        query = f"select month_on, currency, {column} group by all"
        assert sum_by_key(books, query) == charged, column
    assert sum_by_key(
        books,
        "select month_on, currency, sum(taxable_base + exempt_base)"
        " from reporting.itbms_by_month group by all",
    ) == expected.sold(tax.month)
    by_code = total(
        ((month(tax.day(document)), line.tax_code, document.currency), line.net)
        for document in expected.invoices
        for line in document.lines
        if is_rated(document, line.tax_code)
    )
    query = (
        "select month_on, tax_code, currency, taxable_base + exempt_base"
        " from reporting.itbms_by_month where rate_name <> '(unknown)'"
    )
    assert sum_by_key(books, query) == by_code
    book = "from reporting.itbms_sales_book group by all"
    assert sum_by_key(books, f"select invoice_id, sum(net) {book}") == expected.sold(
        lambda document: document.id
    )
    assert sum_by_key(books, f"select invoice_id, sum(tax) {book}") == expected.taxed(
        lambda document: document.id
    )
    _by_rate(books, expected.invoices)


def _by_rate(books: Books, invoices: list[Document]) -> None:
    """Compare the base of each rate of each invoice; what has no known rate is `other`."""
    rates = {"base_0": "0", "base_7": "0.07", "base_10": "0.10", "base_15": "0.15"}
    columns = {rate: column for column, rate in rates.items()}
    rated = [
        ((document.id, columns[RATE[line.tax_code]]), line.net)
        for document in invoices
        for line in document.lines
        if is_rated(document, line.tax_code)
    ]
    rest = [((document.id, "base_other"), document.net) for document in invoices]
    rest += [((number, "base_other"), -net) for (number, _), net in rated]
    wide = f"select invoice_id, {', '.join(rates)}, base_other from reporting.itbms_sales_book_wide"
    query = f"unpivot ({wide}) on columns(* exclude (invoice_id)) into name rate value net"
    assert sum_by_key(books, query) == total([*rated, *rest])


def _return(books: Books, tax: ExpectedTax) -> None:
    boxed = [
        (document, box, {"base": base, "tax": charged})
        for document, box, base, charged in tax.boxed(tax.books.invoices)
    ]
    for column in ("base", "tax"):
        items = f"select invoice_id, box, {column} from reporting.itbms_return_items"
        assert sum_by_key(books, items) == total(
            ((document.id, box), amounts[column]) for document, box, amounts in boxed
        )
        boxes = f"select month_on, currency, box, {column} from reporting.itbms_return"
        assert sum_by_key(books, f"{boxes} where box < '21' or box = '(none)'") == total(
            ((*tax.month(document), each), amounts[column])
            for document, box, amounts in boxed
            for each in ([box, "19"] if box in SALES else [box])
        )
    query = "select month_on, currency, tax from reporting.itbms_return where box = '211'"
    assert sum_by_key(books, query) == total(
        (tax.month(document), amounts["tax"]) for document, box, amounts in boxed if box != "(none)"
    )


def _changes(books: Books, tax: ExpectedTax, began: datetime) -> None:
    changes = list(tax.changes(began))
    for column, place in (("base_effect", 1), ("tax_effect", 2)):
        query = (
            f"select month_on, invoice_id, box, currency, sum({column})"
            " from reporting.changes_after_filing group by all"
        )
        assert sum_by_key(books, query) == total((each[0], each[place]) for each in changes)
    assert books.query(
        "select count(*) from reporting.changes_after_filing"
        " where base_effect = 0 and tax_effect = 0"
    ) == [(0,)]


def _withholdings(books: Books, tax: ExpectedTax, began: datetime) -> None:
    expected = total(tax.withheld(began))
    key = "select customer_id, month_on, currency"
    report = f"{key}, expected_withholding from reporting.withholding_expected"
    assert sum_by_key(books, report) == expected
    less: Sums = {each: -amount for each, amount in total(tax.certified()).items()}
    assert sum_by_key(books, f"{key}, missing from reporting.withholding_missing") == total(
        [*expected.items(), *less.items()]
    )


def random_seeds(seed: int, rows: Rows) -> dict[str, list[dict[str, Any]]]:
    """Return seeds for random books: withholders, certificates and filed months."""
    months = sorted(
        {
            row[name][:8] + "01"
            for row in rows["invoices"]
            for name in ("document_date", "posting_date")
            if row.get(name)
        }
    )
    filings: list[dict[str, Any]] = [
        {"form": "430", "month": first, "filed_on": f"{date(2025, 12, 20) + timedelta(days)}"}
        for place, first in enumerate(months)
        for days in {(seed >> place) % 200, (seed >> place) % 97}
    ]
    return {
        "filed_returns": filings,
        "withholding_customers": [
            {"customer_code": "a", "share": "0.5"},
            {"customer_code": "😀", "share": "0.5"},
            {"customer_code": "=1+1", "share": "1", "valid_from": "2026-03-01"},
        ],
        "withholding_certificates": [
            {"customer_code": code, "month": f"2026-0{place + 2}-01", "number": code, "amount": "9"}
            for place, code in enumerate(("A", "=1+1", "X"))
        ],
    }
