"""The p4books command."""

import sys
from functools import partial
from typing import NoReturn

import click

from p4books.cli.dashboard_commands import dashboard
from p4books.cli.demo import demo, sandbox
from p4books.cli.page_commands import page
from p4books.cli.push_commands import push, pushes
from p4books.cli.query_commands import export, models, query, report
from p4books.cli.runtime import (
    exit_for_errors,
    json_option,
    log_error,
    parse_endpoint,
    prefix_messages,
    run_app,
    tenant_option,
)
from p4books.cli.statement_commands import statement
from p4books.endpoints import ENDPOINTS
from p4books.errors import P4BooksError, UsageError


def main() -> NoReturn:
    """Run the command and end the process."""
    run_app(app)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"Endpoints: {', '.join(ENDPOINTS)}. Exit codes: 0 done, 1 something failed (the rest "
    "is saved and published), 2 wrong settings or usage, 75 another run is in progress, "
    "130 stopped.",
)
@click.version_option(package_name="p4books", prog_name="p4books")
def app() -> None:
    """Copy the books of P4 Books, exactly and with their history, into a DuckDB file."""


@app.command(
    epilog="\b\nExample:\n  p4books sync\n  p4books sync --full\n"
    "  p4books sync invoices customers --json"
)
@click.argument("endpoints", nargs=-1, metavar="[ENDPOINT]...")
@click.option("--full", is_flag=True, help="Read every list completely, regardless of the cost.")
@click.option(
    "--allow-gone",
    multiple=True,
    metavar="ENDPOINT",
    help="Accept mass deletions for ENDPOINT, overriding max_gone_share. May be repeated.",
)
@click.option(
    "--allow-changed",
    multiple=True,
    metavar="ENDPOINT",
    help="Accept that most rows of ENDPOINT have become others, overriding max_changed_share. "
    "May be repeated.",
)
@click.option(
    "--same-books",
    is_flag=True,
    help="Continue with this warehouse even though the address of P4 Books has changed.",
)
@click.option(
    "--from-nothing",
    is_flag=True,
    help="Begin with an empty warehouse: its history is given up. Earlier generations are kept.",
)
@click.option(
    "--trust-clock",
    is_flag=True,
    help="Load even if the clock of this machine seems to be wrong.",
)
@click.option(
    "--log",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one JSON line for the run on stdout, and one per event on stderr.",
)
@tenant_option
@json_option
def sync(
    endpoints: tuple[str, ...],
    full: bool,
    allow_gone: tuple[str, ...],
    allow_changed: tuple[str, ...],
    same_books: bool,
    from_nothing: bool,
    trust_clock: bool,
    log: str,
    tenant: str | None,
    as_json: bool,
) -> None:
    """Bring the warehouse and the published file up to date.

    Reads the newest rows of each list, or of those given, and as much of the rest as the setting
    requests_per_run allows; loads what is new, changed or gone; publishes data/TENANT.duckdb. A
    list that cannot be read is reported, and the others are synced.
    """
    names = [parse_endpoint(word) for word in endpoints]
    gone = [parse_endpoint(word) for word in allow_gone]
    changed = [parse_endpoint(word) for word in allow_changed]
    from p4books.cli.console import format_now
    from p4books.cli.progress import show_sync_progress
    from p4books.cli.render_sync import print_summary, print_summary_json, print_summary_log
    from p4books.cli.runtime import enable_json_log, enable_text_log
    from p4books.settings import load_settings
    from p4books.storage.run_log import SyncSummary
    from p4books.sync import sync

    if log == "json":
        enable_json_log()
    settings = load_settings(tenant)
    if not sys.stderr.isatty():  # the lines of a log: when, and whose
        prefix_messages(lambda: f"{format_now(settings)} {settings.tenant}: ")
        if log == "text":
            enable_text_log()
    show = print_summary_json if as_json else print_summary_log
    if not as_json and log == "text":
        show = partial(print_summary, table=sys.stdout.isatty())
    summary = SyncSummary(settings.tenant)
    try:
        with show_sync_progress(settings, None if full else settings.requests_per_run) as progress:
            sync(
                settings,
                names,
                progress,
                full=full,
                allow_gone=gone,
                allow_changed=changed,
                same_books=same_books,
                from_nothing=from_nothing,
                trust_clock=trust_clock,
                summary=summary,
            )
    except P4BooksError as error:
        summary.faults.insert(0, error)
        show(summary, settings)
        raise
    show(summary, settings)
    exit_for_errors(*summary.faults)


