"""Tests of the verdict on a tenant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from p4books.publish.health import judge_health
from p4books.publish.status import DiskUse, FirstCopy, ProblemKind, TenantStatus
from p4books.storage.run_log import Run, RunFault
from p4books.storage.unlogged import UnloggedFailure

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def make_run(outcome: str, *messages: str, faults: int = 1, age: float = 300) -> Run:
    """Return a run that ended some seconds ago, of which the first messages are errors."""
    end = NOW.timestamp() - age
    ended_at = None if outcome == "killed" else end
    return Run(12, end - 60, ended_at, outcome, 9, 0, 0.0, (), messages, faults)


STATUS = TenantStatus(
    tenant="acme",
    file="data/acme.duckdb",
    bytes=1,
    published_at=NOW - timedelta(minutes=50),
    figures_at=NOW - timedelta(minutes=5),
    tables=(),
    requests_last_run=9,
    requests_last_day=9,
    unknown=(),
    traits=None,
    sync_interval=timedelta(minutes=15),
    disk=DiskUse(1, 0, 0, 0),
    last_run=make_run("done"),
)
UNLOGGED = UnloggedFailure(
    NOW.timestamp() - 300, RunFault("PostgresTrouble", "It is away. Run again.")
)
LOST = "The warehouse is missing."


def test_all_is_well() -> None:
    """One sentence says so, with the age of the figures and of the file."""
    health = judge_health(STATUS, now=NOW)

    assert (health.ok, health.failed, health.problems) == (True, False, ())
    assert health.lines == (
        (
            "All is well: the lists were last read 5 minutes ago, and the file was published "
            "50 minutes ago."
        ),
    )
    assert (health.age_seconds, health.max_age_seconds) == (300, 1800)


@pytest.mark.parametrize(
    ("changes", "kinds", "sentence"),
    [
        (
            {"last_run": make_run("KeyRefused", "The key is wrong. Set it.")},
            ["run_failed"],
            "Not all is well: run 12 failed 5 minutes ago. The key is wrong. Set it.",
        ),
        (
            {"last_run": make_run("CheckFailed", "Oh:\n- a row", "no share", faults=2)},
            ["run_failed"],
            "Not all is well: run 12 failed 5 minutes ago. Oh: `p4books runs 12` shows more.",
        ),
        (
            {"last_run": make_run("killed")},
            ["run_killed"],
            (
                "Not all is well: run 12 failed 6 minutes ago. The run was killed, or the machine "
                "went down, before it could record its end. The next run continues from there."
            ),
        ),
        (
            {
                "last_run": make_run("WarehouseLost", LOST),
                "problem": LOST,
                "problem_kind": ProblemKind.WAREHOUSE,
            },
            ["run_failed"],
            f"Not all is well: run 12 failed 5 minutes ago. {LOST}",
        ),
        (
            {"problem": LOST, "problem_kind": ProblemKind.WAREHOUSE, "clock": "It is wrong."},
            ["warehouse", "clock"],
            f"Not all is well: {LOST}",
        ),
        (
            {"last_run": UNLOGGED.as_run()},
            ["run_failed"],
            "Not all is well: the last run could not begin, 5 minutes ago. It is away. Run again.",
        ),
        (
            {"unpublished_run": 11},
            ["not_published"],
            (
                "Not all is well: what run 11 loaded is not published, so that readers see the "
                "books as published 50 minutes ago. Run `p4books report` to publish it, or to see "
                "why that fails."
            ),
        ),
        (
            {
                "published_at": None,
                "bytes": None,
                "figures_at": None,
                "problem": "It does not exist yet.",
                "problem_kind": ProblemKind.PUBLISHED_FILE,
                "first_copies": (FirstCopy("invoices", 1, 2, 100, 50),),
                "running": make_run("done"),
            },
            ["published_file"],
            (
                "Not all is well: It does not exist yet. Run 12 is in progress. First copies in "
                "progress: invoices 50 %."
            ),
        ),
    ],
)
def test_problems(changes: dict[str, Any], kinds: list[str], sentence: str) -> None:
    """Each thing that is wrong is a problem once, and what it means for readers is said first."""
    health = judge_health(replace(STATUS, **changes), now=NOW)

    assert (health.ok, health.failed) == (False, True)
    assert [problem.kind for problem in health.problems] == kinds
    assert health.sentence == sentence


@pytest.mark.parametrize(("minutes", "ok"), [(30, True), (31, False)])
def test_old_figures(minutes: int, ok: bool) -> None:
    """Figures are old after two intervals of the schedule, which alone is no failure."""
    status = replace(STATUS, figures_at=NOW - timedelta(minutes=minutes))

    health = judge_health(status, now=NOW)

    assert (health.ok, health.failed) == (ok, False)


@pytest.mark.parametrize(
    ("max_age", "failed"), [(timedelta(minutes=4), True), (timedelta(minutes=5), False)]
)
def test_max_age(max_age: timedelta, failed: bool) -> None:
    """With a limit, older figures are a failure."""
    health = judge_health(STATUS, max_age, NOW)

    assert (health.ok, health.failed) == (not failed, failed)


def test_reader() -> None:
    """Who may not read the log of runs sees that, and a quiet tenant is not old to them."""
    age = timedelta(minutes=85)
    reader = replace(STATUS, disk=None, last_run=None, figures_at=NOW - age)

    health = judge_health(reader, now=NOW)

    assert health.ok
    assert health.sentence.endswith(" This user may not see how the runs went.")
    assert not judge_health(replace(reader, figures_at=NOW - 2 * age), now=NOW).ok


def test_what_is_no_problem() -> None:
    """A stopped run, a run in progress and a first copy are mentioned, and all is well."""
    status = replace(
        STATUS,
        last_run=make_run("stopped"),
        running=replace(make_run("done"), id=13, outcome=None),
        first_copies=(FirstCopy("invoices", 1, 2, 100, 50),),
    )

    health = judge_health(status, now=NOW)

    assert health.ok
    assert health.sentence.endswith(
        "Run 12 was stopped; the next one continues from there. Run 13 is in progress. First "
        "copies in progress: invoices 50 %."
    )
