"""Validation of records before anything is sent."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import msgspec

from p4books.endpoints.definition import Endpoint
from p4books.push.documents import Document, FieldValues, RecordReader
from p4books.push.lookups import REFERENCES, Lookups
from p4books.push.types import Draft, Fault, SourceRow
from p4books.push.values import Value, format_value

ItemValues = Mapping[str, Value]
RateLookup = Callable[[str, date], Decimal | None]

CENT = Decimal("0.01")
_DIGITS = 60  # digits to reckon with: twice 18, and room


@dataclass(frozen=True)
class Contradiction:
    """An amount that contradicts the others; `line` is its place from 0, None in the header."""

    field: str
    what: str
    line: int | None = None


def find_contradictions(
    header: ItemValues, lines: Sequence[ItemValues], rate_of: RateLookup
) -> Iterator[Contradiction]:
    """Tell which amounts given do not agree; `rate_of` a tax code and a day is its rate, if known.

    Rounding is allowed for: a cent for each line that is summed.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        readings = [_line_nets(line) for line in lines]
        found = [*_check_lines(lines, readings)]
        nets = _sum_lines(lines, readings)
        found += _check_subtotal(header, nets)
        found += _check_tax(header, lines, nets, rate_of)
        found += _check_total(header)
    yield from found


def _line_nets(line: ItemValues) -> list[Decimal]:
    """Return what a line comes to: with its discount as an amount, and as a percentage."""
    gross = Decimal(line["quantity"]) * Decimal(line["price"])
    discount = Decimal(line.get("discount", 0))
    share = gross * (100 - discount) / 100 if 0 < discount <= 100 else gross - discount
    return [_round(gross - discount), _round(share)]


