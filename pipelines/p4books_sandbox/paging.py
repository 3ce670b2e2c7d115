"""Which rows of a list does a request ask for?"""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs


class BadPage(ValueError):
    """The page or its size is not a whole number from 1."""

    def __init__(self, name: str, value: str) -> None:
        """Take the parameter's name and what was given for it."""
        super().__init__(f"{name} must be a whole number from 1, not {value[:40]!r}.")
        self.name = name


@dataclass(frozen=True)
class Asked:
    """A page, counted from 1, and its size in rows."""

    page: int
    page_size: int | None


@lru_cache(maxsize=4096)
def asked(query: bytes, page_name: str = "page", size_name: str = "page_size") -> Asked:
    """Read the page (default 1) and its size (None: not given) from a query string.

    Raises BadPage.
    """
    words = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    page = _whole_number(words, page_name)
    return Asked(1 if page is None else page, _whole_number(words, size_name))


def rows_of(page: int, page_size: int) -> tuple[int, int]:
    """Give the positions of a page's first row and of the row after its last."""
    return (page - 1) * page_size, page * page_size


def last_page(total: int, page_size: int) -> int:
    """Give the last page of a list; an empty list has one page."""
    return max(1, -(-total // page_size))


def _whole_number(words: dict[str, list[str]], name: str) -> int | None:
    given = words.get(name)
    if given is None:
        return None
    text = given[0]
    plain = len(given) == 1 and text.isascii() and text.isdigit() and len(text) < 1000
    if not plain or int(text) < 1:
        raise BadPage(name, ", ".join(given))
    return int(text)
