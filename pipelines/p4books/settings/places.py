"""Places that settings and options name: a folder, or the URL of one.

What begins like a URL is never taken for the name of a folder: `s3:/bucket`, which lacks a slash,
would otherwise be one in the current folder.
"""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*:(?P<slashes>//)?")
_SCHEMES = ("s3", "file")
_EXAMPLE = "it must be a folder, or a URL like s3://BUCKET/FOLDER"
_WHOLE_PATH = "give the path from / on if the name of a folder begins so"


def check_place(place: str) -> str:
    """Return a folder or URL without a slash at its end; of a file:// URL, its folder.

    Credentials belong to where the program of that storage looks for them, not into a URL, which
    is shown. Raises ValueError, whose message does not show the place.
    """
    if not (found := _SCHEME.match(place)):
        return place
    if not found["slashes"]:
        raise ValueError(f"{_EXAMPLE}, with two slashes after the colon; {_WHOLE_PATH}")
    parts = urlsplit(place)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(
            "the URL must not contain a user, a password, a query or a fragment; set the "
            "variables of the storage, such as AWS_ACCESS_KEY_ID"
        )
    is_folder = place.startswith("file://")
    if not place.startswith(tuple(f"{each}://" for each in _SCHEMES)):
        raise ValueError(f"{_EXAMPLE} of an S3-compatible storage")
    if is_folder and not (parts.path and parts.netloc in {"", "localhost"}):
        raise ValueError("the URL of a folder must be like file:///FOLDER")
    if not is_folder and not parts.netloc:
        raise ValueError("the URL must be like s3://BUCKET/FOLDER")
    return unquote(parts.path) if is_folder else place.rstrip("/")


def is_url(place: str) -> bool:
    """Return whether a place is a URL, not a folder, whose path may have `://` in it."""
    return bool((found := _SCHEME.match(place)) and found["slashes"])


def check_folder(folder: str | Path) -> None:
    """Raise ValueError if the path of a folder begins like a URL; it does not show the path."""
    if _SCHEME.match(str(folder)):
        raise ValueError(f"it must be a folder, not a URL; {_WHOLE_PATH}")
