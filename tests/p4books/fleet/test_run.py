"""Many tenants in one process: who is next, who waits, and what becomes of each."""

import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from p4books.errors import AlreadyRunning, DiskTrouble, P4BooksError, SettingsError
from p4books.extract.reader import Pause
from p4books.fleet.run import TenantSchedule, choose_exit_code, run_tenants
from p4books.settings import ConfiguredTenant, Settings

WAIT = 10.0  # seconds that a test waits for another thread, at most


def _make(**keys: str) -> list[ConfiguredTenant]:
    return [
        ConfiguredTenant(name, Settings.model_validate({"tenant": name, "api_key": key}))
        for name, key in keys.items()
    ]


def _start(schedule: TenantSchedule) -> list[str]:
    return [tenant.name for tenant, _ in schedule.start()]


def test_outcomes() -> None:
    """One that fails, in whatever way, stops no other, nor does one without valid settings."""
    fault = SettingsError("page_size is invalid.")
    tenants = [*_make(a="1", b="2", c="3"), ConfiguredTenant("d", None, fault)]

    def work(settings: Settings, _: Pause) -> str:
        if settings.tenant == "b":
            raise ZeroDivisionError
        return settings.tenant.upper()

    outcomes = {each.tenant.name: each for each in run_tenants(tenants, work, jobs=2)}

    assert [(name, outcomes[name].value) for name in "abcd"] == [
        ("a", "A"),
        ("b", None),
        ("c", "C"),
        ("d", None),
    ]
    assert isinstance(outcomes["b"].error, ZeroDivisionError)
    assert outcomes["d"].error is fault
    assert list(run_tenants([], work, jobs=2)) == []


def test_other_keys_first() -> None:
    """Those of a key that nobody works with begin first; then as many as there is room for."""
    schedule = TenantSchedule(_make(a="1", b="1", c="2", d="1"), jobs=3)

    assert _start(schedule) == ["a", "c", "b"]
    assert _start(schedule) == []


def test_pause_makes_room() -> None:
    """One that waits for its key leaves its place to one of another key, and to none of its own."""
    tenants = _make(a="1", b="1", c="2", d="2")
    schedule = TenantSchedule(tenants, jobs=1)

    assert _start(schedule) == ["a"]
    with schedule.pause(tenants[0]), schedule.pause(tenants[0]):  # two of its lists
        assert _start(schedule) == ["c"]
        schedule.end(tenants[2])
        assert _start(schedule) == ["d"]
        with schedule.pause(tenants[3]):
            assert _start(schedule) == []  # b would only wait with a
        schedule.end(tenants[3])
    schedule.end(tenants[0])
    assert _start(schedule) == ["b"]
    assert not schedule.is_done
    schedule.end(tenants[1])
    assert schedule.is_done


def test_waiting_blocks_nobody() -> None:
    """With one job, all tenants of other keys are done while one waits for the limit of its own."""
    others_done = threading.Event()
    ended: list[str] = []

    def work(settings: Settings, pause: Pause) -> bool:
        if settings.tenant != "a":
            return True
        with pause():
            return others_done.wait(WAIT)

    for outcome in run_tenants(_make(a="1", b="1", c="2", d="3"), work, jobs=1):
        ended.append(outcome.tenant.name)
        assert outcome.value
        if {"c", "d"} <= set(ended):
            others_done.set()

    assert ended == ["c", "d", "a", "b"]


def test_stop() -> None:
    """If the process must stop, none begins any more, and those at work may end."""
    go, started = threading.Event(), []

    def work(settings: Settings, _: Pause) -> None:
        started.append(settings.tenant)
        if settings.tenant == "b":
            go.wait(WAIT)

    outcomes = run_tenants(_make(a="1", b="2", c="3", d="4"), work, jobs=2)
    assert isinstance(outcomes, Generator)
    ended = [next(outcomes).tenant.name]
    go.set()
    ended.append(outcomes.throw(KeyboardInterrupt).tenant.name)
    with pytest.raises(KeyboardInterrupt):
        next(outcomes)

    assert ended == ["a", "b"]
    assert started == ["a", "b"]


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([], 0),
        ([None, None], 0),
        ([None, AlreadyRunning("a")], 0),
        ([AlreadyRunning("a"), AlreadyRunning("b")], 75),
        ([None, SettingsError("x")], 1),
        ([SettingsError("x"), SettingsError("y")], 2),
        ([SettingsError("x"), AlreadyRunning("a")], 1),
        ([None, P4BooksError("x")], 1),
        ([DiskTrouble(Path("x"), "full"), ZeroDivisionError()], 1),
    ],
)
def test_exit_code(errors: list[BaseException | None], code: int) -> None:
    """0: each is done or in progress elsewhere; 1: one failed; 2: no settings; 75: none is ours."""
    assert choose_exit_code(errors) == code
