"""Setting `lake`: the catalog and the storage of the lake, and its validation.

The catalog is a Postgres, whose address may have a password: it is in no message, and in no
representation of the setting.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from p4books.errors import describe_unknown
from p4books.settings.duration import parse_duration
from p4books.settings.places import check_place

_KEYS = ("catalog", "storage", "keep")
_POSTGRES = "postgres:"
_URLS = ("postgresql://", "postgres://")
_EXAMPLE = "postgres:host=db.example.com dbname=lake user=p4books"

# libpq ends the password at the first @ or /, and names what follows in its errors as the host; and
# it takes a password for the port if there is no @.
_HOST = r"(?:\[[^]@/]*\]|[^]\[@/:,?]*)(?::\d{0,5})?"
_URL = re.compile(rf"postgres(?:ql)?://(?:[^@/]*@)?{_HOST}(?:,{_HOST})*(?:/[^@/?]*)?(?:\?[^@]*)?")


@dataclass(frozen=True)
class Lake:
    """Where the lake is, and how long its snapshots are kept.

    `catalog` is what libpq takes: `host=… dbname=…`, or a URL. `storage` is a folder or the URL of
    one, None if there is only a catalog.
    """

    catalog: SecretStr
    storage: str | None = None
    keep: timedelta = timedelta(days=90)


def parse_lake(value: object) -> Lake | None:
    """Parse the setting: a table; empty values count as not set, and without any there is no lake.

    Raises ValueError; the message has one line for each problem.
    """
    if value is None or isinstance(value, Lake):
        return value
    if not isinstance(value, Mapping):
        why = (
            f'it must be a table, such as {{catalog = "{_EXAMPLE}", storage = "s3://bucket/lake"}}'
        )
        raise ValueError(why)  # noqa: TRY004 - pydantic makes a sentence of a ValueError only
    values = {key: each for key, each in value.items() if each != ""}
    if not values:
        return None
    if problems := list(_find_problems(values)):
        raise ValueError("\n".join(problems))
    catalog = _strip_prefix(values["catalog"])
    storage = values.get("storage")
    keep = parse_duration(values["keep"]) if "keep" in values else Lake.keep
    return Lake(SecretStr(catalog), storage and check_place(storage.strip()), keep)


def _find_problems(values: Mapping[str, Any]) -> Iterator[str]:
    yield from (describe_unknown("key", str(key), _KEYS) for key in values if key not in _KEYS)
    texts = [key for key in _KEYS if isinstance(values.get(key), str)]
    yield from (f"{key} must be a text" for key in _KEYS if key in values and key not in texts)
    if "catalog" not in values:
        yield f"catalog is missing, such as {_EXAMPLE}"
    elif "catalog" in texts:
        yield from _find_catalog_problem(values["catalog"])
    for key, parse in (("storage", check_place), ("keep", parse_duration)):
        if key in texts:
            yield from (f"{key}: {why}" for why in _find_error(parse, values[key].strip()))


def _find_catalog_problem(value: str) -> Iterator[str]:
    """Find what is wrong with an address of a catalog, of which no part is shown."""
    if not value.lstrip().startswith((_POSTGRES, *_URLS)):
        yield f"catalog must begin with postgres: or postgresql://, such as {_EXAMPLE}"
        return
    catalog = _strip_prefix(value)
    if catalog.startswith(_URLS) and not _URL.fullmatch(catalog):
        yield (
            "catalog must be like postgresql://USER:PASSWORD@HOST:PORT/DATABASE; in a user or a "
            "password, write @ as %40, / as %2F and : as %3A"
        )


def _strip_prefix(value: str) -> str:
    """Return what libpq takes: a URL, or words without what marks them as an address."""
    catalog = value.strip()
    if catalog.startswith(_URLS):
        return catalog
    return catalog.removeprefix(_POSTGRES).lstrip()


def _find_error(parse: Any, text: str) -> Iterator[str]:
    try:
        parse(text)
    except ValueError as error:
        yield str(error)
