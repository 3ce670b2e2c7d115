"""A sync that makes the clean tables only, for tests of what comes before the reports."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from p4books.settings import Settings
from p4books.storage.run_log import SyncSummary
from p4books.sync import sync as sync_and_publish
from p4books.transform.models import sql_folder

_FOLDER = tempfile.TemporaryDirectory(prefix="staging-")
STAGING = Path(_FOLDER.name)
for _name in ("staging", "seeds", "macros.sql"):
    (STAGING / _name).symlink_to(sql_folder() / _name)


def sync(
    settings: Settings, endpoints: Sequence[str] = (), sql: Path = STAGING, **wishes: Any
) -> SyncSummary:
    """Sync as `p4books.sync.sync` does, without the reports."""
    return sync_and_publish(settings, endpoints, sql=sql, **wishes)
