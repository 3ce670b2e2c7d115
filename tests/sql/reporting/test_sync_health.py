"""Runs of each endpoint."""

from collections.abc import Callable
from typing import Any

import pytest

Action = Callable[..., None]
Query = Callable[[str], list[tuple[Any, ...]]]

RUN = {
    "endpoint": "invoices",
    "run_id": 1,
    "mode": "whole",
    "outcome": "done",
    "complete": True,
    "started_at": "2026-06-29 23:00:00+00",
    "ended_at": "2026-06-30 05:00:00+00",
    "current_to": "2026-06-29 23:30:00+00",
    "announced": 500,
    "held": 498,
    "new": 3,
    "changed": 2,
    "gone": 1,
    "findings": 4,
    "requests": 25,
    "refused": 1,
    "waited": 1.25,
}


@pytest.fixture
def runs(query_text: Query) -> Query:
    """Return a function that selects columns of each run."""

    def runs(columns: str) -> list[tuple[Any, ...]]:
        return query_text(f"select {columns} from reporting.sync_health order by run_id, endpoint")

    return runs


def test_no_runs(runs: Query) -> None:
    """Before the first run there are no rows."""
    assert runs("*") == []


def test_run(insert: Action, set_as_of: Action, runs: Query) -> None:
    """A run shows what was read of a list, the result, and how long ago it was."""
    set_as_of("2026-06-30")  # at 17:00 UTC
    insert("runs", **RUN)

    assert runs("*") == [
        (
            *("invoices", 1, "whole", "done", True),
            *("2026-06-29 23:00:00+00:00", "2026-06-30 05:00:00+00:00"),
            *("2026-06-29 23:30:00+00:00", 500, 498, 3, 2, 1, 4, 25, 1, "1.25", "12.00"),
        )
    ]


def test_failed(insert: Action, set_as_of: Action, runs: Query) -> None:
    """A run that failed or is not finished shows so, with what was requested; unknown values are
    null."""
    set_as_of("2026-06-30")
    unknown = dict.fromkeys(("current_to", "announced", "held", "new", "changed", "gone"))
    insert("runs", **{**RUN, **unknown, "outcome": "KeyRejected", "complete": False})
    insert("runs", **{**RUN, "run_id": 2, "outcome": "goes on", "complete": False})

    assert runs(
        "run_id, outcome, is_complete, current_to, rows_announced, rows_held, new_rows,"
        " changed_rows, gone_rows, requests"
    ) == [
        (1, "KeyRejected", False, None, None, None, None, None, None, 25),
        (2, "goes on", False, "2026-06-29 23:30:00+00:00", 500, 498, 3, 2, 1, 25),
    ]


@pytest.mark.parametrize(
    ("ended", "hours"),
    [
        ("2026-06-30 17:00:00+00", "0.00"),
        ("2026-06-30 16:59:40+00", "0.01"),
        ("2026-05-30 17:00:00+00", "744.00"),  # 31 days
        ("2024-06-30 17:00:00+00", "17520.00"),  # 730 days
        (None, None),
    ],
)
def test_age(
    insert: Action, set_as_of: Action, runs: Query, ended: str | None, hours: str | None
) -> None:
    """The age is given in hours up to the as-of timestamp, over months and years too."""
    set_as_of("2026-06-30")
    insert("runs", **{**RUN, "ended_at": ended})

    assert runs("age_hours") == [(hours,)]


def test_each_list(insert: Action, set_as_of: Action, runs: Query) -> None:
    """Each list of a run has its own row."""
    set_as_of("2026-06-30")
    for endpoint, run_id in (("products", 1), ("invoices", 1), ("products", 2)):
        insert("runs", **{**RUN, "endpoint": endpoint, "run_id": run_id})

    assert runs("run_id, endpoint") == [(1, "invoices"), (1, "products"), (2, "products")]
