"""How are names spelt?"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any


@cache
def pascal(name: str) -> str:
    """Spell document_date as DocumentDate."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


@cache
def camel(name: str) -> str:
    """Spell document_date as documentDate."""
    spelt = pascal(name)
    return spelt[:1].lower() + spelt[1:]


SPELLINGS: dict[str, Callable[[str], str]] = {"snake": str, "pascal": pascal, "camel": camel}


def key_of(record: Mapping[str, Any], name: str) -> str | None:
    """Give the key that is the name, however it is spelt; None when there is none."""
    return next((key for key in record if _plain(key) == _plain(name)), None)


def value_of(record: Mapping[str, Any], name: str) -> Any:
    """Give the value under a name, however it is spelt; None when there is none."""
    key = key_of(record, name)
    return None if key is None else record[key]


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
