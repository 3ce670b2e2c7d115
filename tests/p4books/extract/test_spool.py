"""The spool: pages on disk, complete or discarded."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.p4books.extract.conftest import property_settings

from p4books.endpoints import ENDPOINTS
from p4books.errors import DiskTrouble
from p4books.extract.page import Page, parse_page
from p4books.extract.spool import (
    ABANDONED_AFTER,
    KEY,
    STALE_AFTER,
    Spool,
    remove_abandoned_spools,
)

NOW = 1_774_951_200.123456
SOURCE: dict[str, object] = {"address": "https://acme.p4books.com/api/v1", "page_size": 2}

Damage = Callable[[Path], object]


def _page(number: int, *ids: int, total: int | None = 9) -> Page:
    data = [{"id": id_, "code": f"ñ {id_}\n"} for id_ in ids]
    body = json.dumps({"data": data, "total": total, "page": number})
    return parse_page(body.encode(), ENDPOINTS["invoices"], number)


PAGES = [_page(1, 1, 2), _page(5, 9), _page(4, 7, 8, total=None)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the spool will be; not created yet."""
    return tmp_path / "private" / "spool" / "invoices"


@pytest.fixture
def full(folder: Path) -> Path:
    """The folder of a spool with three pages."""
    spool = Spool(folder, SOURCE)
    spool.resume(NOW)
    for position, page in enumerate(PAGES):
        spool.store(page, NOW + position)
    return folder


def _load(folder: Path, now: float = NOW + 10) -> list[Page]:
    return [stored.load() for stored in Spool(folder, SOURCE).resume(now)]


def test_new(folder: Path) -> None:
    """A spool starts empty, in a folder that only its user can open."""
    spool = Spool(folder, SOURCE)

    assert spool.resume(NOW) == []
    assert len(spool) == 0
    assert folder.stat().st_mode & 0o777 == 0o700


def test_resume(full: Path) -> None:
    """Stored pages are loaded unchanged, in the order read."""
    assert _load(full) == PAGES


def test_file_names(full: Path) -> None:
    """A file name tells number, total, rows and time of its page."""
    pages = Spool(full, SOURCE).list_pages()

    assert [(page.position, page.number, page.total) for page in pages] == [
        (0, 1, 9),
        (1, 5, 9),
        (2, 4, None),
    ]
    assert [(page.rows, page.distinct) for page in pages] == [(2, 2), (1, 1), (2, 2)]
    assert [page.read_at for page in pages] == [NOW, NOW + 1, NOW + 2]


def test_one_record_per_line(full: Path) -> None:
    """A file has one record per line, whatever it contains."""
    lines = Spool(full, SOURCE).list_pages()[0].path.read_bytes().splitlines()

    assert [json.loads(line) for line in lines] == [
        {"id": 1, "code": "ñ 1\n"},
        {"id": 2, "code": "ñ 2\n"},
    ]


def test_duplicate_rows(folder: Path) -> None:
    """An id that occurs twice on a page is stored once, and counted twice."""
    spool = Spool(folder, SOURCE)
    spool.resume(NOW)

    spool.store(_page(1, 1, 1, 2), NOW)

    (page,) = spool.list_pages()
    assert (page.rows, page.distinct) == (3, 2)
    assert page.load().rows == 3


def test_empty_page(folder: Path) -> None:
    """A page without rows is stored like others."""
    spool = Spool(folder, SOURCE)
    spool.resume(NOW)

    spool.store(_page(1, total=0), NOW)

    assert _load(folder) == [_page(1, total=0)]


def test_append(full: Path) -> None:
    """A page stored after an interruption follows those before it."""
    spool = Spool(full, SOURCE)
    spool.resume(NOW + 10)

    spool.store(_page(3, 5, 6), NOW + 10)

    assert len(spool) == 4
    assert [page.number for page in spool.list_pages()] == [1, 5, 4, 3]
    assert len(_load(full)) == 4


def test_many_pages(folder: Path) -> None:
    """The tenth page follows the ninth."""
    spool = Spool(folder, SOURCE)
    spool.resume(NOW)

    for page in range(1, 13):
        spool.store(_page(page, page), NOW)

    assert [page.number for page in _load(folder)] == list(range(1, 13))


def test_clear(full: Path) -> None:
    """Clearing removes the folder; clearing again is not an error."""
    spool = Spool(full, SOURCE)

    spool.clear()
    spool.clear()

    assert not full.exists()
    assert _load(full) == []


@property_settings(30)
@given(total=st.none() | st.integers(0, 10**12), micros=st.integers(0, 2**52))
def test_names_are_exact(total: int | None, micros: int) -> None:
    """Total and time survive in a file name, to the microsecond."""
    folder = Path("spool") / "names"
    spool = Spool(folder, SOURCE)
    spool.resume(NOW)
    spool.clear()
    spool.resume(NOW)

    spool.store(_page(1, 1, total=total), micros / 1e6)

    (page,) = spool.list_pages()
    assert (page.total, round(page.read_at * 1e6)) == (total, micros)


def test_partial_file(full: Path) -> None:
    """A partially written file is ignored."""
    (full / "partial").write_bytes(b'{"id":5')

    assert _load(full) == PAGES
    assert len(Spool(full, SOURCE).list_pages()) == 3


def _cut(folder: Path) -> None:
    page = Spool(folder, SOURCE).list_pages()[1].path
    page.write_bytes(page.read_bytes()[:-1])


def _empty(folder: Path) -> None:
    Spool(folder, SOURCE).list_pages()[0].path.write_bytes(b"")


