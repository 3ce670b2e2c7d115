"""How is JSON read without changing a value?"""

import json

import pytest

from p4books.storage.exact_json import has_long_number, parse_exact

LONG = "12345678901234567"


@pytest.mark.parametrize(
    ("body", "long"),
    [
        (b"1234567890123456", False),
        (b"12345678901234.56", True),
        (b"12345678901234567", True),
        (b'"4f7cdf0e-3a54-4d28-9b7e-2a9c0f6f5a10"', False),
        (b"123456789012345 123456789012345", False),
    ],
)
def test_has_long_number(body: bytes, long: bool) -> None:
    """More than 15 digits in a run, with their point, may be more than a double holds."""
    assert has_long_number(body) == long


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1.10", 1.1),
        ("1234567890123456.78", "1234567890123456.78"),
        ("123456789012345678", 123456789012345678),
        ("1234567890123456789", "1234567890123456789"),
        ("1e400", "1e400"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
        (r'"\ud83e\uddc0"', "🧀"),
        (r'"\ud800"', r"\ud800"),
        (r'"\uDC00\ud800"', r"\udc00\ud800"),
        (r'["a", {"\udfff": "\ud800"}]', ["a", {r"\udfff": r"\ud800"}]),
        (r'"\\ud800"', r"\ud800"),
    ],
)
def test_parse(written: str, read: object) -> None:
    """What a double or a text can't hold is kept as it stood there, whatever stands beside it."""
    assert parse_exact(written.encode()) == read
    assert parse_exact(f"[{written}, {LONG}]".encode())[0] == read
    assert json.dumps(read, ensure_ascii=False).encode()


@pytest.mark.parametrize("written", ["\ufeff1e2", '\ufeff"\ud83e"'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-32-be"])
def test_byte_order_mark(written: str, encoding: str) -> None:
    """JSON may begin with a byte order mark, and be written in more bytes a sign."""
    assert parse_exact(written.encode(encoding, "surrogatepass")) in {100.0, r"\ud83e"}


@pytest.mark.parametrize("body", [b"", b"nan", b"+1", b'"\xff"', b'"\\ud8"', b'"a\nb"'])
def test_no_json(body: bytes) -> None:
    """What is no JSON in any reading is a ValueError."""
    with pytest.raises(ValueError, match=r"\w"):
        parse_exact(body)


def test_too_deep() -> None:
    """What is nested too deeply is a RecursionError, and no crash."""
    for levels in (10_000, 1_000_000):
        with pytest.raises(RecursionError):
            parse_exact(b"[" * levels + b"]" * levels)
