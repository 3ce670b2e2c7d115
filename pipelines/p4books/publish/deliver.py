"""Delivery: files of the published books that each run leaves in folders of other people.

A file is made on the local disk, then copied beside the old one and renamed over it, so that a
reader sees the old or the new one; what a dead run left of the copy is removed by the next. What
was delivered is remembered in the run log, with the place, so that a run makes up for a delivery
that failed or was interrupted, for a file that is missing, and for a folder that was away.

The folder decides who may read: its files get its group, and its mode without the right to
execute. It must be there already: a folder that is not mounted must not be made on this disk.
"""

import errno
import json
import logging
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from p4books.errors import AlreadyRunning, NotDelivered, P4BooksError
from p4books.home import hold_state
from p4books.publish.published_file import read_picture
from p4books.settings import Delivery, Settings
from p4books.storage.files import (
    copy_beside,
    name_copy,
    replace_atomically,
    scratch_dir,
)
from p4books.storage.run_log import DeliveredRecord, PublishedRecord, RunLog

log = logging.getLogger(__name__)

_FILE_MODE = 0o666  # what a folder's mode can give to its files; their owner may always write


@dataclass(frozen=True)
class DeliveryJob:
    """A delivery to be written, and the folder of this disk in which its files are made."""

    settings: Settings
    delivery: Delivery
    folder: Path

    @property
    def language(self) -> str:
        """The language of its files."""
        return self.delivery.lang or self.settings.language

    @property
    def target(self) -> str:
        """What identifies its files, however they are written: folder, family and models."""
        delivery = self.delivery
        return json.dumps([str(delivery.to), delivery.family, delivery.models], ensure_ascii=False)

    @property
    def variant(self) -> str:
        """How its files are written."""
        settings, delivery = self.settings, self.delivery
        names = (settings.company, settings.company_details)
        is_named = delivery.kind in {"page", "statements", "workbook"}
        options = [delivery.kind, self.language, delivery.decimal, *(names if is_named else ())]
        return json.dumps(options, ensure_ascii=False)


@dataclass(frozen=True)
class Delivered:
    """What a run delivered: the files, and an error for each delivery that failed."""

    files: tuple[str, ...] = ()
    faults: tuple[NotDelivered, ...] = ()


def deliver_published(settings: Settings, scratch: Path) -> Delivered:
    """Write what the setting `deliver` wants of the published file and does not have yet.

    Call it with the tenant's lock; `scratch` is an empty folder of this disk. What fails is
    returned, and not raised.
    """
    jobs = [
        DeliveryJob(settings, delivery, scratch / str(number))
        for number, delivery in enumerate(settings.deliver)
    ]
    run_log = RunLog(settings.run_log)
    if (published := run_log.load_published()) is None:
        return Delivered()
    run_log.keep_delivered([job.target for job in jobs])
    files: list[str] = []
    faults: list[NotDelivered] = []
    for job in jobs:
        try:
            files += _deliver(job, run_log, published)
        except Exception as error:  # noqa: BLE001 - whatever it is, the sync itself was done
            faults.append(NotDelivered(job.delivery.label, _describe(error)))
    return Delivered(tuple(files), tuple(faults))


def deliver_report(settings: Settings) -> Delivered:
    """Deliver what `report` published; a run that is in progress does so itself."""
    if not settings.deliver:
        return Delivered()
    try:
        name = "run"
        with hold_state(settings, name), scratch_dir(settings.scratch("deliver")) as scratch:
            return deliver_published(settings, scratch)
    except AlreadyRunning:
        return Delivered()


def _deliver(job: DeliveryJob, run_log: RunLog, published: PublishedRecord) -> list[str]:
    """Write the files of a delivery, unless they are there; return those written."""
    folder = job.delivery.to
    place, digest = _describe_place(folder), f"{job.variant} {published.digest}"
    before = run_log.load_delivered(job.target)
    is_there = before is not None and before.folder == place and _are_there(folder, before.files)
    if before and is_there and before.digest == digest:
        return []
    picture = f"{job.variant} {read_picture(job.settings.published)}"
    if before and is_there and before.picture == picture:  # published again, with the same books
        run_log.save_delivered(job.target, replace(before, digest=digest))
        return []

    job.folder.mkdir()
    names = tuple(_WRITERS[job.delivery.kind](job))
    old = tuple(name for name in (before.files if before else ()) if name not in names)
    run_log.save_delivered(job.target, DeliveredRecord("", "", place, names + old))
    for name in names:
        _place(job.folder / name, folder / name, folder)
    for name in old:  # of customers who owe nothing now, or of an earlier day
        name_copy(folder / name).unlink(missing_ok=True)
        (folder / name).unlink(missing_ok=True)
    run_log.save_delivered(job.target, DeliveredRecord(picture, digest, place, names))
    log.info("delivered %s", job.delivery.label)
    return [str(folder / name) for name in names]


