"""Which words do the books of a Panamanian distributor use?"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

TRADES = (
    "Distribuidora", "Abarrotería", "Ferretería", "Mini Súper", "Panadería", "Farmacia",
    "Hotel", "Restaurante", "Fonda", "Almacén", "Comercial", "Importadora", "Hostal", "Bodega",
)  # fmt: skip

NAMES = (
    "El Guayacán", "La Tablita", "San Félix", "Doña Ñita", "Las Cumbres", "Río Hato", "Bahía Azul",
    "Mi Pueblito", "Los Algarrobos", "Punta Burica", "La Pollera", "El Trapiche", "Cerro Ancón",
    "Tierras Altas", "Costa Abajo", "El Tamborito", "La Mejorana", "Quebrada Honda", "Sol y Mar",
    "Isla Perico", "Vista Alegre", "Los Cuatro Hermanos", "Brisas del Golfo",
)  # fmt: skip

FORMS = ("S.A.", "e Hijos", "y Cía. Ltda.", "Internacional, S.A.", "")

# Names that have broken other people's exports.
AWKWARD = (
    'Almacén "La Estrella", S.A.',
    "O'Higgins & Hermanos",
    "=SUMA(A1:A9) Comercial",
    "Kiosco Ñandú 🛒🍍",
    "Café; Té, y Más / Boquete\tS.A.",
    "Güira <b>& Sons</b>",
    "-Descuento- Muebles, S.A.",
    "@Todo Barato \\ Colón",
)

# Province, city, how phone numbers begin.
PLACES = (
    ("Panamá", "Ciudad de Panamá", "2"), ("Panamá", "San Miguelito", "2"),
    ("Panamá Oeste", "La Chorrera", "3"), ("Panamá Oeste", "Arraiján", "3"),
    ("Colón", "Colón", "4"), ("Coclé", "Penonomé", "9"), ("Chiriquí", "David", "7"),
    ("Chiriquí", "Boquete", "7"), ("Veraguas", "Santiago", "9"), ("Herrera", "Chitré", "9"),
    ("Los Santos", "Las Tablas", "9"), ("Bocas del Toro", "Changuinola", "7"),
    ("Darién", "La Palma", "2"), ("Guna Yala", "Gaigirgordub", "2"),
)  # fmt: skip

STREETS = (
    "Vía España", "Calle 50", "Avenida Central", "Vía Interamericana", "Calle Primera",
    "Avenida Ricardo J. Alfaro", "Vía Tocumen", "Calle L, edificio \"Don Julio\", local 3",
)  # fmt: skip

TERMS = (("Cash", 0), ("Net 15", 15), ("Net 30", 30), ("Net 30", 30), ("Net 60", 60))

# What is sold: name, unit, price in cents, tax code, product type.
GOODS = (
    ("Widget A", "each", 2500, "ITBMS", "Inventory"),
    ("Arroz de primera", "lb", 58, "EXENTO", "Inventory"),
    ("Aceite vegetal", "each", 435, "EXENTO", "Inventory"),
    ("Ron añejo", "each", 1299, "ITBMS10", "Inventory"),
    ("Cigarrillos, cajetilla", "each", 540, "ITBMS15", "Inventory"),
    ('Tubo PVC 1/2" x 20\'', "each", 615, "ITBMS", "Inventory"),
    ("Café molido de Boquete", "each", 675, "EXENTO", "Inventory"),
    ("Cerveza, six-pack", "each", 489, "ITBMS10", "Inventory"),
    ("Detergente en polvo", "kg", 315, "ITBMS", "Inventory"),
    ("Cemento gris", "bag", 1015, "ITBMS", "Inventory"),
    ("Papel higiénico", "pack", 389, "ITBMS", "Inventory"),
    ("Pintura látex blanca", "gal", 1895, "ITBMS", "Inventory"),
    ("Leche evaporada", "each", 129, "EXENTO", "Inventory"),
    ("Bolsa de empaque", "each", 7, "ITBMS", "NonInventory"),
    ("Cable eléctrico n.º 12", "m", 93, "ITBMS", "Inventory"),
    ("Vino tinto de mesa", "each", 899, "ITBMS10", "Inventory"),
    ("Azúcar morena", "lb", 64, "EXENTO", "Inventory"),
    ("Queso blanco", "kg", 729, "EXENTO", "Inventory"),
    ("Cigarro puro", "each", 1150, "ITBMS15", "Inventory"),
    ("Galletas surtidas 🍪", "pack", 245, "ITBMS", "Inventory"),
    ("Instalación en sitio", "hour", 3500, "ITBMS", "Service"),
    ("Machete 22\"", "each", 845, "ITBMS", "Inventory"),
)  # fmt: skip

BRANDS = (
    "", "Doña Rosa", "El Roble", "Tres Ríos", "Ñeque", "La Fe", "Colibrí", "Pacífico", "Istmo",
    "Águila Arpía", "Mundo Nuevo", "Cañazas", "Sello Rojo", "Volcán",
)  # fmt: skip

PACKS = ("", "caja de 12", "caja de 24", "bulto de 6", "paquete de 3", "tarima", "media docena")

TAX_PERCENT = {"EXENTO": 0, "ITBMS": 7, "ITBMS10": 10, "ITBMS15": 15}


LAST = 1095  # three years of days, counted from 0
FIRST_DAY = date(2023, 7, 1)
LAST_DAY = date(2026, 6, 30)

_QUOTED_DAY = re.compile(rb'(?<=")\d{4}-\d\d-\d\d(?=[T"])')
_BEFORE = 400
_AFTER = 400
_DAYS = [
    (FIRST_DAY + timedelta(days=day)).isoformat() for day in range(-_BEFORE, LAST + _AFTER + 1)
]


def day(number: int) -> str:
    """Write a day, counted from 0 on the first of the three years."""
    return _DAYS[number + _BEFORE]


def spread(number: int, count: int) -> tuple[int, str]:
    """Give the day of the number-th of count documents, from 1, and its time in that day.

    Days and times rise with the number; the last of all is on the last day.
    """
    at, rest = divmod(number * (LAST + 1) - 1, count)
    return at, office_time(rest / count)


def office_time(share: float) -> str:
    """Write a time, that share of the way through an office day in Panama, in UTC."""
    minutes, seconds = divmod(int(share * 39_600), 60)
    hours, minutes = divmod(minutes, 60)
    return f"T{hours + 12:02d}:{minutes:02d}:{seconds:02d}Z"


def shifted(rows: Iterable[bytes], later: int) -> Iterable[bytes]:
    """Move every day in encoded records by so many days."""
    if not later:
        return rows

    @cache
    def move(day: bytes) -> bytes:
        return (date.fromisoformat(day.decode()) + timedelta(days=later)).isoformat().encode()

    return (_QUOTED_DAY.sub(lambda found: move(found[0]), row) for row in rows)


def half_away(value: int, unit: int) -> int:
    """Divide, rounding halves away from zero, as decimals in SQL do."""
    if value < 0:
        return -((-value + unit // 2) // unit)
    return (value + unit // 2) // unit


def amount(cents: int) -> float:
    """Give cents as a number whose shortest text is exact to the cent."""
    return cents / 100


@dataclass(frozen=True)
class Scale:
    """Rows of the lists that do not follow from others."""

    invoices: int
    products: int
    customers: int
    vendors: int
    purchase_orders: int


def scale_for(invoices: int) -> Scale:
    """Give a distributor's proportions for a number of invoices in three years."""
    return Scale(
        invoices=invoices,
        products=min(5000, 200 + invoices // 40),
        customers=min(10_000, 60 + invoices // 25),
        vendors=min(1000, 20 + invoices // 250),
        purchase_orders=-(-invoices // 5),
    )
