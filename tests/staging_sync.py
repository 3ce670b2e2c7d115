"""Sync that builds a few models, for tests of what comes before the reports.

To publish all of them costs a second, to publish those of STAGING a tenth of that.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from p4books.settings import Settings
from p4books.storage.run_log import SyncSummary
from p4books.sync import sync as sync_and_publish
from p4books.transform.models import sql_folder

_FOLDER = tempfile.TemporaryDirectory(prefix="staging-")


def link_models(name: str, *patterns: str) -> Path:
    """Make a SQL folder of this name with the seeds and the models that match any pattern."""
    folder = Path(_FOLDER.name) / name
    folder.mkdir()
    for shared in ("seeds", "macros.sql"):
        (folder / shared).symlink_to(sql_folder() / shared)
    for model in {each for one in patterns for each in sql_folder().glob(one)}:
        link = folder / model.relative_to(sql_folder())
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(model)
    return folder


STAGING = link_models("all", "staging/*.sql")
VENDORS = link_models("vendors", "staging/vendors*.sql", "staging/sightings.sql")
MONTH_ENDS = link_models("month-ends", "staging/*.sql", "core/as_of.sql", "core/month_ends.sql")


def sync(
    settings: Settings, endpoints: Sequence[str] = (), sql: Path = STAGING, **options: Any
) -> SyncSummary:
    """Sync as `p4books.sync.sync` does, without the reports."""
    return sync_and_publish(settings, endpoints, sql=sql, **options)


def sync_vendors(settings: Settings) -> SyncSummary:
    """Sync the vendors, and publish their models only."""
    return sync(settings, ["vendors"], VENDORS)
