"""The p4books command."""

import sys
from functools import partial
from typing import NoReturn

import click

from p4books.cli.demo import demo, sandbox
from p4books.cli.push_commands import push, pushes
from p4books.cli.query_commands import export, models, query, report
from p4books.cli.runtime import exit_for_faults, json_option, run_app, tenant_option
from p4books.endpoints import ENDPOINTS, get_endpoint
from p4books.errors import P4BooksError, UsageError
from p4books.publish.publish import VERSION


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"Endpoints: {', '.join(ENDPOINTS)}. Exit codes: 0 done, 1 something could not be done "
    "(what could be is safe and published), 2 wrong settings or usage, 75 another run is going on, "
    "130 stopped.",
)
@click.version_option(VERSION, prog_name="p4books")
def app() -> None:
    """Copy the books of P4 Books, exactly and with their history, into a DuckDB file."""


@app.command(
    epilog="\b\nExample:\n  p4books sync\n  p4books sync --full\n"
    "  p4books sync invoices customers --json"
)
@click.argument("endpoints", nargs=-1, metavar="[ENDPOINT]...")
@click.option("--full", is_flag=True, help="Read every list to its end, whatever it costs.")
@click.option(
    "--allow-gone",
    multiple=True,
    metavar="ENDPOINT",
    help="Believe that many of its rows are gone. May be repeated.",
)
@click.option(
    "--log",
    type=click.Choice(["text", "json"]),
    default="text",
    help="json: one JSON line for the run, and one on stderr for what happens in it.",
)
@tenant_option
@json_option
def sync(  # noqa: PLR0913
    endpoints: tuple[str, ...],
    full: bool,
    allow_gone: tuple[str, ...],
    log: str,
    tenant: str | None,
    as_json: bool,
) -> None:
    """Bring the warehouse and the published file up to date.

    Reads where new rows stand in each list, or in those named, and as much of the rest as the
    setting requests_per_run lets it; loads what is new, changed or gone; publishes
    data/TENANT.duckdb. What could not be read is said; the rest is done all the same.
    """
    names, gone = [[_parse_endpoint(word) for word in words] for words in (endpoints, allow_gone)]
    from p4books.cli.progress import show_sync_progress
    from p4books.cli.render_sync import print_summary, print_summary_json, print_summary_log
    from p4books.cli.runtime import enable_json_log
    from p4books.settings import load_settings
    from p4books.storage.run_log import SyncSummary
    from p4books.sync import sync

    if log == "json":
        enable_json_log()
    found = load_settings(tenant)
    show = print_summary_json if as_json else print_summary_log
    if not as_json and log == "text":
        show = partial(print_summary, table=sys.stdout.isatty())
    try:
        with show_sync_progress(found, None if full else found.requests_per_run) as told:
            done = sync(found, names, told, full=full, allow_gone=gone)
    except P4BooksError as fault:
        show(SyncSummary(found.tenant, faults=[fault]), found)
        raise
    show(done, found)
    exit_for_faults(*done.faults)


@app.command(
    short_help="Ask each endpoint for one row: reachable, allowed, how long?",
    epilog="\b\nExample:\n  p4books check\n  p4books check --deep",
)
@click.option("--deep", is_flag=True, help="Find out with a dozen requests how this API behaves.")
@tenant_option
@json_option
def check(deep: bool, tenant: str | None, as_json: bool) -> None:
    """Ask each endpoint for one row: is it reachable, allowed, and how long is it?

    With --deep the longest list is asked in a few ways more: how its rows are ordered, how many
    come on a page, what comes past the end, which parameters work. `status` shows it later.
    """
    from p4books.cli.render_sync import print_probe_results, print_probe_results_json
    from p4books.extract.probe import probe_endpoints
    from p4books.load.run_state import save_capabilities
    from p4books.settings import load_settings

    found = load_settings(tenant)
    findings = probe_endpoints(found)
    faults: list[P4BooksError] = [each.fault for each in findings if each.fault]
    traits = None
    try:
        traits = save_capabilities(found, findings) if deep else None
    except P4BooksError as fault:
        faults.append(fault)
    (print_probe_results_json if as_json else print_probe_results)(findings, traits)
    exit_for_faults(*faults)


@app.command(epilog="\b\nExample:\n  p4books status")
@tenant_option
@json_option
def status(tenant: str | None, as_json: bool) -> None:
    """Show what the published file holds and how fresh it is."""
    from p4books.cli.console import print_json
    from p4books.cli.render_sync import print_status
    from p4books.publish.status import read_status
    from p4books.settings import load_settings

    found = load_settings(tenant, need_key=False)
    now = read_status(found)
    if as_json:
        print_json(now)
    else:
        print_status(now, found)


@app.command(epilog="\b\nExample:\n  p4books runs\n  p4books runs 12")
@click.argument("number", required=False, type=click.IntRange(1), metavar="[RUN]")
@click.option("--last", default=20, show_default=True, type=click.IntRange(1), help="How many.")
@tenant_option
@json_option
def runs(number: int | None, last: int, tenant: str | None, as_json: bool) -> None:
    """List the last runs, failed and killed ones too; or show one, by endpoint."""
    from p4books.cli.console import print_json
    from p4books.cli.render_sync import print_run, print_runs
    from p4books.settings import load_settings
    from p4books.storage.files import is_running
    from p4books.storage.run_log import RunLog

    found = load_settings(tenant, need_key=False)
    log = RunLog(found.run_log)
    if number is None:
        shown = log.load_runs(last)
        running = is_running(found)
        (print_json(shown) if as_json else print_runs(shown, found, running=running))
        return
    one = log.load_run(number)
    if one is None:
        raise UsageError(f"There is no run {number}. `p4books runs` lists them.")
    (print_json(one) if as_json else print_run(one))


@app.command(
    short_help="Make a field that P4 Books added a column.",
    epilog="\b\nExample:\n  p4books adopt customers.credit_days\n"
    "  p4books adopt customers.credit_days --as count",
)
@click.argument("field", metavar="ENDPOINT.FIELD")
@click.option(
    "--as",
    "kind",
    type=click.Choice(("text", "money", "measure", "count", "day", "instant")),
    help="Of which kind it is (default: what all its values fit).",
)
@tenant_option
@json_option
def adopt(field: str, kind: str | None, tenant: str | None, as_json: bool) -> None:
    """Make a field that P4 Books added a column, in every version; its values leave `extra`."""
    from p4books.cli.console import print_json
    from p4books.load.evolution import adopt_field
    from p4books.settings import load_settings

    done = adopt_field(load_settings(tenant, need_key=False), field, kind)
    if as_json:
        print_json(vars(done))
        return
    odd = f" What did not fit is in raw.findings: {done.misfits:,}." if done.misfits else ""
    click.echo(
        f"{done.endpoint}.{done.field} is a column now ({done.kind}), filled in {done.values:,} of "
        f"{done.versions:,} versions.{odd} It is published with the next `p4books sync`."
    )


for each in (push, pushes, query, export, models, report, sandbox, demo):
    app.add_command(each)


def _parse_endpoint(word: str) -> str:
    return get_endpoint(word.lower().replace("-", "_")).name


def main() -> NoReturn:
    """Run the command and end the process."""
    run_app(app)
