"""Content encodings of responses: only gzip is requested, but others arrive."""

import zlib

import urllib3

_KNOWN = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_START = b"\x1f\x8b"  # no text of JSON begins like this
_TEXT_START = (b"{", b"[", b"<", b'"')


class CompressedBody(urllib3.exceptions.DecodeError):
    """A body cannot be decompressed; the message says what it is instead of a response."""


class UnknownEncoding(CompressedBody):
    """A body is compressed in a way that was not requested."""


def decode_body(body: bytes, encodings: str) -> bytes:
    """Decompress a body with this Content-Encoding header, also if it is compressed twice.

    A body whose encoding is unknown is returned as it is if it begins like JSON or HTML: its header
    is wrong. Raises CompressedBody, and UnknownEncoding, which is one.
    """
    for name in reversed([name.strip().lower() for name in encodings.split(",")]):
        if name in _KNOWN and body:
            body = _decompress(body, name)
        elif name not in _KNOWN and name not in {"", "identity"} and not _is_text(body):
            raise UnknownEncoding(
                f"a body compressed as {name[:40]!r}, although only gzip was requested"
            )
    return _decompress(body, "gzip") if body.startswith(_GZIP_START) else body


def _is_text(body: bytes) -> bool:
    return not body.strip() or body.lstrip().startswith(_TEXT_START)


def _decompress(body: bytes, name: str) -> bytes:
    """Decompress one layer, which may have several parts. Raises CompressedBody."""
    parts, rest = [], body
    while rest:
        stream = _open_stream(rest, name)
        if stream is None:
            raise CompressedBody(f"a body that is labelled as {name!r} and cannot be decompressed")
        decompressor, text = stream
        if not decompressor.eof:
            raise CompressedBody(f"a body compressed as {name!r} that is truncated")
        parts.append(text)
        rest = decompressor.unused_data if name != "deflate" else b""
        rest = rest if rest.startswith(_GZIP_START) else b""  # what else follows is padding
    return b"".join(parts)


def _open_stream(body: bytes, name: str) -> "tuple[zlib._Decompress, bytes] | None":
    """Decompress the first part of a body; None if it is not compressed like this."""
    kinds = (zlib.MAX_WBITS, -zlib.MAX_WBITS) if name == "deflate" else (16 + zlib.MAX_WBITS,)
    for kind in kinds:  # deflate comes with and without a header
        stream = zlib.decompressobj(kind)
        try:
            return stream, stream.decompress(body) + stream.flush()
        except zlib.error:
            continue
    return None
