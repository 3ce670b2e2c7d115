"""State of alerts: what is sent when, over which channel, and never twice."""

from pathlib import Path

import pytest

from p4books.fleet.alerts.evaluate import Evaluation, Firing
from p4books.fleet.alerts.state import KEPT, AlertState, Change
from p4books.settings.notify import Channel, parse_channels

HOUR = 3600.0
WEBHOOK = {"kind": "webhook", "url": "https://hooks.test/x"}


def fire(*keys: str, alert: str = "stale", severity: str = "error", recovers: bool = True,
         complete: bool = True) -> Evaluation:  # fmt: skip
    """Return an evaluation in which an alert fires under these keys."""
    firing = [Firing(alert, key, severity, "T", "D", recovers=recovers) for key in keys]
    return Evaluation(firing, frozenset(() if complete else {alert}))


class Watcher:
    """The state of a tenant with one channel, or several; sends succeed unless they fail."""

    def __init__(self, folder: Path, **options: object) -> None:
        self.state = AlertState(folder / "alerts.sqlite")
        self.channels = {"a": _channel(**options)}

    def watch(self, evaluation: Evaluation, now: float, *failing: str) -> dict[str, list[str]]:
        """Update the state, send over all channels but the failing ones; return what was due."""
        self.state.update(evaluation, self.channels, now)
        due = {}
        for name, channel in self.channels.items():
            changes = self.state.list_due(name, channel, now)
            due[name] = [f"{change.state} {change.firing.key}" for change in changes]
            if name not in failing:
                self.state.record_sent(name, changes, now)
        return due


def _channel(**options: object) -> Channel:
    (channel,) = parse_channels([{**WEBHOOK, **options}])
    return channel


@pytest.fixture
def watcher(tmp_path: Path) -> Watcher:
    """One channel without options."""
    return Watcher(tmp_path)


def test_each_change_once(watcher: Watcher) -> None:
    """What fires is sent once, and once more when it is over; if it comes back it is new."""
    steps = [(), ("x",), ("x",), ("x", "y"), ("y",), ("y",), ("x", "y"), ()]
    sent = [watcher.watch(fire(*keys), now)["a"] for now, keys in enumerate(steps)]

    assert sent[:4] == [[], ["new x"], [], ["new y"]]
    assert sent[4:] == [["recovered x"], [], ["new x"], ["recovered x", "recovered y"]]


def test_not_evaluated(watcher: Watcher) -> None:
    """What could not be evaluated is not over."""
    watcher.watch(fire("x"), 0)

    assert watcher.watch(fire(complete=False), 1)["a"] == []
    assert watcher.watch(fire(), 2)["a"] == ["recovered x"]


def test_deleted_alert(watcher: Watcher) -> None:
    """What fired because of an alert whose file is gone is over."""
    watcher.watch(fire("x", alert="mine"), 0)

    assert watcher.watch(Evaluation(), 1)["a"] == ["recovered x"]


def test_event(watcher: Watcher) -> None:
    """An event is sent once, and neither repeated nor over."""
    watcher.channels["a"] = _channel(renotify_after="1h")
    steps = [("x",), ("x",), (), ()]
    sent = [
        watcher.watch(fire(*keys, recovers=False), hour * HOUR)["a"]
        for hour, keys in enumerate(steps)
    ]

    assert sent == [["new x"], [], [], []]


def test_event_that_a_channel_missed(watcher: Watcher) -> None:
    """An event that is over is still sent over a channel that missed it."""
    missed = watcher.watch(fire("x", recovers=False), 0, "a")["a"]

    assert missed == watcher.watch(fire(), 1, "a")["a"] == ["new x"]
    assert watcher.watch(fire(), 2)["a"] == ["new x"]
    assert watcher.watch(fire(), 3)["a"] == []


def test_renotify(tmp_path: Path) -> None:
    """What is ongoing is sent again after `renotify_after`, counted from the last time."""
    watcher = Watcher(tmp_path, renotify_after="24h")
    sent = [watcher.watch(fire("x"), hour * HOUR)["a"] for hour in (0, 23, 25, 48, 49)]

    assert sent == [["new x"], [], ["ongoing x"], [], ["ongoing x"]]


def test_without_recoveries(tmp_path: Path) -> None:
    """A channel that does not want to know what is over is not sent it, not even if it failed."""
    watcher = Watcher(tmp_path, recovered=False)

    assert watcher.watch(fire("x"), 0)["a"] == ["new x"]
    assert watcher.watch(fire("y"), 1, "a")["a"] == ["new y"]
    assert watcher.watch(fire(), 2)["a"] == []
    assert watcher.watch(fire("x"), 3)["a"] == ["new x"]


