"""How are cents reckoned and written?"""


def half_away(value: int, unit: int) -> int:
    """Divide, rounding halves away from zero, as decimals in SQL do."""
    if value < 0:
        return -((-value + unit // 2) // unit)
    return (value + unit // 2) // unit


def amount(cents: int) -> float:
    """Give cents as a number whose shortest text is exact to the cent."""
    return cents / 100
