"""Tests of the shown words of runs and of their reasons."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from p4books.cli.render_status import print_run, print_runs, print_runs_json
from p4books.settings import Settings
from p4books.storage.run_log import EndpointRun, Run


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


def test_runs_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The seconds waited have milliseconds, as instants do."""
    waited = 45.67602896690369
    run = replace(make_run(make_endpoint_run("tail", waited=waited)), waited=waited)

    print_runs_json([run])

    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["waited_seconds"], shown["readings"][0]["waited_seconds"]) == (45.676, 45.676)


def test_no_runs(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first run there is a sentence, not a table without rows."""
    print_runs([], settings)

    assert capsys.readouterr().out == "There was no run of acme yet. `p4books sync` makes one.\n"


def test_reasons(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why runs failed is a line for each reason, as long as the terminal is wide."""
    refused = replace(
        make_run(outcome="KeyRefused"), messages=("P4 Books rejected\nthe key.", "more"), faults=2
    )
    runs = [replace(refused, id=number) for number in (9, 8, 7, 5)]
    runs.insert(3, replace(make_run(outcome="killed"), id=6))

    print_runs(runs, settings)
    *_, reason, killed = capsys.readouterr().out.splitlines()
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_runs(runs, settings)
    *_, cut, _ = capsys.readouterr().out.splitlines()

    assert reason == "Runs 9-7, 5: P4 Books rejected the key."
    assert killed.startswith("Run 6: The run was killed, ")
    assert cut == "Runs 9-7, 5: P4 Books rejecte…"
