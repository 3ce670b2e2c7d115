"""Which rows of a list does a request ask for?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4books_sandbox.responses import Asked, BadPage, asked, last_page, rows_of


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", Asked(1, None)),
        (b"page=3", Asked(3, None)),
        (b"page_size=20", Asked(1, 20)),
        (b"page=02&page_size=7&other=x", Asked(2, 7)),
        (b"page=" + b"9" * 900, Asked(int("9" * 900), None)),
    ],
)
def test_pages_that_are_some(query: bytes, expected: Asked) -> None:
    """Whole numbers from 1 are taken, and what is not known is let be."""
    assert asked(query) == expected


@pytest.mark.parametrize("word", ["0", "-1", "", "x", "1.0", "+1", "%31%20", "1_0", "%D9%A1"])
@pytest.mark.parametrize("name", ["page", "page_size"])
def test_pages_that_are_none(name: str, word: str) -> None:
    """All else is refused, with the name of what was wrong."""
    with pytest.raises(BadPage, match="must be a whole number from 1") as refusal:
        asked(f"{name}={word}".encode())

    assert refusal.value.name == name


@pytest.mark.parametrize("query", [b"page=1&page=2", b"page=" + b"9" * 1000])
def test_too_much_of_a_page(query: bytes) -> None:
    """Two pages at once, or one of a thousand figures, are refused as well."""
    with pytest.raises(BadPage):
        asked(query)


@given(rows=st.integers(0, 200), size=st.integers(1, 60))
def test_pages_cover_the_list_once(rows: int, size: int) -> None:
    """Page after page gives every row once, in order, then nothing."""
    everything = list(range(rows))
    pages = -(-rows // size)

    read = [everything[slice(*rows_of(page, size))] for page in range(1, pages + 2)]

    assert [row for page in read for row in page] == everything
    assert all(read[:-1])
    assert read[-1] == []


def test_other_names() -> None:
    """The two parameters may have other names."""
    assert asked(b"p=3&PageSize=7&page=x", "p", "PageSize") == Asked(3, 7)


def test_pages_from_0() -> None:
    """Pages may be counted from 0, sizes never are."""
    assert asked(b"page=0", first=0) == asked(b"", first=0) == Asked(0, None)
    with pytest.raises(BadPage, match="page_size must be a whole number from 1"):
        asked(b"page_size=0", first=0)


@pytest.mark.parametrize(("total", "page"), [(0, 1), (1, 1), (50, 1), (51, 2), (100, 2)])
def test_last_page(total: int, page: int) -> None:
    """The last page is the one with the last row; an empty list has one page."""
    assert last_page(total, 50) == page
