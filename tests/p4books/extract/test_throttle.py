"""How fast may we ask?"""

import heapq
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4books.errors import DiskTrouble
from p4books.extract.rate_limiter import DEAD_AFTER, RateLimiter, limiter_path

SECRET = "k-3f9a7c"  # noqa: S105 - of nothing


class Clock:
    """A clock that stands until somebody sleeps or sets it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time go by."""
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """A clock held by the test."""
    return Clock()


def _throttle(tmp_path: Path, clock: Clock, limit: int = 3, window: float = 60) -> RateLimiter:
    return RateLimiter(tmp_path / "slots.sqlite", limit, window, clock, clock.sleep)


def _spend(slots: RateLimiter, clock: Clock, seconds: float = 0.0) -> float:
    """Make one request that takes so many seconds; give when it left."""
    slot = slots.acquire()
    left = clock.now
    clock.now += seconds
    slots.release(slot)
    return left


def test_up_to_the_limit(tmp_path: Path, clock: Clock) -> None:
    """As many requests as allowed leave at once, the next a window after the first answer."""
    slots = _throttle(tmp_path, clock)

    left = [_spend(slots, clock, seconds=2) - 1_000_000 for _ in range(5)]

    assert left == pytest.approx([0, 2, 4, 62, 64])
    assert slots.waited == pytest.approx(sum(clock.slept))
    assert slots.waited == pytest.approx(56)


def test_waits(tmp_path: Path, clock: Clock) -> None:
    """Before each wait, and not else, it is said that one comes."""
    slots = _throttle(tmp_path, clock, limit=1)
    said: list[float] = []

    slots.release(slots.acquire(before_wait=lambda: said.append(clock.now)))
    at_once = list(said)
    slots.acquire(before_wait=lambda: said.append(clock.now))

    assert at_once == []
    assert said == [1_000_000.0]


def test_slots_that_were_given_back(tmp_path: Path, clock: Clock) -> None:
    """Slots whose time is over make room, however their numbers lie."""
    slots = _throttle(tmp_path, clock, limit=3)
    under_way = slots.acquire()
    for _ in range(4):
        clock.now += 61
        _spend(slots, clock)
        _spend(slots, clock)

    assert clock.slept == []
    slots.release(under_way)
    _spend(slots, clock)
    assert len(clock.slept) == 1


def test_a_request_under_way(tmp_path: Path, clock: Clock) -> None:
    """A request without an answer holds its slot: nobody knows when it arrives."""
    slots = _throttle(tmp_path, clock, limit=1)
    slot = slots.acquire()
    clock.now += 100

    def answer_comes(seconds: float) -> None:
        clock.sleep(seconds)
        if len(clock.slept) == 3:
            slots.release(slot)

    other = RateLimiter(slots.path, 1, 60, clock, answer_comes)
    other.acquire()

    answered = sum(clock.slept[:3])
    assert clock.now == pytest.approx(1_000_100 + answered + 60)


def test_one_file_for_all(tmp_path: Path, clock: Clock) -> None:
    """Throttles on one file count together."""
    one, other = _throttle(tmp_path, clock), _throttle(tmp_path, clock)

    left = [_spend(slots, clock) - 1_000_000 for slots in (one, other, one, other)]

    assert left == pytest.approx([0, 0, 0, 60])


def test_block(tmp_path: Path, clock: Clock) -> None:
    """After a 429 no throttle on the file lets anything leave before the time told."""
    one, other = _throttle(tmp_path, clock), _throttle(tmp_path, clock)

    one.block(7.5)
    other.acquire()

    assert clock.now == pytest.approx(1_000_007.5)
    assert max(clock.slept) <= 1


def test_longest_block_counts(tmp_path: Path, clock: Clock) -> None:
    """Of several blocks the longest holds."""
    slots = _throttle(tmp_path, clock)

    slots.block(5)
    slots.block(2)
    slots.acquire()

    assert clock.now == pytest.approx(1_000_005)


def test_seconds_for(tmp_path: Path, clock: Clock) -> None:
    """How long requests will take is told by when slots become free, one after the other."""
    slots = _throttle(tmp_path, clock)
    before = [slots.seconds_for(requests) for requests in (0, 3, 4, 7)]
    for _ in range(2):
        _spend(slots, clock)

    after = [slots.seconds_for(requests) for requests in (1, 2, 5)]

    assert before == [0, 0, 60, 120]
    assert after == [0, 60, 120]


# What goes wrong.


