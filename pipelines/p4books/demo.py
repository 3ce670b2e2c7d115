"""What does p4books look like at work, without a key?"""

import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from p4books.errors import P4BooksError
from p4books.settings import Settings, make, project_root
from p4books.sync import sync
from p4books.warehouse.query import fetch

__all__ = ["Figure", "figures", "sandbox", "sync"]

TENANT = "sandbox-demo"

FIGURES = {
    "Sales by month": """
        select
            strftime(document_on, '%Y-%m') as month,
            count(*) as invoices,
            sum(invoice_subtotal) as net,
            sum(invoice_tax) as tax
        from staging.invoices
        where lower(invoice_status) not in ('void', 'draft')
        group by month
        order by month desc
        limit 6
        """,
    "Receivables by age, on the last day of the books": """
        with as_of as (
            select max(document_on) as day from staging.invoices
        ),
        open_items as (
            select balance, date_diff('day', due_on, as_of.day) as days_overdue
            from staging.invoices
            cross join as_of
            where lower(invoice_status) not in ('void', 'draft') and balance <> 0
        )
        select
            case
                when days_overdue <= 0 then 'not due'
                when days_overdue <= 30 then '1 to 30 days'
                when days_overdue <= 60 then '31 to 60 days'
                when days_overdue <= 90 then '61 to 90 days'
                else 'over 90 days'
            end as age,
            count(*) as invoices,
            sum(balance) as balance
        from open_items
        group by age
        order by min(days_overdue)
        """,
    "Top customers": """
        select
            coalesce(customers.customer_name, '(none)') as customer,
            count(*) as invoices,
            sum(invoices.invoice_subtotal) as net
        from staging.invoices
        left join staging.customers using (customer_id)
        where lower(invoices.invoice_status) not in ('void', 'draft')
        group by customer
        order by net desc
        limit 5
        """,
}


@dataclass(frozen=True)
class Figure:
    """A small report: its title, the names of its columns, its rows."""

    title: str
    columns: list[str]
    rows: list[tuple[Any, ...]]


@contextmanager
def sandbox(invoices: int) -> Iterator[Settings]:
    """Run a sandbox of that many invoices and give the settings of a fresh tenant on it.

    Raises P4BooksError where the sandbox can't be started.
    """
    key = f"demo-{secrets.token_hex(8)}"  # a new key has its whole minute before it
    command = [sys.executable, "-m", "p4books_sandbox", "--port", "0", "--key", key]
    with subprocess.Popen(  # noqa: S603 - our own module, our own words
        [*command, "--invoices", str(invoices)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            first = process.stdout.readline() if process.stdout else ""
            if not first:
                raise P4BooksError("The sandbox did not start; nothing was changed.")
            settings = make(
                {
                    "tenant": TENANT,
                    "api_key": key,
                    "base_url": first.split(": ", 1)[1].strip(),
                    "data_dir": project_root() / "data",
                    "page_size": 250,  # both syncs fit into the first minute's requests
                }
            )
            shutil.rmtree(settings.private, ignore_errors=True)
            settings.published.unlink(missing_ok=True)
            yield settings
        finally:
            process.terminate()


def figures(settings: Settings) -> list[Figure]:
    """Ask the published file three small questions."""
    return [
        Figure(title, *fetch(settings.published, question)) for title, question in FIGURES.items()
    ]
