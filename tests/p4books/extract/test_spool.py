"""Where do answers wait until they are loaded?"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4books.endpoints import ENDPOINTS
from p4books.errors import DiskTrouble
from p4books.extract.page import Page, parse_page
from p4books.extract.spool import ABANDONED_AFTER, STALE_AFTER, Spool, remove_abandoned_spools

NOW = 1_774_951_200.123456
SOURCE: dict[str, object] = {"address": "https://acme.p4books.com/api/v1", "page_size": 2}

Damage = Callable[[Path], object]


def _answer(page: int, *ids: int, total: int | None = 9) -> Page:
    data = [{"id": each, "code": f"ñ {each}\n"} for each in ids]
    body = json.dumps({"data": data, "total": total, "page": page})
    return parse_page(body.encode(), ENDPOINTS["invoices"], page)


PAGES = [_answer(1, 1, 2), _answer(5, 9), _answer(4, 7, 8, total=None)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the spool lies; not made yet."""
    return tmp_path / "private" / "spool" / "invoices"


@pytest.fixture
def full(folder: Path) -> Path:
    """The folder of a spool with three pages."""
    spool = Spool(folder, SOURCE)
    spool.resume(NOW)
    for place, answer in enumerate(PAGES):
        spool.store(answer, NOW + place)
    return folder


def _kept(folder: Path, now: float = NOW + 10) -> list[Page]:
    return [stored.load() for stored in Spool(folder, SOURCE).resume(now)]


def test_new(folder: Path) -> None:
    """A spool begins empty, in a folder that only its user can open."""
    spool = Spool(folder, SOURCE)

    assert spool.resume(NOW) == []
    assert len(spool) == 0
    assert folder.stat().st_mode & 0o777 == 0o700


def test_kept_and_found_again(full: Path) -> None:
    """What was kept is found again: each answer as it was, in the order they were read."""
    assert _kept(full) == PAGES


def test_what_a_name_tells(full: Path) -> None:
    """Of each page it is known what was announced, how many rows it had and when it was read."""
    pages = Spool(full, SOURCE).list_pages()

    assert [(page.position, page.number, page.total) for page in pages] == [
        (0, 1, 9),
        (1, 5, 9),
        (2, 4, None),
    ]
    assert [(page.rows, page.distinct) for page in pages] == [(2, 2), (1, 1), (2, 2)]
    assert [page.read_at for page in pages] == [NOW, NOW + 1, NOW + 2]


def test_one_record_a_line(full: Path) -> None:
    """A file has one record a line, whatever stands in it."""
    lines = Spool(full, SOURCE).list_pages()[0].path.read_bytes().splitlines()

    assert [json.loads(line) for line in lines] == [
        {"id": 1, "code": "ñ 1\n"},
        {"id": 2, "code": "ñ 2\n"},
    ]


def test_rows_that_came_twice(folder: Path) -> None:
    """An id that came twice on a page is kept once, and the rows are counted as they came."""
    spool = Spool(folder, SOURCE)
    spool.resume(NOW)

    spool.store(_answer(1, 1, 1, 2), NOW)

    (page,) = spool.list_pages()
    assert (page.rows, page.distinct) == (3, 2)
    assert page.load().rows == 3


def test_empty_page(folder: Path) -> None:
    """A page without rows is a page, too."""
    spool = Spool(folder, SOURCE)
    spool.resume(NOW)

    spool.store(_answer(1, total=0), NOW)

    assert _kept(folder) == [_answer(1, total=0)]


def test_goes_on(full: Path) -> None:
    """A page kept after an interruption stands behind those before it."""
    spool = Spool(full, SOURCE)
    spool.resume(NOW + 10)

    spool.store(_answer(3, 5, 6), NOW + 10)

    assert len(spool) == 4
    assert [page.number for page in spool.list_pages()] == [1, 5, 4, 3]
    assert len(_kept(full)) == 4


def test_many_pages(folder: Path) -> None:
    """The tenth page stands behind the ninth."""
    spool = Spool(folder, SOURCE)
    spool.resume(NOW)

    for page in range(1, 13):
        spool.store(_answer(page, page), NOW)

    assert [answer.number for answer in _kept(folder)] == list(range(1, 13))


def test_clear(full: Path) -> None:
    """A spool that was loaded is gone, with its folder; to clear it again is no error."""
    spool = Spool(full, SOURCE)

    spool.clear()
    spool.clear()

    assert not full.exists()
    assert _kept(full) == []


