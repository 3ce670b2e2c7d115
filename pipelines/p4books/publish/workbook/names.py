"""Names of sheets, as Excel allows them."""

import re
from collections.abc import Iterable, Iterator
from itertools import count

MAX_NAME = 31  # characters

_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]+")
_LINKING = 3  # letters of a word with which no name ends, as "of" or "del"
_RESERVED_NAMES = {"history", "historial"}  # Excel itself uses them


def sheet_names(titles: Iterable[str]) -> list[str]:
    """Return a valid and unique sheet name for each title."""
    names: list[str] = []
    taken = set(_RESERVED_NAMES)
    for title in titles:
        names.append(next(name for name in _name_variants(title) if name.lower() not in taken))
        taken.add(names[-1].lower())
    return names


def link_to_sheet(name: str) -> str:
    """Return the link to the first cell of a sheet."""
    quoted = name.replace("'", "''")
    return f"internal:'{quoted}'!A1"


def _name_variants(title: str) -> Iterator[str]:
    clean = " ".join(_FORBIDDEN.sub(" ", title).split()).strip("' ") or "-"
    yield _shorten(clean, MAX_NAME)
    for number in count(2):
        suffix = f" {number}"
        yield _shorten(clean, MAX_NAME - len(suffix)) + suffix


def _shorten(name: str, length: int) -> str:
    """Cut a name at the end of a word that says something, if one ends in its second half."""
    if len(name) <= length:
        return name
    start, space, _ = name[: length + 1].rpartition(" ")
    if not space or len(start) <= length // 2:
        return name[:length].rstrip("' ")
    words = start.split()
    while len(words) > 1 and len(words[-1]) <= _LINKING:
        words.pop()
    return " ".join(words).rstrip("' ")
