"""Tests of the shown words of runs, and of the one line of a sync."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from p4books.cli.render_sync import print_run, print_runs, print_runs_json, print_summary
from p4books.errors import AlreadyRunning, TooManyGone
from p4books.settings import Settings
from p4books.storage.run_log import EndpointRun, Run, SyncSummary


def make_endpoint_run(mode: str, outcome: str = "done", **counts: Any) -> EndpointRun:
    """Return what a run did for invoices."""
    return EndpointRun("invoices", mode, outcome, 0.0, 1.0, **counts)


def make_run(*readings: EndpointRun, outcome: str | None = "done") -> Run:
    """Return a run that began in 1970."""
    return Run(7, 0.0, None if outcome is None else 1.0, outcome, 90, 0, 0.4, readings)


@pytest.mark.parametrize(
    ("mode", "outcome", "shown"),
    [
        ("whole", "done", "invoices whole done"),
        ("slice", "goes on", "invoices slice in progress"),
        ("tail", "done", "invoices tail done"),
        ("kept", "TooManyGone", "invoices reused too many gone"),
        ("nothing", "goes on", "invoices skipped in progress"),
    ],
)
def test_words_of_a_run(
    mode: str, outcome: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """How a list was read and how that ended is shown in plain words."""
    print_run(make_run(make_endpoint_run(mode, outcome)))

    row = re.sub(r"\s+", " ", capsys.readouterr().out.splitlines()[1])
    assert row.startswith(f"{shown} 0 ")


@pytest.mark.parametrize(("running", "shown"), [(True, "in progress"), (False, "killed")])
def test_unfinished_run(
    running: bool, shown: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run without an outcome is in progress, or was killed."""
    print_runs([make_run(outcome=None)], settings, running=running)

    assert shown in capsys.readouterr().out


def test_runs_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The seconds waited have milliseconds, as instants do."""
    waited = 45.67602896690369
    run = replace(make_run(make_endpoint_run("tail", waited=waited)), waited=waited)

    print_runs_json([run])

    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["waited"], shown["readings"][0]["waited"]) == (45.676, 45.676)


def test_no_runs(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first run there is a sentence, not a table without rows."""
    print_runs([], settings, running=False)

    assert capsys.readouterr().out == "There was no run of acme yet. `p4books sync` makes one.\n"


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
