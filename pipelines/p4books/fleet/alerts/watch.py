"""Watching a tenant: evaluate the alerts, remember them, and send what changed."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import duckdb

from p4books.errors import AlreadyRunning, DiskTrouble, P4BooksError
from p4books.fleet.alerts.channels import NotSent, Send, run_side_by_side, send_message, send_ping
from p4books.fleet.alerts.evaluate import Evaluation, describe_blindness, evaluate_alerts
from p4books.fleet.alerts.messages import build_message, build_test_message
from p4books.fleet.alerts.state import AlertState, Change, build_unsaved_changes
from p4books.home import hold_if_possible
from p4books.settings import Settings
from p4books.settings.notify import Channel, PingChannel, identify_channels, label_channels
from p4books.storage.run_log import RunFault, RunLog, SyncSummary
from p4books.storage.unlogged import UnloggedFailure, load_unlogged, save_unlogged

LOCK_SECONDS = 60.0  # that an evaluation waits for another one of the tenant


@dataclass(frozen=True)
class WatchResult:
    """What fires, the worst first, each NEW or ONGOING; `notes` are about what failed.

    `trouble` is why the alerts could not be evaluated; then nothing fires but that.
    """

    firing: Sequence[Change] = ()
    notes: Sequence[str] = ()
    trouble: Exception | None = None


@dataclass(frozen=True)
class Occasion:
    """Why a tenant is watched: after a run, or without one.

    `failure` is one of the run that the log of runs does not know. `pings` are to be requested,
    by what their channels are called.
    """

    failure: UnloggedFailure | None = None
    pings: Mapping[str, Send] = field(default_factory=dict)


def watch_tenant(
    settings: Settings, now: float | None = None, occasion: Occasion | None = None
) -> WatchResult:
    """Evaluate the alerts of a tenant, and send over its channels what changed.

    `now` is in seconds since 1970. A channel that fails is in the notes, and is sent what it missed
    by the next evaluation. If the log of runs, say, is damaged, that is sent, but nothing is
    pinged. Raises AlreadyRunning if another evaluation takes too long, and DiskTrouble.
    """
    now, occasion = time.time() if now is None else now, occasion or Occasion()
    with hold_if_possible(settings, "alerts", wait=LOCK_SECONDS):
        state, notes = _open_state(settings)
        if occasion.failure:
            save_unlogged(settings, occasion.failure)
        failure = occasion.failure or load_unlogged(settings)
        evaluation, trouble = _evaluate(settings, now, failure)
        identities = identify_channels(settings.notify)
        channels = dict(zip(identities, settings.notify, strict=True))
        alerts = {name: each for name, each in channels.items() if each.sends_alerts}
        try:
            firing = state.update(evaluation, alerts, now)
            due = {name: state.list_due(name, each, now) for name, each in alerts.items()}
        except DiskTrouble as error:
            notes.append(str(error))
            firing, due = _plan_unsaved(evaluation, alerts, now)
        labels = dict(zip(identities, label_channels(settings.notify), strict=True))
        sends = {
            labels[name]: partial(_send_changes, settings, state, (name, alerts[name]), changes)
            for name, changes in due.items()
            if changes
        }
        notes += _send_all({**sends, **({} if trouble else occasion.pings)})
    return WatchResult(firing, notes, trouble)


def report_run(settings: Settings, summary: SyncSummary, error: Exception | None) -> list[str]:
    """Watch a tenant after a run, and request its pings; return the notes, and record them.

    `error` is what the run raised, None if it returned. Never raises; nothing is done if another
    run was in progress.
    """
    if isinstance(error, AlreadyRunning):
        return []
    now = time.time()
    is_unlogged = error is not None and summary.run is None
    failure = UnloggedFailure(now, RunFault.of(error)) if error and is_unlogged else None
    succeeded = error is None and not summary.faults
    pings = _list_pings(settings.notify, succeeded=succeeded)
    try:
        result = watch_tenant(settings, now, Occasion(failure, pings))
    except Exception as trouble:  # noqa: BLE001 - whatever fails here, the sync is done
        result = WatchResult(trouble=trouble)
    notes = [*result.notes]
    if result.trouble:
        notes.insert(0, _describe_trouble(result.trouble))
        if not succeeded:  # without a ping of success, the other side gives the alarm
            notes += _send_all(pings)
    _record_notes(settings, summary, notes)
    return notes


def try_channels(settings: Settings, now: float | None = None) -> dict[str, str | None]:
    """Send a test message over each channel; return by its label what failed, None if nothing."""
    message = build_test_message(settings, time.time() if now is None else now)
    labels = label_channels(settings.notify)
    sends = {
        label: partial(send_message, channel, message)
        for label, channel in zip(labels, settings.notify, strict=True)
    }
    return run_side_by_side(sends)


def _evaluate(
    settings: Settings, now: float, failure: UnloggedFailure | None
) -> tuple[Evaluation, Exception | None]:
    """Evaluate the alerts; if that is not possible, why not is all that fires."""
    try:
        return evaluate_alerts(settings, now, failure), None
    except (P4BooksError, duckdb.Error, OSError) as error:
        return describe_blindness(error), error


def _open_state(settings: Settings) -> tuple[AlertState, list[str]]:
    """Open the state; a damaged file makes way for a new one, which a note says."""
    state = AlertState(settings.alert_log)
    try:
        state.check()
    except DiskTrouble as error:
        if not state.is_damaged(error):
            return state, []
        aside = settings.alert_log.with_suffix(".damaged")
        settings.alert_log.replace(aside)
        note = (
            f"{settings.alert_log} was damaged and is now {aside.name}. What fires is sent once "
            "more, since nobody knows what was sent before."
        )
        return state, [note]
    return state, []


def _plan_unsaved(
    evaluation: Evaluation, channels: Mapping[str, Channel], now: float
) -> tuple[list[Change], dict[str, list[Change]]]:
    """Plan to send the errors that fire, although nothing can be remembered: the disk is full."""
    firing = build_unsaved_changes(evaluation, now)
    return firing, {
        name: [
            change
            for change in firing
            if change.firing.severity == "error"
            and channel.wants(change.firing.alert, change.firing.severity)
        ]
        for name, channel in channels.items()
    }


def _send_changes(
    settings: Settings, state: AlertState, channel: tuple[str, Channel], changes: Sequence[Change]
) -> None:
    """Send changes over a channel, then record that; killed in between, they are sent again."""
    identity, target = channel
    now = time.time()
    send_message(target, build_message(settings, changes, now))
    state.record_sent(identity, changes, now)


def _list_pings(channels: Sequence[Channel], *, succeeded: bool) -> dict[str, Send]:
    return {
        label: partial(send_ping, channel, succeeded=succeeded)
        for label, channel in zip(label_channels(channels), channels, strict=True)
        if isinstance(channel, PingChannel) and (succeeded or channel.fail)
    }


def _send_all(sends: Mapping[str, Send]) -> list[str]:
    """Call all functions side by side, and return a note for each channel that failed."""
    failed = run_side_by_side(sends).items() if sends else ()
    return [str(NotSent(label, why)) for label, why in failed if why is not None]


def _describe_trouble(trouble: Exception) -> str:
    why = str(trouble) if isinstance(trouble, P4BooksError) else f"({type(trouble).__name__})"
    return f"The alerts could not be evaluated: {why}"


def _record_notes(settings: Settings, summary: SyncSummary, notes: Sequence[str]) -> None:
    if not notes or summary.run is None:
        return
    try:
        RunLog(settings.run_log).add_messages(summary.run, notes)
    except (P4BooksError, OSError):  # they are shown all the same
        return
