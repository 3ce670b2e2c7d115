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

STALE_AFTER = 3600.0  # seconds; a scan that fits a run is begun anew once a page is older
ABANDONED_AFTER = 30 * 86400.0  # seconds; the same of a scan over many runs

_NAME = re.compile(r"(\d{6})-p(\d+)-t(\d+|none)-n(\d+)-d(\d+)-b(\d+)(-x)?(-tail)?-(\d+)\.ndjson")


@dataclass(frozen=True)
class StoredPage:
    """One page as it lies in the spool: its `place` in the order of reading, whether it has fields
    that nobody knew and is of the tail; `largest` in bytes, `read_at` in seconds since 1970.
    """

    path: Path
    place: int
    page: int
    total: int | None
    rows: int
    distinct: int
    largest: int
    strange: bool
    tail: bool
    read_at: float

    def recall(self) -> Page:
        """Read the page back. Raises ValueError where the file is not whole."""
        answer = restore_page(
            self.path.read_bytes().split(b"\n")[:-1], self.page, self.total, self.rows
        )
        if len(answer.records) != self.distinct:
            raise ValueError(f"{self.path} is not whole")
        return answer


class Spool:
    """The pages of one endpoint's running scan.

    `source` says what the pages were read from (address, page size, parameter names): pages of
    another source are never mixed with these.
    """

    def __init__(self, folder: Path, source: dict[str, object]) -> None:
        self.folder = folder
        self._source = msgspec.json.encode(source, order="sorted")
        self._next = 0
        self.walked = 0  # pages of the scan itself, without tails
        self.identity = ""  # of the running scan; the same in all runs that it takes

    def open(self, now: float, stale_after: float | None = STALE_AFTER) -> list[StoredPage]:
        """Return the pages of a scan that is not at its end, in the order they were read.

        They are thrown away where one was read `stale_after` seconds before `now` (seconds since
        1970; None: where nothing was read for a month), where they are of another source, or not
        all there. Raises DiskTrouble.
        """
        try:
            kept = self._kept(now, stale_after)
        except (OSError, ValueError):
            kept = []
        if not kept:
            self.begin()
        for stored in kept:
            self._count(stored.read_at, tail=stored.tail)
        return kept

    def begin(self) -> None:
        """Begin a new scan. Raises DiskTrouble."""
        self.clear()
        try:
            self.folder.mkdir(parents=True, mode=0o700)
            (self.folder / "source.json").write_bytes(self._source)
        except OSError as error:
            raise DiskTrouble(self.folder, error.strerror or str(error)) from None

    def keep(self, answer: Page, read_at: float, *, tail: bool = False) -> None:
        """Write a page under a temporary name and rename it. Raises DiskTrouble."""
        total = "none" if answer.total is None else answer.total
        largest = max(map(len, answer.records.values()), default=0)
        sizes = f"n{answer.rows}-d{len(answer.records)}-b{largest}"
        kind = ("-x" if answer.strange else "") + ("-tail" if tail else "")
        micros = _micros(read_at)
        name = f"{self._next:06}-p{answer.page}-t{total}-{sizes}{kind}-{micros}.ndjson"
        partial = self.folder / "partial"
        try:
            partial.write_bytes(b"".join([line + b"\n" for line in answer.records.values()]))
            partial.replace(self.folder / name)
        except OSError as error:
            raise DiskTrouble(self.folder, error.strerror or str(error)) from None
        self._count(read_at, tail=tail)

    def forget(self, identity: str | None) -> None:
        """Clear the scan if it is this one, which was taken in already."""
        with suppress(OSError):
            first = min(_list_stored(self.folder), key=lambda page: page.place, default=None)
            if first and str(_micros(first.read_at)) == identity:
                self.clear()

    def pages(self) -> list[StoredPage]:
        """List the pages, in the order they were read."""
        return sorted(_list_stored(self.folder), key=lambda page: page.place)

    def __len__(self) -> int:
        return self._next

    def clear(self) -> None:
        """Forget the scan; it was taken in."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._next = self.walked = 0

    def _count(self, read_at: float, *, tail: bool) -> None:
        if not self._next:
            self.identity = str(_micros(read_at))
        self._next += 1
        self.walked += not tail

    def _kept(self, now: float, stale_after: float | None) -> list[StoredPage]:
        if (self.folder / "source.json").read_bytes() != self._source:
            return []
        pages = self.pages()
        if [page.place for page in pages] != list(range(len(pages))):
            return []
        ages = [now - page.read_at for page in pages]
        newest, oldest = min(ages, default=0.0), max(ages, default=0.0)
        stale = oldest >= stale_after if stale_after is not None else newest > ABANDONED_AFTER
        return [] if stale or newest < 0 else pages


def remove_abandoned_spools(root: Path, now: float) -> None:
    """Remove spools in which nothing was kept for long: of lists that are no longer read.

    `now` in seconds since 1970; what can't be removed stays.
    """
    with suppress(OSError):
        for folder in [entry for entry in root.iterdir() if entry.is_dir()]:
            if now - folder.stat().st_mtime > ABANDONED_AFTER:
                shutil.rmtree(folder, ignore_errors=True)


def _list_stored(folder: Path) -> Iterator[StoredPage]:
    for entry in os.scandir(folder):
        if match := _NAME.fullmatch(entry.name):
            place, page, total, rows, distinct, largest, strange, tail, micros = match.groups()
            yield StoredPage(
                path=Path(entry.path),
                place=int(place),
                page=int(page),
                total=None if total == "none" else int(total),
                rows=int(rows),
                distinct=int(distinct),
                largest=int(largest),
                strange=strange is not None,
                tail=tail is not None,
                read_at=int(micros) / 1e6,
            )


def _micros(read_at: float) -> int:
    return round(read_at * 1e6)
