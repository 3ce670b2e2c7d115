"""Tests of intervals as cron writes them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from croniter import croniter

from p4books.errors import UsageError
from p4books.fleet.schedule.interval import check_interval, format_cron
from p4books.settings.duration import parse_duration

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize("text", ["1m", "2m", "5m", "15m", "30m", "60m", "2h", "12h", "1d", "7d"])
@pytest.mark.parametrize("seed", [0, 59, 4_294_967_295])
def test_times(text: str, seed: int) -> None:
    """The times of an expression are as far apart as the interval is long, never on the hour."""
    every = parse_duration(text)
    check_interval(every, "cron", timedelta(minutes=1))

    times = croniter(format_cron(every, seed), NOW)
    runs = [times.get_next(datetime) for _ in range(30)]

    assert {after - before for before, after in pairwise(runs)} == {every}
    assert text == "1m" or not {run.minute for run in runs} & {0}


@pytest.mark.parametrize(
    ("text", "least", "nearest"),
    [
        ("7m", 1, "every 7m; the nearest are 6m and 10m."),
        ("45m", 1, "every 45m; the nearest are 30m and 1h."),
        ("25h", 1, "every 25h; the nearest are 1d and 7d."),
        ("30d", 1, "every 30d; the nearest is 7d."),
        ("10s", 1, "every 10s; the nearest is 1m."),
        ("1m", 5, "every 1m; the nearest is 5m."),
    ],
)
def test_what_cron_cannot_express(text: str, least: int, nearest: str) -> None:
    """Any other interval is an error that names the nearest ones."""
    with pytest.raises(UsageError) as error:
        check_interval(parse_duration(text), "cron", timedelta(minutes=least))

    assert str(error.value).endswith(nearest)
