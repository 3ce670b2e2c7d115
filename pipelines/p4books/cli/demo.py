"""Commands that need no key: demo, sandbox."""

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from zoneinfo import ZoneInfo

import click

from p4books.cli.runtime import exit_for_errors
from p4books.errors import P4BooksError, UsageError

if TYPE_CHECKING:  # imported by the commands themselves, so that `--help` starts without it
    from p4books.settings import Settings

DEMO_TENANT = "sandbox-demo"

SANDBOX_PACKAGES = ("fastapi", "httptools", "orjson", "uvicorn")  # the extra p4books[sandbox]

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


@click.command(
    short_help="Sync a sandbox and show three figures; needs no key.",
    epilog="\b\nExample:\n  p4books demo\n  p4books demo --invoices 500",
)
@click.option(
    "--invoices",
    default=2000,
    show_default=True,
    type=click.IntRange(0, 1_000_000),
    help="Number of invoices; the other lists grow with it.",
)
def demo(invoices: int) -> None:
    """Sync a sandbox twice and show three figures: what p4books does, without a key."""
    from p4books.cli.console import display_path, print_table
    from p4books.cli.progress import show_sync_progress
    from p4books.cli.render_sync import print_summary
    from p4books.sync import sync

    with demo_tenant(invoices) as settings:
        click.echo(f"A P4 Books with {invoices:,} invoices is running at {settings.address}")
        for title in ("First sync", "Second sync of the same lists"):
            with show_sync_progress(settings) as progress:
                summary = sync(settings, progress=progress)
            click.echo(f"\n{title}")
            print_summary(summary, settings)
            exit_for_errors(*summary.faults)
        for figure in query_figures(settings):
            click.echo()
            print_table(figure.columns, figure.rows, figure.title)
        click.echo(f"\nPublished file: {display_path(settings.published)}")
        command = display_path(Path(sys.argv[0]))
        for title, words in (("Query it", "query --model ar_aging"), ("As a workbook", "export")):
            click.echo(f"{title}: {command} {words} --tenant {settings.tenant}")


@click.command(
    short_help="Run a P4 Books on this machine, for trials.",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def sandbox(words: tuple[str, ...]) -> NoReturn:
    """Run a P4 Books on this machine, for trials without a key (see `sandbox --help`)."""
    require_sandbox()
    sys.stdout.flush()
    command = [sys.executable, "-m", "p4books_sandbox", *words]
    named = {**os.environ, "P4BOOKS_SANDBOX_COMMAND": "p4books sandbox"}  # in its own messages
    os.execve(sys.executable, command, named)  # noqa: S606 - ours


@contextmanager
def demo_tenant(invoices: int) -> Iterator["Settings"]:
    """Run a sandbox with that many invoices and yield the settings of a new tenant on it.

    Raises UsageError if the sandbox is not installed, and P4BooksError if it does not start.
    """
    import subprocess

    from p4books.settings import Settings, project_root, validate_settings

    require_sandbox()
    key = f"demo-{secrets.token_hex(8)}"  # a new key has the requests of a whole minute left
    zone = ZoneInfo(Settings.model_fields["timezone"].default)
    command = [sys.executable, "-m", "p4books_sandbox", "--port", "0", "--key", key]
    command += ["--invoices", str(invoices), "--last-day", f"{datetime.now(zone):%Y-%m-%d}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise P4BooksError("The sandbox did not start; nothing was changed.")
            settings = validate_settings(
                {
                    "tenant": DEMO_TENANT,
                    "api_key": key,
                    "base_url": line.split(": ", 1)[1].strip(),
                    "data_dir": project_root() / "data",
                    "page_size": 250,  # both syncs fit into the first minute's requests
                }
            )
            shutil.rmtree(settings.private, ignore_errors=True)
            settings.published.unlink(missing_ok=True)
            yield settings
        finally:
            process.terminate()


def require_sandbox() -> None:
    """Raise UsageError unless the packages of the sandbox are installed.

    Nothing was started, so the exit code is 2, as for wrong settings.
    """
    missing = [name for name in SANDBOX_PACKAGES if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"The sandbox needs packages that are not installed ({', '.join(missing)}). Nothing "
            "was started. Install them with: pip install 'p4books[sandbox]'"
        )


@dataclass(frozen=True)
class DemoFigure:
    """A small report: its title, the names of its columns, its rows."""

    title: str
    columns: list[str]
    rows: list[tuple[Any, ...]]


def query_figures(settings: "Settings") -> list[DemoFigure]:
    """Query the three figures of the demo from the published file."""
    from p4books.publish.query import run_query

    return [
        DemoFigure(title, *run_query(settings.published, query)) for title, query in FIGURES.items()
    ]
