"""The rate limiter shared by all processes of a key."""

import heapq
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.p4books.extract.conftest import count_examples, property_settings

from p4books.errors import DiskTrouble
from p4books.extract.rate_limiter import DEAD_AFTER, RateLimiter, limiter_path

SECRET = "k-3f9a7c"  # noqa: S105 - opens nothing


class Clock:
    """A clock that moves only when the test sleeps or sets it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """A clock that the test controls."""
    return Clock()


def _limiter(tmp_path: Path, clock: Clock, limit: int = 3, window: float = 60) -> RateLimiter:
    return RateLimiter(tmp_path / "slots.sqlite", limit, window, clock, clock.sleep)


def _send(limiter: RateLimiter, clock: Clock, seconds: float = 0.0) -> float:
    """Make one request that takes this many seconds, and return when it was sent."""
    slot = limiter.acquire()
    sent_at = clock.now
    clock.now += seconds
    limiter.release(slot)
    return sent_at


def test_up_to_the_limit(tmp_path: Path, clock: Clock) -> None:
    """The allowed requests are sent at once, the next one a window after the first response."""
    limiter = _limiter(tmp_path, clock)

    sent = [_send(limiter, clock, seconds=2) - 1_000_000 for _ in range(5)]

    assert sent == pytest.approx([0, 2, 4, 62, 64])
    assert limiter.waited == pytest.approx(sum(clock.slept))
    assert limiter.waited == pytest.approx(56)


def test_before_wait(tmp_path: Path, clock: Clock) -> None:
    """`before_wait` is called before each wait, and not otherwise."""
    limiter = _limiter(tmp_path, clock, limit=1)
    calls: list[float] = []

    limiter.release(limiter.acquire(before_wait=lambda: calls.append(clock.now)))
    without_wait = list(calls)
    limiter.acquire(before_wait=lambda: calls.append(clock.now))

    assert without_wait == []
    assert calls == [1_000_000.0]


def test_announcement(tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """A long wait is announced, but not each of those that follow, and never a short one.

    Nor is it by each of those that wait for the same limit, such as tenants of one key.
    """
    limiter, other = (_limiter(tmp_path, clock, limit=1) for _ in range(2))
    limiter.block(4)
    _send(limiter, clock)
    short = list(caplog.messages)
    for _ in range(3):
        _send(limiter, clock)
        _send(other, clock)
    clock.now += 600
    limiter.block(120)
    _send(limiter, clock)

    assert short == []
    assert caplog.messages == [
        "Waiting about 60 s for the rate limit.",
        "Waiting about 120 s for the rate limit.",
    ]


def test_expired_slots(tmp_path: Path, clock: Clock) -> None:
    """Expired slots make room, regardless of their ids."""
    limiter = _limiter(tmp_path, clock, limit=3)
    pending = limiter.acquire()
    for _ in range(4):
        clock.now += 61
        _send(limiter, clock)
        _send(limiter, clock)

    assert clock.slept == []
    limiter.release(pending)
    _send(limiter, clock)
    assert len(clock.slept) == 1


def test_pending_request(tmp_path: Path, clock: Clock) -> None:
    """A request without a response keeps its slot: it may arrive at any time."""
    limiter = _limiter(tmp_path, clock, limit=1)
    slot = limiter.acquire()
    clock.now += 100

    def sleep_until_released(seconds: float) -> None:
        clock.sleep(seconds)
        if len(clock.slept) == 3:
            limiter.release(slot)

    other = RateLimiter(limiter.path, 1, 60, clock, sleep_until_released)
    other.acquire()

    waited = sum(clock.slept[:3])
    assert clock.now == pytest.approx(1_000_100 + waited + 60)


def test_shared_file(tmp_path: Path, clock: Clock) -> None:
    """Limiters on one file count together."""
    one, other = _limiter(tmp_path, clock), _limiter(tmp_path, clock)

    sent = [_send(limiter, clock) - 1_000_000 for limiter in (one, other, one, other)]

    assert sent == pytest.approx([0, 0, 0, 60])


def test_block(tmp_path: Path, clock: Clock) -> None:
    """After a 429 no limiter on the file lets a request through before its wait is over."""
    one, other = _limiter(tmp_path, clock), _limiter(tmp_path, clock)

    one.block(7.5)
    other.acquire()

    assert clock.now == pytest.approx(1_000_007.5)
    assert max(clock.slept) <= 1


def test_longest_block(tmp_path: Path, clock: Clock) -> None:
    """Of several blocks the longest applies."""
    limiter = _limiter(tmp_path, clock)

    limiter.block(5)
    limiter.block(2)
    limiter.acquire()

    assert clock.now == pytest.approx(1_000_005)


def test_seconds_for(tmp_path: Path, clock: Clock) -> None:
    """The estimate follows from when slots expire, one after the other."""
    limiter = _limiter(tmp_path, clock)
    before = [limiter.seconds_for(requests) for requests in (0, 3, 4, 7)]
    for _ in range(2):
        _send(limiter, clock)

    after = [limiter.seconds_for(requests) for requests in (1, 2, 5)]

    assert before == [0, 0, 60, 120]
    assert after == [0, 60, 120]


def test_dead_process(tmp_path: Path, clock: Clock) -> None:
    """The slot of a dead process is freed after a timeout, not before."""
    dead = _limiter(tmp_path, clock, limit=1)
    dead.acquire()

    _limiter(tmp_path, clock, limit=1).acquire()

    assert clock.now == pytest.approx(1_000_000 + DEAD_AFTER + 60, abs=0.1)


@pytest.mark.parametrize("back", [10, 3600, 86400 * 365])
def test_clock_set_back(tmp_path: Path, clock: Clock, back: float) -> None:
    """After the clock was set back the wait is one window, no more and no less."""
    limiter = _limiter(tmp_path, clock)
    for _ in range(3):
        _send(limiter, clock)
    clock.now -= back

    limiter.acquire()

    assert sum(clock.slept) == pytest.approx(60)


def test_clock_set_back_during_a_request(tmp_path: Path, clock: Clock) -> None:
    """A request pending while the clock is set back keeps its slot like others."""
    limiter = _limiter(tmp_path, clock, limit=1)
    slot = limiter.acquire()
    clock.now -= 3600
    limiter.release(slot)

    limiter.acquire()

    assert sum(clock.slept) == pytest.approx(60)


def test_clock_set_back_during_a_block(tmp_path: Path, clock: Clock) -> None:
    """A block set in what is now the future is dropped."""
    limiter = _limiter(tmp_path, clock)
    limiter.block(900)
    clock.now -= 86400

    limiter.acquire()

    assert clock.slept == []


def test_clock_set_forward(tmp_path: Path, clock: Clock) -> None:
    """After the clock was set forward nothing hangs, and the limit holds from then on."""
    limiter = _limiter(tmp_path, clock)
    for _ in range(3):
        _send(limiter, clock)
    limiter.block(30)
    clock.now += 86400

    sent = [_send(limiter, clock) - 1_086_400 for _ in range(4)]

    assert sent == pytest.approx([0, 0, 0, 60])


@pytest.mark.parametrize("content", [None, b"something else" * 500])
def test_unusable_file(tmp_path: Path, content: bytes | None) -> None:
    """If slots cannot be stored that is DiskTrouble, never a request without a slot."""
    path = tmp_path / "folder" / "slots.sqlite"
    if content is None:
        (tmp_path / "folder").touch()
    else:
        path.parent.mkdir()
        path.write_bytes(content)

    with pytest.raises(DiskTrouble, match=r"slots\.sqlite cannot be written"):
        RateLimiter(path, 3, 60)


def _most_in_a_window(arrivals: Sequence[float], window: float) -> int:
    """Return the most arrivals in any stretch of one window, its end excluded."""
    ordered, first, most = sorted(arrivals), 0, 0
    for number, arrival in enumerate(ordered):
        while ordered[first] <= arrival - window + 1e-6:
            first += 1
        most = max(most, number - first + 1)
    return most


# Seconds from sending to response, the share of them until it arrives, the sender.
TRIPS = st.tuples(st.floats(0, 12), st.floats(0, 1), st.integers(0, 2))


def _send_all(
    trips: Sequence[tuple[float, float, int]], limit: int, window: float, parallel: int
) -> list[float]:
    """Send all as soon as allowed, at most `parallel` at once, and return their arrivals."""
    clock, arrivals = Clock(), []
    pending: list[tuple[float, int, int]] = []  # response at, slot, sender

    with tempfile.TemporaryDirectory() as folder:

        def sleep(seconds: float) -> None:
            """Wait, and receive the responses that arrive meanwhile."""
            until = clock.now + seconds
            while pending and pending[0][0] <= until:
                receive()
            clock.now = until

        def receive() -> None:
            responded_at, slot, sender = heapq.heappop(pending)
            clock.now = max(clock.now, responded_at)
            limiters[sender].release(slot)

        path = Path(folder) / "slots.sqlite"
        limiters = [RateLimiter(path, limit, window, clock, sleep) for _ in range(3)]
        for seconds, share, sender in trips:
            if len(pending) == parallel:
                receive()
            slot = limiters[sender].acquire()
            arrivals.append(clock.now + seconds * share)
            heapq.heappush(pending, (clock.now + seconds, slot, sender))
        for limiter in limiters:
            limiter._connection.close()
    return arrivals


@property_settings(25)
@given(
    trips=st.lists(TRIPS, max_size=25),
    limit=st.integers(1, 5),
    window=st.sampled_from([1.0, 10.0]),
    parallel=st.integers(1, 6),
)
def test_never_over(
    trips: list[tuple[float, float, int]], limit: int, window: float, parallel: int
) -> None:
    """No window of the server, sliding or fixed, ever sees more requests than the limit.

    A fixed window is one stretch of a window's length, so checking all stretches covers it.
    """
    arrivals = _send_all(trips, limit, window, parallel)

    assert len(arrivals) == len(trips)
    assert _most_in_a_window(arrivals, window) <= limit


@pytest.mark.parametrize("latency", [0.05, 0.3])
def test_no_time_is_wasted(tmp_path: Path, clock: Clock, latency: float) -> None:
    """A steady load takes at most two per cent longer than the limit requires."""
    limiter = _limiter(tmp_path, clock, limit=90)

    sent = [_send(limiter, clock, latency) for _ in range(900)]

    least = 9 * 60
    assert sent[-1] - sent[0] <= least * 1.02 + 90 * latency


def test_threads(tmp_path: Path) -> None:
    """Threads that share one limiter never get the same slot."""
    limiter = RateLimiter(tmp_path / "slots.sqlite", 100, 600)
    acquired: list[int] = []

    def send() -> None:
        for _ in range(12):
            slot = limiter.acquire()
            acquired.append(slot)
            limiter.release(slot)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(acquired)) == 96
    assert limiter.seconds_for(4) == 0
    assert limiter.seconds_for(5) == pytest.approx(600, abs=60)


RUSH = """
import os, sys, time
from pathlib import Path
from p4books.extract.rate_limiter import RateLimiter

