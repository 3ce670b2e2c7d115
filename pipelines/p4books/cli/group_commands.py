"""What the commands show of groups of tenants."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from p4books.cli.fleet_options import NotWell, TenantResult, speak_for
from p4books.cli.runtime import log_error, log_note, log_progress
from p4books.errors import P4BooksError, UsageError

if TYPE_CHECKING:
    from p4books.fleet.groups.publish import GroupOutcome
    from p4books.fleet.groups.status import GroupStatus
    from p4books.publish.exposition import GroupMetrics
    from p4books.settings import Settings


def report_group(settings: "Settings", *, has_day: bool, as_json: bool) -> None:
    """Publish the file of a group, and print what it has; end with 1 if a tenant is left out.

    Raises UsageError with a day: the file of a group is as of those of its tenants.
    """
    if has_day:
        raise UsageError(
            f"{settings.tenant} is a group, whose figures are as of those of its tenants; --as-of "
            "is for one of them. Nothing was published."
        )
    from p4books.cli.console import display_path, print_json, print_line
    from p4books.fleet.groups.publish import publish_group, publish_while_due
    from p4books.publish.deliver import deliver_report

    done = publish_group(settings)
    if as_json:
        print_json(
            {
                "file": str(done.file),
                "models": done.models,
                "rows": done.rows,
                "tenants": [
                    {"tenant": each.tenant, "why_not": each.why_not} for each in done.members
                ],
                "notes": done.notes,
            }
        )
    else:
        print_line(
            f"Published {display_path(done.file)} from {done.summary}: {done.models} models, "
            f"{done.rows:,} rows."
        )
    faults: list[P4BooksError] = [*deliver_report(settings).faults]
    for outcome in publish_while_due(settings.tenant):  # a sync may have left it to this command
        faults += outcome.faults
    for message in (*done.warnings, *map(str, faults)):
        log_error(message)
    if done.left_out or faults:
        raise SystemExit(1)


def publish_groups(settings: "Settings | None" = None) -> list[P4BooksError]:
    """Publish the groups that are due, of a tenant or all, and say so; return what failed.

    Of all groups, each is spoken for, and what failed is reported, too. Groups that the settings
    have wrong are a note: what was done for the tenants is done.
    """
    faults: list[P4BooksError] = []
    for outcome in _publish_due(settings):
        owner = f"{outcome.tenant}: "
        if settings is None:
            speak_for(outcome.tenant or None)
            owner = ""
        if outcome.published:
            log_progress(f"Published {outcome.tenant} from {outcome.published.summary}.")
            for warning in outcome.published.warnings:
                log_note(f"{owner}{warning}")
        for fault in outcome.faults if settings is None else ():
            log_error(str(fault))
        faults += outcome.faults
    return faults


def _publish_due(settings: "Settings | None") -> "list[GroupOutcome]":
    from p4books.settings import load_groups

    groups, faults = load_groups()
    for problem in (problem for fault in faults for problem in fault.problems):
        log_note(f"{problem} It was not published.")
    if not groups:
        return []
    from p4books.fleet.groups.publish import publish_changed_groups

    return publish_changed_groups(tenants=[settings.tenant] if settings else None)


def show_group_status(settings: "Settings", max_age: timedelta | None, *, as_json: bool) -> None:
    """Print whether all is well with a group, and its tenants; end with 1 if it is not."""
    from p4books.cli.console import (
        complete_document,
        format_timestamp,
        print_json,
        print_line,
        print_table,
    )
    from p4books.fleet.groups.status import read_group_status

    status = read_group_status(settings, max_age)
    if as_json:
        print_json(complete_document(_build_status_object(status)))
    else:
        for line in status.lines:
            print_line(line)
        print_line()
        print_table(
            ("tenant", "in the group", "published", "figures of"),
            (
                (
                    each.tenant,
                    "no" if each.why_not else "yes",
                    format_timestamp(each.published_at, settings),
                    format_timestamp(each.figures_at, settings),
                )
                for each in status.tenants
            ),
        )
    if not status.ok:
        raise SystemExit(1)


def judge_group(settings: "Settings", max_age: timedelta | None) -> TenantResult:
    """Read whether all is well with a group, for its row in the table of all tenants."""
    from p4books.cli.console import format_timestamp
    from p4books.fleet.groups.status import read_group_status

    status = read_group_status(settings, max_age)
    cells = (
        "yes" if status.ok else "no",
        format_timestamp(status.figures_at, settings),
        format_timestamp(status.published_at, settings),
        None,
    )
    faults = [] if status.ok else [NotWell(line) for line in status.lines]
    return TenantResult(cells, _build_status_object(status), faults)


def read_group_metrics(settings: "Settings", max_age: timedelta | None) -> "GroupMetrics":
    """Read what the metrics of a group's file are made of. Raises SettingsError."""
    from p4books.fleet.groups.status import read_group_status
    from p4books.publish.exposition import GroupMetrics

    status = read_group_status(settings, max_age)
    return GroupMetrics(status.ok, status.bytes, status.published_at, status.figures_at)


def _build_status_object(status: "GroupStatus") -> dict[str, Any]:
    return {"ok": status.ok, "sentence": status.sentence, **vars(status)}
