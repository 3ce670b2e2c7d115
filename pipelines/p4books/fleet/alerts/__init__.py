"""Alerts: what fires after a run, what was sent of it, and the channels over which it is sent.

`definitions` are the SQL files, `operations` the tables about runs that they may read, `evaluate`
runs them, `state` remembers what fires and who knows it, `messages` and `channels` send it.
"""

from p4books.settings import Settings
from p4books.storage.run_log import SyncSummary

__all__ = ["notify_after_run"]


def notify_after_run(
    settings: Settings, summary: SyncSummary, error: Exception | None = None
) -> list[str]:
    """Evaluate the alerts after a sync, and send what changed; return notes about what failed.

    `error` is what the sync raised, None if it returned. Never raises, and does nothing at all for
    a tenant without the setting `notify`, or if another run was in progress.
    """
    if not settings.notify:
        return []
    from p4books.fleet.alerts.watch import report_run  # noqa: PLC0415 - only who needs it waits

    return report_run(settings, summary, error)
