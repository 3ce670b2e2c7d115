"""Validation of records before anything is sent."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import msgspec

from p4books.endpoints.definition import Endpoint
from p4books.push.documents import Document, FieldValues
from p4books.push.lookups import REFERENCES, Lookups
from p4books.push.types import Draft, FaultyRecord, RowFault
from p4books.push.values import Value, format_value
from p4books.spelling import fold_name

ItemValues = Mapping[str, Value]
RateLookup = Callable[[str, date], Decimal | None]

CENT = Decimal("0.01")
_PRECISION = 60  # digits to calculate with: twice 18, and room
_LINE_FIELDS = ("quantity", "price")  # that every line must have
_AMOUNTS = {  # whose sums are compared
    *("quantity", "price", "discount", "subtotal", "tax_total", "total", "amount_paid", "balance")
}
_ENCODER = msgspec.json.Encoder(order="sorted", decimal_format="number")


def validate_documents(
    documents: Iterable[Document], endpoint: Endpoint, lookups: Lookups
) -> Iterator[Draft | FaultyRecord | RowFault]:
    """Yield each document as a draft, or everything that is wrong with it, as they come.

    After the faults of a document comes what is known of its code, unless the code was reported. A
    fault of the whole file has row 0 and is yielded once; documents that lose a value by it are not
    yielded.
    """
    first_rows: dict[str, int] = {}
    reported: set[str] = set()
    for document in documents:
        yield from document.file_faults
        document.faults += _drop_consequences(find_missing(document, endpoint), document)
        repeated = list(_find_repeated_code(document, first_rows, reported))
        yield from repeated
        if not document.is_blocked:
            document.faults += _contradiction_faults(document, lookups)
        yield from document.sorted_faults()
        if document.faults and not repeated:
            yield from _describe_faulty(document, lookups)
        elif not (repeated or document.is_blocked):
            yield _build_draft(document, endpoint, lookups)


def find_missing(document: Document, endpoint: Endpoint) -> Iterator[RowFault]:
    """Find what a record lacks: a code; a name, or a party and lines with quantity and price.

    If the file has no column for it, the fault has our own name of the field.
    """
    for name in required_fields(endpoint):
        if name not in document.header:
            column = document.columns.get((None, name), name)
            yield _missing_fault(document.row, column, f"{name} is empty.")
    if "lines" not in endpoint.inner:
        return
    if "lines" not in document.items:
        column = document.columns.get((None, "lines"), "lines")
        yield _missing_fault(document.row, column, "It has no lines.")
    for number, line in enumerate(document.items.get("lines", []), 1):
        for name in _LINE_FIELDS:
            if name not in line:
                row, column = _locate_line_field(document, line, number, name)
                yield _missing_fault(row, column, f"{name} of line {number} is empty.")


def required_fields(endpoint: Endpoint, inner: str | None = None) -> list[str]:
    """Name the fields that a record must have, or an item of one of its lists."""
    if inner:
        return list(_LINE_FIELDS) if inner == "lines" else []
    if "lines" not in endpoint.inner:
        return ["code", "name"]
    return ["code", *(name for name in endpoint.fields if name in REFERENCES)]


@dataclass(frozen=True)
class Contradiction:
    """An amount that contradicts the others; `line` is its index from 0, None in the header."""

    field: str
    what: str
    line: int | None = None


def find_contradictions(
    header: ItemValues, lines: Sequence[ItemValues], rate_of: RateLookup
) -> Iterator[Contradiction]:
    """Find amounts that do not agree; `rate_of` returns the rate of a tax code on a day.

    Rounding is allowed for: a cent for each line that is summed. A discount may be an amount or a
    percentage, whichever fits.
    """
    with localcontext() as context:
        context.prec = _PRECISION
        nets_of = [_line_nets(line) for line in lines]
        found = [*_check_lines(lines, nets_of)]
        readings = _readings(lines, nets_of)
        found += _check_subtotal(header, readings)
        found += _check_tax(header, lines, readings, rate_of)
        found += _check_total(header)
    yield from found


def _line_nets(line: ItemValues) -> list[Decimal]:
    """Return the net of a line: with its discount as an amount, and as a percentage."""
    gross = Decimal(line["quantity"]) * Decimal(line["price"])
    discount = Decimal(line.get("discount", 0))
    reduced = gross * (100 - discount) / 100 if 0 < discount <= 100 else gross - discount
    return [_round(gross - discount), _round(reduced)]


def _check_lines(
    lines: Sequence[ItemValues], nets_of: Sequence[Sequence[Decimal]]
) -> Iterator[Contradiction]:
    for index, (line, nets) in enumerate(zip(lines, nets_of, strict=True)):
        given = line.get("subtotal")
        if given is not None and all(abs(net - Decimal(given)) > CENT for net in nets):
            what = (
                f"The line adds up to {_format_sums(nets)}, but its subtotal is {_format(given)}."
            )
            yield Contradiction("subtotal", what, index)


def _readings(
    lines: Sequence[ItemValues], nets_of: Sequence[Sequence[Decimal]]
) -> list[list[Decimal]]:
    """Return the nets of all lines, for each reading of discounts that their subtotals allow."""
    subtotals = [line.get("subtotal") for line in lines]
    readings = []
    for reading in (0, 1):
        pairs = list(zip([nets[reading] for nets in nets_of], subtotals, strict=True))
        fits = all(given is None or abs(net - Decimal(given)) <= CENT for net, given in pairs)
        readings.append((fits, [net if given is None else Decimal(given) for net, given in pairs]))
    return [nets for fits, nets in readings if fits] or [nets for _, nets in readings]


def _check_subtotal(
    header: ItemValues, readings: Sequence[Sequence[Decimal]]
) -> Iterator[Contradiction]:
    given, total, tax = (_get_amount(header, name) for name in ("subtotal", "total", "tax_total"))
    field, name = "subtotal", "the subtotal"
    if given is None and total is not None and tax is not None:
        given, field, name = total - tax, "total", "total minus tax_total"
    sums = [sum(nets, Decimal(0)) for nets in readings]
    if given is None or any(abs(each - given) <= CENT * len(readings[0]) for each in sums):
        return
    what = f"The lines add up to {_format_sums(sums)}, but {name} is {_format(given)}."
    yield Contradiction(field, what)


def _check_tax(
    header: ItemValues,
    lines: Sequence[ItemValues],
    readings: Sequence[Sequence[Decimal]],
    rate_of: RateLookup,
) -> Iterator[Contradiction]:
    given, total = _get_amount(header, "tax_total"), _get_amount(header, "total")
    if "document_date" not in header or (given is None and total is None):
        return
    day = date.fromisoformat(str(header["document_date"]))
    rates = [rate_of(str(line.get("tax_code", "")), day) for line in lines]
    taxes, totals = [], []
    for nets in readings:
        pairs = [(net, rate) for net, rate in zip(nets, rates, strict=True) if net]
        if any(rate is None for _, rate in pairs):
            return
        taxes.append(_round(sum((net * (rate or 0) for net, rate in pairs), Decimal(0))))
        totals.append(taxes[-1] + sum(nets, Decimal(0)))
    slack = CENT * max(len(lines), 1)
    if given is not None and all(abs(tax - given) > slack for tax in taxes):
        what = (
            f"The tax on the lines adds up to {_format_sums(taxes)}, "
            f"but tax_total is {_format(given)}."
        )
        yield Contradiction("tax_total", what)
    if given is None and total is not None and all(abs(it - total) > 2 * slack for it in totals):
        what = (
            f"The lines with their tax add up to {_format_sums(totals)}, "
            f"but total is {_format(total)}."
        )
        yield Contradiction("total", what)


def _check_total(header: ItemValues) -> Iterator[Contradiction]:
    for field, first, sign, second in (
        ("total", "subtotal", 1, "tax_total"),
        ("balance", "total", -1, "amount_paid"),
    ):
        given, left, right = (_get_amount(header, name) for name in (field, first, second))
        if given is None or left is None or right is None or given == left + sign * right:
            continue
        operation = f"{first} {'plus' if sign > 0 else 'minus'} {second}"
        what = f"{operation} is {_format(left + sign * right)}, but {field} is {_format(given)}."
        yield Contradiction(field, what)


def _round(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _get_amount(header: ItemValues, name: str) -> Decimal | None:
    value = header.get(name)
    return None if value is None else Decimal(value)


def _format(amount: Value) -> str:
    return f"{Decimal(amount):.2f}"


def _format_sums(sums: Sequence[Decimal]) -> str:
    """Format a sum, and the other one if reading discounts as percentages makes a difference."""
    other = f" ({_format(sums[-1])} with discounts as percentages)"
    return _format(sums[0]) + (other if sums[-1] != sums[0] else "")


def _locate_line_field(
    document: Document, line: FieldValues, number: int, name: str
) -> tuple[int, str]:
    """Return the row and the column where a missing field of a line belongs."""
    if document.is_nested:
        column = document.columns.get((None, "lines"), "lines")
        return document.row, f"{column}[{number}].{name}"
    neighbour = next(iter(line.values()))
    return neighbour.row, document.columns.get(("lines", name), name)


def _missing_fault(row: int, column: str, what: str) -> RowFault:
    return RowFault(row, column, "", what, "Fill it in: a record cannot be sent without it.")


def _drop_consequences(missing: Iterable[RowFault], document: Document) -> Iterator[RowFault]:
    """Drop fields that the file has no column for, if a column that it has was not recognised.

    That may be their column, and is reported once for the whole file.
    """
    for fault in missing:
        if (
            not document.is_blocked
            or fault.column in document.columns.values()
            or "[" in fault.column
        ):
            yield fault


def _find_repeated_code(
    document: Document, first_rows: dict[str, int], reported: set[str]
) -> Iterator[RowFault]:
    """Report a code that an earlier record of the file has: here and, once, at the first one."""
    code = document.code
    if code is None:
        return
    first = first_rows.setdefault(fold_name(code), document.row)
    if first == document.row:
        return
    remedy = "Keep each record once."
    if document.items:
        remedy = "Keep each record once, with its rows together: sort the file by code."
    cell = document.header["code"]
    for row, what in (
        (cell.row, f"Row {first} already has this code."),
        (first, f"Row {cell.row} has this code again."),
    ):
        if row != first or fold_name(code) not in reported:
            fault = RowFault(row, cell.column, format_value(code), what, remedy)
            yield replace(document.locate(fault), record=row)
    reported.add(fold_name(code))


def _contradiction_faults(document: Document, lookups: Lookups) -> Iterator[RowFault]:
    lines = document.items.get("lines", [])
    if not lines or not _has_all_amounts(document.header, lines):
        return
    contradictions = find_contradictions(
        _parsed_values(document.header), [_parsed_values(line) for line in lines], lookups.rate
    )
    for odd in contradictions:
        cell = (document.header if odd.line is None else lines[odd.line])[odd.field]
        yield RowFault(
            cell.row,
            cell.column,
            format_value(cell.value),
            odd.what,
            "Correct whichever is wrong; amounts that do not add up are not sent.",
        )


def _has_all_amounts(header: FieldValues, lines: Sequence[FieldValues]) -> bool:
    """Return whether no amount is missing that was meant: a fault of it was reported already."""
    cells = [*header.items(), *(cell for line in lines for cell in line.items())]
    bad = any(cell.value is None for name, cell in cells if name in _AMOUNTS)
    return not bad and all(line.keys() >= set(_LINE_FIELDS) for line in lines)


def _describe_faulty(document: Document, lookups: Lookups) -> Iterator[FaultyRecord]:
    if (code := document.code) is not None:
        existing, id_ = _find_existing(code, lookups)
        yield FaultyRecord(document.row, code, id_, existing, *_locate_code(document))


def _find_existing(code: str, lookups: Lookups) -> tuple[str | None, str | None]:
    """Return the spelling and the id of the record that has this code in the books."""
    existing = next(iter(lookups.own.list_spellings(code)), None)
    return existing, lookups.own.codes[existing] if existing else None


def _locate_code(document: Document) -> tuple[str, str]:
    """Return the column with the code, and the address of its cell in a workbook."""
    code = document.header["code"]
    return code.column, document.cell(code.row, code.column)


def _build_draft(document: Document, endpoint: Endpoint, lookups: Lookups) -> Draft:
    record: dict[str, Any] = _parsed_values(document.header)
    for inner, items in document.items.items():
        record[inner] = [_parsed_values(item) for item in items if item]
    body = _ENCODER.encode(record)
    hash_ = hashlib.sha256(endpoint.name.encode() + b"\n" + body).hexdigest()
    code = document.code or ""
    existing, id_ = _find_existing(code, lookups)
    return Draft(document.row, code, body, hash_, id_, existing, *_locate_code(document))


def _parsed_values(cells: FieldValues) -> dict[str, Value]:
    return {name: cell.value for name, cell in cells.items() if cell.value is not None}
