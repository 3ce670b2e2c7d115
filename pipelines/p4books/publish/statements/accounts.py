"""Accounts of customers: what each owes in each currency, read from the published file."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from p4books.errors import P4BooksError, UsageError, count_of, describe_unknown
from p4books.publish.query import execute_query, list_group_tenants, open_published, read_about
from p4books.spelling import canonical_id, clean_name, fold_name

AGES = ("current_balance", "days_1_30", "days_31_60", "days_61_90", "days_over_90")

_NEEDED_LISTS = ("customers", "invoices")
_MAX_COMPARED = 5_000  # customers among which a similar code is looked for

_CUSTOMERS = "select customer_id, customer_code, customer_name, is_known from core.dim_customer"

_ACCOUNTS = """
    with addresses as (
        select
            customer_id,
            arg_min(
                [address_line1, address_line2, city, state, postal_code, country],
                (
                    case lower(address_type) when 'billing' then 1 when 'both' then 2 else 3 end,
                    address_number
                )
            ) as address
        from staging.customer_addresses
        group by customer_id
    )

    select
        customer_id,
        aging.currency,
        customers.customer_code,
        customers.customer_name,
        customers.tax_id,
        customers.email,
        customers.payment_terms,
        addresses.address,
        aging.current_balance,
        aging.days_1_30,
        aging.days_31_60,
        aging.days_61_90,
        aging.days_over_90,
        aging.overdue,
        aging.balance
    from reporting.ar_aging as aging
    join core.dim_customer as customers using (customer_id)
    left join addresses using (customer_id)
    where customers.is_known and {condition}
    order by customers.customer_name, customer_id, aging.currency
    """

_ITEMS = """
    select
        items.customer_id,
        items.currency,
        coalesce(items.invoice_code, items.invoice_id),
        items.is_credit_note,
        items.document_on,
        items.due_on,
        items.days_overdue,
        items.total,
        items.balance
    from reporting.ar_open_items as items
    where items.customer_id in (select unnest(?::varchar[]))
    order by items.due_on, items.document_on, items.invoice_id
    """

_UNNAMED = """
    select count(*), items.currency, sum(items.balance)
    from reporting.ar_open_items as items
    left join core.dim_customer as customers using (customer_id)
    where not coalesce(customers.is_known, false) and items.days_overdue > 0
    group by items.currency
    order by items.currency
    """


@dataclass(frozen=True)
class Customer:
    """To whom a statement goes; what is unknown is empty."""

    customer_id: str
    code: str
    name: str
    tax_id: str
    email: str
    payment_terms: str
    address: tuple[str, ...]


@dataclass(frozen=True)
class OpenItem:
    """An open invoice or credit note; `total` is None if P4 Books does not say it."""

    code: str
    is_credit_note: bool
    document_on: date | None
    due_on: date | None
    days_overdue: int
    total: Decimal | None
    balance: Decimal

    @property
    def paid(self) -> Decimal | None:
        """What was paid or credited: the difference, so that each line adds up."""
        return None if self.total is None else self.total - self.balance


@dataclass(frozen=True)
class Account:
    """What a customer owes in one currency: open items by due date, and the balance by AGES.

    If a sum has more digits than an amount can hold, it is 0, and the account `is_too_large`.
    """

    customer: Customer
    currency: str
    ages: tuple[Decimal, ...]
    overdue: Decimal
    balance: Decimal
    items: tuple[OpenItem, ...]
    is_too_large: bool = False

    @property
    def overdue_items(self) -> list[OpenItem]:
        """The items that are due."""
        return [item for item in self.items if item.days_overdue > 0]

    @property
    def items_not_due(self) -> list[OpenItem]:
        """The items that become due later."""
        return [item for item in self.items if item.days_overdue == 0]


@dataclass(frozen=True)
class Accounts:
    """Accounts with open items, by name of the customer, as of the end of a day.

    `notes` say for whom there is none.
    """

    as_of_on: date
    as_of_at: datetime
    accounts: tuple[Account, ...]
    notes: tuple[str, ...]


def read_accounts(published: Path, words: Sequence[str] = ()) -> Accounts:
    """Read the accounts of the customers that words name, by id or code.

    Without words, those with an overdue balance. Raises UsageError if a word names no customer or
    several, P4BooksError if a list that is needed was not copied yet, and what `open_published`
    and `execute_query` raise.
    """
    with open_published(published) as con:
        _check_no_group(con)
        about = read_about(con)
        _check_lists(about["missing_lists"] or "", about["as_of_on"])
        named = _find_customers(con, words)
        accounts = tuple(_read_accounts(con, list(named) if words else None))
        too_large = [account for account in accounts if account.is_too_large]
        notes = _describe_settled(named, accounts) if words else _describe_unnamed(con)
        return Accounts(
            about["as_of_on"],
            about["as_of_at"],
            tuple(account for account in accounts if not account.is_too_large),
            (*notes, *map(_describe_too_large, too_large)),
        )


def _check_no_group(con: duckdb.DuckDBPyConnection) -> None:
    if tenants := list_group_tenants(con):
        raise UsageError(
            "A statement of account is of one company, and this file is of a group. No statement "
            f"was written. Name a tenant: --tenant {' | '.join(tenants)}."
        )


def _check_lists(missing: str, as_of_on: date | None) -> None:
    names = [name for name in _NEEDED_LISTS if name in missing]
    if names or as_of_on is None:
        raise P4BooksError(
            f"The first copy of {' and '.join(names or _NEEDED_LISTS)} is not complete, so no "
            "balance is known. No statement was written. Run `p4books sync --full` first."
        )


def _find_customers(con: duckdb.DuckDBPyConnection, words: Sequence[str]) -> dict[str, str]:
    """Return the ids and names of the customers that words name, by id or code."""
    if not words:
        return {}
    rows = execute_query(con, _CUSTOMERS).fetchall()
    by_code: dict[str, set[str]] = defaultdict(set)
    for customer_id, code, _, _ in rows:
        by_code[fold_name(code or "")].add(customer_id)
    found = [_find_customer(word, by_code, rows) for word in words]
    names = {row[0]: clean_name(row[2]) for row in rows}
    return {customer_id: names[customer_id] for customer_id in found}


def _find_customer(word: str, by_code: dict[str, set[str]], rows: list[tuple[Any, ...]]) -> str:
    """Return the id of the customer that a word names. Raises UsageError."""
    with_code = by_code.get(fold_name(word), set()) if fold_name(word) else set()
    found = sorted(with_code | {row[0] for row in rows if row[0] == canonical_id(word)})
    if len(found) > 1:
        raise UsageError(
            f"'{word}' is the id or code of {len(found)} customers, with the ids "
            f"{', '.join(found)}. No statement was written. Name the customer by an id or code "
            "that no other one has."
        )
    if not found:
        codes = [str(row[1] or row[0]) for row in rows if row[3]]
        listed = '`p4books query "select customer_id, customer_code, customer_name from '
        unknown = describe_unknown(
            "customer",
            word,
            codes if len(codes) <= _MAX_COMPARED else (),
            f'{listed}core.dim_customer"` lists them.',
        )
        raise UsageError(f"{unknown} No statement was written.")
    if not next(row[3] for row in rows if row[0] == found[0]):
        raise UsageError(
            f"'{word}' is on invoices but not in the list of customers, so there is nobody to "
            "write to. No statement was written."
        )
    return found[0]


def _read_accounts(con: duckdb.DuckDBPyConnection, ids: list[str] | None) -> Iterator[Account]:
    condition = (
        "coalesce(overdue > 0, true)"
        if ids is None
        else "customer_id in (select unnest(?::varchar[]))"
    )
    sql = _ACCOUNTS.format(condition=condition)
    rows = execute_query(con, sql, [ids] if ids is not None else None).fetchall()
    items = _read_items(con, sorted({row[0] for row in rows}))
    for customer_id, currency, code, name, tax_id, email, terms, address, *amounts in rows:
        *ages, overdue, balance = (Decimal(0) if amount is None else amount for amount in amounts)
        yield Account(
            customer=Customer(
                customer_id=customer_id,
                code=clean_name(code or ""),
                name=clean_name(name),
                tax_id=clean_name(tax_id or ""),
                email=clean_name(email or ""),
                payment_terms=clean_name(terms or ""),
                address=_format_address(address),
            ),
            currency=currency,
            ages=tuple(ages),
            overdue=overdue,
            balance=balance,
            items=tuple(items[customer_id, currency]),
            is_too_large=None in amounts,
        )


def _format_address(parts: Sequence[str | None] | None) -> tuple[str, ...]:
    """Return the lines of an address; city, state and postal code share one."""
    if parts is None:
        return ()
    line1, line2, *place, country = (clean_name(part or "") for part in parts)
    return tuple(filter(None, (line1, line2, ", ".join(filter(None, place)), country)))


def _read_items(
    con: duckdb.DuckDBPyConnection, ids: list[str]
) -> dict[tuple[str, str], list[OpenItem]]:
    items: dict[tuple[str, str], list[OpenItem]] = defaultdict(list)
    for customer_id, currency, code, *values in execute_query(con, _ITEMS, [ids]).fetchall():
        items[customer_id, currency].append(OpenItem(clean_name(code), *values))
    return items


def _describe_settled(named: dict[str, str], accounts: Iterable[Account]) -> Iterator[str]:
    with_items = {account.customer.customer_id for account in accounts}
    for customer_id, name in named.items():
        if customer_id not in with_items:
            yield f"{name} ({customer_id}) has nothing open, so there is no statement."


def _describe_too_large(account: Account) -> str:
    customer = account.customer
    return (
        f"{customer.name} ({customer.customer_id}) owes more in {account.currency} than an amount "
        "can hold, so there is no statement."
    )


def _describe_unnamed(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Say what is overdue without a customer to whom it could be stated."""
    for documents, currency, balance in execute_query(con, _UNNAMED).fetchall():
        yield (
            f"{count_of(documents, 'overdue document')} ({balance:,} {currency}) "
            f"{'is' if documents == 1 else 'are'} of no known customer, so there is no statement."
        )
