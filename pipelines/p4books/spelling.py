"""Spellings of a name: which texts are the same tenant, code or reference.

People type names, programs copy them from web pages, files and spreadsheets, and servers pass them
through floats. Two texts are the same name if they differ only in case, in the Unicode form of a
letter, in characters that nobody sees, in white space around them or in how much of it is between
words, or as 1 and 1.0 do. Names are compared by `fold_name` wherever they are compared; `code_key`
in sql/macros.sql is the same rule in SQL, but cannot fold letters of compatibility, such as
full-width ones.
"""

import re
import unicodedata
from collections.abc import Iterable

# Control characters but white space, and what Unicode calls default ignorable: fillers, joiners,
# selectors, hyphens that show at line ends only, marks of writing direction.
_INVISIBLE = re.compile(
    "[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
_SPACE = re.compile(r"[^\S ]")  # all white space but the plain one: line ends, tabs, no-break
_UUID = re.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_WHOLE_NUMBER = re.compile(r"([+-]?[0-9]+)\.0+")


def clean_name(text: str) -> str:
    """Return a name as a person sees it: without invisible characters and space around it.

    Letters are in Unicode's composed form (NFC); every white space is a plain one.
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    visible = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return _SPACE.sub(" ", visible).strip()


def fold_name(text: str) -> str:
    """Return what all spellings of a name have in common; it is for comparing only."""
    name = clean_name(text)
    if not name.isascii():
        name = unicodedata.normalize("NFKC", name).casefold()  # which may take letters apart again
        name = unicodedata.normalize("NFC", name)
    return _drop_zero_decimals(" ".join(name.lower().split()))


def canonical_id(text: str) -> str:
    """Return the one text of an id, or of a reference to it, however it is written.

    1.0 is 1, and a UUID is in lower case (RFC 9562, section 4). The case of any other id is kept,
    since two records may differ in nothing else.
    """
    name = clean_name(text)
    return name.lower() if _UUID.fullmatch(name) else _drop_zero_decimals(name)


def is_same_name(one: str, other: str) -> bool:
    """Return whether two texts are spellings of one name."""
    return fold_name(one) == fold_name(other)


def find_spelling(name: str, known: Iterable[str]) -> str | None:
    """Return the known spelling of a name, the exact one first; None if it is not known."""
    listed, folded = list(known), fold_name(name)
    if name in listed:
        return name
    return min((each for each in listed if fold_name(each) == folded), default=None)


def _drop_zero_decimals(name: str) -> str:
    whole = _WHOLE_NUMBER.fullmatch(name)
    return whole.group(1) if whole else name


def split_class_name(name: str) -> str:
    """Turn the name of an error class into words: TooManyGone is `too many gone`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
