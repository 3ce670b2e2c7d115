"""Record of the last backup that this machine made of a tenant, or found to be still the same.

The backups themselves may be in a storage that `status` and the alerts must not wait for.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from p4books.settings import Settings
from p4books.storage.files import try_to_replace


@dataclass(frozen=True)
class BackupRecord:
    """Where the last backup is, and the instant as of which it has the books."""

    place: str
    backed_up_at: datetime


# Made once: msgspec crashes if several threads are the first to decode the same type.
_DECODER = msgspec.json.Decoder(BackupRecord)


def save_backup_record(settings: Settings, record: BackupRecord) -> None:
    """Save the last backup. What fails is ignored: the backup itself is made."""
    try_to_replace(settings.backup_record, msgspec.json.encode(record))


def load_backed_up_at(settings: Settings) -> datetime | None:
    """Return as of when the last backup in `backup_to` has the books; None if none is known."""
    record = _load_record(settings.backup_record)
    return record.backed_up_at if record and record.place == settings.backup_to else None


def _load_record(file: Path) -> BackupRecord | None:
    try:
        record = _DECODER.decode(file.read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return record if record.backed_up_at.tzinfo else None
