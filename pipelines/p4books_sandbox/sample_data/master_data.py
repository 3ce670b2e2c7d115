"""Who buys from the distributor, and who sells to it?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from p4books_sandbox.options import Chance
from p4books_sandbox.sample_data import vocabulary
from p4books_sandbox.sample_data.vocabulary import amount
from p4books_sandbox.store import encode

_EARLY = 365  # days before the first document in which parties came already
_SPAN = _EARLY + vocabulary.LAST - 30


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
    made, time = joined(number, count), vocabulary.office_time(number * 7 % 100 / 100)
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
        "date_created": vocabulary.day(made) + time,
        "date_modified": vocabulary.day(min(vocabulary.LAST, made + number * 37 % 900)) + time,
    }


def _name(number: int) -> str:
    if number % 50 in range(3, 3 + len(vocabulary.AWKWARD)):
        return vocabulary.AWKWARD[number % 50 - 3] + (f" {number}" if number > 50 else "")
    rest, name = divmod(number, len(vocabulary.NAMES))
    form = vocabulary.FORMS[rest % len(vocabulary.FORMS)]
    trade = vocabulary.TRADES[(rest + name * 5) % len(vocabulary.TRADES)]
    return f"{trade} {vocabulary.NAMES[name]} {form}".strip()


def _tax_id(number: int) -> str:
    if number % 4 == 0:
        return f"{1 + number % 13}-{100 + number * 7 % 900}-{1000 + number * 31 % 9000}"
    return f"{155_600_000 + number * 137}-2-{2010 + number % 16} DV {number * 7 % 100:02d}"


def _phone(number: int) -> str:
    if number % 2:
        return f"+507 6{number * 37 % 1000:03d}-{number * 911 % 10_000:04d}"
    return f"{_place(number)[2]}{number * 37 % 100:02d}-{number * 911 % 10_000:04d}"


def _terms(number: int) -> tuple[str, int]:
    return vocabulary.TERMS[number % len(vocabulary.TERMS)]


def _place(number: int) -> tuple[str, str, str]:
    return vocabulary.PLACES[number * number % len(vocabulary.PLACES)]


def _addresses(number: int) -> list[dict[str, Any]]:
    if number % 3:
        return [_address(number, "Both")]
    return [_address(number, "Billing"), _address(number + 5, "Shipping")]


def _address(number: int, kind: str) -> dict[str, Any]:
    state, city, _ = _place(number)
    address = {
        "address_type": kind,
        "line1": f"{vocabulary.STREETS[number % len(vocabulary.STREETS)]}, n.º {number % 300 + 1}",
        "line2": f"Piso {number % 12 + 1}" if number % 2 else None,
        "city": city,
        "state": state,
        "postal_code": f"{number * 17 % 10_000:04d}",
        "country": "PA",
    }
    if number % 8 == 0:
        del address["line2"], address["postal_code"]
    return address


_BY_MEASURE = frozenset({"lb", "kg", "m", "hour"})
_PIECES = {"": 1, "caja de 12": 12, "caja de 24": 24, "bulto de 6": 6, "paquete de 3": 3,
           "tarima": 120, "media docena": 6}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Product:
    """A product; price and cost are cents of one unit."""

    id: int
    name: str
    unit: str
    price: int
    cost: int
    tax_code: str
    kind: str
    by_measure: bool


def catalog(count: int, chance: Chance) -> list[Product]:
    """Make products of all goods, brands and packs, the plainest first."""
    return [_product(number, chance) for number in range(1, count + 1)]


def encoded(products: list[Product]) -> Iterator[bytes]:
    """Write products as the API gives them."""
    return (encode(_record(product, len(products))) for product in products)


def _product(number: int, chance: Chance) -> Product:
    rest, goods = divmod(number - 1, len(vocabulary.GOODS))
    rest, brand = divmod(rest, len(vocabulary.BRANDS))
    name, unit, price, tax_code, kind = vocabulary.GOODS[goods]
    series, pack_number = (rest, 0) if kind == "Service" else divmod(rest, len(vocabulary.PACKS))
    pack = vocabulary.PACKS[pack_number]
    if number > 1:
        price = max(1, int(price * _PIECES[pack] * (0.8 + 0.4 * chance())))
    parts = (name, vocabulary.BRANDS[brand], pack, f"serie {series + 1}" if series else "")
    full_name = " ".join(part for part in parts if part)
    by_measure = unit in _BY_MEASURE and not pack
    return Product(number, full_name, unit, price, price * 7 // 10, tax_code, kind, by_measure)


def _record(product: Product, count: int) -> dict[str, Any]:
    made = product.id * 365 // count - 365
    changed = product.id * 37 % vocabulary.LAST
    time = vocabulary.office_time(product.id * 7 % 100 / 100)
    record: dict[str, Any] = {
        "id": product.id,
        "code": f"PROD-{product.id:03d}",
        "name": product.name,
        "description": None if product.id % 3 == 0 else f"{product.name} ({product.unit})",
        "product_type": product.kind,
        "unit_of_measure": product.unit,
        "cost": amount(product.cost),
        "price": amount(product.price),
        "tax_code": product.tax_code,
        "status": "inactive" if product.id % 29 == 0 else "active",
        "product_group_id": product.id % len(vocabulary.GOODS) + 1,
        "date_created": vocabulary.day(made) + time,
        "date_modified": vocabulary.day(changed) + time,
    }
    if product.id % 11 == 0:
        del record["description"], record["product_group_id"]
    return record
