"""Pushes among any mix of faults, kills and server behaviours: no record is created twice.

Pushes of one file are repeated until nothing is ready. At the end each row exists exactly once in
P4 Books, or is reported refused or unknown.
"""

import os
import shutil
import time
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import SecretStr
from tests.moved_books import move_books
from tests.staging_sync import sync

from p4books.push.ledger import Ledger, list_entries, list_pushes
from p4books.push.run import push_records
from p4books.push.send import RetryPolicy
from p4books.push.types import CREATED, READY, REFUSED, UNKNOWN, PushOptions, SourceRow
from p4books.settings import Settings
from p4books_sandbox import Fault, Sandbox

EXAMPLES = int(os.environ.get("P4BOOKS_EXAMPLES", "8"))
TIMEOUT = 0.15  # seconds without a byte
LATE = 0.3  # seconds until a record is created whose sender has given up
MAX_PUSHES = 40  # of the same file, until nothing is ready

FAULTS = (
    *[None] * 6,
    Fault("reset", method="POST"),
    Fault("lost", method="POST"),
    Fault("cut_body", method="POST"),
    Fault("slow", method="POST", seconds=TIMEOUT * 2),
    Fault("late", method="POST", seconds=LATE),
    Fault("failed", method="POST"),
    Fault("failed", method="POST", status=503),
    Fault("status", method="POST", status=500),
    Fault("html", method="POST"),
    Fault("html", method="POST", done=True),
    Fault("bad_json", method="POST", done=True),
    Fault("status", method="POST", status=429, headers={"Retry-After": "0"}),
    Fault("status", method="POST", status=406, text="Not acceptable."),
    Fault("status", method="POST", status=401),
    Fault("status", method="POST", status=307, headers={"Location": "/api/v1/vendors"}),
    Fault("failed", method="POST", status=303, headers={"Location": "/api/v1/vendors"}),
    Fault("status", method="GET", status=500),
    Fault("cut_body", method="GET"),
)

OLD = {"code": "OLD", "name": "Existed before"}
_FOLDER = TemporaryDirectory(prefix="duplicates-")


class Killed(BaseException):
    """The process is dead: it writes nothing more."""