def _describe_place(folder: Path) -> str:
    """Return what changes if another file system takes the place of a folder. Raises OSError."""
    found = folder.stat()
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is not a folder", str(folder))
    return f"{found.st_dev} {found.st_ino}"


def _are_there(folder: Path, names: Sequence[str]) -> bool:
    return all((folder / name).is_file() for name in names)


def _place(new: Path, target: Path, folder: Path) -> None:
    """Replace a file of a folder by a copy of a new one. Raises OSError; then it is as it was."""
    if target.parent != folder:
        _make_subfolder(target.parent, folder)
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(target))
    found = folder.stat()
    try:
        with copy_beside(new, target) as copy:
            _share(copy, found.st_gid, found.st_mode & _FILE_MODE | 0o600)
            replace_atomically(copy, target, stat.S_IMODE(copy.stat().st_mode))
    except OSError as error:  # of a full disk it names the file that is copied
        raise OSError(error.errno, error.strerror, str(target)) from None


def _share(path: Path, group: int, mode: int) -> None:
    """Give a path a group and a mode, where this user may and the file system has such."""
    if path.stat().st_gid != group:
        with suppress(PermissionError):
            os.chown(path, -1, group)
    with suppress(PermissionError):
        path.chmod(mode)


def _make_subfolder(path: Path, folder: Path) -> None:
    """Make a folder inside another, with its group and mode."""
    if not path.is_dir():
        path.mkdir()
        found = folder.stat()
        _share(path, found.st_gid, stat.S_IMODE(found.st_mode))


def _describe(error: Exception) -> str:
    """Say why a delivery failed, as a sentence."""
    if isinstance(error, P4BooksError):
        return str(error).splitlines()[0]
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'unexpected'}"


def _write_export(job: DeliveryJob) -> Iterator[str]:
    """Write models as the command `export` does."""
    from p4books.publish.excel_csv import ExcelCsv  # noqa: PLC0415 - a run without news is quick
    from p4books.publish.export import ExportOptions, export_models  # noqa: PLC0415
    from p4books.publish.figures.overview import find_latest_reading  # noqa: PLC0415
    from p4books.publish.language import Language  # noqa: PLC0415
    from p4books.publish.period import DEFAULT_PERIOD  # noqa: PLC0415

    delivery, language = job.delivery, Language(job.language)
    excel = ExcelCsv(job.settings.timezone, language, delivery.decimal or ".")
    options = ExportOptions(
        "xlsx" if delivery.kind == "workbook" else delivery.kind,
        job.folder,
        job.settings.export_mode,
        excel=excel if delivery.kind == "excel-csv" else None,
        language=language,
        period=DEFAULT_PERIOD if delivery.kind == "workbook" else None,
        company=job.settings.company,
        find_reading=partial(find_latest_reading, job.settings),
    )
    for exported in export_models(job.settings.published, delivery.models, options):
        yield exported.file.name


def _write_page(job: DeliveryJob) -> Iterator[str]:
    """Write the page as the command `page` does."""
    from p4books.publish.figures.overview import find_latest_reading  # noqa: PLC0415 - a quick run
    from p4books.publish.language import Language  # noqa: PLC0415
    from p4books.publish.page.options import PageOptions  # noqa: PLC0415
    from p4books.publish.page.write import write_page  # noqa: PLC0415
    from p4books.publish.query import open_published  # noqa: PLC0415

    name = f"{job.settings.tenant}.html"
    settings, now = job.settings, datetime.now(UTC)
    interval = timedelta(minutes=settings.sync_interval)
    options = PageOptions(
        Language(job.language),
        settings.company,
        now=now,
        interval=interval,
        find_reading=partial(find_latest_reading, settings),
    )
    with open_published(job.settings.published) as con:
        write_page(con, job.folder / name, options)
    yield name


def _write_statements(job: DeliveryJob) -> Iterator[str]:
    """Write statements of all who are late into a folder of their own; the list comes last."""
    from p4books.publish.language import Language  # noqa: PLC0415 - a run without news is quick
    from p4books.publish.statements.content import choose_letterhead  # noqa: PLC0415
    from p4books.publish.statements.write import StatementOptions, write_statements  # noqa: PLC0415

    folder = job.folder / f"{job.settings.tenant}.statements"
    letterhead = choose_letterhead(job.settings)
    language = Language(job.language)
    options = StatementOptions("pdf", folder, job.settings.export_mode, language, letterhead)
    written = write_statements(job.settings.published, (), options)
    for file in (*(each.file for each in written.statements), written.manifest):
        yield f"{folder.name}/{file.name}"


_WRITERS: Mapping[str, Callable[[DeliveryJob], Iterator[str]]] = {
    **dict.fromkeys(("workbook", "csv", "excel-csv", "parquet"), _write_export),
    "page": _write_page,
    "statements": _write_statements,
}
