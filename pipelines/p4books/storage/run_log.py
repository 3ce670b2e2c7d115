"""SQLite log of the runs of a tenant: what each read, loaded and cost."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from p4books.errors import P4BooksError, fold_errors
from p4books.storage.interrupt import is_stop_requested
from p4books.storage.sqlite_tables import SqliteTables

DAY = 86400.0  # seconds
KEPT_DAYS = 90 * DAY  # then the details by endpoint are deleted
DONE = "done"  # outcome of a run without an error
STOPPED = "stopped"  # outcome of a run that a person or the system stopped
RECORD_INTERVAL = 0.5  # seconds between two records of the cost so far
KILLED = "killed"  # outcome of a run that never recorded its end
LOST = "lost"  # outcome of a list whose load is no longer in the warehouse

_TABLES: dict[str, dict[str, str]] = {
    "run": {
        "id": "integer primary key",
        "started_at": "real not null",
        "ended_at": "real",
        "outcome": "text",
        "requests": "integer not null default 0",
        "refused": "integer not null default 0",
        "waited": "real not null default 0",
        "messages": "text not null default '[]'",
        "faults": "integer not null default -1",
        "errors": "text not null default '[]'",
    },
    "reading": {
        "run_id": "integer not null",
        "endpoint": "text not null",
        "mode": "text not null default 'whole'",
        "outcome": "text not null default 'done'",
        "started_at": "real not null",
        "ended_at": "real not null",
        "current_to": "real",
        "pages": "integer not null",
        "announced_pages": "integer not null default 0",
        "announced": "integer not null",
        "seen": "integer not null",
        "complete": "integer not null",
        "quiet": "integer not null",
        "new": "integer not null",
        "changed": "integer not null",
        "gone": "integer not null",
        "held": "integer not null default 0",
        "findings": "integer not null default 0",
        "requests": "integer not null default 0",
        "refused": "integer not null default 0",
        "waited": "real not null default 0",
        "oldest": "real",
    },
    "traits": {
        "id": "integer primary key",
        "found_at": "real not null",
        "found": "text not null",
    },
    "published": {
        "id": "integer primary key",
        "mark": "text not null",
        "digest": "text not null",
        "access": "text not null",
        "inputs": "text not null default ''",
    },
    "built": {
        "model": "text primary key",
        "changed_at": "real not null",
    },
    "checked": {
        "claim": "text primary key",
        "checked_at": "real not null",
        "finding": "text not null",
    },
    "delivered": {
        "delivery": "text primary key",
        "picture": "text not null",
        "digest": "text not null",
        "folder": "text not null",
        "files": "text not null",
    },
    "lake": {
        "id": "integer primary key",
        "digest": "text not null",
        "place": "text not null",
        "snapshot": "integer not null",
        "written_at": "real",
    },
    "known": {
        "endpoint": "text primary key",
        "source": "text not null",
        "size": "integer not null",
        "total": "integer not null",
        "arrangement": "text not null",
    },
}

_TIMES = {
    "run": ("started_at", "ended_at"),
    "reading": ("started_at", "ended_at", "current_to", "oldest"),
    "traits": ("found_at",),
    "lake": ("written_at",),
}


@dataclass(frozen=True)
class EndpointRun:
    """What one run did for one endpoint.

    Times in seconds since 1970, counts in rows, pages or requests, `waited` in seconds.
    `outcome` is done, goes on, or the class name of the error. `started_at` is when its scan
    began, perhaps in an earlier run; `complete` is false while the scan is in progress. `held` are
    the active rows afterwards, `announced` and `seen` those of the scan so far; `findings` are the
    values that did not fit, in versions of this run; `oldest` is the oldest time at which a row
    was last seen.
    """

    endpoint: str
    mode: str
    outcome: str
    started_at: float
    ended_at: float
    current_to: float | None = None
    pages: int = 0
    announced_pages: int = 0
    announced: int = 0
    seen: int = 0
    complete: bool = False
    quiet: bool = False
    new: int = 0
    changed: int = 0
    gone: int = 0
    held: int = 0
    findings: int = 0
    requests: int = 0
    refused: int = 0
    waited: float = 0.0
    oldest: float | None = None


_CONTINUES = "The next run continues from there."
_ENDS = {
    STOPPED: f"The run was stopped by a person or the system. {_CONTINUES}",
    KILLED: "The run was killed, or the machine went down, before it could record its end. "
    f"{_CONTINUES}",
}


@dataclass(frozen=True)
class RunTotals:
    """Sums over all runs: how many ended in which way, requests, and seconds waited."""

    outcomes: Mapping[str, int] = field(default_factory=dict)
    requests: int = 0
    refused: int = 0
    waited: float = 0.0


@dataclass(frozen=True)
class RunFault:
    """An error of a run: the name of its class, and its message."""

    kind: str
    sentence: str

    @classmethod
    def of(cls, error: BaseException) -> "RunFault":
        """Return the fault for an error, whose message is left out unless it is one of ours."""
        kind = type(error).__name__
        own = isinstance(error, P4BooksError)
        return cls(kind, str(error) if own else f"Unexpected error ({kind}).")


@dataclass(frozen=True)
class Run:
    """One run; times in seconds since 1970, `waited` in seconds, `outcome` None until it ends.

    `id` is its number, 0 if it failed before it had one.
    `messages` are its errors and notes, as they were shown; the first `faults` of them are errors.
    """

    id: int
    started_at: float
    ended_at: float | None
    outcome: str | None
    requests: int
    refused: int
    waited: float
    readings: tuple[EndpointRun, ...]
    messages: tuple[str, ...] = ()
    faults: int = -1  # of a run of an earlier version, or one that did not end

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the run failed, as sentences; none if it did not, or is not known to have ended."""
        if self.outcome in {None, DONE}:
            return ()
        if self.outcome in _ENDS:
            return (_ENDS[self.outcome],)
        errors = self.messages[: 1 if self.faults < 0 else self.faults]
        unexpected = f"An unexpected error ended the run ({self.outcome}). {_CONTINUES}"
        return errors or (unexpected,)

    def sum(self, count: str) -> int:
        """Add up one count of all endpoints: new, changed, gone, findings."""
        return sum(int(getattr(reading, count)) for reading in self.readings)


