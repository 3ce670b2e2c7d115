"""The warehouse file: checks on opening, replacement, generations, errors."""

import os
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
from tests.other_program import leave_log, open_program

from p4books.errors import DiskTrouble, WarehouseDamaged, WarehouseOpen, WarehouseTooNew
from p4books.load.warehouse import (
    check_warehouse,
    correct_generation_times,
    keep_all_generations,
    list_generations,
    measure_generations,
    replace_warehouse,
)
from p4books.storage.database import LOGS


def test_check(warehouse: Path) -> None:
    """A warehouse of this version passes, and so does one that does not exist yet."""
    check_warehouse(warehouse)
    check_warehouse(warehouse.with_name("none.duckdb"))


def test_newer_format(warehouse: Path) -> None:
    """A warehouse of a newer p4books is rejected; the message has both formats."""
    with duckdb.connect(warehouse) as con:
        con.execute("update raw.p4books_format set format = 7")

    with pytest.raises(
        WarehouseTooNew, match=r"format 7; this version reads up to \d+\).*Nothing was changed"
    ):
        check_warehouse(warehouse)


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000], ids=["empty", "garbage"])
def test_damaged(tmp_path: Path, content: bytes) -> None:
    """A file that is not a warehouse is rejected, unchanged; the message points to a good one."""
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(content)

    with pytest.raises(WarehouseDamaged, match=r"Nothing was changed.*generations"):
        check_warehouse(path)

    assert path.read_bytes() == content


def test_foreign_database(tmp_path: Path) -> None:
    """A DuckDB file that p4books did not write is rejected."""
    with duckdb.connect(tmp_path / "warehouse.duckdb") as con:
        con.execute("create table mine (id integer)")

    with pytest.raises(WarehouseDamaged):
        check_warehouse(tmp_path / "warehouse.duckdb")


@pytest.mark.parametrize(
    "change",
    [
        "update raw.p4books_format set format = 0",
        "update raw.p4books_format set format = -1",
        "delete from raw.p4books_format",
    ],
)
def test_unknown_format(warehouse: Path, change: str) -> None:
    """A warehouse without a format, or of one that never existed, is rejected."""
    with duckdb.connect(warehouse) as con:
        con.execute(change)

    with pytest.raises(WarehouseDamaged, match=r"no known format.*Nothing was changed"):
        check_warehouse(warehouse)


def test_open_in_another_program(warehouse: Path) -> None:
    """A warehouse that another program has open for writing is rejected; the program is named."""
    with (
        open_program(warehouse) as program,
        pytest.raises(WarehouseOpen, match=rf"python[\d.]* \(process {program.number}\)\. Nothing"),
    ):
        check_warehouse(warehouse)


def test_file_in_the_way(tmp_path: Path) -> None:
    """If the warehouse can't be replaced, the old one is unchanged."""
    new = tmp_path / "new.duckdb"
    new.write_bytes(b"new")
    (tmp_path / "warehouse.duckdb").write_bytes(b"old")
    (tmp_path / "generations").write_bytes(b"no folder")

    with pytest.raises(DiskTrouble, match=r"warehouse\.duckdb cannot be written"):
        replace_warehouse(new, tmp_path / "warehouse.duckdb", keep=True)

    assert (tmp_path / "warehouse.duckdb").read_bytes() == b"old"


def test_generations(tmp_path: Path) -> None:
    """The three newest are kept, and the last one of each of the last seven days."""
    warehouse = tmp_path / "warehouse.duckdb"
    hours = [(day, hour) for day in range(1, 13) for hour in (8, 12, 18)]
    for day, hour in [*hours, (13, 0)]:
        new = tmp_path / "new.duckdb"
        new.write_bytes(f"{day}-{hour}".encode())
        written = datetime(2026, 3, day, hour, tzinfo=UTC).timestamp()
        os.utime(new, (written, written))

        replace_warehouse(new, warehouse, keep=True)

    kept = sorted(path.read_bytes().decode() for path in (tmp_path / "generations").iterdir())
    assert kept == sorted(["12-8", "12-12", "12-18", *(f"{day}-18" for day in range(6, 12))])
    assert warehouse.read_bytes() == b"13-0"


