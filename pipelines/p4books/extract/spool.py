"""Spool: raw pages kept on disk until they are loaded."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from p4books.errors import DiskTrouble
from p4books.extract.page import Page, restore_page

KEY = "key"  # in the description of a source, the hash of the API key
STALE_AFTER = 3600.0  # seconds; a scan that fits into one run restarts once a page is older
ABANDONED_AFTER = 30 * 86400.0  # seconds; the same for a scan spread over many runs

_FILE_NAME = re.compile(
    r"(\d{6})-p(\d+)-t(\d+|none)-n(\d+)-d(\d+)-b(\d+)(-x)?(-tail)?-(\d+)\.ndjson"
)


@dataclass(frozen=True)
class StoredPage:
    """One page in the spool, as its file name describes it.

    `position` counts the pages of the spool in the order read. `distinct` is the number of distinct
    ids, `largest` the size of the largest record in bytes, `read_at` in seconds since 1970.
    `is_tail`: it was read as a page of the tail.
    """

    path: Path
    position: int
    number: int
    total: int | None
    rows: int
    distinct: int
    largest: int
    has_unknown_fields: bool
    is_tail: bool
    read_at: float

    def load(self) -> Page:
        """Read the page back. Raises ValueError if the file is damaged."""
        page = restore_page(
            self.path.read_bytes().split(b"\n")[:-1], self.number, self.total, self.rows
        )
        if len(page.records) != self.distinct:
            raise ValueError(f"{self.path} is damaged")
        return page


@dataclass(frozen=True)
class SpooledPages:
    """How much of a list is in its spool: pages read, of about `announced`, and their rows."""

    pages: int
    announced: int
    rows: int


def measure_spool(folder: Path) -> SpooledPages | None:
    """Return how much of a list is in its spool; None if nothing is, or if it can't be read.

    A run may be writing into it at the same time.
    """
    try:
        stored = [page for page in _scan_folder(folder) if not page.is_tail]
    except OSError:
        return None
    pages = {page.number: page for page in sorted(stored, key=lambda page: page.position)}
    if not pages:
        return None
    size = max(page.rows for page in pages.values())
    total = max(stored, key=lambda page: page.position).total
    announced = -(-total // size) if total and size else 0
    return SpooledPages(
        pages=len(pages),
        announced=max(announced, len(pages)),
        rows=sum(page.distinct for page in pages.values()),
    )


class Spool:
    """The pages of one endpoint's current scan.

    `source` describes where pages come from (address, hash of the key, page size, parameter names):
    pages of two sources never mix. `scan_pages` is the number of pages stored without those of
    tails. `identity` names the current scan, the same in all its runs; "" before its first page.
    """

    def __init__(self, folder: Path, source: dict[str, object]) -> None:
        self.folder = folder
        self.scan_pages = 0
        self.identity = ""
        self._source = msgspec.json.encode(source, order="sorted")
        self._next_position = 0

    def __len__(self) -> int:
        return self._next_position

    def resume(self, now: float, stale_after: float | None = STALE_AFTER) -> list[StoredPage]:
        """Return the pages of an unfinished scan in the order read, or start a new scan.

        They are discarded if one was read `stale_after` seconds before `now` (seconds since 1970;
        with None, if none was read for a month), if some are missing, or if they are of another
        source. Raises DiskTrouble.
        """
        try:
            pages = self._find_resumable(now, stale_after)
        except (OSError, ValueError):
            pages = []
        if not pages:
            self.restart()
        for page in pages:
            self._count(page.read_at, is_tail=page.is_tail)
        return pages

    def restart(self) -> None:
        """Discard the pages and start a new scan. Raises DiskTrouble."""
        self.clear()
        try:
            self.folder.mkdir(parents=True, mode=0o700)
            (self.folder / "source.json").write_bytes(self._source)
        except OSError as error:
            raise DiskTrouble(self.folder, error.strerror or str(error)) from None

    def store(self, page: Page, read_at: float, *, is_tail: bool = False) -> None:
        """Write a page under a temporary name and rename it. Raises DiskTrouble."""
        total = "none" if page.total is None else page.total
        largest = max(map(len, page.records.values()), default=0)
        sizes = f"n{page.rows}-d{len(page.records)}-b{largest}"
        flags = ("-x" if page.has_unknown_fields else "") + ("-tail" if is_tail else "")
        micros = _to_micros(read_at)
        name = f"{self._next_position:06}-p{page.number}-t{total}-{sizes}{flags}-{micros}.ndjson"
        partial = self.folder / "partial"
        try:
            partial.write_bytes(b"".join([line + b"\n" for line in page.records.values()]))
            partial.replace(self.folder / name)
        except OSError as error:
            raise DiskTrouble(self.folder, error.strerror or str(error)) from None
        self._count(read_at, is_tail=is_tail)

    def list_pages(self) -> list[StoredPage]:
        """Return the pages in the order read."""
        return sorted(_scan_folder(self.folder), key=lambda page: page.position)

    def clear(self) -> None:
        """Delete the pages, with their folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._next_position = self.scan_pages = 0

    def discard_scan(self, identity: str | None) -> None:
        """Delete the pages if they belong to this scan, which was loaded already."""
        with suppress(OSError):
            first = min(_scan_folder(self.folder), key=lambda page: page.position, default=None)
            if first and str(_to_micros(first.read_at)) == identity:
                self.clear()

    def _find_resumable(self, now: float, stale_after: float | None) -> list[StoredPage]:
        if not self._has_same_source():
            return []
        pages = self.list_pages()
        if [page.position for page in pages] != list(range(len(pages))):
            return []
        ages = [now - page.read_at for page in pages]
        newest, oldest = min(ages, default=0.0), max(ages, default=0.0)
        stale = oldest >= stale_after if stale_after is not None else newest > ABANDONED_AFTER
        return [] if stale or newest < 0 else pages

    def _has_same_source(self) -> bool:
        """Return whether the pages are of this source; spools of earlier versions have no key."""
        stored = msgspec.json.decode((self.folder / "source.json").read_bytes())
        own = msgspec.json.decode(self._source)
        if KEY not in stored:
            own.pop(KEY, None)
        return bool(stored == own)

    def _count(self, read_at: float, *, is_tail: bool) -> None:
        if not self._next_position:
            self.identity = str(_to_micros(read_at))
        self._next_position += 1
        self.scan_pages += not is_tail


def remove_abandoned_spools(root: Path, now: float) -> None:
    """Remove spools to which nothing was added for a month, such as those of unused endpoints.

    `now` in seconds since 1970; folders that cannot be removed are left.
    """
    with suppress(OSError):
        for folder in [entry for entry in root.iterdir() if entry.is_dir()]:
            if now - folder.stat().st_mtime > ABANDONED_AFTER:
                shutil.rmtree(folder, ignore_errors=True)


def _scan_folder(folder: Path) -> Iterator[StoredPage]:
    for entry in os.scandir(folder):
        if match := _FILE_NAME.fullmatch(entry.name):
            position, number, total, rows, distinct, largest, unknown, tail, micros = match.groups()
            yield StoredPage(
                path=Path(entry.path),
                position=int(position),
                number=int(number),
                total=None if total == "none" else int(total),
                rows=int(rows),
                distinct=int(distinct),
                largest=int(largest),
                has_unknown_fields=unknown is not None,
                is_tail=tail is not None,
                read_at=int(micros) / 1e6,
            )


def _to_micros(seconds: float) -> int:
    return round(seconds * 1e6)
