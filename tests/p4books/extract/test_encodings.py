"""Content encodings: what is decompressed, and the errors about the rest."""

import gzip
import zlib

import pytest

from p4books.extract.encodings import CompressedBody, UnknownEncoding, decode_body

TEXT = b'{"data":[],"total":0,"page":1}'
PACKED = gzip.compress(TEXT, mtime=0)


@pytest.mark.parametrize(
    ("body", "encodings"),
    [
        (TEXT, ""),
        (TEXT, "identity"),
        (TEXT, "utf-8"),
        (TEXT, "br"),
        (PACKED, "gzip"),
        (PACKED, "GZIP"),
        (PACKED, "x-gzip"),
        (PACKED, ""),
        (gzip.compress(TEXT[:9], mtime=0) + gzip.compress(TEXT[9:], mtime=0), "gzip"),
        (PACKED + b"\0\0\0", "gzip"),
        (gzip.compress(PACKED, mtime=0), "gzip"),
        (gzip.compress(PACKED, mtime=0), "gzip, gzip"),
        (zlib.compress(PACKED), "gzip, deflate"),
        (zlib.compress(TEXT), "deflate"),
        (zlib.compress(TEXT, wbits=-15), "deflate"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:8]),
)
def test_decoded(body: bytes, encodings: str) -> None:
    """A body is decompressed as its header says, or as it is if the header is wrong."""
    assert decode_body(body, encodings) == TEXT


@pytest.mark.parametrize("encodings", ["", "gzip", "deflate", "br"])
def test_empty(encodings: str) -> None:
    """An empty body is empty in any encoding."""
    assert decode_body(b"", encodings) == b""


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "x" * 1000])
def test_unknown(encoding: str) -> None:
    """A body in an encoding that was not requested raises; the message names it."""
    with pytest.raises(UnknownEncoding, match=f"compressed as '{encoding[:40]}', although"):
        decode_body(b"\x8b\x0c\x80{}\x03", encoding)


@pytest.mark.parametrize("size", [3, len(PACKED) // 2, len(PACKED) - 1])
def test_truncated(size: int) -> None:
    """A body that ends too early raises, even if only its checksum is missing."""
    with pytest.raises(CompressedBody, match="truncated"):
        decode_body(PACKED[:size], "gzip")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_not_compressed(encoding: str) -> None:
    """A body that is not compressed as its header says raises."""
    with pytest.raises(CompressedBody, match=f"labelled as '{encoding}'"):
        decode_body(b"\xff\xfe not compressed", encoding)
