"""Names of sheets."""

import pytest

from p4books.publish.workbook.names import MAX_NAME, link_to_sheet, sheet_names

TITLES = {
    "Receivables ageing": "Receivables ageing",
    "Declaración del ITBMS (Formulario 430)": "Declaración del ITBMS",
    "Facturas de la declaración del ITBMS": "Facturas de la declaración",
    "customers_who_have_not_paid_for_long": "customers_who_have_not_paid_for",
    "a/b: c\\d? [e]*": "a b c d e",
    "'quoted'": "quoted",
    "?*": "-",
    "\u0645\u0628\u064a\u200f": "\u0645\u0628\u064a\u200f",  # right to left
}


@pytest.mark.parametrize("title", TITLES)
def test_name(title: str) -> None:
    """A name has no sign that Excel forbids, and ends with a word that says something."""
    (name,) = sheet_names([title])

    assert name == TITLES[title]
    assert len(name) <= MAX_NAME


def test_names_are_unique() -> None:
    """Equal names are numbered, in any case of letters; those of Excel itself are not used."""
    names = sheet_names(["Sales", "SALES", "History", "Historial", "x" * 40, "x" * 41])

    assert names == [
        *("Sales", "SALES 2", "History 2", "Historial 2"),
        *("x" * MAX_NAME, f"{'x' * (MAX_NAME - 2)} 2"),
    ]


def test_link() -> None:
    """An apostrophe in a name does not end the name in a link."""
    assert link_to_sheet("O'Higgins") == "internal:'O''Higgins'!A1"
