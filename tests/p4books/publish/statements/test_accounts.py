"""Accounts of customers, read from the published file."""

import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from tests.p4books.publish.statements.conftest import AS_OF, AS_OF_AT

from p4books.errors import P4BooksError, UsageError
from p4books.publish.query import run_query
from p4books.publish.statements.accounts import Account, read_accounts


def keys(accounts: tuple[Account, ...]) -> list[tuple[str, str]]:
    return [(account.customer.customer_id, account.currency) for account in accounts]


def test_account(published: Path) -> None:
    """An account has the customer, the open items by due date, and their sums by age."""
    found = read_accounts(published, ["C-1"])

    assert (found.as_of_on, found.as_of_at, found.notes) == (AS_OF, AS_OF_AT, ())
    euros, dollars = found.accounts
    assert (euros.currency, euros.balance) == ("EUR", Decimal("9.99"))
    who = dollars.customer
    assert (who.code, who.name, who.tax_id) == (
        *("C-1", "Óptica “Ñandú” & Cía., S.A."),
        "8-123-456 DV 91",
    )
    assert (who.email, who.payment_terms) == ("pagos@nandu.example", "Net 30")
    assert who.address == ("Calle 50", "Panamá")
    assert [(item.code, item.days_overdue, item.is_credit_note) for item in dollars.items] == [
        ("F-13", 120, True),
        ("F-11", 31, False),
        ("F-12", 0, False),
    ]
    assert [str(item.paid) for item in dollars.items] == ["0.00", "25.00", "0.00"]
    assert [str(amount) for amount in dollars.ages] == [
        *("1234.50", "0.00", "75.00", "0.00", "-20.00"),
    ]
    assert (str(dollars.overdue), str(dollars.balance)) == ("55.00", "1289.50")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["C-2"], ["2"]),
        (["2"], ["2"]),
        ([" c-2 ", "2", "2.0"], ["2"]),
        (["A"], ["A"]),
        (["4", "5", "2"], ["2"]),  # who owes nothing has no account
    ],
)
def test_named_customers(published: Path, words: list[str], expected: list[str]) -> None:
    """A customer is named by id or code, in any spelling, as often as one likes."""
    found = read_accounts(published, words)

    assert [key for key, _ in keys(found.accounts)] == expected


def test_overdue(published: Path) -> None:
    """Without words, everyone with an overdue balance; what has no customer is a note."""
    found = read_accounts(published)

    assert keys(found.accounts) == [("A", "USD"), ("1", "EUR"), ("1", "USD")]
    assert found.notes == (
        "2 overdue documents (10.00 USD) are of no known customer, so there is no statement.",
    )
    _, total = run_query(published, "select sum(overdue) from reporting.ar_aging")
    assert sum(account.overdue for account in found.accounts) + Decimal("10.00") == total[0][0]


def test_without_a_name_and_a_code(published: Path) -> None:
    """A record without a name has its id, as everywhere; so has an invoice without a number."""
    (account,) = read_accounts(published, ["A"]).accounts

    assert (account.customer.name, account.customer.code) == ("A", "")
    assert [item.code for item in account.items] == ["19"]


def test_nothing_open(published: Path) -> None:
    """A customer who owes nothing has no account, and a note says so."""
    found = read_accounts(published, ["C-3"])

    assert found.accounts == ()
    assert found.notes == ("Pagado (3) has nothing open, so there is no statement.",)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("C-9", r"Unknown customer 'C-9'\. Did you mean 'C-\d'\? No statement was written\."),
        ("a", r"Unknown customer 'a'\. Did you mean 'A'\? No statement"),
        ("Panadería", r"Unknown customer .*`p4books query .*` lists them\. No statement"),
        ("", "Unknown customer ''"),
        ("'; drop table x; --", "Unknown customer"),
        ("Twin", r"is the id or code of 2 customers, with the ids 4, 5\. No statement"),
        ("1", r"is the id or code of 2 customers, with the ids 1, 6\. No statement"),
        ("99", r"'99' is on invoices but not in the list of customers"),
        ("(none)", r"'\(none\)' is on invoices but not in the list of customers"),
    ],
)
def test_no_such_customer(published: Path, word: str, message: str) -> None:
    """A word that names nobody, or two customers, is a sentence; nothing is guessed."""
    with pytest.raises(UsageError, match=message):
        read_accounts(published, ["C-1", word])


def test_first_copy_not_complete(published: Path, tmp_path: Path) -> None:
    """As long as a list is missing, no balance is right."""
    copy = Path(shutil.copy(published, tmp_path))
    copy.chmod(0o600)
    with duckdb.connect(copy) as con:
        con.execute("update core.as_of set missing_lists = 'vendors, invoices'")

    with pytest.raises(P4BooksError, match="first copy of invoices is not complete"):
        read_accounts(copy)
