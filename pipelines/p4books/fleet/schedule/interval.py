"""Intervals as cron writes them, and those that it cannot express."""

from datetime import timedelta

from p4books.errors import UsageError
from p4books.settings.duration import format_duration

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_EXPRESSIBLE = tuple(  # seconds; cron begins again each hour, day and week
    [minutes * _MINUTE for minutes in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)]
    + [hours * _HOUR for hours in (1, 2, 3, 4, 6, 8, 12)]
    + [_DAY, 7 * _DAY]
)


def check_interval(every: timedelta, kind: str, least: timedelta) -> None:
    """Raise UsageError, which names the nearest ones, if cron has no expression for an interval.

    `least` is the shortest one of this kind of schedule.
    """
    seconds = every.total_seconds()
    known = [each for each in _EXPRESSIBLE if each >= least.total_seconds()]
    if seconds in known:
        return
    below = [each for each in known if each < seconds][-1:]
    above = [each for each in known if each > seconds][:1]
    nearest = [format_duration(timedelta(seconds=each)) for each in below + above]
    verb = "are" if nearest[1:] else "is"
    raise UsageError(
        f"A schedule of {kind} cannot run every {format_duration(every)}; the nearest {verb} "
        f"{' and '.join(nearest)}."
    )


def round_down(every: timedelta) -> timedelta:
    """Return the longest interval that cron can express and that is not longer, at least a minute.

    More than a week is a week.
    """
    seconds = every.total_seconds()
    return timedelta(seconds=max((each for each in _EXPRESSIBLE if each <= seconds), default=60))


def format_cron(every: timedelta, seed: int) -> str:
    """Return the five fields of cron for an interval; `seed` chooses the minute, never :00."""
    seconds = int(every.total_seconds())
    minutes = seconds // _MINUTE
    if seconds < _HOUR:
        first = seed % (minutes - 1) + 1 if minutes > 1 else 0
        return f"{first}-59/{minutes} * * * *" if minutes > 1 else "* * * * *"
    minute = seed % 59 + 1
    hours = seconds // _HOUR
    if seconds < _DAY:
        first = seed // 60 % hours
        return f"{minute} {first}-23/{hours} * * *" if hours > 1 else f"{minute} * * * *"
    hour = seed // 60 % 5 + 1  # at night
    return f"{minute} {hour} * * {'*' if seconds == _DAY else '0'}"
