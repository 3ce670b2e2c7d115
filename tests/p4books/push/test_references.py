"""Which record does a value mean?"""

import pytest

from p4books.push.books import Books, Listed
from p4books.push.references import By, meant
from p4books.push.values import Unfit

BOOKS = Books(
    own=Listed(),
    lists={
        "customers": Listed(
            codes={"C-1": "1", "C-2": "2", "5": "9", "7": "7", "8": "11", "TWIN": "20"},
            ids={"1", "2", "5", "7", "9", "11", "20", "21", "0b-uuid", "007"},
            doubled={"TWIN"},
            gone={"3", "8"},
            gone_codes={"C-3"},
        )
    },
    tax_codes={"ITBMS": "ITBMS", "ZONA LIBRE": "Zona Libre"},
)


@pytest.mark.parametrize(
    ("value", "by", "id_"),
    [
        ("1", By.EITHER, 1),
        ("C-1", By.EITHER, 1),
        ("C-1", By.CODE, 1),
        ("5", By.CODE, 9),
        ("7", By.EITHER, 7),
        ("0b-uuid", By.EITHER, "0b-uuid"),
        ("007", By.EITHER, "007"),
    ],
)
def test_found(value: str, by: By, id_: str | int) -> None:
    """A record is meant by its id or its code; its id is sent, as a number where it is one."""
    found = meant("customer_id", value, by, BOOKS)

    assert (found, type(found)) == (id_, type(id_))


@pytest.mark.parametrize(
    ("value", "by", "what", "remedy"),
    [
        ("5", By.EITHER, "the id of one customer and the code of another", "customer_code"),
        ("8", By.EITHER, "the id of one customer and the code of another", "customer_code"),
        ("TWIN", By.EITHER, "More than one customer has this code", "id"),
        ("C-4", By.CODE, r"no customer C-4; did you mean C-\d\?", "p4books sync"),
        ("zzz", By.EITHER, "no customer zzz; no other is like it", "p4books sync"),
        ("1", By.CODE, "no customer 1", "p4books sync"),
        ("3", By.EITHER, "gone", "that is there"),
        ("C-3", By.CODE, "gone", "that is there"),
        ("3", By.CODE, "no customer 3", "p4books sync"),
    ],
)
def test_not_found(value: str, by: By, what: str, remedy: str) -> None:
    """Who is unknown, gone or one of two is told so, and what to do."""
    with pytest.raises(Unfit, match=what) as unfit:
        meant("customer_id", value, by, BOOKS)

    assert remedy in unfit.value.remedy


@pytest.mark.parametrize(
    ("field", "value", "sent"),
    [
        ("tax_code", "itbms", "itbms"),
        ("tax_code", "Zona libre", "Zona libre"),
        ("warehouse_id", "12", 12),
        ("sales_order_id", "012", "012"),
        ("product_group_id", "9" * 19, "9" * 19),
        ("tax_id", "12", "12"),
        ("price", 5, 5),
    ],
)
def test_others(field: str, value: str | int, sent: str | int) -> None:
    """A known tax code is sent as written, an id that can't be looked up as what it looks like."""
    assert meant(field, value, By.EITHER, BOOKS) == sent


def test_unknown_tax_code() -> None:
    """A tax code that nobody knows is told with those that are; where none is known, any may be."""
    with pytest.raises(Unfit, match="known are ITBMS, Zona Libre"):
        meant("tax_code", "IVA", By.EITHER, BOOKS)

    assert meant("tax_code", "IVA", By.EITHER, Books(Listed())) == "IVA"
