"""Metrics of tenants for Prometheus, in its text exposition format 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/ says how they are written, and
https://prometheus.io/docs/practices/naming/ how they are named.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from p4books.publish.health import Health
from p4books.publish.status import DiskUse, ProblemKind, TenantStatus
from p4books.storage.run_log import DONE

Labels = Mapping[str, str]
Sample = tuple[Labels, float | datetime | None]  # without a value it is left out

PREFIX = "p4books_"


@dataclass(frozen=True)
class GroupMetrics:
    """What the metrics of a group's file are made of; the instants None if it cannot be read."""

    ok: bool
    bytes: int | None
    published_at: datetime | None
    figures_at: datetime | None


@dataclass(frozen=True)
class TenantMetrics:
    """What the metrics of a tenant, or a group, are made of; of nothing: not all is well."""

    tenant: str
    status: TenantStatus | None = None
    health: Health | None = None
    group: GroupMetrics | None = None

    @property
    def ok(self) -> bool:
        """Return whether all is well."""
        verdict = self.health or self.group
        return verdict is not None and verdict.ok

    def list_samples(self, family: "_Family") -> Iterable[Sample]:
        """Return the samples of a metric, which a group has only if it is of its file."""
        if self.group and family.read_file:
            return [({}, family.read_file(self.group))]
        return family.samples(self.status) if self.status else []


@dataclass(frozen=True)
class _Family:
    """A metric of every tenant: its name without PREFIX, type, what it is, and its samples.

    `read_file` reads it of the file of a group, None if it is of tenants only.
    """

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    samples: Callable[[TenantStatus], Iterable[Sample]]
    read_file: Callable[[GroupMetrics], float | datetime | None] | None = None


def format_exposition(tenants: Sequence[TenantMetrics]) -> str:
    """Format the metrics of tenants as one exposition, in which each metric is once."""
    lines = list(_format_build())
    lines += _format_family(
        "healthy",
        "gauge",
        "Whether all is well, as `p4books status` says.",
        (({"tenant": each.tenant}, each.ok) for each in tenants),
    )
    lines += _format_family(
        "problem",
        "gauge",
        "Whether something is wrong, by kind.",
        (sample for each in tenants for sample in _list_problems(each)),
    )
    for family in _FAMILIES:
        samples = (
            ({"tenant": each.tenant, **labels}, value)
            for each in tenants
            for labels, value in each.list_samples(family)
        )
        lines += _format_family(family.name, family.kind, family.help, samples)
    return "".join(f"{line}\n" for line in lines)


def _format_build() -> Iterator[str]:
    try:
        release = version("p4books")
    except PackageNotFoundError:  # run from a working tree that is not installed
        release = "0"
    yield from _format_family(
        "build_info", "gauge", "The version of p4books.", [({"version": release}, 1)]
    )


def _list_problems(tenant: TenantMetrics) -> Iterator[Sample]:
    if tenant.health:
        found = {problem.kind for problem in tenant.health.problems}
        yield from (
            ({"tenant": tenant.tenant, "kind": kind.value}, kind in found) for kind in ProblemKind
        )


def _format_family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    """Yield the lines of a metric; none if it has no sample."""
    named = [(labels, value) for labels, value in samples if value is not None]
    if not named:
        return
    yield f"# HELP {PREFIX}{name} {_escape(text)}"
    yield f"# TYPE {PREFIX}{name} {kind}"
    for labels, value in named:
        pairs = ",".join(
            f'{label}="{_escape(text, quotes=True)}"' for label, text in labels.items()
        )
        yield f"{PREFIX}{name}{{{pairs}}} {_format_value(value)}"


def _escape(text: str, *, quotes: bool = False) -> str:
    """Escape a text as the format asks; in values of labels, quotes as well."""
    escaped = text.replace("\\", r"\\").replace("\n", r"\n")
    return escaped.replace('"', r"\"") if quotes else escaped


def _format_value(value: float | datetime) -> str:
    number = value.timestamp() if isinstance(value, datetime) else float(value)
    return str(int(number)) if number.is_integer() else f"{number:.3f}"


def _single(read: Callable[[TenantStatus], float | datetime | None]) -> Callable[..., list[Sample]]:
    """Return what lists the one sample of a metric that has no labels of its own."""
    return lambda status: [({}, read(status))]


def _by_endpoint(name: str) -> Callable[[TenantStatus], list[Sample]]:
    return lambda status: [
        ({"endpoint": table.table}, getattr(table, name)) for table in status.tables
    ]


def _last_run_success(status: TenantStatus) -> float | None:
    return status.last_run.outcome == DONE if status.last_run else None


def _last_run_time(status: TenantStatus) -> float | None:
    run = status.last_run
    return (run.ended_at or run.started_at) if run else None


def _last_run_seconds(status: TenantStatus) -> float | None:
    run = status.last_run
    return run.ended_at - run.started_at if run and run.ended_at else None


def _last_run_errors(status: TenantStatus) -> float | None:
    return len(status.last_run.reasons) if status.last_run else None


def _runs(status: TenantStatus) -> list[Sample]:
    return [
        ({"outcome": _snake_case(outcome)}, count)
        for outcome, count in sorted(status.totals.outcomes.items())
    ]


