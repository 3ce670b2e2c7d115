"""Output of status and runs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from p4books.cli.console import (
    complete_document,
    cut_line,
    display_path,
    format_age,
    format_instant,
    format_timestamp,
    name_waited,
    print_json,
    print_line,
    print_table,
)
from p4books.cli.render_sync import (
    CHANGES,
    COSTS,
    IN_PROGRESS,
    build_reading_object,
    format_word,
    print_capabilities,
)
from p4books.cli.runtime import describe_others
from p4books.cli.suggestions import complete_suggestions
from p4books.errors import count_of
from p4books.settings import Settings
from p4books.storage.run_log import DONE, KILLED, STOPPED, Run, RunTotals

if TYPE_CHECKING:  # `runs` starts without what reads the published file
    from p4books.publish.health import Health
    from p4books.publish.status import DiskUse, FirstCopy, TenantStatus

_LEFT_OUT = ("sync_interval",)  # of the status in JSON: a setting, and no news


def print_status(status: "TenantStatus", health: "Health", settings: Settings) -> None:
    """Print whether all is well; then what the published file contains, and what that costs."""
    for line in health.lines:
        print_line(line)
    if not status.has_anything:
        _print_others(settings)
        return
    print_line()
    print_table(
        ("table", "rows", "versions", "read", "current to", "verified to", "oldest row"),
        (
            (
                table.table,
                table.rows,
                table.versions,
                format_word(table.mode or ""),
                format_timestamp(table.current_to, settings),
                format_timestamp(table.verified_to, settings),
                format_timestamp(table.oldest, settings),
            )
            for table in status.tables
        ),
    )
    if status.bytes is not None and status.published_at:
        print_line(
            f"{display_path(settings.published)}: {status.bytes / 1e6:,.1f} MB, published "
            f"{format_age(status.published_at)} "
            f"({format_timestamp(status.published_at, settings)}, {settings.timezone})."
        )
    if status.disk:
        print_line(_describe_disk(status.disk))
        _print_backup(status, settings)
    _print_lake(status, settings)
    _print_home(status, settings)
    print_line(
        f"Requests: {status.requests_last_run:,} in the last run, {status.requests_last_day:,} in "
        "the last 24 hours."
    )
    print_line(_describe_runs(status.totals_last_day))
    if status.first_copies:
        copies = ", ".join(map(_describe_copy, status.first_copies))
        print_line(f"First copies in progress: {copies}.")
    if status.unknown:
        print_line(
            f"Fields without a column, kept in `extra`: {', '.join(status.unknown)}. "
            "`p4books adopt ENDPOINT.FIELD` turns one into a column."
        )
    if status.traits:
        print_line()
        print_capabilities(status.traits)


def _print_backup(status: "TenantStatus", settings: Settings) -> None:
    """Print how old the last backup is, if there should be any."""
    if settings.backup_to is None:
        return
    if status.backed_up_at is None:
        print_line(
            f"Backup: this machine knows of none in {settings.backup_to}. `p4books backup` makes "
            "one."
        )
        return
    print_line(
        f"Backup: {format_age(status.backed_up_at)} "
        f"({format_timestamp(status.backed_up_at, settings)}, {settings.timezone}), in "
        f"{settings.backup_to}."
    )


def _print_lake(status: "TenantStatus", settings: Settings) -> None:
    """Print which snapshot this machine wrote last, if there is a lake."""
    if status.lake is None:
        return
    lacking = "" if status.lake.is_current else " It lacks what was published since."
    if status.lake.snapshot is None:
        print_line("Lake: this machine has written no snapshot yet.")
    else:
        when = _describe_time(status.lake.written_at, settings)
        print_line(f"Lake: snapshot {status.lake.snapshot}{when}.{lacking}")


def _print_home(status: "TenantStatus", settings: Settings) -> None:
    """Print which state this machine has, and whether it works with it, if there is a home."""
    if (home := status.home) is None:
        return
    what = "this machine has put no state yet"
    if home.state is not None:
        what = f"state {home.state}{_describe_time(home.state_at, settings)}"
    more = "`p4books home` says whether another machine works with it."
    if home.is_held:
        more = "This machine works with it now."
    elif home.is_changed and home.state is not None:
        more = "Files were changed here and not put back."
    print_line(f"Home: {what}. {more}")


def _describe_time(at: datetime | None, settings: Settings) -> str:
    if at is None:
        return ""
    return f", {format_age(at)} ({format_timestamp(at, settings)}, {settings.timezone})"


def _print_others(settings: Settings) -> None:
    if others := describe_others(settings.published):
        print_line(others)


def print_status_json(status: "TenantStatus", health: "Health") -> None:
    """Print the status as a JSON document, the verdict first."""
    print_json(complete_document(build_status_object(status, health)))


def build_status_object(status: "TenantStatus", health: "Health") -> dict[str, Any]:
    """Return a status as it is printed in JSON, the verdict first."""
    values = {name: value for name, value in vars(status).items() if name not in _LEFT_OUT}
    for name in ("last_run", "running"):
        run = values[name]
        values[name] = run and {**_build_run_object(run), "readings": None}
        if run:
            del values[name]["readings"]
    for name in ("totals", "totals_last_day"):
        values[name] = name_waited(vars(values[name]))
    return {"health": vars(health), **values}


def print_runs(runs: Sequence[Run], settings: Settings) -> None:
    """Print one line per run, newest first, then why runs failed."""
    if not runs:
        print_line(f"There was no run of {settings.tenant} yet. `p4books sync` makes one.")
        return
    print_table(
        ("run", "began", "seconds", "outcome", *COSTS, *CHANGES),
        (
            (
                run.id,
                format_timestamp(datetime.fromtimestamp(run.started_at, UTC), settings),
                round(run.ended_at - run.started_at, 1) if run.ended_at else None,
                format_word(run.outcome or IN_PROGRESS),
                run.requests,
                run.refused,
                round(run.waited),
                *(run.sum(name) for name in CHANGES),
            )
            for run in runs
        ),
    )
    for reason, numbers in _group_by_reason(runs).items():
        print_line(cut_line(complete_suggestions(f"{_describe_numbers(numbers)}: {reason}")))


def print_runs_json(runs: Sequence[Run]) -> None:
    """Print runs as a JSON list, newest first."""
    print_json(complete_document([_build_run_object(run) for run in runs]))


def print_run_json(run: Run) -> None:
    """Print a run as a JSON document."""
    print_json(complete_document(_build_run_object(run)))


def print_run(run: Run) -> None:
    """Print what a run did for each endpoint, and its messages; without any, how it ended."""
    if run.readings:
        _print_readings(run)
    else:
        print_line(f"Run {run.id} {'read no list' if run.outcome else 'is in progress'}.")
    errors = [reason for reason in run.reasons if reason not in run.messages]
    for message in (*errors, *run.messages):
        print_line(message)


def _print_readings(run: Run) -> None:
    print_table(
        ("endpoint", "read", "outcome", "pages", "of", *COSTS, "rows held", *CHANGES),
        (
            (
                part.endpoint,
                format_word(part.mode),
                format_word(part.outcome),
                part.pages,
                part.announced_pages,
                part.requests,
                part.refused,
                round(part.waited),
                part.held,
                *(getattr(part, name) for name in CHANGES),
            )
            for part in run.readings
        ),
    )


def _group_by_reason(runs: Sequence[Run]) -> dict[str, list[int]]:
    """Return the runs that failed by their reason, in one line; the newest first."""
    numbers: dict[str, list[int]] = {}
    for run in runs:
        if run.reasons:
            numbers.setdefault(" ".join(run.reasons[0].split()), []).append(run.id)
    return numbers


def _describe_numbers(numbers: Sequence[int]) -> str:
    """Name runs, given in descending order: `Run 7`, `Runs 12-9, 3`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][-1] == number + 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    return (
        f"Run{'s' if numbers[1:] else ''} {', '.join('-'.join(map(str, each)) for each in spans)}"
    )


