"""Commands that create records: push, pushes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from p4books.cli.runtime import (
    exit_for_errors,
    json_option,
    log_progress,
    parse_endpoint,
    tenant_option,
)
from p4books.endpoints import ENDPOINTS
from p4books.errors import P4BooksError, UsageError

if TYPE_CHECKING:  # imported by the commands themselves, so that `--help` starts without them
    from p4books.push.types import FileFormat, PushOptions, RowFault, SourceRow
    from p4books.settings import Settings

_WRITABLE = ", ".join(name for name, endpoint in ENDPOINTS.items() if endpoint.writable)


@click.command(
    short_help="Create records from a file, each at most once.",
    epilog=f"ENDPOINT is one of {_WRITABLE}.\n\n"
    "\b\nExample:\n  p4books push invoices --fields\n  p4books push customers new.xlsx --dry-run\n"
    "  p4books push customers clientes.csv --decimal , --dates dmy --encoding cp1252\n"
    "  p4books push invoices invoices.csv --map numero=code --map cliente=customer_code\n"
    '  p4books push products --query "select code, name, price from custom.new_prices"',
)
@click.argument("endpoint")
@click.argument("file", required=False, type=Path)
@click.option("--query", "sql", metavar="SQL", help="Push the result of a query, not a FILE.")
@click.option("--sheet", metavar="NAME", help="Sheet of the workbook, if several have rows.")
@click.option(
    "--header-row",
    type=click.IntRange(1),
    metavar="N",
    help="Row or line with the names of the columns, if it is not found.",
)
@click.option(
    "--decimal",
    type=click.Choice([".", ","]),
    help="Decimal sign of numbers written as text; the other sign then separates thousands.",
)
@click.option(
    "--dates",
    type=click.Choice(["dmy", "mdy"]),
    help="Order of dates written as text: dmy is 31/03/2026.",
)
@click.option("--encoding", metavar="NAME", help="Encoding of a CSV file, such as cp1252.")
@click.option(
    "--map",
    "renamed",
    multiple=True,
    metavar="COLUMN=FIELD",
    help="Map a file column to a field; COLUMN= ignores the column. May be repeated.",
)
@click.option(
    "--fields",
    is_flag=True,
    help="Show what a file for ENDPOINT needs: fields, names of columns, examples.",
)
@click.option("--dry-run", is_flag=True, help="Validate every record and send nothing.")
@click.option("--limit", type=click.IntRange(1), help="Send at most this many records.")
@click.option(
    "--faults", "faults", metavar="FILE", type=Path, help="Write the faults to a .csv or .json."
)
@click.option("--skip-bad", is_flag=True, help="Send the valid records even if others have faults.")
@click.option(
    "--resend-unknown",
    is_flag=True,
    help="Resend rows whose outcome is unknown. May create duplicates if the first request is "
    "still being processed.",
)
@click.option("--resend-refused", is_flag=True, help="Resend rows that P4 Books refused.")
@click.option(
    "--allow-renumbering", is_flag=True, help="Continue even if P4 Books assigns its own codes."
)
@click.option(
    "--same-books",
    is_flag=True,
    help="Continue with this ledger even though the address of P4 Books has changed.",
)
@click.option(
    "--ledger-complete",
    is_flag=True,
    help="Nothing was pushed that the ledger lacks, although it was restored from a backup.",
)
@click.option("--sync", "syncs", is_flag=True, help="Then sync ENDPOINT, to have the new records.")
@tenant_option
@json_option
def push(
    endpoint: str,
    file: Path | None,
    sql: str | None,
    sheet: str | None,
    header_row: int | None,
    decimal: str | None,
    dates: str | None,
    encoding: str | None,
    renamed: tuple[str, ...],
    fields: bool,
    dry_run: bool,
    limit: int | None,
    faults: Path | None,
    skip_bad: bool,
    resend_unknown: bool,
    resend_refused: bool,
    allow_renumbering: bool,
    same_books: bool,
    ledger_complete: bool,
    syncs: bool,
    tenant: str | None,
    as_json: bool,
) -> None:
    """Create a record in P4 Books for each row of FILE or of a query, each at most once.

    FILE is .csv, .xlsx, .parquet, .json or .ndjson. Common names of columns in Spanish and English
    are recognized. Documents have nested lines, or one row per line that repeats the document's
    code. What a person sees in a workbook is what is sent; hidden rows and columns are left out.
    All rows are validated before the first is sent. Every row that is sent is recorded in the
    ledger and never resent automatically.
    """
    from p4books.cli.render_push import (
        print_fields,
        print_report,
        print_report_json,
        show_push_progress,
    )
    from p4books.push.run import check_writable, push_records
    from p4books.push.types import FileFormat, PushOptions
    from p4books.settings import load_settings

    name = parse_endpoint(endpoint)
    check_writable(name)
    if fields:
        print_fields(ENDPOINTS[name], as_json=as_json)
        return
    _check_files(file, sql, faults)
    settings = load_settings(tenant, need_key=not dry_run, of_tenant=True)
    options = PushOptions(
        column_map=_parse_mapping(renamed),
        file_format=_add_saved_format(
            FileFormat(decimal, dates, encoding, header_row, sheet), file, settings
        ),
        dry_run=dry_run,
        limit=limit,
        skip_bad=skip_bad,
        resend=frozenset(["unknown"] * resend_unknown + ["refused"] * resend_refused),
        allow_renumbering=allow_renumbering,
        same_books=same_books,
        ledger_complete=ledger_complete,
    )
    source = file.name if file else "query"
    with _open_rows(settings, name, file, sql, options) as rows, show_push_progress() as progress:
        report = push_records(settings, name, rows, source, options, progress)
    if as_json:
        print_report_json(report)
    else:
        print_report(report, settings)
    if faults:
        report.errors += _write_faults(faults, report.faults, settings.export_mode)
    if syncs and (report.created or report.earlier):
        report.errors += _sync_endpoint(settings, name, same_books=same_books)
    exit_for_errors(*report.errors)


@click.command(
    short_help="List pushes, or show the rows of one.",
    epilog="\b\nExample:\n  p4books pushes\n  p4books pushes 7 --format csv",
)
@click.argument("number", required=False, type=click.IntRange(1), metavar="[PUSH]")
@click.option("--last", default=20, show_default=True, type=click.IntRange(1), help="How many.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="Output format.",
)
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@tenant_option
def pushes(number: int | None, last: int, kind: str, as_json: bool, tenant: str | None) -> None:
    """List the last pushes with their counts, or show the rows of one with their states."""
    from p4books.cli.render_push import print_push_rows, print_pushes
    from p4books.push.ledger import list_entries, list_pushes
    from p4books.settings import load_settings
    from p4books.storage.files import is_running

    settings = load_settings(tenant, need_key=False, of_tenant=True)
    kind = "json" if as_json else kind
    recent = list_pushes(settings.ledger, last if number is None else None)
    if number is None:
        print_pushes(recent, settings, kind, running=is_running(settings, "push"))
        return
    if not any(push.push == number for push in recent):
        raise UsageError(f"There is no push {number}. `p4books pushes` lists them.")
    print_push_rows(list_entries(settings.ledger, number), kind)


def _check_files(file: Path | None, sql: str | None, faults: Path | None) -> None:
    """Raise UsageError unless there is one input, and another file for its faults."""
    from p4books.cli.render_push import parse_fault_format

    if (file is None) == (sql is None):
        raise UsageError("Give either the file to push or --query SQL.")
    if not faults:
        return
    parse_fault_format(faults)
    if file and file.exists() and faults.exists() and faults.samefile(file):
        raise UsageError(f"{faults} is the file to push; choose another file for its faults.")


def _add_saved_format(given: "FileFormat", file: Path | None, settings: "Settings") -> "FileFormat":
    """Add what the settings say of files that people write: programs write JSON and Parquet."""
    from p4books.push.readers.files import is_office_file

    if file is None or not is_office_file(file):
        return given
    return replace(
        given,
        decimal=given.decimal or settings.push_decimal,
        dates=given.dates or settings.push_dates,
        encoding=given.encoding or settings.push_encoding,
    )


def _parse_mapping(words: tuple[str, ...]) -> dict[str, str]:
    """Parse COLUMN=FIELD words. Raises UsageError."""
    for word in words:
        if not word.partition("=")[0].strip() or "=" not in word:
            raise UsageError(f"--map {word} is not of the form COLUMN=FIELD, as in numero=code.")
    pairs = (word.rpartition("=") for word in words)
    return {column.strip(): field.strip() for column, _, field in pairs}


@contextmanager
def _open_rows(
    settings: "Settings", name: str, file: Path | None, sql: str | None, options: "PushOptions"
) -> "Iterator[Iterator[SourceRow]]":
    """Open the rows of the file, or of the result of a query."""
    from p4books.publish.query import open_published
    from p4books.push.mapping import field_checker
    from p4books.push.readers.files import read_file, read_query

    if file:
        is_field = field_checker(ENDPOINTS[name], options.column_map)
        yield read_file(file, options.file_format, is_field)
        return
    with open_published(settings.published) as con:
        yield read_query(con, sql or "")


def _write_faults(file: Path, faults: "Sequence[RowFault]", mode: int) -> list[P4BooksError]:
    """Write the faults; return what went wrong, since the records are already sent."""
    from p4books.cli.render_push import write_faults

    try:
        write_faults(file, faults, mode)
    except P4BooksError as error:
        return [error]
    return []


def _sync_endpoint(settings: "Settings", name: str, *, same_books: bool) -> list[P4BooksError]:
    """Sync the endpoint; return what went wrong, which the next sync makes up for."""
    from p4books.push.errors import NotSynced
    from p4books.sync import sync

    try:
        errors = sync(settings, [name], same_books=same_books).faults
    except P4BooksError as error:
        errors = [error]
    if not errors:
        log_progress(f"{name}: the created records are in the warehouse and published.")
    return [NotSynced(error) for error in errors]