@dataclass(frozen=True)
class PublishedRecord:
    """What was published last.

    `mark` changes whenever the file or its name or permissions do, `digest` only with its content,
    `access` with who may read it. `inputs` are the fingerprints of what it was made of, as JSON;
    empty if nothing of it is to be used again.
    """

    mark: str
    digest: str
    access: str
    inputs: str = ""


@dataclass(frozen=True)
class BuildRecord:
    """What became of the models and checks when a file was published.

    `at` is in seconds since 1970. `models` says of each model, by its full name, whether its rows
    may be others than in the file before; `claims` are those of the checks that were run, and
    passed.
    """

    at: float
    models: Mapping[str, bool]
    claims: Sequence[str]


@dataclass(frozen=True)
class CheckRecord:
    """When a check was run last, in seconds since 1970, and what it found; empty if it passed."""

    checked_at: float
    finding: str


@dataclass(frozen=True)
class DeliveredRecord:
    """What of a delivery is in its folder.

    `picture` says what of the books its files show; empty while they are being written, or if that
    failed. `digest` is that of the published file they were made from, or of one that shows the
    same. `folder` changes if another file system takes its place. `files` are the names in it of
    all files that may be there.
    """

    picture: str
    digest: str
    folder: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class LakeRecord:
    """What of the published file is in the lake.

    `digest` is that of the file, `place` changes with the lake, `snapshot` is its number there, and
    `written_at` when the books were written, in seconds since 1970; None if an older version did.
    """

    digest: str
    place: str
    snapshot: int
    written_at: float | None = None


@dataclass(frozen=True)
class Freshness:
    """How fresh an endpoint is, in seconds since 1970.

    `current_to`: when its newest rows were read; `verified_to`: the start of the last complete
    scan; `oldest`: the oldest time at which a row was last seen; `mode` of the last run; `held`:
    its rows, as of `current_to`.
    """

    current_to: float
    verified_to: float | None
    oldest: float | None
    mode: str
    held: int = 0