def _zeros(folder: Path) -> None:
    page = Spool(folder, SOURCE).list_pages()[2].path
    page.write_bytes(b"\0" * (page.stat().st_size - 2) + b"\n\n")


def _no_record(folder: Path) -> None:
    Spool(folder, SOURCE).list_pages()[1].path.write_bytes(b"{}\n")


def _missing(folder: Path) -> None:
    Spool(folder, SOURCE).list_pages()[1].path.unlink()


def _first_missing(folder: Path) -> None:
    Spool(folder, SOURCE).list_pages()[0].path.unlink()


def _no_source(folder: Path) -> None:
    (folder / "source.json").unlink()


def _half_a_source(folder: Path) -> None:
    (folder / "source.json").write_bytes(b'{"add')


@pytest.mark.parametrize("damage", [_missing, _first_missing, _no_source, _half_a_source])
def test_missing_files(full: Path, damage: Damage) -> None:
    """A spool with missing files is discarded, and can be used at once."""
    damage(full)
    spool = Spool(full, SOURCE)

    assert spool.resume(NOW + 10) == []

    spool.store(PAGES[0], NOW + 10)
    assert _load(full) == PAGES[:1]


@pytest.mark.parametrize("damage", [_cut, _empty, _zeros, _no_record])
def test_damaged_page(full: Path, damage: Damage) -> None:
    """A damaged page raises when loaded."""
    damage(full)

    with pytest.raises(ValueError, match=r".+"):
        _ = [page.load() for page in Spool(full, SOURCE).list_pages()]


@pytest.mark.parametrize(
    ("now", "pages"),
    [
        (NOW + 2, 3),
        (NOW + STALE_AFTER - 1, 3),
        (NOW + STALE_AFTER, 0),
        (NOW + STALE_AFTER * 24, 0),
        (NOW - 1, 0),
    ],
)
def test_age(full: Path, now: float, pages: int) -> None:
    """A scan that started an hour ago, or in the future, is discarded."""
    assert len(_load(full, now)) == pages


@pytest.mark.parametrize(
    "other",
    [{**SOURCE, "page_size": 3}, {**SOURCE, "address": "https://other"}, {**SOURCE, "x": 1}, {}],
)
def test_another_source(full: Path, other: dict[str, object]) -> None:
    """Pages of another address, page size or parameter are discarded for good."""
    assert Spool(full, other).resume(NOW + 10) == []

    assert _load(full) == []


def test_same_source(full: Path) -> None:
    """The order of a source's keys does not matter."""
    assert len(Spool(full, dict(reversed(SOURCE.items()))).resume(NOW + 10)) == 3


@pytest.mark.parametrize(("key", "pages"), [("a", 3), ("b", 0)])
def test_another_key(tmp_path: Path, key: str, pages: int) -> None:
    """Pages read with another key are discarded: it may be that of another company."""
    spool = Spool(tmp_path, {**SOURCE, KEY: "a"})
    spool.resume(NOW)
    for position, page in enumerate(PAGES):
        spool.store(page, NOW + position)

    assert len(Spool(tmp_path, {**SOURCE, KEY: key}).resume(NOW + 10)) == pages


def test_no_key(full: Path) -> None:
    """A spool of an earlier version, which does not say with which key it was read, goes on."""
    assert len(Spool(full, {**SOURCE, KEY: "a"}).resume(NOW + 10)) == 3


@pytest.mark.parametrize(("days", "pages"), [(29, 4), (31, 0)])
def test_age_of_a_long_scan(full: Path, days: int, pages: int) -> None:
    """A scan over many runs is resumed if any page is recent, however old the first are."""
    spool = Spool(full, SOURCE)
    spool.resume(NOW + 10)
    spool.store(PAGES[0], NOW + 60 * 86400)

    resumed = Spool(full, SOURCE).resume(NOW + (60 + days) * 86400, None)

    assert len(resumed) == pages


def test_abandoned_spools(full: Path, tmp_path: Path) -> None:
    """A spool to which nothing was added for a month is removed; others stay."""
    modified_at = full.stat().st_mtime
    other = full.parent / "vendors"
    shutil.copytree(full, other)
    os.utime(other, (modified_at - 10, modified_at - 10))

    remove_abandoned_spools(full.parent, modified_at + ABANDONED_AFTER - 5)

    assert [folder.name for folder in full.parent.iterdir()] == [full.name]
    assert len(_load(full)) == 3
    remove_abandoned_spools(tmp_path / "nowhere", modified_at)


def test_no_folder(tmp_path: Path) -> None:
    """A folder that cannot be created is DiskTrouble."""
    (tmp_path / "file").touch()

    with pytest.raises(DiskTrouble, match="nothing that was fetched is lost"):
        Spool(tmp_path / "file" / "spool", SOURCE).resume(NOW)


def test_folder_removed(folder: Path) -> None:
    """A page that cannot be stored is DiskTrouble, and not counted."""
    spool = Spool(folder, SOURCE)
    spool.resume(NOW)
    spool.clear()

    with pytest.raises(DiskTrouble, match="No such file"):
        spool.store(PAGES[0], NOW)

    assert len(spool) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_full_disk(full: Path) -> None:
    """On a full disk the earlier pages stay, and the page is not counted."""
    (full / "partial").symlink_to("/dev/full")
    spool = Spool(full, SOURCE)
    spool.resume(NOW + 10)

    with pytest.raises(DiskTrouble, match="No space left"):
        spool.store(PAGES[0], NOW + 10)

    assert _load(full) == PAGES