@given(total=st.none() | st.integers(0, 10**12), micros=st.integers(0, 2**52))
def test_names_are_exact(total: int | None, micros: int) -> None:
    """Total and time come back from a file's name as they went in, to the microsecond."""
    folder = Path("spool") / "names"
    spool = Spool(folder, SOURCE)
    spool.resume(NOW)
    spool.clear()
    spool.resume(NOW)

    spool.store(_answer(1, 1, total=total), micros / 1e6)

    (page,) = spool.list_pages()
    assert (page.total, round(page.read_at * 1e6)) == (total, micros)


# Whole or not at all.


def test_partial_file(full: Path) -> None:
    """What was being written when the power went is not counted, and disturbs nothing."""
    (full / "partial").write_bytes(b'{"id":5')

    assert _kept(full) == PAGES
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
def test_not_whole(full: Path, damage: Damage) -> None:
    """A spool that is not whole is thrown away, all of it, and can be used at once."""
    damage(full)
    spool = Spool(full, SOURCE)

    assert spool.resume(NOW + 10) == []

    spool.store(PAGES[0], NOW + 10)
    assert _kept(full) == PAGES[:1]


@pytest.mark.parametrize("damage", [_cut, _empty, _zeros, _no_record])
def test_damaged_page(full: Path, damage: Damage) -> None:
    """A page that is not whole is never read as if it were."""
    damage(full)

    with pytest.raises(ValueError, match=r".+"):
        _ = [page.load() for page in Spool(full, SOURCE).list_pages()]


# What is not mixed.


@pytest.mark.parametrize(
    ("now", "held"),
    [
        (NOW + 2, 3),
        (NOW + STALE_AFTER - 1, 3),
        (NOW + STALE_AFTER, 0),
        (NOW + STALE_AFTER * 24, 0),
        (NOW - 1, 0),
    ],
)
def test_age(full: Path, now: float, held: int) -> None:
    """A scan that began an hour ago, or in a time that has not come yet, is thrown away."""
    assert len(_kept(full, now)) == held


@pytest.mark.parametrize(
    "other",
    [{**SOURCE, "page_size": 3}, {**SOURCE, "address": "https://other"}, {**SOURCE, "x": 1}, {}],
)
def test_another_source(full: Path, other: dict[str, object]) -> None:
    """Pages of another address, page size or parameter are thrown away, for good."""
    assert Spool(full, other).resume(NOW + 10) == []

    assert _kept(full) == []


def test_same_source(full: Path) -> None:
    """The order in which a source is told does not matter."""
    assert len(Spool(full, dict(reversed(SOURCE.items()))).resume(NOW + 10)) == 3


@pytest.mark.parametrize(("days", "held"), [(29, 3), (31, 0)])
def test_age_of_a_long_scan(full: Path, days: int, held: int) -> None:
    """A scan over many runs is kept however old its first pages are, if it went on lately."""
    spool = Spool(full, SOURCE)
    spool.resume(NOW + 10)
    spool.store(PAGES[0], NOW + 60 * 86400)

    kept = Spool(full, SOURCE).resume(NOW + (60 + days) * 86400, None)

    assert len(kept) == (4 if held else 0)


def test_sweep(full: Path, tmp_path: Path) -> None:
    """A spool in which nothing was kept for a month is removed, with all in it; others stay."""
    kept = full.stat().st_mtime
    other = full.parent / "vendors"
    shutil.copytree(full, other)
    os.utime(other, (kept - 10, kept - 10))

    remove_abandoned_spools(full.parent, kept + ABANDONED_AFTER - 5)

    assert [folder.name for folder in full.parent.iterdir()] == [full.name]
    assert len(_kept(full)) == 3
    remove_abandoned_spools(tmp_path / "nowhere", kept)


# What the disk refuses.


def test_no_folder(tmp_path: Path) -> None:
    """Where no folder can be made it is a trouble with the disk."""
    (tmp_path / "file").touch()

    with pytest.raises(DiskTrouble, match="pages already read are kept"):
        Spool(tmp_path / "file" / "spool", SOURCE).resume(NOW)


def test_folder_went(folder: Path) -> None:
    """Where a page can't be kept it is a trouble with the disk, and not counted."""
    spool = Spool(folder, SOURCE)
    spool.resume(NOW)
    spool.clear()

    with pytest.raises(DiskTrouble, match="No such file"):
        spool.store(PAGES[0], NOW)

    assert len(spool) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is full")
def test_full_disk(full: Path) -> None:
    """On a full disk what was read before stays, and the page is not counted."""
    (full / "partial").symlink_to("/dev/full")
    spool = Spool(full, SOURCE)
    spool.resume(NOW + 10)

    with pytest.raises(DiskTrouble, match="No space left"):
        spool.store(PAGES[0], NOW + 10)

    assert _kept(full) == PAGES
