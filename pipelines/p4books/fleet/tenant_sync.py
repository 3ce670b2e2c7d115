"""A sync of one tenant that nobody watches: the run, and the alerts after it."""

from collections.abc import Callable, Sequence
from typing import TypedDict

from p4books.extract.reader import Pause
from p4books.fleet.alerts import notify_after_run
from p4books.settings import Settings
from p4books.storage.interrupt import is_stop_requested
from p4books.storage.run_log import SyncSummary
from p4books.sync import sync


class SyncChoices(TypedDict, total=False):
    """What a caller can choose of a sync; `p4books.sync.sync` says what it means."""

    endpoints: Sequence[str]
    full: bool
    allow_gone: Sequence[str]
    allow_changed: Sequence[str]
    same_books: bool
    from_nothing: bool
    existing: bool
    trust_clock: bool
    pause: Pause


def sync_and_notify(
    settings: Settings,
    summary: SyncSummary,
    choices: SyncChoices,
    is_repeated: Callable[[Exception], bool] = lambda _: False,
) -> None:
    """Sync a tenant, send what fires then, and note in the summary what could not be sent.

    Nothing is sent if the process must stop, or if the run failed or read no list and, as
    `is_repeated` says of its error, will be repeated. Raises what `sync` does.
    """
    try:
        sync(settings, summary=summary, **choices)
    except Exception as error:
        if not is_stop_requested() and not is_repeated(error):
            summary.notes += notify_after_run(settings, summary, error)
        raise
    if not (summary.failure and is_repeated(summary.failure)):
        summary.notes += notify_after_run(settings, summary)