for nth in range(int(sys.argv[2])):
    moment = time.time() + 0.01
    rush = []
    for _ in range(3):
        if not (child := os.fork()):
            while time.time() < moment:
                pass
            RateLimiter(Path(sys.argv[1]) / f"{nth}.sqlite", 1, 1.0)
            os._exit(0)
        rush.append(child)
    for child in rush:
        assert os.waitpid(child, 0)[1] == 0
"""


def test_first_use_by_several(tmp_path: Path) -> None:
    """Processes that use a key for the first time at the same moment can all start."""
    rounds = str(count_examples(15))

    subprocess.run([sys.executable, "-c", RUSH, str(tmp_path), rounds], check=True)


PROCESS = """
import sys, time
from pathlib import Path
from p4books.extract.rate_limiter import RateLimiter

limiter = RateLimiter(Path(sys.argv[1]), 1, 0.02)
for _ in range(40):
    slot = limiter.acquire()
    print(repr(time.time()), flush=True)
    limiter.release(slot)
"""


def test_processes(tmp_path: Path) -> None:
    """Two processes on one file together keep to the limit, even when both wait for one slot."""
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "slots.sqlite")]

    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]

    sent = sorted(float(line) for lines in outputs for line in lines.split())
    assert len(sent) == 80
    assert _most_in_a_window(sent, 0.019) <= 1


def test_killed_process(tmp_path: Path) -> None:
    """The pending request of a killed process still counts."""
    path = tmp_path / "slots.sqlite"
    code = (
        PROCESS.split("for", maxsplit=1)[0]
        + "limiter.acquire(); import os; os.kill(os.getpid(), 9)"
    )

    died = subprocess.run([sys.executable, "-c", code, str(path)], check=False)

    assert died.returncode == -9
    assert RateLimiter(path, 1, 60).seconds_for(1) == 60


def test_path(tmp_path: Path) -> None:
    """Each key has its own file in the user's state folder, whose name does not contain the key."""
    one, other = limiter_path(SECRET), limiter_path(SECRET + "x")

    assert one == limiter_path(SECRET)
    assert one != other
    assert one.parent == tmp_path / "state" / "p4books" / "throttle"
    assert SECRET not in str(one)