def _first_copies(status: TenantStatus) -> list[Sample]:
    return [
        ({"endpoint": copy.endpoint}, min(copy.pages / copy.announced_pages, 1.0))
        for copy in status.first_copies
        if copy.announced_pages
    ]


def _disk(status: TenantStatus) -> list[Sample]:
    disk: DiskUse | None = status.disk
    if disk is None:
        return []
    parts = {
        "warehouse": disk.warehouse,
        "spool": disk.spool,
        "generations": disk.generations_bytes,
    }
    return [({"part": part}, size) for part, size in parts.items()]


def _snake_case(outcome: str) -> str:
    """Return the class name of an error as a word: KeyRefused is key_refused."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", outcome).lower()


_FAMILIES = (
    _Family(
        "last_run_success",
        "gauge",
        "Whether the last run ended without an error.",
        _single(_last_run_success),
    ),
    _Family(
        "last_run_timestamp_seconds",
        "gauge",
        "When the last run ended; if it was killed, when it began.",
        _single(_last_run_time),
    ),
    _Family(
        "last_run_duration_seconds",
        "gauge",
        "How long the last run took.",
        _single(_last_run_seconds),
    ),
    _Family("last_run_errors", "gauge", "Errors of the last run.", _single(_last_run_errors)),
    _Family(
        "last_success_timestamp_seconds",
        "gauge",
        "When the last run without an error ended.",
        _single(lambda status: status.last_success_at),
    ),
    _Family(
        "run_in_progress",
        "gauge",
        "Whether a run is in progress.",
        _single(lambda status: status.running is not None),
    ),
    _Family("runs_total", "counter", "Runs that ended, by how they ended.", _runs),
    _Family(
        "requests_total",
        "counter",
        "Requests of all runs to P4 Books.",
        _single(lambda status: status.totals.requests),
    ),
    _Family(
        "requests_refused_total",
        "counter",
        "Requests that P4 Books refused because of its rate limit.",
        _single(lambda status: status.totals.refused),
    ),
    _Family(
        "rate_limit_wait_seconds_total",
        "counter",
        "How long runs waited for the rate limit.",
        _single(lambda status: status.totals.waited),
    ),
    _Family(
        "figures_timestamp_seconds",
        "gauge",
        "When the lists that the published file shows were last read; the oldest of these times.",
        _single(lambda status: status.figures_at),
        lambda group: group.figures_at,
    ),
    _Family(
        "published_timestamp_seconds",
        "gauge",
        "When the published file was made.",
        _single(lambda status: status.published_at),
        lambda group: group.published_at,
    ),
    _Family(
        "published_size_bytes",
        "gauge",
        "Size of the published file.",
        _single(lambda status: status.bytes),
        lambda group: group.bytes,
    ),
    _Family("rows", "gauge", "Rows of a list in the published file.", _by_endpoint("rows")),
    _Family("versions", "gauge", "Versions of these rows.", _by_endpoint("versions")),
    _Family(
        "current_to_timestamp_seconds",
        "gauge",
        "When the newest rows of a list were last read.",
        _by_endpoint("current_to"),
    ),
    _Family(
        "verified_to_timestamp_seconds",
        "gauge",
        "When the last complete scan of a list began.",
        _by_endpoint("verified_to"),
    ),
    _Family(
        "oldest_row_timestamp_seconds",
        "gauge",
        "When the row of a list that was seen least recently was last seen.",
        _by_endpoint("oldest"),
    ),
    _Family(
        "first_copy_ratio",
        "gauge",
        "How much of a list is read whose first copy is in progress, from 0 to 1.",
        _first_copies,
    ),
    _Family(
        "last_backup_timestamp_seconds",
        "gauge",
        "As of when the last backup that this machine knows of has the books.",
        _single(lambda status: status.backed_up_at),
    ),
    _Family(
        "lake_snapshot",
        "gauge",
        "The last snapshot that this machine wrote into the lake.",
        _single(lambda status: status.lake.snapshot if status.lake else None),
    ),
    _Family(
        "lake_snapshot_timestamp_seconds",
        "gauge",
        "When this machine wrote the last snapshot into the lake.",
        _single(lambda status: status.lake.written_at if status.lake else None),
    ),
    _Family(
        "lake_current",
        "gauge",
        "Whether the lake has all that is published, as far as this machine knows.",
        _single(lambda status: status.lake.is_current if status.lake else None),
    ),
    _Family(
        "home_state",
        "gauge",
        "The state that this machine took from the home or put back last.",
        _single(lambda status: status.home.state if status.home else None),
    ),
    _Family(
        "home_state_timestamp_seconds",
        "gauge",
        "When this machine took the state from the home or put it back.",
        _single(lambda status: status.home.state_at if status.home else None),
    ),
    _Family(
        "home_changed",
        "gauge",
        "Whether files of this machine differ from that state.",
        _single(lambda status: status.home.is_changed if status.home else None),
    ),
    _Family(
        "home_held",
        "gauge",
        "Whether this machine works with the state of the home.",
        _single(lambda status: status.home.is_held if status.home else None),
    ),
    _Family("disk_usage_bytes", "gauge", "What private files take on disk, by part.", _disk),
    _Family(
        "generations",
        "gauge",
        "Earlier warehouses that are kept.",
        _single(lambda status: status.disk.generations if status.disk else None),
    ),
)
