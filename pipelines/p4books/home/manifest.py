"""The manifest of a state: its files, cut into chunks, and in which object each chunk is.

A chunk is known by the hash of its bytes, so that what two files or two states have in common is
put once. The chunks of one put are in a few objects, one after the other.
"""

import hashlib
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

FORMAT = 1
HEADER = 3 * 4096  # bytes before the first block of a DuckDB file
CHUNK = 256 * 1024  # bytes: four blocks of a DuckDB file, or one of an earlier version's
INLINE = 128 * 1024  # bytes, compressed, that a manifest may have itself
MOST_OBJECTS = 64  # more are made into fewer
FEW_OBJECTS = 32
LEAST_USE = 0.5  # share of an object's bytes; one of which less is used is left behind


class StateFile(msgspec.Struct, frozen=True):
    """A file of a state: its size in bytes, its chunks, and when it was written.

    `written_ns` in nanoseconds since 1970.
    """

    written_ns: int
    size: int
    chunks: tuple[bytes, ...]


class Manifest(msgspec.Struct, frozen=True):
    """The files of a state by name, and the chunks of each object with their sizes, in order.

    `inline` are the contents, compressed, of chunks that are in no object.
    """

    files: dict[str, StateFile] = {}
    objects: dict[str, list[tuple[bytes, int]]] = {}
    inline: dict[bytes, bytes] = {}
    format: int = FORMAT

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files.values())

    def measure_objects(self) -> dict[str, int]:
        """Return the size in bytes of each object."""
        return {name: sum(size for _, size in each) for name, each in self.objects.items()}

    def locate_chunks(self) -> dict[bytes, tuple[str, int, int]]:
        """Return in which object each chunk is, from which byte on, and its size."""
        places: dict[bytes, tuple[str, int, int]] = {}
        for name, chunks in self.objects.items():
            start = 0
            for digest, size in chunks:
                places[digest] = (name, start, size)
                start += size
        return places

    def extend(
        self, files: dict[str, StateFile], sources: Iterable[tuple[str, Path, int]]
    ) -> "Manifest | None":
        """Return the manifest of these files and of the sources, with what is new in it.

        A source is a name, a path, and when the file was written. None if that would be too much.
        Raises OSError.
        """
        files = dict(files)
        kept = {digest for file in files.values() for digest in file.chunks}
        inline = {digest: self.inline[digest] for digest in self.inline.keys() & kept}
        known = {digest for chunks in self.objects.values() for digest, _ in chunks}
        for name, path, written_ns in sources:
            digests, size = [], 0
            with path.open("rb") as file:
                for chunk in read_chunks(file):
                    digest = hash_chunk(chunk)
                    digests.append(digest)
                    size += len(chunk)
                    if digest not in known and digest not in inline:
                        inline[digest] = self.inline.get(digest) or zlib.compress(chunk, 1)
                        if sum(map(len, inline.values())) > INLINE:
                            return None
            files[name] = StateFile(written_ns, size, tuple(digests))
        return Manifest(files, self.objects, inline)

    def keep_useful(self, sizes: dict[str, int]) -> dict[str, list[tuple[bytes, int]]]:
        """Return the objects that the next state may use again.

        `sizes` are those of the objects that are there. Left out are those that are missing or cut,
        mostly unused, or so small and many that one is better.
        """
        used = {digest for file in self.files.values() for digest in file.chunks}
        use: Counter[str] = Counter()
        for digest, (name, _, size) in self.locate_chunks().items():
            use[name] += size if digest in used else 0
        whole = {name: size for name, size in self.measure_objects().items() if use[name]}
        kept = [
            name
            for name, size in whole.items()
            if sizes.get(name) == size and use[name] >= LEAST_USE * size
        ]
        if len(kept) > MOST_OBJECTS:
            kept = sorted(kept, key=lambda name: whole[name])[-FEW_OBJECTS:]
        return {name: self.objects[name] for name in kept}


# Made once: msgspec crashes if several threads are the first to decode the same type.
_DECODER = msgspec.msgpack.Decoder(Manifest)


def encode_manifest(manifest: Manifest) -> bytes:
    """Return a manifest as bytes."""
    return msgspec.msgpack.encode(manifest)


def decode_manifest(content: bytes) -> Manifest | None:
    """Restore a manifest; None if a newer p4books made it."""
    manifest = msgspec.msgpack.decode(content, type=dict)
    if manifest.get("format") != FORMAT:
        return None
    return _DECODER.decode(content)


def read_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the chunks of a file, cut where a DuckDB file has blocks."""
    size = HEADER
    while chunk := file.read(size):
        yield chunk
        size = CHUNK


def locate_chunk(number: int) -> tuple[int, int]:
    """Return where a chunk of a file begins, and the most bytes that it has."""
    return (HEADER + (number - 1) * CHUNK, CHUNK) if number else (0, HEADER)


def hash_chunk(chunk: bytes) -> bytes:
    """Return the hash by which a chunk is known."""
    return hashlib.sha256(chunk).digest()


def hash_chunks(path: Path) -> tuple[bytes, ...]:
    """Return the hashes of a file's chunks. Raises OSError."""
    with path.open("rb") as file:
        return tuple(map(hash_chunk, read_chunks(file)))
