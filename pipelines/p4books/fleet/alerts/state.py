"""State of the alerts: what fires since when, and what of it was delivered over which channel.

An *episode* is the time from which an alert fires until it recovers. For each episode and channel a
delivery says what was sent last. What is sent is recorded afterwards: if a process dies between the
two, it is sent once more (at least once), under the same id.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection, Row

from p4books.errors import DiskTrouble
from p4books.fleet.alerts.evaluate import Evaluation, Firing
from p4books.settings.notify import SEVERITIES, Channel
from p4books.storage.run_log import DAY
from p4books.storage.sqlite_tables import SqliteTables

NEW, ONGOING, RECOVERED = "new", "ongoing", "recovered"  # what a change says
KEPT = 30 * DAY  # seconds for which the end of an episode waits for a channel that fails

_TABLES = {
    "episode": {
        "id": "integer primary key",
        "alert": "text not null",
        "key": "text not null",
        "severity": "text not null",
        "title": "text not null",
        "detail": "text not null",
        "title_es": "text not null default ''",
        "detail_es": "text not null default ''",
        "recovers": "integer not null default 1",
        "since": "real not null",
        "ended_at": "real",
    },
    "delivery": {
        "episode": "integer not null",
        "channel": "text not null",
        "sent_at": "real",
        "ended_at": "real",
    },
}


@dataclass(frozen=True)
class Change:
    """What is to be sent of an episode: its state is NEW, ONGOING or RECOVERED.

    `id` is the same whenever the same change is sent. Times are in seconds since 1970.
    """

    id: str
    state: str
    firing: Firing
    since: float
    ended_at: float | None
    episode: int

    @property
    def rank(self) -> tuple[int, str, str, str]:
        """The place in a message: the worst first."""
        firing = self.firing
        return (SEVERITIES.index(firing.severity), firing.alert, firing.title, firing.key)


class AlertState:
    """The alerts of a tenant in SQLite. Raises DiskTrouble; one caller at a time may use it."""

    def __init__(self, path: Path) -> None:
        self._tables = SqliteTables(path, _TABLES, {"delivery": "episode, channel"})

    def check(self) -> None:
        """Raise DiskTrouble if the file cannot be opened or written."""
        with self._tables.connect() as store:
            store.execute("select count(*) from episode join delivery on id = episode").fetchone()

    @staticmethod
    def is_damaged(error: DiskTrouble) -> bool:
        """Return whether an error means that the file is not a database any more."""
        return "malformed" in str(error) or "not a database" in str(error)

    def update(
        self, evaluation: Evaluation, channels: Mapping[str, Channel], now: float
    ) -> list[Change]:
        """Record what fires as of `now`, and return all that fires: NEW or ONGOING.

        `channels` are by identity: each is to be sent every episode that it wants.
        """
        firing = {(each.alert, each.key): each for each in evaluation.firing}
        with self._tables.connect() as store:
            rows = store.execute("select * from episode where ended_at is null").fetchall()
            before = {(row["alert"], row["key"]): row for row in rows}
            for name, each in firing.items():
                _save_episode(store, before.get(name), each, now)
            ended = [
                (now, row["id"])
                for (alert, key), row in before.items()
                if (alert, key) not in firing and alert not in evaluation.incomplete
            ]
            store.executemany("update episode set ended_at = ? where id = ?", ended)
            _add_deliveries(store, channels)
            _fold_deliveries(store)
            _delete_settled(store, channels, now)
            rows = store.execute("select * from episode where ended_at is null").fetchall()
        known = {row["id"] for row in before.values()}
        changes = (_build_change(row, ONGOING if row["id"] in known else NEW, 0.0) for row in rows)
        return sorted(changes, key=lambda change: change.rank)

    def list_due(self, identity: str, channel: Channel, now: float) -> list[Change]:
        """Return what is to be sent over a channel, the worst first."""
        rows = self._tables.query(
            "select episode.*, delivery.sent_at from episode join delivery"
            " on episode.id = delivery.episode where channel = ? and delivery.ended_at is null",
            (identity,),
        )
        changes = (_find_due(row, channel, now) for row in rows)
        return sorted(filter(None, changes), key=lambda change: change.rank)

    def record_sent(self, identity: str, changes: Sequence[Change], now: float) -> None:
        """Record what was sent over a channel."""
        with self._tables.connect() as store:
            store.executemany(
                "update delivery set sent_at = ?, ended_at = ? where episode = ? and channel = ?",
                [(now, change.ended_at, change.episode, identity) for change in changes],
            )


def build_unsaved_changes(evaluation: Evaluation, now: float) -> list[Change]:
    """Return what fires as NEW, of which nothing can be remembered."""
    changes = []
    for firing in evaluation.firing:
        id_ = hashlib.sha256(f"{firing.alert} {firing.key} {now}".encode()).hexdigest()[:24]
        changes.append(Change(id_, NEW, firing, now, None, 0))
    return sorted(changes, key=lambda change: change.rank)


def _save_episode(store: Connection, row: Row | None, firing: Firing, now: float) -> None:
    values = {**vars(firing), "recovers": int(firing.recovers)}
    if row is None:
        values |= {"since": now}
        marks = ", ".join(f":{name}" for name in values)
        store.execute(f"insert into episode ({', '.join(values)}) values ({marks})", values)
    elif any(row[name] != value for name, value in values.items()):
        assignments = ", ".join(f"{name} = :{name}" for name in values)
        store.execute(
            f"update episode set {assignments} where id = :id", {**values, "id": row["id"]}
        )


def _add_deliveries(store: Connection, channels: Mapping[str, Channel]) -> None:
    """Plan what each channel is to be sent; of what ended before it was there, nothing."""
    rows = store.execute(
        "select id, alert, severity from episode where ended_at is null"
    ).fetchall()
    store.executemany(
        "insert or ignore into delivery (episode, channel) values (?, ?)",
        [
            (row["id"], identity)
            for identity, channel in channels.items()
            for row in rows
            if channel.wants(row["alert"], row["severity"])
        ],
    )


def _fold_deliveries(store: Connection) -> None:
    """Let only the last episode of what came back wait for a channel that fails.

    If the channel knows of an earlier one, and not of its end, it knows of this one, too.
    """
    others = (
        "from delivery as other join episode as its on its.id = other.episode"
        " join episode as own on own.id = delivery.episode"
        " where other.channel = delivery.channel and other.ended_at is null"
        " and its.alert = own.alert and its.key = own.key and its.recovers and own.recovers"
    )
    store.execute(
        f"update delivery set sent_at = (select max(other.sent_at) {others} and its.id < own.id)"
        " where sent_at is null and ended_at is null"
    )
    store.execute(
        "update delivery set ended_at = (select ended_at from episode where id = episode)"
        f" where ended_at is null and exists (select * {others} and its.id > own.id)"
    )


def _delete_settled(store: Connection, channels: Mapping[str, Channel], now: float) -> None:
    """Delete what ended and need not be sent any more, and what is of channels that are gone."""
    for identity, channel in channels.items():
        if not channel.recovered:  # nothing is sent of what is over
            store.execute(
                "update delivery set ended_at = (select ended_at from episode where id = episode)"
                " where channel = ?",
                (identity,),
            )
    store.execute(
        "update delivery set ended_at = sent_at where sent_at is not null and episode in"
        " (select id from episode where not recovers and ended_at is not null)"
    )
    marks = ", ".join("?" for _ in channels)
    store.execute(f"delete from delivery where channel not in ({marks})", (*channels,))
    store.execute(
        "delete from episode where ended_at < ? or (ended_at is not null and id not in"
        " (select episode from delivery where ended_at is null))",
        (now - KEPT,),
    )
    store.execute("delete from delivery where episode not in (select id from episode)")


def _find_due(row: Row, channel: Channel, now: float) -> Change | None:
    """Return what a channel is to be sent of an episode now; None if nothing."""
    ended, sent = row["ended_at"] is not None, row["sent_at"]
    if ended and row["recovers"]:
        return _build_change(row, RECOVERED, row["ended_at"]) if channel.recovered else None
    if sent is None:
        return _build_change(row, NEW, row["since"])
    is_repeated = channel.renotify_after is not None and row["recovers"] and not ended
    if is_repeated and now - sent >= (channel.renotify_after or 0.0):
        return _build_change(row, ONGOING, sent)
    return None


def _build_change(row: Row, state: str, mark: float) -> Change:
    firing = Firing(
        **{name: row[name] for name in Firing.__dataclass_fields__ if name != "recovers"},
        recovers=bool(row["recovers"]),
    )
    text = f"{row['id']} {firing.alert} {firing.key} {row['since']} {state} {mark}"
    id_ = hashlib.sha256(text.encode()).hexdigest()[:24]
    return Change(id_, state, firing, row["since"], row["ended_at"], row["id"])