def test_dead_process(tmp_path: Path, clock: Clock) -> None:
    """A slot whose process died is free after a time-out, not before."""
    dead = _throttle(tmp_path, clock, limit=1)
    dead.acquire()

    _throttle(tmp_path, clock, limit=1).acquire()

    assert clock.now == pytest.approx(1_000_000 + DEAD_AFTER + 60, abs=0.1)


@pytest.mark.parametrize("back", [10, 3600, 86400 * 365])
def test_clock_set_back(tmp_path: Path, clock: Clock, back: float) -> None:
    """After the clock was set back nobody waits longer than a window, and none is let in early."""
    slots = _throttle(tmp_path, clock)
    for _ in range(3):
        _spend(slots, clock)
    clock.now -= back

    slots.acquire()

    assert sum(clock.slept) == pytest.approx(60)


def test_clock_set_back_under_a_request(tmp_path: Path, clock: Clock) -> None:
    """A request that is under way while the clock is set back holds its slot as others do."""
    slots = _throttle(tmp_path, clock, limit=1)
    slot = slots.acquire()
    clock.now -= 3600
    slots.release(slot)

    slots.acquire()

    assert sum(clock.slept) == pytest.approx(60)


def test_clock_set_back_under_a_block(tmp_path: Path, clock: Clock) -> None:
    """A block from a time that has not come yet is forgotten."""
    slots = _throttle(tmp_path, clock)
    slots.block(900)
    clock.now -= 86400

    slots.acquire()

    assert clock.slept == []


def test_clock_set_forward(tmp_path: Path, clock: Clock) -> None:
    """After the clock was set forward nothing hangs, and the limit holds from then on."""
    slots = _throttle(tmp_path, clock)
    for _ in range(3):
        _spend(slots, clock)
    slots.block(30)
    clock.now += 86400

    left = [_spend(slots, clock) - 1_086_400 for _ in range(4)]

    assert left == pytest.approx([0, 0, 0, 60])


@pytest.mark.parametrize("content", [None, b"something else" * 500])
def test_place_that_cannot_be(tmp_path: Path, content: bytes | None) -> None:
    """Where slots can't be kept it is a trouble with the disk, never a request without a slot."""
    path = tmp_path / "folder" / "slots.sqlite"
    if content is None:
        (tmp_path / "folder").touch()
    else:
        path.parent.mkdir()
        path.write_bytes(content)

    with pytest.raises(DiskTrouble, match=r"slots\.sqlite cannot be written"):
        RateLimiter(path, 3, 60)


# Whatever the network does.


def _most_in_a_window(arrivals: Sequence[float], window: float) -> int:
    """Give the most arrivals that any stretch of one window holds, its end left out."""
    ordered, first, most = sorted(arrivals), 0, 0
    for number, arrival in enumerate(ordered):
        while ordered[first] <= arrival - window + 1e-6:
            first += 1
        most = max(most, number - first + 1)
    return most


TRIPS = st.tuples(  # seconds on the way, where between sending and answer it arrives, who sends
    st.floats(0, 12), st.floats(0, 1), st.integers(0, 2)
)


def _send_all(
    trips: Sequence[tuple[float, float, int]], limit: int, window: float, beside: int
) -> list[float]:
    """Send every trip as soon as it may, with so many under way at once; give the arrivals."""
    clock, arrivals = Clock(), []
    under_way: list[tuple[float, int, int]] = []

    with tempfile.TemporaryDirectory() as folder:

        def sleep(seconds: float) -> None:
            """Wait, and let the answers that come meanwhile come."""
            until = clock.now + seconds
            while under_way and under_way[0][0] <= until:
                answer_comes()
            clock.now = until

        def answer_comes() -> None:
            back, slot, who = heapq.heappop(under_way)
            clock.now = max(clock.now, back)
            senders[who].release(slot)

        path = Path(folder) / "slots.sqlite"
        senders = [RateLimiter(path, limit, window, clock, sleep) for _ in range(3)]
        for seconds, where, who in trips:
            if len(under_way) == beside:
                answer_comes()
            slot = senders[who].acquire()
            arrivals.append(clock.now + seconds * where)
            heapq.heappush(under_way, (clock.now + seconds, slot, who))
        for sender in senders:
            sender._connection.close()
    return arrivals


