"""Output of sync, check and report."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from p4books.cli.console import (
    complete_document,
    display_path,
    format_instant,
    format_instants,
    format_now,
    format_timestamp,
    name_waited,
    print_json,
    print_line,
    print_table,
)
from p4books.cli.runtime import log_note
from p4books.errors import AlreadyRunning, count_of, name_kinds
from p4books.settings import Settings
from p4books.spelling import split_class_name
from p4books.storage.run_log import EndpointRun, SyncSummary

if TYPE_CHECKING:  # `status` and `runs` start without what reads the API
    from p4books.extract.probe import ApiCapabilities, ProbeResult

COSTS = ("requests", "refused", "seconds waited")
CHANGES = ("new", "changed", "gone", "findings")
IN_PROGRESS = "goes on"  # the stored outcome of a scan that the next run continues

_YES_NO = {True: "yes", False: "no", None: "unknown"}
_WORDS = {IN_PROGRESS: "in progress", "kept": "reused", "nothing": "skipped"}  # JSON: as stored


def print_summary(summary: SyncSummary, settings: Settings, *, table: bool = True) -> None:
    """Print what a sync did: as a table and a line, or as the one line of a log."""
    if table and summary.readings:
        print_table(
            ("endpoint", "rows", "new", "changed", "gone"),
            ((r.endpoint, r.seen, r.new, r.changed, r.gone) for r in summary.readings),
        )
    line = _format_summary(summary, settings)
    if not table:
        line = f"{format_now(settings)} {summary.tenant}: {line}"
    print_line(line)
    for note in summary.notes:
        log_note(note)


def print_fault(summary: SyncSummary) -> None:
    """Print the line of a log about a tenant whose settings are not valid."""
    print_line(f"{format_now(None)} {summary.tenant}: Nothing was done: its settings are wrong.")


def print_summaries(summaries: Sequence[SyncSummary]) -> None:
    """Print what the syncs of many tenants did, one per row."""
    print_table(
        ("tenant", "result", *CHANGES, "requests", "seconds"),
        (
            (
                summary.tenant,
                _describe_result(summary),
                *(summary.sum(name) for name in CHANGES),
                summary.requests,
                round(summary.seconds, 1),
            )
            for summary in summaries
        ),
    )


def print_summaries_json(
    summaries: Sequence[SyncSummary], settings: Mapping[str, Settings | None]
) -> None:
    """Print what the syncs of many tenants did as a JSON list, given their settings by name."""
    print_json(
        [_build_summary_object(each, settings[each.tenant], each.tenant) for each in summaries]
    )


def print_summary_json(summary: SyncSummary, settings: Settings) -> None:
    """Print what a sync did as a JSON document."""
    print_json(_build_summary_object(summary, settings))


def print_summary_log(summary: SyncSummary, settings: Settings | None) -> None:
    """Print what a sync did as one line of JSON."""
    event = {"at": datetime.now(UTC), **_build_summary_object(summary, settings)}
    print_line(msgspec.json.encode(format_instants(event), enc_hook=str).decode())


def print_probe_results(
    results: Sequence["ProbeResult"], capabilities: "ApiCapabilities | None" = None
) -> None:
    """Print the result of probing each endpoint, and how the API behaves if that is known."""
    print_table(
        ("endpoint", "reachable", "allowed", "rows announced", "page size honoured"),
        (
            (
                result.endpoint,
                _YES_NO[result.reachable],
                _YES_NO[result.allowed],
                result.announced,
                _YES_NO[result.page_size_honoured],
            )
            for result in results
        ),
    )
    if capabilities:
        print_line()
        print_capabilities(vars(capabilities))


def print_probe_results_json(
    results: Sequence["ProbeResult"], capabilities: "ApiCapabilities | None" = None
) -> None:
    """Print the results as a JSON list, or with capabilities as an object that holds both."""
    endpoints = build_probe_objects(results)
    document = {"endpoints": endpoints, "traits": capabilities} if capabilities else endpoints
    print_json(complete_document(document))


def build_probe_objects(results: Sequence["ProbeResult"]) -> list[dict[str, Any]]:
    """Return the results as they are printed in JSON."""
    return [{**vars(result), "fault": result.fault and str(result.fault)} for result in results]


def print_capabilities(capabilities: Mapping[str, Any]) -> None:
    """Print how this tenant's API behaves where the contract leaves it open."""
    most_rows = capabilities["most_rows"] or "unknown: the list is too short"
    agrees = {
        True: "agrees with the last page",
        False: "does not agree with the last page: see the setting `ignore_totals`",
        None: "unknown: the list is too short",
    }[capabilities.get("total_is_exact")]
    page_param = capabilities["page_param"] or "unknown: there is only one page"
    print_table(
        ("behaviour of the API", f"in {capabilities['endpoint']}"),
        (
            ("order of rows", capabilities["order"] or "unknown"),
            ("rows per page, as configured", capabilities["page_size"]),
            ("rows per page, at most", most_rows),
            ("total", agrees),
            ("past the last page", capabilities["past_end"] or "unknown"),
            ("page parameter", page_param),
            ("page size parameter", capabilities["page_size_param"] or "none works"),
            ("rate limit headers", ", ".join(capabilities["limits"]) or "none"),
        ),
    )


