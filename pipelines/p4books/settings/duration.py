"""Durations as people write and read them: 90m, 2h, 1d; 4 minutes."""

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PART = re.compile("([0-9]{1,6}) ?([smhdw])")
_LONGEST = 35  # characters: five units of six digits
_DURATION = re.compile(f"(?:{_PART.pattern})+")
_STEPS = (  # of a unit: its seconds, and how many of it are too many
    (1, 120, "second"),
    (60, 120, "minute"),
    (3600, 48, "hour"),
    (86400, float("inf"), "day"),
)


def parse_duration(text: str) -> timedelta:
    """Parse a duration such as 90m, 2h, 1d or 1h30m: whole numbers, each with its unit.

    The units are s, m, h, d and w. Raises ValueError, with a clause, if it is none or not more
    than nothing.
    """
    folded = text.strip().lower()
    length = timedelta()
    if len(folded) <= _LONGEST and _DURATION.fullmatch(folded):
        for number, unit in _PART.findall(folded):
            length += timedelta(**{_UNITS[unit]: int(number)})
    if not length:
        raise ValueError(f"{text!r} is not a duration such as 90m, 2h or 1d")
    return length


def format_duration(length: timedelta) -> str:
    """Format a duration of whole seconds as `parse_duration` reads it: 90m, 2h, 1d, 1h30m1s."""
    rest, parts = int(length.total_seconds()), []
    for size, most, unit in ((60, 7200, "m"), (3600, 172800, "h")):  # 90m, not 1h30m
        if rest % size == 0 and size < rest < most and rest not in {3600, 86400}:
            return f"{rest // size}{unit}"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        number, rest = divmod(rest, size)
        parts += [f"{number}{unit}"] if number else []
    return "".join(parts) or "0s"


def describe_duration(length: timedelta) -> str:
    """Describe a duration in words, in one unit: `4 minutes`, `90 minutes`, `30 hours`, `3 days`.

    It is rounded to a whole number of that unit; one that is negative counts as nothing.
    """
    seconds = max(length.total_seconds(), 0.0)
    size, unit = next((size, unit) for size, most, unit in _STEPS if seconds < (most - 0.5) * size)
    number = round(seconds / size)
    return f"{number:,} {unit}{'' if number == 1 else 's'}"