def test_path_without_a_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a state folder the file is in the user's home, or without a home in /tmp."""
    monkeypatch.delenv("XDG_STATE_HOME")

    monkeypatch.setenv("HOME", str(tmp_path))
    at_home = limiter_path(SECRET)
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))

    assert at_home.is_relative_to(tmp_path / ".local" / "state" / "p4books")
    assert limiter_path(SECRET).is_relative_to(tempfile.gettempdir())


def test_path_of_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user that the system does not know, as in a container, has no home either."""
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)

    assert limiter_path(SECRET).parent == Path(tempfile.gettempdir()) / "p4books-4000000/throttle"


def test_file_contains_no_key(tmp_path: Path) -> None:
    """The files of a key do not contain it, and other users cannot read the folder."""
    limiter = RateLimiter(limiter_path(SECRET), 3, 60)

    limiter.release(limiter.acquire())

    written = [path.read_bytes() for path in limiter.path.parent.iterdir()]
    assert written
    assert not any(SECRET.encode() in content for content in written)
    assert limiter.path.parent.stat().st_mode & 0o077 == 0


def test_most_in_a_window() -> None:
    """The count that these tests rely on is right: the end of a window belongs to the next."""
    arrivals = [0.0, 1.0, 59.9, 60.0, 61.0]

    assert _most_in_a_window(arrivals, 60) == 3
