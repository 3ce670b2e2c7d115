"""Options of the page."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from p4books.publish.figures.overview import FindReading, find_no_reading
from p4books.publish.language import Language


@dataclass(frozen=True)
class PageOptions:
    """Options of a page: its language, whose name is on top, None for the tenant's; a currency.

    Without a currency it has all that the books have. The books are stale if they were read more
    than twice the interval before `now`; without `now` that is not looked at, as for a past day.
    `find_reading` is that of `load_freshness`.
    """

    language: Language
    company: str | None = None
    currency: str | None = None
    now: datetime | None = None
    interval: timedelta = timedelta(minutes=15)
    find_reading: FindReading = find_no_reading
