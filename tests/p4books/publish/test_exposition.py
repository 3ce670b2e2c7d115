"""Tests of metrics, as Prometheus reads them."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families
from tests.p4books.publish.test_health import NOW, STATUS, make_run

from p4books.publish.exposition import TenantMetrics, format_exposition
from p4books.publish.health import judge_health
from p4books.publish.status import (
    DiskUse,
    EndpointStatus,
    FirstCopy,
    ProblemKind,
    TenantStatus,
)
from p4books.storage.run_log import RunTotals

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
FULL = replace(
    STATUS,
    tables=(EndpointStatus("invoices", 2, 3, "whole", NOW, NOW, None),),
    first_copies=(FirstCopy("vendors", 1, 4, 10, 25),),
    disk=DiskUse(1, 2, 3, 4),
    backed_up_at=NOW,
    last_success_at=NOW,
    last_run=make_run("KeyRefused", "wrong"),
    totals=RunTotals({"done": 5, "KeyRefused": 1}, 90, 2, 1.5),
)
NEVER = replace(
    STATUS,
    tenant="new",
    bytes=None,
    published_at=None,
    figures_at=None,
    last_run=None,
    problem="Nothing is there.",
    problem_kind=ProblemKind.NEVER_SYNCED,
)


def make_metrics(*statuses: TenantStatus) -> str:
    """Return the exposition of tenants."""
    return format_exposition(
        [TenantMetrics(each.tenant, each, judge_health(each, now=NOW)) for each in statuses]
    )


def parse_samples(text: str) -> Samples:
    """Parse an exposition; each sample is there once."""
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    parsed = {(s.name, frozenset(s.labels.items())): s.value for s in samples}
    assert len(parsed) == len(samples)
    return parsed


def test_values() -> None:
    """Instants are seconds since 1970, sizes bytes, shares between 0 and 1, flags 0 or 1."""
    samples = parse_samples(make_metrics(FULL))

    def value(name: str, **labels: str) -> float:
        return samples[f"p4books_{name}", frozenset({"tenant": "acme", **labels}.items())]

    assert value("healthy") == value("last_run_success") == 0
    assert value("problem", kind="run_failed") == value("last_run_errors") == 1
    assert value("last_run_timestamp_seconds") == NOW.timestamp() - 300
    assert value("figures_timestamp_seconds") == (NOW - timedelta(minutes=5)).timestamp()
    assert value("last_backup_timestamp_seconds") == NOW.timestamp()
    assert value("runs_total", outcome="key_refused") == 1
    assert (value("requests_total"), value("rate_limit_wait_seconds_total")) == (90, 1.5)
    assert (value("rows", endpoint="invoices"), value("versions", endpoint="invoices")) == (2, 3)
    assert value("first_copy_ratio", endpoint="vendors") == 0.25
    assert value("disk_usage_bytes", part="generations") == 4
    assert ("p4books_oldest_row_timestamp_seconds", frozenset()) not in samples


def test_conventions() -> None:
    """Each metric is once, with its help and type; the name of a counter ends in _total."""
    text = make_metrics(FULL, replace(FULL, tenant="other"), NEVER)

    families = list(text_string_to_metric_families(text))
    names = [family.name for family in families]
    assert len(names) == len(set(names)) == text.count("# TYPE ") == text.count("# HELP ")
    assert all(re.fullmatch("p4books_[a-z_]+", name) for name in names)
    assert all(family.documentation.endswith(".") for family in families)
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        assert (kind == "counter") == name.endswith("_total")
    assert text.endswith("\n")


def test_before_the_first_sync() -> None:
    """With nothing synced yet, or nothing that can be read, the metrics say so and are valid."""
    samples = parse_samples(make_metrics(NEVER))
    unreadable = parse_samples(format_exposition([TenantMetrics("broken")]))

    assert samples["p4books_healthy", frozenset({("tenant", "new")})] == 0
    assert samples["p4books_requests_total", frozenset({("tenant", "new")})] == 0
    assert not [name for name, _ in samples if "last_run" in name or "timestamp" in name]
    assert unreadable["p4books_healthy", frozenset({("tenant", "broken")})] == 0
    assert parse_samples(format_exposition([]))


def test_escaping() -> None:
    """Signs that mean something in the format come back as they were."""
    odd = 'a\\b"c\nd\\n'

    samples = parse_samples(make_metrics(replace(FULL, tenant=odd)))

    assert samples["p4books_healthy", frozenset({("tenant", odd)})] == 0


def test_long_numbers() -> None:
    """Large numbers have all their digits."""
    at = datetime(2026, 11, 24, 2, 15, 4, 123456, UTC)

    text = make_metrics(replace(FULL, bytes=123_456_789_012, published_at=at))

    assert '\np4books_published_size_bytes{tenant="acme"} 123456789012\n' in text
    assert f'\np4books_published_timestamp_seconds{{tenant="acme"}} {at.timestamp():.3f}\n' in text
