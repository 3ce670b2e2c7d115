"""How is a record written in our spelling?"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from p4books.endpoint import Endpoint


def canonical(record: Mapping[str, Any], endpoint: Endpoint) -> Mapping[str, Any]:
    """Spell the names our way and leave nulls out: a null and a missing field say the same."""
    record = _respell(record, endpoint.known)
    if isinstance(given := record.get("id"), str) and given != given.strip():
        record = {**record, "id": given.strip()}
    respelled = {
        name: [_respell(item, frozenset(fields)) for item in record[name]]
        for name, fields in endpoint.inner.items()
        if _are_objects(record.get(name))
    }
    return {**record, **respelled} if respelled else record


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _respell(record: Mapping[str, Any], known: frozenset[str]) -> Mapping[str, Any]:
    if record.keys() <= known:
        if None not in record.values():
            return record
        return {name: value for name, value in record.items() if value is not None}
    respelled: dict[str, Any] = {}
    for name, value in sorted(record.items(), key=lambda item: (item[0] not in known, item[0])):
        if value is not None:
            ours = spelling(name, known)
            while ours in respelled:
                ours += "_too"
            respelled[ours] = value
    return respelled


@cache
def spelling(name: str, known: frozenset[str]) -> str:
    """Say DocumentDate, documentDate and DOCUMENT_DATE as document_date."""
    squashed = re.sub(r"[\W_]+", "", name).lower()
    for ours in known:
        if ours.replace("_", "") == squashed:
            return ours
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[\W_]+", "_", words).strip("_").lower() or "unnamed"
