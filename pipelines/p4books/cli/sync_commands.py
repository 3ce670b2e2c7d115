"""Commands that read P4 Books and change the warehouse: sync, check, adopt."""

import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from p4books.cli.fleet_options import TenantResult, all_option, choose_tenants, show_all
from p4books.cli.group_commands import publish_groups
from p4books.cli.runtime import (
    exit_for_errors,
    json_option,
    log_note,
    name_tenant,
    parse_endpoint,
    prefix_messages,
    tenant_option,
)
from p4books.errors import P4BooksError

if TYPE_CHECKING:  # `--help` starts without them
    from p4books.extract.probe import ApiCapabilities, ProbeResult
    from p4books.fleet.tenant_sync import SyncChoices
    from p4books.settings import Settings
    from p4books.storage.run_log import SyncSummary


@click.command(
    epilog="\b\nExample:\n  p4books sync\n  p4books sync --full\n"
    "  p4books sync --all --jobs 4\n"
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
    "--existing",
    is_flag=True,
    help="Only continue: end with 1 if there are no files of an earlier run, as after the loss of "
    "a cache.",
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
@all_option
@json_option
def sync(
    endpoints: tuple[str, ...],
    full: bool,
    allow_gone: tuple[str, ...],
    allow_changed: tuple[str, ...],
    log: str,
    tenant: str | None,
    all_tenants: bool,
    jobs: int | None,
    as_json: bool,
    **options: bool,
) -> None:
    """Bring the warehouse and the published file up to date.

    Reads the newest rows of each list, or of those given, and as much of the rest as the setting
    requests_per_run allows; loads what is new, changed or gone; publishes data/TENANT.duckdb. A
    list that cannot be read is reported, and the others are synced. With --all it does so for every
    tenant of the settings, some at a time; one that fails stops no other.
    """
    tenants = choose_tenants(tenant, jobs, all_tenants=all_tenants, need_key=True)
    choices: SyncChoices = {
        "endpoints": [parse_endpoint(word) for word in endpoints],
        "allow_gone": [parse_endpoint(word) for word in allow_gone],
        "allow_changed": [parse_endpoint(word) for word in allow_changed],
        "full": full,
        **options,  # type: ignore[typeddict-item] # click gives those that are declared above
    }
    from p4books.cli.console import format_now
    from p4books.cli.runtime import enable_json_log, enable_text_log
    from p4books.settings import load_settings

    if log == "json":
        enable_json_log()
    elif not sys.stderr.isatty():
        enable_text_log()
    if tenants is not None:
        from p4books.cli.fleet_sync import FleetSync

        FleetSync(tenants, choices, as_json=as_json, is_event=log == "json").run(jobs)
        return
    settings = load_settings(tenant)
    name_tenant(settings.tenant)
    if not sys.stderr.isatty():  # the lines of a log: when, and whose
        prefix_messages(lambda: f"{format_now(settings)} {settings.tenant}: ")
    _sync_one(settings, choices, as_json=as_json, is_event=log == "json")


def _sync_one(
    settings: "Settings", choices: "SyncChoices", *, as_json: bool, is_event: bool
) -> None:
    from p4books.cli.progress import show_sync_progress
    from p4books.cli.render_sync import print_summary, print_summary_json, print_summary_log
    from p4books.storage.run_log import SyncSummary
    from p4books.sync import sync

    show = print_summary_json if as_json else print_summary_log
    if not as_json and not is_event:
        show = partial(print_summary, table=sys.stdout.isatty())
    summary = SyncSummary(settings.tenant)
    requests = None if choices["full"] else settings.requests_per_run
    try:
        with show_sync_progress(settings, requests) as progress:
            sync(settings, progress=progress, summary=summary, **choices)
    except Exception as error:
        if isinstance(error, P4BooksError):
            summary.faults.insert(0, error)
            show(summary, settings)
        _notify(settings, summary, error)
        raise
    show(summary, settings)
    _notify(settings, summary)
    exit_for_errors(*summary.faults, *publish_groups(settings))


def _notify(settings: "Settings", summary: "SyncSummary", error: Exception | None = None) -> None:
    """Send what fires after a run; what fails then changes nothing of how the run ended."""
    from p4books.fleet.alerts import notify_after_run

    for note in notify_after_run(settings, summary, error):
        log_note(note)


@click.command(
    short_help="Check that each endpoint is reachable and readable.",
    epilog="\b\nExample:\n  p4books check\n  p4books check --deep",
)
@click.option("--deep", is_flag=True, help="Detect with a dozen requests how this API behaves.")
@tenant_option
@all_option
@json_option
def check(
    deep: bool, tenant: str | None, all_tenants: bool, jobs: int | None, as_json: bool
) -> None:
    """Check that each endpoint is reachable and readable, and count its rows.

    With --deep the longest list is also requested in other ways: how its rows are ordered, how many
    fit on a page, what comes after the last page, which parameters work. `status` shows the result.
    """
    tenants = choose_tenants(tenant, jobs, all_tenants=all_tenants, need_key=True)
    from p4books.cli.render_sync import (
        build_probe_objects,
        print_probe_results,
        print_probe_results_json,
    )
    from p4books.settings import load_settings

    if tenants is None:
        results, capabilities, errors = _probe(load_settings(tenant), deep=deep)
        (print_probe_results_json if as_json else print_probe_results)(results, capabilities)
        exit_for_errors(*errors)
        return

    def check_one(settings: "Settings") -> TenantResult:
        results, capabilities, errors = _probe(settings, deep=deep)
        rows = sum(result.announced or 0 for result in results)
        cells = (len(results), sum(result.allowed is True for result in results), rows)
        document = {"endpoints": build_probe_objects(results), "traits": capabilities}
        return TenantResult(cells, document, errors)

    show_all(tenants, check_one, jobs, ("endpoints", "readable", "rows"), as_json=as_json)


def _probe(
    settings: "Settings", *, deep: bool
) -> "tuple[Sequence[ProbeResult], ApiCapabilities | None, list[P4BooksError]]":
    """Probe each endpoint; return the results, how the API behaves, and what went wrong."""
    from p4books.extract.probe import probe_endpoints
    from p4books.load.run_state import save_capabilities

    results = probe_endpoints(settings)
    errors: list[P4BooksError] = [result.fault for result in results if result.fault]
    capabilities = None
    try:
        capabilities = save_capabilities(settings, results) if deep else None
    except P4BooksError as error:
        errors.append(error)
    return results, capabilities, errors


@click.command(
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

    done = adopt_field(
        load_settings(tenant, need_key=False, of_tenant=True), field, kind, list_staging_columns
    )
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
