"""What does the distributor sell?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from p4books_sandbox.chance import Chance
from p4books_sandbox.distributor import days, words
from p4books_sandbox.distributor.cents import amount
from p4books_sandbox.records import encode

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
    rest, goods = divmod(number - 1, len(words.GOODS))
    rest, brand = divmod(rest, len(words.BRANDS))
    name, unit, price, tax_code, kind = words.GOODS[goods]
    series, pack_number = (rest, 0) if kind == "Service" else divmod(rest, len(words.PACKS))
    pack = words.PACKS[pack_number]
    if number > 1:
        price = max(1, int(price * _PIECES[pack] * (0.8 + 0.4 * chance())))
    parts = (name, words.BRANDS[brand], pack, f"serie {series + 1}" if series else "")
    full_name = " ".join(part for part in parts if part)
    by_measure = unit in _BY_MEASURE and not pack
    return Product(number, full_name, unit, price, price * 7 // 10, tax_code, kind, by_measure)


def _record(product: Product, count: int) -> dict[str, Any]:
    made = product.id * 365 // count - 365
    changed = product.id * 37 % days.LAST
    time = days.office_time(product.id * 7 % 100 / 100)
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
        "product_group_id": product.id % len(words.GOODS) + 1,
        "date_created": days.day(made) + time,
        "date_modified": days.day(changed) + time,
    }
    if product.id % 11 == 0:
        del record["description"], record["product_group_id"]
    return record
