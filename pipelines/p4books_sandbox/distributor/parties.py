"""Who buys from the distributor, and who sells to it?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from p4books_sandbox.distributor import days, words
from p4books_sandbox.distributor.cents import amount
from p4books_sandbox.records import encode

_EARLY = 365  # days before the first document in which parties came already
_SPAN = _EARLY + days.LAST - 30


@dataclass(frozen=True, slots=True)
class Buyer:
    """What selling must know of a customer; terms are days."""

    id: int
    terms: int
    exempt: bool


def buyers(count: int) -> list[Buyer]:
    """Make the customers sold to."""
    return [Buyer(number, _terms(number)[1], number % 19 == 0) for number in range(1, count + 1)]


def joined(number: int, count: int) -> int:
    """Give the day the number-th of count parties came: some before, some in the three years."""
    return number * _SPAN // count - _EARLY


def known(day: int, count: int) -> int:
    """Count the parties, of count, that had joined by a day; at least one."""
    return min(count, max(1, (day + _EARLY) * count // _SPAN))


def customers(buyers: list[Buyer], owed: list[int]) -> Iterator[bytes]:
    """Write customers as the API gives them, each with what it owes, in cents by id."""
    return (encode(_customer(buyer, len(buyers), owed[buyer.id])) for buyer in buyers)


def vendors(count: int, owing: list[int]) -> Iterator[bytes]:
    """Write vendors as the API gives them, each with what it is owed, in cents by id."""
    return (encode(_vendor(number, count, owing[number])) for number in range(1, count + 1))


def _customer(buyer: Buyer, count: int, owed: int) -> dict[str, Any]:
    number = buyer.id
    record = {
        **_party("CLI", number, count),
        "credit_limit": None if number % 6 == 0 else float(500 * (1 + number % 40)),
        "balance": amount(owed),
        "tax_code": "EXENTO" if buyer.exempt else "ITBMS",
        "addresses": _addresses(number),
    }
    if number % 13 == 0:
        del record["email"], record["phone"]
    if number % 17 == 0:
        record["addresses"] = []
    return record


def _vendor(number: int, count: int, owing: int) -> dict[str, Any]:
    return {**_party("PROV", number, count), "balance": amount(owing)}


def _party(prefix: str, number: int, count: int) -> dict[str, Any]:
    made, time = joined(number, count), days.office_time(number * 7 % 100 / 100)
    return {
        "id": number,
        "code": f"{prefix}-{number:04d}",
        "name": _name(number if prefix == "CLI" else number + 3),
        "email": None if number % 7 == 0 else f"compras{number}@{prefix.lower()}.example",
        "phone": None if number % 9 == 0 else _phone(number),
        "tax_id": _tax_id(number),
        "payment_terms": _terms(number)[0],
        "currency": "USD",
        "status": "inactive" if number % 23 == 0 else "active",
        "date_created": days.day(made) + time,
        "date_modified": days.day(min(days.LAST, made + number * 37 % 900)) + time,
    }


def _name(number: int) -> str:
    if number % 50 in range(3, 3 + len(words.AWKWARD)):
        return words.AWKWARD[number % 50 - 3] + (f" {number}" if number > 50 else "")
    rest, name = divmod(number, len(words.NAMES))
    form = words.FORMS[rest % len(words.FORMS)]
    trade = words.TRADES[(rest + name * 5) % len(words.TRADES)]
    return f"{trade} {words.NAMES[name]} {form}".strip()


def _tax_id(number: int) -> str:
    if number % 4 == 0:
        return f"{1 + number % 13}-{100 + number * 7 % 900}-{1000 + number * 31 % 9000}"
    return f"{155_600_000 + number * 137}-2-{2010 + number % 16} DV {number * 7 % 100:02d}"


def _phone(number: int) -> str:
    if number % 2:
        return f"+507 6{number * 37 % 1000:03d}-{number * 911 % 10_000:04d}"
    return f"{_place(number)[2]}{number * 37 % 100:02d}-{number * 911 % 10_000:04d}"


def _terms(number: int) -> tuple[str, int]:
    return words.TERMS[number % len(words.TERMS)]


def _place(number: int) -> tuple[str, str, str]:
    return words.PLACES[number * number % len(words.PLACES)]


def _addresses(number: int) -> list[dict[str, Any]]:
    if number % 3:
        return [_address(number, "Both")]
    return [_address(number, "Billing"), _address(number + 5, "Shipping")]


def _address(number: int, kind: str) -> dict[str, Any]:
    state, city, _ = _place(number)
    address = {
        "address_type": kind,
        "line1": f"{words.STREETS[number % len(words.STREETS)]}, n.º {number % 300 + 1}",
        "line2": f"Piso {number % 12 + 1}" if number % 2 else None,
        "city": city,
        "state": state,
        "postal_code": f"{number * 17 % 10_000:04d}",
        "country": "PA",
    }
    if number % 8 == 0:
        del address["line2"], address["postal_code"]
    return address
