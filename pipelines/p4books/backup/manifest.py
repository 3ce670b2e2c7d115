"""Manifest of a backup: what it contains, of which books, and the hashes of its files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from p4books.backup.errors import BackupDamaged, BackupTooNew

MANIFEST = "manifest.json"  # written last: a folder without it is no backup
MANIFEST_FORMAT = 1
WAREHOUSE, RUN_LOG, LEDGER = "warehouse.duckdb", "runs.sqlite", "ledger.sqlite"
ALERT_LOG = "alerts.sqlite"
BACKUP_FILES = frozenset({WAREHOUSE, RUN_LOG, LEDGER, ALERT_LOG})

_NAME = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True)
class BackupFile:
    """Size in bytes and SHA-256 of one file of a backup."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup is.

    `instant`: everything pushed before it is in the ledger. `addresses` are those that the books
    were read from, the latest one last; `run` is the last run that loaded; `rows` the active rows
    by list; `warehouse_format` as in the warehouse. `machine` made it.
    """

    format: int
    tenant: str
    instant: datetime
    p4books_version: str
    warehouse_format: int
    addresses: tuple[str, ...] = ()
    run: int | None = None
    machine: str = ""
    rows: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, BackupFile] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name: names sort by time."""
        return name_backup(self.instant)

    @property
    def size(self) -> int:
        """The bytes of its files."""
        return sum(file.size for file in self.files.values())


def name_backup(instant: datetime) -> str:
    """Return the name of the backup of an instant."""
    return instant.astimezone(UTC).strftime(_NAME).replace(".", "")


def parse_backup_name(name: str) -> datetime | None:
    """Return the instant that a name says; None if it is not the name of a backup."""
    try:
        instant = datetime.strptime(name, _NAME.replace(".", "")).replace(tzinfo=UTC)
    except ValueError:
        return None
    return instant if name_backup(instant) == name else None


# Made once: msgspec crashes if several threads are the first to decode the same type.
_DECODER = msgspec.json.Decoder(Manifest)


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the manifest as JSON."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode_manifest(name: str, data: bytes) -> Manifest:
    """Return the manifest that JSON contains. Raises BackupDamaged and BackupTooNew."""
    try:
        head = msgspec.json.decode(data)
        if head["format"] > MANIFEST_FORMAT:
            raise BackupTooNew(name, str(head["p4books_version"]))
        manifest = _DECODER.decode(data)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
        raise BackupDamaged(name, f"its {MANIFEST} cannot be read") from None
    if manifest.instant.tzinfo is None or WAREHOUSE not in manifest.files:
        raise BackupDamaged(name, f"its {MANIFEST} names no warehouse")
    if not set(manifest.files) <= BACKUP_FILES:  # no name may leave its folder
        raise BackupDamaged(name, f"its {MANIFEST} names files that no backup has")
    return manifest
