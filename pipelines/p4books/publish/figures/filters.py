"""Filters of the figures, and the address parameters that they are written as."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb

from p4books.publish.figures.tables import load_as_of_day
from p4books.publish.query import list_group_tenants

MONTHS = 12  # of the default period, up to the one of the as-of day


@dataclass(frozen=True)
class Filters:
    """What the figures are about: a currency, a period of days, a customer, a product.

    Both days belong to the period. None means all customers or products. `tenant` is one of a
    group, None means all of them; a customer or a product is one of that tenant's.
    """

    currency: str
    first_on: date
    last_on: date
    customer_id: str | None = None
    product_id: str | None = None
    tenant: str | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Return them as parameters of queries."""
        return {
            "currency": self.currency,
            "first_on": self.first_on,
            "last_on": self.last_on,
            "customer_id": self.customer_id,
            "product_id": self.product_id,
            "tenant": self.tenant,
        }

    @classmethod
    def from_query(
        cls, query: Mapping[str, str], choices: "FilterChoices"
    ) -> tuple["Filters", tuple["IgnoredValue", ...]]:
        """Read filters from the parameters of an address; what is missing is the default.

        A value that means nothing is ignored, and returned as well.
        """
        filters, ignored = choices.defaults, []
        for parameter, parse in _PARSERS.items():
            text = query.get(parameter, "").strip()
            if not text:
                continue
            parsed = parse(text, choices)
            if parsed is None or _is_of_another_tenant(filters, parsed):
                ignored.append(IgnoredValue(parameter, text))
            else:
                filters = replace(filters, **parsed)
        if filters.first_on > filters.last_on:
            ignored.append(IgnoredValue("from", query.get("from", "")))
            period = choices.defaults
            filters = replace(filters, first_on=period.first_on, last_on=period.last_on)
        return filters, tuple(ignored)

    def to_query(self, defaults: "Filters") -> dict[str, str]:
        """Return the parameters that say in an address what differs from the defaults."""
        written = _write(self)
        usual = _write(defaults)
        return {name: value for name, value in written.items() if value != usual[name]}


@dataclass(frozen=True)
class IgnoredValue:
    """A parameter of an address whose value means nothing here."""

    parameter: str
    value: str


