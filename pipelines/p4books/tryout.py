"""Which words try p4books out, without a key?"""

import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from p4books.ending import finish


@click.command(
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def sandbox(words: tuple[str, ...]) -> NoReturn:
    """Run a P4 Books on this machine, to try things without a key (see `sandbox --help`)."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "p4books_sandbox", *words])  # noqa: S606


@click.command(
    short_help="Sync a sandbox and show three figures; needs no key.",
    epilog="\b\nExample:\n  p4books demo\n  p4books demo --invoices 500",
)
@click.option("--invoices", default=2000, show_default=True, type=click.IntRange(0, 1_000_000))
def demo(invoices: int) -> None:
    """Sync a sandbox twice and show three figures: what p4books does, without a key."""
    from p4books import demo as show
    from p4books import progress, screen, showing

    with show.sandbox(invoices) as settings:
        click.echo(f"A P4 Books with {invoices:,} invoices runs at {settings.address}")
        for title in ("First sync", "Second sync: the same lists again"):
            with progress.progress(settings) as told:
                done = show.sync(settings, progress=told)
            click.echo(f"\n{title}")
            showing.summary(done, settings)
            finish(*done.faults)
        for figure in show.figures(settings):
            click.echo()
            screen.table(figure.columns, figure.rows, figure.title)
        click.echo(f"\nThe file: {screen.shown(settings.published)}")
        command = screen.shown(Path(sys.argv[0]))
        for title, words in (("Ask it", "query --model ar_aging"), ("As a workbook", "export")):
            click.echo(f"{title}: {command} {words} --tenant {settings.tenant}")