def _describe_runs(totals: RunTotals) -> str:
    """Describe how many runs there were in the last 24 hours, and how they ended."""
    known = {name: totals.outcomes.get(name, 0) for name in (DONE, STOPPED, KILLED)}
    runs = sum(totals.outcomes.values())
    counts = {"failed": runs - sum(known.values()), **known}
    parts = [f"{counts[name]:,} {name}" for name in ("failed", KILLED, STOPPED) if counts[name]]
    return f"Runs in the last 24 hours: {runs:,}{', ' if parts else ''}{', '.join(parts)}."


def _describe_disk(disk: "DiskUse") -> str:
    warehouse, spool, generations = (
        f"{size / 1e6:,.1f} MB" for size in (disk.warehouse, disk.spool, disk.generations_bytes)
    )
    kept = count_of(disk.generations, "generation")
    return f"Private files: warehouse {warehouse}, {kept} {generations}, spool {spool}."


def _describe_copy(copy: "FirstCopy") -> str:
    pages = f"{copy.pages:,} of about {count_of(copy.announced_pages, 'page')}"
    return f"{copy.endpoint} {copy.percent} % ({pages}, {count_of(copy.rows, 'row')})"


def _build_run_object(run: Run) -> dict[str, Any]:
    values = name_waited(vars(run))
    del values["faults"]
    return {
        **values,
        "id": run.id or None,
        "started_at": format_instant(run.started_at),
        "ended_at": format_instant(run.ended_at),
        "reason": " ".join(run.reasons) or None,
        "readings": [build_reading_object(reading) for reading in run.readings],
    }
