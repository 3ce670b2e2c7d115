"""Output of sync, check, status, runs, models and report."""

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from p4books.cli.console import (
    display_path,
    format_age,
    format_timestamp,
    make_console,
    print_json,
    print_table,
)
from p4books.extract.probe import ApiCapabilities, ProbeResult
from p4books.publish.query import CatalogColumn, CatalogEntry
from p4books.publish.status import TenantStatus
from p4books.settings import Settings
from p4books.storage.run_log import KILLED, Run, SyncSummary


def print_models(listed: Sequence[CatalogEntry]) -> None:
    """Print the models, layer by layer."""
    print_table(
        ("layer", "model", "rows", "what a row is"),
        ((each.layer, each.model, each.rows, each.grain) for each in listed),
    )


def print_model(one: CatalogEntry, columns: Sequence[CatalogColumn]) -> None:
    """Print what one model is, and its columns with what they mean."""
    _print_columns(f"{one.full_name}, {one.rows:,} row{'' if one.rows == 1 else 's'}. {one.grain}")
    told = {
        "Key": one.key,
        "Sorted by": one.sorted_by,
        "Reads": one.reads,
        "Question": one.question,
        "Query": one.query,
    }
    for word, text in told.items():
        if text:
            _print_columns(f"{word}: {text}")
    _print_columns("")
    print_table(
        ("column", "type", "meaning"), ((each.name, each.type, each.meaning) for each in columns)
    )


def print_published(
    file: Path, about: Mapping[str, Any], settings: Settings, left_out: int
) -> None:
    """Print in one line where reports were published, as of when, and how many were left out."""
    lost = f", {left_out} left out" if left_out else ""
    at = format_timestamp(about["as_of_at"], settings)
    _print_columns(
        f"Published {display_path(file)} as of {about['as_of_on']} "
        f"(known to {at}, {settings.timezone}): {about['models']} models{lost}."
    )


def _print_columns(line: str) -> None:
    sys.stdout.write(f"{line}\n")


COSTS = ("requests", "refused", "seconds waited")
CHANGES = ("new", "changed", "gone", "findings")

_SAID = {True: "yes", False: "no", None: "unknown"}


def print_summary(done: SyncSummary, settings: Settings, *, table: bool = True) -> None:
    """Print what a sync did: a table, and the one line that a log is made of."""
    if table and done.readings:
        print_table(
            ("endpoint", "rows", "new", "changed", "gone"),
            ((r.endpoint, r.seen, r.new, r.changed, r.gone) for r in done.readings),
        )
    line = _summary_line(done, settings)
    if not table:
        line = f"{format_timestamp(datetime.now(UTC), settings)} {done.tenant}: {line}"
    make_console().print(line, markup=False)
    for note in done.notes:
        sys.stderr.write(f"{note}\n")


def print_summary_json(done: SyncSummary, settings: Settings) -> None:
    """Print what a sync did, for a program."""
    print_json(_summary_object(done, settings))


def print_summary_log(done: SyncSummary, settings: Settings) -> None:
    """Print what a sync did as one line of JSON."""
    told = {"at": datetime.now(UTC), **_summary_object(done, settings)}
    sys.stdout.write(msgspec.json.encode(told, enc_hook=str).decode() + "\n")


def print_probe_results(
    found: Sequence[ProbeResult], behaviour: ApiCapabilities | None = None
) -> None:
    """Print what one light request told of each endpoint, and how the API behaves."""
    print_table(
        ("endpoint", "reachable", "allowed", "rows announced", "page size honoured"),
        (
            (
                each.endpoint,
                _SAID[each.reachable],
                _SAID[each.allowed],
                each.announced,
                _SAID[each.page_size_honoured],
            )
            for each in found
        ),
    )
    if behaviour:
        make_console().print()
        print_capabilities(vars(behaviour))


def print_probe_results_json(
    found: Sequence[ProbeResult], behaviour: ApiCapabilities | None = None
) -> None:
    """Print the same for a program: a list, or with the behaviour an object of both."""
    listed = [{**vars(each), "fault": each.fault and str(each.fault)} for each in found]
    print_json({"endpoints": listed, "traits": behaviour} if behaviour else listed)


def print_capabilities(found: Mapping[str, Any]) -> None:
    """Print how this tenant's API behaves where the contract leaves it open."""
    print_table(
        ("what was found out", f"in {found['endpoint']}"),
        (
            ("order of rows", found["order"] or "unknown"),
            ("rows on a page, as the settings ask", found["page_size"]),
            ("rows on a page, at most", found["most_rows"] or "unknown: the list is too short"),
            ("past the last page", found["past_end"] or "unknown"),
            ("parameter of the page", found["page_param"] or "unknown: there is one page"),
            ("parameter of its size", found["page_size_param"] or "none works"),
            ("headers that tell of the limit", ", ".join(found["limits"]) or "none"),
        ),
    )


