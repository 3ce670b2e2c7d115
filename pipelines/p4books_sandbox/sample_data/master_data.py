"""Master data of the distributor: products, customers and vendors."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from p4books_sandbox.options import Draw
from p4books_sandbox.sample_data import vocabulary
from p4books_sandbox.sample_data.vocabulary import format_day, format_office_time, to_amount
from p4books_sandbox.store import encode_json

_SOLD_BY_MEASURE = frozenset({"lb", "kg", "m", "hour"})
_PIECES = {"": 1, "caja de 12": 12, "caja de 24": 24, "bulto de 6": 6, "paquete de 3": 3,
           "tarima": 120, "media docena": 6}  # fmt: skip
_EARLY = 365  # days before the first document on which parties joined already
_SPAN = _EARLY + vocabulary.LAST - 30


@dataclass(frozen=True, slots=True)
class CatalogItem:
    """A product for sale; price and cost are cents of one unit."""

    id: int
    name: str
    unit: str
    price: int
    cost: int
    tax_code: str
    product_type: str
    by_measure: bool


@dataclass(frozen=True, slots=True)
class Buyer:
    """What the generation of sales needs of a customer; terms are days."""

    id: int
    terms: int
    exempt: bool


def make_catalog(count: int, draw: Draw) -> list[CatalogItem]:
    """Make products from all goods, brands and packs, the plainest first."""
    return [_make_item(number, draw) for number in range(1, count + 1)]


def encode_products(catalog: list[CatalogItem]) -> Iterator[bytes]:
    """Encode products as the API returns them."""
    return (encode_json(_make_product(item, len(catalog))) for item in catalog)


def make_buyers(count: int) -> list[Buyer]:
    """Make the customers that sales are generated for."""
    return [
        Buyer(number, _choose_terms(number)[1], number % 19 == 0) for number in range(1, count + 1)
    ]


def encode_customers(buyers: list[Buyer], receivable: list[int]) -> Iterator[bytes]:
    """Encode customers as the API returns them, each with what it owes, in cents by id."""
    return (
        encode_json(_make_customer(buyer, len(buyers), receivable[buyer.id])) for buyer in buyers
    )


def encode_vendors(count: int, payable: list[int]) -> Iterator[bytes]:
    """Encode vendors as the API returns them, each with what it is owed, in cents by id."""
    numbers = range(1, count + 1)
    return (encode_json(_make_vendor(number, count, payable[number])) for number in numbers)


def choose_joining_day(number: int, count: int) -> int:
    """Return the day on which party `number` of `count` joined; some before the three years."""
    return number * _SPAN // count - _EARLY


def count_joined(day: int, count: int) -> int:
    """Return how many of `count` parties had joined by a day; at least one."""
    return min(count, max(1, (day + _EARLY) * count // _SPAN))


def _make_item(number: int, draw: Draw) -> CatalogItem:
    rest, goods = divmod(number - 1, len(vocabulary.GOODS))
    rest, brand = divmod(rest, len(vocabulary.BRANDS))
    name, unit, price, tax_code, product_type = vocabulary.GOODS[goods]
    is_service = product_type == "Service"
    series, pack_number = (rest, 0) if is_service else divmod(rest, len(vocabulary.PACKS))
    pack = vocabulary.PACKS[pack_number]
    if number > 1:
        price = max(1, int(price * _PIECES[pack] * (0.8 + 0.4 * draw())))
    parts = (name, vocabulary.BRANDS[brand], pack, f"serie {series + 1}" if series else "")
    full_name = " ".join(part for part in parts if part)
    return CatalogItem(
        id=number,
        name=full_name,
        unit=unit,
        price=price,
        cost=price * 7 // 10,
        tax_code=tax_code,
        product_type=product_type,
        by_measure=unit in _SOLD_BY_MEASURE and not pack,
    )


def _make_product(item: CatalogItem, count: int) -> dict[str, Any]:
    created = item.id * 365 // count - 365
    modified = item.id * 37 % vocabulary.LAST
    time = format_office_time(item.id * 7 % 100 / 100)
    record: dict[str, Any] = {
        "id": item.id,
        "code": f"PROD-{item.id:03d}",
        "name": item.name,
        "description": None if item.id % 3 == 0 else f"{item.name} ({item.unit})",
        "product_type": item.product_type,
        "unit_of_measure": item.unit,
        "cost": to_amount(item.cost),
        "price": to_amount(item.price),
        "tax_code": item.tax_code,
        "status": "inactive" if item.id % 29 == 0 else "active",
        "product_group_id": item.id % len(vocabulary.GOODS) + 1,
        "date_created": format_day(created) + time,
        "date_modified": format_day(modified) + time,
    }
    if item.id % 11 == 0:
        del record["description"], record["product_group_id"]
    return record


def _make_customer(buyer: Buyer, count: int, receivable: int) -> dict[str, Any]:
    number = buyer.id
    record = {
        **_make_party("CLI", number, count),
        "credit_limit": None if number % 6 == 0 else float(500 * (1 + number % 40)),
        "balance": to_amount(receivable),
        "tax_code": "EXENTO" if buyer.exempt else "ITBMS",
        "addresses": _make_addresses(number),
    }
    if number % 13 == 0:
        del record["email"], record["phone"]
    if number % 17 == 0:
        record["addresses"] = []
    return record


def _make_vendor(number: int, count: int, payable: int) -> dict[str, Any]:
    return {**_make_party("PROV", number, count), "balance": to_amount(payable)}


def _make_party(prefix: str, number: int, count: int) -> dict[str, Any]:
    created = choose_joining_day(number, count)
    modified = min(vocabulary.LAST, created + number * 37 % 900)
    time = format_office_time(number * 7 % 100 / 100)
    return {
        "id": number,
        "code": f"{prefix}-{number:04d}",
        "name": _make_name(number if prefix == "CLI" else number + 3),
        "email": None if number % 7 == 0 else f"compras{number}@{prefix.lower()}.example",
        "phone": None if number % 9 == 0 else _make_phone(number),
        "tax_id": _make_tax_id(number),
        "payment_terms": _choose_terms(number)[0],
        "currency": "USD",
        "status": "inactive" if number % 23 == 0 else "active",
        "date_created": format_day(created) + time,
        "date_modified": format_day(modified) + time,
    }


def _make_name(number: int) -> str:
    if number % 50 in range(3, 3 + len(vocabulary.AWKWARD)):
        return vocabulary.AWKWARD[number % 50 - 3] + (f" {number}" if number > 50 else "")
    rest, name = divmod(number, len(vocabulary.NAMES))
    form = vocabulary.FORMS[rest % len(vocabulary.FORMS)]
    trade = vocabulary.TRADES[(rest + name * 5) % len(vocabulary.TRADES)]
    return f"{trade} {vocabulary.NAMES[name]} {form}".strip()


def _make_phone(number: int) -> str:
    if number % 2:
        return f"+507 6{number * 37 % 1000:03d}-{number * 911 % 10_000:04d}"
    return f"{_choose_place(number)[2]}{number * 37 % 100:02d}-{number * 911 % 10_000:04d}"


def _make_tax_id(number: int) -> str:
    if number % 4 == 0:
        return f"{1 + number % 13}-{100 + number * 7 % 900}-{1000 + number * 31 % 9000}"
    company, year = 155_600_000 + number * 137, 2010 + number % 16
    return f"{company}-2-{year} DV {_make_check_digits(f'{company:010d}0002{year:06d}')}"


def _make_check_digits(number: str) -> str:
    """Return the check digits (DV) of a company registered under a long number, modulus 11."""
    for _ in range(2):
        rest = sum(weight * int(digit) for weight, digit in enumerate(reversed(number), 2)) % 11
        number += str(11 - rest if rest > 1 else 0)
    return number[-2:]


def _choose_terms(number: int) -> tuple[str, int]:
    return vocabulary.TERMS[number % len(vocabulary.TERMS)]


def _choose_place(number: int) -> tuple[str, str, str]:
    return vocabulary.PLACES[number * number % len(vocabulary.PLACES)]


def _make_addresses(number: int) -> list[dict[str, Any]]:
    if number % 3:
        return [_make_address(number, "Both")]
    return [_make_address(number, "Billing"), _make_address(number + 5, "Shipping")]


def _make_address(number: int, address_type: str) -> dict[str, Any]:
    state, city, _ = _choose_place(number)
    street = vocabulary.STREETS[number % len(vocabulary.STREETS)]
    address = {
        "address_type": address_type,
        "line1": f"{street}, n.º {number % 300 + 1}",
        "line2": f"Piso {number % 12 + 1}" if number % 2 else None,
        "city": city,
        "state": state,
        "postal_code": f"{number * 17 % 10_000:04d}",
        "country": "PA",
    }
    if number % 8 == 0:
        del address["line2"], address["postal_code"]
    return address
