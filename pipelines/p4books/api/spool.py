"""Where do answers wait until they are loaded?

A folder per endpoint, a file per page, its records one a line. A file's name tells its place in
the scan, its page, the total announced, its rows and when it was read, so that one rename brings
the page and all that is known of it, or neither.
"""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from p4books.api.answer import Answer, recall
from p4books.errors import DiskTrouble

STALE_AFTER = 3600.0  # seconds; an interrupted scan older than this starts anew

_NAME = re.compile(r"(\d{6})-p(\d+)-t(\d+|none)-n(\d+)-d(\d+)-(\d+)\.ndjson")


@dataclass(frozen=True)
class Stored:
    """One page as it lies in the spool: `place` in the scan, `read_at` in seconds since 1970."""

    path: Path
    place: int
    page: int
    total: int | None
    rows: int
    distinct: int
    read_at: float

    def recall(self) -> Answer:
        """Read the page back. Raises ValueError where the file is not whole."""
        lines = self.path.read_bytes().split(b"\n")[:-1]
        if len(lines) != self.distinct:
            raise ValueError(f"{self.path} is cut off")
        return recall(lines, self.page, self.total, self.rows)


class Spool:
    """The pages of one endpoint's running scan.

    `source` says what the pages were read from (address, page size, parameter names): pages of
    another source are never mixed with these.
    """

    def __init__(self, folder: Path, source: dict[str, object]) -> None:
        self.folder = folder
        self._source = msgspec.json.encode(source, order="sorted")
        self._next = 0

    def open(self, now: float) -> list[tuple[Stored, Answer]]:
        """Return the pages an interrupted scan left, in the order they were read.

        They are thrown away where the scan began over an hour before `now` (seconds since 1970),
        was of another source, or is not whole. Raises DiskTrouble.
        """
        try:
            kept = self._kept(now)
        except (OSError, ValueError):
            kept = []
        self._next = len(kept)
        if not kept:
            self._begin()
        return kept

    def keep(self, answer: Answer, read_at: float) -> None:
        """Write a page under a temporary name and rename it. Raises DiskTrouble."""
        total = "none" if answer.total is None else answer.total
        sizes = f"n{answer.rows}-d{len(answer.records)}"
        name = f"{self._next:06}-p{answer.page}-t{total}-{sizes}-{round(read_at * 1e6)}.ndjson"
        partial = self.folder / "partial"
        try:
            partial.write_bytes(b"".join([line + b"\n" for line in answer.records.values()]))
            partial.replace(self.folder / name)
        except OSError as error:
            raise DiskTrouble(self.folder, error.strerror or str(error)) from None
        self._next += 1

    def pages(self) -> list[Stored]:
        """List the pages, in the order they were read."""
        return sorted(_stored(self.folder), key=lambda page: page.place)

    def __len__(self) -> int:
        return self._next

    def clear(self) -> None:
        """Forget the scan; it was loaded."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _kept(self, now: float) -> list[tuple[Stored, Answer]]:
        if (self.folder / "source.json").read_bytes() != self._source:
            return []
        pages = self.pages()
        if [page.place for page in pages] != list(range(len(pages))):
            return []
        if any(not 0 <= now - page.read_at < STALE_AFTER for page in pages):
            return []
        return [(page, page.recall()) for page in pages]

    def _begin(self) -> None:
        self.clear()
        try:
            self.folder.mkdir(parents=True, mode=0o700)
            (self.folder / "source.json").write_bytes(self._source)
        except OSError as error:
            raise DiskTrouble(self.folder, error.strerror or str(error)) from None


def _stored(folder: Path) -> Iterator[Stored]:
    for entry in os.scandir(folder):
        if match := _NAME.fullmatch(entry.name):
            place, page, total, rows, distinct, micros = match.groups()
            yield Stored(
                path=Path(entry.path),
                place=int(place),
                page=int(page),
                total=None if total == "none" else int(total),
                rows=int(rows),
                distinct=int(distinct),
                read_at=int(micros) / 1e6,
            )
