"""Figures of customers: who they are to us, and everything about one of them."""

from dataclasses import dataclass

import duckdb

from p4books.publish.figures.filters import Filters
from p4books.publish.figures.tables import FigureTable, TableQuery, read_table

STAGES = ("new", "returning", "reactivated", "lapsed")  # of `lifecycle_stage`


@dataclass(frozen=True)
class CustomersFigures:
    """Customers in one currency: all of them or, by the filters, one.

    `stages` counts customers by month: new, returning, reactivated, lapsed. `documents` are those
    of one customer in the period; None without one.
    """

    currency: str
    customers: FigureTable
    ranking: FigureTable
    stages: FigureTable
    inactive: FigureTable
    documents: FigureTable | None


def load_customers(con: duckdb.DuckDBPyConnection, filters: Filters) -> CustomersFigures:
    """Load the figures of customers. Raises duckdb.Error."""

    def read(name: str, model: str, sql: str) -> FigureTable:
        return read_table(con, TableQuery(name, model, sql, filters.values))

    documents = None
    if filters.customer_id is not None:
        documents = read("customer_documents", "core.fct_invoice", _DOCUMENTS)
    return CustomersFigures(
        currency=filters.currency,
        customers=read("customer_360", "reporting.customer_360", _CUSTOMERS),
        ranking=read("abc_customers", "reporting.abc_customers", _RANKING),
        stages=read("customer_stages", "reporting.customer_lifecycle", _STAGES),
        inactive=read("inactive_customers", "reporting.inactive_customers", _INACTIVE),
        documents=documents,
    )


_OF_CUSTOMER = """
    where currency = $currency and ($customer_id is null or customer_id = $customer_id)
"""

_CUSTOMERS = f"""
    from reporting.customer_360 {_OF_CUSTOMER} order by net_12_months desc, customer_id
"""

_RANKING = f"""
    from reporting.abc_customers as ranked {_OF_CUSTOMER}
    order by to_json(ranked) ->> 'tenant', rank
"""  # in a group, each tenant has ranks of its own

_STAGES = """
    select month_on, lifecycle_stage, count(*) as customers
    from reporting.customer_lifecycle
    where month_on between date_trunc('month', $first_on) and $last_on
        and ($customer_id is null or customer_id = $customer_id)
    group by all
    order by month_on desc, lifecycle_stage
"""

_INACTIVE = """
    from reporting.inactive_customers
    where $customer_id is null or customer_id = $customer_id
    order by days_since_sale desc nulls first, customer_id
"""

_DOCUMENTS = """
    select
        invoice_id,
        invoice_code,
        currency,
        invoice_status,
        is_credit_note,
        document_on,
        due_on,
        days_overdue,
        invoice_subtotal,
        invoice_tax,
        invoice_total,
        amount_paid,
        balance
    from core.fct_invoice
    where customer_id = $customer_id and currency = $currency
        and document_on between $first_on and $last_on
    order by document_on desc, invoice_id
"""
