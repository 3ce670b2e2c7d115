"""What a tenant can be restored from: generations of its warehouse, and backups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from p4books.backup.errors import (
    UNCHANGED,
    BackupDamaged,
    BackupTooNew,
    NoUsableBackup,
    OtherTenantsBackup,
    PlaceMissing,
    UnknownBackup,
)
from p4books.backup.keep import find_newest
from p4books.backup.manifest import MANIFEST, Manifest, decode_manifest, parse_backup_name
from p4books.backup.snapshot import count_rows
from p4books.errors import P4BooksError
from p4books.load.warehouse import (
    check_warehouse,
    list_generations,
    name_generation,
    parse_generation,
)
from p4books.settings import Settings, is_url
from p4books.storage.places import Place, open_place

NEWEST = "newest"  # instead of a name: the newest backup that is good and not of the future


@dataclass(frozen=True)
class FoundBackup:
    """A folder of a place that may be a backup; `error` says why it is not a good one."""

    name: str
    folder: str
    place: Place
    manifest: Manifest | None = None
    error: BackupDamaged | BackupTooNew | None = None

    @property
    def problem(self) -> str | None:
        """Why it is not a good one, as part of a sentence; None if it is."""
        return self.error.why if self.error else None

    @property
    def location(self) -> str:
        """Its path or URL."""
        return self.place.locate(self.folder)

    @property
    def instant(self) -> datetime:
        """The instant that its name says; the first one there is if it says none."""
        return parse_backup_name(self.name) or datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class RestoreSource:
    """A backup or a generation, as it is listed.

    `size` in bytes, `rows` the active rows of all lists; `problem` says why it cannot be restored.
    """

    name: str
    kind: str
    instant: datetime | None
    size: int
    rows: int | None
    location: str
    problem: str | None = None


def list_generation_sources(settings: Settings) -> list[RestoreSource]:
    """List the generations of a tenant's warehouse, the newest first."""
    return [_describe_generation(path) for path in list_generations(settings.warehouse)]


def list_backup_sources(settings: Settings, place: str | None = None) -> list[RestoreSource]:
    """List the backups of a tenant, the newest first, also those that cannot be restored.

    `place` is a folder or URL of backups, by default that of the settings; without either there are
    none. Raises PlaceMissing if the given one does not exist, UsageError and PlaceTrouble.
    """
    if place:
        _check_folder(place)
    if not (place := place or settings.backup_to):
        return []
    found = map(_describe_backup, find_backups(open_place(place, UNCHANGED), settings))
    return sorted(found, key=lambda source: source.name, reverse=True)


def find_backups(place: Place, settings: Settings) -> Iterator[FoundBackup]:
    """Yield the backups of a tenant, also damaged ones and those of other books, in any order.

    What an interrupted backup left is none. Raises PlaceTrouble.
    """
    for name, files in place.list_folders(settings.tenant).items():
        folder = f"{settings.tenant}/{name}"
        if parse_backup_name(name) is None or MANIFEST not in files:
            continue
        try:
            manifest = _read_manifest(place, folder, name)
        except (BackupDamaged, BackupTooNew) as error:
            yield FoundBackup(name, folder, place, None, error)
            continue
        sizes = {file: each.size for file, each in manifest.files.items()}
        problem = None
        if manifest.name != name or manifest.tenant.casefold() != settings.tenant.casefold():
            problem = f"it is the backup {manifest.name} of tenant {manifest.tenant}"
        elif bad := [file for file, size in sizes.items() if files.get(file) != size]:
            problem = f"{' and '.join(bad)} is missing or has another size"
        yield FoundBackup(
            name, folder, place, manifest, BackupDamaged(name, problem) if problem else None
        )


def find_source(settings: Settings, name: str, place: str | None) -> Path | FoundBackup:
    """Return the generation, as a path, or the backup of this name, or at this path or URL.

    Raises UnknownBackup, NoUsableBackup, PlaceMissing, BackupDamaged, BackupTooNew,
    OtherTenantsBackup, PlaceTrouble.
    """
    if "/" in name:
        return _open_backup(settings, name)
    bare = name.removeprefix("warehouse-").removesuffix(".duckdb")
    for generation in list_generations(settings.warehouse):
        if name_generation(generation) == bare:
            return generation
    if not (place := place or settings.backup_to):
        raise UnknownBackup(name)
    _check_folder(place)
    backups = find_backups(open_place(place, UNCHANGED), settings)
    if name == NEWEST:
        return _find_newest(list(backups))
    found = next((backup for backup in backups if backup.name == name), None)
    if found is None:
        raise UnknownBackup(name)
    if found.error:
        raise found.error
    return found


def _find_newest(backups: Sequence[FoundBackup]) -> FoundBackup:
    """Return the newest backup that is good. Raises UnknownBackup and NoUsableBackup."""
    for candidates in ([each for each in backups if not each.error], backups):
        found = find_newest(candidates, lambda backup: backup.instant, datetime.now(UTC))
        if found:
            break
    else:
        raise UnknownBackup(NEWEST)
    if found.error:
        raise NoUsableBackup(found.name, found.error.why)
    return found


def _check_folder(place: str) -> None:
    if not is_url(place) and not Path(place).exists():
        raise PlaceMissing(place)


def _open_backup(settings: Settings, location: str) -> FoundBackup:
    root, _, name = location.rstrip("/").rpartition("/")
    place = open_place(root if is_url(root) else str(Path(root or "/").absolute()), UNCHANGED)
    if MANIFEST not in place.list_files(name):
        raise UnknownBackup(location)
    manifest = _read_manifest(place, name, name)
    if manifest.tenant.casefold() != settings.tenant.casefold():
        theirs, ours = f"tenant {manifest.tenant}", f"tenant {settings.tenant}"
        remedy = f"Use the settings of {manifest.tenant}, with its own key."
        raise OtherTenantsBackup(manifest.name, theirs, ours, remedy)
    return FoundBackup(manifest.name, name, place, manifest)


def _read_manifest(place: Place, folder: str, name: str) -> Manifest:
    return decode_manifest(name, b"".join(place.open(folder, MANIFEST)))


def _describe_generation(path: Path) -> RestoreSource:
    name = name_generation(path)
    rows, problem = None, None
    try:
        check_warehouse(path)
        rows = sum(count_rows(path).values())
    except P4BooksError as error:
        problem = str(error)
    except duckdb.Error as error:
        problem = str(error).splitlines()[0]
    instant = parse_generation(path)
    size = path.stat().st_size
    return RestoreSource(name, "generation", instant, size, rows, str(path), problem)


def _describe_backup(found: FoundBackup) -> RestoreSource:
    manifest = found.manifest
    return RestoreSource(
        found.name,
        "backup",
        parse_backup_name(found.name),
        manifest.size if manifest else 0,
        sum(manifest.rows.values()) if manifest else None,
        found.location,
        found.problem,
    )
