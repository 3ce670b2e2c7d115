"""Commands that show how the syncs go: status, runs."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from p4books.cli.fleet_options import (
    NotWell,
    TenantResult,
    all_option,
    choose_tenants,
    run_all,
    show_all,
)
from p4books.cli.group_commands import judge_group, read_group_metrics, show_group_status
from p4books.cli.runtime import (
    json_option,
    log_error,
    parse_length,
    tenant_option,
)
from p4books.cli.streams import is_same_output, print_text
from p4books.errors import P4BooksError, UsageError

if TYPE_CHECKING:
    from p4books.publish.exposition import TenantMetrics
    from p4books.settings import ConfiguredTenant, Settings

METRICS_MODE = 0o644  # the collector that reads them is another user


@click.command(
    epilog="\b\nExample:\n  p4books status\n  p4books status --max-age 2h\n"
    "  p4books status --format prometheus -o /var/lib/node_exporter/p4books.prom"
)
@click.option(
    "--max-age",
    metavar="AGE",
    help="End with 1, too, if the figures are older, such as 90m, 2h or 1d.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table", "json", "prometheus"]),
    help="prometheus: metrics in its text format.  [default: table]",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=Path,
    help="Write the metrics to FILE, which is replaced in one step.",
)
@tenant_option
@all_option
@json_option
def status(
    max_age: str | None,
    kind: str | None,
    output: Path | None,
    tenant: str | None,
    all_tenants: bool,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Show whether all is well, what the published file contains and how fresh it is.

    Ends with 1 if the last run failed or was killed, if what it loaded is not published, or if the
    warehouse or the published file is missing, damaged or changed; with --max-age also if the
    figures are older. A run in progress is no failure. With --format prometheus the metrics say so,
    and the command ends with 0.
    """
    from p4books.settings import load_settings

    limit = parse_length(max_age, "--max-age")
    kind = _choose_format(kind, output, as_json=as_json)
    tenants = choose_tenants(
        tenant, jobs, all_tenants=all_tenants, need_key=False, with_groups=True
    )
    if tenants is not None:
        _show_all(tenants, jobs, limit, kind, output)
        return
    settings = load_settings(tenant, need_key=False)
    if kind == "prometheus":
        write_metrics([read_metrics(settings, limit)], output)
        return
    if settings.members:
        show_group_status(settings, limit, as_json=kind == "json")
        return
    from p4books.cli.render_status import print_status, print_status_json
    from p4books.publish.health import judge_health
    from p4books.publish.status import read_status

    current = read_status(settings)
    health = judge_health(current, limit)
    if not health.ok and (kind == "json" or not is_same_output()):
        for line in health.lines:
            log_error(line)
    if kind == "json":
        print_status_json(current, health)
    else:
        print_status(current, health, settings)
    if health.failed:
        raise SystemExit(1)


def _show_all(
    tenants: "Sequence[ConfiguredTenant]",
    jobs: int | None,
    limit: timedelta | None,
    kind: str,
    output: Path | None,
) -> None:
    """Show whether all is well with each tenant, in a row of its own, or their metrics."""
    from p4books.cli.console import format_timestamp
    from p4books.cli.render_status import build_status_object
    from p4books.publish.health import judge_health
    from p4books.publish.status import read_status

    if kind == "prometheus":
        from p4books.publish.exposition import TenantMetrics

        outcomes = run_all(tenants, lambda settings, _: read_metrics(settings, limit), jobs)
        write_metrics([each.value or TenantMetrics(each.tenant.name) for each in outcomes], output)
        return

    def judge(settings: "Settings") -> TenantResult:
        if settings.members:
            return judge_group(settings, limit)
        current = read_status(settings)
        health = judge_health(current, limit)
        cells = (
            "yes" if health.ok else "no",
            format_timestamp(current.figures_at, settings),
            format_timestamp(current.published_at, settings),
            current.requests_last_day,
        )
        faults = [NotWell(line) for line in health.lines] if health.failed else []
        return TenantResult(cells, build_status_object(current, health), faults)

    columns = ("all is well", "figures of", "published", "requests in 24 h")
    show_all(tenants, judge, jobs, columns, as_json=kind == "json")


def read_metrics(settings: "Settings", max_age: timedelta | None) -> "TenantMetrics":
    """Read what the metrics of a tenant are made of; what is wrong with its files is logged."""
    from p4books.publish.exposition import TenantMetrics
    from p4books.publish.health import judge_health
    from p4books.publish.status import read_status

    try:
        if settings.members:
            return TenantMetrics(settings.tenant, group=read_group_metrics(settings, max_age))
        current = read_status(settings)
    except P4BooksError as error:
        log_error(str(error))
        return TenantMetrics(settings.tenant)
    return TenantMetrics(settings.tenant, current, judge_health(current, max_age))


def write_metrics(tenants: "list[TenantMetrics]", output: Path | None) -> None:
    """Print the metrics of tenants, or write them to a file. Raises NotWritten."""
    from p4books.publish.export import make_folder, write_atomically
    from p4books.publish.exposition import format_exposition

    text = format_exposition(tenants)
    if output is None:
        print_text(text)
        return
    make_folder(output.parent)
    with write_atomically(output, METRICS_MODE) as scratch:
        scratch.write_text(text, encoding="utf-8")


def _choose_format(kind: str | None, output: Path | None, *, as_json: bool) -> str:
    if as_json and kind not in {None, "json"}:
        raise UsageError(f"--json and --format {kind} contradict each other.")
    if output and kind != "prometheus":
        raise UsageError("-o FILE is for --format prometheus only.")
    return "json" if as_json else kind or "table"


@click.command(
    short_help="List the last runs, or show one.",
    epilog="\b\nExample:\n  p4books runs\n  p4books runs 12",
)
@click.argument("number", required=False, type=click.IntRange(1), metavar="[RUN]")
@click.option("--last", default=20, show_default=True, type=click.IntRange(1), help="How many.")
@tenant_option
@json_option
def runs(number: int | None, last: int, tenant: str | None, as_json: bool) -> None:
    """List the last runs and why they failed, or show one by endpoint, with all that it said.

    Killed runs are listed as well, and one in progress.
    """
    from p4books.cli.render_status import print_run, print_run_json, print_runs, print_runs_json
    from p4books.publish.status import read_run, read_runs
    from p4books.settings import load_settings

    settings = load_settings(tenant, need_key=False, of_tenant=True)
    if number is None:
        recent = read_runs(settings, last)
        (print_runs_json(recent) if as_json else print_runs(recent, settings))
        return
    run = read_run(settings, number)
    if run is None:
        raise UsageError(f"There is no run {number}. `p4books runs` lists them.")
    (print_run_json if as_json else print_run)(run)
