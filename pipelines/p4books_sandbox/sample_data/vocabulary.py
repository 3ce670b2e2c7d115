"""Building blocks of the sample data: names and goods, dates, amounts, sizes of the lists."""

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

# Names that have broken exports elsewhere.
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

# Province, city, first digit of phone numbers.
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

# Name, unit, price in cents, tax code, product type.
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

LAST = 1095  # number of the last day; the three years are counted from 0
FIRST_DAY = date(2023, 7, 1)
LAST_DAY = date(2026, 6, 30)

_QUOTED_DATE = re.compile(rb'(?<=")\d{4}-\d\d-\d\d(?=[T"])')
_DAYS_BEFORE = 400
_DAYS_AFTER = 400
_DATES = [
    (FIRST_DAY + timedelta(days=day)).isoformat()
    for day in range(-_DAYS_BEFORE, LAST + _DAYS_AFTER + 1)
]


@dataclass(frozen=True)
class ListSizes:
    """Rows of the lists whose size does not follow from other lists."""

    invoices: int
    products: int
    customers: int
    vendors: int
    purchase_orders: int


def choose_sizes(invoices: int) -> ListSizes:
    """Return a distributor's proportions for a number of invoices in three years."""
    return ListSizes(
        invoices=invoices,
        products=min(5000, 200 + invoices // 40),
        customers=min(10_000, 60 + invoices // 25),
        vendors=min(1000, 20 + invoices // 250),
        purchase_orders=-(-invoices // 5),
    )


def format_day(number: int) -> str:
    """Return the date of a day, counted from 0 on the first of the three years."""
    return _DATES[number + _DAYS_BEFORE]


def choose_instant(number: int, count: int) -> tuple[int, str]:
    """Return the day of document `number` of `count`, from 1, and its time of day.

    Days and times rise with the number; the last document is on the last day.
    """
    day, rest = divmod(number * (LAST + 1) - 1, count)
    return day, format_office_time(rest / count)


def format_office_time(share: float) -> str:
    """Return the time in UTC after that share of an office day in Panama."""
    minutes, seconds = divmod(int(share * 39_600), 60)
    hours, minutes = divmod(minutes, 60)
    return f"T{hours + 12:02d}:{minutes:02d}:{seconds:02d}Z"


def shift_dates(rows: Iterable[bytes], days: int) -> Iterable[bytes]:
    """Shift every date in encoded records by a number of days."""
    if not days:
        return rows

    @cache
    def shift(day: bytes) -> bytes:
        return (date.fromisoformat(day.decode()) + timedelta(days=days)).isoformat().encode()

    return (_QUOTED_DATE.sub(lambda match: shift(match[0]), row) for row in rows)


def divide_half_away(value: int, divisor: int) -> int:
    """Divide, rounding halves away from zero, as SQL decimals do."""
    if value < 0:
        return -((-value + divisor // 2) // divisor)
    return (value + divisor // 2) // divisor


def to_amount(cents: int) -> float:
    """Return cents as a number whose shortest text is exact to the cent."""
    return cents / 100
