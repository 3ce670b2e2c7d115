"""Causes of DuckDB's errors with a lake: a sentence that says which, and what to do."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from p4books.storage.lake_place import LakePlace
from p4books.storage.places import describe_failure
from p4books.storage.postgres import hide_secrets

# The rest of an error may have values of the user, so that its beginning counts
_QUERY = re.compile(r"The query failed(?: before its last row)?: ")
_BROKEN_FILE = r"Invalid Input Error: [^'\"]*[Ff]ile ['\"].+?\.parquet['\"]"
_OF_DATA = re.compile(rf"(?:IO|HTTP) Error: |{_BROKEN_FILE}")
_POSTGRES = re.compile(r'Unable to connect to Postgres at ".*": ')
_STATUS = re.compile(r"HTTP (?:code )?(?P<status>\d{3})\b")
_UNREACHABLE = re.compile(r"Error: (?P<why>[^:]+?)(?: error)? for HTTP \w+ to ")
_FILE = re.compile(r"['\"](?P<file>(?:\w+:/)?/[^'\"]+)['\"]")
_OF_FILE = re.compile(
    rf"{_BROKEN_FILE}|IO Error: .*(?:No such file|No files found)"
    r"|HTTP Error: .*\(HTTP (?:404|416)\b"
)
_NO_BUCKET = re.compile(r"NoSuchBucket|URL \S+: .*HTTP code 404")


@dataclass(frozen=True)
class Cause:
    """Why a lake cannot be used, and what to do; empty if nobody can tell."""

    why: str
    remedy: str = ""


def is_of_data(text: str) -> bool:
    """Return whether an error of a query is one of what it reads."""
    return _OF_DATA.match(_find_beginning(text)) is not None


def find_cause(place: LakePlace, text: str) -> Cause:
    """Find the cause of an error of DuckDB, without a password or a key."""
    for explain in _EXPLAINED:
        if cause := explain(place, text):
            return cause
    return Cause(_shorten(place, text))


def _explain_postgres(place: LakePlace, text: str) -> Cause | None:
    if not (found := _POSTGRES.search(text)):
        return None
    why = text[found.end() :].partition("LINE ")[0]
    return Cause(_shorten(place, why), "Check `catalog` and its server, and run it again.")


def _explain_bucket(place: LakePlace, text: str) -> Cause | None:
    if not _NO_BUCKET.search(text):
        return None
    return Cause(
        f"the storage has no bucket of {place.storage}",
        "Check `storage` and AWS_ENDPOINT_URL, and run it again.",
    )


def _explain_file(place: LakePlace, text: str) -> Cause | None:
    """Name a file that is missing or damaged; all are if the storage is not the right one."""
    if not _OF_FILE.match(_find_beginning(text)):
        return None
    found = _FILE.search(text)
    checked = "`storage`, and that it is mounted"
    if place.is_in_s3:
        checked = "`storage` and AWS_ENDPOINT_URL"
    return Cause(
        f"{found['file'] if found else 'a file'} is missing or damaged",
        f"Check {checked}, and run it again. If it is the right one and the file is lost, "
        "lake/README.md explains how to restore it.",
    )


def _explain_status(place: LakePlace, text: str) -> Cause | None:
    if not (found := _STATUS.search(text)):
        return None
    status = found["status"]
    if status in {"401", "403"}:
        return Cause(
            f"the storage refuses the login to {place.data} (HTTP {status})",
            "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or where else Amazon's programs "
            "look for a login, and what it may do there.",
        )
    if status in {"301", "400"}:
        return Cause(
            f"the storage of {place.data} rejects the request (HTTP {status})",
            "Check AWS_DEFAULT_REGION and AWS_ENDPOINT_URL, and run it again.",
        )
    return Cause(
        f"the storage of {place.data} has a fault (HTTP {status})", "Run it again in a while."
    )


def _explain_unreachable(place: LakePlace, text: str) -> Cause | None:
    if not (found := _UNREACHABLE.search(text)):
        return None
    is_of_tls = "SSL" in found["why"]
    checked = "AWS_CA_BUNDLE" if is_of_tls else "the network"
    return Cause(
        f"the storage of {place.data} cannot be reached ({found['why']})",
        f"Check {checked} and AWS_ENDPOINT_URL, and run it again.",
    )


def _find_beginning(text: str) -> str:
    """Return an error of DuckDB without the words in front of that of a query."""
    found = _QUERY.search(text)
    return text[found.end() :] if found else text


def _shorten(place: LakePlace, text: str) -> str:
    lines = [line.strip() for line in text.partition("Stack Trace:")[0].splitlines()]
    return describe_failure(
        ValueError(hide_secrets(" ".join(list(filter(None, lines))[:3]), place.catalog))
    )


_EXPLAINED: tuple[Callable[[LakePlace, str], Cause | None], ...] = (
    _explain_postgres,
    _explain_bucket,
    _explain_file,
    _explain_status,
    _explain_unreachable,
)
