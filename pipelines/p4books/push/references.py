"""Which record does a value mean?"""

import re
from enum import Enum

from p4books.push.books import REFERENCES, Books, Listed
from p4books.push.values import Unfit, Value, shown

_AS_THEY_ARE = {"sales_order_id", "warehouse_id", "product_group_id"}  # nothing to look them up in


class By(Enum):
    """How a column names a record."""

    EITHER = "id or code"
    CODE = "code"


def meant(field: str, value: Value | None, by: By, books: Books) -> Value | None:
    """Return what is sent for a value of a field: for a reference the id of its record.

    Raises Unfit where it means none, or may mean two, and for a tax code that nobody knows.
    """
    if not isinstance(value, str):
        return value
    if field == "tax_code":
        return _tax_code(value, books)
    if field in _AS_THEY_ARE:
        return _as_id(value)
    if field not in REFERENCES:
        return value
    noun = field.removesuffix("_id")
    listed = books.lists[REFERENCES[field]]
    return _as_id(_found(value, by, listed, noun))


def _as_id(value: str) -> str | int:
    """Tell an id as P4 Books does: as a number, where it is one."""
    return int(value) if re.fullmatch("0|[1-9][0-9]{0,17}", value) else value


def _found(value: str, by: By, listed: Listed, noun: str) -> str:
    as_code = listed.codes.get(value)
    if by is By.EITHER and (value in listed.ids or value in listed.gone):
        if as_code and as_code != value:
            raise Unfit(
                f"It is the id of one {noun} and the code of another.",
                f"Name the column {noun}_code and write codes in it.",
            )
        if value in listed.ids:
            return value
    if as_code and value in listed.doubled:
        raise Unfit(f"More than one {noun} has this code.", f"Write the {noun}'s id instead.")
    if as_code:
        return as_code
    raise _unknown(value, by, listed, noun)


def _unknown(value: str, by: By, listed: Listed, noun: str) -> Unfit:
    if value in listed.gone_codes or (by is By.EITHER and value in listed.gone):
        return Unfit(
            f"This {noun} is gone: P4 Books no longer shows it.",
            f"Write a {noun} that is there.",
        )
    return Unfit(
        f"There is no {noun} {shown(value)}{listed.like(value)}",
        f"Correct it, or create the {noun} and run `p4books sync`.",
    )


def _tax_code(value: str, books: Books) -> str:
    if not books.tax_codes or value.upper() in books.tax_codes:
        return value
    known = ", ".join(sorted(books.tax_codes.values())[:20])
    raise Unfit(
        f"Nobody knows this tax code; known are {known}.",
        "Write one of them, or add it with its rate to sql/seeds/tax_rates.csv.",
    )
