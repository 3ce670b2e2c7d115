"""Which rows of a list does a request ask for?"""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs


class BadPage(ValueError):
    """The page or its size is not a whole number from 1 (or from where pages begin)."""

    def __init__(self, name: str, value: str, least: int) -> None:
        """Take the parameter's name, what was given for it, and the least it can be."""
        super().__init__(f"{name} must be a whole number from {least}, not {value[:40]!r}.")
        self.name = name


@dataclass(frozen=True)
class Asked:
    """A page, counted as the server does, and its size in rows."""

    page: int
    page_size: int | None


@lru_cache(maxsize=4096)
def asked(
    query: bytes, page_name: str = "page", size_name: str = "page_size", first: int = 1
) -> Asked:
    """Read the page (default: the first) and its size (None: not given) from a query string.

    Raises BadPage.
    """
    words = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    page = _whole_number(words, page_name, first)
    return Asked(first if page is None else page, _whole_number(words, size_name, 1))


def rows_of(page: int, page_size: int) -> tuple[int, int]:
    """Give the positions of a page's first row and of the row after its last; pages from 1."""
    return (page - 1) * page_size, page * page_size


def last_page(total: int, page_size: int) -> int:
    """Give the last page of a list, counted from 1; an empty list has one page."""
    return max(1, -(-total // page_size))


def _whole_number(words: dict[str, list[str]], name: str, least: int) -> int | None:
    given = words.get(name)
    if given is None:
        return None
    text = given[0]
    plain = len(given) == 1 and text.isascii() and text.isdigit() and len(text) < 1000
    if not plain or int(text) < least:
        raise BadPage(name, ", ".join(given), least)
    return int(text)