@dataclass(frozen=True)
class FilterChoices:
    """What there is to choose from in a published file.

    `currencies` begins with the one of most documents. `customers` and `products` are names by id,
    in the order of the names; those that share a name have their code in it. `first_on` is the
    first plausible day of a document, and `as_of_on` the day of the figures. `tenants` are those of
    a group, whose ids begin with the tenant, as in north/17; empty for the file of a tenant.
    """

    as_of_on: date
    first_on: date
    currencies: tuple[str, ...]
    customers: Mapping[str, str]
    products: Mapping[str, str]
    tenants: tuple[str, ...] = ()

    @property
    def defaults(self) -> Filters:
        """Return the filters of somebody who has chosen nothing."""
        this_month = self.as_of_on.replace(day=1)
        months = this_month.year * 12 + this_month.month - MONTHS
        return Filters(
            self.currencies[0], date(months // 12, months % 12 + 1, 1), last_day_of(this_month)
        )


def load_choices(con: duckdb.DuckDBPyConnection) -> FilterChoices:
    """Load what there is to choose from. Raises duckdb.Error if the file lacks such models."""
    as_of_on = load_as_of_day(con)
    first = con.execute(
        """
        select min(month_on) from reporting.sales_by_month
        where month_on between $as_of_on - interval 20 years and $as_of_on
        """,
        {"as_of_on": as_of_on},
    ).fetchone()
    currencies = con.execute(
        """
        with documents as (
            select currency, documents from reporting.sales_by_month
            union all select currency, documents from reporting.ar_aging
            union all select currency, orders from reporting.order_intake
            union all select currency, orders from reporting.commitments_by_week
            union all select currency, 0 from core.today
        )
        select currency from documents group by currency order by sum(documents) desc, currency
        """
    ).fetchall()
    tenants = list_group_tenants(con)
    return FilterChoices(
        as_of_on=as_of_on,
        first_on=(first and first[0]) or as_of_on,
        currencies=tuple(currency for (currency,) in currencies),
        customers=_load_names(con, "customer", is_group=bool(tenants)),
        products=_load_names(con, "product", is_group=bool(tenants)),
        tenants=tenants,
    )


def last_day_of(month_on: date) -> date:
    """Return the last day of a month."""
    return month_on.replace(day=monthrange(month_on.year, month_on.month)[1])


def list_of_tenant(names: Mapping[str, str], tenant: str | None) -> dict[str, str]:
    """Return the names of one tenant of a group; None means all."""
    if tenant is None:
        return dict(names)
    return {key: name for key, name in names.items() if key.startswith(f"{tenant}/")}


def join_id(tenant: str | None, own_id: str | None) -> str | None:
    """Return the id of a customer or product in FilterChoices; None for none."""
    return own_id if own_id is None or tenant is None else f"{tenant}/{own_id}"


def _load_names(con: duckdb.DuckDBPyConnection, party: str, *, is_group: bool) -> dict[str, str]:
    rows = con.execute(
        f"""
        select
            {f"tenant || '/' || {party}_id" if is_group else f"{party}_id"},
            if(
                count(*) over (partition by {party}_name) > 1,
                concat_ws(' · ', {party}_name, coalesce({party}_code, {party}_id){
            ", tenant" if is_group else ""
        }),
                {party}_name
            ) as {party}_name
        from core.dim_{party}
        order by strip_accents(lower({party}_name)), {party}_id
        """
    ).fetchall()
    return {key: name or key for key, name in rows}


def _write(filters: Filters) -> dict[str, str]:
    return {
        "currency": filters.currency,
        "from": filters.first_on.isoformat(),
        "to": filters.last_on.isoformat(),
        "tenant": filters.tenant or "",
        "customer": join_id(filters.tenant, filters.customer_id) or "",
        "product": join_id(filters.tenant, filters.product_id) or "",
    }


def _parse_currency(text: str, choices: FilterChoices) -> dict[str, Any] | None:
    code = text.upper()
    return {"currency": code} if code in choices.currencies else None


def _parse_first(text: str, _: FilterChoices) -> dict[str, Any] | None:
    day = _parse_day(text)
    return {"first_on": day} if day else None


def _parse_last(text: str, _: FilterChoices) -> dict[str, Any] | None:
    day = _parse_day(text)
    if day and len(text) == len("2026-11"):
        day = last_day_of(day)
    return {"last_on": day} if day else None


def _parse_customer(text: str, choices: FilterChoices) -> dict[str, Any] | None:
    return _split_id("customer_id", text, choices) if text in choices.customers else None


def _parse_product(text: str, choices: FilterChoices) -> dict[str, Any] | None:
    return _split_id("product_id", text, choices) if text in choices.products else None


def _parse_tenant(text: str, choices: FilterChoices) -> dict[str, Any] | None:
    return {"tenant": text} if text in choices.tenants else None


def _split_id(name: str, text: str, choices: FilterChoices) -> dict[str, Any]:
    if not choices.tenants:
        return {name: text}
    tenant, _, own_id = text.partition("/")
    return {"tenant": tenant, name: own_id}


def _is_of_another_tenant(filters: Filters, parsed: Mapping[str, Any]) -> bool:
    return filters.tenant is not None and parsed.get("tenant", filters.tenant) != filters.tenant


def _parse_day(text: str) -> date | None:
    """Read a day, or the first day of a month, as in 2026-11; None if it is neither."""
    if not text.isascii():
        return None
    try:
        day = date.fromisoformat(f"{text}-01" if len(text) == len("2026-11") else text)
    except ValueError:
        return None
    return day if 1900 <= day.year < 9999 else None


_PARSERS = {
    "currency": _parse_currency,
    "from": _parse_first,
    "to": _parse_last,
    "tenant": _parse_tenant,
    "customer": _parse_customer,
    "product": _parse_product,
}
