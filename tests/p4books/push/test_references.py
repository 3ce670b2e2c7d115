"""Which record does a value mean?"""

import pytest

from p4books.push.lookups import Lookups, RecordIndex
from p4books.push.mapping import ReferenceBy, resolve_reference
from p4books.push.values import UnfitValue

BOOKS = Lookups(
    own=RecordIndex(),
    lists={
        "customers": RecordIndex(
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
        ("1", ReferenceBy.EITHER, 1),
        ("C-1", ReferenceBy.EITHER, 1),
        ("C-1", ReferenceBy.CODE, 1),
        ("5", ReferenceBy.CODE, 9),
        ("7", ReferenceBy.EITHER, 7),
        ("0b-uuid", ReferenceBy.EITHER, "0b-uuid"),
        ("007", ReferenceBy.EITHER, "007"),
    ],
)
def test_found(value: str, by: ReferenceBy, id_: str | int) -> None:
    """A record is meant by its id or its code; its id is sent, as a number where it is one."""
    found = resolve_reference("customer_id", value, by, BOOKS)

    assert (found, type(found)) == (id_, type(id_))


@pytest.mark.parametrize(
    ("value", "by", "what", "remedy"),
    [
        (
            "5",
            ReferenceBy.EITHER,
            "the id of one customer and the code of another",
            "customer_code",
        ),
        (
            "8",
            ReferenceBy.EITHER,
            "the id of one customer and the code of another",
            "customer_code",
        ),
        ("TWIN", ReferenceBy.EITHER, "More than one customer has this code", "id"),
        ("C-4", ReferenceBy.CODE, r"Unknown customer 'C-4'. Did you mean 'C-\d'\?", "p4books sync"),
        (
            "zzz",
            ReferenceBy.EITHER,
            "customer 'zzz'. No other code is similar",
            "p4books sync",
        ),
        ("1", ReferenceBy.CODE, "Unknown customer '1'", "p4books sync"),
        ("3", ReferenceBy.EITHER, "gone", "that is there"),
        ("C-3", ReferenceBy.CODE, "gone", "that is there"),
        ("3", ReferenceBy.CODE, "Unknown customer '3'", "p4books sync"),
    ],
)
def test_not_found(value: str, by: ReferenceBy, what: str, remedy: str) -> None:
    """Who is unknown, gone or one of two is told so, and what to do."""
    with pytest.raises(UnfitValue, match=what) as unfit:
        resolve_reference("customer_id", value, by, BOOKS)

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
    assert resolve_reference(field, value, ReferenceBy.EITHER, BOOKS) == sent


def test_unknown_tax_code() -> None:
    """A tax code that nobody knows is told with those that are; where none is known, any may be."""
    with pytest.raises(UnfitValue, match="known are ITBMS, Zona Libre"):
        resolve_reference("tax_code", "IVA", ReferenceBy.EITHER, BOOKS)

    assert resolve_reference("tax_code", "IVA", ReferenceBy.EITHER, Lookups(RecordIndex())) == "IVA"
