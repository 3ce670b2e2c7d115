"""Commands that show how the syncs go: status, runs."""

import click

from p4books.cli.runtime import json_option, log_error, tenant_option
from p4books.errors import UsageError


@click.command(epilog="\b\nExample:\n  p4books status")
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


@click.command(
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
