"""Do the amounts of a document agree?

Each is compared only where it is given: a line's subtotal with quantity x price - discount, the
sum of the lines with the document's subtotal, the tax with the rates of the day. Whether `discount`
is an amount or a percentage is open: the one that meets what is given is taken.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext

from p4books.push.values import Value

Values = Mapping[str, Value]
RateOf = Callable[[str, date], Decimal | None]

CENT = Decimal("0.01")
_DIGITS = 60  # digits to reckon with: twice 18, and room


@dataclass(frozen=True)
class Odd:
    """An amount that contradicts the others; `line` is its place from 0, None in the header."""

    field: str
    what: str
    line: int | None = None


def contradictions(header: Values, lines: Sequence[Values], rate_of: RateOf) -> Iterator[Odd]:
    """Tell which amounts given do not agree; `rate_of` a tax code and a day is its rate, if known.

    Rounding is allowed for: a cent for each line that is summed.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        readings = [_nets(line) for line in lines]
        found = [*_of_lines(lines, readings)]
        nets = _sums_of(lines, readings)
        found += _of_subtotal(header, nets)
        found += _of_tax(header, lines, nets, rate_of)
        found += _of_total(header)
    yield from found


def _nets(line: Values) -> list[Decimal]:
    """Return what a line comes to: with its discount as an amount, and as a percentage."""
    gross = Decimal(line["quantity"]) * Decimal(line["price"])
    discount = Decimal(line.get("discount", 0))
    share = gross * (100 - discount) / 100 if 0 < discount <= 100 else gross - discount
    return [_round(gross - discount), _round(share)]


def _round(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def _of_lines(lines: Sequence[Values], readings: Sequence[Sequence[Decimal]]) -> Iterator[Odd]:
    for place, (line, nets) in enumerate(zip(lines, readings, strict=True)):
        given = line.get("subtotal")
        if given is not None and all(abs(net - Decimal(given)) > CENT for net in nets):
            what = f"The line comes to {_either(nets)}, and its subtotal is {_told(given)}."
            yield Odd("subtotal", what, place)


def _sums_of(lines: Sequence[Values], readings: Sequence[Sequence[Decimal]]) -> list[list[Decimal]]:
    """Return the nets of all lines, given or reckoned, by each reading of discount that may be."""
    ways = []
    for way in (0, 1):
        subtotals = [line.get("subtotal") for line in lines]
        pairs = list(zip([nets[way] for nets in readings], subtotals, strict=True))
        fits = all(given is None or abs(net - Decimal(given)) <= CENT for net, given in pairs)
        ways.append((fits, [net if given is None else Decimal(given) for net, given in pairs]))
    return [nets for fits, nets in ways if fits] or [nets for _, nets in ways]


def _of_subtotal(header: Values, ways: Sequence[Sequence[Decimal]]) -> Iterator[Odd]:
    given, total, tax = (_amount(header, name) for name in ("subtotal", "total", "tax_total"))
    field, said = "subtotal", "the subtotal is"
    if given is None and total is not None and tax is not None:
        given, field, said = total - tax, "total", "total less tax_total is"
    sums = [sum(nets, Decimal(0)) for nets in ways]
    if given is None or any(abs(each - given) <= CENT * len(ways[0]) for each in sums):
        return
    yield Odd(field, f"The lines come to {_either(sums)}, and {said} {_told(given)}.")


def _of_tax(
    header: Values, lines: Sequence[Values], ways: Sequence[Sequence[Decimal]], rate_of: RateOf
) -> Iterator[Odd]:
    given, total = _amount(header, "tax_total"), _amount(header, "total")
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
        what = f"The tax on the lines comes to {_either(taxes)}, and tax_total is {_told(given)}."
        yield Odd("tax_total", what)
    if given is None and total is not None and all(abs(one - total) > 2 * slack for one in totals):
        what = f"The lines with their tax come to {_either(totals)}, and total is {_told(total)}."
        yield Odd("total", what)


def _of_total(header: Values) -> Iterator[Odd]:
    for field, first, sign, second in (
        ("total", "subtotal", 1, "tax_total"),
        ("balance", "total", -1, "amount_paid"),
    ):
        given, one, other = (_amount(header, name) for name in (field, first, second))
        if given is None or one is None or other is None or given == one + sign * other:
            continue
        joined = f"{first} {'plus' if sign > 0 else 'less'} {second}"
        what = f"{joined} comes to {_told(one + sign * other)}, and {field} is {_told(given)}."
        yield Odd(field, what)


def _amount(header: Values, name: str) -> Decimal | None:
    value = header.get(name)
    return None if value is None else Decimal(value)


def _told(amount: Value) -> str:
    return f"{Decimal(amount):.2f}"


def _either(amounts: Sequence[Decimal]) -> str:
    """Tell an amount, and the other one where a discount as a percentage makes another."""
    other = f" ({_told(amounts[-1])} with discounts as percentages)"
    return _told(amounts[0]) + (other if amounts[-1] != amounts[0] else "")
