"""Commands that create records: push, pushes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from p4books.cli.runtime import exit_for_faults, json_option, log_progress, tenant_option
from p4books.endpoints import ENDPOINTS
from p4books.errors import P4BooksError, UsageError

if TYPE_CHECKING:  # `--help` imports none of these
    from p4books.push.types import Fault, SourceRow
    from p4books.settings import Settings


@click.command(
    short_help="Create records from a file, none twice.",
    epilog="\b\nExample:\n  p4books push customers new.xlsx --dry-run\n"
    "  p4books push invoices invoices.csv --map numero=code --map cliente=customer_code\n"
    '  p4books push products --query "select code, name, price from custom.new_prices"',
)
@click.argument("endpoint")
@click.argument("file", required=False, type=Path)
@click.option("--query", "sql", metavar="SQL", help="Ask the published file, instead of FILE.")
@click.option("--sheet", metavar="NAME", help="Of a workbook that has several.")
@click.option(
    "--map",
    "renamed",
    multiple=True,
    metavar="THEIRS=OURS",
    help="Take the file's column as a field; THEIRS= leaves it out. May be repeated.",
)
@click.option("--fields", is_flag=True, help="List the fields of ENDPOINT, and send nothing.")
@click.option("--dry-run", is_flag=True, help="Check every record, and send none.")
@click.option("--limit", type=click.IntRange(1), help="Send so many records at most.")
@click.option(
    "--faults", "faults", metavar="FILE", type=Path, help="Write what is wrong into .csv or .json."
)
@click.option("--skip-bad", is_flag=True, help="Send the good records though others have faults.")
@click.option(
    "--resend-unknown",
    is_flag=True,
    help="Send again what got no answer and is not in P4 Books. It may still come: a twin.",
)
@click.option("--resend-refused", is_flag=True, help="Send again what P4 Books refused.")
@click.option(
    "--allow-renumbering", is_flag=True, help="Go on though P4 Books gives codes of its own."
)
@click.option(
    "--same-books", is_flag=True, help="Go on with the ledger though P4 Books' address is another."
)
@click.option("--sync", "syncs", is_flag=True, help="Bring what was created into the warehouse.")
@tenant_option
@json_option
def push(  # noqa: PLR0913
    endpoint: str,
    file: Path | None,
    sql: str | None,
    sheet: str | None,
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
    syncs: bool,
    tenant: str | None,
    as_json: bool,
) -> None:
    """Create a record in P4 Books for each row of FILE, or of a query, and none twice.

    FILE is .csv, .xlsx, .parquet, .json or .ndjson. Documents have their lines nested, or one row
    for each line with the document's code repeated. All rows are checked before one is sent. What
    was sent is in the ledger, and is never sent again by itself.
    """
    from p4books.cli.render_push import (
        fault_format,
        print_fields,
        print_report,
        print_report_json,
        show_push_progress,
    )
    from p4books.push.run import check_writable, push_records
    from p4books.push.types import PushOptions
    from p4books.settings import load_settings

    name = endpoint.lower().replace("-", "_")
    check_writable(name)
    if fields:
        print_fields(ENDPOINTS[name])
        return
    if (file is None) == (sql is None):
        raise UsageError(
            "Name the file to push, or ask for its rows with --query SQL: one of them."
        )
    if faults:
        fault_format(faults)
        if file and file.exists() and faults.exists() and faults.samefile(file):
            raise UsageError(f"{faults} is the file to push; name another one for its faults.")
    options = PushOptions(
        column_map=_parse_mapping(renamed),
        dry_run=dry_run,
        limit=limit,
        skip_bad=skip_bad,
        resend=frozenset(["unknown"] * resend_unknown + ["refused"] * resend_refused),
        allow_renumbering=allow_renumbering,
        same_books=same_books,
    )
    found = load_settings(tenant, need_key=not dry_run)
    with _read_input(found, file, sheet, sql) as rows, show_push_progress() as told:
        done = push_records(found, name, rows, str(file.name if file else "query"), options, told)
    if as_json:
        print_report_json(done)
    else:
        print_report(done, found)
    if faults:
        done.errors += _faults_format(faults, done.faults, found.published_mode)
    if syncs and (done.created or done.earlier):
        done.errors += _sync_after(found, name)
    exit_for_faults(*done.errors)


@click.command(
    short_help="List pushes, or show what became of one's rows.",
    epilog="\b\nExample:\n  p4books pushes\n  p4books pushes 7 --format csv",
)
@click.argument("number", required=False, type=click.IntRange(1), metavar="[PUSH]")
@click.option("--last", default=20, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--format", "kind", type=click.Choice(["table", "csv", "json"]), default="table")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@tenant_option
def pushes(number: int | None, last: int, kind: str, as_json: bool, tenant: str | None) -> None:
    """List the last pushes with their counts; or show the rows of one, and their states."""
    from p4books.cli.render_push import print_push_rows, print_pushes
    from p4books.push.ledger import list_entries, list_pushes
    from p4books.settings import load_settings
    from p4books.storage.files import is_running

    found = load_settings(tenant, need_key=False)
    ledger = found.ledger
    kind = "json" if as_json else kind
    listed = list_pushes(ledger, last if number is None else None)
    if number is None:
        print_pushes(listed, found, kind, running=is_running(found, "push"))
        return
    if not any(each.push == number for each in listed):
        raise UsageError(f"There is no push {number}. `p4books pushes` lists them.")
    print_push_rows(list_entries(ledger, number), kind)


def _faults_format(file: Path, faults: "Sequence[Fault]", mode: int) -> list[P4BooksError]:
    """Write the faults; where that fails, what was sent stands all the same."""
    from p4books.cli.render_push import write_faults

    try:
        write_faults(file, faults, mode)
    except P4BooksError as fault:
        return [fault]
    return []


def _parse_mapping(words: tuple[str, ...]) -> dict[str, str]:
    """Read THEIRS=OURS. Raises UsageError."""
    for word in words:
        if "=" not in word or not word.partition("=")[0].strip():
            raise UsageError(
                f"--map {word} is not written as THEIRS=OURS, as in --map numero=code."
            )
    halves = (word.rpartition("=") for word in words)
    return {theirs.strip(): ours.strip() for theirs, _, ours in halves}


@contextmanager
def _read_input(
    found: "Settings", file: Path | None, sheet: str | None, sql: str | None
) -> "Iterator[Iterator[SourceRow]]":
    """Give the rows of the file, or of the answer to a query."""
    from p4books.publish.query import open_published
    from p4books.push.readers.files import read_file, read_query

    if file:
        yield read_file(file, sheet)
        return
    with open_published(found.published) as con:
        yield read_query(con, sql or "")


def _sync_after(found: "Settings", name: str) -> list[P4BooksError]:
    """Bring in what was created; where that fails, the next sync does."""
    from p4books.push.errors import NotSynced
    from p4books.sync import sync

    try:
        faults = sync(found, [name]).faults
    except P4BooksError as fault:
        faults = [fault]
    if not faults:
        log_progress(f"{name}: what was created is in the warehouse, and published.")
    return [NotSynced(fault) for fault in faults]
