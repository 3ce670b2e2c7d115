"""The command that evaluates alerts without a run: watch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from p4books.cli.fleet_options import run_in_turn
from p4books.cli.runtime import json_option, log_note, tenant_option
from p4books.errors import AlreadyRunning, P4BooksError, UsageError

if TYPE_CHECKING:  # --help starts without them
    from p4books.fleet.alerts.watch import WatchResult
    from p4books.settings import ConfiguredTenant, Settings

NOT_EVALUATED = 2  # the exit code; 1 is what fires


@click.command(
    short_help="Evaluate the alerts without a run, and send what changed.",
    epilog="\b\nExample:\n  p4books watch\n  p4books watch --all\n  p4books watch --test",
)
@click.option("--all", "all_tenants", is_flag=True, help="Watch every tenant of the settings.")
@click.option("--test", "is_test", is_flag=True, help="Send a test message over every channel.")
@tenant_option
@json_option
def watch(all_tenants: bool, is_test: bool, tenant: str | None, as_json: bool) -> None:
    """Evaluate the alerts without a run, show what fires, and send what changed.

    It sees what no run can see: that there is none. Ends with 0 if nothing fires, with 1 if
    something does, and with 2 if the alerts of a tenant could not be evaluated. With --test, ends
    with 1 if a channel fails.
    """
    chosen = _choose_tenants(tenant, all_tenants=all_tenants)
    if is_test:
        _test_channels(chosen, names=all_tenants, as_json=as_json)
    else:
        _watch(chosen, names=all_tenants, as_json=as_json)


def _choose_tenants(tenant: str | None, *, all_tenants: bool) -> list["ConfiguredTenant"]:
    """Return the tenants to watch."""
    from p4books.settings import ConfiguredTenant, load_settings, load_tenants

    if not all_tenants:
        settings = load_settings(tenant)
        return [ConfiguredTenant(settings.tenant, settings)]
    if tenant:
        raise UsageError("Use --all or --tenant, not both. Nothing was done.")
    tenants = load_tenants()
    if not tenants:
        raise UsageError("The settings name no tenant. Nothing was done.")
    return tenants


def _watch(chosen: Sequence["ConfiguredTenant"], *, names: bool, as_json: bool) -> None:
    from p4books.cli.console import print_json
    from p4books.fleet.alerts.watch import watch_tenant

    def watch_one(settings: "Settings") -> "tuple[Settings, WatchResult]":
        result = watch_tenant(settings)
        for note in result.notes:
            log_note(note)
        if result.trouble:
            raise result.trouble
        return settings, result

    results, faults = run_in_turn(chosen, watch_one, names=names)
    if as_json:
        print_json([_build_object(settings, result) for settings, result in results])
    else:
        _print_firing(results)
    _exit_for_faults(faults)
    if any(result.firing for _, result in results):
        raise SystemExit(1)


def _exit_for_faults(faults: Sequence[P4BooksError]) -> None:
    """Exit with a code that does not look as if an alert fired; do nothing without errors."""
    if faults:
        in_progress = all(isinstance(fault, AlreadyRunning) for fault in faults)
        raise SystemExit(AlreadyRunning.exit_code if in_progress else NOT_EVALUATED)


def _build_object(settings: "Settings", result: "WatchResult") -> dict[str, Any]:
    from p4books.fleet.alerts.messages import build_change_object

    return {
        "tenant": settings.tenant,
        "firing": [build_change_object(change, settings.language) for change in result.firing],
        "notes": list(result.notes),
    }


def _print_firing(results: Sequence[tuple["Settings", "WatchResult"]]) -> None:
    from p4books.cli.console import format_timestamp, print_line, print_table
    from p4books.fleet.alerts.messages import choose_title, to_datetime

    rows = [
        (
            settings.tenant,
            change.firing.severity,
            change.firing.alert,
            choose_title(change.firing, settings.language),
            change.state,
            format_timestamp(to_datetime(change.since), settings),
        )
        for settings, result in results
        for change in result.firing
    ]
    if rows:
        print_table(("tenant", "severity", "alert", "what", "state", "since"), rows)
    elif results:
        print_line(f"Nothing fires: {', '.join(settings.tenant for settings, _ in results)}.")


def _test_channels(chosen: Sequence["ConfiguredTenant"], *, names: bool, as_json: bool) -> None:
    from p4books.cli.console import print_json, print_line, print_table
    from p4books.fleet.alerts.watch import try_channels

    def test_one(settings: "Settings") -> list[dict[str, Any]]:
        return [
            {"tenant": settings.tenant, "channel": label, "works": why is None, "problem": why}
            for label, why in try_channels(settings).items()
        ]

    results, faults = run_in_turn(chosen, test_one, names=names)
    tried = [row for rows in results for row in rows]
    if as_json:
        print_json(tried)
    elif tried:
        rows = [(row["tenant"], row["channel"], row["problem"] or "sent") for row in tried]
        print_table(("tenant", "channel", "test message"), rows)
    else:
        print_line("There is no channel. The setting `notify` makes one.")
    if faults or not tried or not all(row["works"] for row in tried):
        raise SystemExit(1)
