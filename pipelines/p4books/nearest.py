"""What was meant by an unknown word?"""

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """End a sentence about an unknown word: with the nearest known one, or with all of them.

    Where there are too many to list, `otherwise` ends it.
    """
    names = list(known)
    if close := difflib.get_close_matches(word, names, 1, 0.52):
        return f"; did you mean {close[0]}?"
    if otherwise:
        return f"; {otherwise}"
    return f"; known are {', '.join(names)}." if names else "; none is set."
