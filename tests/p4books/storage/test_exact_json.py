"""JSON without loss: parsing and encoding with every digit kept."""

import json
from decimal import Decimal

import pytest

from p4books.storage.exact_json import (
    Constant,
    encode_document,
    encode_rows,
    has_long_number,
    parse_exact,
    parse_strict,
)

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
    """A run of more than 15 digits, with the decimal point, may be more than a double keeps."""
    assert all(has_long_number(b"x" * before + body) == long for before in range(5))


@pytest.mark.parametrize(
    ("written", "value"),
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
def test_parse_exact(written: str, value: object) -> None:
    """What a double or a str can't represent is kept as it was written, whatever else is there."""
    assert parse_exact(written.encode()) == value
    assert parse_exact(f"[{written}, {LONG}]".encode())[0] == value
    assert json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_constants(word: str) -> None:
    """A word in the place of a number is distinguished from the text."""
    assert [type(value) for value in parse_exact(f'[{word},"{word}"]'.encode())] == [Constant, str]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('{"a":1,"a":2}', {"a": [1, 2]}),
        ('{"a":1,"b":0,"a":1}', {"a": 1, "b": 0}),
        ('{"a":1,"a":true}', {"a": [1, True]}),
        ('{"a":1,"a":null}', {"a": 1}),
        ('{"a":null,"a":null}', {"a": None}),
        ('[{"b":{"a":1,"a":[2],"a":1}}]', [{"b": {"a": [1, [2]]}}]),
        ('{"a" :1,"a": 2}', {"a": [1, 2]}),
        (r'{"a":"\"b\":1"}', {"a": '"b":1'}),
    ],
)
def test_repeated_names(written: str, value: object) -> None:
    """A name that occurs twice has the list of its different values."""
    assert parse_exact(written.encode()) == value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("107.00000000000000000000", 107.0),
        ("1234567890123456789.000", "1234567890123456789"),
        ("12345678901234567.10", "12345678901234567.1"),
        ("1234567890123456700", "1234567890123456700"),
    ],
)
def test_zeros_after_the_last_decimal(written: str, value: object) -> None:
    """Zeros after the last decimal say nothing."""
    assert parse_exact(written.encode()) == value


@pytest.mark.parametrize("written", ["\ufeff1e2", '\ufeff"\ud83e"'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-32-be"])
def test_byte_order_mark(written: str, encoding: str) -> None:
    """JSON may begin with a byte order mark, and be in UTF-16 or UTF-32."""
    assert parse_exact(written.encode(encoding, "surrogatepass")) in {100.0, r"\ud83e"}


@pytest.mark.parametrize("body", [b"", b"nan", b"+1", b'"\xff"', b'"\\ud8"', b'"a\nb"'])
def test_invalid_json(body: bytes) -> None:
    """Invalid JSON raises ValueError."""
    with pytest.raises(ValueError, match=r"\w"):
        parse_exact(body)


def test_too_deep() -> None:
    """A document nested too deeply raises RecursionError; it does not crash."""
    for levels in (10_000, 1_000_000):
        with pytest.raises(RecursionError):
            parse_exact(b"[" * levels + b"]" * levels)


def test_parse_strict() -> None:
    """Numbers keep all their digits, and names are stripped."""
    values = parse_strict('{" a ": 0.10, "b": 12345678901234567890, "c": 1e2}')

    assert values == {"a": Decimal("0.10"), "b": 12345678901234567890, "c": Decimal("1E+2")}
    assert str(values["a"]) == "0.10"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "a": 2}', "the name a occurs twice"),
        ('{"a": {"": 1}}', "a field has no name"),
        ("[NaN]", "NaN is not a number"),
        ("[-Infinity]", "-Infinity is not a number"),
        (f"[{'9' * 5000}]", "is too large"),
        ("[1e99999999999999999999]", "is too large"),
        ("[1,", "Expecting value"),
    ],
)
def test_strict_rejects(text: str, why: str) -> None:
    """What a person can't have meant is rejected, with the reason."""
    with pytest.raises(ValueError, match=why):
        parse_strict(text)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_encode_rows(count: int) -> None:
    """Rows encoded piece by piece are the same document as those encoded at once."""
    rows = [(number, "a\nb", {"deep": [Decimal("1.10"), None]}) for number in range(count)]
    names = ["number", "text", "more"]

    encoded = b"".join(encode_rows(names, rows))

    assert encoded == encode_document([dict(zip(names, row, strict=True)) for row in rows])


def test_duplicate_columns() -> None:
    """Two columns of one name are both encoded."""
    encoded = b"".join(encode_rows(["a", "a", "A", "a_1"], [(1, 2, 3, 4)]))

    assert json.loads(encoded) == [{"a": 1, "a_1": 2, "A_2": 3, "a_1_1": 4}]