def test_failing_channel(watcher: Watcher) -> None:
    """A channel that failed gets what it missed; what the other one was sent is not repeated."""
    watcher.channels["b"] = _channel()

    assert watcher.watch(fire("x", "y"), 0, "b") == {
        "a": ["new x", "new y"],
        "b": ["new x", "new y"],
    }
    assert watcher.watch(fire("y"), 1, "b") == {"a": ["recovered x"], "b": ["recovered x", "new y"]}
    assert watcher.watch(fire("y"), 2) == {"a": [], "b": ["recovered x", "new y"]}
    assert watcher.watch(fire("y"), 3) == {"a": [], "b": []}


def test_flapping(watcher: Watcher) -> None:
    """Of what comes and goes while a channel fails, it is sent the last state, if that is news."""
    steps = [("x",), (), ("x",), (), ("x",)]
    assert watcher.watch(fire(), 0)["a"] == []
    due = [watcher.watch(fire(*keys), now, "a")["a"] for now, keys in enumerate(steps, 1)]
    assert due == [["new x"], ["recovered x"]] * 2 + [["new x"]]
    assert watcher.watch(fire("x"), 6)["a"] == ["new x"]

    due = [watcher.watch(fire(*keys), now, "a")["a"] for now, keys in enumerate(steps[1:], 7)]
    assert due == [["recovered x"], []] * 2
    assert watcher.watch(fire("x"), 11)["a"] == []
    assert watcher.watch(fire(), 12, "a")["a"] == ["recovered x"]
    assert watcher.watch(fire(), 13)["a"] == ["recovered x"]
    assert watcher.watch(fire(), 14)["a"] == []


def test_filters(tmp_path: Path) -> None:
    """`only` and `except` name alerts and severities."""
    watcher = Watcher(tmp_path, only=["error", "late"], **{"except": "stale"})
    evaluations = {
        "stale": fire("1", alert="stale"),
        "failed": fire("2", alert="failed"),
        "late": fire("3", alert="late", severity="info"),
        "other": fire("4", alert="other", severity="info"),
    }
    sent = [
        watcher.watch(evaluation, at)["a"] for at, evaluation in enumerate(evaluations.values())
    ]

    assert sent == [[], ["new 2"], ["recovered 2", "new 3"], ["recovered 3"]]


def test_new_channel(watcher: Watcher) -> None:
    """A channel that is added later is sent what fires, but not what is over."""
    watcher.watch(fire("x", "y"), 0, "a")
    watcher.watch(fire("y"), 1, "a")
    watcher.channels["b"] = _channel()

    assert watcher.watch(fire("y"), 2) == {"a": ["recovered x", "new y"], "b": ["new y"]}


def test_forgotten(watcher: Watcher) -> None:
    """The end of an alert waits for a failing channel for a month, and for one that is gone no
    longer."""
    watcher.watch(fire("x"), 0)
    late = watcher.watch(fire(), 1, "a")["a"]
    watcher.channels = {"b": _channel()}
    watcher.watch(fire("y"), 2, "b")
    watcher.watch(fire(), 3, "b")

    assert late == ["recovered x"]
    assert watcher.watch(fire(), 2 + KEPT, "b") == {"b": ["recovered y"]}
    assert watcher.watch(fire(), 4 + KEPT) == {"b": []}


def test_same_id(watcher: Watcher) -> None:
    """A change that is sent twice has one id; the next change has another."""

    def list_due(now: float) -> Change:
        (change,) = watcher.state.list_due("a", watcher.channels["a"], now)
        return change

    watcher.channels["a"] = _channel(renotify_after="1h")
    watcher.watch(fire("x"), 0, "a")
    first = list_due(0)
    watcher.watch(fire("x"), 60, "a")
    again = list_due(60)
    watcher.watch(fire("x"), 120)
    repeated = list_due(2 * HOUR)
    watcher.watch(fire(), 3 * HOUR, "a")

    assert first.id == again.id
    assert len({first.id, repeated.id, list_due(3 * HOUR).id}) == 3


def test_what_fires(watcher: Watcher) -> None:
    """An update returns what fires, the worst first, with what is new and since when."""
    watcher.state.update(fire("x", severity="warning"), {}, 5)
    both = Evaluation(
        [*fire("x", severity="warning").firing, *fire("y", alert="failed").firing], frozenset()
    )
    changes = watcher.state.update(both, {}, 9)

    assert [(c.firing.key, c.state, c.since) for c in changes] == [
        ("y", "new", 9),
        ("x", "ongoing", 5),
    ]