@settings(max_examples=60, deadline=None)
@given(
    trips=st.lists(TRIPS, max_size=25),
    limit=st.integers(1, 5),
    window=st.sampled_from([1.0, 10.0]),
    beside=st.integers(1, 6),
)
def test_never_over(
    trips: list[tuple[float, float, int]], limit: int, window: float, beside: int
) -> None:
    """No window the server may count, sliding or fixed, ever sees more than the limit.

    A fixed window is one stretch of a window's length, so that all stretches hold it too.
    """
    arrivals = _send_all(trips, limit, window, beside)

    assert len(arrivals) == len(trips)
    assert _most_in_a_window(arrivals, window) <= limit


@pytest.mark.parametrize("latency", [0.05, 0.3])
def test_no_time_is_wasted(tmp_path: Path, clock: Clock, latency: float) -> None:
    """A steady load takes at most two per cent longer than the limit alone makes it."""
    slots = _throttle(tmp_path, clock, limit=90)

    left = [_spend(slots, clock, latency) for _ in range(900)]

    least = 9 * 60
    assert left[-1] - left[0] <= least * 1.02 + 90 * latency


# Real threads, real processes.


def test_threads(tmp_path: Path) -> None:
    """Threads that share one throttle spend no slot twice."""
    slots = RateLimiter(tmp_path / "slots.sqlite", 100, 600)
    taken: list[int] = []

    def spend() -> None:
        for _ in range(12):
            slot = slots.acquire()
            taken.append(slot)
            slots.release(slot)

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(taken)) == 96
    assert slots.seconds_for(4) == 0
    assert slots.seconds_for(5) == pytest.approx(600, abs=60)


RUSH = """
import os, sys, time
from pathlib import Path
from p4books.extract.rate_limiter import RateLimiter

for nth in range(40):
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
    """Processes that all use a key for the first time, at the same moment, all may begin."""
    subprocess.run([sys.executable, "-c", RUSH, str(tmp_path)], check=True, timeout=120)


PROCESS = """
import sys, time
from pathlib import Path
from p4books.extract.rate_limiter import RateLimiter

slots = RateLimiter(Path(sys.argv[1]), 1, 0.02)
for _ in range(40):
    slot = slots.acquire()
    print(repr(time.time()), flush=True)
    slots.release(slot)
"""


def test_processes(tmp_path: Path) -> None:
    """Two processes on one file together keep to the limit, also where both wait for one slot."""
    command = [sys.executable, "-c", PROCESS, str(tmp_path / "slots.sqlite")]

    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]

    sent = sorted(float(line) for lines in said for line in lines.split())
    assert len(sent) == 80
    assert _most_in_a_window(sent, 0.019) <= 1


def test_killed_process(tmp_path: Path) -> None:
    """What a process that was killed had under way still counts."""
    path = tmp_path / "slots.sqlite"
    code = (
        PROCESS.split("for", maxsplit=1)[0] + "slots.acquire(); import os; os.kill(os.getpid(), 9)"
    )

    died = subprocess.run([sys.executable, "-c", code, str(path)], check=False)

    assert died.returncode == -9
    assert RateLimiter(path, 1, 60).seconds_for(1) == 60


# Where the slots are kept.


def test_place(tmp_path: Path) -> None:
    """Each key has its own file in the user's state folder, and its name holds no key."""
    one, other = limiter_path(SECRET), limiter_path(SECRET + "x")

    assert one == limiter_path(SECRET)
    assert one != other
    assert one.parent == tmp_path / "state" / "p4books" / "throttle"
    assert SECRET not in str(one)


def test_place_without_a_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a state folder it is below the user's home, or where there is none, in /tmp."""
    monkeypatch.delenv("XDG_STATE_HOME")

    monkeypatch.setenv("HOME", str(tmp_path))
    at_home = limiter_path(SECRET)
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))

    assert at_home.is_relative_to(tmp_path / ".local" / "state" / "p4books")
    assert limiter_path(SECRET).is_relative_to(tempfile.gettempdir())


def test_file_holds_no_key(tmp_path: Path) -> None:
    """What is written for a key does not hold it, and other users can't look into the folder."""
    slots = RateLimiter(limiter_path(SECRET), 3, 60)

    slots.release(slots.acquire())

    written = [path.read_bytes() for path in slots.path.parent.iterdir()]
    assert written
    assert not any(SECRET.encode() in content for content in written)
    assert slots.path.parent.stat().st_mode & 0o077 == 0


def test_most_in_a_window() -> None:
    """The count of these tests is itself right: a window's end belongs to the next."""
    arrivals = [0.0, 1.0, 59.9, 60.0, 61.0]

    assert _most_in_a_window(arrivals, 60) == 3
