"""Headers, lines and text of files, as every reader needs them."""

from pathlib import Path

import pytest

from p4books.errors import UsageError
from p4books.push.errors import BadFile
from p4books.push.readers.rows import (
    check_encoding,
    line_number,
    parse_header,
    read_lines,
    read_text,
)
from p4books.push.types import SourceRow

# Headers

FILE = Path("new.csv")


def test_names_are_trimmed() -> None:
    """A name is as the file spells it, without the spaces around it."""
    assert parse_header(FILE, [" Code ", "Unit Price"], "line").names == ("Code", "Unit Price")


@pytest.mark.parametrize("written", [["code", "name", "code"], ["code", " code\t"]])
def test_repeated_name(written: list[str]) -> None:
    """Two columns with the same name are ambiguous."""
    with pytest.raises(BadFile, match=r"new\.csv: two columns are called code\. Nothing was sent"):
        parse_header(FILE, written, "line")


@pytest.mark.parametrize("written", [[], ["", " "], [None, None]])
def test_no_header(written: list[str | None]) -> None:
    """A file without any column name has no header."""
    with pytest.raises(BadFile, match="it has no header"):
        parse_header(FILE, written, "line")


def test_build_row() -> None:
    """Values are by their column; what a short row lacks is None."""
    header = parse_header(FILE, ["code", "name", ""], "line")

    assert header.build_row(7, ["A", None, None]) == SourceRow(7, {"code": "A", "name": None})
    assert header.build_row(8, ["B"]) == SourceRow(8, {"code": "B", "name": None})


def test_empty_row() -> None:
    """An empty row is skipped."""
    assert parse_header(FILE, ["code", "name"], "line").build_row(7, [None, None]) is None


@pytest.mark.parametrize(("column", "message"), [(1, r"column 2 \(B\)"), (27, r"column 28 \(AB\)")])
def test_value_in_an_unnamed_column(column: int, message: str) -> None:
    """A value in a column without a name is never dropped: it is reported with its place."""
    header = parse_header(FILE, ["code"], "row")

    with pytest.raises(
        BadFile, match=rf"{message} has no name in the header, but row 9 has 'lost'"
    ):
        header.build_row(9, [*[None] * column, "lost"])


# Lines and text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for a file."""
    return tmp_path / "new.csv"


def test_lines_with_their_ends(file: Path) -> None:
    """LF, CRLF and CR end a line, nothing else does; a byte order mark is not text."""
    file.write_bytes("\ufeffone\ntwo\r\nthree\rfo\u2028ur\x0b".encode())

    assert list(read_lines(file)) == ["one\n", "two\r\n", "three\r", "fo\u2028ur\x0b"]


def test_read_text(file: Path) -> None:
    """A text is returned as its bytes, without a byte order mark."""
    file.write_bytes("\ufeffÑandú\n".encode())

    assert read_text(file) == "Ñandú\n".encode()


NOT_UTF8 = [
    ("code\nÑ".encode("utf-16-le"), "line 1 contains a NUL byte"),
    (b"code\nA\0\n", "line 2 contains a NUL byte"),
    ("code\nA\nÑandú\n".encode("cp1252"), "line 3 is not UTF-8"),
    (b"code\n\xc3", "line 2 is not UTF-8"),
    (b"code\n\xed\xb2\x80\n", "line 2 is not UTF-8"),
]


@pytest.mark.parametrize(("body", "message"), NOT_UTF8)
def test_not_utf8(file: Path, body: bytes, message: str) -> None:
    """A file that is not UTF-8 is reported with the line, and how to save it as such."""
    file.write_bytes(body)

    with pytest.raises(BadFile, match=rf"{message}.*(as UTF-8|CSV UTF-8)"):
        list(read_lines(file))
    with pytest.raises(BadFile, match=rf"{message}.*CSV UTF-8"):
        read_text(file)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("declared", [None, "cp1252"])
def test_byte_order_mark(file: Path, encoding: str, declared: str | None) -> None:
    """A byte order mark tells the encoding, whatever is declared; it is not text."""
    file.write_bytes("code\tÑ\nA\tñ\n".encode(encoding))

    assert list(read_lines(file, encoding=declared)) == ["code\tÑ\n", "A\tñ\n"]
    assert read_text(file) == "code\tÑ\nA\tñ\n".encode()


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp850", "mac_roman", "utf-8"])
def test_declared_encoding(file: Path, encoding: str) -> None:
    """A file is read in the encoding that is declared."""
    file.write_bytes("code\nÑandú\n".encode(encoding))

    assert list(read_lines(file, encoding=encoding)) == ["code\n", "Ñandú\n"]


@pytest.mark.parametrize(
    ("body", "encoding", "message"),
    [
        ("code\nÑandú\n".encode(), "cp1252", "line 2 is UTF-8, not cp1252.*--encoding utf-8"),
        (b"code\n\x81\n", "cp1252", "line 2 is not cp1252"),
        ("code\nÑ".encode("utf-16") + b"\0", None, "line 2 is not utf-16"),
        ("code\nÑandú\n".encode("cp1252"), None, "line 2 is not UTF-8.*--encoding cp1252"),
    ],
)
def test_wrong_encoding(file: Path, body: bytes, encoding: str | None, message: str) -> None:
    """A file that is not in the encoding declared is reported, never read as other letters."""
    file.write_bytes(body)

    with pytest.raises(BadFile, match=message):
        list(read_lines(file, encoding=encoding))


@pytest.mark.parametrize("name", ["cp12520", "base64", "", "a\0b", "rot13"])
def test_unknown_encoding(name: str) -> None:
    """An encoding that Python does not know is reported."""
    with pytest.raises(UsageError, match="Unknown encoding"):
        check_encoding(name)


def test_endless_line(file: Path) -> None:
    """A line as long as the memory is not read."""
    file.write_text("short\n0123456789012345\n")

    with pytest.raises(BadFile, match="line 2 has more than 9 characters"):
        list(read_lines(file, longest=10))


def test_line_number() -> None:
    """The first byte is in line 1, and the end of a line in that line."""
    assert [line_number(b"a\nb\n", place) for place in range(4)] == [1, 1, 2, 2]
