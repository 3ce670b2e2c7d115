"""How is what was done or found shown?"""

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from p4books import screen
from p4books.api.probe import Finding
from p4books.api.traits import Traits
from p4books.runlog import KILLED, Run
from p4books.settings import Settings
from p4books.summary import Summary
from p4books.warehouse.status import Status

COSTS = ("requests", "refused", "seconds waited")
CHANGES = ("new", "changed", "gone", "findings")

_SAID = {True: "yes", False: "no", None: "unknown"}


def summary(done: Summary, settings: Settings, *, table: bool = True) -> None:
    """Print what a sync did: a table, and the one line that a log is made of."""
    if table and done.readings:
        screen.table(
            ("endpoint", "rows", "new", "changed", "gone"),
            ((r.endpoint, r.seen, r.new, r.changed, r.gone) for r in done.readings),
        )
    line = _line(done, settings)
    if not table:
        line = f"{screen.when(datetime.now(UTC), settings)} {done.tenant}: {line}"
    screen.console().print(line, markup=False)
    for note in done.notes:
        sys.stderr.write(f"{note}\n")


def summary_json(done: Summary, settings: Settings) -> None:
    """Print what a sync did, for a program."""
    screen.as_json(_told(done, settings))


def summary_log(done: Summary, settings: Settings) -> None:
    """Print what a sync did as one line of JSON."""
    told = {"at": datetime.now(UTC), **_told(done, settings)}
    sys.stdout.write(msgspec.json.encode(told, enc_hook=str).decode() + "\n")


def findings(found: Sequence[Finding], behaviour: Traits | None = None) -> None:
    """Print what one light request told of each endpoint, and how the API behaves."""
    screen.table(
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
        screen.console().print()
        traits(vars(behaviour))


def findings_json(found: Sequence[Finding], behaviour: Traits | None = None) -> None:
    """Print the same for a program: a list, or with the behaviour an object of both."""
    listed = [{**vars(each), "fault": each.fault and str(each.fault)} for each in found]
    screen.as_json({"endpoints": listed, "traits": behaviour} if behaviour else listed)


def traits(found: Mapping[str, Any]) -> None:
    """Print how this tenant's API behaves where the contract leaves it open."""
    screen.table(
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


def status(now: Status, settings: Settings) -> None:
    """Print what the published file holds, how fresh it is, and what keeping it so cost."""
    screen.table(
        ("table", "rows", "versions", "read", "current to", "verified to", "oldest row"),
        (
            (
                each.table,
                each.rows,
                each.versions,
                each.mode,
                screen.when(each.current_to, settings),
                screen.when(each.verified_to, settings),
                screen.when(each.oldest, settings),
            )
            for each in now.tables
        ),
    )
    _print(
        f"{screen.shown(settings.published)}: {now.bytes / 1e6:,.1f} MB, published "
        f"{screen.ago(now.published_at)} ({screen.when(now.published_at, settings)}, "
        f"{settings.timezone})."
    )
    _print(
        f"Requests: {now.requests_last_run:,} in the last run, {now.requests_last_day:,} in the "
        "last 24 hours."
    )
    if now.unknown:
        _print(
            f"Fields that no column holds, kept in `extra`: {', '.join(now.unknown)}. "
            "`p4books adopt ENDPOINT.FIELD` makes one a column."
        )
    if now.traits:
        _print("")
        traits(now.traits)


def runs(found: Sequence[Run], settings: Settings, *, running: bool) -> None:
    """Print runs, one a line, the newest first; `running` tells whether one is going on."""
    end = "goes on" if running else KILLED  # of a run that has none yet
    screen.table(
        ("run", "began", "seconds", "outcome", *COSTS, *CHANGES),
        (
            (
                run.id,
                screen.when(datetime.fromtimestamp(run.started_at, UTC), settings),
                round(run.ended_at - run.started_at, 1) if run.ended_at else None,
                _words(run.outcome or end),
                run.requests,
                run.refused,
                round(run.waited),
                *(run.sum(name) for name in CHANGES),
            )
            for run in found
        ),
    )


def run(one: Run) -> None:
    """Print what one run did for each endpoint."""
    screen.table(
        ("endpoint", "read", "outcome", "pages", "of", *COSTS, "rows held", *CHANGES),
        (
            (
                each.endpoint,
                each.mode,
                _words(each.outcome),
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


def _line(done: Summary, settings: Settings) -> str:
    """Say in one line what a sync did."""
    file = screen.shown(settings.published)
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
        kinds = dict.fromkeys(_words(type(fault).__name__) for fault in done.faults)
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


def _told(done: Summary, settings: Settings) -> dict[str, Any]:
    return {
        **vars(done),
        "readings": [vars(reading) for reading in done.readings],
        "faults": [{"kind": type(f).__name__, "sentence": str(f)} for f in done.faults],
        "file": str(settings.published),
    }


def _words(outcome: str) -> str:
    """Say the name of an error as a person would: TooManyGone, too many gone."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", outcome).lower()


def _print(line: str) -> None:
    screen.console().print(line, markup=False)
