"""Backups of a tenant's private files, in a folder or an object storage, and restoring them."""

from p4books.backup.back_up import BackupResult, back_up
from p4books.backup.manifest import Manifest
from p4books.backup.restore import RestoreResult, finish_restore, restore
from p4books.backup.sources import RestoreSource, list_backup_sources, list_generation_sources

__all__ = [
    "BackupResult",
    "Manifest",
    "RestoreResult",
    "RestoreSource",
    "back_up",
    "finish_restore",
    "list_backup_sources",
    "list_generation_sources",
    "restore",
]
