"""Times in the warehouse that lie in the future."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

from p4books.load.instants import correct_future_times, find_known_times
from p4books.load.schema import read_state

NOW = "2026-11-07 15:00:00"

Version = tuple[str, str, str | None]  # id, valid from, valid to


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def query(warehouse: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(warehouse) as con:
        con.execute("set TimeZone = 'UTC'")
        return con.execute(sql).fetchall()


def insert(warehouse: Path, *versions: Version, table: str = "invoices") -> None:
    with duckdb.connect(warehouse) as con:
        con.execute("set TimeZone = 'UTC'")
        con.executemany(
            f"insert into raw.{table} (id, _dlt_valid_from, _dlt_valid_to) values (?, ?, ?)",
            [list(version) for version in versions],
        )


def correct(warehouse: Path, now: str = NOW) -> str | None:
    scratch = warehouse.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    known_times = find_known_times(warehouse, seconds(now))
    return correct_future_times(warehouse, scratch, seconds(now), known_times)


def spans(warehouse: Path, table: str = "invoices") -> list[tuple[str, str, str | None]]:
    return query(
        warehouse,
        "select id, strftime(_dlt_valid_from, '%Y-%m-%d %H:%M:%S.%f'),"
        f" strftime(_dlt_valid_to, '%Y-%m-%d %H:%M:%S.%f') from raw.{table}"
        " order by id, _dlt_valid_to nulls last",
    )


def test_no_time_in_the_future(warehouse: Path) -> None:
    """Without times in the future nothing is changed and there is no note."""
    insert(warehouse, ("1", "2026-11-05 15:00", NOW), ("1", NOW, None))
    before = warehouse.read_bytes()

    assert correct(warehouse) is None
    assert warehouse.read_bytes() == before


def test_no_warehouse(tmp_path: Path) -> None:
    """Without a warehouse there are no times."""
    assert find_known_times(tmp_path / "warehouse.duckdb", 0.0) == []
    assert correct(tmp_path / "warehouse.duckdb") is None


def test_known_times(warehouse: Path) -> None:
    """Known are the newest time in any table, and the newest that is not in the future."""
    assert find_known_times(warehouse, seconds(NOW)) == []

    insert(warehouse, ("1", "2026-11-05 15:00", "2026-11-06 15:00"))
    query(warehouse, "insert into raw.seen values ('invoices', '1', '2036-11-05 15:00:00Z')")

    assert find_known_times(warehouse, seconds(NOW)) == [
        seconds("2036-11-05 15:00"),
        seconds("2026-11-06 15:00"),
    ]


def test_one_run_ahead(warehouse: Path) -> None:
    """What a run ten years ahead changed is valid since now, at the latest; nothing is lost."""
    insert(
        warehouse,
        ("1", "2026-11-05 15:00", "2036-11-05 15:00"),
        ("1", "2036-11-05 15:00", None),
        ("2", "2026-11-05 15:00", None),
    )
    stamp = read_state(warehouse).stamp

    note = correct(warehouse)

    assert spans(warehouse) == [
        ("1", "2026-11-05 15:00:00.000000", f"{NOW}.000000"),
        ("1", f"{NOW}.000000", None),
        ("2", "2026-11-05 15:00:00.000000", None),
    ]
    assert note is not None
    assert "up to 2036-11-05 15:00:00 UTC" in note
    assert "1 was moved" in note
    assert read_state(warehouse).stamp != stamp  # so that it is published again
    assert len(list((warehouse.parent / "generations").glob("*.duckdb"))) == 1
    assert correct(warehouse) is None


def test_clock_that_was_always_ahead(warehouse: Path) -> None:
    """If all history was a year ahead, its times keep their distances."""
    insert(
        warehouse, ("1", "2027-11-01 15:00", "2027-11-05 15:00"), ("1", "2027-11-05 15:00", None)
    )
    query(warehouse, "insert into raw.history values ('invoices', '2027-11-01 15:00:00Z')")

    correct(warehouse)

    assert spans(warehouse) == [
        ("1", "2026-11-03 15:00:00.000000", f"{NOW}.000000"),
        ("1", f"{NOW}.000000", None),
    ]
    assert query(warehouse, "select since::varchar from raw.history") == [
        ("2026-11-03 15:00:00+00",)
    ]


def test_order_stays(warehouse: Path) -> None:
    """Times too far apart for the time since the last right run are moved together, in order."""
    insert(
        warehouse,
        ("1", "2026-11-06 15:00", "2030-01-01 15:00"),
        ("1", "2030-01-01 15:00", "2033-01-01 15:00"),
        ("1", "2033-01-01 15:00", "2036-01-01 15:00"),
        ("1", "2036-01-01 15:00", None),
    )

    correct(warehouse)

    starts = [since for _, since, _ in spans(warehouse)]
    assert starts == [
        "2026-11-06 15:00:00.000000",
        "2026-11-06 15:00:00.000001",
        "2026-11-06 15:00:00.000002",
        f"{NOW}.000000",
    ]
    assert_chains(warehouse)


OVERLAPS: dict[str, Sequence[Version]] = {
    "gone in the future, returned": (
        ("1", "2026-11-05 15:00", "2036-11-05 15:00"),
        ("1", "2026-11-06 15:00", None),
    ),
    "new and gone in the future, returned": (
        ("1", "2036-11-05 15:00", "2036-11-05 16:00"),
        ("1", "2026-11-06 15:00", None),
    ),
    "gone in the future, returned and gone": (
        ("1", "2026-11-05 15:00", "2036-11-05 15:00"),
        ("1", "2026-11-06 15:00", "2036-11-05 17:00"),
    ),
}


@pytest.mark.parametrize("case", OVERLAPS)
def test_overlaps(warehouse: Path, case: str) -> None:
    """Versions that overlap because of the future times form a chain again; the open one stays."""
    insert(warehouse, *OVERLAPS[case])
    is_open = "select count(*) from raw.invoices where _dlt_valid_to is null"
    before = query(warehouse, is_open)

    correct(warehouse)

    assert_chains(warehouse)
    assert query(warehouse, is_open) == before
    assert query(warehouse, "select count(*) from raw.invoices") == [(len(OVERLAPS[case]),)]


def test_other_tables(warehouse: Path) -> None:
    """Sightings, fields and every endpoint are corrected, with the same time for the same run."""
    run = "2036-11-05 15:00:00"
    insert(warehouse, ("1", run, None), table="vendors")
    query(warehouse, f"insert into raw.seen values ('vendors', '1', '{run}Z')")
    query(warehouse, f"insert into raw.fields values ('vendors', 'colour', '{run}Z')")

    correct(warehouse)

    assert spans(warehouse, "vendors") == [("1", f"{NOW}.000000", None)]
    assert query(warehouse, "select verified_at::varchar from raw.seen") == [(f"{NOW}+00",)]
    assert query(warehouse, "select first_seen_at::varchar from raw.fields") == [(f"{NOW}+00",)]


def assert_chains(warehouse: Path) -> None:
    """Check that no version begins before the one before it ended, ends early, or is in the
    future."""
    by_id: dict[str, list[tuple[str, str | None]]] = {}
    for record, since, until in spans(warehouse):
        by_id.setdefault(record, []).append((since, until))
    for versions in by_id.values():
        for (_, ended), (since, _) in pairwise(versions):
            assert ended is not None
            assert ended <= since
        assert all(until is None or since < until for since, until in versions)
        assert all(since <= f"{NOW}.000001" for since, _ in versions)
