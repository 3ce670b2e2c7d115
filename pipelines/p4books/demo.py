"""What does p4books look like at work, without a key?"""

import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from p4books.errors import P4BooksError
from p4books.settings import Settings, make, project_root
from p4books.sync import sync
from p4books.warehouse.query import fetch

__all__ = ["Figure", "figures", "sandbox", "sync"]

TENANT = "sandbox-demo"

FIGURES = {
    "Sales by month": """
        select strftime(month_on, '%Y-%m') as month, documents, net, tax, growth
        from reporting.sales_by_month
        order by month_on desc
        limit 6
        """,
    "Receivables by age": """
        select
            currency,
            sum(current_balance) as current,
            sum(days_1_30) as "1-30",
            sum(days_31_60) as "31-60",
            sum(days_61_90) as "61-90",
            sum(days_over_90) as "90+",
            sum(balance) as balance
        from reporting.ar_aging
        group by currency
        order by currency
        """,
    "Top customers of the last 12 months": """
        select rank, customer_name as customer, abc_class as class, net
        from reporting.abc_customers
        order by currency, rank
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
    zone = ZoneInfo(Settings.model_fields["timezone"].default)
    command += ["--last-day", f"{datetime.now(zone):%Y-%m-%d}"]
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
