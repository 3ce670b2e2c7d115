"""Work for many tenants in one process, some of them at a time."""

import os
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeAlias, TypeVar

from p4books.errors import AlreadyRunning, SettingsError
from p4books.extract.reader import Pause
from p4books.settings import ConfiguredTenant, Settings
from p4books.storage.interrupt import is_stop_requested

DEFAULT_JOBS = min(2 * (os.cpu_count() or 1), 8)  # half of them wait for P4 Books
MOST_PAUSED = 32  # tenants that wait for the limits of their keys, beside those that work
UNWIND_SECONDS = 2.0  # that tenants have to end after the signal to stop

T = TypeVar("T")

_Outcomes: TypeAlias = "queue.SimpleQueue[TenantOutcome[T] | None]"


@dataclass(frozen=True)
class TenantOutcome(Generic[T]):
    """What became of one tenant: the value that its work returned, or the error it raised.

    The error is KeyboardInterrupt, whatever was raised, if this process had to stop.
    """

    tenant: ConfiguredTenant
    value: T | None = None
    error: BaseException | None = None


def run_tenants(
    tenants: Sequence[ConfiguredTenant], work: Callable[[Settings, Pause], T], jobs: int
) -> Iterator[TenantOutcome[T]]:
    """Do the work of each tenant in threads, `jobs` at a time, and yield the outcomes as they come.

    `work` gets the settings, and the pause to make while it waits for the limit of the key: then
    another tenant works, of another key if there is one. One that fails stops no other; one without
    valid settings has its fault as the error. If this process must stop, the tenants that are in
    progress have a moment to end before KeyboardInterrupt is raised.
    """
    yield from (TenantOutcome(each, error=each.fault) for each in tenants if not each.settings)
    ended: _Outcomes[T] = queue.SimpleQueue()
    schedule = TenantSchedule(tenants, jobs, lambda: ended.put(None))
    pool = ThreadPoolExecutor(jobs + MOST_PAUSED, thread_name_prefix="p4books-tenant")
    try:
        while not schedule.is_done:
            for tenant, settings in schedule.start():
                run = partial(_run, tenant, partial(work, settings), schedule, ended)
                pool.submit(copy_context().run, run)
            if (outcome := ended.get()) is not None:
                schedule.end(outcome.tenant)
                yield outcome
    except KeyboardInterrupt:
        yield from _await_ends(schedule, ended)
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class TenantSchedule:
    """Which tenants work, which pause, and who is next; thread-safe.

    Tenants of the key that fewest work with begin first, and none of a key for whose limit another
    one already waits. `when_paused` is called when one begins or ends to wait.
    """

    def __init__(
        self,
        tenants: Iterable[ConfiguredTenant],
        jobs: int,
        when_paused: Callable[[], object] = lambda: None,
    ) -> None:
        self._when_paused = when_paused
        self._jobs = jobs
        self._lock = threading.Lock()
        self._pending: dict[str, deque[tuple[ConfiguredTenant, Settings]]] = {}
        self._keys: dict[str, str] = {}  # of the tenants, by their names
        self._active: Counter[str] = Counter()  # tenants by key
        self._pauses: Counter[str] = Counter()  # threads that wait, by tenant
        for tenant in tenants:
            if tenant.settings is not None:
                key = _identify_key(tenant.settings)
                self._keys[tenant.name] = key
                self._pending.setdefault(key, deque()).append((tenant, tenant.settings))

    @property
    def is_done(self) -> bool:
        """Whether no tenant is at work, and none will be."""
        with self._lock:
            return not self._pending and not self._active.total()

    @property
    def is_idle(self) -> bool:
        """Whether no tenant is at work."""
        with self._lock:
            return not self._active.total()

    def start(self) -> list[tuple[ConfiguredTenant, Settings]]:
        """Return the tenants that begin now, as many as there is room for."""
        started = []
        with self._lock:
            while (key := self._choose_key()) is not None:
                started.append(self._pending[key].popleft())
                if not self._pending[key]:
                    del self._pending[key]
                self._active[key] += 1
        return started

    def end(self, tenant: ConfiguredTenant) -> None:
        """Note that a tenant has ended."""
        with self._lock:
            self._active[self._keys[tenant.name]] -= 1

    @contextmanager
    def pause(self, tenant: ConfiguredTenant) -> Iterator[None]:
        """Note that a thread of a tenant waits, as long as what is inside takes."""
        with self._lock:
            self._pauses[tenant.name] += 1
        self._when_paused()
        try:
            yield
        finally:
            with self._lock:
                self._pauses[tenant.name] -= 1
            self._when_paused()  # others of its key may begin

    def _choose_key(self) -> str | None:
        paused = [name for name, threads in self._pauses.items() if threads]
        active = self._active.total()
        if active - len(paused) >= self._jobs or active >= self._jobs + MOST_PAUSED:
            return None
        waiting = {self._keys[name] for name in paused}
        return min(self._pending.keys() - waiting, key=self._rank, default=None)

    def _rank(self, key: str) -> tuple[int, str]:
        """Return what is least for the key to begin with: in the order of the settings."""
        return self._active[key], self._pending[key][0][0].name


def choose_exit_code(errors: Sequence[BaseException | None]) -> int:
    """Return the exit code of many tenants, given the first error of each, None if it has none.

    0: each was done, or was in progress elsewhere; 1: one or more failed; 2: the settings of all
    are wrong; 75: all were in progress elsewhere.
    """
    failed = [error for error in errors if error and not isinstance(error, AlreadyRunning)]
    if not failed:
        return AlreadyRunning.exit_code if errors and all(errors) else 0
    only_settings = all(isinstance(error, SettingsError) for error in errors)
    return SettingsError.exit_code if only_settings else 1


def _run(
    tenant: ConfiguredTenant,
    work: Callable[[Pause], T],
    schedule: "TenantSchedule",
    ended: "_Outcomes[T]",
) -> None:
    try:
        outcome = TenantOutcome(tenant, work(lambda: schedule.pause(tenant)))
    except BaseException as error:  # noqa: BLE001 - it must not stop the others
        stopped = is_stop_requested()  # what was interrupted fails in its own way
        outcome = TenantOutcome(tenant, error=KeyboardInterrupt() if stopped else error)
    ended.put(outcome)


def _identify_key(settings: Settings) -> str:
    """Return what tenants have in common that share a limit; without a key they share none."""
    return settings.key if settings.api_key else f"tenant {settings.tenant}"


def _await_ends(schedule: TenantSchedule, ended: "_Outcomes[T]") -> Iterator[TenantOutcome[T]]:
    """Yield the outcomes of the tenants that end within a moment."""
    ends_at = time.monotonic() + UNWIND_SECONDS
    while not schedule.is_idle:
        try:
            outcome = ended.get(timeout=max(ends_at - time.monotonic(), 0))
        except queue.Empty:
            return
        if outcome is not None:
            schedule.end(outcome.tenant)
            yield outcome
