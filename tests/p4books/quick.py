"""A sync that makes the clean tables only, for tests of what comes before the reports."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from p4books.settings import Settings
from p4books.summary import Summary
from p4books.sync import sync as whole
from p4books.warehouse import models

_FOLDER = tempfile.TemporaryDirectory(prefix="staging-")
STAGING = Path(_FOLDER.name)
for _name in ("staging", "seeds", "macros.sql"):
    (STAGING / _name).symlink_to(models.folder() / _name)


def sync(
    settings: Settings, endpoints: Sequence[str] = (), sql: Path = STAGING, **wishes: Any
) -> Summary:
    """Sync as `p4books.sync.sync` does, without the reports."""
    return whole(settings, endpoints, sql=sql, **wishes)
