"""Does every record stand in P4 Books once at the most, whatever goes wrong?

Any mix of faults, kills and ways of the server; pushes are repeated until nothing is ready. At the
end each row stands there exactly once, or is reported refused or unknown. Twins: none.
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

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import SecretStr
from tests.staging_sync import sync

from p4books.push.ledger import Ledger, list_entries, list_pushes
from p4books.push.run import push_records
from p4books.push.send import RetryPolicy
from p4books.push.types import CREATED, READY, REFUSED, UNKNOWN, PushOptions, SourceRow
from p4books.settings import Settings
from p4books_sandbox import Fault, Sandbox

EXAMPLES = int(os.environ.get("P4BOOKS_EXAMPLES", "15"))
TIMEOUT = 0.15  # seconds without a byte
LATE = 0.3  # seconds until a record is made whose sender has given up
PUSHES = 40  # of the same file, until nothing is ready

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

OLD = {"code": "OLD", "name": "Was there"}
_FOLDER = TemporaryDirectory(prefix="twins-")


class Killed(BaseException):
    """The process is dead: it writes nothing any more."""


class Dying(Ledger):
    """A ledger whose process is killed at the nth thing that it writes or asks."""

    def __init__(self, path: Path, until: int) -> None:
        super().__init__(path)
        self._left = until

    def _do(self, *words: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise Killed
        return super()._do(*words)


@dataclass(frozen=True)
class Story:
    """What happens to one file: its rows, the server's ways, faults in turn, and kills."""

    rows: int
    ways: dict[str, Any]
    faults: list[Fault | None]
    kills: list[int]
    resend: bool


@st.composite
def _stories(draw: st.DrawFn) -> Story:
    ways = {
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
    return Story(
        rows=draw(st.integers(1, 12)),
        ways=ways,
        faults=faults,
        kills=draw(st.lists(st.integers(3, 90), max_size=3)),
        resend=not late and draw(st.booleans()),  # what may still come would come twice
    )


@given(_stories())
@examples(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="P4BOOKS_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
def test_no_twins(story: Story) -> None:
    """Each row stands there once, or is refused or unknown; no row stands there twice."""
    with (
        Sandbox(empty=True, limit=0, page_size=5, **story.ways) as sandbox,
        TemporaryDirectory() as folder,
    ):
        settings = _settings(sandbox, Path(folder))
        sandbox.books["vendors"].insert(OLD)
        shutil.copytree(_synced(story.ways["ids"]), settings.data_dir)

        _tell(story, sandbox, settings)
        time.sleep(LATE + 0.1 if any(f and f.kind == "late" for f in story.faults) else 0)

        _judge(story, sandbox, settings)


@cache
def _synced(ids: str) -> Path:
    """Sync the one old vendor, once for all examples."""
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


def _file(story: Story) -> list[SourceRow]:
    return [
        SourceRow(n + 2, {"code": f"V-{n}", "name": f"Vendor {n}", "balance": f"{n}.5"})
        for n in range(story.rows)
    ]


def _tell(story: Story, sandbox: Sandbox, settings: Settings) -> None:
    """Push the same file again and again, with the faults and the kills in their turn."""
    post = 0
    for turn, fault in enumerate(story.faults):
        if fault:
            sandbox.faults.stage(replace(fault, after=turn - post if fault.method == "POST" else 0))
            post = turn
    kills = list(story.kills)
    again = frozenset({UNKNOWN} if story.resend else ())
    wishes = PushOptions(allow_renumbering=story.ways["codes"] == "own", again=again)
    for _ in range(PUSHES):
        until = kills.pop(0) if kills else 10**9
        try:
            done = push_records(
                settings,
                "vendors",
                _file(story),
                "vendors.csv",
                wishes,
                retry_policy=RetryPolicy(TIMEOUT, backoff=0, settled=0, sleep=lambda _: None),
                open_ledger=partial(Dying, until=until),
            )
        except Killed:
            continue
        assert not done.faults
        if done.ready == 0 and not kills:
            return
    raise AssertionError(f"still ready after {PUSHES} pushes: {done}")


def _judge(story: Story, sandbox: Sandbox, settings: Settings) -> None:
    ledger = settings.ledger
    held = [entry for each in list_pushes(ledger) for entry in list_entries(ledger, each.push)]
    told = {entry.code: entry.state for entry in held}
    names = Counter(_name(record) for record in sandbox.books["vendors"].records())
    for row in _file(story):
        state, stands = told[row.values["code"]], names[row.values["name"]]
        assert stands <= 1, f"{row.values['code']} stands there {stands} times"
        assert state in {CREATED, REFUSED, UNKNOWN}
        if state == CREATED:
            assert stands == 1
        if state == REFUSED:
            assert stands == 0
    assert sum(names.values()) <= story.rows + 1
    assert READY not in told.values()
    assert not any(entry.left_at and entry.state == REFUSED for entry in held)


def _name(record: dict[str, Any]) -> Any:
    return record.get("name", record.get("Name"))
