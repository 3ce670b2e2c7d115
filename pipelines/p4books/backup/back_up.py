"""One backup: snapshot, write, delete what the rules do not keep. The first file to read."""

import hashlib
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from p4books.backup.errors import UNCHANGED
from p4books.backup.keep import choose_kept, find_newest
from p4books.backup.manifest import (
    BACKUP_FILES,
    LEDGER,
    MANIFEST,
    MANIFEST_FORMAT,
    WAREHOUSE,
    BackupFile,
    Manifest,
    encode_manifest,
    name_backup,
    parse_backup_name,
)
from p4books.backup.snapshot import Snapshot, take_snapshot
from p4books.backup.sources import find_backups
from p4books.errors import UsageError
from p4books.home import refresh_to_copy
from p4books.load.schema import FORMAT
from p4books.settings import Settings, normalize_address
from p4books.storage.backup_record import BackupRecord, save_backup_record
from p4books.storage.files import scratch_dir, tenant_lock
from p4books.storage.places import CHUNK, Place, PlaceTrouble, open_place

REMAINS_AGE = timedelta(days=1)  # after which what another machine left is no backup in progress

_BEGUN = "begun-by.txt"  # in a backup that is not complete: the machine that makes it
_OWN_FILES = BACKUP_FILES | {MANIFEST, _BEGUN}


@dataclass(frozen=True)
class BackupResult:
    """What a backup did: the one that was made, or the last one if nothing changed since.

    `place` is the folder or URL of that backup, `deleted` are the names of those that were deleted.
    """

    manifest: Manifest
    place: str
    is_new: bool
    deleted: Sequence[str] = ()


def back_up(settings: Settings, to: str | None = None) -> BackupResult:
    """Back up the files of a tenant to a folder or URL, by default that of the settings.

    A sync and a push may run; with a home, a run is waited for only if it has newer files than this
    machine. Raises P4BooksError: UsageError, NothingToBackUp, AlreadyRunning if another backup or
    such a run is in progress, PlaceTrouble, WarehouseDamaged and the like.
    """
    if not (to := to or settings.backup_to):
        raise UsageError(
            "Where should the backup go? Nothing was done. Use --to FOLDER or --to URL, or the "
            "setting backup_to."
        )
    place = open_place(to, UNCHANGED)
    with (
        tenant_lock(settings, "backup"),
        scratch_dir(settings.scratch("backup")) as scratch,
    ):
        refresh_to_copy(settings)
        snapshot = take_snapshot(settings, scratch)
        _delete_remains(place, settings, snapshot.instant)
        record = BackupRecord(to, snapshot.instant)
        before = _find_own(place, settings, snapshot)
        last = find_newest(before, lambda manifest: manifest.instant, snapshot.instant)
        if last and _is_unchanged(last, snapshot):
            save_backup_record(settings, record)
            where = place.locate(settings.tenant, last.name)
            return BackupResult(last, where, is_new=False)
        manifest = _write(place, settings, snapshot)
        save_backup_record(settings, record)
        deleted = _delete_old(place, settings, before, manifest)
        where = place.locate(settings.tenant, manifest.name)
        return BackupResult(manifest, where, is_new=True, deleted=deleted)


def _find_own(place: Place, settings: Settings, snapshot: Snapshot) -> list[Manifest]:
    """Return the good backups of these books in a place."""
    addresses = {normalize_address(settings.address), *snapshot.state.addresses}
    manifests = [found.manifest for found in find_backups(place, settings) if not found.problem]
    return [each for each in manifests if each and addresses & set(each.addresses[-1:])]


def _is_unchanged(last: Manifest, snapshot: Snapshot) -> bool:
    """Return whether the last backup has the same books; runs that changed nothing do not count."""
    for name in (WAREHOUSE, LEDGER):
        ours, theirs = snapshot.files.get(name), last.files.get(name)
        if ours is None or theirs is None:
            if (ours is None) != (theirs is None):
                return False
        elif ours.stat().st_size != theirs.size or _hash(ours) != theirs.sha256:
            return False
    return True


