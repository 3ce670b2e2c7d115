"""Failure of a run that could not begin, so that the log of runs does not know it.

The log is part of the state that a home has, and is written by who holds that; this file is of
this machine alone. The next run that begins removes it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import time

import msgspec

from p4books.errors import AlreadyRunning
from p4books.settings import Settings
from p4books.storage.files import try_to_replace
from p4books.storage.interrupt import is_stop_requested
from p4books.storage.run_log import Run, RunFault, SyncSummary


@dataclass(frozen=True)
class UnloggedFailure:
    """A run that failed before the log knew of it; `at` is in seconds since 1970."""

    at: float
    fault: RunFault

    def is_after(self, run: Run | None) -> bool:
        """Return whether it is newer than a run of the log."""
        return run is None or self.at >= run.started_at

    def as_run(self) -> Run:
        """Return it as a run without a number."""
        return Run(0, self.at, self.at, self.fault.kind, 0, 0, 0.0, (), (self.fault.sentence,), 1)


# Made once: msgspec crashes if several threads are the first to decode the same type.
_DECODER = msgspec.json.Decoder(UnloggedFailure)


@contextmanager
def record_unlogged(settings: Settings, summary: SyncSummary) -> Iterator[None]:
    """Record on this machine why a run failed that the log does not know; the error is raised.

    Not that another run is in progress, nor that this one was stopped.
    """
    try:
        yield
    except AlreadyRunning:
        raise
    except Exception as error:
        if summary.run is None and not is_stop_requested():
            save_unlogged(settings, UnloggedFailure(time(), RunFault.of(error)))
        raise


def save_unlogged(settings: Settings, failure: UnloggedFailure) -> None:
    """Save a failure as the last one. That this fails is ignored: the failure itself is shown."""
    try_to_replace(settings.unlogged, msgspec.json.encode(failure))


def load_unlogged(settings: Settings) -> UnloggedFailure | None:
    """Return the last failure; None if a run has begun since, or this user may not see it."""
    try:
        return _DECODER.decode(settings.unlogged.read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def remove_unlogged(settings: Settings) -> None:
    """Remove the last failure, now that a run begins."""
    with suppress(OSError):
        settings.unlogged.unlink()
