"""SQL macros, as Python uses them."""

from datetime import UTC, date, datetime

from p4books.transform.macros import compute_end_of_day


def test_end_of_a_day() -> None:
    """The end of a day comes from the zone data of DuckDB, as in the models."""
    end = compute_end_of_day(date(2026, 4, 4), "America/Santiago")  # of 25 hours

    assert end == datetime(2026, 4, 5, 3, 59, 59, 999999, tzinfo=UTC)
