"""Tests of tables, JSON and timestamps on the console."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from p4books.cli.console import format_timestamp, print_json, print_table
from p4books.settings import Settings


def test_table_cells_are_complete(capsys: pytest.CaptureFixture[str]) -> None:
    """In output that is not a terminal no cell is truncated or wrapped, however long."""
    long = "Distribuidora " * 30

    print_table(("name", "amount"), [(long, Decimal("1234567.50")), (None, Decimal("-3.00"))])

    out = capsys.readouterr().out
    assert long.strip() in out
    assert "1,234,567.50" in out
    assert "None" not in out


def test_markup_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    """A value such as [red]x[/red] or =1+1 is shown as it is."""
    print_table(("name",), [("[red]x[/red]",), ("=1+1",), ("Ñandú 🛒",)])

    out = capsys.readouterr().out
    assert "[red]x[/red]" in out
    assert "=1+1" in out
    assert "Ñandú 🛒" in out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Decimals are numbers with all digits, dates and timestamps ISO 8601, None is null."""
    row = {
        "amount": Decimal("1234567890123456.78"),
        "day": date(2026, 3, 31),
        "at": datetime(2026, 3, 31, 12, tzinfo=UTC),
        "nothing": None,
    }

    print_json([row])

    out = capsys.readouterr().out
    (parsed,) = json.loads(out, parse_float=Decimal)
    assert parsed == {
        "amount": Decimal("1234567890123456.78"),
        "day": "2026-03-31",
        "at": "2026-03-31T12:00:00.000Z",
        "nothing": None,
    }


def test_timestamps_are_in_the_tenants_zone(settings: Settings) -> None:
    """Noon in UTC is seven in the morning in Panama; None is `never`."""
    assert (
        format_timestamp(datetime(2026, 3, 31, 12, tzinfo=UTC), settings) == "2026-03-31 07:00:00"
    )
    assert format_timestamp(None, settings) == "never"
