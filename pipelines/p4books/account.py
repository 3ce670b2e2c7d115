"""What does a run take from earlier ones, and what does it leave to later ones?"""

import math
import statistics
import time
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any

from p4books.api.client import Access
from p4books.api.known import LOOK_BACK, Known, Order
from p4books.api.lists import Read
from p4books.api.plan import Memory, runs_to_see_all
from p4books.api.probe import Finding
from p4books.api.scan import Mode
from p4books.api.session import Counts
from p4books.api.traits import Traits
from p4books.api.traits import find_out as find_out_traits
from p4books.endpoint import Endpoint
from p4books.endpoints import ENDPOINTS
from p4books.errors import P4BooksError
from p4books.load.delta import Delta
from p4books.load.tables import NEVER, Held, Tally
from p4books.runlog import Reading, RunLog
from p4books.settings import Settings

EVERY = 900.0  # seconds between two runs, before the log can tell


def memory(
    settings: Settings, endpoints: Sequence[Endpoint], held: Held, log: RunLog
) -> dict[str, Memory]:
    """Gather what is known of the lists: from the warehouse, and from the run log."""
    known, access = log.known(), Access.of(settings)
    return {
        endpoint.name: Memory(
            held=endpoint.name in held.scans,
            concluded=held.scans.get(endpoint.name, NEVER).concluded,
            known=_known(known.get(endpoint.name), access.origin(endpoint)),
        )
        for endpoint in endpoints
    }


def learn(log: RunLog, settings: Settings, one: Read) -> None:
    """Remember what this run found out about a list."""
    if known := one.scan.known:
        log.learn(
            one.endpoint.name,
            {
                "source": Access.of(settings).origin(one.endpoint),
                "size": known.size,
                "total": known.total,
                "arrangement": known.order.value,
            },
        )


def find_out(settings: Settings, found: Sequence[Finding]) -> Traits | None:
    """Ask the longest list how the API behaves, and remember it; None where no list can be read.

    Raises ApiError where the list can't be read after all.
    """
    lists = [each for each in found if each.announced is not None] or [
        each for each in found if each.fault is None
    ]
    if not lists:
        return None
    longest = max(lists, key=lambda each: each.announced or 0)
    traits = find_out_traits(settings, ENDPOINTS[longest.endpoint])
    settings.private.mkdir(parents=True, exist_ok=True, mode=0o700)
    RunLog(settings.private / "runs.sqlite").found_out(vars(traits))
    return traits


def reading(
    one: Read, each: Delta | None, counts: Counts, tally: Tally, fault: P4BooksError | None = None
) -> Reading:
    """Say for the log what this run did for one endpoint; nothing is taken in without a delta.

    `fault` is why it was not taken in as it was read.
    """
    scan, verdict, fault = one.scan, one.scan.verdict, one.fault or fault
    total = scan.known.total if scan.known else 0
    return Reading(
        endpoint=one.endpoint.name,
        mode=scan.mode.value,
        outcome=_outcome(one, fault),
        started_at=scan.started_at,
        ended_at=scan.ended_at,
        current_to=scan.current_to if each else None,
        pages=scan.pages,
        announced_pages=scan.announced_pages,
        announced=verdict.announced if verdict else total,
        seen=verdict.seen if verdict else each.seen if each else 0,
        complete=verdict is not None and verdict.complete and fault is None,
        quiet=verdict is not None and verdict.quiet,
        new=each.new if each else 0,
        changed=each.changed if each else 0,
        gone=each.gone if each else 0,
        held=each.held + each.new - each.gone if each else 0,
        findings=tally.findings,
        oldest=tally.oldest,
        **vars(counts),
    )


def failed(name: str, fault: P4BooksError, counts: Counts) -> Reading:
    """Say for the log that one endpoint could not be read at all."""
    now = time.time()
    return Reading(
        name, Mode.NOTHING.value, type(fault).__name__, started_at=now, ended_at=now, **vars(counts)
    )


def _outcome(one: Read, fault: P4BooksError | None) -> str:
    if fault:
        return type(fault).__name__
    return "done" if one.scan.verdict or one.scan.mode is Mode.TAIL else "goes on"


def notes(
    settings: Settings, read: Sequence[Read], held: Collection[str], log: RunLog
) -> list[str]:
    """Say what is not done yet, and whether the budget is enough."""
    said = [
        f"{one.endpoint.name}: the first copy goes on, {one.scan.pages:,} of about "
        f"{one.scan.announced_pages:,} pages are read. Nothing of it is published before it is "
        "whole: run again, or `p4books sync --full` to read it to its end now."
        for one in read
        if one.scan.verdict is None and one.endpoint.name not in held
    ]
    return said + _too_slow(settings, read, log)


def _too_slow(settings: Settings, read: Sequence[Read], log: RunLog) -> list[str]:
    """Say where rows can't be seen again as often as they should, and what would help."""
    lists = {one.endpoint.name: one.scan.known for one in read if one.scan.known}
    budget, age, every = settings.requests_per_run, settings.max_verified_age, _interval(log)

    def hours(requests: int) -> float:
        return runs_to_see_all(lists, requests) * every / 3600

    if hours(budget) <= max(age, every / 3600):
        return []
    most = range(sum(known.requests + LOOK_BACK for known in lists.values()))
    enough = bisect_left(most, x=True, key=lambda requests: hours(requests) <= age)
    ever = math.isfinite(hours(budget))
    takes = f"it takes {hours(budget):,.0f} h to see all rows again" if ever else "rows grow old"
    return [
        (
            f"At {budget:,} requests a run and a run every {every / 60:.0f} min {takes}, and "
            f"`max_verified_age` is {age:g} h: `requests_per_run` = {enough} would do."
        )
    ]


def _interval(log: RunLog) -> float:
    """Return the seconds that usually lie between the beginnings of two runs."""
    began = [run.started_at for run in log.runs(20)]
    gaps = [later - earlier for later, earlier in pairwise(began)]
    return max(statistics.median(gaps), 60.0) if len(gaps) >= 3 else EVERY


def _known(told: Mapping[str, Any] | None, source: str) -> Known | None:
    """Take what was learned before, if it was of the same list, asked for in the same way."""
    if told is None or told["source"] != source:
        return None
    return Known(told["size"], told["total"], Order(told["arrangement"]))