class RunLog:
    """Log of one tenant's runs. Raises DiskTrouble if it can't be written."""

    def __init__(self, path: Path) -> None:
        self._tables = SqliteTables(path, _TABLES, {"reading": "run_id, endpoint"})

    def begin_run(self) -> int:
        """Record a new run and return its number; earlier runs without an end were killed."""
        with self._tables.connect() as store:
            store.execute("update run set outcome = ? where outcome is null", (KILLED,))
            return int(
                store.execute("insert into run (started_at) values (?)", (time.time(),)).lastrowid
                or 0
            )

    def delete_old_details(self, now: float) -> None:
        """Delete what runs more than KEPT_DAYS before `now` did for each endpoint.

        Call it only with a clock that was checked. The last details of each endpoint stay.
        """
        with self._tables.connect() as store:
            store.execute(
                "delete from reading where run_id < (select max(id) from run where started_at < ?)"
                " and run_id not in (select max(run_id) from reading group by endpoint)",
                (now - KEPT_DAYS,),
            )

    def correct_future_times(self, now: float) -> None:
        """Replace all times after `now` by it: of runs whose clock was ahead."""
        with self._tables.connect() as store:
            for table, columns in _TIMES.items():
                for column in columns:
                    store.execute(f"update {table} set {column} = ?1 where {column} > ?1", (now,))

    def record_cost(self, run: int, requests: int, refused: int, waited: float) -> None:
        """Record what a run has cost so far; `waited` in seconds."""
        with self._tables.connect() as store:
            store.execute(
                "update run set requests = ?, refused = ?, waited = ? where id = ?",
                (requests, refused, waited, run),
            )

    def record_endpoint_runs(self, run: int, *endpoint_runs: EndpointRun) -> None:
        """Record what a run did for each endpoint; only call it when its rows are safe."""
        self._tables.upsert("reading", *({"run_id": run, **vars(each)} for each in endpoint_runs))

    def record_faults(self, run: int, faults: Iterable[RunFault]) -> None:
        """Record the errors of a run that is about to end, one by one."""
        text = json.dumps([vars(fault) for fault in faults], ensure_ascii=False)
        with self._tables.connect() as store:
            store.execute("update run set errors = ? where id = ?", (text, run))

    def load_faults(self, run: int) -> list[RunFault]:
        """Return the errors of a run, one by one; none if it had none, or of an earlier version."""
        rows = self._tables.query("select errors from run where id = ?", (run,))
        return [RunFault(**fault) for row in rows for fault in json.loads(row["errors"])]

    def add_messages(self, run: int, messages: Sequence[str]) -> None:
        """Add notes to the messages of a run that has ended."""
        with self._tables.connect() as store:
            row = store.execute("select messages from run where id = ?", (run,)).fetchone()
            known = json.loads(row["messages"]) if row else []
            text = json.dumps([*known, *messages], ensure_ascii=False)
            store.execute("update run set messages = ? where id = ?", (text, run))

    def end_run(
        self, run: int, outcome: str, errors: Sequence[str] = (), notes: Sequence[str] = ()
    ) -> None:
        """Record how a run ended, and what it showed: its errors, then its notes, each once."""
        faults = dict.fromkeys(errors)
        messages = json.dumps(list(dict.fromkeys([*faults, *notes])), ensure_ascii=False)
        with self._tables.connect() as store:
            store.execute(
                "update run set ended_at = ?, outcome = ?, messages = ?, faults = ? where id = ?",
                (time.time(), outcome, messages, len(faults), run),
            )

    def save_list_profiles(self, profiles: Mapping[str, Mapping[str, Any]]) -> None:
        """Save what was learned about lists, by endpoint: source, size, total, arrangement."""
        rows = ({"endpoint": endpoint, **profile} for endpoint, profile in profiles.items())
        self._tables.upsert("known", *rows)

    def load_list_profiles(self) -> dict[str, dict[str, Any]]:
        """Return what was learned about each list, by endpoint."""
        return {row["endpoint"]: dict(row) for row in self._tables.query("select * from known")}

    def save_capabilities(self, capabilities: Mapping[str, Any]) -> None:
        """Save how this tenant's API behaves, as JSON."""
        row = {"id": 1, "found_at": time.time(), "found": json.dumps(capabilities)}
        self._tables.upsert("traits", row)

    def load_capabilities(self) -> dict[str, Any] | None:
        """Return how the API behaves; None if it was never probed."""
        rows = self._tables.query("select found_at, found from traits")
        if not rows:
            return None
        found_at = datetime.fromtimestamp(rows[0]["found_at"], UTC)
        return {**json.loads(rows[0]["found"]), "found_at": found_at}

    def load_addresses(self) -> list[str]:
        """Return the addresses from which lists were read last."""
        sources = [json.loads(profile["source"]) for profile in self.load_list_profiles().values()]
        return [str(source["address"]) for source in sources if "address" in source]

    def last_loaded_run(self) -> int | None:
        """Return the last run whose rows should be in the warehouse; None if there is none."""
        rows = self._tables.query(
            "select max(run_id) as run from reading where outcome <> ? and held + new + gone > 0",
            (LOST,),
        )
        return rows[0]["run"] if rows else None

    def load_last_change(self) -> list[float]:
        """Return when the last run that changed the warehouse had read each of its lists.

        Times are in seconds since 1970; there are none if no run changed it.
        """
        rows = self._tables.query(
            "select ended_at from reading where run_id = (select max(run_id) from reading"
            " where outcome <> ? and new + changed + gone > 0)",
            (LOST,),
        )
        return [row["ended_at"] for row in rows]

    def mark_lost(self, after: int, run: int) -> bool:
        """Record that what the runs after one and before `run` loaded is not in the warehouse.

        Returns whether there was anything.
        """
        with self._tables.connect() as store:
            lost = store.execute(
                "update reading set outcome = ?, complete = 0, held = 0, current_to = null,"
                " oldest = null where run_id > ? and run_id < ? and outcome <> ?"
                " and (complete or held > 0 or current_to is not null)",
                (LOST, after, run, LOST),
            ).rowcount
        return lost > 0

    def save_published(self, record: PublishedRecord, build: BuildRecord | None = None) -> None:
        """Save what was published last, and which of its models changed if it was built."""
        with self._tables.connect() as store:
            store.execute(
                "insert or replace into published (id, mark, digest, access, inputs)"
                " values (1, :mark, :digest, :access, :inputs)",
                vars(record),
            )
            if build:
                _save_build(store, build)

    def load_build(self) -> dict[str, float]:
        """Return when the rows of each published model changed last, in seconds since 1970."""
        rows = self._tables.query("select model, changed_at from built")
        return {row["model"]: row["changed_at"] for row in rows}

    def save_failed_check(self, claim: str, record: CheckRecord) -> None:
        """Save that a check failed."""
        self._tables.upsert("checked", {"claim": claim, **vars(record)})

    def load_checks(self) -> dict[str, CheckRecord]:
        """Return what became of each check, by its claim, when it was run last."""
        rows = self._tables.query("select claim, checked_at, finding from checked")
        return {row["claim"]: CheckRecord(row["checked_at"], row["finding"]) for row in rows}

    def load_published(self) -> PublishedRecord | None:
        """Return what was published last; None if that is not known."""
        rows = self._tables.query("select mark, digest, access, inputs from published")
        return PublishedRecord(**rows[0]) if rows else None

    def save_lake(self, record: LakeRecord) -> None:
        """Save what of the published file is in the lake."""
        self._tables.upsert("lake", {"id": 1, **vars(record)})

    def load_lake(self) -> LakeRecord | None:
        """Return what of the published file is in the lake; None if that is not known."""
        rows = self._tables.query("select digest, place, snapshot, written_at from lake")
        return LakeRecord(**rows[0]) if rows else None

    def save_delivered(self, delivery: str, record: DeliveredRecord) -> None:
        """Save what of a delivery is in its folder."""
        row = {**vars(record), "files": json.dumps(record.files), "delivery": delivery}
        self._tables.upsert("delivered", row)

    def load_delivered(self, delivery: str) -> DeliveredRecord | None:
        """Return what of a delivery is in its folder; None if nothing is known of it."""
        columns = "picture, digest, folder, files"
        rows = self._tables.query(
            f"select {columns} from delivered where delivery = ?", (delivery,)
        )
        if not rows:
            return None
        return DeliveredRecord(**{**rows[0], "files": tuple(json.loads(rows[0]["files"]))})

    def keep_delivered(self, deliveries: Sequence[str]) -> None:
        """Forget all deliveries but these: what is in their folders may have changed since."""
        marks = ", ".join("?" for _ in deliveries)
        with self._tables.connect() as store:
            store.execute(f"delete from delivered where delivery not in ({marks})", (*deliveries,))

    def load_freshness(self) -> dict[str, Freshness]:
        """Return how fresh each endpoint is, without those of which nothing was ever loaded."""
        last = "from reading as r where r.endpoint = each.endpoint and"
        loaded = "(complete or current_to is not null) order by run_id desc limit 1"
        rows = self._tables.query(
            f"""
            select
                endpoint,
                (select coalesce(current_to, started_at) {last} {loaded}) as current_to,
                (select held {last} {loaded}) as held,
                (select started_at {last} complete order by run_id desc limit 1) as verified_to,
                (select oldest {last} oldest is not null order by run_id desc limit 1) as oldest,
                (select mode {last} true order by run_id desc limit 1) as mode
            from (select distinct endpoint from reading) as each
            """
        )
        return {
            row["endpoint"]: Freshness(
                row["current_to"], row["verified_to"], row["oldest"], row["mode"], row["held"]
            )
            for row in rows
            if row["current_to"] is not None
        }

    def load_runs(self, last: int | None = 20) -> list[Run]:
        """Return the last runs, or all if `last` is None, the newest first."""
        return self._select_runs("id > (select max(id) from run) - coalesce(?, 1e18)", last)

    def load_verdicts(self, runs: int = 1000) -> list[tuple[int, EndpointRun]]:
        """Return the last reading of each endpoint with each outcome in the last runs.

        Each comes with the number of its run.
        """
        rows = self._tables.query(
            "select *, max(run_id) as run_id from reading"
            " where run_id > (select max(id) from run) - ? group by endpoint, outcome, complete",
            (runs,),
        )
        return [(row["run_id"], _restore_reading(row)) for row in rows]

    def load_run(self, number: int) -> Run | None:
        """Return one run; None if there is no run of that number."""
        return next(iter(self._select_runs("id = ?", number)), None)

    def load_starts(self, last: int) -> list[float]:
        """Return when the last runs began, the newest first, in seconds since 1970."""
        rows = self._tables.query("select started_at from run order by id desc limit ?", (last,))
        return [row["started_at"] for row in rows]

    def load_last_end(self, outcome: str) -> float | None:
        """Return when the last run with an outcome ended, in seconds since 1970; None if none."""
        rows = self._tables.query(
            "select max(ended_at) as at from run where outcome = ?", (outcome,)
        )
        return rows[0]["at"] if rows else None

    def load_totals(self, since: float = 0.0) -> RunTotals:
        """Add up all runs that began after a time (seconds since 1970)."""
        rows = self._tables.query(
            "select outcome, count(*) as runs, sum(requests) as requests, sum(refused) as refused,"
            " sum(waited) as waited from run where started_at > ? group by outcome",
            (since,),
        )
        return RunTotals(
            {row["outcome"]: row["runs"] for row in rows if row["outcome"] is not None},
            sum(row["requests"] for row in rows),
            sum(row["refused"] for row in rows),
            sum(row["waited"] for row in rows),
        )

    def find_change_since(self, instant: float) -> int | None:
        """Return the last run that changed the warehouse with what it read after a time.

        A run in progress does not count. None if there is none; the time in seconds since 1970.
        """
        rows = self._tables.query(
            "select max(run_id) as run from reading join run on run.id = run_id"
            " where reading.outcome <> ? and run.outcome is not null and reading.ended_at > ?"
            " and new + changed + gone > 0",
            (LOST, instant),
        )
        return rows[0]["run"] if rows else None

    def _select_runs(self, condition: str, number: int | None) -> list[Run]:
        readings: dict[int, list[EndpointRun]] = {}
        for row in self._tables.query(
            f"select * from reading where run_id in (select id from run where {condition})",
            (number,),
        ):
            readings.setdefault(row["run_id"], []).append(_restore_reading(row))
        return [
            Run(
                **{
                    **_select_fields(Run, row),
                    "messages": tuple(json.loads(row["messages"])),
                    "readings": tuple(readings.get(row["id"], ())),
                }
            )
            for row in self._tables.query(
                f"select * from run where {condition} order by id desc", (number,)
            )
        ]