@app.command(
    short_help="Check that each endpoint is reachable and readable.",
    epilog="\b\nExample:\n  p4books check\n  p4books check --deep",
)
@click.option("--deep", is_flag=True, help="Detect with a dozen requests how this API behaves.")
@tenant_option
@json_option
def check(deep: bool, tenant: str | None, as_json: bool) -> None:
    """Check that each endpoint is reachable and readable, and count its rows.

    With --deep the longest list is also requested in other ways: how its rows are ordered, how many
    fit on a page, what comes after the last page, which parameters work. `status` shows the result.
    """
    from p4books.cli.render_sync import print_probe_results, print_probe_results_json
    from p4books.extract.probe import probe_endpoints
    from p4books.load.run_state import save_capabilities
    from p4books.settings import load_settings

    settings = load_settings(tenant)
    results = probe_endpoints(settings)
    errors: list[P4BooksError] = [result.fault for result in results if result.fault]
    capabilities = None
    try:
        capabilities = save_capabilities(settings, results) if deep else None
    except P4BooksError as error:
        errors.append(error)
    (print_probe_results_json if as_json else print_probe_results)(results, capabilities)
    exit_for_errors(*errors)


@app.command(epilog="\b\nExample:\n  p4books status")
@tenant_option
@json_option
def status(tenant: str | None, as_json: bool) -> None:
    """Show what the published file contains and how fresh it is."""
    from p4books.cli.console import print_json
    from p4books.cli.render_sync import print_status
    from p4books.publish.status import read_status
    from p4books.settings import load_settings

    settings = load_settings(tenant, need_key=False)
    current = read_status(settings)
    if as_json:
        print_json(current)
    else:
        print_status(current, settings)
    if current.problem:
        log_error(current.problem)
        raise SystemExit(1)


@app.command(
    short_help="List the last runs, or show one.",
    epilog="\b\nExample:\n  p4books runs\n  p4books runs 12",
)
@click.argument("number", required=False, type=click.IntRange(1), metavar="[RUN]")
@click.option("--last", default=20, show_default=True, type=click.IntRange(1), help="How many.")
@tenant_option
@json_option
def runs(number: int | None, last: int, tenant: str | None, as_json: bool) -> None:
    """List the last runs, including failed and killed ones, or show one by endpoint."""
    from p4books.cli.render_sync import print_run, print_run_json, print_runs, print_runs_json
    from p4books.settings import load_settings
    from p4books.storage.files import is_running
    from p4books.storage.run_log import RunLog

    settings = load_settings(tenant, need_key=False)
    run_log = RunLog(settings.run_log)
    if number is None:
        recent = run_log.load_runs(last)
        running = is_running(settings)
        (print_runs_json(recent) if as_json else print_runs(recent, settings, running=running))
        return
    run = run_log.load_run(number)
    if run is None:
        raise UsageError(f"There is no run {number}. `p4books runs` lists them.")
    (print_run_json if as_json else print_run)(run)


@app.command(
    short_help="Turn a new field of the API into a column.",
    epilog="\b\nExample:\n  p4books adopt customers.credit_days\n"
    "  p4books adopt customers.credit_days --as count",
)
@click.argument("field", metavar="ENDPOINT.FIELD")
@click.option(
    "--as",
    "kind",
    type=click.Choice(("text", "money", "measure", "count", "day", "instant")),
    help="Type of the column (default: the one that all its values fit).",
)
@tenant_option
@json_option
def adopt(field: str, kind: str | None, tenant: str | None, as_json: bool) -> None:
    """Turn a field that P4 Books added into a column of every version; its values leave `extra`."""
    from p4books.cli.console import print_json, print_line
    from p4books.load.evolution import adopt_field
    from p4books.publish.model_docs import list_staging_columns
    from p4books.settings import load_settings

    done = adopt_field(load_settings(tenant, need_key=False), field, kind, list_staging_columns)
    if as_json:
        print_json(vars(done))
        return
    misfits = ""
    if done.misfits:
        misfits = f" Values that did not fit are in raw.findings: {done.misfits:,}."
    print_line(
        f"{done.endpoint}.{done.field} is now a column ({done.kind}), filled in {done.values:,} of "
        f"{done.versions:,} versions.{misfits} The next `p4books sync` publishes it."
    )


for _command in (
    *(push, pushes, query, export, models, report, statement),
    *(dashboard, page, sandbox, demo),
):
    app.add_command(_command)