def _round(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _check_lines(
    lines: Sequence[ItemValues], readings: Sequence[Sequence[Decimal]]
) -> Iterator[Contradiction]:
    for place, (line, nets) in enumerate(zip(lines, readings, strict=True)):
        given = line.get("subtotal")
        if given is not None and all(abs(net - Decimal(given)) > CENT for net in nets):
            what = (
                f"The line comes to {_either(nets)}, and its subtotal is {_format_amount(given)}."
            )
            yield Contradiction("subtotal", what, place)


def _sum_lines(
    lines: Sequence[ItemValues], readings: Sequence[Sequence[Decimal]]
) -> list[list[Decimal]]:
    """Return the nets of all lines, given or reckoned, by each reading of discount that may be."""
    ways = []
    for way in (0, 1):
        subtotals = [line.get("subtotal") for line in lines]
        pairs = list(zip([nets[way] for nets in readings], subtotals, strict=True))
        fits = all(given is None or abs(net - Decimal(given)) <= CENT for net, given in pairs)
        ways.append((fits, [net if given is None else Decimal(given) for net, given in pairs]))
    return [nets for fits, nets in ways if fits] or [nets for _, nets in ways]


def _check_subtotal(
    header: ItemValues, ways: Sequence[Sequence[Decimal]]
) -> Iterator[Contradiction]:
    given, total, tax = (_get_amount(header, name) for name in ("subtotal", "total", "tax_total"))
    field, said = "subtotal", "the subtotal is"
    if given is None and total is not None and tax is not None:
        given, field, said = total - tax, "total", "total less tax_total is"
    sums = [sum(nets, Decimal(0)) for nets in ways]
    if given is None or any(abs(each - given) <= CENT * len(ways[0]) for each in sums):
        return
    yield Contradiction(
        field, f"The lines come to {_either(sums)}, and {said} {_format_amount(given)}."
    )


def _check_tax(
    header: ItemValues,
    lines: Sequence[ItemValues],
    ways: Sequence[Sequence[Decimal]],
    rate_of: RateLookup,
) -> Iterator[Contradiction]:
    given, total = _get_amount(header, "tax_total"), _get_amount(header, "total")
    day = header.get("document_date")
    if day is None or (given is None and total is None):
        return
    on = date.fromisoformat(str(day))
    rates = [rate_of(str(line.get("tax_code", "")), on) for line in lines]
    taxes, totals = [], []
    for nets in ways:
        pairs = [(net, rate) for net, rate in zip(nets, rates, strict=True) if net]
        if any(rate is None for _, rate in pairs):
            return
        taxes.append(_round(sum((net * (rate or 0) for net, rate in pairs), Decimal(0))))
        totals.append(taxes[-1] + sum(nets, Decimal(0)))
    slack = CENT * max(len(lines), 1)
    if given is not None and all(abs(tax - given) > slack for tax in taxes):
        what = (
            f"The tax on the lines comes to {_either(taxes)}, "
            f"and tax_total is {_format_amount(given)}."
        )
        yield Contradiction("tax_total", what)
    if given is None and total is not None and all(abs(one - total) > 2 * slack for one in totals):
        what = (
            f"The lines with their tax come to {_either(totals)}, "
            f"and total is {_format_amount(total)}."
        )
        yield Contradiction("total", what)


def _check_total(header: ItemValues) -> Iterator[Contradiction]:
    for field, first, sign, second in (
        ("total", "subtotal", 1, "tax_total"),
        ("balance", "total", -1, "amount_paid"),
    ):
        given, one, other = (_get_amount(header, name) for name in (field, first, second))
        if given is None or one is None or other is None or given == one + sign * other:
            continue
        joined = f"{first} {'plus' if sign > 0 else 'less'} {second}"
        what = (
            f"{joined} comes to {_format_amount(one + sign * other)}, "
            f"and {field} is {_format_amount(given)}."
        )
        yield Contradiction(field, what)


def _get_amount(header: ItemValues, name: str) -> Decimal | None:
    value = header.get(name)
    return None if value is None else Decimal(value)


def _format_amount(amount: Value) -> str:
    return f"{Decimal(amount):.2f}"


def _either(amounts: Sequence[Decimal]) -> str:
    """Tell an amount, and the other one where a discount as a percentage makes another."""
    other = f" ({_format_amount(amounts[-1])} with discounts as percentages)"
    return _format_amount(amounts[0]) + (other if amounts[-1] != amounts[0] else "")


_OF_A_LINE = ("quantity", "price")


def find_missing(document: Document, endpoint: Endpoint) -> Iterator[Fault]:
    """Tell what a record lacks: a code; a name, or a party and lines with quantity and price.

    Where the file has no column for it, our own name of the field is told.
    """
    for name in required_fields(endpoint):
        if name not in document.header:
            column = document.names.get((None, name), name)
            yield _missing_fault(document.row, column, f"{name} is empty.")
    if "lines" not in endpoint.inner:
        return
    if "lines" not in document.items:
        yield _missing_fault(
            document.row, document.names.get((None, "lines"), "lines"), "It has no lines."
        )
    for number, line in enumerate(document.items.get("lines", []), 1):
        for name in _OF_A_LINE:
            if name not in line:
                row, column = _fault_column(document, line, number, name)
                yield _missing_fault(row, column, f"{name} of line {number} is empty.")


def required_fields(endpoint: Endpoint, inner: str | None = None) -> list[str]:
    """Name the fields that a record must have, or an item of one of its lists."""
    if inner:
        return list(_OF_A_LINE) if inner == "lines" else []
    if "lines" not in endpoint.inner:
        return ["code", "name"]
    return ["code", *(name for name in endpoint.fields if name in REFERENCES)]


def _fault_column(document: Document, line: FieldValues, number: int, name: str) -> tuple[int, str]:
    if document.is_nested:
        whole = document.names.get((None, "lines"), "lines")
        return document.row, f"{whole}[{number}].{name}"
    beside = next(iter(line.values()))
    return beside.row, document.names.get(("lines", name), name)


def _missing_fault(row: int, column: str, what: str) -> Fault:
    return Fault(row, column, "", what, "Fill it in: a record without it can't be sent.")


_ENCODER = msgspec.json.Encoder(order="sorted", decimal_format="number")


def validate_records(
    rows: Iterable[SourceRow], endpoint: Endpoint, books: Lookups, renamed: Mapping[str, str]
) -> Iterator[Draft | Fault]:
    """Give each record of a file as a draft, or all that is wrong with it, as its rows come.

    `renamed` says of columns which field they are (theirs to ours); an empty one is left out. A
    fault of the whole file has row 0 and comes once, and no record that loses a value by it is
    given. Raises UsageError for a `renamed` that names no field, and nothing for a row.
    """
    return _validate_document(rows, endpoint, books, RecordReader(endpoint, books, renamed))


def _validate_document(
    rows: Iterable[SourceRow], endpoint: Endpoint, books: Lookups, reader: RecordReader
) -> Iterator[Draft | Fault]:
    seen: dict[str, int] = {}
    told: set[str] = set()
    for document in _read_documents(reader.read(row) for row in rows):
        yield from document.told
        document.faults += find_missing(document, endpoint)
        again = list(_find_repeated(document, seen, told))
        yield from again
        if not (again or document.faults or document.is_blocked):
            document.faults += _contradiction_faults(document, endpoint, books)
        if document.faults:
            yield from document.sorted_faults()
        elif not (again or document.is_blocked):
            yield _build_draft(document, endpoint, books)


def _read_documents(rows: Iterable[Document]) -> Iterator[Document]:
    """Put together the rows that stand one after the other and are one record."""
    current: Document | None = None
    for row in rows:
        if current and current.goes_on_in(row):
            current.take(row)
            continue
        if current:
            yield current
        current = row
    if current:
        yield current


def _find_repeated(document: Document, seen: dict[str, int], told: set[str]) -> Iterator[Fault]:
    """Tell of a code that stood in the file before, here and, once, where it stood first."""
    code = document.code
    if code is None or (first := seen.setdefault(code, document.row)) == document.row:
        return
    remedy = "Keep each record once."
    if document.items:
        remedy = "Keep each record once, its rows one after the other: sort the file by code."
    cell = document.header["code"]
    for row, other, where in ((cell.row, first, "already"), (first, cell.row, "again")):
        if row != first or code not in told:
            what = f"This code stands in row {other} {where}."
            yield Fault(row, cell.column, format_value(code), what, remedy, row)
    told.add(code)


def _contradiction_faults(
    document: Document, endpoint: Endpoint, books: Lookups
) -> Iterator[Fault]:
    if "lines" not in endpoint.inner:
        return
    lines = document.items["lines"]
    odd = find_contradictions(
        _parse_values(document.header), [_parse_values(line) for line in lines], books.rate
    )
    for each in odd:
        cell = (document.header if each.line is None else lines[each.line])[each.field]
        yield Fault(
            cell.row,
            cell.column,
            format_value(cell.value),
            each.what,
            "Correct whichever is wrong; nothing is sent that does not add up.",
        )


def _parse_values(cells: FieldValues) -> dict[str, Value]:
    return {name: cell.value for name, cell in cells.items() if cell.value is not None}


def _build_draft(document: Document, endpoint: Endpoint, books: Lookups) -> Draft:
    record: dict[str, Any] = _parse_values(document.header)
    for inner, items in document.items.items():
        record[inner] = [_parse_values(item) for item in items if item]
    body = _ENCODER.encode(record)
    code = document.code or ""
    told = hashlib.sha256(endpoint.name.encode() + b"\n" + body).hexdigest()
    there = code if code in books.own.codes else books.own.spelt(code)
    return Draft(document.row, code, body, told, books.own.codes.get(there or ""), there)