def _write(place: Place, settings: Settings, snapshot: Snapshot) -> Manifest:
    """Write the files, and last the manifest, which makes them a backup."""
    folder = f"{settings.tenant}/{name_backup(snapshot.instant)}"
    files: dict[str, BackupFile] = {}
    try:
        place.write(folder, _BEGUN, [platform.node().encode()])
        for name, path in snapshot.files.items():
            counter = _HashingReader(path)
            place.write(folder, name, counter.chunks())
            files[name] = BackupFile(counter.size, counter.sha256)
        manifest = Manifest(
            MANIFEST_FORMAT,
            settings.tenant,
            snapshot.instant,
            version("p4books"),
            FORMAT,
            tuple(snapshot.state.addresses) or (normalize_address(settings.address),),
            snapshot.state.run,
            platform.node(),
            snapshot.rows,
            files,
        )
        _check_sizes(place, folder, manifest)
        place.write(folder, MANIFEST, [encode_manifest(manifest)])
    except BaseException:
        _try_delete(place, folder, [*snapshot.files, MANIFEST, _BEGUN])
        raise
    place.delete(folder, [_BEGUN])
    return manifest


def _check_sizes(place: Place, folder: str, manifest: Manifest) -> None:
    sizes = place.list_files(folder)
    for name, file in manifest.files.items():
        if sizes.get(name) != file.size:
            why = f"{name} has {sizes.get(name, 0):,} bytes there instead of {file.size:,}"
            raise PlaceTrouble(place.locate(folder), why, UNCHANGED)


def _try_delete(place: Place, folder: str, names: Iterable[str]) -> None:
    try:
        place.delete(folder, names)
    except PlaceTrouble:  # the next backup does
        return


def _delete_remains(place: Place, settings: Settings, now: datetime) -> None:
    """Delete what an interrupted backup of this machine left, or of another one long ago."""
    for name, files in place.list_folders(settings.tenant).items():
        instant, folder = parse_backup_name(name), f"{settings.tenant}/{name}"
        if instant is None:
            continue
        if MANIFEST in files:
            place.delete(folder, [_BEGUN] if _BEGUN in files else [])
        elif not files or _may_delete(place, folder, files, now - instant):
            own = [each for each in files if each.lstrip(".") in _OWN_FILES]
            place.delete(folder, sorted(own, key=lambda each: each == _BEGUN))


def _may_delete(place: Place, folder: str, files: Iterable[str], age: timedelta) -> bool:
    if _BEGUN not in files:
        return set(files) <= {f".{_BEGUN}"}
    machine = b"".join(place.open(folder, _BEGUN)).decode(errors="replace")
    return machine == platform.node() or age > REMAINS_AGE


def _delete_old(
    place: Place, settings: Settings, before: Sequence[Manifest], made: Manifest
) -> list[str]:
    """Delete the backups that no rule keeps, the manifest first; return their names."""
    manifests = {manifest.instant: manifest for manifest in before}
    kept = choose_kept(
        [*manifests, made.instant],
        settings.backup_keep,
        ZoneInfo(settings.timezone),
        datetime.now(UTC),
    )
    old = sorted(manifests.keys() - kept - {made.instant})
    for instant in old:
        manifest = manifests[instant]
        folder = f"{settings.tenant}/{manifest.name}"
        place.write(folder, _BEGUN, [platform.node().encode()])  # so that a kill leaves remains
        place.delete(folder, [MANIFEST])
        place.delete(folder, [*manifest.files, _BEGUN])
    return [manifests[instant].name for instant in old]


class _HashingReader:
    """The content of a file, with its size and SHA-256 once it was read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def chunks(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while chunk := file.read(CHUNK):
                self._hash.update(chunk)
                self.size += len(chunk)
                yield chunk


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
