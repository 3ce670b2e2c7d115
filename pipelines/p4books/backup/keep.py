"""Which backups are kept, and which are deleted."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from p4books.settings import KeepRules

T = TypeVar("T")

SKEW = timedelta(hours=1)  # by which the clock of another machine may be ahead


def choose_kept(
    instants: Iterable[datetime], rules: KeepRules, zone: ZoneInfo, now: datetime
) -> set[datetime]:
    """Return the instants of the backups to keep; days, weeks and months are those of `zone`.

    A period that has no backup does not count, so age alone deletes nothing. Backups of the future
    come from a clock that was wrong, or show that this one is: they stay, and take nobody's place.
    The newest of the others stays always.
    """
    dated = sorted(instants, reverse=True)
    future = {instant for instant in dated if instant > now + SKEW}
    past = [instant for instant in dated if instant not in future]
    periods: tuple[tuple[int, Callable[[datetime], object]], ...] = (
        (rules.daily, lambda local: local.date()),
        (rules.weekly, lambda local: local.isocalendar()[:2]),
        (rules.monthly, lambda local: (local.year, local.month)),
    )
    kept = future | set(past[: max(rules.newest, 1)])
    for count, period in periods:
        last_of: dict[object, datetime] = {}
        for instant in past:  # newest first
            last_of.setdefault(period(instant.astimezone(zone)), instant)
        kept |= set(list(last_of.values())[:count])
    return kept


def find_newest(backups: Iterable[T], tell: Callable[[T], datetime], now: datetime) -> T | None:
    """Return the newest backup, one of the future only if there is no other; None without any.

    `tell` returns the instant of a backup.
    """
    return max(backups, key=lambda each: (tell(each) <= now + SKEW, tell(each)), default=None)
