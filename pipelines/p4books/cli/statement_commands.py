"""Command that writes statements of account: statement."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from p4books.cli.query_commands import find_published_file, warn_of_changes
from p4books.cli.runtime import (
    as_of_option,
    json_option,
    lang_option,
    log_note,
    log_progress,
    tenant_option,
)
from p4books.errors import UsageError, count_of

if TYPE_CHECKING:  # imported by the command itself, so that `--help` starts without them
    from p4books.publish.statements.write import WrittenStatements


@click.command(
    short_help="Write statements of account for customers.",
    epilog="\b\nExample:\n  p4books statement C-0012\n"
    "  p4books statement --overdue --to /srv/statements\n"
    "  p4books statement C-0012 C-0040 --as-of 2026-10-31 --format xlsx --lang en",
)
@click.argument("customers", nargs=-1, metavar="[CUSTOMER]...")
@click.option("--overdue", is_flag=True, help="All customers with an overdue balance.")
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    type=Path,
    default=Path("statements"),
    show_default=True,
    help="Folder of the files.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["pdf", "xlsx"]),
    default="pdf",
    show_default=True,
    help="pdf: for people to read; xlsx: to calculate with.",
)
@lang_option
@as_of_option
@tenant_option
@json_option
def statement(
    customers: tuple[str, ...],
    overdue: bool,
    folder: Path,
    kind: str,
    lang: str | None,
    as_of: str | None,
    tenant: str | None,
    as_json: bool,
) -> None:
    """Write a statement of account per customer and currency: what is open, and how old it is.

    CUSTOMER is the id or code of a customer. The files are DIR/CODE-NAME.CURRENCY.DAY.pdf, and
    DIR/manifest.csv lists them with e-mail addresses and amounts, for a mail merge; nothing is
    sent. The settings `company` and `company_details` are the letterhead.
    """
    if bool(customers) == overdue:
        both = " Not both." if overdue else ""
        raise UsageError(f"Name customers, or give --overdue for all that are late.{both}")
    from p4books.publish.language import Language
    from p4books.publish.statements.content import choose_letterhead
    from p4books.publish.statements.write import StatementOptions, write_statements
    from p4books.settings import load_settings

    settings = load_settings(tenant, need_key=False)
    letterhead = choose_letterhead(settings)
    options = StatementOptions(
        kind, folder, settings.export_mode, Language(lang or settings.language), letterhead
    )
    published = find_published_file(settings, as_of)
    written = write_statements(published, customers, options)
    warn_of_changes(settings, published)
    _print_statements(written, as_json=as_json)


def _print_statements(written: "WrittenStatements", *, as_json: bool) -> None:
    from p4books.cli.console import display_path, print_json, print_table

    if as_json:
        print_json(
            {
                "statements": [
                    {
                        "file": str(each.file),
                        "customer_id": each.account.customer.customer_id,
                        "email": each.account.customer.email or None,
                        "currency": each.account.currency,
                        "overdue": each.account.overdue,
                        "balance": each.account.balance,
                    }
                    for each in written.statements
                ],
                "manifest": str(written.manifest),
                "notes": written.notes,
            }
        )
    elif written.statements:
        print_table(
            ("file", "currency", "overdue", "balance"),
            (
                (display_path(each.file), account.currency, account.overdue, account.balance)
                for each in written.statements
                for account in (each.account,)
            ),
        )
    for note in written.notes:
        log_note(note)
    if not written.statements and not written.notes:
        log_note("Nobody has an overdue balance; no statement was written.")
    statements = count_of(len(written.statements), "statement")
    log_progress(f"{statements}, listed in {display_path(written.manifest)}.")