def print_published(
    file: Path, about: Mapping[str, Any], settings: Settings, left_out: int
) -> None:
    """Print one line: the file, its as-of date, and how many models it has and lacks."""
    missing = f", {left_out} left out" if left_out else ""
    at = format_timestamp(about["as_of_at"], settings)
    print_line(
        f"Published {display_path(file)} as of {about['as_of_on']} "
        f"(known to {at}, {settings.timezone}): {about['models']} models{missing}."
    )


def _format_summary(summary: SyncSummary, settings: Settings) -> str:
    """Describe a sync in one line."""
    line = _describe_file(summary, settings)
    if summary.faults and not isinstance(summary.faults[0], AlreadyRunning):
        line += f" Not everything was done: {', '.join(name_kinds(summary.faults))}."
    if not summary.readings:
        return line
    counts = [(summary.sum(name), name) for name in CHANGES]
    rows = ", ".join(f"{count:,} {name}" for count, name in counts if count)
    if rows:
        line += f" {rows};"
    line += f" {_describe_cost(summary)}"
    first = [r.endpoint for r in summary.readings if r.outcome == IN_PROGRESS and not r.held]
    return f"{line} First copy in progress: {', '.join(first)}." if first else line


def _describe_result(summary: SyncSummary) -> str:
    """Describe what became of a tenant, in a few words: what failed, or what was published."""
    if any(isinstance(fault, AlreadyRunning) for fault in summary.faults):
        return "in progress elsewhere"
    done = "published" if summary.published else "loaded" if summary.loaded else "nothing changed"
    if not summary.faults:
        return done
    failed = ", ".join(name_kinds(summary.faults))
    return f"{done}; {failed}" if summary.published else failed


def _describe_file(summary: SyncSummary, settings: Settings) -> str:
    file = display_path(settings.published)
    if summary.published:
        without = f" without {count_of(summary.left_out, 'custom report')}"
        return f"Published {file}{without if summary.left_out else ''}."
    if any(isinstance(fault, AlreadyRunning) for fault in summary.faults):
        return "Skipped: another run is in progress."
    if summary.loaded:
        return f"Loaded, but not published; {file} is unchanged."
    if not settings.published.exists():
        return "Nothing is published yet."
    if summary.readings:
        return f"Nothing changed; {file} is unchanged."
    return f"{file} is unchanged."


def _describe_cost(summary: SyncSummary) -> str:
    refused = f", {summary.refused} refused" if summary.refused else ""
    waited = f", waited {summary.waited:.0f} s for the rate limit" if summary.waited >= 1 else ""
    comma = "," if refused or waited else ""
    requests = count_of(summary.requests, "request")
    return f"{requests}{refused}{waited}{comma} in {summary.seconds:.1f} s."


def _build_summary_object(
    summary: SyncSummary, settings: Settings | None, tenant: str | None = None
) -> dict[str, Any]:
    """Return a sync as it is printed in JSON, with commands for the tenant; None: the given one."""
    document = {
        **name_waited(vars(summary)),
        "readings": [build_reading_object(reading) for reading in summary.readings],
        "faults": [
            {"kind": type(fault).__name__, "sentence": str(fault)} for fault in summary.faults
        ],
        "file": str(settings.published) if settings else None,
    }
    return dict(complete_document(document, tenant))


def build_reading_object(reading: EndpointRun) -> dict[str, Any]:
    """Return what a run did for an endpoint as it is printed in JSON."""
    names = ("started_at", "ended_at", "current_to", "oldest")
    instants = {name: format_instant(getattr(reading, name)) for name in names}
    return name_waited({**vars(reading), **instants})


def format_word(word: str) -> str:
    """Return the shown form of a stored mode or outcome."""
    return _WORDS.get(word) or split_class_name(word)
