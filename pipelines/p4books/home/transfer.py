"""Chunks on their way: from files into the objects of a home, and back."""

import logging
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from p4books.home.manifest import (
    Manifest,
    StateFile,
    hash_chunk,
    locate_chunk,
    read_chunks,
)
from p4books.storage.places import Place

log = logging.getLogger(__name__)

OBJECT_SIZE = 64 * 1024**2  # bytes, about, after which another object begins
READ_SIZE = 8 * 1024**2  # bytes that are requested at once
READERS = 4  # requests at a time


@dataclass
class Uploader:
    """Puts what is new in files into objects of a folder; `name` begins the names of its objects.

    `kept` are the objects with chunks that need not be put again. `check` is called before each
    object and may raise.
    """

    place: Place
    folder: str
    name: str
    kept: Mapping[str, list[tuple[bytes, int]]]
    check: Callable[[], None]
    files: dict[str, StateFile] = field(default_factory=dict)
    objects: dict[str, list[tuple[bytes, int]]] = field(default_factory=dict)

    def upload(self, sources: Iterable[tuple[str, Path, int]]) -> Manifest:
        """Put files, each with its name and when it was written; return the manifest of all.

        `self.files` may have some already, of which all chunks are kept. Raises PlaceTrouble and
        OSError.
        """
        known = {digest for chunks in self.kept.values() for digest, _ in chunks}
        fresh = self._find_fresh(sources, known)
        number = 0
        while first := next(fresh, None):
            self.check()
            chunks: list[tuple[bytes, int]] = []
            name = f"{self.name}-{number}"
            self.place.write(self.folder, name, self._fill(first, fresh, chunks))
            self.objects[name] = chunks
            log.debug("object %d is there", number)
            number += 1
        return Manifest(self.files, {**self.kept, **self.objects})

    def _find_fresh(
        self, sources: Iterable[tuple[str, Path, int]], known: set[bytes]
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield each chunk that is nowhere yet, with its hash."""
        for name, path, written_ns in sources:
            digests, size = [], 0
            with path.open("rb") as file:
                for chunk in read_chunks(file):
                    digest = hash_chunk(chunk)
                    digests.append(digest)
                    size += len(chunk)
                    if digest not in known:
                        known.add(digest)
                        yield digest, chunk
            self.files[name] = StateFile(written_ns, size, tuple(digests))

    def _fill(
        self,
        first: tuple[bytes, bytes],
        fresh: Iterator[tuple[bytes, bytes]],
        chunks: list[tuple[bytes, int]],
    ) -> Iterator[bytes]:
        each: tuple[bytes, bytes] | None = first
        size = 0
        while each is not None:
            digest, chunk = each
            chunks.append((digest, len(chunk)))
            size += len(chunk)
            yield chunk
            if size >= OBJECT_SIZE:
                return
            each = next(fresh, None)


@dataclass
class Downloader:
    """Puts files together from chunks of this machine, of the manifest and of the home's objects.

    The place is opened when an object is needed, which takes half a second.
    """

    open_place: Callable[[], Place]
    folder: str
    manifest: Manifest

    @cached_property
    def place(self) -> Place:
        """The place of the objects."""
        return self.open_place()

    def download(
        self,
        names: Iterable[str],
        local: Mapping[bytes, tuple[Path, int]],
        scratch: Path,
        check: Callable[[], None],
    ) -> dict[str, Path]:
        """Write files of the manifest into a folder; return their paths by name.

        `local` says in which file of this machine, and from which byte on, a chunk probably is.
        Raises DamagedObject if a chunk is not what was put, PlaceTrouble and OSError.
        """
        wanted = list(names)
        fetched = scratch / "fetched"
        places = self._fetch(wanted, local, fetched, check)
        written = {}
        for number, name in enumerate(wanted):
            path = scratch / f"{number}.new"
            with path.open("xb") as file:
                for digest in self.manifest.files[name].chunks:
                    file.write(self._load(digest, local, fetched, places))
            written[name] = path
        fetched.unlink(missing_ok=True)
        return written

    def _fetch(
        self,
        names: Iterable[str],
        local: Mapping[bytes, tuple[Path, int]],
        fetched: Path,
        check: Callable[[], None],
    ) -> dict[bytes, tuple[int, int]]:
        """Write what this machine lacks into one file; return where in it each chunk is."""
        needed = {digest for name in names for digest in self.manifest.files[name].chunks}
        missing = [
            digest for digest in needed if digest not in local or not _is_there(digest, local)
        ]
        places: dict[bytes, tuple[int, int]] = {}
        with fetched.open("wb") as file:
            for name, digest, chunk in self._load_chunks(missing, check):
                if hash_chunk(chunk) != digest:
                    raise DamagedObject(name)
                places[digest] = (file.tell(), len(chunk))
                file.write(chunk)
        if absent := set(missing) - places.keys():
            raise DamagedObject(f"{len(absent)} of its {len(needed)} parts")
        return places

    def _load_chunks(
        self, digests: Sequence[bytes], check: Callable[[], None]
    ) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield chunks of the home as they come: where each was, its hash, its content."""
        for digest in self.manifest.inline.keys() & set(digests):
            with suppress(zlib.error):
                yield "the manifest", digest, zlib.decompress(self.manifest.inline[digest])
        reads = list(_plan_reads(self.manifest, digests))
        with ThreadPoolExecutor(READERS) as pool:
            for start in range(0, len(reads), READERS):
                check()
                batch, place = reads[start : start + READERS], self.place
                for read, content in zip(batch, pool.map(self._read, batch), strict=True):
                    name, offset = place.locate(self.folder, read.name), 0
                    for digest, size in read.chunks:
                        yield name, digest, content[offset : offset + size]
                        offset += size

    def _read(self, read: "_Read") -> bytes:
        size = sum(size for _, size in read.chunks)
        return self.place.read(self.folder, read.name, read.start, size)

    def _load(
        self,
        digest: bytes,
        local: Mapping[bytes, tuple[Path, int]],
        fetched: Path,
        places: Mapping[bytes, tuple[int, int]],
    ) -> bytes:
        if digest in places:
            start, size = places[digest]
            with fetched.open("rb") as file:
                file.seek(start)
                return file.read(size)
        chunk = _read_local(digest, local)
        if hash_chunk(chunk) != digest:
            raise DamagedObject(str(local[digest][0]))
        return chunk


class DamagedObject(Exception):
    """A part of a state is missing, or not as it was put; `str()` says which."""


@dataclass(frozen=True)
class _Read:
    """Chunks that lie one after the other in an object, read at once."""

    name: str
    start: int
    chunks: tuple[tuple[bytes, int], ...]


def locate_local_chunks(
    present: Mapping[str, Sequence[bytes]], paths: Mapping[str, Path]
) -> dict[bytes, tuple[Path, int]]:
    """Return in which file of this machine, and from which byte on, each chunk is."""
    return {
        digest: (paths[name], locate_chunk(number)[0])
        for name, chunks in present.items()
        for number, digest in enumerate(chunks)
    }


def _plan_reads(manifest: Manifest, digests: Iterable[bytes]) -> Iterator[_Read]:
    """Yield the requests for chunks: those that lie side by side are read at once."""
    places = manifest.locate_chunks()
    known = ((*places[digest], digest) for digest in digests if digest in places)
    name, start, chunks, total = "", 0, list[tuple[bytes, int]](), 0
    for where, offset, size, digest in sorted(known):
        if chunks and (where != name or offset != start + total or total >= READ_SIZE):
            yield _Read(name, start, tuple(chunks))
            chunks, total = [], 0
        if not chunks:
            name, start = where, offset
        chunks.append((digest, size))
        total += size
    if chunks:
        yield _Read(name, start, tuple(chunks))


def _is_there(digest: bytes, local: Mapping[bytes, tuple[Path, int]]) -> bool:
    return digest in local and hash_chunk(_read_local(digest, local)) == digest


def _read_local(digest: bytes, local: Mapping[bytes, tuple[Path, int]]) -> bytes:
    path, start = local[digest]
    size = locate_chunk(1 if start else 0)[1]
    with suppress(OSError), path.open("rb") as file:
        file.seek(start)
        return file.read(size)
    return b""
