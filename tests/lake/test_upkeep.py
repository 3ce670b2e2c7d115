"""Upkeep of the lake: fewer files, no old snapshots, and the same rows."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.lake.cut_catalog import CutCatalog
from tests.lake.lake_books import LakeBooks

from p4books.lake.errors import LakeLost, LakeMissing, LakeUncertain
from p4books.lake.place import require_lake
from p4books.lake.snapshots import list_snapshots, measure_lake
from p4books.lake.upkeep import MOST_FILES, UpkeepResult, tidy_lake
from p4books.storage.files import scratch_dir


def tidy(
    books: LakeBooks, days: float = 0, *, is_mine: bool = True, most_files: int = MOST_FILES
) -> UpkeepResult:
    """Do the upkeep as if some days had passed."""
    with scratch_dir(books.settings.work) as scratch:
        now = datetime.now(UTC) + timedelta(days=days)
        return tidy_lake(books.settings, scratch, lambda: is_mine, now, most_files)


def test_upkeep(books: LakeBooks) -> None:
    """Every kept snapshot has the same rows afterwards; old ones go, the last one never does."""
    books.publish()
    for change in (
        "delete from core.sales where id % 50 = 0",
        "update core.sales set amount = 0 where id < 900",
        "insert into core.sales select range + 9000, 'EUR', 1 from range(200)",
    ):
        books.write_number()
        books.publish(change)
    last = books.write_number()
    digest = "select count(*), sum(hash(id, currency, amount)) from core.sales"
    before = {n: books.query(digest, str(n)) for n in range(1, last + 1)}

    with pytest.raises(LakeLost):
        tidy(books, is_mine=False)
    first = tidy(books)  # what a reader may have open is deleted a day later only

    assert (first.expired, first.deleted) == (0, 0)
    assert first.rewritten > 0
    assert {n: books.query(digest, str(n)) for n in range(1, last + 1)} == before
    files = books.count_files()
    done = tidy(books, days=91)  # the setting `keep` is 90 days

    assert done.expired > last
    assert done.deleted > 0
    assert books.count_files() < files
    assert books.find_differences() == []
    place = require_lake(books.settings)
    assert [each.message for each in list_snapshots(place)] == ["Upkeep"]
    assert measure_lake(place).files == books.count_files()
    assert books.write() is None  # the published file is still all there
    books.publish("update core.sales set amount = 1 where id = 7")
    books.write_number()
    assert books.find_differences() == []


def test_no_lake_yet(books: LakeBooks) -> None:
    """There is nothing to keep small before the first snapshot."""
    books.publish()
    with pytest.raises(LakeMissing):
        tidy(books)


def test_many_files(books: LakeBooks) -> None:
    """Files of which rows were deleted become one, if a table has too many of them."""
    books.publish()
    for number in range(3):
        books.write_number()
        books.publish(f"update core.sales set amount = {number} where id % 20 = {number}")
    books.write_number()
    files = "select file_count, delete_file_count from ducklake_table_info('lake')"
    files += " where table_name = 'sales'"

    ((before, _),) = books.query(files)
    earlier = books.query("select count(*), sum(amount) from core.sales", "2")
    tidy(books, most_files=2)

    assert int(str(before)) > 2
    assert books.query(files) == [(1, 0)]
    assert books.query("select count(*), sum(amount) from core.sales", "2") == earlier
    assert books.find_differences() == []


def test_lost_answer(books: LakeBooks, cut_catalog: CutCatalog) -> None:
    """A step whose commit Postgres never confirmed deletes no file that the catalog names."""
    books.publish()
    books.write_number()
    books.publish("update core.sales set amount = 1 where id < 20")  # so few are in the catalog
    books.write_number()
    broken = LakeBooks(cut_catalog.change_settings(books.settings), books.source)
    steps = iter([False, True])  # the second one moves these rows into a file

    def cut_second_step() -> bool:
        return cut_catalog.arm() if next(steps) else True

    with pytest.raises(LakeUncertain), scratch_dir(books.settings.work) as scratch:
        tidy_lake(broken.settings, scratch, cut_second_step)

    assert list_snapshots(require_lake(books.settings), 1)[0].message == "Upkeep"
    assert books.find_differences() == []
    tidy(books)
    assert books.find_differences() == []