def _restore_reading(row: sqlite3.Row) -> EndpointRun:
    flags = {name: bool(row[name]) for name in ("complete", "quiet")}
    return EndpointRun(**{**_select_fields(EndpointRun, row), **flags})


def _save_build(store: sqlite3.Connection, build: BuildRecord) -> None:
    known = {row["model"] for row in store.execute("select model from built")}
    changed = [name for name, is_changed in build.models.items() if is_changed or name not in known]
    store.executemany(
        "delete from built where model = ?", [(name,) for name in known - build.models.keys()]
    )
    store.executemany(
        "insert or replace into built values (?, ?)", [(name, build.at) for name in changed]
    )
    store.executemany(
        "insert or replace into checked values (?, ?, '')",
        [(claim, build.at) for claim in build.claims],
    )


def _select_fields(kind: type[Run | EndpointRun], row: sqlite3.Row) -> dict[str, Any]:
    """Return what a dataclass has of a row, to which a later version may have added columns."""
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in dict(row).items() if name in names}


@dataclass
class SyncSummary:
    """What a sync did: counts in rows, times in seconds; `faults` are the errors.

    `notes` are messages about work in progress and new fields, which are not errors; `left_out`
    counts the custom reports that could not be published; `delivered` are the files that were
    written into folders of the setting `deliver`; `snapshot` is the one of the lake that was
    written, None if there was none; `run` is the number of the run, None if it did
    not begin.
    """

    tenant: str
    readings: list[EndpointRun] = field(default_factory=list)
    faults: list[P4BooksError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    refused: int = 0
    waited: float = 0.0
    seconds: float = 0.0
    loaded: bool = False
    published: bool = False
    left_out: int = 0
    delivered: list[str] = field(default_factory=list)
    snapshot: int | None = None
    run: int | None = None

    @property
    def failure(self) -> P4BooksError | None:
        """The first error, if no list was read."""
        return self.faults[0] if self.faults and not self.readings else None

    def sum(self, count: str) -> int:
        """Add up one count of all endpoints: new, changed, gone, findings."""
        return sum(int(getattr(reading, count)) for reading in self.readings)


class RunRecorder:
    """The log entry of a run in progress, and its summary."""

    def __init__(self, log: RunLog, summary: SyncSummary) -> None:
        self.log = log
        self.summary = summary
        self.number = summary.run = log.begin_run()
        self._recorded_at = 0.0

    def record_cost(self, requests: int, refused: int, waited: float) -> None:
        """Record what the run has cost so far; `waited` in seconds."""
        self.log.record_cost(self.number, requests, refused, waited)
        self.summary.requests, self.summary.refused = requests, refused
        self.summary.waited = waited

    def throttle(self, record: Callable[[], None]) -> None:
        """Call `record`, unless it was called less than RECORD_INTERVAL seconds ago."""
        if time.monotonic() - self._recorded_at >= RECORD_INTERVAL:
            self._recorded_at = time.monotonic()
            record()

    def record_endpoint_runs(self, endpoint_runs: Iterable[EndpointRun]) -> None:
        """Record what the run did for each endpoint; only call it when its rows are safe."""
        self.log.record_endpoint_runs(self.number, *endpoint_runs)


@contextmanager
def record_run(log: RunLog, summary: SyncSummary) -> Iterator[RunRecorder]:
    """Record that a run begins and how it ends; errors are recorded and raised again."""
    run = RunRecorder(log, summary)
    try:
        yield run
        _raise_if_stopped(summary)
    except BaseException as error:  # what is no Exception is a stop: Ctrl-C, or a scheduler's own
        stopped = is_stop_requested() or not isinstance(error, Exception)
        shown = [str(error)] if isinstance(error, P4BooksError) and not stopped else []
        outcome = STOPPED if stopped else type(error).__name__
        errors = summary.faults if stopped else [error, *summary.faults]
        log.record_faults(run.number, map(RunFault.of, errors))
        log.end_run(run.number, outcome, [*shown, *fold_errors(summary.faults)], summary.notes)
        raise
    record_end(log, summary)


def record_end(log: RunLog, summary: SyncSummary) -> None:
    """Record how a run ended that raised nothing, with the faults that it has by now."""
    if summary.run is None:
        return
    faults = summary.faults
    if faults:
        log.record_faults(summary.run, map(RunFault.of, faults))
    outcome = type(faults[0]).__name__ if faults else DONE
    log.end_run(summary.run, outcome, fold_errors(faults), summary.notes)


def _raise_if_stopped(summary: SyncSummary) -> None:
    """Raise KeyboardInterrupt if there are faults and this process must stop.

    What is interrupted in a thread fails in its own way, and is no fault.
    """
    if summary.faults and is_stop_requested():
        raise KeyboardInterrupt
