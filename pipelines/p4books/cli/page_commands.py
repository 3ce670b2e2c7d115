"""Command that writes the page: page."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from p4books.cli.query_commands import find_published_file, warn_of_changes
from p4books.cli.runtime import as_of_option, json_option, lang_option, tenant_option

if TYPE_CHECKING:  # imported by the command itself, so that `--help` starts without it
    from p4books.publish.page.write import WrittenPage


@click.command(
    short_help="Write the figures and charts to one HTML file.",
    epilog="\b\nExample:\n  p4books page\n  p4books page -o /srv/books/acme.html --lang en\n"
    "  p4books page --as-of 2026-10-31 --currency USD",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=Path,
    help="Where to write it.  [default: exports/TENANT.html]",
)
@click.option("--currency", metavar="CODE", help="This currency only.  [default: all]")
@lang_option
@as_of_option
@tenant_option
@json_option
def page(
    output: Path | None,
    currency: str | None,
    lang: str | None,
    as_of: str | None,
    tenant: str | None,
    as_json: bool,
) -> None:
    """Write one HTML file with the overview, receivables, cash, ITBMS and sales.

    It has charts and tables that can be sorted, needs no network and nothing beside it, and prints
    on two sheets of A4 per currency. Any browser opens it, and it can be sent by mail.
    """
    from p4books.publish.export import make_folder, write_atomically
    from p4books.publish.figures.overview import find_latest_reading
    from p4books.publish.language import Language
    from p4books.publish.page.options import PageOptions
    from p4books.publish.page.write import require_page, write_page
    from p4books.publish.query import open_published
    from p4books.settings import load_settings

    require_page()
    settings = load_settings(tenant, need_key=False)
    options = PageOptions(Language(lang or settings.language), settings.company, currency)
    if not as_of:
        options = replace(
            options,
            now=datetime.now(UTC),
            interval=timedelta(minutes=settings.sync_interval),
            find_reading=partial(find_latest_reading, settings),
        )
    published = find_published_file(settings, as_of)
    file = output or Path("exports") / f"{published.stem}.html"
    with open_published(published) as con:
        warn_of_changes(settings, published)
        make_folder(file.parent)
        with write_atomically(file, settings.export_mode) as scratch:
            written = write_page(con, scratch, options)
    _print_page(file, written, as_json=as_json)


def _print_page(file: Path, written: "WrittenPage", *, as_json: bool) -> None:
    from p4books.cli.console import display_path, print_json, print_table

    if as_json:
        print_json({"file": str(file), **vars(written)})
        return
    currencies = ", ".join(written.currencies)
    print_table(("file", "currencies", "bytes"), [(display_path(file), currencies, written.bytes)])
