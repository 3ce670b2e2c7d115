"""Sync of every tenant, and what is shown of it."""

import sys
from collections.abc import Sequence

from p4books.cli.fleet_options import describe_fault, exit_for_outcomes, run_all
from p4books.cli.group_commands import publish_groups
from p4books.cli.render_sync import (
    print_fault,
    print_summaries,
    print_summaries_json,
    print_summary,
    print_summary_log,
)
from p4books.cli.runtime import log_error, log_note
from p4books.errors import fold_errors
from p4books.extract.reader import Pause
from p4books.fleet.run import TenantOutcome
from p4books.fleet.tenant_sync import SyncChoices, sync_and_notify
from p4books.settings import ConfiguredTenant, Settings
from p4books.storage.run_log import SyncSummary


class FleetSync:
    """Syncs every tenant with the same choices, which are arguments of `sync`.

    On a terminal one table shows all of them at the end; `as_json` prints one document instead,
    `is_event` a line of JSON for each tenant that ends, and a log has a line of text for each.
    """

    def __init__(
        self,
        tenants: Sequence[ConfiguredTenant],
        choices: SyncChoices,
        *,
        as_json: bool,
        is_event: bool,
    ) -> None:
        self._tenants = tenants
        self._choices = choices
        self._as_json = as_json
        self._is_event = is_event and not as_json
        self._is_table = not as_json and not is_event and sys.stdout.isatty()
        self._summaries = {tenant.name: SyncSummary(tenant.name) for tenant in tenants}

    def run(self, jobs: int | None) -> None:
        """Sync, `jobs` at a time (None: the default). Raises StopRequested and SystemExit."""
        run_all(self._tenants, self._sync, jobs, self._show)
        summaries = list(self._summaries.values())
        if self._as_json:
            settings = {tenant.name: tenant.settings for tenant in self._tenants}
            print_summaries_json(summaries, settings)
        elif self._is_table:
            print_summaries(summaries)
        faults = [next(iter(each.faults), None) for each in summaries]
        exit_for_outcomes([*faults, *publish_groups()])

    def _sync(self, settings: Settings, pause: Pause) -> None:
        summary = self._summaries[settings.tenant]
        sync_and_notify(settings, summary, {**self._choices, "pause": pause})

    def _show(self, outcome: TenantOutcome[None]) -> None:
        summary, settings = self._summaries[outcome.tenant.name], outcome.tenant.settings
        if outcome.error:
            summary.faults.insert(0, describe_fault(outcome.error))
        if self._is_event:
            print_summary_log(summary, settings)
        elif not self._as_json and not self._is_table:
            _print_line(summary, settings)
        sys.stdout.flush()  # whoever reads the log sees each tenant as it ends
        for message in fold_errors(summary.faults):
            log_error(message)
        for note in summary.notes if self._is_table else ():
            log_note(note)


def _print_line(summary: SyncSummary, settings: Settings | None) -> None:
    if settings is None:
        print_fault(summary)
    else:
        print_summary(summary, settings, table=False)
