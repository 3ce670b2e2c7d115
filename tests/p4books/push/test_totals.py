"""Do the amounts of a document agree?"""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from p4books.push.validate import Contradiction, find_contradictions

DAY = "2026-03-31"


def rate_of(code: str, day: date) -> Decimal | None:
    known = {"ITBMS": Decimal("0.07"), "EXENTO": Decimal(0)}
    return known.get(code) if day >= date(2010, 7, 1) else None


def line(quantity: str, price: str, **more: Any) -> dict[str, Any]:
    amounts = {k: v if k == "tax_code" else Decimal(str(v)) for k, v in more.items()}
    return {"quantity": Decimal(quantity), "price": Decimal(price), **amounts}


def found(header: dict[str, Any], *lines: dict[str, Any]) -> list[Contradiction]:
    amounts = {k: v if k == "document_date" else Decimal(str(v)) for k, v in header.items()}
    return list(find_contradictions(amounts, lines, rate_of))


@pytest.mark.parametrize(
    "lines",
    [
        [line("3", "35.31", subtotal="105.93")],
        [line("3", "35.31", discount="5.93", subtotal="100")],
        [line("2", "50", discount="10", subtotal="90")],
        [line("2", "60", discount="10", subtotal="108")],
        [line("-2", "50", discount="10", subtotal="-90")],
        [line("-2", "50", discount="-10", subtotal="-90")],
        [line("1", "0.125", subtotal="0.14")],
        [line("999999999999.999999", "999999999999.999999")],
        [],
    ],
)
def test_lines_agree(lines: list[dict[str, Any]]) -> None:
    """A line may come to its subtotal with its discount as an amount, or as a percentage."""
    assert found({}, *lines) == []


def test_a_line_does_not() -> None:
    """A line that does not come to its subtotal is told, with both figures."""
    odd = found({}, line("1", "5"), line("2", "60", discount="10", subtotal="105.93"))

    what = "The line comes to 110.00 (108.00 with discounts as percentages)"
    assert odd == [Contradiction("subtotal", f"{what}, and its subtotal is 105.93.", 1)]


@pytest.mark.parametrize(("subtotal", "agrees"), [("0.15", True), ("0.16", False), ("0.08", False)])
def test_subtotal(subtotal: str, agrees: bool) -> None:
    """The lines come to the subtotal, but for a cent each."""
    odd = found({"subtotal": subtotal}, line("1", "0.055"), line("1", "0.064"), line("1", "0.004"))

    assert [each.field for each in odd] == ([] if agrees else ["subtotal"])


@pytest.mark.parametrize(
    ("subtotal", "agrees"), [("218", True), ("220", True), ("219", False), ("200", False)]
)
def test_one_reading(subtotal: str, agrees: bool) -> None:
    """Where no line tells what its discount is, it is the same for all of them."""
    lines = [line("1", "120", discount="10"), line("1", "110", discount="0")]

    assert (found({"subtotal": subtotal}, *lines) == []) == agrees


def test_the_reading_that_a_line_tells() -> None:
    """Where the subtotal of one line tells what a discount is, the others' are the same."""
    lines = [line("1", "120", discount="10", subtotal="108"), line("1", "120", discount="10")]

    assert found({"subtotal": "216"}, *lines) == []
    (odd,) = found({"subtotal": "218"}, *lines)
    assert odd.what == "The lines come to 216.00, and the subtotal is 218.00."


def test_no_subtotal() -> None:
    """Where no subtotal is given, the lines come to the total less the tax."""
    (odd,) = found({"total": "117", "tax_total": "7"}, line("1", "100"))

    what = "The lines come to 100.00, and total less tax_total is 110.00."
    assert odd == Contradiction("total", what)
    assert found({"total": "107", "tax_total": "7"}, line("1", "100")) == []


def test_total() -> None:
    """The total is subtotal and tax to the cent."""
    (odd,) = found({"subtotal": "100", "tax_total": "7", "total": "107.01"}, line("1", "100"))

    what = "subtotal plus tax_total comes to 107.00, and total is 107.01."
    assert odd == Contradiction("total", what)


def test_balance() -> None:
    """The balance is what is not paid of the total."""
    (odd,) = found({"total": "100", "amount_paid": "40", "balance": "40"}, line("1", "100"))

    what = "total less amount_paid comes to 60.00, and balance is 40.00."
    assert odd == Contradiction("balance", what)


@pytest.mark.parametrize(
    ("tax", "agrees"), [("7", True), ("7.02", True), ("6.98", True), ("7.03", False)]
)
def test_tax(tax: str, agrees: bool) -> None:
    """The tax is that of the rates of the day, but for a cent a line."""
    lines = [line("1", "100", tax_code="ITBMS"), line("1", "50", tax_code="EXENTO")]

    odd = found({"document_date": DAY, "tax_total": tax}, *lines)

    assert [each.field for each in odd] == ([] if agrees else ["tax_total"])


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"document_date": DAY, "tax_total": "99"}, "IVA"),
        ({"document_date": "1999-01-01", "tax_total": "99"}, "ITBMS"),
        ({"tax_total": "99"}, "ITBMS"),
        ({"document_date": DAY}, "ITBMS"),
    ],
)
def test_no_rate(header: dict[str, str], code: str) -> None:
    """Where a rate or the day is not known, the tax is not compared."""
    assert found(header, line("1", "100", tax_code=code), line("1", "1", tax_code="ITBMS")) == []


def test_a_line_that_comes_to_nothing() -> None:
    """A line without a net needs no tax code."""
    lines = [line("1", "100", tax_code="ITBMS"), line("0", "5")]

    (odd,) = found({"document_date": DAY, "tax_total": "8"}, *lines)

    assert odd.what == "The tax on the lines comes to 7.00, and tax_total is 8.00."


@pytest.mark.parametrize(
    ("total", "agrees"), [("107", True), ("107.02", True), ("107.03", False), ("100", False)]
)
def test_a_total_alone(total: str, agrees: bool) -> None:
    """A total without the tax beside it is compared with the lines and their tax."""
    odd = found({"total": total, "document_date": DAY}, line("1", "100", tax_code="ITBMS"))

    assert [each.field for each in odd] == ([] if agrees else ["total"])
    assert all("107.00" in each.what for each in odd)
