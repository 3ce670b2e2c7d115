"""Tests of the one line of a sync."""

import re
from typing import Any

import pytest

from p4books.cli.render_sync import print_summary
from p4books.errors import AlreadyRunning, TooManyGone
from p4books.settings import Settings
from p4books.storage.run_log import EndpointRun, SyncSummary


def make_endpoint_run(mode: str, outcome: str = "done", **counts: Any) -> EndpointRun:
    """Return what a run did for invoices."""
    return EndpointRun("invoices", mode, outcome, 0.0, 1.0, **counts)


@pytest.mark.parametrize(
    ("summary", "line"),
    [
        (
            SyncSummary(
                "acme",
                [make_endpoint_run("tail", new=1200, changed=3)],
                requests=90,
                refused=2,
                waited=30.4,
                seconds=64.12,
                loaded=True,
                published=True,
            ),
            (
                "Published {file}. 1,200 new, 3 changed; 90 requests, 2 refused, "
                "waited 30 s for the rate limit, in 64.1 s."
            ),
        ),
        (
            SyncSummary("acme", [make_endpoint_run("tail")], requests=1, seconds=1.9),
            "Nothing is published yet. 1 request in 1.9 s.",
        ),
        (
            SyncSummary("acme", [make_endpoint_run("tail", gone=1)], loaded=True, requests=2),
            "Loaded, but not published; {file} is unchanged. 1 gone; 2 requests in 0.0 s.",
        ),
        (
            SyncSummary("acme", faults=[TooManyGone("invoices", 28, 30)]),
            "Nothing is published yet. Not everything was done: too many gone.",
        ),
        (
            SyncSummary("acme", [make_endpoint_run("tail")], published=True, left_out=1),
            "Published {file} without 1 custom report. 0 requests in 0.0 s.",
        ),
        (
            SyncSummary("acme", faults=[AlreadyRunning("acme")]),
            "Skipped: another run is in progress.",
        ),
        (
            SyncSummary("acme", [make_endpoint_run("slice", "goes on")], requests=2),
            "Nothing is published yet. 2 requests in 0.0 s. First copy in progress: invoices.",
        ),
    ],
)
def test_line_of_a_sync(
    summary: SyncSummary, line: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line of a log says when, whose, what happened and what it cost."""
    print_summary(summary, settings, table=False)

    expected = re.escape(line.format(file="data/acme.duckdb"))
    assert re.fullmatch(
        rf"\d{{4}}-\d\d-\d\d [\d:]{{8}} acme: {expected}\n", capsys.readouterr().out
    )
