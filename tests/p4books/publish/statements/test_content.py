"""Content of a statement of account."""

from dataclasses import replace
from decimal import Decimal

from tests.p4books.publish.statements.conftest import MakeStatement


def test_sections(make_statement: MakeStatement) -> None:
    """What is due comes first; the running balance tells how much was due on each day."""
    overdue, later = make_statement(["10.00", "-4.00", "3.00", "8.00"], due_in=2).sections

    assert (overdue.title, later.title) == ("Documentos vencidos", "Documentos por vencer")
    assert (overdue.is_overdue, later.is_overdue) == (True, False)
    assert [(row[0], row[1], row[4], row[8]) for row in (*overdue.rows, *later.rows)] == [
        ("F-0000", "Factura", 1, Decimal("10.00")),
        ("F-0001", "Nota de crédito", None, Decimal("6.00")),
        ("F-0002", "Factura", None, Decimal("9.00")),
        ("F-0003", "Factura", None, Decimal("17.00")),
    ]
    assert (overdue.total, later.total) == (Decimal("10.00"), Decimal("7.00"))


def test_only_one_section(make_statement: MakeStatement) -> None:
    """A part without documents is left out."""
    (section,) = make_statement(["10.00"], lang="en").sections

    assert section.title == "Documents not yet due"


def test_balance_in_favour(make_statement: MakeStatement) -> None:
    """A credit is called so."""
    statement = make_statement(["10.00", "-30.00"])

    assert statement.balance_label == "Saldo a favor"
    assert statement.ages[-1] == ("Total", Decimal("-20.00"))
    assert make_statement(["10.00"]).balance_label == "Saldo total"


def test_unknown_facts_are_left_out(make_statement: MakeStatement) -> None:
    """Only what is known of the customer is shown."""
    assert make_statement(["1.00"]).facts == [("Código de cliente", "C-7"), ("Moneda", "USD")]
    assert ("RUC y DV", "8-1-1") in make_statement(["1.00"], tax_id="8-1-1").facts


def test_unknown_total(make_statement: MakeStatement) -> None:
    """Without a total neither it nor what was paid is made up."""
    statement = make_statement(["5.00"])
    item = replace(statement.account.items[0], total=None)
    account = replace(statement.account, items=(item,))

    (section,) = replace(statement, account=account).sections

    assert section.rows[0][5:] == (None, None, Decimal("5.00"), Decimal("5.00"))