def print_status(now: TenantStatus, settings: Settings) -> None:
    """Print what the published file holds, how fresh it is, and what keeping it so cost."""
    print_table(
        ("table", "rows", "versions", "read", "current to", "verified to", "oldest row"),
        (
            (
                each.table,
                each.rows,
                each.versions,
                each.mode,
                format_timestamp(each.current_to, settings),
                format_timestamp(each.verified_to, settings),
                format_timestamp(each.oldest, settings),
            )
            for each in now.tables
        ),
    )
    _print_lines(
        f"{display_path(settings.published)}: {now.bytes / 1e6:,.1f} MB, published "
        f"{format_age(now.published_at)} ({format_timestamp(now.published_at, settings)}, "
        f"{settings.timezone})."
    )
    _print_lines(
        f"Requests: {now.requests_last_run:,} in the last run, {now.requests_last_day:,} in the "
        "last 24 hours."
    )
    if now.unknown:
        _print_lines(
            f"Fields that no column holds, kept in `extra`: {', '.join(now.unknown)}. "
            "`p4books adopt ENDPOINT.FIELD` makes one a column."
        )
    if now.traits:
        _print_lines("")
        print_capabilities(now.traits)


def print_runs(found: Sequence[Run], settings: Settings, *, running: bool) -> None:
    """Print runs, one a line, the newest first; `running` tells whether one is going on."""
    end = "goes on" if running else KILLED  # of a run that has none yet
    print_table(
        ("run", "began", "seconds", "outcome", *COSTS, *CHANGES),
        (
            (
                run.id,
                format_timestamp(datetime.fromtimestamp(run.started_at, UTC), settings),
                round(run.ended_at - run.started_at, 1) if run.ended_at else None,
                _split_class_name(run.outcome or end),
                run.requests,
                run.refused,
                round(run.waited),
                *(run.sum(name) for name in CHANGES),
            )
            for run in found
        ),
    )


def print_run(one: Run) -> None:
    """Print what one run did for each endpoint."""
    print_table(
        ("endpoint", "read", "outcome", "pages", "of", *COSTS, "rows held", *CHANGES),
        (
            (
                each.endpoint,
                each.mode,
                _split_class_name(each.outcome),
                each.pages,
                each.announced_pages,
                each.requests,
                each.refused,
                round(each.waited),
                each.held,
                *(getattr(each, name) for name in CHANGES),
            )
            for each in one.readings
        ),
    )


def _summary_line(done: SyncSummary, settings: Settings) -> str:
    """Say in one line what a sync did."""
    file = display_path(settings.published)
    if done.published:
        said = f"Published {file}."
    elif done.loaded:
        said = f"Loaded, but not published; {file} stands."
    elif not settings.published.exists():
        said = "Nothing is published yet."
    elif done.readings:
        said = f"Nothing changed; {file} stands."
    else:
        said = f"{file} stands."
    if done.faults:
        kinds = dict.fromkeys(_split_class_name(type(fault).__name__) for fault in done.faults)
        said += f" Not all was done: {', '.join(kinds)}."
    if not done.readings:
        return said
    counted = [(done.sum(name), name) for name in CHANGES]
    rows = ", ".join(f"{count:,} {name}" for count, name in counted if count)
    refused = f", {done.refused} refused" if done.refused else ""
    waited = f", {done.waited:.0f} s waited under the limit" if done.waited >= 1 else ""
    comma = "," if refused or waited else ""
    plural = "" if done.requests == 1 else "s"
    cost = f"{done.requests} request{plural}{refused}{waited}{comma} in {done.seconds:.1f} s."
    first = [r.endpoint for r in done.readings if r.outcome == "goes on" and not r.held]
    more = f" The first copy goes on of {', '.join(first)}." if first else ""
    return f"{said} {rows[:1].upper() + rows[1:]}; {cost}{more}" if rows else f"{said} {cost}{more}"


def _summary_object(done: SyncSummary, settings: Settings) -> dict[str, Any]:
    return {
        **vars(done),
        "readings": [vars(reading) for reading in done.readings],
        "faults": [{"kind": type(f).__name__, "sentence": str(f)} for f in done.faults],
        "file": str(settings.published),
    }


def _split_class_name(outcome: str) -> str:
    """Say the name of an error as a person would: TooManyGone, too many gone."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", outcome).lower()


def _print_lines(line: str) -> None:
    make_console().print(line, markup=False)