@pytest.mark.parametrize(
    ("size", "kept"),
    [(90, 7), (150, 6), (400, 4), (5000, 4)],
    ids=["all fit", "1 GB", "four times", "far beyond"],
)
def test_size_of_generations(tmp_path: Path, size: int, kept: int) -> None:
    """Of generations that take too many megabytes together, the newest are kept."""
    warehouse = tmp_path / "warehouse.duckdb"
    for day in range(1, 12):
        replace_with(warehouse, date(2026, 3, day), size)

    assert [path.stat().st_mtime for path in list_generations(warehouse)] == [
        datetime(2026, 3, day, tzinfo=UTC).timestamp() for day in range(10, 10 - kept, -1)
    ]


def test_growing_warehouse(tmp_path: Path) -> None:
    """The newest generation is kept, however large the earlier ones are."""
    warehouse = tmp_path / "warehouse.duckdb"
    for day, size in enumerate((3000, 9000, 2000, 10), start=1):
        replace_with(warehouse, date(2026, 3, day), size)

    assert [path.stat().st_size for path in list_generations(warehouse)] == [2000 * 10**6]


def test_size_of_kept_generations(tmp_path: Path) -> None:
    """Generations that are kept for good stay, however large, and leave the others their room."""
    warehouse = tmp_path / "warehouse.duckdb"
    for day in (1, 2, 3):
        replace_with(warehouse, date(2001, 3, day), 5000)
    keep_all_generations(warehouse)  # until now
    for day in (1, 2, 3):
        replace_with(warehouse, date(2126, 3, day), 300)

    sizes = [path.stat().st_size for path in list_generations(warehouse)]
    assert sizes == [300 * 10**6] * 2 + [5000 * 10**6] * 3
    assert measure_generations(warehouse)[0] == 5


def replace_with(warehouse: Path, day: date, megabytes: int) -> None:
    """Replace the warehouse with a file of this size, which takes no room, written on a day."""
    new = warehouse.with_name("new.duckdb")
    with new.open("wb") as file:
        file.truncate(megabytes * 10**6)
    written = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    os.utime(new, (written, written))
    replace_warehouse(new, warehouse, keep=True)


def test_generations_of_the_future(tmp_path: Path) -> None:
    """Generations and a warehouse dated by a clock that was ahead are not the newest for years:
    they get the present time, in their order; others stay as they are."""
    warehouse = tmp_path / "warehouse.duckdb"
    for number, year in enumerate((2026, 2035, 2036, 2037)):
        new = tmp_path / "new.duckdb"
        new.write_bytes(str(number).encode())
        written = datetime(year, 3, 1, tzinfo=UTC).timestamp()
        os.utime(new, (written, written))
        replace_warehouse(new, warehouse, keep=True)
    now = datetime(2026, 11, 5, tzinfo=UTC).timestamp()

    correct_generation_times(warehouse, now)

    names = [path.name for path in list_generations(warehouse)]
    assert names == [
        "warehouse-20261104T235959999999Z.duckdb",
        "warehouse-20261104T235959999998Z.duckdb",
        "warehouse-20260301T000000000000Z.duckdb",
    ]
    assert [path.read_text() for path in list_generations(warehouse)] == ["2", "1", "0"]
    assert warehouse.stat().st_mtime == now


def test_log_beside(warehouse: Path) -> None:
    """A log that another program left beside a warehouse is named, with the way to delete it."""
    leave_log(warehouse)

    with pytest.raises(WarehouseDamaged, match=r"warehouse\.duckdb\.wal, was left") as error:
        check_warehouse(warehouse)
    _, command, *_ = str(error.value).split("`")
    subprocess.run(["/bin/sh", "-c", command], check=True)

    check_warehouse(warehouse)


def test_replacement_beside_a_log(tmp_path: Path) -> None:
    """A warehouse is not replaced beside a log of another program, which would not match it."""
    new, warehouse = tmp_path / "new.duckdb", tmp_path / "warehouse.duckdb"
    new.write_bytes(b"new")
    for log in LOGS:
        (tmp_path / f"warehouse.duckdb{log}").write_bytes(b"log")

    replace_warehouse(new, warehouse, keep=True)

    assert [path.name for path in tmp_path.iterdir()] == ["warehouse.duckdb"]


def test_no_generation(tmp_path: Path) -> None:
    """A warehouse with the same rows replaces the old one without a generation."""
    (tmp_path / "warehouse.duckdb").write_bytes(b"old")
    new = tmp_path / "new.duckdb"
    new.write_bytes(b"new")

    replace_warehouse(new, tmp_path / "warehouse.duckdb", keep=False)

    assert not (tmp_path / "generations").exists()