class DyingLedger(Ledger):
    """A ledger whose process is killed at the nth statement."""

    def __init__(self, path: Path, until: int) -> None:
        super().__init__(path)
        self._left = until

    def _execute(self, *words: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise Killed
        return super()._execute(*words)


@dataclass(frozen=True)
class Scenario:
    """What happens to one file: its rows, the server's behaviour, faults in turn, and kills."""

    rows: int
    behaviour: dict[str, Any]
    faults: list[Fault | None]
    kills: list[int]
    resend: bool


@st.composite
def _scenarios(draw: st.DrawFn) -> Scenario:
    behaviour = {
        "order": draw(st.sampled_from(["ascending", "descending", "date", "none"])),
        "ids": draw(st.sampled_from(["integers", "uuids"])),
        "twins": draw(st.sampled_from(["made", "refused", "conflict", "first"])),
        "codes": draw(st.sampled_from(["kept", "kept", "own"])),
        "created": draw(st.sampled_from(["201", "200"])),
        "spelling": draw(st.sampled_from(["snake", "pascal"])),
        "amounts": draw(st.sampled_from(["numbers", "strings"])),
    }
    faults = draw(st.lists(st.sampled_from(FAULTS), max_size=14))
    late = any(fault and fault.kind in {"late", "slow"} for fault in faults)
    return Scenario(
        rows=draw(st.integers(1, 12)),
        behaviour=behaviour,
        faults=faults,
        kills=draw(st.lists(st.integers(3, 90), max_size=3)),
        resend=not late
        and draw(st.booleans()),  # what is still being processed would be created twice
    )


ACCEPTS_DUPLICATES = {  # the behaviour that shows a second request as a second record
    "order": "ascending",
    "ids": "integers",
    "twins": "made",
    "codes": "kept",
    "created": "201",
    "spelling": "snake",
    "amounts": "numbers",
}
AFTER_CREATION = [  # the record was created, and its response lost
    None,
    Fault("lost", method="POST"),
    Fault("cut_body", method="POST"),
    Fault("failed", method="POST"),
    Fault("html", method="POST", done=True),
    None,
]


@example(Scenario(8, ACCEPTS_DUPLICATES, AFTER_CREATION, kills=[], resend=False))
@example(Scenario(8, ACCEPTS_DUPLICATES, AFTER_CREATION, kills=[30, 33, 36], resend=True))
@given(_scenarios())
@examples(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="P4BOOKS_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
def test_no_duplicates(scenario: Scenario) -> None:
    """Each row is created once, or is refused or unknown; none is created twice."""
    with (
        Sandbox(empty=True, limit=0, page_size=5, **scenario.behaviour) as sandbox,
        TemporaryDirectory() as folder,
    ):
        settings = _settings(sandbox, Path(folder))
        sandbox.books["vendors"].insert(OLD)
        shutil.copytree(_synced(scenario.behaviour["ids"]), settings.data_dir)
        move_books(settings.warehouse, settings.address)

        _run_scenario(scenario, sandbox, settings)
        time.sleep(LATE + 0.1 if any(f and f.kind == "late" for f in scenario.faults) else 0)

        _check_promise(scenario, sandbox, settings)


@cache
def _synced(ids: str) -> Path:
    """Sync the one old vendor, once for all examples with such ids."""
    with Sandbox(data={"vendors": [OLD]}, limit=0, ids=ids) as sandbox:
        settings = _settings(sandbox, Path(_FOLDER.name) / ids)
        sync(settings, ["vendors"])
    return settings.data_dir


def _settings(sandbox: Sandbox, folder: Path) -> Settings:
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    return Settings(
        tenant="acme",
        api_key=SecretStr(sandbox.key),
        base_url=sandbox.base_url,
        data_dir=folder / "data",
        requests_per_window=100_000,
        page_size=5,
    )


def _rows(scenario: Scenario) -> list[SourceRow]:
    return [
        SourceRow(n + 2, {"code": f"V-{n}", "name": f"Vendor {n}", "balance": f"{n}.5"})
        for n in range(scenario.rows)
    ]


def _run_scenario(scenario: Scenario, sandbox: Sandbox, settings: Settings) -> None:
    """Push the same file again and again, with the faults and kills in turn."""
    post = 0
    for turn, fault in enumerate(scenario.faults):
        if fault:
            sandbox.faults.stage(replace(fault, after=turn - post if fault.method == "POST" else 0))
            post = turn
    kills = list(scenario.kills)
    resend = frozenset({UNKNOWN} if scenario.resend else ())
    own_codes = scenario.behaviour["codes"] == "own"
    options = PushOptions(allow_renumbering=own_codes, resend=resend)
    for _ in range(MAX_PUSHES):
        until = kills.pop(0) if kills else 10**9
        try:
            report = push_records(
                settings,
                "vendors",
                _rows(scenario),
                "vendors.csv",
                options,
                retry_policy=RetryPolicy(TIMEOUT, backoff=0, settled=0, sleep=lambda _: None),
                open_ledger=partial(DyingLedger, until=until),
            )
        except Killed:
            continue
        assert not report.faults
        if report.ready == 0 and not kills:
            return
    raise AssertionError(f"still ready after {MAX_PUSHES} pushes: {report}")


def _check_promise(scenario: Scenario, sandbox: Sandbox, settings: Settings) -> None:
    ledger = settings.ledger
    entries = [entry for push in list_pushes(ledger) for entry in list_entries(ledger, push.push)]
    states = {entry.code: entry.state for entry in entries}
    names = Counter(_name(record) for record in sandbox.books["vendors"].records())
    for row in _rows(scenario):
        state, count = states[row.values["code"]], names[row.values["name"]]
        assert count <= 1, f"{row.values['code']} exists {count} times"
        assert state in {CREATED, REFUSED, UNKNOWN}
        if state == CREATED:
            assert count == 1
        if state == REFUSED:
            assert count == 0
    assert sum(names.values()) <= scenario.rows + 1
    assert READY not in states.values()
    assert not any(entry.first_lost_at and entry.state == REFUSED for entry in entries)


def _name(record: dict[str, Any]) -> Any:
    return record.get("name", record.get("Name"))
