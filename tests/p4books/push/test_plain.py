"""Which text stands in a file?"""

from pathlib import Path

import pytest

from p4books.push.errors import BadFile
from p4books.push.readers.rows import line_number, read_lines, read_text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for a file."""
    return tmp_path / "new.csv"


def test_lines_with_their_ends(file: Path) -> None:
    """LF, CRLF and CR end a line, nothing else does, and a byte order mark is no text."""
    file.write_bytes("\ufeffone\ntwo\r\nthree\rfo\u2028ur\x0b".encode())

    assert list(read_lines(file)) == ["one\n", "two\r\n", "three\r", "fo\u2028ur\x0b"]


def test_whole(file: Path) -> None:
    """A whole text comes as its bytes, without a byte order mark."""
    file.write_bytes("\ufeffÑandú\n".encode())

    assert read_text(file) == "Ñandú\n".encode()


BAD = [
    ("code\nÑ".encode("utf-16"), "it is written in UTF-16"),
    (b"\xfe\xff\0c\0o", "it is written in UTF-16"),
    ("code\nÑ".encode("utf-16-le"), "line 1 holds a NUL byte"),
    (b"code\nA\0\n", "line 2 holds a NUL byte"),
    ("code\nA\nÑandú\n".encode("cp1252"), "line 3 is not UTF-8"),
    (b"code\n\xc3", "line 2 is not UTF-8"),
    (b"code\n\xed\xb2\x80\n", "line 2 is not UTF-8"),
]


@pytest.mark.parametrize(("body", "said"), BAD)
def test_no_utf8(file: Path, body: bytes, said: str) -> None:
    """What is not UTF-8 is told with its line, and how to save it so, read either way."""
    file.write_bytes(body)

    with pytest.raises(BadFile, match=rf"{said}.*CSV UTF-8"):
        list(read_lines(file))
    with pytest.raises(BadFile, match=rf"{said}.*CSV UTF-8"):
        read_text(file)


def test_a_line_without_end(file: Path) -> None:
    """A line as long as a memory is not read."""
    file.write_text("short\n0123456789012345\n")

    with pytest.raises(BadFile, match="line 2 has no end"):
        list(read_lines(file, longest=10))


def test_the_line_of_a_byte() -> None:
    """The first byte stands in line 1, and a line's end in its own line."""
    assert [line_number(b"a\nb\n", place) for place in range(4)] == [1, 1, 2, 2]
