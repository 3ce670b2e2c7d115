"""Tests of durations as people write and read them."""

from datetime import timedelta

import pytest

from p4books.settings.duration import describe_duration, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds", "formatted"),
    [
        ("90m", 5400, "90m"),
        (" 2H ", 7200, "2h"),
        ("2 h", 7200, "2h"),
        ("1d", 86400, "1d"),
        ("1w", 604800, "7d"),
        ("1h30m", 5400, "90m"),
        ("1d1h1s", 90001, "1d1h1s"),
        ("1d1h", 90000, "25h"),
        ("24h", 86400, "1d"),
    ],
)
def test_parse(text: str, seconds: int, formatted: str) -> None:
    """A duration is whole numbers with units; what is formatted can be parsed again."""
    length = parse_duration(text)

    assert length == timedelta(seconds=seconds)
    assert format_duration(length) == formatted
    assert parse_duration(formatted) == length


@pytest.mark.parametrize("text", ["", "7", "m", "0m", "-1h", "1.5h", "2  h", "1y", "9" * 99 + "d"])
def test_no_duration(text: str) -> None:
    """Anything else is an error that shows what a duration looks like."""
    with pytest.raises(ValueError, match="is not a duration such as 90m, 2h or 1d"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 seconds"),
        (1, "1 second"),
        (119.4, "119 seconds"),
        (119.6, "2 minutes"),
        (5400, "90 minutes"),
        (7200, "2 hours"),
        (48 * 3600, "2 days"),
        (1500 * 86400, "1,500 days"),
    ],
)
def test_words(seconds: float, words: str) -> None:
    """In words, a duration has one unit, of which there are at least two if it is not seconds."""
    assert describe_duration(timedelta(seconds=seconds)) == words
